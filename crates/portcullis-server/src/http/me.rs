//! `/users/me`: what people see of themselves and do with their sessions.

use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use portcullis::{AuthError, AuthRejection, Claims, FreshJwt, Jwt, NumericDate, Require, Verified};
use serde::Serialize;

use super::{
    cookies,
    error::Refusal,
    extract::Form,
    users::{Handed, Known, Tokens},
};
use crate::{
    accounts::{AccountsError, Client},
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
pub(super) async fn me(token: Jwt, State(state): State<AppState>) -> Result<Json<Me>, Refusal> {
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
pub(super) async fn sessions(token: Jwt, State(state): State<AppState>) -> Result<Json<Sessions>, Refusal> {
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

/// Whoever ends a session of his own: by an access token that lives. To end its own session, as a logout does, also by one
/// that was revoked: a client that does not know what became of its request repeats it.
pub(super) struct Ending {
    token: Verified,
    /// None for a path that is no text.
    session: Option<String>,
}

impl FromRequestParts<AppState> for Ending {
    type Rejection = Response;

    async fn from_request_parts(request: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let path = Path::<String>::from_request_parts(request, state).await;
        let (jwt, session) = (state.jwt(), path.ok().map(|Path(id)| id));
        let token = match jwt.verify_request(request, Require::access()).await {
            Err(AuthError::Revoked) => {
                let revoked = jwt.verify_request(request, Require::access().even_revoked()).await;
                revoked.and_then(|token| match &session {
                    Some(id) if is_of(&token, id) => Ok(token),
                    _ => Err(AuthError::Revoked),
                })
            }
            verdict => verdict,
        };
        let refused = |error| AuthRejection::new(error, jwt.clone()).into_response();
        Ok(Self { token: token.map_err(refused)?, session })
    }
}

/// `DELETE /users/me/sessions/{id}`
pub(super) async fn end_session(
    Ending { token, session }: Ending,
    State(state): State<AppState>,
    client: Client,
) -> Result<Response, Refusal> {
    let id = session.ok_or(AccountsError::NoSuchSession)?;
    let is_own = is_of(&token, &id);
    state.accounts().end_own_session(&token, &SessionId::new(id), &client).await?;
    if is_own {
        return cookies::session_is_over(state.jwt(), token.location());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn is_of(token: &Claims, id: &str) -> bool {
    token.session().is_some_and(|session| session.id == id)
}

/// `POST /users/me/fresh`
pub(super) async fn fresh(
    token: Jwt,
    State(state): State<AppState>,
    client: Client,
    mut form: Form,
) -> Result<Handed, Refusal> {
    let Some(password) = form.text("password", Password::parse) else { return Err(form.refused()) };
    let fresh = state.accounts().freshen(&token, password, &client).await?;
    Tokens::hand_out(&state, token.location(), (fresh.access, fresh.expires_in), None)
}

/// `PUT /users/me/password`
pub(super) async fn change_password(
    token: FreshJwt,
    State(state): State<AppState>,
    client: Client,
    mut form: Form,
) -> Result<(StatusCode, Known), Refusal> {
    let policy = state.accounts().policy().password;
    let owner = state.accounts().user_of(&token).await?.username;
    let present = form.text("password", Password::parse);
    let new = form.text("new_password", |text| Password::choose(text, policy, Some(&owner)));
    let (Some(present), Some(new)) = (present, new) else { return Err(form.refused()) };
    let device = state.accounts().change_password(&token, present, new, &client).await?;
    Ok((StatusCode::NO_CONTENT, cookies::set_device(device, token.location(), &state)?))
}
