//! `GET /tests/secret`

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn an_access_token_opens_it() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    let answer = app.get_as("/tests/secret", &alice.access).await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, json!({"Hello": "Secret!"})));
}

#[tokio::test]
async fn the_scheme_is_written_in_any_case() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    for scheme in ["bearer", "BEARER"] {
        let request =
            Request::get("/tests/secret").header(header::AUTHORIZATION, format!("{scheme} {}", alice.access));
        assert_eq!(app.send(request.body(Body::empty()).unwrap()).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn nothing_else_does() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    app.get("/tests/secret").await.says(401, "Missing Authorization Header");
    app.get_as("/tests/secret", &alice.refresh).await.says(422, "Only access tokens are allowed");
    let longer = format!("{}extra-string", alice.access);
    app.get_as("/tests/secret", &longer).await.says(422, "Signature verification failed");
    app.get_as("/tests/secret", "this-is-not-json-web-token").await.says(422, "Not enough segments");
    app.get_as("/tests/secret", "a.b.c").await.says(422, "Invalid header padding");
}

#[tokio::test]
async fn it_closes_when_the_token_expires() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    app.wait(15 * 60 - 1);
    assert_eq!(app.get_as("/tests/secret", &alice.access).await.status, StatusCode::OK);
    app.wait(1);
    let answer = app.get_as("/tests/secret", &alice.access).await;
    answer.says(401, "Token has expired");
    assert!(answer.header("www-authenticate").starts_with("Bearer error=\"invalid_token\""));
}

#[tokio::test]
async fn a_token_of_another_secret_does_not_open_it() {
    let (app, other) = (
        TestApp::new().await,
        TestApp::with(&[("JWT_SECRET_KEY", "another secret of at least 32 bytes")]).await,
    );
    let alice = other.register("alice").await;
    app.get_as("/tests/secret", &alice.access).await.says(422, "Signature verification failed");
}

#[tokio::test]
async fn tokens_of_an_earlier_secret_go_on() {
    let before = TestApp::with(&[("JWT_SECRET_KEY", "short and weak")]).await;
    let alice = before.register("alice").await;
    let after = TestApp::with(&[("JWT_SECRET_KEYS_PREVIOUS", "['short and weak']")]).await;
    assert_eq!(after.get_as("/tests/secret", &alice.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn each_style_says_it_its_way() {
    let problem = TestApp::with(&[("ERROR_STYLE", "problem")]).await;
    let alice = problem.register("alice").await;
    let answer = problem.get_as("/tests/secret", &alice.refresh).await;
    assert_eq!(answer.header("content-type"), "application/problem+json");
    insta::assert_json_snapshot!(answer.body, @r#"
    {
      "detail": "An access token is required",
      "status": 401,
      "title": "Unauthorized",
      "type": "about:blank"
    }
    "#);
    let flask_4 = TestApp::with(&[("ERROR_STYLE", "flask-4")]).await;
    let alice = flask_4.register("alice").await;
    flask_4.get_as("/tests/secret", &alice.refresh).await.says(422, "Only non-refresh tokens are allowed");
}
