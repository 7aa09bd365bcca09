//! `GET /metrics`: what there is to count, for whoever watches; and how requests get into it.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

use super::{admin::Admin, error::Refusal, rules::Public};
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

fn written(state: &AppState) -> Result<Response, Refusal> {
    let text = state.metrics().text().map_err(Refusal::defect)?;
    let media_type = HeaderValue::from_static(Metrics::MEDIA_TYPE);
    Ok(([(header::CONTENT_TYPE, media_type)], text).into_response())
}

/// The requests, counted.
pub(super) fn requests(state: &AppState) -> &Requests {
    state.metrics().requests(|| super::route_table().into_iter().map(|route| route.path).collect())
}
