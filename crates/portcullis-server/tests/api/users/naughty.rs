//! Texts that break programs, as names, passwords and ids: taken and given back as they are, or refused; never an error
//! of ours.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp};

/// One JSON text a line.
const NAUGHTY: &str = include_str!("../../data/naughty_strings.txt");

/// The texts, as they stand in a body.
fn texts() -> Vec<String> {
    let lines = NAUGHTY.lines().filter(|line| line.starts_with('"')).map(str::to_owned);
    // Too long to be read in a file.
    let long = [64, 65, 1024, 1025, 16_000, 1_000_000].map(|length| format!("\"{}\"", "x".repeat(length)));
    let marks = format!("\"{}\"", "e\u{301}".repeat(300));
    let deep = format!("\"{}\"", "[".repeat(1000));
    let all: Vec<_> = lines.chain(long).chain([marks, deep]).collect();
    assert!(all.len() >= 100, "{} texts", all.len());
    all
}

/// A text as it is meant, and once more as a body may have it: without escapes. `None` for what JSON cannot mean.
fn meant(text: &str) -> Option<(String, String)> {
    let meant: String = serde_json::from_str(text).ok()?;
    let unescaped = serde_json::to_string(&meant).unwrap();
    Some((meant, unescaped))
}

/// Sends fields whose values are JSON texts already.
async fn post(app: &TestApp, path: &str, username: &str, password: &str) -> Answer {
    let body = format!("{{\"username\": {username}, \"password\": {password}}}");
    app.post_bytes(path, "application/json", body).await
}

const REGISTRATION: &str = "/users/registration";
const LOGIN: &str = "/users/login";

#[tokio::test]
async fn as_names_they_are_given_back_or_refused() {
    // PWD-22, PWD-14
    let app = TestApp::new().await;
    let (good, mut taken) = (json!("correct horse").to_string(), 0);
    for text in texts() {
        let nobody = post(&app, LOGIN, &text, "\"another horse\"").await;
        assert!([400, 401, 413, 422].contains(&nobody.status.as_u16()), "{text}: {}", nobody.status);
        let answer = post(&app, REGISTRATION, &text, &good).await;
        let Some((name, unescaped)) = meant(&text) else {
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{text}");
            continue;
        };
        let again = post(&app, REGISTRATION, &unescaped, &good).await;
        match answer.status.as_u16() {
            201 => {
                assert_eq!(again.status, StatusCode::CONFLICT, "{text}: one name in both forms");
                let tokens = post(&app, LOGIN, &unescaped, &good).await.tokens();
                assert_eq!(app.get_as("/users/me", &tokens.access).await.body["username"], name, "{text}");
                taken += 1;
            }
            409 | 413 | 422 => assert_eq!(again.status, answer.status, "{text}"),
            other => panic!("{text}: {other}"),
        }
    }
    assert!((20..100).contains(&taken), "{taken} names were taken");
}

#[tokio::test]
async fn as_passwords_they_hold_as_they_are_and_nothing_near_them_does() {
    // PWD-22, PWD-03, PWD-05
    let app = TestApp::new().await;
    for (number, text) in texts().into_iter().enumerate() {
        let name = json!(format!("user{number}")).to_string();
        let answer = post(&app, REGISTRATION, &name, &text).await;
        let Some((password, unescaped)) = meant(&text) else {
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{text}");
            continue;
        };
        let bounds = (4..).contains(&password.chars().count()) && password.len() <= 1024;
        if text.len() > 16_384 {
            assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
            continue;
        }
        let expected = if bounds { StatusCode::CREATED } else { StatusCode::UNPROCESSABLE_ENTITY };
        assert_eq!(answer.status, expected, "{text}");
        if bounds {
            holds_as_it_is(&app, &name, &password, &unescaped).await;
        }
    }
}

async fn holds_as_it_is(app: &TestApp, name: &str, password: &str, unescaped: &str) {
    let tokens = post(app, LOGIN, name, unescaped).await.tokens();
    let fresh = json!({"password": password});
    let request = Request::post("/users/me/fresh").header(header::CONTENT_TYPE, "application/json");
    let request = request.header(header::AUTHORIZATION, format!("Bearer {}", tokens.access));
    let answer = app.send(request.body(Body::from(fresh.to_string())).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK, "{password:?}");
    let before_nul = password.split('\0').next().unwrap();
    let cut: String = password.chars().take(password.chars().count() - 1).collect();
    for near in [password.trim(), before_nul, &cut, &format!("{password}\0"), &password.replace('\0', "")] {
        if near == password || near.is_empty() || near.len() > 1024 {
            continue;
        }
        let answer = post(app, LOGIN, name, &json!(near).to_string()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{near:?} for {password:?}");
    }
}

#[tokio::test]
async fn as_new_passwords_and_as_ids_they_are_no_error_of_ours() {
    // PWD-22
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    for text in texts() {
        let Some((meant, _)) = meant(&text) else { continue };
        let path: Vec<_> = meant.bytes().take(4000).map(|byte| format!("%{byte:02x}")).collect();
        let request = Request::delete(format!("/users/me/sessions/{}", path.concat()));
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", alice.access));
        let answer = app.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{text}");

        let body = format!("{{\"password\": {text}, \"new_password\": {text}}}");
        let request = Request::put("/users/me/password").header(header::CONTENT_TYPE, "application/json");
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", alice.access));
        let answer = app.send(request.body(Body::from(body)).unwrap()).await;
        assert!([401, 413, 422].contains(&answer.status.as_u16()), "{text}: {}", answer.status);
        assert_ne!(answer.body["msg"], Value::Null, "{text}");
    }
    assert_eq!(app.get_as("/users/me", &alice.access).await.body["username"], "alice");
}
