//! Commands beside a server that runs: it hears of what they do within a second, and goes on meanwhile.

use std::time::Duration;

use portcullis::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::{
    harness::pause,
    support::{PASSWORD, Run, Server},
};

/// How long a server may take to hear of something; much longer than it does.
const PATIENCE: Duration = Duration::from_secs(10);

fn login(server: &Server, name: &str, password: &str) -> (u16, Value) {
    server.post("/users/login", &json!({"username": name, "password": password}))
}

fn token(pair: &Value, kind: &str) -> String {
    pair[kind].as_str().unwrap().to_owned()
}

/// Waits until the server refuses an access token, as it must soon.
pub(crate) fn is_refused_soon(server: &Server, access: &str) {
    let begun = SystemClock.monotonic();
    while server.bearer("GET", "/tests/secret", access).0 != 401 {
        let waited = SystemClock.monotonic().duration_since(begun);
        assert!(waited < PATIENCE, "the token is still accepted");
        pause(Duration::from_millis(20));
    }
}

#[test]
fn the_first_administrator_logs_in_at_the_first_start() {
    let run = Run::testing();
    run.make("alice", "admin");
    let server = run.serve();
    let (status, pair) = login(&server, "alice", PASSWORD);
    assert_eq!(status, 200, "{pair}");
    let (status, me) = server.bearer("GET", "/users/me", &token(&pair, "access_token"));
    assert_eq!((status, &me["access"]), (200, &2.into()));
}

#[test]
fn who_is_disabled_or_deleted_is_out_within_seconds() {
    let run = Run::testing();
    run.make("root", "admin");
    let server = run.serve();
    // Beside the server, which holds the lock of the file.
    run.make("bob", "user");
    for (arguments, undo) in [
        (&["user", "disable", "bob"][..], &["user", "enable", "bob"][..]),
        (&["session", "end", "--user", "bob"], &[]),
        (&["user", "delete", "bob", "--yes"], &[]),
    ] {
        let (_, pair) = login(&server, "bob", PASSWORD);
        let access = token(&pair, "access_token");
        assert_eq!(server.bearer("GET", "/tests/secret", &access).0, 200);
        let said = run.run(arguments);
        assert_eq!(said.code, 0, "{}", said.err);
        is_refused_soon(&server, &access);
        let refresh = token(&pair, "refresh_token");
        assert_eq!(server.bearer("POST", "/users/refresh", &refresh).0, 401, "{arguments:?}");
        let may_log_in = arguments[0] == "session";
        assert_eq!(login(&server, "bob", PASSWORD).0 == 200, may_log_in, "{arguments:?}");
        if !undo.is_empty() {
            assert_eq!(run.run(undo).code, 0);
        }
    }
}

#[test]
fn another_level_holds_at_once_and_the_session_goes_on() {
    let run = Run::testing();
    run.make("root", "admin");
    run.make("bob", "user");
    let server = run.serve();
    let (_, pair) = login(&server, "bob", PASSWORD);
    assert_eq!(run.run(&["user", "access", "bob", "admin"]).code, 0);
    is_refused_soon(&server, &token(&pair, "access_token"));
    let (status, pair) = server.bearer("POST", "/users/refresh", &token(&pair, "refresh_token"));
    assert_eq!(status, 200, "{pair}");
    let (status, me) = server.bearer("GET", "/users/me", &token(&pair, "access_token"));
    assert_eq!((status, &me["access"]), (200, &2.into()));
}

#[test]
fn another_password_holds_at_once() {
    // PWD-07
    let run = Run::testing();
    run.make("bob", "user");
    let server = run.serve();
    let (_, pair) = login(&server, "bob", PASSWORD);
    let said = run.run_with(&["user", "password", "bob", "--password-stdin"], "battery staple\n");
    assert_eq!(said.code, 0, "{}", said.err);
    is_refused_soon(&server, &token(&pair, "access_token"));
    assert_eq!(login(&server, "bob", PASSWORD).0, 401);
    assert_eq!(login(&server, "bob", "battery staple").0, 200);
}

#[test]
fn one_session_is_seen_and_ended() {
    let run = Run::testing();
    run.make("bob", "user");
    let server = run.serve();
    let headers = [("Content-Type", "application/json"), ("User-Agent", "Phone of bob")];
    let body = json!({"username": "bob", "password": PASSWORD}).to_string();
    let (_, _, phone) = server.request("POST", "/users/login", &headers, &body);
    let (_, laptop) = login(&server, "bob", PASSWORD);
    let sessions = run.lines(&["session", "list", "bob"]);
    assert_eq!(sessions.len(), 2);
    let of_phone = sessions.iter().find(|session| !session["device"].is_null()).unwrap();
    let id = of_phone["id"].as_str().unwrap();
    assert!(of_phone["expires_at"].as_i64() > of_phone["opened_at"].as_i64());
    let table = run.run(&["session", "list", "bob"]).out;
    assert!(table.starts_with("OPENED ") && table.contains(&format!("{id}  Phone of bob\n")), "{table}");

    let said = run.run(&["session", "end", id]);
    assert_eq!((said.code, said.out), (0, format!("session {id} has ended\n")));
    is_refused_soon(&server, &token(&phone, "access_token"));
    assert_eq!(server.bearer("GET", "/tests/secret", &token(&laptop, "access_token")).0, 200);
    assert_eq!(run.lines(&["session", "list", "bob"]).len(), 1);
    assert_eq!(run.run(&["session", "end", id]).out, format!("session {id} was over already\n"));
    run.run(&["session", "end"]).failed(&["required arguments were not provided"]);
    run.run(&["session", "end", id, "--user", "bob"]).failed(&["cannot be used with"]);
}

#[test]
fn what_clients_did_is_among_the_events() {
    let run = Run::testing();
    let bob = run.make("bob", "user");
    let server = run.serve();
    assert_eq!(login(&server, "bob", "battery staple").0, 401);
    // What strangers do is written a moment after they were answered.
    let begun = SystemClock.monotonic();
    let failed = loop {
        let events = run.lines(&["audit", "list", "--event", "authn_login_fail", "--user", "bob"]);
        if let [event] = events.as_slice() {
            break event.clone();
        }
        assert!(SystemClock.monotonic().duration_since(begun) < PATIENCE);
        pause(Duration::from_millis(20));
    };
    assert_eq!(failed["subject"], bob.as_str());
    assert!(!failed.to_string().contains("battery"), "{failed}");
}
