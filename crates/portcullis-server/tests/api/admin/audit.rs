//! `GET /admin/audit`, and what every act leaves there: who, what, whom, when, from where.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use axum::http::{Method, StatusCode};
use portcullis_server::{
    accounts::By,
    audit::Audit,
    model::{Access, AuditEvent, EventKind, EventQuery, Password, StoredEvent, UserId},
    request::serve,
};
use serde_json::{Value, json};

use super::{Console, at, events};
use crate::support::{Answer, Fault, Peer, TestApp, Tokens, bearing};

/// From where everything comes here.
const PEER: &str = "192.0.2.7";

/// A request over a connection.
async fn from_peer(
    app: &TestApp,
    method: Method,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Answer {
    let mut request = bearing(method, path, token, body);
    request.extensions_mut().insert(Peer(PEER.parse().unwrap()));
    app.send(request).await
}

/// An event as a line: kind, who, whom, from where, what else.
fn line(app: &TestApp, names: &[(&Tokens, &str)], stored: &StoredEvent) -> String {
    let event = &stored.event;
    let name = |id: &Option<UserId>| {
        let Some(id) = id else { return "-".to_owned() };
        let known = names.iter().find(|(tokens, _)| app.id_of(tokens) == *id);
        known.map_or("?", |(_, name)| name).to_owned()
    };
    let address = event.address.map_or("-".to_owned(), |address| address.to_string());
    let session = if event.session.is_some() { "session" } else { "-" };
    let detail = event.detail.as_deref().unwrap_or("-");
    format!(
        "{} {} {} {session} {address} {detail}",
        event.kind.name(),
        name(&event.actor),
        name(&event.subject)
    )
}

/// The lines of what came after so many.
async fn since(app: &TestApp, names: &[(&Tokens, &str)], before: usize) -> Vec<String> {
    events(app).await.iter().skip(before).map(|event| line(app, names, event)).collect()
}

#[tokio::test]
async fn every_act_of_an_administrator_leaves_who_what_whom_and_from_where() {
    // ADM-10
    let app = TestApp::new().await;
    let (root, bob) = (app.admin("root").await, app.register("bob").await);
    let names = [(&root, "root"), (&bob, "bob")];
    let path = at(&app, &bob);
    let session = format!("{path}/sessions/{}", app.session_of(&bob).as_str());
    let sessions = format!("{path}/sessions");
    let new = json!({"username": "carol", "password": "a canary password"});
    let acts = [
        (Method::POST, "/admin/users", Some(new), "user_created root ? - 192.0.2.7 access user"),
        (
            Method::PATCH,
            &path,
            Some(json!({"access": 2})),
            "privilege_permissions_changed root bob - 192.0.2.7 access admin",
        ),
        (Method::PATCH, &path, Some(json!({"disabled": true})), "user_disabled root bob - 192.0.2.7 -"),
        (Method::PATCH, &path, Some(json!({"disabled": false})), "user_enabled root bob - 192.0.2.7 -"),
        (Method::PATCH, &path, Some(json!({"locked": false})), "user_updated root bob - 192.0.2.7 unlocked"),
        (Method::DELETE, &session, None, "session_ended root bob session 192.0.2.7 -"),
        (Method::DELETE, &sessions, None, "session_ended root bob - 192.0.2.7 all sessions"),
        (Method::DELETE, &path, None, "user_deleted root bob - 192.0.2.7 -"),
    ];
    for (method, path, body, expected) in acts {
        app.wait(1);
        let before = events(&app).await.len();
        let answer = from_peer(&app, method, path, Some(&root.access), body.as_ref()).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.body);
        assert_eq!(since(&app, &names, before).await, [expected]);
    }
    // One that was refused has happened to nobody, and is told all the same.
    let before = events(&app).await.len();
    from_peer(&app, Method::DELETE, &at(&app, &root), Some(&root.access), None).await;
    let refused = "authz_fail root root - 192.0.2.7 user_deleted: refused, the last administrator";
    assert_eq!(since(&app, &names, before).await, [refused]);
}

