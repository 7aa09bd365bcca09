//! What is known of a request on its way through the service, beside what it says itself.

use std::{
    net::IpAddr,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{body::HttpBody as _, extract::Request, http::Extensions};

use super::client_address;
use crate::state::Proxies;

/// A request's passage, which the edge puts into it and looks at again when the answer is there.
#[derive(Clone)]
pub(super) struct Passage(Arc<Inner>);

struct Inner {
    address: Option<IpAddr>,
    route: OnceLock<&'static str>,
    body_read: AtomicBool,
}

impl Passage {
    /// Begins one: finds out where the request comes from.
    pub(super) fn begin(request: &mut Request, peer: Option<IpAddr>, proxies: &Proxies) -> Self {
        let address = client_address::settle(request.headers_mut(), peer, proxies);
        let body_read = AtomicBool::new(request.body().is_end_stream());
        let passage = Self(Arc::new(Inner { address, route: OnceLock::new(), body_read }));
        request.extensions_mut().insert(passage.clone());
        passage
    }

    /// That of a request; none for one that did not come over the edge.
    pub(super) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Where the request comes from; none for one that came over no connection, as a test's.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.0.address
    }

    /// Notes the pattern of the route that answers.
    pub(super) fn answered_by(&self, route: &'static str) {
        let _ = self.0.route.set(route);
    }

    /// The route's pattern, never the path: a path is a stranger's text.
    pub(super) fn pattern(&self) -> Option<&'static str> {
        self.0.route.get().copied()
    }

    /// Notes that the request's body was read to its end.
    pub(super) fn body_is_read(&self) {
        self.0.body_read.store(true, Ordering::Relaxed);
    }

    /// Whether it was. A connection with an unread rest cannot be used again, and its client is told so, whoever answered.
    pub(super) fn is_body_read(&self) -> bool {
        self.0.body_read.load(Ordering::Relaxed)
    }
}
