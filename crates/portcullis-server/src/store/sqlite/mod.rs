//! The embedded backend: one SQLite file, one thread that writes it, a few connections that read it.
//!
//! ```text
//! call -> writer.rs  queue -> group -> BEGIN IMMEDIATE, acts, COMMIT (synced) -> answers
//!      -> readers.rs a read-only connection, off the async threads
//!      -> feed.rs    what is refused, streamed: everything once, then the log
//! ```

mod audit;
mod backup;
mod changes;
mod create;
pub(super) mod examine;
mod failure;
mod feed;
mod flask;
mod inspect;
mod open;
mod readers;
mod restore;
mod revocations;
mod rows;
mod schema;
mod session_rows;
mod sessions;
mod users;
mod writer;

use std::{ops::ControlFlow, path::Path, time::SystemTime};

use async_trait::async_trait;
use portcullis::NumericDate;
use rusqlite::{Connection, Params};
use tokio::{sync::mpsc, task::spawn_blocking};

pub use self::restore::Restore;
use self::{
    failure::{Failure, Place},
    feed::Feed,
    open::Opened,
    readers::Readers,
    writer::Writer,
};
use super::{
    BackupProgress, Creation, Existing, Expired, FeedMark, FlaskNews, Opening, Refreshed, Seen, Store,
    StoreError, StoreErrorKind, Watch,
};
use crate::{
    model::{
        AccessId, AuditEvent, EndReason, EventPage, EventQuery, Failures, LoginName, NewUser, PasswordHash,
        Revocation, Session, SessionId, User, UserChange, UserChanged, UserId, UserPage, UserQuery,
    },
    sessions::{LockPolicy, Refresh, Shown},
};

/// The store in one SQLite file. Its users are the processes of one machine, and one of them serves it.
pub struct SqliteStore {
    place: Place,
    readers: Readers,
    feed: Feed,
    writer: Writer,
}

