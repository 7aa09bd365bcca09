//! When it is to be said that something was turned away: at the first, and then once in a while with how many there
//! were, so that whoever floods fills neither the log nor the store.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::Excess;

/// What is turned away of one kind.
pub(super) struct Quiet {
    what: &'static str,
    /// Turned away and not yet said.
    unsaid: AtomicU64,
    /// From when on it is said again, in seconds since the service was opened.
    until: AtomicU64,
}

impl Quiet {
    /// How long nothing more is said.
    const SECONDS: u64 = 10;

    pub(super) fn new(what: &'static str) -> Self {
        Self { what, unsaid: AtomicU64::new(0), until: AtomicU64::new(0) }
    }

    /// Notes that one was turned away; answers what there is to say, if it is time.
    pub(super) fn note(&self, now: Duration) -> Option<Excess> {
        self.unsaid.fetch_add(1, Ordering::Relaxed);
        let now = now.as_secs();
        let over = |until: u64| (now >= until).then_some(now + Self::SECONDS);
        self.until.try_update(Ordering::Relaxed, Ordering::Relaxed, over).ok()?;
        Some(Excess { what: self.what, count: self.unsaid.swap(0, Ordering::Relaxed) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_said_at_its_start_and_then_once_in_a_while() {
        // LOG-09
        let logins = Quiet::new("logins");
        let mut said = Vec::new();
        for second in 0..30 {
            said.extend((0..1000).filter_map(|_| logins.note(Duration::from_secs(second))));
        }
        assert_eq!(said.iter().map(|excess| excess.count).collect::<Vec<_>>(), [1, 10_000, 10_000]);
        assert_eq!(said[0].what, "logins");
    }
}
