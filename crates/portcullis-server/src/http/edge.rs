//! The edge: what happens to every request and every answer, in one pass.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    mem,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    BoxError, Router,
    body::{Body, Bytes, HttpBody},
    extract::{Request, connect_info::IntoMakeServiceWithConnectInfo},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    response::{IntoResponse, Response},
};
use tower::{Layer, ServiceExt, service_fn};
use tower_http::cors::CorsLayer;
use tower_service::Service;

use super::{
    cors,
    error::Refusal,
    head::malformed,
    metrics,
    passage::Passage,
    trace::{log, written},
};
use crate::{
    request::{RequestId, RequestIds, serve},
    state::AppState,
};

/// Who may show what is here within other pages (Fetch standard); without it a page could measure answers.
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// For how long browsers come over https alone.
const TWO_YEARS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// The request's id.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every answer says, errors included (OWASP REST Security Cheat Sheet): nothing may be loaded, framed or kept. What an
/// answer says of this itself, as the one page here does, it keeps.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
];

/// For how many headers an answer has room without growing.
const ROOM: usize = 12;

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
        let mut headers = HEADERS.to_vec();
        let cors = match reach {
            Reach::Everybody => cors::layer(state),
            Reach::Operators => None,
        };
        if state.web().https_only && reach == Reach::Everybody {
            headers.push((header::STRICT_TRANSPORT_SECURITY, TWO_YEARS));
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
    headers: Vec<(HeaderName, HeaderValue)>,
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
        // Into a map with room for all: the answer's own would grow step by step.
        let own = mem::replace(headers, HeaderMap::with_capacity(ROOM));
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        headers.extend(id.header().map(|id| (REQUEST_ID, id)));
        headers.extend(own);
    }
}

/// Whether a browser asks what a page of another origin may do (Fetch standard): any other `OPTIONS` is a method like others.
fn is_preflight(request: &Request) -> bool {
    let asks = |name| request.headers().contains_key(name);
    asks(header::ORIGIN) && asks(header::ACCESS_CONTROL_REQUEST_METHOD)
}

#[derive(Debug, thiserror::Error)]
#[error("a handler panicked")]
struct Panicked;