impl SqliteStore {
    /// Opens the database of a path for serving, and makes it if there is none.
    ///
    /// Blocks while it checks the file; meant for the start of a program. A file of up to 8 MiB is read whole
    /// and checked; of a larger one only the header, the length and the schema are, and damage in its middle
    /// is found when a call meets it.
    ///
    /// # Errors
    /// [`StoreErrorKind::Refused`] when the path is a directory or cannot be read or written, when the file is
    /// empty, another program's, of a newer version or served by another process, and when only its write-ahead
    /// log is there. [`StoreErrorKind::Damaged`] when it is cut short or does not hold together.
    /// A file that exists is never replaced.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::start(open::for_serving(path)?)
    }

    /// Opens the database of a path beside the process that serves it, or without one: for a program that has something
    /// to do in it and ends. Whoever serves it hears of what is revoked by this one.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), but for a file that is served; and [`StoreErrorKind::Refused`] for one that there
    /// is not, or that is of an earlier version: nothing is made or brought up to date.
    pub fn open_beside(path: &Path) -> Result<Self, StoreError> {
        Self::start(open::without_serving(path)?)
    }

    fn start(opened: Opened) -> Result<Self, StoreError> {
        let file = opened.place.path().display().to_string();
        let writer =
            Writer::start(opened.connection, opened.place.clone(), opened.lock).map_err(|error| {
                let message = format!("{file} cannot be written: no thread for its writer");
                StoreError::new(StoreErrorKind::Unavailable, message).caused_by(error)
            })?;
        let (readers, feed) = (Readers::of(opened.place.clone()), Feed::of(opened.place.clone()));
        Ok(Self { readers, feed, place: opened.place, writer })
    }

    /// Copies the database, as it is at one moment, into a new file that only its owner may read, while it is served. All
    /// that was acknowledged before is in it. The file appears when it is whole.
    ///
    /// `progress` is told after every 4 MiB, and may end it. The write-ahead log is not emptied meanwhile. Answers how many
    /// bytes the copy has.
    ///
    /// # Errors
    /// [`StoreErrorKind::Refused`] when the path is taken or cannot be written; those of a read.
    pub async fn backup_to(
        &self,
        path: &Path,
        existing: Existing,
        progress: impl FnMut(BackupProgress) -> ControlFlow<()> + Send + 'static,
    ) -> Result<u64, StoreError> {
        let (place, path) = (self.place.clone(), path.to_owned());
        let copying = spawn_blocking(move || backup::make(&place, &path, existing, progress));
        copying.await.unwrap_or_else(|_| Err(self.place.error(Failure::Panicked)))
    }

    /// The same for the database of a path, whoever serves it, also one of an earlier version, which stays as it is.
    ///
    /// # Errors
    /// Those of [`backup_to`](Self::backup_to), and [`StoreErrorKind::Refused`] where there is none of ours.
    pub fn backup(
        path: &Path,
        to: &Path,
        existing: Existing,
        progress: impl FnMut(BackupProgress) -> ControlFlow<()>,
    ) -> Result<u64, StoreError> {
        backup::make(&backup::place_of(path)?, to, existing, progress)
    }

    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.writer.act(work).await.map_err(|failure| self.place.error(failure))
    }

    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.readers.read(work).await.map_err(|failure| self.place.error(failure))
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn location(&self) -> String {
        format!("sqlite:{}", self.place.path().display())
    }

    async fn create_user(
        &self,
        user: NewUser,
        event: Option<&AuditEvent>,
        now: SystemTime,
    ) -> Result<Creation, StoreError> {
        let event = event.cloned();
        self.write(move |connection| users::create(connection, &user, event, now)).await
    }

    async fn user_by_name(&self, name: &LoginName) -> Result<Option<User>, StoreError> {
        let name = name.clone();
        self.read(move |connection| users::by_name(connection, &name)).await
    }

    async fn revoke(&self, revocation: Revocation, now: SystemTime) -> Result<(), StoreError> {
        self.write(move |connection| revocations::revoke(connection, &revocation, now)).await
    }

    async fn revocations(
        &self,
        since: Option<FeedMark>,
        remembered_at: NumericDate,
        batches: mpsc::Sender<Vec<Revocation>>,
    ) -> Result<FeedMark, StoreError> {
        let streamed = self.feed.stream(since, remembered_at, batches).await;
        streamed.map_err(|failure| self.place.error(failure))
    }

    async fn watch(&self) -> Result<Option<Watch>, StoreError> {
        Ok(None)
    }

    async fn purge(
        &self,
        what: Expired,
        expired_before: NumericDate,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let purge = match what {
            Expired::Revocations => revocations::purge,
            Expired::Sessions => sessions::purge,
            Expired::Events => audit::purge,
            Expired::Users => users::purge,
        };
        self.write(move |connection| purge(connection, expired_before, limit)).await
    }

    async fn user_by_id(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        let id = id.clone();
        self.read(move |connection| users::by_id(connection, &id)).await
    }

    async fn users(&self, query: &UserQuery) -> Result<UserPage, StoreError> {
        let query = query.clone();
        self.read(move |connection| users::page(connection, &query)).await
    }

    async fn replace_password_hash(
        &self,
        user: &UserId,
        expected: &PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError> {
        let (user, expected) = (user.clone(), expected.clone());
        self.write(move |connection| users::replace_hash(connection, &user, &expected, &new)).await
    }

    async fn note_failed_login(
        &self,
        user: Option<&UserId>,
        event: &AuditEvent,
        policy: Option<&LockPolicy>,
        now: SystemTime,
    ) -> Result<Option<Failures>, StoreError> {
        let (user, event, policy) = (user.cloned(), event.clone(), policy.copied());
        self.write(move |connection| {
            users::note_failed_login(connection, user.as_ref(), &event, policy.as_ref(), now)
        })
        .await
    }

    async fn open_session(
        &self,
        session: Session,
        shown: &Shown,
        at_most: usize,
        now: SystemTime,
    ) -> Result<Opening, StoreError> {
        let shown = shown.clone();
        self.write(move |connection| sessions::open(connection, &session, &shown, at_most, now)).await
    }

    async fn refresh_session(
        &self,
        id: &SessionId,
        refresh: &Refresh,
        now: SystemTime,
    ) -> Result<Refreshed, StoreError> {
        let (id, refresh) = (id.clone(), refresh.clone());
        self.write(move |connection| sessions::refresh(connection, &id, &refresh, now)).await
    }

    async fn session(&self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        let id = id.clone();
        self.read(move |connection| sessions::find(connection, &id)).await
    }

    async fn sessions_of(&self, user: &UserId, now: SystemTime) -> Result<Vec<Session>, StoreError> {
        let user = user.clone();
        self.read(move |connection| sessions::living(connection, &user, now)).await
    }

    async fn end_session(
        &self,
        id: &SessionId,
        reason: EndReason,
        now: SystemTime,
    ) -> Result<Option<Session>, StoreError> {
        let id = id.clone();
        self.write(move |connection| sessions::end_one(connection, &id, reason, now)).await
    }

    async fn change_user(
        &self,
        user: &UserId,
        change: &UserChange,
        event: Option<&AuditEvent>,
        now: SystemTime,
    ) -> Result<UserChanged, StoreError> {
        let (user, change, event) = (user.clone(), change.clone(), event.cloned());
        self.write(move |connection| {
            let changed = changes::change(connection, &user, &change, now)?;
            if let (UserChanged::Done { .. }, Some(event)) = (&changed, &event) {
                audit::insert(connection, event)?;
            }
            Ok(changed)
        })
        .await
    }

    async fn note_seen(&self, seen: &[Seen]) -> Result<(), StoreError> {
        let seen = seen.to_vec();
        self.write(move |connection| sessions::note_seen(connection, &seen)).await
    }

    async fn note_access_token(
        &self,
        session: &SessionId,
        token: AccessId,
        now: SystemTime,
    ) -> Result<bool, StoreError> {
        let session = session.clone();
        self.write(move |connection| flask::note_access_token(connection, &session, token, now)).await
    }

    async fn tell_flask(&self, news: FlaskNews<'_>, now: SystemTime) -> Result<usize, StoreError> {
        match news {
            FlaskNews::Tokens(tokens) => {
                let tokens = tokens.to_vec();
                self.write(move |connection| flask::write(connection, &tokens, now)).await?;
                Ok(0)
            }
            FlaskNews::EndedSessions => {
                self.write(move |connection| flask::tell_of_ended(connection, now)).await
            }
        }
    }

    async fn record(&self, events: &[AuditEvent]) -> Result<(), StoreError> {
        let events = events.to_vec();
        self.write(move |connection| events.iter().try_for_each(|event| audit::insert(connection, event)))
            .await
    }

    async fn events(&self, query: &EventQuery) -> Result<EventPage, StoreError> {
        let query = query.clone();
        self.read(move |connection| audit::page(connection, &query)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let place = self.place.clone();
        self.read(move |connection| {
            place.check()?;
            // The cheapest statement that really looks into the file.
            connection.pragma_query_value(None, "schema_version", |_| Ok(()))?;
            Ok(())
        })
        .await
    }

    async fn close(&self) {
        // The readers first: the writer can empty the write-ahead log only when nobody reads from it.
        self.feed.close().await;
        self.readers.close().await;
        self.writer.close().await;
    }
}

fn execute(connection: &Connection, sql: &str, values: impl Params) -> Result<usize, Failure> {
    Ok(connection.prepare_cached(sql)?.execute(values)?)
}

/// A number of rows as SQLite takes it; what is beyond its range is no limit either.
fn bounded(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
