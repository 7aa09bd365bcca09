//! The request that a task serves: its id, which every line of the log about it has, and how long it has waited for the
//! store.

use std::{
    fmt,
    future::Future,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::HeaderValue;
use tokio::task::futures::TaskLocalFuture;
use uuid::Uuid;

tokio::task_local! {
    /// Not a span of the log's: one is made and formatted for every request, and nearly none of them has anything to say.
    static SERVED: Arc<Served>;
}

/// What is known of a request while it is served.
#[derive(Debug, Default)]
pub struct Served {
    id: Option<RequestId>,
    /// In microseconds.
    waited: AtomicU64,
}

/// A request being served.
pub type Serving<F> = TaskLocalFuture<Arc<Served>, F>;

/// Serves a request.
pub fn serve<F: Future>(id: Option<RequestId>, request: F) -> Serving<F> {
    SERVED.scope(Arc::new(Served { id, ..Served::default() }), request)
}

/// Does a part of a request that goes on by itself, on a task of its own: what it logs and how long it waits are the
/// request's.
pub fn of_the_same<T>(part: impl Future<Output = T>) -> impl Future<Output = T> {
    let served = SERVED.try_with(Arc::clone).unwrap_or_default();
    SERVED.scope(served, part)
}

/// How long the present task's request has waited for the store; `None` for a task of nobody's request.
pub fn waited() -> Option<Waited> {
    SERVED.try_with(|served| Waited(served.clone())).ok()
}

/// What a request has waited for the store, to be added to.
pub struct Waited(Arc<Served>);

impl Waited {
    /// Until now.
    pub fn so_far(&self) -> Duration {
        Duration::from_micros(self.0.waited.load(Ordering::Relaxed))
    }

    /// Adds to it.
    pub fn add(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX / 2);
        self.0.waited.fetch_add(micros, Ordering::Relaxed);
    }
}

/// A request's name: a UUID of version 8 (RFC 9562 section 5.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(Uuid);

impl RequestId {
    /// That of the request which the present task serves.
    pub fn current() -> Option<Self> {
        SERVED.try_with(|served| served.id).ok().flatten()
    }

    /// The id as a header's value.
    pub fn header(self) -> Option<HeaderValue> {
        let mut text = Uuid::encode_buffer();
        HeaderValue::from_str(self.0.hyphenated().encode_lower(&mut text)).ok()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where ids come from: hashes of a number that grows, by a key of the process. They name, and keep no secret; what the
/// system's randomness costs a request is more than all else here.
#[derive(Default)]
pub struct RequestIds {
    key: RandomState,
    count: AtomicU64,
}

impl RequestIds {
    /// The next one.
    pub fn next(&self) -> RequestId {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let [high, low] = [0_u8, 1].map(|half| self.key.hash_one((number, half)));
        let bytes = Uuid::from_u64_pair(high, low).into_bytes();
        RequestId(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[tokio::test]
    async fn each_request_has_its_own_for_as_long_as_it_is_served() {
        let ids = RequestIds::default();
        let some: HashSet<String> = (0..10_000).map(|_| ids.next().to_string()).collect();
        assert_eq!(some.len(), 10_000);
        let id = ids.next();
        assert_eq!(id.0.get_version_num(), 8);
        let seen = serve(Some(id), async {
            let elsewhere = tokio::spawn(of_the_same(async { RequestId::current() }));
            (RequestId::current(), elsewhere.await.unwrap())
        });
        assert_eq!(seen.await, (Some(id), Some(id)));
        assert_eq!(RequestId::current(), None);
    }
}
