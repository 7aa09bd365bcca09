//! The id of a request: what its answer and every line of the log about it have in common.

use std::{
    fmt,
    future::Future,
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

use axum::http::HeaderValue;
use uuid::Uuid;

tokio::task_local! {
    /// The request that a task serves. Not a span of the log's: one is made and formatted for every request, and nearly
    /// none of them has anything to say.
    static CURRENT: RequestId;
}

/// A request's name: a UUID of version 8 (RFC 9562 section 5.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(Uuid);

impl RequestId {
    /// That of the request which the present task serves.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|id| *id).ok()
    }

    /// Serves a request under its name.
    pub(super) fn scope<T>(self, request: impl Future<Output = T>) -> impl Future<Output = T> {
        CURRENT.scope(self, request)
    }

    pub(super) fn header(self) -> Option<HeaderValue> {
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
pub(super) struct RequestIds {
    key: RandomState,
    count: AtomicU64,
}

impl RequestIds {
    pub(super) fn next(&self) -> RequestId {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let halves = [0_u8, 1].map(|half| self.key.hash_one((number, half)));
        let bytes = Uuid::from_u64_pair(halves[0], halves[1]).into_bytes();
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
        assert_eq!(id.scope(async { RequestId::current() }).await, Some(id));
        assert_eq!(RequestId::current(), None);
    }
}
