//! Short access tokens and one long refresh token; what is fresh was paid for with a password.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use portcullis::{FreshJwt, IssueError, Jwt, JwtManager, Key, RefreshJwt};
use serde_json::{Value, json};

/// Whoever has just shown a password (which is left out here) gets a fresh access token.
async fn login(State(jwt): State<JwtManager>) -> Result<Json<Value>, StatusCode> {
    let access = jwt.access("alice").fresh().sign().map_err(failed)?;
    let refresh = jwt.refresh("alice").sign().map_err(failed)?;
    Ok(Json(json!({"access_token": access.as_str(), "refresh_token": refresh.as_str()})))
}

/// A refresh token buys access tokens that are not fresh.
async fn refresh(State(jwt): State<JwtManager>, token: RefreshJwt) -> Result<Json<Value>, StatusCode> {
    let access = jwt.access(token.identity()).sign().map_err(failed)?;
    Ok(Json(json!({"access_token": access.as_str()})))
}

async fn profile(jwt: Jwt) -> String {
    format!("profile of {}", jwt.identity())
}

async fn change_password(jwt: FreshJwt) -> String {
    format!("password of {} changed", jwt.identity())
}

fn failed(_: IssueError) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

pub(crate) fn app(secret: &str) -> Result<Router, Box<dyn std::error::Error>> {
    let jwt = JwtManager::builder(Key::hs256(secret)?).build()?;
    Ok(Router::new()
        .route("/login", post(login))
        .route("/refresh", post(refresh))
        .route("/profile", get(profile))
        .route("/password", post(change_password))
        .with_state(jwt))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = std::env::args().nth(1).ok_or("give a secret, as from `openssl rand -hex 32`")?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app(&secret)?).await?)
}
