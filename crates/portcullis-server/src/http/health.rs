//! Whether the process lives and whether it should get requests, for those who run it.

use axum::{Json, extract::State};
use serde::Serialize;

use super::{error::Refusal, rules::Public};
use crate::state::{AppState, RevocationHearing};

#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
    /// What does not answer at the moment, though most requests are served.
    #[serde(skip_serializing_if = "Option::is_none")]
    degraded: Option<&'static str>,
}

/// `GET /healthz`: the process answers.
pub(super) async fn alive(_: Public) -> Json<Health> {
    Json(Health { status: "ok", degraded: None })
}

/// `GET /readyz`: requests are welcome.
///
/// A store that does not answer leaves the service ready, since guarded routes need none; it is said, as is a node that
/// does not hear of others' revocations. Once that has been so for too long guarded routes are refused, and the service
/// is not ready, nor is it while it stops: a proxy sends requests elsewhere.
pub(super) async fn ready(_: Public, State(state): State<AppState>) -> Result<Json<Health>, Refusal> {
    let hearing = state.revocation_hearing();
    if state.is_stopping() || hearing == RevocationHearing::Lost {
        return Err(Refusal::unavailable());
    }
    let degraded = match state.store_answers().await {
        false => Some("store"),
        true if hearing == RevocationHearing::Behind => Some("revocations"),
        true => None,
    };
    Ok(Json(Health { status: "ready", degraded }))
}
