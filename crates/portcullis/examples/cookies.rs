//! Tokens in cookies for browsers: no script can read them, and no foreign page can use them.
//!
//! What changes something needs the value of the readable `__Host-csrf_access_token` cookie in the header
//! `X-CSRF-TOKEN`. The cookies are Secure: put https in front.

use axum::{
    Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use portcullis::{Jwt, JwtManager, Key, Location, SetCookies};

async fn login(State(jwt): State<JwtManager>) -> Result<(SetCookies, &'static str), StatusCode> {
    let token = jwt.access("alice").fresh().sign().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let cookies = jwt.cookies().set(&token).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok((cookies, "welcome"))
}

async fn logout(State(jwt): State<JwtManager>) -> Result<(SetCookies, &'static str), StatusCode> {
    let cookies = jwt.cookies().unset_all().map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok((cookies, "bye"))
}

async fn read(jwt: Jwt) -> String {
    format!("read by {}", jwt.identity())
}

async fn write(jwt: Jwt) -> String {
    format!("written by {}", jwt.identity())
}

pub(crate) fn app(secret: &str) -> Result<Router, Box<dyn std::error::Error>> {
    let jwt = JwtManager::builder(Key::hs256(secret)?)
        .configure(|config| config.token_location = vec![Location::Headers, Location::Cookies])
        .build()?;
    Ok(Router::new()
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/page", get(read).post(write))
        .with_state(jwt))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = std::env::args().nth(1).ok_or("give a secret, as from `openssl rand -hex 32`")?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app(&secret)?).await?)
}
