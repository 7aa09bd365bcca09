//! `/admin/users/{id}/sessions`: a user's sessions, seen and ended.

use axum::{Json, extract::State, http::StatusCode};
use portcullis::NumericDate;
use serde::Serialize;

use super::{Admin, FreshAdmin, SessionAt, UserAt};
use crate::{http::error::Refusal, model::Session, state::AppState};

/// The living sessions of a user.
#[derive(Serialize)]
pub(in crate::http) struct Sessions {
    sessions: Vec<SeenSession>,
}

/// A session as administrators see one; times in seconds since 1970.
#[derive(Serialize)]
struct SeenSession {
    id: String,
    device: Option<String>,
    opened_at: i64,
    last_used: i64,
    expires_at: i64,
}

impl From<Session> for SeenSession {
    fn from(session: Session) -> Self {
        Self {
            id: session.id.as_str().to_owned(),
            opened_at: NumericDate::from(session.opened_at).seconds(),
            last_used: NumericDate::from(session.last_used).seconds(),
            expires_at: session.expires_at().seconds(),
            device: session.device,
        }
    }
}

/// `GET /admin/users/{id}/sessions`
pub(in crate::http) async fn list(
    _: Admin,
    State(state): State<AppState>,
    UserAt(id): UserAt,
) -> Result<Json<Sessions>, Refusal> {
    let sessions = state.accounts().sessions_of(&id).await?;
    Ok(Json(Sessions { sessions: sessions.into_iter().map(SeenSession::from).collect() }))
}

/// `DELETE /admin/users/{id}/sessions`
pub(in crate::http) async fn end_all(
    by: FreshAdmin,
    State(state): State<AppState>,
    UserAt(id): UserAt,
) -> Result<StatusCode, Refusal> {
    state.accounts().end_sessions_of(&by, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /admin/users/{id}/sessions/{session}`
pub(in crate::http) async fn end(
    by: FreshAdmin,
    State(state): State<AppState>,
    SessionAt(user, session): SessionAt,
) -> Result<StatusCode, Refusal> {
    state.accounts().end_session_of(&by, &user, &session).await?;
    Ok(StatusCode::NO_CONTENT)
}
