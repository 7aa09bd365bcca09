//! Time, handed in: the wall clock that tokens are judged by and the steady clock that waiting is measured by.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A moment in whole seconds since 1970-01-01T00:00:00Z, leap seconds ignored (RFC 7519 section 2, `NumericDate`).
///
/// The claims `exp`, `nbf` and `iat` are of this type once a token is verified. A fraction is dropped, as PyJWT
/// does, and a number beyond 64 bits stops at the end of the range: it never becomes another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NumericDate(i64);

impl NumericDate {
    /// The moment a number of seconds after the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// This moment and a duration, in whole seconds; stops at the end of the range.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(whole_seconds(duration)))
    }

    /// This moment less a duration, in whole seconds; stops at the start of the range.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(whole_seconds(duration)))
    }
}

impl From<SystemTime> for NumericDate {
    /// The second that a moment lies in.
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Self(whole_seconds(since)),
            Err(before) => {
                let before = before.duration();
                let seconds = whole_seconds(before);
                Self(-(seconds.saturating_add(i64::from(before.subsec_nanos() > 0))))
            }
        }
    }
}

fn whole_seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// Where time comes from. One clock is handed to everything that asks for the time.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock, which tokens and stored rows are judged by. It may step.
    fn now(&self) -> SystemTime;

    /// The steady clock, for limits, windows held in memory and waiting. It never steps back.
    fn monotonic(&self) -> Instant;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> SystemTime {
        (**self).now()
    }

    fn monotonic(&self) -> Instant {
        (**self).monotonic()
    }
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[expect(clippy::disallowed_methods, reason = "the one place where the machine's clocks are read")]
impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that stands still until it is told: for tests of what time does.
///
/// Clones are the same clock.
///
/// ```
/// use std::time::Duration;
/// use portcullis::{Clock, ManualClock, NumericDate};
///
/// let clock = ManualClock::at(NumericDate::from_seconds(1_900_000_000));
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(NumericDate::from(clock.now()).seconds(), 1_900_000_060);
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<ManualTime>>);

#[derive(Clone, Copy, Debug)]
struct ManualTime {
    wall: SystemTime,
    steady: Instant,
}

impl ManualClock {
    /// A clock that shows a moment. Moments before 1970 are shown as 1970.
    #[expect(clippy::disallowed_methods, reason = "an Instant has no other origin")]
    pub fn at(now: NumericDate) -> Self {
        Self(Arc::new(Mutex::new(ManualTime { wall: wall_time(now), steady: Instant::now() })))
    }

    /// Lets time pass on both clocks.
    ///
    /// # Panics
    /// * One of the clocks would show a moment that its type has no room for.
    pub fn advance(&self, by: Duration) {
        self.change(|time| {
            time.wall += by;
            time.steady += by;
        });
    }

    /// Steps the wall clock alone, as an operator or NTP does.
    pub fn step_to(&self, now: NumericDate) {
        self.change(|time| time.wall = wall_time(now));
    }

    fn change<T>(&self, change: impl FnOnce(&mut ManualTime) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        self.change(|time| time.wall)
    }

    fn monotonic(&self) -> Instant {
        self.change(|time| time.steady)
    }
}

fn wall_time(at: NumericDate) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(at.seconds()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_lies_in_its_second_before_1970_too() {
        let at = |millis: u64| NumericDate::from(UNIX_EPOCH + Duration::from_millis(millis)).seconds();
        assert_eq!((at(0), at(999), at(1000)), (0, 0, 1));
        let before = |millis: u64| NumericDate::from(UNIX_EPOCH - Duration::from_millis(millis)).seconds();
        assert_eq!((before(1), before(1000), before(1001)), (-1, -1, -2));
    }

    #[test]
    fn arithmetic_stops_at_the_ends() {
        let (first, last) = (NumericDate::from_seconds(i64::MIN), NumericDate::from_seconds(i64::MAX));
        assert_eq!(last.plus(Duration::MAX), last);
        assert_eq!(first.minus(Duration::MAX), first);
    }
}
