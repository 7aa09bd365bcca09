//! Saying in the log that something is turned away, without filling it: a line at the first, and then one in a while
//! that says how many there were.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// What is turned away of one kind.
pub(super) struct Excess {
    what: &'static str,
    /// Turned away and not yet said.
    unsaid: AtomicU64,
    /// From when on the next line is written, in seconds since the service was opened.
    quiet_until: AtomicU64,
}

impl Excess {
    /// How long nothing more is said.
    const QUIET: u64 = 10;

    pub(super) fn new(what: &'static str) -> Self {
        Self { what, unsaid: AtomicU64::new(0), quiet_until: AtomicU64::new(0) }
    }

    /// Notes that one was turned away that came from an address.
    pub(super) fn note(&self, now: Duration, address: IpAddr) {
        if let Some(count) = self.to_say(now) {
            let what = self.what;
            tracing::warn!(what, count, %address, "{what} are turned away by the limits, {count} since this was said last");
        }
    }

    /// Counts one, and says how many there are to say, if it is time.
    fn to_say(&self, now: Duration) -> Option<u64> {
        self.unsaid.fetch_add(1, Ordering::Relaxed);
        let now = now.as_secs();
        let over = |quiet_until: u64| (now >= quiet_until).then_some(now + Self::QUIET);
        self.quiet_until.try_update(Ordering::Relaxed, Ordering::Relaxed, over).ok()?;
        Some(self.unsaid.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_said_at_its_start_and_then_once_in_a_while() {
        // LOG-09
        let excess = Excess::new("logins");
        let mut said = Vec::new();
        for second in 0..30 {
            said.extend((0..1000).filter_map(|_| excess.to_say(Duration::from_secs(second))));
        }
        assert_eq!(said, [1, 10_000, 10_000]);
    }
}
