//! `/users`: registration, login, logout.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use portcullis::{AuthRejection, Require};
use serde::Serialize;

use super::{error::Refusal, extract::Form};
use crate::{
    accounts::TokenPair,
    model::{LoginName, Password, Username},
    state::AppState,
};

/// A pair of tokens as a client gets it (RFC 6749 section 5.1).
#[derive(Serialize)]
pub(super) struct Tokens {
    access_token: String,
    refresh_token: String,
    token_type: String,
    expires_in: i64,
}

impl Tokens {
    fn of(pair: TokenPair, state: &AppState) -> Json<Self> {
        Json(Self {
            access_token: pair.access.into_string(),
            refresh_token: pair.refresh.into_string(),
            token_type: state.jwt().scheme().to_owned(),
            expires_in: pair.expires_in,
        })
    }
}

/// `POST /users/registration`
pub(super) async fn register(
    State(state): State<AppState>,
    mut form: Form,
) -> Result<(StatusCode, Json<Tokens>), Refusal> {
    let min_length = state.accounts().policy().password_min_length;
    let username = form.text("username", Username::parse);
    let password = form.text("password", |text| Password::choose(text, min_length));
    let (Some(username), Some(password)) = (username, password) else {
        return Err(form.refused());
    };
    let pair = state.accounts().register(username, password).await?;
    Ok((StatusCode::CREATED, Tokens::of(pair, &state)))
}

/// `POST /users/login`
pub(super) async fn login(State(state): State<AppState>, mut form: Form) -> Result<Json<Tokens>, Refusal> {
    let name = form.text("username", LoginName::parse);
    let password = form.text("password", Password::parse);
    let (Some(name), Some(password)) = (name, password) else {
        return Err(form.refused());
    };
    Ok(Tokens::of(state.accounts().login(name, password).await?, &state))
}

/// `POST /users/logout`: with any token that is genuine, and as often as a client likes.
pub(super) async fn logout(State(state): State<AppState>, request: Parts) -> Result<StatusCode, Response> {
    let genuine = Require::any().even_expired().even_revoked();
    let claims = state.jwt().authenticate_request(&request, genuine).await;
    let claims = claims.map_err(|error| AuthRejection::new(error, state.jwt().clone()).into_response())?;
    let done = state.accounts().logout(&claims).await;
    done.map_err(|error| Refusal::from(error).into_response())?;
    Ok(StatusCode::NO_CONTENT)
}
