//! The server's time, by which every node judges sessions alike, whatever its own clock shows.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use mongodb::{
    Database,
    bson::{DateTime, doc},
};
use portcullis::{Clock, SystemClock};
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use super::{calls::bounded, failure::Failure};

/// How often the server is asked. In between its time is told by this machine's steady clock.
const EVERY: Duration = Duration::from_secs(10);

/// A difference that is none: clocks that are kept by NTP differ by less.
const TOLERANCE: Duration = Duration::from_secs(1);

/// What is known of the server's clock. Its task ends with the value.
pub(super) struct ServerTime {
    known: Arc<Mutex<Option<Reading>>>,
    task: JoinHandle<()>,
}

/// What the server's clock showed at a moment of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reading {
    /// The moment by this machine's steady clock.
    at: Instant,
    /// What the server said, at some time within `within` before or after that moment.
    shown: SystemTime,
    within: Duration,
}

impl ServerTime {
    /// Starts to ask the server of a database. Until it has answered, the time of this machine counts.
    pub(super) fn watch(database: Database) -> Self {
        let known = Arc::new(Mutex::new(None));
        Self { task: tokio::spawn(ask_again_and_again(database, known.clone())), known }
    }

    /// The server's time at a moment that was told by a clock of this machine: as much later or earlier as the server's
    /// clock is ahead of the machine's or behind it.
    pub(super) fn of(&self, moment: SystemTime) -> SystemTime {
        let known = *self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(reading) = known else { return moment };
        reading.correct(moment, SystemClock.now(), SystemClock.monotonic())
    }

    /// Asks no more.
    pub(super) fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for ServerTime {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Reading {
    /// Moves `moment` by how far the server's clock is away from the machine's, which shows `wall` and `steady` now.
    fn correct(&self, moment: SystemTime, wall: SystemTime, steady: Instant) -> SystemTime {
        let server = self.shown + steady.saturating_duration_since(self.at);
        let certain = |difference: Duration| difference > self.within + TOLERANCE;
        let corrected = match server.duration_since(wall) {
            Ok(ahead) if certain(ahead) => moment.checked_add(ahead),
            Err(behind) if certain(behind.duration()) => moment.checked_sub(behind.duration()),
            _ => None,
        };
        corrected.unwrap_or(moment)
    }
}

async fn ask_again_and_again(database: Database, known: Arc<Mutex<Option<Reading>>>) {
    let mut rhythm = interval(EVERY);
    rhythm.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rhythm.tick().await;
        // Without an answer the last reading counts: other calls say that the server is away.
        if let Ok(Some(reading)) = ask(&database).await {
            *known.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
        }
    }
}

/// What the server's clock shows now; nothing where it does not tell.
pub(super) async fn shown(database: &Database) -> Result<Option<SystemTime>, Failure> {
    Ok(ask(database).await?.map(|reading| reading.shown + reading.within))
}

/// Asks for the time; a server that does not tell is taken to agree with us.
async fn ask(database: &Database) -> Result<Option<Reading>, Failure> {
    let asked = SystemClock.monotonic();
    let hello = bounded(async { database.run_command(doc! { "hello": 1 }).await }).await?;
    let within = SystemClock.monotonic().saturating_duration_since(asked) / 2;
    let shown = hello.get_datetime("localTime").ok().copied().map(DateTime::to_system_time);
    Ok(shown.map(|shown| Reading { at: asked + within, shown, within }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn corrected(machine_is_ahead: i64, within: Duration) -> i64 {
        let (wall, steady) = (SystemClock.now(), SystemClock.monotonic());
        let away = Duration::from_secs(machine_is_ahead.unsigned_abs());
        let shown = if machine_is_ahead < 0 { wall + away } else { wall - away };
        let reading = Reading { at: steady, shown, within };
        let moment = SystemTime::UNIX_EPOCH + 10 * HOUR;
        // A while later: both clocks have gone on.
        let corrected = reading.correct(moment, wall + HOUR, steady + HOUR);
        let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        i64::try_from(seconds(corrected)).unwrap() - i64::try_from(seconds(moment)).unwrap()
    }

    #[test]
    fn a_moment_is_moved_by_what_the_clocks_differ() {
        assert_eq!(corrected(60, Duration::ZERO), -60);
        assert_eq!(corrected(-60, Duration::ZERO), 60);
        assert_eq!(corrected(0, Duration::ZERO), 0);
    }

    #[test]
    fn what_may_be_the_way_of_the_answer_is_no_difference() {
        assert_eq!(corrected(2, Duration::from_millis(1500)), 0);
        assert_eq!(corrected(-1, Duration::ZERO), 0);
        assert_eq!(corrected(3, Duration::from_millis(1500)), -3);
    }

    #[test]
    fn a_step_of_the_machines_clock_counts_at_once() {
        let (wall, steady) = (SystemClock.now(), SystemClock.monotonic());
        let reading = Reading { at: steady, shown: wall, within: Duration::ZERO };
        let stepped = wall + HOUR;
        assert_eq!(reading.correct(stepped, stepped, steady), wall);
    }
}
