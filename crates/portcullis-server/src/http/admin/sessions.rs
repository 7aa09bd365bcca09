//! `/admin/users/{id}/sessions`: a user's sessions, seen and ended.

use axum::{Json, extract::State, http::StatusCode};
use portcullis::NumericDate;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Admin, FreshAdmin, SessionAt, UserAt};
use crate::{
    http::{
        error::Refusal,
        openapi::{About, Group},
    },
    model::Session,
    state::AppState,
};

/// The living sessions of a user.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct Sessions {
    sessions: Vec<SeenSession>,
}

/// A session as administrators see one; times in seconds since 1970.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct SeenSession {
    id: String,
    /// The `User-Agent` of the login.
    #[schema(required, max_length = 200)]
    device: Option<String>,
    opened_at: i64,
    last_used: i64,
    /// When it ends if it is not refreshed until then.
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

pub(in crate::http) const LIST: About = About {
    id: "listSessions",
    group: Group::Administration,
    does: "List a user's living sessions",
    more: |it| it.gives::<Sessions>(StatusCode::OK, "The sessions, the most recently used first."),
};

/// `DELETE /admin/users/{id}/sessions`
pub(in crate::http) async fn end_all(
    by: FreshAdmin,
    State(state): State<AppState>,
    UserAt(id): UserAt,
) -> Result<StatusCode, Refusal> {
    state.accounts().end_sessions_of(&by, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(in crate::http) const END_ALL: About = About {
    id: "endSessions",
    group: Group::Administration,
    does: "End all sessions of a user",
    more: |it| it.gives_nothing("The user's tokens are refused from now on."),
};

/// `DELETE /admin/users/{id}/sessions/{session}`
pub(in crate::http) async fn end(
    by: FreshAdmin,
    State(state): State<AppState>,
    SessionAt(user, session): SessionAt,
) -> Result<StatusCode, Refusal> {
    state.accounts().end_session_of(&by, &user, &session).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(in crate::http) const END: About = About {
    id: "endSession",
    group: Group::Administration,
    does: "End a session of a user",
    more: |it| {
        it.gives_nothing("Its tokens are refused from now on. The same request again has the same answer.")
    },
};
