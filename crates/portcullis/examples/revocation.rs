//! Logging out: the token goes on a list that every guard asks.

use std::sync::Arc;

use axum::{
    Router,
    extract::{FromRef, State},
    http::StatusCode,
    routing::{delete, get, post},
};
use portcullis::{AnyJwt, Jwt, JwtManager, Key, RevocationIndex};

#[derive(Clone, FromRef)]
struct App {
    jwt: JwtManager,
    revoked: Arc<RevocationIndex>,
}

async fn login(State(jwt): State<JwtManager>) -> Result<String, StatusCode> {
    let token = jwt.access("alice").sign().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(token.into_string())
}

/// Keep the list in a database too, and load it at start: here it lives as long as the process.
async fn logout(State(revoked): State<Arc<RevocationIndex>>, token: AnyJwt) -> StatusCode {
    if let Some(jti) = token.jti() {
        revoked.revoke_token(jti, token.expires_at());
    }
    StatusCode::NO_CONTENT
}

async fn protected(jwt: Jwt) -> String {
    format!("hello {}", jwt.identity())
}

pub(crate) fn app(secret: &str) -> Result<Router, Box<dyn std::error::Error>> {
    let revoked = Arc::new(RevocationIndex::new());
    let jwt = JwtManager::builder(Key::hs256(secret)?).revocation(revoked.clone()).build()?;
    Ok(Router::new()
        .route("/login", post(login))
        .route("/logout", delete(logout))
        .route("/protected", get(protected))
        .with_state(App { jwt, revoked }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = std::env::args().nth(1).ok_or("give a secret, as from `openssl rand -hex 32`")?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app(&secret)?).await?)
}
