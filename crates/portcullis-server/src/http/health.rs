//! Whether the process lives and whether it should get requests, for those who run it.

use axum::{Json, extract::State};
use serde::Serialize;

use super::error::Refusal;
use crate::state::AppState;

#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
    /// What does not answer at the moment, though most requests are served.
    #[serde(skip_serializing_if = "Option::is_none")]
    degraded: Option<&'static str>,
}

/// `GET /healthz`: the process answers.
pub(super) async fn alive() -> Json<Health> {
    Json(Health { status: "ok", degraded: None })
}

/// `GET /readyz`: requests are welcome.
///
/// A store that does not answer leaves the service ready, since guarded routes need none; it is said. While
/// the service stops it is not ready, so that a proxy sends new requests elsewhere.
pub(super) async fn ready(State(state): State<AppState>) -> Result<Json<Health>, Refusal> {
    if state.is_stopping() {
        return Err(Refusal::unavailable());
    }
    let degraded = if state.store_answers().await { None } else { Some("store") };
    Ok(Json(Health { status: "ready", degraded }))
}
