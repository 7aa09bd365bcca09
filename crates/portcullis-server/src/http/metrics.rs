//! `GET /metrics`: what there is to count, for whoever watches; and how requests get into it.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    admin::Admin,
    error::Refusal,
    openapi::{About, Group, fields},
    rules::Public,
};
use crate::{
    metrics::Requests,
    state::{AppState, Metrics},
};

/// `GET /metrics`, for administrators.
pub(super) async fn read(_: Admin, State(state): State<AppState>) -> Result<Response, Refusal> {
    written(&state)
}

/// `GET /metrics` on an address of its own, for whoever can reach that.
pub(super) async fn read_by_everybody(_: Public, State(state): State<AppState>) -> Result<Response, Refusal> {
    written(&state)
}

pub(super) const METRICS: About = About {
    id: "metrics",
    group: Group::Service,
    does: "What is counted and timed",
    more: |it| {
        let says = "A text of OpenMetrics, of this node alone.";
        it.gives_other(StatusCode::OK, Metrics::MEDIA_TYPE, fields::text(says), says)
    },
};

fn written(state: &AppState) -> Result<Response, Refusal> {
    let text = state.metrics().text().map_err(Refusal::defect)?;
    let media_type = HeaderValue::from_static(Metrics::MEDIA_TYPE);
    Ok(([(header::CONTENT_TYPE, media_type)], text).into_response())
}

/// The requests, counted.
pub(super) fn requests(state: &AppState) -> &Requests {
    state.metrics().requests(|| super::route_table().into_iter().map(|route| route.path).collect())
}