#[tokio::test]
async fn an_operator_at_a_terminal_leaves_as_much() {
    // ADM-05
    let app = TestApp::new().await;
    let bob = app.register("bob").await;
    let names = [(&bob, "bob")];
    let (accounts, id) = (app.state.accounts(), app.id_of(&bob));
    let before = events(&app).await.len();
    let by = By::operator(Some("ops"));
    accounts.set_access(&by, &id, Access::Guest).await.unwrap();
    accounts.set_password(&by, &id, Password::parse("another password").unwrap()).await.unwrap();
    accounts.unlock(&By::operator(None), &id).await.unwrap();
    assert_eq!(
        since(&app, &names, before).await,
        [
            "privilege_permissions_changed - bob - - access guest; at a terminal, as ops",
            "authn_password_change - bob - - at a terminal, as ops",
            "user_updated - bob - - unlocked; at a terminal",
        ]
    );
    app.post_as("/users/refresh", &bob.refresh).await.says(401, "Token has been revoked");
    let login = json!({"username": "bob", "password": "another password"});
    assert_eq!(app.post("/users/login", &login).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_people_do_with_their_accounts_is_kept() {
    // OBS-01
    let app = TestApp::new().await;
    let typed = |name: &str, password: &str| json!({"username": name, "password": password});
    let post = |path: &'static str, body: Value| {
        let app = &app;
        async move { from_peer(app, Method::POST, path, None, Some(&body)).await }
    };
    let bob = post("/users/registration", typed("bob", "password")).await.tokens();
    let names = [(&bob, "bob")];
    let mut seen = 0;
    let mut next = async |expected: &[&str]| {
        let lines = since(&app, &names, seen).await;
        assert_eq!(lines, expected);
        seen += lines.len();
    };
    next(&["user_created bob bob - 192.0.2.7 -", "session_created bob bob session 192.0.2.7 -"]).await;

    post("/users/login", typed("bob", "password")).await;
    next(&["authn_login_success bob bob session 192.0.2.7 -"]).await;

    post("/users/login", typed("nobody", "password")).await;
    next(&["authn_login_fail - - - 192.0.2.7 unknown name"]).await;

    for _ in 0..5 {
        post("/users/login", typed("bob", "wrong")).await;
        next(&["authn_login_fail - bob - 192.0.2.7 wrong password"]).await;
    }
    post("/users/login", typed("bob", "wrong")).await;
    next(&[
        "authn_login_fail - bob - 192.0.2.7 wrong password",
        "authn_login_lock - bob - 192.0.2.7 6 failed in a row",
    ])
    .await;
    for password in ["wrong", "password"] {
        post("/users/login", typed("bob", password)).await;
        next(&["authn_login_fail_max - bob - 192.0.2.7 locked"]).await;
    }
    app.wait(1);
    let bob = post("/users/login", typed("bob", "password")).await.tokens();
    next(&["authn_login_successafterfail bob bob session 192.0.2.7 -"]).await;

    let own = |path: &'static str, method: Method, body: Option<Value>| {
        let (app, token) = (&app, bob.access.clone());
        async move { from_peer(app, method, path, Some(&token), body.as_ref()).await }
    };
    own("/users/me/fresh", Method::POST, Some(json!({"password": "wrong"}))).await;
    next(&["authn_login_fail - bob - 192.0.2.7 wrong password"]).await;
    own("/users/me/fresh", Method::POST, Some(json!({"password": "password"}))).await;
    next(&["authn_token_created bob bob session 192.0.2.7 a fresh access token"]).await;
    let change = |present: &str| Some(json!({"password": present, "new_password": "another password"}));
    own("/users/me/password", Method::PUT, change("wrong")).await;
    // Both passwords were looked at.
    next(&["authn_password_change_fail - bob - 192.0.2.7 wrong password"; 2]).await;
    own("/users/me/password", Method::PUT, change("password")).await;
    next(&["authn_password_change bob bob session 192.0.2.7 2 sessions ended"]).await;
    own("/users/logout?scope=others", Method::POST, None).await;
    next(&["session_ended bob bob session 192.0.2.7 all others: 0 sessions ended"]).await;
    own("/users/logout", Method::POST, None).await;
    next(&["authn_token_revoked bob bob session 192.0.2.7 the session ended by a logout"]).await;
    own("/users/logout", Method::POST, None).await;
    next(&[]).await;
}

