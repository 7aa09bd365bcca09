//! The edge: what happens to every request and every answer, in one pass.

use std::{
    any::Any,
    convert::Infallible,
    error::Error,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use portcullis::AuthError;
use tower::{Layer, ServiceExt, service_fn};
use tower_http::cors::CorsLayer;
use tracing::{Instrument, field};
use uuid::Uuid;

use super::{client_address::ClientAddress, cors, error::Refusal, extract::BodyRead};
use crate::{causes::causes, state::AppState};

/// The largest head of a request, address and headers together: 32 KiB. Four of the longest tokens fit into it.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Who may show what is here within other pages (Fetch standard); without it a page could measure answers.
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// For how long browsers come over https alone.
const TWO_YEARS: &str = "max-age=63072000; includeSubDomains";

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What the edge goes by.
pub(super) struct Edge {
    state: AppState,
    cors: Option<CorsLayer>,
}

impl Edge {
    pub(super) fn of(state: &AppState) -> Self {
        Self { state: state.clone(), cors: cors::layer(state) }
    }
}

/// Names the request, finds out where it comes from, bounds its time, writes a refusal in the configured style, sets the
/// headers of every answer, and logs one line.
pub(super) async fn edge(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let state = &edge.state;
    let started = state.clock().monotonic();
    // Ours, whatever the client sent: an id that a stranger chooses is no help in a log.
    let id = Uuid::new_v4().to_string();
    let method = request.method().clone();
    let route = route(&request);
    // At the highest level: whatever the filter lets through of a request carries its id.
    let span = tracing::error_span!("request", id = id.as_str());
    let body_read = BodyRead::of(&mut request);
    // First, since what it takes out of the head was sent too.
    let refused = malformed(&request);
    let ClientAddress(address) = ClientAddress::settle(&mut request, state.proxies());
    let written = |response| span.in_scope(|| written(response, state));
    let mut response = match (refused, &edge.cors) {
        (Some(refusal), _) => written(refusal.into_response()),
        (None, None) => written(answered(request, next, state, started).instrument(span.clone()).await),
        (None, Some(cors)) => {
            // Around what is written, so that pages can read refusals too.
            let answer = service_fn(|request: Request| async {
                let answer = answered(request, next.clone(), state, started).instrument(span.clone()).await;
                Ok::<_, Infallible>(written(answer))
            });
            let Ok(response) = cors.layer(answer).oneshot(request).await;
            response
        }
    };
    set_headers(response.headers_mut(), &id, state.web().https_only);
    if state.is_stopping() || !body_read.is_whole() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let took = state.clock().monotonic().duration_since(started);
    span.in_scope(|| log(&method, &route, address, &response, took));
    response
}

/// What the routes answer, if they do in time: the body has its time in the extractor, the answer as much again.
async fn answered(request: Request, next: Next, state: &AppState, started: Instant) -> Response {
    let limit = state.limits().request.saturating_mul(2);
    let answer = AppState::one_request(async {
        state.keep_hearing(started).await;
        next.run(request).await
    });
    let answer = tokio::time::timeout(limit, answer).await;
    answer.unwrap_or_else(|late| Refusal::unavailable().caused_by(late).into_response())
}

/// What no route should see: a head that is too large, with codings that nobody here undoes (RFC 9112 section 6.1), or
/// without the one `Host` that HTTP/1.1 asks for (section 3.2).
fn malformed(request: &Request) -> Option<Refusal> {
    if head_bytes(request) > MAX_HEAD_BYTES {
        let text = "The request has too many or too large headers";
        return Some(Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text));
    }
    // What is coded otherwise was read as if it were not, and a proxy may read it in another way.
    let mut codings = request.headers().get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    if codings.next().is_some_and(|coding| !is_chunked(coding)) || codings.next().is_some() {
        let text = "The only Transfer-Encoding is chunked, once";
        return Some(Refusal::new(StatusCode::BAD_REQUEST, text));
    }
    let hosts = request.headers().get_all(header::HOST).iter().count();
    if hosts != 1 && request.version() == Version::HTTP_11 {
        return Some(Refusal::new(StatusCode::BAD_REQUEST, "The request must have one Host header"));
    }
    None
}

/// The size of a request's address and headers. The connection's read buffer bounds it only roughly.
fn head_bytes(request: &Request) -> usize {
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    let path = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    headers.sum::<usize>() + path
}

/// A refusal as its client sees it; its cause goes into the log here and nowhere else.
fn written(response: Response, state: &AppState) -> Response {
    if let Some(cause) = cause_of(&response) {
        let (status, causes) = (response.status().as_u16(), causes(cause));
        // 503 may be a stranger's doing, a full queue for one; 500 is ours alone.
        if response.status() == StatusCode::SERVICE_UNAVAILABLE {
            tracing::warn!(status, error = %causes, "a request was turned away: {causes}");
        } else {
            tracing::error!(status, error = %causes, "a request failed: {causes}");
        }
    }
    let Some(refusal) = response.extensions().get::<Refusal>() else {
        return response;
    };
    let mut answer = refusal.write(state.jwt());
    // The router knows which methods there are.
    if let Some(allow) = response.headers().get(header::ALLOW) {
        answer.headers_mut().insert(header::ALLOW, allow.clone());
    }
    answer
}

/// Why we could not do it: a refusal's cause, or that of a guard whose hook failed.
fn cause_of(response: &Response) -> Option<&(dyn Error + 'static)> {
    let extensions = response.extensions();
    match extensions.get::<Refusal>() {
        Some(refusal) => refusal.cause().map(|cause| cause as _),
        None => extensions.get::<AuthError>()?.source(),
    }
}

/// What every answer says, errors included (OWASP REST Security Cheat Sheet): nothing may be loaded, framed or kept. What
/// an answer says of this itself, as the one page here does, it keeps.
fn set_headers(headers: &mut HeaderMap, id: &str, https_only: bool) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID.clone(), id);
    }
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if https_only {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(TWO_YEARS));
    }
}

/// The route's pattern, never the path: a path is a stranger's text.
fn route(request: &Request) -> String {
    let matched = request.extensions().get::<MatchedPath>();
    matched.map_or_else(|| "unknown".to_owned(), |path| path.as_str().to_owned())
}

fn log(method: &Method, route: &str, address: Option<IpAddr>, response: &Response, took: Duration) {
    let (status, us) = (response.status().as_u16(), u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    let address = address.map(field::display);
    // A method may be any word a stranger makes up.
    let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let known = known.contains(method);
    let method = if known { method.as_str() } else { "other" };
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

/// The answer to a request whose handler panicked. The panic's text may hold anything and stays out of both
/// the answer and the log line.
pub(super) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    Refusal::defect(Panicked).into_response()
}

#[derive(Debug, thiserror::Error)]
#[error("a handler panicked")]
struct Panicked;

#[cfg(test)]
mod tests {
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
