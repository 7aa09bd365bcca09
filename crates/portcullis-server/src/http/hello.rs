//! The Flask application's two test resources: one open, one guarded.

use axum::{Json, http::StatusCode};
use portcullis::Jwt;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    openapi::{About, Group},
    rules::Public,
};

/// A greeting.
#[derive(Serialize, ToSchema)]
pub(super) struct Hello {
    /// Whom this greets.
    #[serde(rename = "Hello")]
    #[schema(examples("World!"))]
    hello: &'static str,
}

/// `GET /tests/hello`
pub(super) async fn hello(_: Public) -> Json<Hello> {
    Json(Hello { hello: "World!" })
}

pub(super) const HELLO: About = About {
    id: "hello",
    group: Group::Tests,
    does: "Say hello to anybody",
    more: |it| it.gives::<Hello>(StatusCode::OK, "`World!`"),
};

/// `GET /tests/secret`
pub(super) async fn secret(_: Jwt) -> Json<Hello> {
    Json(Hello { hello: "Secret!" })
}

pub(super) const SECRET: About = About {
    id: "secret",
    group: Group::Tests,
    does: "Say hello to whoever has an access token",
    more: |it| it.gives::<Hello>(StatusCode::OK, "`Secret!`"),
};
