//! Refusals in an application's own words.

use axum::{
    Json, Router,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::get,
};
use portcullis::{AuthError, ErrorClass, Jwt, JwtManager, Key, Refused};
use serde_json::json;

/// `None` leaves a refusal to the error style.
fn render(refused: &Refused<'_>) -> Option<Response> {
    let body = match (refused.error, refused.error.class()) {
        (AuthError::Expired, _) => json!({"error": "expired", "hint": "POST /refresh"}),
        (_, ErrorClass::Unauthorized) => json!({"error": "login", "hint": "POST /login"}),
        _ => return None,
    };
    Some((StatusCode::UNAUTHORIZED, Json(body)).into_response())
}

async fn protected(jwt: Jwt) -> String {
    format!("hello {}", jwt.identity())
}

pub(crate) fn app(secret: &str) -> Result<Router, Box<dyn std::error::Error>> {
    let jwt = JwtManager::builder(Key::hs256(secret)?).render_error(render).build()?;
    Ok(Router::new().route("/protected", get(protected)).with_state(jwt))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = std::env::args().nth(1).ok_or("give a secret, as from `openssl rand -hex 32`")?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app(&secret)?).await?)
}
