//! The edge: what happens to every request and every answer, in one pass.

use std::{
    convert::Infallible,
    error::Error,
    future::{Future, poll_fn},
    mem,
    net::{IpAddr, SocketAddr},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::{
    BoxError, Router,
    body::{Body, Bytes, HttpBody},
    extract::{Request, connect_info::IntoMakeServiceWithConnectInfo},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header},
    response::{IntoResponse, Response},
};
use portcullis::AuthError;
use tower::{Layer, ServiceExt, service_fn};
use tower_http::cors::CorsLayer;
use tower_service::Service;
use tracing::field;

use super::{cors, error::Refusal, metrics, passage::Passage};
use crate::{
    causes::causes,
    request::{RequestId, RequestIds, serve},
    state::AppState,
};

/// The largest head of a request, address and headers together: 32 KiB. Four of the longest tokens fit into it.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Who may show what is here within other pages (Fetch standard); without it a page could measure answers.
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// For how long browsers come over https alone.
const TWO_YEARS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// The request's id.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every answer says, errors included (OWASP REST Security Cheat Sheet). Nothing here is a page, so nothing may be
/// loaded, framed or kept.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

/// Whom a service is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Everybody, browsers and the pages of listed origins among them.
    Everybody,
    /// Those who run it, without TLS: no page has to read what is there.
    Operators,
}

/// The service: its routes, and the edge around them. Cheap to clone; the clones are one service.
#[derive(Clone)]
pub struct App(Arc<Edge>);

impl App {
    /// The service of some routes.
    pub(super) fn new(routes: Router, state: &AppState, reach: Reach) -> Self {
        let mut headers: HeaderMap = HEADERS.into_iter().collect();
        let cors = match reach {
            Reach::Everybody => cors::layer(state),
            Reach::Operators => None,
        };
        if state.web().https_only && reach == Reach::Everybody {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, TWO_YEARS);
        }
        let ids = RequestIds::default();
        Self(Arc::new(Edge { routes, state: state.clone(), cors, headers, ids }))
    }

    /// What a listener takes: the service for each connection, which tells it the other end's address.
    pub fn into_make_service(self) -> IntoMakeServiceWithConnectInfo<Self, SocketAddr> {
        axum::ServiceExt::<Request>::into_make_service_with_connect_info(self)
    }
}

impl<B> Service<Request<B>> for App
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (edge, request) = (self.0.clone(), request.map(Body::new));
        Box::pin(async move { Ok(edge.answer(request).await) })
    }
}

/// What stands around the routes, and what it goes by.
struct Edge {
    routes: Router,
    state: AppState,
    cors: Option<CorsLayer>,
    /// Those of every answer.
    headers: HeaderMap,
    ids: RequestIds,
}

impl Edge {
    /// Names the request, finds out where it comes from, bounds its time, catches what panics, writes a refusal in the
    /// configured style, tells pages of other origins whether they may, sets the headers of every answer, and logs one line.
    async fn answer(&self, mut request: Request) -> Response {
        let state = &self.state;
        let (started, id) = (state.clock().monotonic(), self.ids.next());
        let counted = metrics::requests(state).begin();
        let method = request.method().clone();
        // First, since what is taken out of the head was sent too.
        let refused = malformed(&request);
        let passage = Passage::begin(&mut request, state.proxies());
        // Ours, whatever the client sent: an id that a stranger chooses is no help in a log.
        serve(Some(id), async {
            let mut response = match refused {
                Some(refusal) => written(refusal.into_response(), state),
                None => self.shared(request, started).await,
            };
            self.set_headers(response.headers_mut(), id);
            if state.is_stopping() || !passage.is_body_read() {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            let took = state.clock().monotonic().duration_since(started);
            counted.answered(&method, passage.pattern(), response.status(), took);
            log(&method, passage.pattern(), passage.address(), &response, took);
            response
        })
        .await
    }

    /// The answer, with what pages of other origins are told: around what is written, so that they can read refusals too.
    async fn shared(&self, request: Request, started: Instant) -> Response {
        let cors =
            self.cors.as_ref().filter(|_| *request.method() != Method::OPTIONS || is_preflight(&request));
        let Some(cors) = cors else {
            return written(self.in_time(request, started).await, &self.state);
        };
        let answer = service_fn(async |request: Request| {
            Ok::<_, Infallible>(written(self.in_time(request, started).await, &self.state))
        });
        // Where nobody asked for it, it must not take room in every request's future.
        let Ok(response) = Box::pin(cors.layer(answer).oneshot(request)).await;
        response
    }

    /// What the routes answer, if they do in time: the body has its time in the extractor, the answer as much again.
    ///
    /// A defect ends one request, not its connection or the process; the panic's text may hold anything and stays out of both
    /// the answer and the log.
    async fn in_time(&self, request: Request, started: Instant) -> Response {
        let limit = self.state.limits().request.saturating_mul(2);
        // On the heap before it goes from hand to hand: moving it each time takes longer.
        let mut answer = Box::pin(self.routed(request, started));
        let answer = poll_fn(|context| {
            // What requests share holds no lock over what can panic.
            match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
                Ok(polled) => polled.map(Ok),
                Err(_) => Poll::Ready(Err(Panicked)),
            }
        });
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(response)) => response,
            Ok(Err(panicked)) => {
                self.state.metrics().count_panic();
                Refusal::defect(panicked).into_response()
            }
            Err(late) => Refusal::unavailable().caused_by(late).into_response(),
        }
    }

    async fn routed(&self, request: Request, started: Instant) -> Response {
        self.state.keep_hearing(started).await;
        let Ok(response) = self.routes.clone().call(request).await;
        response
    }

    /// What every answer says, unless it says it otherwise itself.
    fn set_headers(&self, headers: &mut HeaderMap, id: RequestId) {
        // A copy of a whole map takes less than putting one after another into the answer's.
        let own = mem::replace(headers, self.headers.clone());
        headers.extend(own);
        headers.extend(id.header().map(|id| (REQUEST_ID, id)));
    }
}

/// Whether a browser asks what a page of another origin may do (Fetch standard): any other `OPTIONS` is a method like others.
fn is_preflight(request: &Request) -> bool {
    let asks = |name| request.headers().contains_key(name);
    asks(header::ORIGIN) && asks(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// What no route should see: a head that is too large, with codings that nobody here undoes (RFC 9112 section 6.1), or
/// without the one `Host`
/// that HTTP/1.1 asks for (section 3.2).
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
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let is_missing = first.is_none() && request.version() == Version::HTTP_11;
    if is_missing || second.is_some() || first.is_some_and(|host| !is_host(host)) {
        return Some(Refusal::new(
            StatusCode::BAD_REQUEST,
            "The request must have one Host header, of a host",
        ));
    }
    None
}

/// Whether there is nothing in a value that no host and port of a URI can have (RFC 3986 section 3.2.2): what a proxy takes
/// for another host, or for the end of one, is not let through.
fn is_host(value: &HeaderValue) -> bool {
    let is_of_hosts = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(byte);
    value.as_bytes().iter().all(is_of_hosts)
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

fn log(
    method: &Method,
    route: Option<&'static str>,
    address: Option<IpAddr>,
    response: &Response,
    took: Duration,
) {
    let route = route.unwrap_or("unknown");
    let (status, us) = (response.status().as_u16(), u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    let address = address.map(field::display);
    // A method may be any word a stranger makes up.
    let known = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
    ];
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
