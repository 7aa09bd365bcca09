//! Whether the process lives and whether it should get requests, for those who run it.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use utoipa::{ToSchema, openapi::schema::Object};

use super::{
    error::Refusal,
    openapi::{About, Group, fields},
    rules::Public,
};
use crate::state::{AppState, RevocationHearing};

/// How the service is.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    #[schema(schema_with = status)]
    status: &'static str,
    /// What does not answer at the moment, though most requests are served.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = degraded, required = false)]
    degraded: Option<&'static str>,
}

/// `GET /healthz`: the process answers.
pub(super) async fn alive(_: Public) -> Json<Health> {
    Json(Health { status: "ok", degraded: None })
}

pub(super) const ALIVE: About = About {
    id: "health",
    group: Group::Service,
    does: "Whether the process answers",
    more: |it| it.gives::<Health>(StatusCode::OK, "It does."),
};

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

pub(super) const READY: About = About {
    id: "readiness",
    group: Group::Service,
    does: "Whether requests are welcome",
    more: |it| {
        it.says(
            "503 while the service stops, and where nothing was heard of what other nodes revoke for so long that \
             no token can be checked.",
        )
        .gives::<Health>(StatusCode::OK, "They are; `degraded` says what does not answer at the moment.")
    },
};

fn status() -> Object {
    let says = "`ok` where the process answers, `ready` where requests are welcome.";
    fields::text(says).enum_values(Some(["ok", "ready"])).build()
}

fn degraded() -> Object {
    let says = "What does not answer at the moment, though most requests are served.";
    fields::text(says).enum_values(Some(["store", "revocations"])).build()
}
