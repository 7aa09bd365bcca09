//! What the log says of a request: what kept it from being done, once, and one line.

use std::{error::Error, net::IpAddr, time::Duration};

use axum::{
    http::{Method, StatusCode, header},
    response::Response,
};
use portcullis::AuthError;
use tracing::field;

use super::error::Refusal;
use crate::{causes::causes, metrics::method_name, state::AppState};

/// Writes a refusal as its client sees it; its cause goes into the log here and nowhere else.
pub(super) fn write_refusal(response: &mut Response, state: &AppState) {
    if let Some(cause) = cause_of(response) {
        let (status, causes) = (response.status().as_u16(), causes(cause));
        // 503 may be a stranger's doing, a full queue for one; 500 is ours alone.
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            tracing::warn!(status, error = %causes, "a request was turned away: {causes}");
        } else {
            tracing::error!(status, error = %causes, "a request failed: {causes}");
        }
    }
    let Some(refusal) = response.extensions().get::<Refusal>() else {
        return;
    };
    let mut answer = refusal.write(state.jwt());
    // The router knows which methods there are.
    if let Some(allow) = response.headers().get(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow.clone());
    }
    *response = answer;
}

/// Why we could not do it: a refusal's cause, or that of a guard whose hook failed.
fn cause_of(response: &Response) -> Option<&(dyn Error + 'static)> {
    let extensions = response.extensions();
    match extensions.get::<Refusal>() {
        Some(refusal) => refusal.cause().map(|cause| cause as _),
        None => extensions.get::<AuthError>()?.source(),
    }
}

/// The one line of a request.
pub(super) fn log(
    method: &Method,
    route: Option<&'static str>,
    address: Option<IpAddr>,
    response: &Response,
    took: Duration,
) {
    let route = route.unwrap_or("unknown");
    let (status, us) = (response.status().as_u16(), u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    let address = address.map(field::display);
    let method = method_name(method);
    // A flood of tries is an event once in a while, and no line each.
    let is_refused = response.status().is_client_error() || response.status().is_server_error();
    if is_refused && response.status() != StatusCode::TOO_MANY_REQUESTS {
        // Why a token was refused: one text of a fixed set, nothing of the request.
        let reason = response.extensions().get::<AuthError>().map(field::display);
        tracing::info!(method, route, status, us, address, reason, "{method} {route} {status} in {us} µs");
    } else {
        tracing::debug!(method, route, status, us, address, "{method} {route} {status} in {us} µs");
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;

    use super::*;

    #[test]
    fn a_cause_is_found_wherever_a_request_was_turned_away() {
        let text = |response: Response| cause_of(&response).map(ToString::to_string);
        let mut by_a_guard = Response::default();
        by_a_guard.extensions_mut().insert(AuthError::unavailable("the list is too old"));
        assert_eq!(text(by_a_guard).as_deref(), Some("the list is too old"));
        let by_a_handler = Refusal::unavailable().caused_by("the store is down").into_response();
        assert_eq!(text(by_a_handler).as_deref(), Some("the store is down"));
        let mut refused = Response::default();
        refused.extensions_mut().insert(AuthError::Expired);
        assert_eq!((text(refused), text(Response::default())), (None, None));
    }
}
