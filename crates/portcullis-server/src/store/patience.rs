//! How long anybody waits for a store: a call by itself, and a request for all its calls together.
//!
//! A request that makes three calls of a store that is slow must not take three times as long as one that makes one.
//! What it waits for elsewhere, as for a hash, does not count.

use std::{future::Future, time::Duration};

use portcullis::{Clock, SystemClock};
use tokio::time::timeout;

use super::{StoreError, StoreErrorKind};
use crate::request;

/// How long a call waits at most for a place and an answer together, and the calls of one request together.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// Whether a request asks, and not a job: for stores that stand in front of another, as those of the tests do.
pub fn is_of_a_request() -> bool {
    request::waited().is_some()
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
    let Some(waited) = request::waited() else {
        // A job's.
        return timeout(PATIENCE, call).await.ok();
    };
    let left = PATIENCE.saturating_sub(waited.so_far());
    let began = SystemClock.monotonic();
    let answer = timeout(left, call).await.ok();
    waited.add(SystemClock.monotonic().saturating_duration_since(began));
    answer
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::request::{of_the_same, serve};

    async fn waiting(calls: usize) -> Duration {
        let began = SystemClock.monotonic();
        for _ in 0..calls {
            assert!(wait_for(pending::<()>()).await.is_none());
        }
        SystemClock.monotonic().saturating_duration_since(began)
    }

    #[tokio::test]
    async fn the_calls_of_a_request_share_one_patience_and_others_have_their_own() {
        let of_a_request = serve(None, async {
            let elsewhere = tokio::spawn(of_the_same(waiting(2)));
            elsewhere.await.unwrap() + waiting(2).await
        });
        let (of_a_request, of_another, of_a_job) =
            tokio::join!(of_a_request, serve(None, waiting(1)), waiting(1));
        for took in [of_a_request, of_another, of_a_job] {
            assert!((PATIENCE..PATIENCE + Duration::from_secs(1)).contains(&took), "{took:?}");
        }
    }

    #[tokio::test]
    async fn many_calls_are_waited_for_like_one() {
        let answer = serve(None, async {
            // All but a tenth of a second of it is spent already.
            let most = PATIENCE.saturating_sub(Duration::from_millis(100));
            let _slow = wait_for(timeout(most, pending::<()>())).await;
            within_patience(pending::<Result<(), StoreError>>()).await
        });
        assert_eq!(answer.await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    }

    #[tokio::test]
    async fn what_is_waited_for_elsewhere_does_not_count() {
        serve(None, async {
            let _hash = timeout(Duration::from_millis(300), pending::<()>()).await;
            assert_eq!(wait_for(async { 7 }).await, Some(7));
            let waited = request::waited().unwrap().so_far();
            assert!(waited < Duration::from_millis(100), "{waited:?}");
        })
        .await;
    }
}
