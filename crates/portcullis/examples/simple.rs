//! Log in, then send the token: `cargo run -p portcullis --example simple -- "$(openssl rand -hex 32)"`.

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{get, post},
};
use portcullis::{IssueError, Jwt, JwtManager, Key};
use serde_json::{Value, json};

#[derive(serde::Deserialize)]
struct Login {
    username: String,
    password: String,
}

async fn login(State(jwt): State<JwtManager>, Json(login): Json<Login>) -> Result<Json<Value>, StatusCode> {
    // Ask your users here.
    if (&*login.username, &*login.password) != ("test", "test") {
        return Err(StatusCode::UNAUTHORIZED);
    }
    let token = jwt.access(login.username).sign().map_err(failed)?;
    Ok(Json(json!({"access_token": token.as_str()})))
}

fn failed(_: IssueError) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

/// A handler that names `Jwt` is guarded by it.
async fn protected(jwt: Jwt) -> Json<Value> {
    Json(json!({"logged_in_as": jwt.identity()}))
}

pub(crate) fn app(secret: &str) -> Result<Router, Box<dyn std::error::Error>> {
    let jwt = JwtManager::builder(Key::hs256(secret)?).build()?;
    Ok(Router::new().route("/login", post(login)).route("/protected", get(protected)).with_state(jwt))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let secret = std::env::args().nth(1).ok_or("give a secret, as from `openssl rand -hex 32`")?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app(&secret)?).await?)
}
