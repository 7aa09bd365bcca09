//! `GET /metrics`: what there is to count, for whoever watches; and how requests get into it.

use std::any::Any;

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use tower_http::catch_panic::ResponseForPanic;

use super::{admin::Admin, error::Refusal, rules::Public, trace};
use crate::{
    metrics::{Requests, Underway},
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

/// Begins to count a request. What no route matches is one of the route `unknown`.
pub(super) fn begin<'s>(state: &'s AppState, request: &Request) -> Underway<'s> {
    let matched = request.extensions().get::<MatchedPath>();
    requests(state).begin(request.method(), matched.map(MatchedPath::as_str))
}

fn requests(state: &AppState) -> &Requests {
    state.metrics().requests(|| super::route_table().into_iter().map(|route| route.path).collect())
}

/// Answers for a handler that panicked, and counts it.
#[derive(Clone)]
pub(super) struct Panics(pub(super) AppState);

impl ResponseForPanic for Panics {
    type ResponseBody = axum::body::Body;

    fn response_for_panic(&mut self, panic: Box<dyn Any + Send + 'static>) -> Response {
        self.0.metrics().count_panic();
        trace::panicked(panic)
    }
}
