//! `portcullis token`: what a token says, and whether this instance accepts it.

use std::sync::Arc;

use portcullis::{Clock, JwtManager, Key, ManualClock, NumericDate, SystemClock};
use serde_json::{Value, json};

use crate::support::{PASSWORD, Run, Said, Server};

/// The secret of the instances here.
const SECRET: &str = "a secret of thirty-two bytes, or more";

fn run() -> Run {
    Run::testing().variable("JWT_SECRET_KEY", SECRET)
}

/// What signs with a secret, by a clock that is so many seconds off.
fn manager(secret: &str, off: i64) -> JwtManager {
    let now = NumericDate::from(SystemClock.now()).seconds();
    let clock = ManualClock::at(NumericDate::from_seconds(now + off));
    JwtManager::builder(Key::hs256(secret.as_bytes()).unwrap()).clock(Arc::new(clock)).build().unwrap()
}

fn access_token() -> String {
    let token = manager(SECRET, 0).access("somebody").claim("role", "x").sign().unwrap();
    token.as_str().to_owned()
}

#[test]
fn a_token_is_shown_and_said_to_be_not_verified() {
    // JWT-33
    let (run, token) = (Run::new(), access_token());
    let bearer = format!(" Bearer {token}\n");
    for (arguments, input) in [
        (&["token", "inspect"][..], token.as_str()),
        (&["token", "inspect", "-"], &bearer),
        (&["token", "inspect", &token], ""),
    ] {
        let said = run.run_with(arguments, input);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{arguments:?}");
        let lines: Vec<_> = said.out.lines().collect();
        assert!(lines[0].starts_with("NOT VERIFIED"), "{}", said.out);
        assert!(
            said.out.contains("\"alg\": \"HS256\"") && said.out.contains("\"role\": \"x\""),
            "{}",
            said.out
        );
        let expiry = lines.iter().find(|line| line.starts_with("  exp ")).unwrap();
        assert!(expiry.contains("Z, in 14 minutes") || expiry.contains("Z, in 15 minutes"), "{expiry}");
        let signature = token.rsplit('.').next().unwrap();
        assert!(!said.out.contains(signature) && said.out.contains("32 bytes, not shown"), "{}", said.out);
    }
    let json = run.run_with(&["token", "inspect", "--json"], &token).json_lines().remove(0);
    assert_eq!((&json["verified"], &json["claims"]["sub"]), (&Value::Bool(false), &"somebody".into()));
    assert!(json["notice"].as_str().unwrap().contains("NOT VERIFIED"));
    assert!(json["times"]["iat"].as_str().unwrap().ends_with('Z'));
    assert!(!run.path("instance").exists(), "no instance is needed");
}

#[test]
fn what_is_no_token_is_told() {
    let run = run();
    run.make("bob", "user");
    for command in ["inspect", "check"] {
        run.run_with(&["token", command], " \n").failed(&["there is no token in standard input"]);
    }
    run.run_with(&["token", "inspect"], "what").failed(&["a compact JWS has three segments"]);
    let said = run.run_with(&["token", "check"], "what");
    assert_eq!((said.code, said.out.as_str()), (1, "refused: the token is malformed\n"));
}

fn check(run: &Run, token: &str) -> Said {
    run.run_with(&["token", "check"], token)
}

fn login(server: &Server) -> [String; 2] {
    let (_, pair) = server.post("/users/login", &json!({"username": "bob", "password": PASSWORD}));
    ["access_token", "refresh_token"].map(|kind| pair[kind].as_str().unwrap().to_owned())
}

fn refused(run: &Run, token: &str, reason: &str) {
    let said = check(run, token);
    assert_eq!((said.code, said.out.as_str()), (1, format!("refused: {reason}\n").as_str()), "{}", said.err);
    let json = run.run_with(&["token", "check", "--json"], token);
    assert_eq!(json.code, 1);
    let json = json.json_lines().remove(0);
    assert_eq!((&json["accepted"], &json["reason"]), (&Value::Bool(false), &reason.into()));
}

#[test]
fn a_token_is_checked_by_configuration_and_store() {
    let run = run();
    let bob = run.make("bob", "user");
    let server = run.serve();
    let [access, refresh] = login(&server);
    let said = check(&run, &access);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.out.starts_with(&format!("accepted: an access token of bob (identity {bob})\nsession ")),
        "{}",
        said.out
    );
    let json = run.run_with(&["token", "check", "--json"], &refresh).json_lines().remove(0);
    assert_eq!((&json["accepted"], &json["kind"]), (&Value::Bool(true), &"refresh".into()));
    assert_eq!((&json["identity"], &json["username"]), (&bob.as_str().into(), &"bob".into()));

    // Of a session that goes on: only the access tokens of before are void.
    assert_eq!(run.run(&["user", "access", "bob", "guest"]).code, 0);
    refused(&run, &access, "the token has been revoked");
    assert_eq!(check(&run, &refresh).code, 0);
    // The session ends.
    let session = json["session"].as_str().unwrap();
    assert_eq!(run.run(&["session", "end", session]).code, 0);
    refused(&run, &access, "the token has been revoked");
    refused(&run, &refresh, "the token has been revoked");
    // Of nothing that the store has ended: by itself.
    let [access, refresh] = login(&server);
    let (status, _) = server.bearer("POST", "/users/logout", &access);
    assert_eq!(status, 204);
    refused(&run, &refresh, "the token has been revoked");
}

#[test]
fn a_token_of_no_session_ends_with_all_of_its_user() {
    let run = run();
    let bob = run.make("bob", "user");
    let signed = |identity: &str| {
        let token = manager(SECRET, -120).access(identity).sign().unwrap();
        token.as_str().to_owned()
    };
    let (access, others) = (signed(&bob), signed("somebody"));
    let said = check(&run, &access);
    assert!(
        said.code == 0 && said.out.contains("of bob") && said.out.contains("\nno session\n"),
        "{}",
        said.out
    );
    assert_eq!(run.run(&["session", "end", "--user", "bob"]).code, 0);
    refused(&run, &access, "the token has been revoked");
    assert_eq!(check(&run, &others).code, 0, "it is of somebody else");
}

#[test]
fn what_the_configuration_refuses_needs_no_store_to_say_so() {
    let run = run();
    run.make("bob", "user");
    let old = manager(SECRET, -3600).access("somebody").sign().unwrap();
    refused(&run, old.as_str(), "the token has expired");
    let forged = manager("another secret of thirty-two bytes", 0).access("somebody").sign().unwrap();
    refused(&run, forged.as_str(), "the signature of the token is invalid");
    let said = check(&run, &access_token());
    assert!(said.code == 0 && said.out.contains("somebody, who is nobody here"), "{}", said.out);
    let refresh = manager(SECRET, 0).refresh("somebody").sign().unwrap();
    refused(&run, refresh.as_str(), "its user is gone or disabled");
}

#[test]
fn without_a_database_nothing_is_checked() {
    let run = run();
    let said = run.run_with(&["token", "check"], access_token());
    said.failed(&["there is no database"]);
    assert!(!run.path("instance").exists());
}
