//! How many names have failed from one address: who tries a leaked password on everybody, or everybody's leaked
//! password, is at one address with many names.
//!
//! An address has a number, its failed names in a window that begins with the first of them; when there are too many it
//! is blocked. A name counts once in a window, which a second table knows. Both tables have a fixed size, and a keyed
//! hash picks the place. Two addresses that share one add up, which is rare and far from a block, as a window has few
//! names. A name whose place another one took counts once more, and is kept from doing so often by its own limit.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::buckets::cell;

/// How many names of one address may fail, and what happens then.
#[derive(Clone, Copy, Debug)]
pub struct NamesRule {
    /// So many failed names block an address.
    pub most: u32,
    /// In so much time.
    pub window: Duration,
    /// For so long.
    pub block: Duration,
}

/// The failed names of all addresses.
pub(super) struct FailedNames {
    rule: NamesRule,
    /// By address: the second in which its window or its block began, and its count.
    addresses: OnceLock<Box<[AtomicU64]>>,
    /// By address and name: other bits of the hash, and the second in which it was counted.
    counted: OnceLock<Box<[AtomicU64]>>,
}

/// The count of an address that is blocked.
const BLOCKED: u32 = u32::MAX;

impl FailedNames {
    /// 2 MiB: of a million addresses with a failed name each, four share a place.
    const ADDRESSES: usize = 1 << 18;

    /// 1 MiB.
    const NAMES: usize = 1 << 17;

    pub(super) fn new(rule: NamesRule) -> Self {
        Self { rule, addresses: OnceLock::new(), counted: OnceLock::new() }
    }

    /// How long an address is still blocked, if it is.
    pub(super) fn blocked(&self, address: u64, now: Duration) -> Option<Duration> {
        let (began, count) = halves(self.address(address).load(Ordering::Relaxed));
        let until = Duration::from_secs(began.into()) + self.rule.block;
        let left = until.checked_sub(now).filter(|left| !left.is_zero());
        left.filter(|_| count == BLOCKED)
    }

    /// Notes that a name failed from an address. `true` where it was one too many, which blocks the address.
    pub(super) fn failed(&self, address: u64, address_and_name: u64, now: Duration) -> bool {
        if !self.is_news(address_and_name, now) {
            return false;
        }
        let second = second(now);
        let next = |cell: u64| {
            let (began, count) = halves(cell);
            let over = if count == BLOCKED { self.rule.block } else { self.rule.window };
            let (began, count) = match count {
                0 => (second, 1),
                _ if now >= Duration::from_secs(began.into()) + over => (second, 1),
                BLOCKED => (began, BLOCKED),
                count => (began, count + 1),
            };
            if count != BLOCKED && count >= self.rule.most {
                whole(second, BLOCKED)
            } else {
                whole(began, count)
            }
        };
        let before = self.address(address).update(Ordering::Relaxed, Ordering::Relaxed, next);
        halves(before).1 != BLOCKED && halves(next(before)).1 == BLOCKED
    }

    /// Whether this name of this address has not been counted in a window.
    fn is_news(&self, address_and_name: u64, now: Duration) -> bool {
        let cell = cell(&self.counted, Self::NAMES, address_and_name);
        let (mark, second) = (halves(address_and_name).0, second(now));
        let count = |cell: u64| {
            let (at, counted) = halves(cell);
            let lately = cell != 0 && now < Duration::from_secs(at.into()) + self.rule.window;
            (counted != mark || !lately).then(|| whole(second, mark))
        };
        cell.try_update(Ordering::Relaxed, Ordering::Relaxed, count).is_ok()
    }

    fn address(&self, address: u64) -> &AtomicU64 {
        cell(&self.addresses, Self::ADDRESSES, address)
    }
}

/// A moment as tables keep it: the seconds since the service was opened, for a hundred years.
fn second(now: Duration) -> u32 {
    u32::try_from(now.as_secs()).unwrap_or(u32::MAX)
}

fn whole(second: u32, count: u32) -> u64 {
    u64::from(second) << 32 | u64::from(count)
}

#[expect(clippy::cast_possible_truncation, reason = "the halves of a number")]
fn halves(cell: u64) -> (u32, u32) {
    ((cell >> 32) as u32, cell as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: NamesRule =
        NamesRule { most: 20, window: Duration::from_mins(10), block: Duration::from_mins(15) };

    /// Lets names fail from address 1; says after which the address was blocked.
    fn fail(names: &FailedNames, of: std::ops::Range<u64>, at: u64) -> Option<u64> {
        let mut of = of;
        of.find(|name| names.failed(1, name << 32 | name, Duration::from_secs(at)))
    }

    fn blocked(names: &FailedNames, at: u64) -> Option<u64> {
        names.blocked(1, Duration::from_secs(at)).map(|left| left.as_secs())
    }

    #[test]
    fn the_twentieth_name_in_a_window_blocks_its_address_for_a_while() {
        // LOG-07
        let names = FailedNames::new(RULE);
        assert_eq!((fail(&names, 1..20, 100), blocked(&names, 100)), (None, None));
        assert_eq!((fail(&names, 20..21, 699), blocked(&names, 699)), (Some(20), Some(900)));
        assert_eq!(names.blocked(2, Duration::from_secs(699)), None);
        // What fails meanwhile, from a device that is known, makes it no longer.
        assert_eq!((fail(&names, 21..60, 1000), blocked(&names, 1598)), (None, Some(1)));
        assert_eq!(blocked(&names, 1599), None);
        assert_eq!((fail(&names, 100..120, 1599), blocked(&names, 1599)), (Some(119), Some(900)));
    }

    #[test]
    fn a_window_that_is_over_counts_no_more() {
        let names = FailedNames::new(RULE);
        assert_eq!(fail(&names, 1..20, 0), None);
        assert_eq!(fail(&names, 20..39, 600), None);
        assert_eq!(fail(&names, 39..40, 601), Some(39));
    }

    #[test]
    fn one_name_counts_once_however_often_it_fails() {
        let names = FailedNames::new(RULE);
        for at in 0..2000 {
            assert_eq!(fail(&names, 1..20, at), None);
        }
    }

    #[test]
    fn names_that_are_tried_again_and_again_count_in_each_window() {
        let names = FailedNames::new(RULE);
        let mut rounds = 0..100;
        // Ten new ones every five minutes, and all the old ones with them.
        let block = rounds.find(|round| fail(&names, 1..(round + 1) * 10, round * 300).is_some());
        assert!(block.is_some_and(|round| round <= 3), "{block:?}");
    }
}
