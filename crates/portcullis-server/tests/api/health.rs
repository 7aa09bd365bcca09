//! `GET /healthz` and `GET /readyz`

use axum::http::StatusCode;
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn a_service_that_runs_says_so() {
    let app = TestApp::new().await;
    assert_eq!(app.get("/healthz").await.body, json!({"status": "ok"}));
    assert_eq!(app.get("/readyz").await.body, json!({"status": "ready"}));
}

#[tokio::test]
async fn without_its_store_it_is_ready_and_degraded() {
    // ADM-09
    let app = TestApp::new().await;
    app.state.store().close().await;
    let answer = app.get("/readyz").await;
    assert_eq!(
        (answer.status, answer.body),
        (StatusCode::OK, json!({"status": "ready", "degraded": "store"}))
    );
}

#[tokio::test]
async fn while_it_stops_it_lives_and_is_not_ready() {
    let app = TestApp::new().await;
    app.expect_errors();
    app.state.stop();
    assert_eq!(app.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.get("/healthz").await.status, StatusCode::OK);
}
