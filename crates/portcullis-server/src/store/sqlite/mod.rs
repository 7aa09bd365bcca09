//! The embedded backend: one SQLite file, one thread that writes it, a few connections that read it.
//!
//! ```text
//! call -> writer.rs  queue -> group -> BEGIN IMMEDIATE, acts, COMMIT (synced) -> answers
//!      -> readers.rs a read-only connection, off the async threads
//!      -> feed.rs    what is refused, streamed: everything once, then the log
//! ```

mod backup;
mod create;
mod epochs;
mod failure;
mod feed;
mod flask;
mod inspect;
mod open;
mod readers;
mod revocations;
mod rows;
mod schema;
mod session_rows;
mod sessions;
mod writer;

use std::{
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use portcullis::NumericDate;
use rusqlite::{Connection, Params, params};
use tokio::{sync::mpsc, task::spawn_blocking};
use uuid::{NoContext, Timestamp, Uuid};

pub use self::backup::BackupProgress;
use self::{
    failure::{Failure, Place},
    feed::Feed,
    open::Opened,
    readers::Readers,
    writer::Writer,
};
use super::{
    Creation, FeedMark, FlaskNews, Opening, PasswordChange, Refreshed, Seen, Store, StoreError,
    StoreErrorKind, Watch,
};
use crate::{
    model::{
        AccessId, EndReason, LoginName, NewUser, PasswordHash, Revocation, Session, SessionId, User, UserId,
        UserState,
    },
    sessions::Refresh,
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
    /// `progress` is told after every 4 MiB. The write-ahead log is not emptied meanwhile.
    ///
    /// # Errors
    /// [`StoreErrorKind::Refused`] when the path is taken or cannot be written; those of a read.
    pub async fn backup_to(
        &self,
        path: &Path,
        progress: impl FnMut(BackupProgress) + Send + 'static,
    ) -> Result<(), StoreError> {
        let (place, path) = (self.place.clone(), path.to_owned());
        let copying = spawn_blocking(move || backup::make(&place, &path, progress));
        copying.await.unwrap_or_else(|_| Err(self.place.error(Failure::Panicked)))
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

    async fn create_user(&self, user: NewUser, now: SystemTime) -> Result<Creation, StoreError> {
        self.write(move |connection| insert_user(connection, user, now)).await
    }

    async fn user_by_name(&self, name: &LoginName) -> Result<Option<User>, StoreError> {
        let name = name.clone();
        self.read(move |connection| user_by_name(connection, &name)).await
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

    async fn purge_revocations(
        &self,
        expired_before: NumericDate,
        limit: usize,
    ) -> Result<usize, StoreError> {
        self.write(move |connection| revocations::purge(connection, expired_before, limit)).await
    }

    async fn user_by_id(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        let id = id.clone();
        self.read(move |connection| user_by_id(connection, &id)).await
    }

    async fn replace_password_hash(
        &self,
        user: &UserId,
        expected: &PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError> {
        let (user, expected) = (user.clone(), expected.clone());
        let sql = "UPDATE users SET password = ?3 WHERE id = ?1 AND password = ?2";
        self.write(move |connection| {
            let values = params![user.as_str(), expected.as_str(), new.as_str()];
            Ok(execute(connection, sql, values)? > 0)
        })
        .await
    }

    async fn open_session(
        &self,
        session: Session,
        shown_for: &PasswordHash,
        at_most: usize,
        now: SystemTime,
    ) -> Result<Opening, StoreError> {
        let shown_for = shown_for.clone();
        self.write(move |connection| sessions::open(connection, &session, &shown_for, at_most, now)).await
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

    async fn end_sessions(
        &self,
        user: &UserId,
        except: Option<&SessionId>,
        now: SystemTime,
    ) -> Result<Vec<Session>, StoreError> {
        let (user, except) = (user.clone(), except.cloned());
        self.write(move |connection| epochs::end_all(connection, &user, except.as_ref(), now)).await
    }

    async fn change_password(
        &self,
        user: &UserId,
        expected: &PasswordHash,
        new: &PasswordHash,
        keep: Option<&SessionId>,
        now: SystemTime,
    ) -> Result<PasswordChange, StoreError> {
        let (user, keep, hashes) = (user.clone(), keep.cloned(), (expected.clone(), new.clone()));
        self.write(move |connection| {
            epochs::change_password(connection, &user, (&hashes.0, &hashes.1), keep.as_ref(), now)
        })
        .await
    }

    async fn set_user_state(
        &self,
        user: &UserId,
        state: UserState,
        now: SystemTime,
    ) -> Result<Option<Vec<Session>>, StoreError> {
        let user = user.clone();
        self.write(move |connection| epochs::set_user_state(connection, &user, state, now)).await
    }

    async fn note_seen(&self, seen: &[Seen]) -> Result<(), StoreError> {
        let seen = seen.to_vec();
        self.write(move |connection| sessions::note_seen(connection, &seen)).await
    }

    async fn purge_sessions(&self, expired_before: NumericDate, limit: usize) -> Result<usize, StoreError> {
        self.write(move |connection| sessions::purge(connection, expired_before, limit)).await
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

/// The name is free when nobody has its key, nor its very spelling: a user whose name has no key blocks that.
fn insert_user(connection: &Connection, user: NewUser, now: SystemTime) -> Result<Creation, Failure> {
    let sql = "INSERT INTO users (id, username, name_key, password, access, created_at) \
               SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS (SELECT 1 FROM users WHERE username = ?2) \
               ON CONFLICT (name_key) DO NOTHING";
    let (id, created_at) = (user_id(now), rows::millis(now));
    let (username, key) = (user.username.as_str(), user.username.key().as_str());
    let (password, access) = (user.password.as_str(), user.access.level());
    if execute(connection, sql, params![id, username, key, password, access, created_at])? == 0 {
        return Ok(Creation::NameTaken);
    }
    Ok(Creation::Created(User {
        id: UserId::new(id),
        username: username.to_owned(),
        // As it will be read again.
        created_at: rows::as_stored(now),
        password: user.password,
        access: user.access,
        state: UserState::Enabled,
        epoch: 0,
    }))
}

fn user_by_name(connection: &Connection, name: &LoginName) -> Result<Option<User>, Failure> {
    // The spelling first: a user whose name has no key, since another has it, would never get in.
    match (select_user(connection, "username = ?1", name.as_str())?, name.key()) {
        (None, Some(key)) => select_user(connection, "name_key = ?1", key.as_str()),
        (found, _) => Ok(found),
    }
}

fn user_by_id(connection: &Connection, id: &UserId) -> Result<Option<User>, Failure> {
    select_user(connection, "id = ?1", id.as_str())
}

/// The first user of those that a condition on one value finds.
fn select_user(connection: &Connection, condition: &str, value: &str) -> Result<Option<User>, Failure> {
    let columns = rows::USER_COLUMNS;
    let sql = format!("SELECT {columns} FROM users WHERE {condition} ORDER BY created_at, id LIMIT 1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = statement.query([value])?;
    found.next()?.map(rows::user).transpose()
}

fn execute(connection: &Connection, sql: &str, values: impl Params) -> Result<usize, Failure> {
    Ok(connection.prepare_cached(sql)?.execute(values)?)
}

/// A number of rows as SQLite takes it; what is beyond its range is no limit either.
fn bounded(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A `UUIDv7` of the moment that was handed in, so that ids sort as users came.
fn user_id(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(NoContext, since.as_secs(), since.subsec_nanos())).to_string()
}
