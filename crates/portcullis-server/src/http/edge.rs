//! The edge: what happens to every request and every answer, in one pass.

use std::{
    convert::Infallible,
    future::{Future, poll_fn, ready},
    mem,
    net::{IpAddr, SocketAddr},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    BoxError, Router,
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    response::{IntoResponse, Response},
    routing::future::RouteFuture,
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
    trace::{log, write_refusal},
};
use crate::{
    request::{RequestId, RequestIds, Serving, serve},
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
pub struct App {
    edge: Arc<Edge>,
    /// The other end of the connection that this one answers on.
    peer: Option<IpAddr>,
}

impl App {
    /// The service of some routes.
    pub(super) fn new(routes: Router, state: &AppState, reach: Reach) -> Self {
        let mut headers = HeaderMap::with_capacity(ROOM);
        headers.extend(HEADERS);
        let cors = match reach {
            Reach::Everybody => cors::layer(state),
            Reach::Operators => None,
        };
        if state.web().https_only && reach == Reach::Everybody {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, TWO_YEARS);
        }
        let ids = RequestIds::default();
        let edge = Edge { routes, state: state.clone(), cors, headers, ids };
        Self { edge: Arc::new(edge), peer: None }
    }

    /// The same service for a connection, whose other end has this address.
    #[must_use]
    pub fn connected(&self, peer: IpAddr) -> Self {
        Self { edge: self.edge.clone(), peer: Some(peer) }
    }

    /// What a listener takes: makes the service for each connection.
    pub fn into_make_service(
        self,
    ) -> impl Service<SocketAddr, Response = Self, Error = Infallible, Future: Send> + Clone + Send {
        service_fn(move |peer: SocketAddr| ready(Ok(self.connected(peer.ip()))))
    }
}

impl<B> Service<Request<B>> for App
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Serving<Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // Ours, whatever the client sent: an id that a stranger chooses is no help in a log.
        let id = self.edge.ids.next();
        serve(Some(id), Box::pin(self.edge.clone().answer(id, self.peer, request.map(Body::new))))
    }
}

/// What stands around the routes, and what it goes by.
struct Edge {
    routes: Router,
    state: AppState,
    cors: Option<CorsLayer>,
    /// Those of every answer, in a map with room for an answer's own.
    headers: HeaderMap,
    ids: RequestIds,
}

/// Who answers a request.
enum Answering {
    /// Its route.
    Route(RouteFuture<Infallible>),
    /// Its route, and pages of other origins are told whether they may.
    Shared(CorsLayer, Request),
    /// Nobody: its head is malformed.
    Nobody(Refusal),
}

impl Edge {
    /// Finds out where the request comes from, bounds its time, catches what panics, writes a refusal in the configured
    /// style, tells pages of other origins whether they may, sets the headers of every answer, and logs one line.
    ///
    /// A request and an answer are some hundred bytes each. What is large is made where it stays, since from hand to hand
    /// it would be moved each time.
    fn answer(
        self: Arc<Self>,
        id: RequestId,
        peer: Option<IpAddr>,
        mut request: Request,
    ) -> impl Future<Output = Result<Response, Infallible>> + Send {
        let started = self.state.clock().monotonic();
        let method = request.method().clone();
        // First, since what is taken out of the head was sent too.
        let refused = malformed(&request);
        let passage = Passage::begin(&mut request, peer, self.state.proxies());
        let answering = match refused {
            Some(refusal) => Answering::Nobody(refusal),
            None => self.answering(request),
        };
        async move {
            let state = &self.state;
            let counted = metrics::requests(state).begin();
            let mut response = match answering {
                Answering::Route(route) => self.in_time(pin!(route), started).await,
                Answering::Shared(cors, request) => Box::pin(self.shared(cors, request, started)).await,
                Answering::Nobody(refusal) => {
                    let mut response = refusal.into_response();
                    write_refusal(&mut response, state);
                    response
                }
            };
            self.set_headers(response.headers_mut(), id);
            if state.is_stopping() || !passage.is_body_read() {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            let took = state.clock().monotonic().duration_since(started);
            counted.answered(&method, passage.pattern(), response.status(), took);
            log(&method, passage.pattern(), passage.address(), &response, took);
            Ok(response)
        }
    }

    fn answering(&self, request: Request) -> Answering {
        match &self.cors {
            Some(cors) if *request.method() != Method::OPTIONS || is_preflight(&request) => {
                Answering::Shared(cors.clone(), request)
            }
            _ => Answering::Route(self.routed(request)),
        }
    }

    fn routed(&self, request: Request) -> RouteFuture<Infallible> {
        self.routes.clone().call(request)
    }

    /// The answer, with what pages of other origins are told: around what is written, so that they can read refusals too.
    async fn shared(&self, cors: CorsLayer, request: Request, started: Instant) -> Response {
        let answer = service_fn(async |request: Request| {
            Ok::<_, Infallible>(self.in_time(pin!(self.routed(request)), started).await)
        });
        let Ok(response) = cors.layer(answer).oneshot(request).await;
        response
    }

    /// What a route answers, if it does in time, as the client sees it: the body has its time in the extractor, the answer
    /// as much again.
    ///
    /// A defect ends one request, not its connection or the process; the panic's text may hold anything and stays out of both
    /// the answer and the log.
    async fn in_time(&self, route: Pin<&mut RouteFuture<Infallible>>, started: Instant) -> Response {
        let mut answer = pin!(async {
            self.state.keep_hearing(started).await;
            route.await
        });
        let answer = poll_fn(|context| {
            // What requests share holds no lock over what can panic.
            match catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context))) {
                Ok(polled) => polled.map(Ok),
                Err(_) => Poll::Ready(Err(Panicked)),
            }
        });
        let limit = self.state.limits().request.saturating_mul(2);
        let mut response = match tokio::time::timeout(limit, answer).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Err(panicked)) => {
                self.state.metrics().count_panic();
                Refusal::defect(panicked).into_response()
            }
            Err(late) => Refusal::unavailable().caused_by(late).into_response(),
        };
        write_refusal(&mut response, &self.state);
        response
    }

    /// What every answer says, unless it says it otherwise itself.
    fn set_headers(&self, headers: &mut HeaderMap, id: RequestId) {
        // A copy of the map hashes no name, and the answer's own are the fewer.
        let own = mem::replace(headers, self.headers.clone());
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
