//! The Flask application's two test resources: one open, one guarded.

use axum::Json;
use portcullis::Jwt;
use serde::Serialize;

/// `{"Hello": "…"}`.
#[derive(Serialize)]
pub(super) struct Hello {
    #[serde(rename = "Hello")]
    hello: &'static str,
}

/// `GET /tests/hello`
pub(super) async fn hello() -> Json<Hello> {
    Json(Hello { hello: "World!" })
}

/// `GET /tests/secret`
pub(super) async fn secret(_: Jwt) -> Json<Hello> {
    Json(Hello { hello: "Secret!" })
}
