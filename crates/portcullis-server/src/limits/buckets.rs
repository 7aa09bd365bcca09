//! The buckets of one limit: a fixed number of them, however many keys there are.
//!
//! A bucket is one number, the moment at which it is full again (GCRA), and the arithmetic is governor's. Where the
//! numbers are kept is ours. Governor's own stores have an entry a key, and grow with every address that a stranger
//! makes up until somebody sweeps them; one that throws entries out lets him wash away his own. Here a hash picks the
//! bucket, so that no memory is ever added and nothing is thrown out, and keys may share one. To make that harmless
//! there are two rows, in which two keys hardly ever meet twice: a try is turned away only when both its buckets are
//! empty, and whatever passes takes from both. So sharing can lend a key nothing and hardly ever costs it anything,
//! and who does not know the hash cannot choose whom to share with.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use governor::{Quota, RateLimiter, clock, nanos::Nanos, state::StateStore};
use portcullis::Clock;

/// What a bucket is found by: a keyed hash of whatever is limited, so that memory holds no names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(pub(super) u64);

/// The buckets of one limit.
pub(super) struct Buckets {
    limiter: RateLimiter<Key, Cells, Steady>,
    cells: Cells,
}

impl Buckets {
    /// `width` is how many buckets a row has, of eight bytes each.
    pub(super) fn new(quota: Quota, width: usize, time: Steady) -> Self {
        let cells = Cells::new(width, quota.replenish_interval());
        Self { limiter: RateLimiter::new(quota, cells.clone(), time), cells }
    }

    /// Takes one, at once and from nobody else's view in two steps; else says how long there will be none.
    pub(super) fn take(&self, key: Key) -> Result<(), Duration> {
        let now = clock::Clock::now(self.limiter.clock());
        self.limiter.check_key(&key).map_err(|until| until.wait_time_from(now))
    }

    /// Gives back one that was taken. A bucket that is full stays so. What time has brought back of it meanwhile comes
    /// twice, which is no more than the time that a request may take.
    pub(super) fn give_back(&self, key: Key) {
        self.cells.give_back(key);
    }
}

/// The injected steady clock as governor reads it: the time since the service was opened.
#[derive(Clone)]
pub(super) struct Steady {
    clock: Arc<dyn Clock>,
    opened: Instant,
}

impl Steady {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let opened = clock.monotonic();
        Self { clock, opened }
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.monotonic().saturating_duration_since(self.opened)
    }
}

impl clock::Clock for Steady {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.now().into()
    }
}

/// Two rows of numbers. Clones are the same cells.
#[derive(Clone)]
struct Cells(Arc<Rows>);

struct Rows {
    /// Made at the first use: a service that limits nothing has none.
    both: [OnceLock<Box<[AtomicU64]>>; 2],
    width: usize,
    /// One key's tries come one after another: else one could be let in by the first row while another is by the
    /// second, and a hundred at once would pass twice the limit.
    turns: [Mutex<()>; Self::TURNS],
    /// What one try costs, in nanoseconds.
    interval: u64,
}

impl Rows {
    const TURNS: usize = 64;
}

impl Cells {
    fn new(width: usize, interval: Duration) -> Self {
        let interval = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
        let turns = std::array::from_fn(|_| Mutex::default());
        Self(Arc::new(Rows { both: Default::default(), width, turns, interval }))
    }

    /// A key's bucket in each row.
    fn of(&self, Key(hash): Key) -> [&AtomicU64; 2] {
        let [first, second] = &self.0.both;
        [cell(first, self.0.width, hash), cell(second, self.0.width, hash >> 32)]
    }

    fn turn(&self, Key(hash): Key) -> &Mutex<()> {
        // Of bits that pick no bucket, so that keys of one bucket do not wait for each other more than others do.
        at(&self.0.turns, hash >> 20)
    }

    fn give_back(&self, key: Key) {
        for cell in self.of(key) {
            let less = |full_at: u64| full_at.saturating_sub(self.0.interval);
            cell.update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }
}

impl StateStore for Cells {
    type Key = Key;

