//! The service in this process, as the benches measure it: all its layers and its store, and no client's socket.

use std::{
    ffi::OsString,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use http_body_util::BodyExt;
use portcullis::SystemClock;
use portcullis_server::{
    App, app,
    config::{self, Sources},
    state::AppState,
};
use serde_json::Value;
use tower::ServiceExt;

/// Opens a service on the data of an instance folder, with cheap hashes.
pub async fn open(instance: &Path, settings: &[(&str, &str)]) -> (AppState, App) {
    let ours = [
        ("JWT_SECRET_KEY", "a secret of the bench, 32 bytes or more"),
        ("PASSWORD_ARGON2_MEMORY_KIB", "8"),
        ("PASSWORD_ARGON2_PASSES", "1"),
        ("PASSWORD_QUEUE", "65536"),
    ];
    let environment = ours.iter().chain(settings);
    let sources = Sources {
        instance: instance.to_owned(),
        profile: Some("testing".to_owned()),
        environment: environment.map(|(name, value)| (OsString::from(name), OsString::from(value))).collect(),
        command_line: Vec::new(),
    };
    let (config, _) = config::load(&sources).unwrap();
    let state = AppState::open(&config, Arc::new(SystemClock)).await.unwrap();
    (state.clone(), app(&state))
}

/// Registers somebody or logs somebody in, by the path.
pub async fn log_in(service: &App, path: &str, name: &str) -> Value {
    let body = serde_json::json!({"username": name, "password": "password"});
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
    answer(service, request.header(header::HOST, "bench").body(Body::from(body.to_string())).unwrap()).await
}

/// A request with a token.
pub fn with_token(request: axum::http::request::Builder, token: &str) -> Request<Body> {
    let request = request.header(header::HOST, "bench");
    request.header(header::AUTHORIZATION, format!("Bearer {token}")).body(Body::empty()).unwrap()
}

/// The body of an answer, which has to be a success.
pub async fn answer(service: &App, request: Request<Body>) -> Value {
    let response = service.clone().oneshot(request).await.unwrap();
    assert!(matches!(response.status(), StatusCode::OK | StatusCode::CREATED), "{}", response.status());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

/// A text of an answer.
pub fn text(answer: &Value, member: &str) -> String {
    answer[member].as_str().unwrap().to_owned()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures by the machine's clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// How often something happens a second.
pub fn a_second(count: u64, took: Duration) -> f64 {
    let count = u32::try_from(count).unwrap();
    f64::from(count) / took.as_secs_f64()
}
