//! How long no password is accepted after logins that failed: longer with each, so that guessing gets nowhere, and never
//! for so long that somebody else's guesses shut the owner out for good.

use std::time::{Duration, SystemTime};

use crate::model::Failures;

/// What a configuration decides about locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockPolicy {
    /// How many logins may fail in a row without a lock.
    pub free_failures: u32,
    /// How long the lock of the first failure beyond those is; each further one doubles it.
    pub first_delay: Duration,
    /// How long a lock is at most.
    pub max_delay: Duration,
}

impl LockPolicy {
    /// How long no password is accepted after so many failures in a row.
    pub fn delay(&self, failures: u32) -> Duration {
        match failures.checked_sub(self.free_failures) {
            None | Some(0) => Duration::ZERO,
            Some(beyond) => {
                let doubled = 1_u32.checked_shl(beyond - 1);
                let delay = doubled.and_then(|times| self.first_delay.checked_mul(times));
                delay.map_or(self.max_delay, |delay| delay.min(self.max_delay))
            }
        }
    }

    /// The delays of the failures beyond the free ones, one after another, up to the one that all further ones have: from
    /// then on they double no more.
    pub fn delays(&self) -> impl Iterator<Item = Duration> {
        (1..=u32::BITS + 1).map(|beyond| self.delay(self.free_failures.saturating_add(beyond)))
    }
}

/// The failures after another one, of which there are `count` now. A lock that lasts longer already stays.
pub fn locked(before: Failures, count: u32, policy: Option<&LockPolicy>, now: SystemTime) -> Failures {
    let delay = policy.map_or(Duration::ZERO, |policy| policy.delay(count));
    let until = (delay > Duration::ZERO).then(|| now.checked_add(delay)).flatten();
    Failures { count, locked_until: until.max(before.locked_until) }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    const POLICY: LockPolicy = LockPolicy {
        free_failures: 4,
        first_delay: Duration::from_secs(1),
        max_delay: Duration::from_mins(15),
    };

    #[test]
    fn each_failure_beyond_the_free_ones_doubles_the_delay_up_to_the_longest() {
        // LOG-05
        for (failures, seconds) in [
            (0, 0),
            (1, 0),
            (4, 0),
            (5, 1),
            (6, 2),
            (7, 4),
            (14, 512),
            (15, 900),
            (36, 900),
            (37, 900),
            (68, 900),
            (u32::MAX, 900),
        ] {
            assert_eq!(POLICY.delay(failures), Duration::from_secs(seconds), "{failures}");
        }
        let delays: Vec<_> = POLICY.delays().collect();
        for beyond in 1..=80_usize {
            let delay = delays.get(beyond - 1).or(delays.last());
            assert_eq!(delay, Some(&POLICY.delay(4 + u32::try_from(beyond).unwrap())), "{beyond}");
        }
        let at_once = LockPolicy { free_failures: 0, ..POLICY };
        assert_eq!((at_once.delay(0), at_once.delay(1)), (Duration::ZERO, Duration::from_secs(1)));
        let endless = LockPolicy { first_delay: Duration::MAX, ..POLICY };
        assert_eq!(endless.delay(6), POLICY.max_delay);
    }

    #[test]
    fn a_lock_is_never_made_shorter_and_none_is_made_without_a_policy() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let until = |seconds| Failures { count: 9, locked_until: Some(at(seconds)) };
        let lock = |before, policy| locked(before, 5, policy, at(100)).locked_until;
        assert_eq!(lock(Failures::default(), Some(&POLICY)), Some(at(101)));
        assert_eq!(lock(until(50), Some(&POLICY)), Some(at(101)));
        assert_eq!(lock(until(500), Some(&POLICY)), Some(at(500)));
        assert_eq!(lock(Failures::default(), None), None);
        assert_eq!(lock(until(500), None), Some(at(500)));
        assert_eq!(locked(Failures::default(), 4, Some(&POLICY), at(100)).locked_until, None);
        assert!(until(101).lock_at(at(100)) && !until(101).lock_at(at(101)), "its end is outside of it");
    }
}
