//! How long anybody waits for a store: a call by itself, and a request for all its calls together.
//!
//! A request that makes three calls of a store that is slow must not take three times as long as one that makes one.
//! What it waits for elsewhere, as for a hash, does not count.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use portcullis::{Clock, SystemClock};
use tokio::time::timeout;

use super::{StoreError, StoreErrorKind};

/// How long a call waits at most for a place and an answer together, and the calls of one request together.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

tokio::task_local! {
    /// What the request that a task serves has waited, in microseconds.
    static WAITED: Arc<AtomicU64>;
}

/// Serves a request, whose calls of a store share one patience of two seconds.
pub fn of_one_request<T>(request: impl Future<Output = T>) -> impl Future<Output = T> {
    WAITED.scope(Arc::default(), request)
}

/// Does a part of a request that goes on by itself, on a task of its own: its calls count as the request's.
pub fn of_the_same_request<T>(part: impl Future<Output = T>) -> impl Future<Output = T> {
    let waited = WAITED.try_with(Arc::clone).unwrap_or_default();
    WAITED.scope(waited, part)
}

/// Whether a request asks, and not a job: for stores that stand in front of another, as those of the tests do.
pub fn is_of_a_request() -> bool {
    WAITED.try_with(|_| ()).is_ok()
}

/// Waits for what a request asks of a store in many calls, which may each have a time of their own: no longer than for one
/// call.
///
/// # Errors
/// Theirs, and [`StoreErrorKind::Unavailable`] when the patience is over.
pub async fn within_patience<T>(calls: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = || StoreError::new(StoreErrorKind::Unavailable, "the store did not answer in time");
    wait_for(calls).await.unwrap_or_else(|| Err(late()))
}

/// Waits for a call, if it is over before the patience is; `None` where it is not.
pub(super) async fn wait_for<T>(call: impl Future<Output = T>) -> Option<T> {
    let Ok(waited) = WAITED.try_with(Arc::clone) else {
        // A job's.
        return timeout(PATIENCE, call).await.ok();
    };
    let left = PATIENCE.saturating_sub(Duration::from_micros(waited.load(Ordering::Relaxed)));
    let began = SystemClock.monotonic();
    let answer = timeout(left, call).await.ok();
    let took = SystemClock.monotonic().saturating_duration_since(began);
    waited.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX / 2), Ordering::Relaxed);
    answer
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    async fn waiting(calls: usize) -> Duration {
        let began = SystemClock.monotonic();
        for _ in 0..calls {
            assert!(wait_for(pending::<()>()).await.is_none());
        }
        SystemClock.monotonic().saturating_duration_since(began)
    }

    #[tokio::test]
    async fn the_calls_of_a_request_share_one_patience_and_others_have_their_own() {
        let of_a_request = of_one_request(async {
            let elsewhere = tokio::spawn(of_the_same_request(waiting(2)));
            elsewhere.await.unwrap() + waiting(2).await
        });
        let (of_a_request, of_another, of_a_job) =
            tokio::join!(of_a_request, of_one_request(waiting(1)), waiting(1));
        for took in [of_a_request, of_another, of_a_job] {
            assert!((PATIENCE..PATIENCE + Duration::from_secs(1)).contains(&took), "{took:?}");
        }
    }

    #[tokio::test]
    async fn many_calls_are_waited_for_like_one() {
        let answer = of_one_request(async {
            // All but a tenth of a second of it is spent already.
            let most = PATIENCE.saturating_sub(Duration::from_millis(100));
            let _slow = wait_for(timeout(most, pending::<()>())).await;
            within_patience(pending::<Result<(), StoreError>>()).await
        });
        assert_eq!(answer.await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    }

    #[tokio::test]
    async fn what_is_waited_for_elsewhere_does_not_count() {
        of_one_request(async {
            let _hash = timeout(Duration::from_millis(300), pending::<()>()).await;
            assert_eq!(wait_for(async { 7 }).await, Some(7));
            let waited = WAITED.with(|waited| waited.load(Ordering::Relaxed));
            assert!(waited < 100_000, "{waited}");
        })
        .await;
    }
}