#[tokio::test]
async fn a_copy_of_a_refresh_token_and_one_that_is_ahead_are_kept() {
    // OBS-01: reuse
    let app = TestApp::new().await;
    let bob = app.register("bob").await;
    let names = [(&bob, "bob")];
    app.wait(60);
    let second = app.post_as("/users/refresh", &bob.refresh).await.tokens();
    app.wait(60);
    let before = events(&app).await.len();
    // Ahead of the store: another generation of the same session.
    let (id, session) = (app.id_of(&bob), app.session_of(&bob));
    let ahead = app.state.jwt().refresh(id.as_str()).session(session.as_str(), 9).sign().unwrap();
    for _ in 0..3 {
        app.post_as("/users/refresh", ahead.as_str()).await.says(401, "Token has been revoked");
    }
    app.post_as("/users/refresh", &second.refresh).await.tokens();
    for _ in 0..3 {
        app.post_as("/users/refresh", &bob.refresh).await.says(401, "Token has been revoked");
    }
    assert_eq!(
        since(&app, &names, before).await,
        [
            "session_ahead_of_store - bob session - was the store set back?",
            "authn_token_reuse - bob session - the session ended: somebody has a copy of a refresh token",
        ]
    );
}

#[tokio::test]
async fn a_hash_that_cannot_be_verified_leaves_an_event() {
    // PWD-11
    let app = TestApp::new().await;
    let bob = app.register("bob").await;
    let shell = rusqlite::Connection::open(app.database()).unwrap();
    shell.execute("UPDATE users SET password = 'a canary hash' WHERE username = 'bob'", []).unwrap();
    let before = events(&app).await.len();
    let login = json!({"username": "bob", "password": "password"});
    app.post("/users/login", &login).await.says(401, "Wrong username or password");
    let lines = since(&app, &[(&bob, "bob")], before).await;
    let unusable = lines.iter().find(|line| line.starts_with("password_hash_unusable - bob")).unwrap();
    assert!(!unusable.contains("canary"), "{unusable}");
    assert!(lines.contains(&"authn_login_fail - bob - - wrong password".to_owned()), "{lines:?}");
}

