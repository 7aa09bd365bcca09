//! How well a node hears of what others revoke, asked at every verification.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::store::StoreError;

/// Since when nothing was heard, and whether that is too long ago.
///
/// Only whoever listens looks at the clock; a verification reads one flag.
pub(super) struct Hearing {
    /// Nothing was heard for longer than may be.
    lost: AtomicBool,
    /// Nobody listens any more.
    stopped: AtomicBool,
    /// The last attempt failed.
    behind: AtomicBool,
    /// The store tells by itself.
    told: AtomicBool,
    /// That it does not has been said.
    untold_said: AtomicBool,
    /// When the last attempt went well, by the steady clock.
    heard_at: Mutex<Instant>,
}

impl Hearing {
    /// A node that has just heard everything.
    pub(super) fn since(now: Instant) -> Self {
        Self {
            lost: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            behind: AtomicBool::new(false),
            told: AtomicBool::new(false),
            untold_said: AtomicBool::new(false),
            heard_at: Mutex::new(now),
        }
    }

    /// Whether a token that is not on the list may be on it elsewhere, for longer than may be.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Whether the last attempt failed.
    pub(super) fn is_behind(&self) -> bool {
        self.behind.load(Ordering::Relaxed)
    }

    /// Whether the store tells by itself.
    pub(super) fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// Notes that the store has begun to tell.
    pub(super) fn begins_to_tell(&self) {
        tracing::info!("the store tells of revocations as they come");
        self.told.store(true, Ordering::Relaxed);
        self.untold_said.store(false, Ordering::Relaxed);
    }

    /// Notes that it does not tell, or no more; said once.
    pub(super) fn does_not_tell(&self, error: Option<&StoreError>) {
        self.told.store(false, Ordering::Relaxed);
        if self.untold_said.swap(true, Ordering::Relaxed) {
            return;
        }
        match error {
            None => tracing::info!("the store is asked for revocations: it does not tell by itself"),
            Some(error) => {
                tracing::warn!(%error, "the store is asked for revocations more often: it does not tell of them");
            }
        }
    }

    /// Notes that everything up to now was heard. Where nobody listens any more that is no comfort: a request may ask
    /// once, and nobody after it.
    pub(super) fn heard(&self, now: Instant) {
        if self.stopped.load(Ordering::Relaxed) {
            return;
        }
        *self.heard_at.lock().unwrap_or_else(PoisonError::into_inner) = now;
        let (behind, lost) =
            (self.behind.swap(false, Ordering::Relaxed), self.lost.swap(false, Ordering::Relaxed));
        if behind || lost {
            tracing::info!("other nodes' revocations are heard again");
        }
    }

    /// Notes that it could not be heard; said once, and once more when it has been too long.
    pub(super) fn failed(&self, error: &StoreError, now: Instant, longest: Duration) {
        if !self.behind.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "other nodes' revocations cannot be heard; trying on");
        }
        let heard_at = *self.heard_at.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(heard_at) > longest && !self.lost.swap(true, Ordering::Relaxed) {
            let seconds = longest.as_secs();
            tracing::error!(
                %error,
                "other nodes' revocations were not heard for {seconds} s: tokens cannot be checked until they are"
            );
        }
    }

    /// Notes that nobody listens any more.
    pub(super) fn lose(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.lost.store(true, Ordering::Relaxed);
    }
}
