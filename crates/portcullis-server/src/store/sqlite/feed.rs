//! The feed of revocations: the tables once, then their log, and a cheap look whether anybody has written at all.
//!
//! Triggers write the log in the transaction of what they log, and writers take turns: the number of its last row is
//! an exact place in it. What a second process writes is in it like everything else.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use portcullis::NumericDate;
use rusqlite::{Connection, Params, Row};
use tokio::{
    sync::{Semaphore, mpsc},
    task::spawn_blocking,
    time::timeout,
};

use super::{
    execute,
    failure::{Failure, Place},
    open,
};
use crate::{
    model::{EndedSession, Revocation, RevokedToken, SessionId},
    store::{BATCH, FeedMark, patience::PATIENCE},
};

/// Readings at once: a poll, a reading of everything, and one that was given up but is not over yet.
const READINGS: u32 = 3;

/// Everything that is refused, as rows of `kind, name, bound, expires_at`.
const TABLES: [&str; 4] = [
    "SELECT 'token', jti, 0, expires_at FROM revoked_tokens WHERE for_flask = 0",
    "SELECT 'session', id, 0, remembered_until FROM sessions WHERE ended_at IS NOT NULL",
    "SELECT 'access', id, void_access, remembered_until FROM sessions WHERE void_access > 0 AND ended_at IS NULL",
    "SELECT kind, name, bound, expires_at FROM revocations",
];

/// What was logged behind a place, as rows of the same.
const LOGGED: &str = "SELECT kind, name, bound, expires_at FROM revocation_log WHERE seq > ?1 ORDER BY seq";

/// The readings of a store's feed.
pub(super) struct Feed {
    place: Place,
    permits: Arc<Semaphore>,
    closing: Arc<AtomicBool>,
    polling: Arc<Mutex<Option<Polling>>>,
}

/// The connection that the polls share: only one that stays sees whether others have written since.
struct Polling {
    connection: Connection,
    /// The version of the data at the last poll, and the mark that it answered.
    answered: Option<(i64, FeedMark)>,
}

impl Feed {
    pub(super) fn of(place: Place) -> Self {
        Self {
            place,
            permits: Arc::new(Semaphore::new(READINGS as usize)),
            closing: Arc::default(),
            polling: Arc::default(),
        }
    }

    /// Streams everything, or what was logged since a mark.
    pub(super) async fn stream(
        &self,
        since: Option<FeedMark>,
        remembered_at: NumericDate,
        batches: mpsc::Sender<Vec<Revocation>>,
    ) -> Result<FeedMark, Failure> {
        let permit = timeout(PATIENCE, self.permits.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| Failure::Late)?.map_err(|_| Failure::Closed)?;
        // Two: one is read while the other is made use of.
        let (sender, mut read) = mpsc::channel(2);
        let (place, polling) = (self.place.clone(), self.polling.clone());
        let reading = Reading { remembered_at, closing: self.closing.clone(), batches: sender };
        let task = spawn_blocking(move || {
            // Moved in: a reading that was given up keeps its place until it is over.
            let _permit = permit;
            place.check()?;
            match since {
                Some(mark) => reading.poll(&place, &polling, mark),
                None => {
                    in_one_look(&open::reader(place.path())?, |connection| reading.everything(connection))
                }
            }
        });
        while let Some(batch) = timeout(PATIENCE, read.recv()).await.map_err(|_| Failure::Late)? {
            if !batch.is_empty() {
                batches.send(batch).await.map_err(|_| Failure::Closed)?;
            }
        }
        task.await.map_err(|_| Failure::Panicked)?
    }

    /// Ends every reading at its next batch, takes no new one and closes the connection.
    pub(super) async fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
        let _all = self.permits.acquire_many(READINGS).await;
        self.permits.close();
        let polling = self.polling.clone();
        if let Err(error) = spawn_blocking(move || drop(locked(&polling).take())).await {
            tracing::warn!(%error, "the feed's connection could not be closed");
        }
    }
}

/// Deletes at most `limit` rows from the beginning of the log, of more than an hour ago by the clock that stamped them.
///
/// Whoever has a mark of before reads everything once more.
pub(super) fn trim(connection: &Connection, limit: i64) -> Result<usize, Failure> {
    let sql = "DELETE FROM revocation_log WHERE seq IN (SELECT seq FROM revocation_log \
               WHERE logged_at < CAST(strftime('%s', 'now') AS INTEGER) - 3600 ORDER BY seq LIMIT ?1)";
    execute(connection, sql, [limit])
}

/// One reading under way.
struct Reading {
    remembered_at: NumericDate,
    closing: Arc<AtomicBool>,
    batches: mpsc::Sender<Vec<Revocation>>,
}

