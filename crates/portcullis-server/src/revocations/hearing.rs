//! How well a node hears of what others revoke, asked at every verification.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use crate::store::StoreError;

/// Since when nothing was heard, and whether that is too long ago.
///
/// Whoever listens looks at the clock, and the edge with every request: a node that stood still for a while, and with it
/// whoever listens, must not go on by what it knew. A verification reads one flag.
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
    /// When this began, by the steady clock.
    began: Instant,
    /// When the last attempt went well, in milliseconds since then.
    heard_at: AtomicU64,
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
            began: now,
            heard_at: AtomicU64::new(0),
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
        self.heard_at.store(self.since_began(now), Ordering::Relaxed);
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
        self.look_at(now, longest);
    }

    /// Whether it has been too long, and nobody has said so yet.
    pub(super) fn is_overdue(&self, now: Instant, longest: Duration) -> bool {
        self.silence(now) > longest && !self.is_lost()
    }

    /// Looks whether it has been too long; said once.
    pub(super) fn look_at(&self, now: Instant, longest: Duration) {
        if self.is_overdue(now, longest) && !self.lost.swap(true, Ordering::Relaxed) {
            let seconds = longest.as_secs();
            tracing::error!(
                "other nodes' revocations were not heard for {seconds} s: tokens cannot be checked until they are"
            );
        }
    }

    /// How long ago the last attempt went well.
    pub(super) fn silence(&self, now: Instant) -> Duration {
        Duration::from_millis(self.since_began(now).saturating_sub(self.heard_at.load(Ordering::Relaxed)))
    }

    fn since_began(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }

    /// Notes that nobody listens any more.
    pub(super) fn lose(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.lost.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use portcullis::{Clock, SystemClock};

    use super::*;

    #[test]
    fn a_node_that_stood_still_knows_before_it_has_tried_to_hear() {
        let (began, longest) = (SystemClock.monotonic(), Duration::from_secs(5));
        let hearing = Hearing::since(began);
        hearing.look_at(began + longest, longest);
        assert!(!hearing.is_lost());
        hearing.look_at(began + longest + Duration::from_millis(1), longest);
        assert!(hearing.is_lost());
        hearing.heard(began + 2 * longest);
        hearing.look_at(began + 3 * longest, longest);
        assert!(!hearing.is_lost());
        hearing.lose();
        hearing.heard(began + 3 * longest);
        assert!(hearing.is_lost(), "nobody listens any more");
    }
}