#[tokio::test]
async fn events_are_listed_the_newest_first_in_pages_and_by_what_is_asked_for() {
    let app = TestApp::new().await;
    let root = Console::of(&app).await;
    let bob = app.register("bob").await;
    for _ in 0..7 {
        app.wait(1);
        app.login("bob").await;
    }
    let list = async |query: &str| {
        let answer = root.get(&format!("/admin/audit?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.body);
        answer.body
    };
    let logins = list("event=authn_login_success&limit=200").await;
    let at: Vec<_> =
        logins["events"].as_array().unwrap().iter().map(|it| it["at"].as_f64().unwrap()).collect();
    let sorted = |at: &[f64]| at.is_sorted_by(|a, b| a >= b);
    assert!(sorted(&at) && at.len() == 8 && logins["next"].is_null(), "{at:?}");

    let (mut walked, mut next) = (Vec::new(), String::new());
    loop {
        let page = list(&format!("limit=3{next}")).await;
        walked.extend(page["events"].as_array().unwrap().iter().map(|it| it["id"].clone()));
        let Some(after) = page["next"].as_str() else { break };
        next = format!("&after={after}");
        // What comes meanwhile is newer than all that is still to come.
        app.login("bob").await;
    }
    let all: Vec<_> =
        list("limit=200").await["events"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
    assert!(all.ends_with(&walked), "{walked:?} {all:?}");

    let of_bob = list(&format!("user={}&limit=200", app.id_of(&bob).as_str())).await;
    let events = of_bob["events"].as_array().unwrap();
    assert!(!events.is_empty() && events.iter().all(|it| it["subject"] == app.id_of(&bob).as_str()));
    let window = list("from=1900000003&until=1900000005&event=authn_login_success").await;
    assert_eq!(window["events"].as_array().unwrap().len(), 2, "its end is outside of it");
    assert_eq!(list("user=nobody").await, json!({"events": [], "next": null}));
    let one = &list("limit=1&event=authn_login_success&until=1900000001.5").await["events"][0];
    assert_eq!((&one["at"], &one["address"]), (&json!(1_900_000_001.0), &json!(null)));
}

#[tokio::test]
async fn a_query_of_events_that_is_not_understood_is_refused() {
    // ADM-07
    let app = TestApp::new().await;
    let root = Console::of(&app).await;
    for (query, name) in [
        ("event=authn_login", "event"),
        ("event=%24ne", "event"),
        ("from=yesterday", "from"),
        ("until=2030-01-01", "until"),
        ("limit=0", "limit"),
        ("after=i.YQ", "after"),
        ("after=e.YQ", "after"),
        ("kind=authn_login_fail", "kind"),
    ] {
        let answer = root.get(&format!("/admin/audit?{query}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        let errors = answer.body["errors"].as_object().unwrap();
        assert_eq!(errors.keys().collect::<Vec<_>>(), [name], "{query}");
    }
}

#[tokio::test]
async fn no_event_holds_a_secret_or_what_was_typed() {
    // OBS-02
    let app = TestApp::new().await;
    let root = Console::of(&app).await;
    let canary = "canary in the wrong field";
    for body in
        [json!({"username": canary, "password": canary}), json!({"username": "root", "password": canary})]
    {
        app.post("/users/login", &body).await;
    }
    let bob = root.post("/admin/users", &json!({"username": "bob", "password": canary})).await;
    assert_eq!(bob.status, StatusCode::CREATED);
    let bob = app.post("/users/login", &json!({"username": "bob", "password": canary})).await.tokens();
    app.post_as("/users/refresh", &bob.refresh).await;
    app.post_as("/users/logout", &bob.access).await;
    let kept = format!("{:?}", events(&app).await);
    assert!(kept.contains("UserCreated") && kept.contains("LoginFail") && kept.contains("TokenRevoked"));
    for secret in [canary, "argon2", "eyJ", &bob.access, &bob.refresh] {
        assert!(!kept.contains(secret), "{secret}");
    }
}

/// An event that can be told from others.
fn numbered(number: usize) -> AuditEvent {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
    AuditEvent::new(EventKind::LoginFail, at).detail(&number.to_string())
}

/// The numbers that the store has, in their order, each once.
async fn numbers(app: &TestApp) -> BTreeSet<usize> {
    let (mut numbers, mut after) = (BTreeSet::new(), None);
    loop {
        let query = EventQuery { limit: 1000, after, ..EventQuery::default() };
        let page = app.state.store().events(&query).await.unwrap();
        numbers
            .extend(page.events.iter().map(|it| it.event.detail.as_ref().unwrap().parse::<usize>().unwrap()));
        after = page.next;
        if after.is_none() {
            return numbers;
        }
    }
}

#[tokio::test]
async fn what_is_noted_waits_for_a_store_that_fails_and_is_written_when_it_does_not() {
    for fault in [Fault::Before, Fault::After, Fault::Late] {
        let (app, faulty) = TestApp::with_faults().await;
        let audit = Audit::new(faulty.clone());
        for number in 0..1200 {
            audit.note(numbered(number));
        }
        faulty.fail(2, fault);
        assert!(serve(None, audit.write()).await.is_err(), "{fault:?}");
        assert!(faulty.settle().await);
        audit.note(numbered(1200));
        audit.write().await.unwrap();
        assert_eq!(numbers(&app).await, (0..=1200).collect(), "{fault:?}");
        assert_eq!(audit.write().await.unwrap(), 0);
        // What is recorded and fails waits too.
        faulty.fail(1, fault);
        assert!(serve(None, audit.record(numbered(1201))).await.is_err());
        assert!(faulty.settle().await);
        audit.write().await.unwrap();
        assert!(numbers(&app).await.contains(&1201), "{fault:?}");
    }
}

#[tokio::test]
async fn so_many_events_wait_and_no_more() {
    let (app, faulty) = TestApp::with_faults().await;
    let audit = Audit::new(faulty);
    for number in 0..Audit::MOST_WAITING + 100 {
        audit.note(numbered(number));
    }
    assert_eq!(audit.write().await.unwrap(), Audit::MOST_WAITING);
    assert_eq!(numbers(&app).await, (0..Audit::MOST_WAITING).collect());
    // There is room again.
    audit.note(numbered(99_999));
    assert_eq!(audit.write().await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_noted_is_written_soon_and_at_the_end_at_once() {
    let app = TestApp::new().await;
    let kept = async |app: &TestApp, kind| {
        let query = EventQuery { kind: Some(kind), limit: 9, ..EventQuery::default() };
        app.state.store().events(&query).await.unwrap().events.len()
    };
    app.register("bob").await;
    let written = async {
        let mut rhythm = tokio::time::interval(Duration::from_millis(5));
        while kept(&app, EventKind::UserCreated).await == 0 {
            rhythm.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), written).await.expect("nobody has to ask for it");
    app.login("bob").await;
    let app = app.restarted().await;
    assert_eq!(kept(&app, EventKind::LoginSuccess).await, 1);
}
