//! Pages of other origins: which may call the service, and what their browsers are told.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use serde_json::json;

use crate::support::{Answer, TestApp};

const APP: &str = "https://app.example";
const LOGIN: &str = "/users/login";

fn preflight(origin: &str) -> Request<Body> {
    Request::builder()
        .method(Method::OPTIONS)
        .uri(LOGIN)
        .header("origin", origin)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type")
        .body(Body::empty())
        .unwrap()
}

async fn from(app: &TestApp, origin: &str, path: &str) -> Answer {
    app.send(Request::get(path).header("origin", origin).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn without_a_list_no_page_is_told_anything() {
    // HTP-10
    let app = TestApp::new().await;
    let answer = app.send(preflight(APP)).await;
    assert_eq!(answer.status, 405);
    for answer in [answer, from(&app, APP, "/tests/hello").await] {
        assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control")));
    }
}

#[tokio::test]
async fn a_listed_origin_is_answered_by_its_name_and_no_other_is() {
    // HTP-10
    let app = TestApp::with(&[("CORS_ORIGINS", "https://app.example, http://localhost:3000")]).await;
    let answer = app.send(preflight(APP)).await;
    assert_eq!(answer.status, 200);
    for (name, value) in [
        ("access-control-allow-origin", APP),
        ("access-control-allow-methods", "GET,POST,PUT,PATCH,DELETE"),
        ("access-control-allow-headers", "authorization,content-type"),
        ("access-control-max-age", "600"),
        ("access-control-allow-credentials", ""),
        ("access-control-allow-private-network", ""),
        // As every answer.
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    for origin in [
        "null",
        "https://good.app.example",
        "https://app.example.evil.com",
        "https://evilapp.example",
        "http://app.example",
        "https://app.example:8443",
        "https://app.example/",
        "http://localhost:3001",
        "http://localhost",
    ] {
        for answer in [app.send(preflight(origin)).await, from(&app, origin, "/tests/hello").await] {
            assert_eq!(answer.header("access-control-allow-origin"), "", "{origin}");
            assert!(answer.header("vary").contains("origin"), "a cache must not mix them up: {origin}");
        }
    }
    let answer = from(&app, "http://localhost:3000", "/tests/hello").await;
    assert_eq!(answer.header("access-control-allow-origin"), "http://localhost:3000");
}

#[tokio::test]
async fn a_page_can_read_refusals_too() {
    let app = TestApp::with(&[("CORS_ORIGINS", APP)]).await;
    app.expect_errors();
    let mut answers = vec![from(&app, APP, "/tests/secret").await, from(&app, APP, "/nope").await];
    answers.push(from(&app, APP, LOGIN).await);
    app.state.store().close().await;
    let body = json!({"username": "alice", "password": "password"}).to_string();
    let login = Request::post(LOGIN).header("origin", APP).header("content-type", "application/json");
    answers.push(app.send(login.body(body.into()).unwrap()).await);
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, [401, 404, 405, 503]);
    for answer in answers {
        assert_eq!(answer.header("access-control-allow-origin"), APP, "{}", answer.status);
        assert_eq!(
            answer.header("access-control-expose-headers"),
            "retry-after,www-authenticate,refresh-repeat,x-request-id"
        );
    }
}

#[tokio::test]
async fn what_is_no_preflight_is_a_method_like_others() {
    let app = TestApp::with(&[("CORS_ORIGINS", APP)]).await;
    let options = |path: &str| Request::options(path).header("origin", APP).body(Body::empty()).unwrap();
    assert_eq!(app.send(options("/nothing")).await.status, StatusCode::NOT_FOUND);
    let answer = app.send(options("/users/login")).await;
    assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
}

#[tokio::test]
async fn cookies_are_let_through_where_tokens_are_in_them() {
    let settings = [("CORS_ORIGINS", APP), ("JWT_TOKEN_LOCATION", "cookies")];
    let app = TestApp::with(&settings).await;
    let answer = app.send(preflight(APP)).await;
    assert_eq!(answer.header("access-control-allow-credentials"), "true");
    assert!(answer.header("access-control-allow-headers").contains("x-csrf-token"));
}

#[tokio::test]
async fn a_service_of_https_alone_says_so_in_every_answer() {
    // HTP-09
    let app = TestApp::with(&[("HTTPS_ONLY", "true")]).await;
    for path in ["/tests/hello", "/nope", "/tests/secret"] {
        let said = app.get(path).await.header("strict-transport-security").to_owned();
        assert_eq!(said, "max-age=63072000; includeSubDomains", "{path}");
    }
}