impl Reading {
    /// What has come since a mark; nothing is read where nobody has written since the last poll.
    fn poll(
        &self,
        place: &Place,
        polling: &Mutex<Option<Polling>>,
        since: FeedMark,
    ) -> Result<FeedMark, Failure> {
        let kept = locked(polling).take();
        let kept = match kept {
            Some(kept) => kept,
            None => Polling { connection: open::reader(place.path())?, answered: None },
        };
        // Before the log is read: what is written in between is read twice, and never not at all.
        let version = kept.connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
        let mark = if kept.answered == Some((version, since)) {
            since
        } else {
            in_one_look(&kept.connection, |connection| self.since(connection, since))?
        };
        // Back only after a success: whatever was wrong with it, the next one is a fresh one.
        *locked(polling) = Some(Polling { answered: Some((version, mark)), ..kept });
        Ok(mark)
    }

    fn since(&self, connection: &Connection, mark: FeedMark) -> Result<FeedMark, Failure> {
        let (place, last) = (mark.place(), last_logged(connection)?);
        if place == last {
            return Ok(mark);
        }
        let first = connection.query_row("SELECT min(seq) FROM revocation_log", [], |row| row.get(0))?;
        // Trimmed since, or of another file's life.
        let goes_on = place < last && Option::<i64>::is_some_and(first, |first| first <= place + 1);
        if !goes_on {
            tracing::info!(
                "the feed of revocations is read from its beginning: its log does not go on from here"
            );
            return self.everything(connection);
        }
        self.send(connection, LOGGED, [place])?;
        Ok(FeedMark::new(last))
    }

    fn everything(&self, connection: &Connection) -> Result<FeedMark, Failure> {
        let last = last_logged(connection)?;
        for table in TABLES {
            self.send(connection, table, [])?;
        }
        Ok(FeedMark::new(last))
    }

    /// Hands over what has not expired of a statement's rows. After so many rows there is a batch, even an empty one: it
    /// says that the reading goes on.
    fn send(&self, connection: &Connection, sql: &str, values: impl Params) -> Result<(), Failure> {
        let mut statement = connection.prepare_cached(sql)?;
        let mut found = statement.query(values)?;
        let (mut batch, mut rows) = (Vec::new(), 0);
        while let Some(row) = found.next()? {
            let revocation = revocation(row)?;
            batch.extend(revocation.filter(|revocation| revocation.lasts_until(self.remembered_at)));
            rows += 1;
            if rows == BATCH {
                self.hand_over(std::mem::take(&mut batch))?;
                rows = 0;
            }
        }
        self.hand_over(batch)
    }

    fn hand_over(&self, batch: Vec<Revocation>) -> Result<(), Failure> {
        if self.closing.load(Ordering::Relaxed) {
            return Err(Failure::Closed);
        }
        self.batches.blocking_send(batch).map_err(|_| Failure::Closed)
    }
}

/// The number of the last row that was ever logged, 0 for none; SQLite keeps it when the log was trimmed to its end.
fn last_logged(connection: &Connection) -> Result<i64, Failure> {
    let sql = "SELECT max(ifnull((SELECT max(seq) FROM revocation_log), 0), \
               ifnull((SELECT seq FROM sqlite_sequence WHERE name = 'revocation_log'), 0))";
    Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// Reads in one transaction: the log and the tables are of one moment.
fn in_one_look<T>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let look = connection.unchecked_transaction()?;
    let value = read(&look)?;
    look.commit()?;
    Ok(value)
}

/// What a row of `kind, name, bound, expires_at` refuses; nothing, where no token can have what it says. One row that
/// somebody has got wrong keeps nobody from hearing of the others.
fn revocation(row: &Row<'_>) -> rusqlite::Result<Option<Revocation>> {
    let (Ok(kind), Ok(name)) = (row.get_ref(0)?.as_str(), row.get_ref(1)?.as_str()) else { return Ok(None) };
    let name = name.to_owned();
    let bound = || row.get::<_, i64>(2);
    let expires_at = row.get::<_, Option<i64>>(3)?.map(NumericDate::from_seconds);
    let until = expires_at.unwrap_or(Revocation::NEVER);
    Ok(Some(match kind {
        "token" => Revocation::Token(RevokedToken { jti: name, expires_at }),
        "session" => Revocation::Session(EndedSession { id: SessionId::new(name), until }),
        "access" => {
            let up_to = u32::try_from(bound()?).unwrap_or(u32::MAX);
            Revocation::Access { session: SessionId::new(name), up_to, until }
        }
        "user" => Revocation::User { identity: name, before: NumericDate::from_seconds(bound()?), until },
        "all" => Revocation::All { before: NumericDate::from_seconds(bound()?) },
        _ => return Ok(None),
    }))
}

/// A connection is there or not, so that a poisoned lock means nothing here.
fn locked(polling: &Mutex<Option<Polling>>) -> MutexGuard<'_, Option<Polling>> {
    polling.lock().unwrap_or_else(PoisonError::into_inner)
}
