//! How long something takes, by a few bounds: a histogram that is noted in without a lock.

use std::{
    array,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// How often something took how long.
///
/// Noting is two additions to atomics: whoever is timed on every request waits for nobody. So one that is read
/// meanwhile may have the newest in its sum and not yet in its buckets.
#[derive(Debug)]
pub struct Times {
    /// By the first bound that is not shorter; behind them what is longer than all.
    buckets: [AtomicU64; BUCKETS],
    nanos: AtomicU64,
}

/// The bounds, in nanoseconds: 100 µs to 10 s, each about three times the one before, so that a percentile read off them is
/// right to that factor from a verification to a store that does not answer.
const BOUNDS: [u64; BUCKETS - 1] = [
    100_000,
    300_000,
    1_000_000,
    3_000_000,
    10_000_000,
    30_000_000,
    100_000_000,
    300_000_000,
    1_000_000_000,
    3_000_000_000,
    10_000_000_000,
];

const BUCKETS: usize = 12;

impl Default for Times {
    fn default() -> Self {
        Self { buckets: array::from_fn(|_| AtomicU64::new(0)), nanos: AtomicU64::new(0) }
    }
}

impl Times {
    /// Notes one more.
    pub fn note(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get(BOUNDS.partition_point(|bound| *bound < nanos)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// What was noted until now.
    pub fn read(&self) -> Reading {
        Reading {
            seconds: Duration::from_nanos(self.nanos.load(Ordering::Relaxed)).as_secs_f64(),
            buckets: self.buckets.each_ref().map(|count| count.load(Ordering::Relaxed)),
        }
    }
}

/// What [`Times`] were at a moment.
#[derive(Clone, Debug)]
pub struct Reading {
    /// All of it together.
    pub(super) seconds: f64,
    buckets: [u64; BUCKETS],
}

impl Reading {
    /// How often.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Each bound in seconds, infinity the last, with how often it took so long and longer than the bound before.
    pub(super) fn buckets(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS.iter().map(|nanos| Duration::from_nanos(*nanos).as_secs_f64());
        bounds.chain([f64::INFINITY]).zip(self.buckets).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_the_bucket_of_the_first_bound_that_is_not_shorter() {
        let times = Times::default();
        for micros in [0, 100, 101, 10_000_000, 10_000_001, u64::MAX / 1000] {
            times.note(Duration::from_micros(micros));
        }
        let reading = times.read();
        let filled: Vec<_> = reading.buckets().into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!(filled, [(0.0001, 2), (0.0003, 1), (10.0, 1), (f64::INFINITY, 2)]);
        assert_eq!(reading.count(), 6);
    }

    #[test]
    fn the_sum_is_in_seconds() {
        let times = Times::default();
        times.note(Duration::from_millis(1500));
        times.note(Duration::from_millis(250));
        assert!((times.read().seconds - 1.75).abs() < 1e-9);
    }
}