    fn measure_and_replace<T, F, E>(&self, key: &Key, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let _mine = self.turn(*key).lock().unwrap_or_else(PoisonError::into_inner);
        let [first, second] = self.of(*key);
        match (taken(first, &decide), taken(second, &decide)) {
            (Ok(taken), Ok(_)) => Ok(taken),
            (Ok(taken), Err(_)) => {
                second.fetch_add(self.0.interval, Ordering::Relaxed);
                Ok(taken)
            }
            (Err(_), Ok(taken)) => {
                first.fetch_add(self.0.interval, Ordering::Relaxed);
                Ok(taken)
            }
            (Err(until), Err(later)) => {
                let sooner = first.load(Ordering::Relaxed) <= second.load(Ordering::Relaxed);
                Err(if sooner { until } else { later })
            }
        }
    }
}

/// Takes from one bucket, if it has one, whoever else does at the same time.
fn taken<T, E>(cell: &AtomicU64, decide: impl Fn(Option<Nanos>) -> Result<(T, Nanos), E>) -> Result<T, E> {
    let mut full_at = cell.load(Ordering::Relaxed);
    loop {
        let (taken, next) = decide(Some(full_at.into()))?;
        match cell.compare_exchange_weak(full_at, next.into(), Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return Ok(taken),
            Err(meanwhile) => full_at = meanwhile,
        }
    }
}

/// One of a fixed number of cells, which are made when the first of them is asked for.
pub(super) fn cell(row: &OnceLock<Box<[AtomicU64]>>, width: usize, hash: u64) -> &AtomicU64 {
    at(row.get_or_init(|| (0..width).map(|_| AtomicU64::new(0)).collect()), hash)
}

#[expect(clippy::indexing_slicing, reason = "a remainder is a place; no row is empty")]
#[expect(clippy::cast_possible_truncation, reason = "any part of a hash is one")]
fn at<T>(row: &[T], hash: u64) -> &T {
    &row[hash as usize % row.len()]
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use portcullis::{ManualClock, NumericDate};
    use proptest::prelude::*;

    use super::*;

    const EVERY: Duration = Duration::from_mins(1);

    /// Buckets in rows so narrow that keys have to share, and their clock.
    fn buckets(burst: u32, width: usize) -> (Buckets, ManualClock) {
        let clock = ManualClock::at(NumericDate::from_seconds(0));
        let quota = Quota::with_period(EVERY).unwrap().allow_burst(NonZeroU32::new(burst).unwrap());
        let cells = Cells::new(width, EVERY);
        let time = Steady::new(Arc::new(clock.clone()));
        (Buckets { limiter: RateLimiter::new(quota, cells.clone(), time), cells }, clock)
    }

    /// Of sixteen keys each shares its bucket in the first row with three, and in the second with three others.
    fn key(number: u64) -> Key {
        Key((number % 4) | ((number / 4) << 32))
    }

    #[derive(Clone, Debug)]
    enum Step {
        Take(u64),
        /// Gives back the oldest that was taken, after however long.
        GiveBack,
        Wait(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (0_u64..16).prop_map(Step::Take),
            2 => Just(Step::GiveBack),
            2 => (0_u64..90).prop_map(Step::Wait),
        ];
        prop::collection::vec(step, 1..300)
    }

    proptest! {
        #[test]
        fn never_more_than_the_burst_and_what_time_brings_pass(steps in steps(), burst in 1_u32..6) {
            // LOG-10
            let (buckets, clock) = buckets(burst, 4);
            let (mut now, mut passed, mut held) = (0, Vec::new(), std::collections::VecDeque::new());
            let mut longest_held = 0;
            for step in steps {
                match step {
                    Step::Take(of) if buckets.take(key(of)).is_ok() => {
                        passed.push((of, now));
                        held.push_back((of, now));
                    }
                    Step::Take(_) => {}
                    Step::GiveBack => {
                        if let Some((of, taken)) = held.pop_front() {
                            longest_held = longest_held.max(now - taken);
                            buckets.give_back(key(of));
                            let given = passed.iter().position(|pass| *pass == (of, taken)).unwrap();
                            passed.remove(given);
                        }
                    }
                    Step::Wait(seconds) => {
                        clock.advance(Duration::from_secs(seconds));
                        now += seconds;
                    }
                }
            }
            // Of each key, between any two passes; what time brings while a take is on its way back counts too.
            for (first, (of, from)) in passed.iter().enumerate() {
                let of_key = passed.iter().skip(first).filter(|(other, _)| other == of);
                for (count, (_, to)) in (1..).zip(of_key) {
                    let brought = (to - from + longest_held) / EVERY.as_secs();
                    prop_assert!(count <= u64::from(burst) + brought, "{passed:?}");
                }
            }
        }

        #[test]
        fn a_try_that_is_given_back_was_never_made(before in 0_u32..5, given_back in 1_u32..5, wait in 0_u64..500) {
            let (with, clock) = buckets(5, 1 << 10);
            for _ in 0..before {
                with.take(key(1)).unwrap();
            }
            clock.advance(Duration::from_secs(wait));
            let taken = (0..given_back).filter(|_| with.take(key(1)).is_ok()).count();
            for _ in 0..taken {
                with.give_back(key(1));
            }
            let (without, other) = buckets(5, 1 << 10);
            for _ in 0..before {
                without.take(key(1)).unwrap();
            }
            other.advance(Duration::from_secs(wait));
            let left = |buckets: &Buckets| (0..9).map(|_| buckets.take(key(1))).collect::<Vec<_>>();
            prop_assert_eq!(left(&with), left(&without));
        }

        #[test]
        fn what_is_given_back_never_raises_a_bucket_above_its_burst(given_back in 1_u32..20, wait in 0_u64..500) {
            let (buckets, clock) = buckets(5, 1 << 10);
            buckets.take(key(1)).unwrap();
            clock.advance(Duration::from_secs(wait));
            for _ in 0..given_back {
                buckets.give_back(key(1));
            }
            prop_assert_eq!((0..20).filter(|_| buckets.take(key(1)).is_ok()).count(), 5);
        }
    }

    #[test]
    fn a_hundred_at_once_pass_five() {
        // LOG-10: also where others take from a bucket of the key at the same time.
        for round in 0..50 {
            let (buckets, _clock) = buckets(5, 64);
            let passed = AtomicU64::new(0);
            std::thread::scope(|scope| {
                for thread in 0..10 {
                    let (buckets, passed) = (&buckets, &passed);
                    scope.spawn(move || {
                        for _ in 0..10 {
                            passed.fetch_add(u64::from(buckets.take(Key(round)).is_ok()), Ordering::Relaxed);
                            let _ = buckets.take(Key(round | (thread + 1) << 32));
                        }
                    });
                }
            });
            let others = buckets.take(Key(round)).unwrap_err();
            assert!(others <= EVERY, "{others:?}");
            assert_eq!(passed.into_inner(), 5, "round {round}");
        }
    }

    #[test]
    fn the_next_is_let_in_when_the_time_that_was_said_has_passed_and_not_before() {
        let (buckets, clock) = buckets(2, 1 << 10);
        assert_eq!((buckets.take(key(1)), buckets.take(key(1))), (Ok(()), Ok(())));
        assert_eq!(buckets.take(key(1)), Err(EVERY));
        clock.advance(Duration::from_secs(59));
        assert_eq!(buckets.take(key(1)), Err(Duration::from_secs(1)));
        clock.advance(Duration::from_secs(1));
        assert_eq!((buckets.take(key(1)), buckets.take(key(1))), (Ok(()), Err(EVERY)));
    }

    #[test]
    fn keys_that_share_one_bucket_do_not_feel_each_other() {
        let (buckets, _clock) = buckets(5, 1 << 10);
        for tries in 0..20 {
            assert_eq!(buckets.take(Key(7)).is_ok(), tries < 5);
        }
        // The first row's bucket is the same, the second row's is not.
        assert!((0..5).all(|_| buckets.take(Key(7 | 1 << 32)).is_ok()));
        assert!(buckets.take(Key(7 | 1 << 32)).is_err());
    }
}
