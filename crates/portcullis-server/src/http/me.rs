//! `/users/me`: what people see of themselves and do with their sessions.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use portcullis::{AuthError, AuthRejection, Claims, FreshJwt, Jwt, NumericDate, Require, Verified};
use serde::Serialize;

use super::{
    cookies,
    error::Refusal,
    extract::Form,
    users::{Handed, Tokens},
};
use crate::{
    model::{Password, SessionId},
    state::AppState,
};

/// A user as the user sees it.
#[derive(Serialize)]
pub(super) struct Me {
    id: String,
    username: String,
    /// 0 guest, 1 user, 2 admin.
    access: u8,
    /// Seconds since 1970.
    created_at: i64,
}

/// `GET /users/me`
pub(super) async fn me(State(state): State<AppState>, token: Jwt) -> Result<Json<Me>, Refusal> {
    let user = state.accounts().user_of(&token).await?;
    Ok(Json(Me {
        id: user.id.as_str().to_owned(),
        access: user.access.level(),
        created_at: NumericDate::from(user.created_at).seconds(),
        username: user.username,
    }))
}

/// One's own sessions.
#[derive(Serialize)]
pub(super) struct Sessions {
    sessions: Vec<OwnSession>,
}

/// A session as its owner sees it; times in seconds since 1970.
#[derive(Serialize)]
struct OwnSession {
    id: String,
    /// Whether this is the session that asks.
    current: bool,
    device: Option<String>,
    opened_at: i64,
    last_used: i64,
    expires_at: i64,
}

/// `GET /users/me/sessions`
pub(super) async fn sessions(State(state): State<AppState>, token: Jwt) -> Result<Json<Sessions>, Refusal> {
    let own = token.session().map(|session| session.id.to_owned());
    let sessions = state.accounts().sessions(&token).await?.into_iter().map(|session| OwnSession {
        current: own.as_deref() == Some(session.id.as_str()),
        id: session.id.as_str().to_owned(),
        opened_at: NumericDate::from(session.opened_at).seconds(),
        last_used: NumericDate::from(session.last_used).seconds(),
        expires_at: session.expires_at().seconds(),
        device: session.device,
    });
    Ok(Json(Sessions { sessions: sessions.collect() }))
}

/// `DELETE /users/me/sessions/{id}`
pub(super) async fn end_session(
    State(state): State<AppState>,
    id: Result<Path<String>, PathRejection>,
    request: Parts,
) -> Result<Response, Response> {
    let unknown = || Refusal::new(StatusCode::NOT_FOUND, "There is no such session").into_response();
    let id = id.map(|Path(id)| id);
    let token = token_to_end(&state, &request, id.as_deref().ok()).await?;
    let id = id.map_err(|_| unknown())?;
    let is_own = is_of(&token, &id);
    let ended = state.accounts().end_own_session(&token, &SessionId::new(id)).await;
    if !ended.map_err(|error| Refusal::from(error).into_response())? {
        return Err(unknown());
    }
    if is_own {
        return cookies::session_is_over(state.jwt(), token.location()).map_err(IntoResponse::into_response);
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// An access token that lives; to end its own session, as a logout does, also one that was revoked: a client that does not
/// know what became of its request repeats it.
async fn token_to_end(state: &AppState, request: &Parts, id: Option<&str>) -> Result<Verified, Response> {
    let jwt = state.jwt();
    let token = match jwt.verify_request(request, Require::access()).await {
        Err(AuthError::Revoked) => {
            let revoked = jwt.verify_request(request, Require::access().even_revoked()).await;
            revoked.and_then(|token| match id {
                Some(id) if is_of(&token, id) => Ok(token),
                _ => Err(AuthError::Revoked),
            })
        }
        verdict => verdict,
    };
    token.map_err(|error| AuthRejection::new(error, jwt.clone()).into_response())
}

fn is_of(token: &Claims, id: &str) -> bool {
    token.session().is_some_and(|session| session.id == id)
}

/// `POST /users/me/fresh`
pub(super) async fn fresh(
    State(state): State<AppState>,
    token: Jwt,
    mut form: Form,
) -> Result<Handed, Refusal> {
    let Some(password) = form.text("password", Password::parse) else { return Err(form.refused()) };
    let fresh = state.accounts().freshen(&token, password).await?;
    Tokens::hand_out(&state, token.location(), (fresh.access, fresh.expires_in), None)
}

/// `PUT /users/me/password`
pub(super) async fn change_password(
    State(state): State<AppState>,
    token: FreshJwt,
    mut form: Form,
) -> Result<StatusCode, Refusal> {
    let policy = state.accounts().policy().password;
    let owner = state.accounts().user_of(&token).await?.username;
    let present = form.text("password", Password::parse);
    let new = form.text("new_password", |text| Password::choose(text, policy, Some(&owner)));
    let (Some(present), Some(new)) = (present, new) else { return Err(form.refused()) };
    state.accounts().change_password(&token, present, new).await?;
    Ok(StatusCode::NO_CONTENT)
}
