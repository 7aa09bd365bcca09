//! The Flask application's two test resources: one open, one guarded.

use axum::Json;
use portcullis::Jwt;
use serde::Serialize;

use super::rules::Public;

/// `{"Hello": "…"}`.
#[derive(Serialize)]
pub(super) struct Hello {
    #[serde(rename = "Hello")]
    hello: &'static str,
}

/// `GET /tests/hello`
pub(super) async fn hello(_: Public) -> Json<Hello> {
    Json(Hello { hello: "World!" })
}

/// `GET /tests/secret`
pub(super) async fn secret(_: Jwt) -> Json<Hello> {
    Json(Hello { hello: "Secret!" })
}
