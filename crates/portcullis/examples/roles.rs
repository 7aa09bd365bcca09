//! Who may do what: a layer for a whole router, a word in a handler, and claims of one's own.

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{delete, get, post},
};
use portcullis::{AuthRejection, Guard as _, Jwt, JwtManager, Key, Permission};

/// The claims that this application puts into its tokens.
#[derive(serde::Deserialize)]
struct Staff {
    role: String,
    level: u8,
}

async fn login(State(jwt): State<JwtManager>, Path(role): Path<String>) -> Result<String, StatusCode> {
    let level = if role == "admin" { 2 } else { 1 };
    let token = jwt.access("alice").claim("role", role).claim("level", level).sign();
    Ok(token.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?.into_string())
}

async fn whoami(jwt: Jwt<Staff>) -> String {
    format!("{} is {} of level {}", jwt.identity(), jwt.own().role, jwt.own().level)
}

async fn purge(jwt: Jwt) -> Result<&'static str, AuthRejection> {
    jwt.permit(&Permission::at_least("level", 2))?;
    Ok("purged")
}

async fn users() -> &'static str {
    "alice, bob"
}

pub(crate) fn app(secret: &str) -> Result<Router, Box<dyn std::error::Error>> {
    let jwt = JwtManager::builder(Key::hs256(secret)?).build()?;
    let admin = Router::new().route("/admin/users", get(users)).layer(jwt.require().role("admin"));
    Ok(Router::new()
        .route("/login/{role}", post(login))
        .route("/whoami", get(whoami))
        .route("/log", delete(purge))
        .merge(admin)
        .with_state(jwt))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = std::env::args().nth(1).ok_or("give a secret, as from `openssl rand -hex 32`")?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app(&secret)?).await?)
}
