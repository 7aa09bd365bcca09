//! `GET /tests/hello`

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::TestApp;

#[tokio::test]
async fn it_is_open_to_all() {
    let app = TestApp::new().await;
    let answer = app.get("/tests/hello").await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, json!({"Hello": "World!"})));
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let app = TestApp::new().await;
    let answer = app.method(Method::HEAD, "/tests/hello").await;
    assert_eq!((answer.status, answer.body), (StatusCode::OK, Value::Null));
}
