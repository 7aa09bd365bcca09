//! `POST /users/login`

use std::time::Duration;

use axum::http::StatusCode;
use portcullis_server::{
    accounts::{AccountsError, Client},
    model::{AuditEvent, EventKind, EventQuery, LoginName, Password},
    sessions::LockPolicy,
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::TestApp;

const PATH: &str = "/users/login";

#[tokio::test]
async fn a_user_gets_a_new_pair_each_time() {
    // CSR-08
    let app = TestApp::new().await;
    let first = app.register("alice").await;
    let second = app.login("alice").await;
    assert_ne!(first.access, second.access);
    assert_eq!(app.get_as("/tests/secret", &second.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_name_is_found_in_every_spelling_and_the_password_in_one() {
    let app = TestApp::new().await;
    app.register("Alice").await;
    app.login("ａＬＩＣＥ").await;
    for password in ["Password", "password ", " password", "passwor"] {
        let answer = app.post(PATH, &json!({"username": "alice", "password": password})).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{password:?}");
    }
}

#[tokio::test]
async fn unknown_name_and_wrong_password_are_answered_alike() {
    // LOG-01
    let app = TestApp::new().await;
    app.register("alice").await;
    let wrong = app.post(PATH, &json!({"username": "alice", "password": "wrong"})).await;
    wrong.says(401, "Wrong username or password");
    assert_eq!(wrong.header("www-authenticate"), "Bearer");
    for name in ["nobody", "two words", "x'; --", &"x".repeat(200)] {
        let unknown = app.post(PATH, &json!({"username": name, "password": "wrong"})).await;
        assert_eq!((unknown.status, &unknown.body), (wrong.status, &wrong.body), "{name}");
        let names = |answer: &crate::support::Answer| {
            answer
                .headers
                .iter()
                .filter(|(name, _)| *name != "x-request-id")
                .map(|(n, v)| (n.clone(), v.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&unknown), names(&wrong), "{name}");
    }
}

#[tokio::test]
async fn the_scheme_is_the_configured_one_everywhere() {
    let app = TestApp::with(&[("JWT_HEADER_TYPE", "JWT")]).await;
    let body = json!({"username": "alice", "password": "password"});
    let refused = app.post(PATH, &body).await;
    assert_eq!((refused.status, refused.header("www-authenticate")), (StatusCode::UNAUTHORIZED, "JWT"));
    assert_eq!(app.post("/users/registration", &body).await.body["token_type"], "JWT");
    assert_eq!(app.get("/tests/secret").await.header("www-authenticate"), "JWT");
}

#[tokio::test]
async fn what_cannot_be_a_login_is_told_by_field() {
    let app = TestApp::new().await;
    let answer = app.post(PATH, &json!({"username": {"$gt": ""}})).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.body["errors"], json!({"username": ["must be text"], "password": ["is required"]}));
}

#[tokio::test]
async fn a_storm_is_turned_away_at_once_and_honestly() {
    // PWD-12: as much as one worker a core and the queue can take is done, the rest hears 503 with Retry-After.
    let app = TestApp::with(&[
        ("PASSWORD_QUEUE", "1"),
        ("PASSWORD_ARGON2_MEMORY_KIB", "19456"),
        ("PASSWORD_ARGON2_PASSES", "2"),
    ])
    .await;
    app.expect_errors();
    let body = json!({"username": "alice", "password": "password"});
    let storm = futures(32, || app.post(PATH, &body)).await;
    let busy: Vec<_> =
        storm.iter().filter(|answer| answer.status == StatusCode::SERVICE_UNAVAILABLE).collect();
    assert!(!busy.is_empty());
    assert!(busy.iter().all(|answer| answer.header("retry-after") == "1"));
    let rest = storm.iter().filter(|answer| answer.status == StatusCode::UNAUTHORIZED).count();
    assert_eq!(rest + busy.len(), storm.len());
    assert!(rest >= 1);
}

/// Runs futures of one kind together.
async fn futures<F: Future>(count: usize, make: impl Fn() -> F) -> Vec<F::Output> {
    let mut running: Vec<_> = (0..count).map(|_| Some(Box::pin(make()))).collect();
    let mut outputs = Vec::new();
    std::future::poll_fn(|cx| {
        for slot in &mut running {
            if let Some(future) = slot
                && let std::task::Poll::Ready(output) = future.as_mut().poll(cx)
            {
                outputs.push(output);
                *slot = None;
            }
        }
        if outputs.len() == count { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    outputs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_password_that_a_lock_has_overtaken_is_noted_as_that() {
    // OBS-01. Dear enough that most of them are being checked when the account is locked.
    let app = TestApp::with(&[("PASSWORD_ARGON2_MEMORY_KIB", "65536")]).await;
    let alice = app.id_of(&app.register("alice").await);
    let mut logins = JoinSet::new();
    for _ in 0..4 {
        let (state, name) = (app.state.clone(), LoginName::parse("alice").unwrap());
        let password = Password::parse("password").unwrap();
        logins.spawn(async move { state.accounts().login(name, password, &Client::default()).await.err() });
    }
    // Those who asked before have their user by now.
    app.state.store().user_by_name(&LoginName::parse("alice").unwrap()).await.unwrap();
    let now = app.state.clock().now();
    let minute = Duration::from_mins(1);
    let policy = LockPolicy { free_failures: 0, first_delay: minute, max_delay: minute };
    let event = AuditEvent::new(EventKind::LoginFail, now).about(&alice);
    app.state.store().note_failed_login(Some(&alice), &event, Some(&policy), now).await.unwrap();
    for answer in logins.join_all().await {
        assert!(matches!(answer, Some(AccountsError::BadCredentials)), "{answer:?}");
    }
    let query = EventQuery { kind: Some(EventKind::LoginFailMax), limit: 9, ..EventQuery::default() };
    let events = app.state.accounts().events(&query).await.unwrap().events;
    let said: Vec<_> = events.iter().map(|stored| stored.event.detail.as_deref()).collect();
    assert_eq!(said, [Some("locked"); 4]);
}
