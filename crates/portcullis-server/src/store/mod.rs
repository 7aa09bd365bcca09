//! Where users, sessions, revocations and audit events live: the contract that every backend keeps, and the one place that picks one.
//!
//! A method is one whole thing that happens or does not. Domain types go in and out, time is an argument,
//! and nothing of a backend shows. `tests/store` is this trait's specification; every backend passes it.

mod answers;
mod error;
mod finding;
mod measured;
#[cfg(feature = "mongo")]
pub mod mongo;
mod patience;
mod safekeeping;
pub mod sqlite;

use std::{path::Path, sync::Arc, time::SystemTime};

use async_trait::async_trait;
use portcullis::NumericDate;
use tokio::sync::mpsc;

pub use answers::{
    BATCH, Creation, Expired, FeedMark, FlaskNews, Opening, Refreshed, Seen, UNTOLD_AT_ONCE, Watch,
};
pub use error::{StoreError, StoreErrorKind};
pub use finding::{Finding, Level};
pub use measured::{Measured, StoreTimes};
pub use patience::{is_of_a_request, within_patience};
pub use safekeeping::{BackupProgress, Existing, RestoreFacts, backup, prepare_restore};
pub use sqlite::Restore;

#[cfg(feature = "mongo")]
use self::mongo::MongoStore;
use self::sqlite::SqliteStore;
use crate::{
    config::DatabaseUrl,
    model::{
        AccessId, AuditEvent, EndReason, EventPage, EventQuery, Failures, LoginName, NewUser, PasswordHash,
        Revocation, Session, SessionId, User, UserChange, UserChanged, UserId, UserPage, UserQuery,
    },
    sessions::{LockPolicy, Refresh, Shown},
};

/// Opens the store of a URL: the only place that knows which backends there are.
///
/// Blocks while an embedded database is checked, and waits some seconds for a server that does not answer yet;
/// meant for the start of a program.
///
/// # Errors
/// [`StoreError`] when the store cannot be opened as configured.
#[cfg_attr(
    not(feature = "mongo"),
    expect(clippy::unused_async, reason = "a feature adds a backend and changes no signature")
)]
pub async fn open(url: &DatabaseUrl) -> Result<Arc<dyn Store>, StoreError> {
    match url {
        DatabaseUrl::Sqlite(path) => Ok(Arc::new(SqliteStore::open(path)?)),
        #[cfg(feature = "mongo")]
        DatabaseUrl::Mongo(url) => Ok(Arc::new(MongoStore::open(url, MongoStore::START_PATIENCE).await?)),
        #[cfg(not(feature = "mongo"))]
        DatabaseUrl::Mongo(url) => Err(without_mongo(url)),
    }
}

/// What a program does that needs a database where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It makes one; one that only looks takes it for empty, where it is not embedded.
    Made,
    /// It says that there is none.
    Refused,
}

/// Opens the store of a URL for a program that does something in it and ends, whether or not others serve it.
///
/// Blocks and waits as [`open`] does.
///
/// # Errors
/// [`StoreError`] when the store cannot be opened as configured, or is an embedded one of an earlier version.
pub async fn open_beside(url: &DatabaseUrl, missing: Missing) -> Result<Arc<dyn Store>, StoreError> {
    let DatabaseUrl::Sqlite(path) = url else {
        if missing == Missing::Refused {
            // Before an index is made where somebody mistyped the name.
            open_to_read(url, missing).await?.close().await;
        }
        return open(url).await;
    };
    if missing == Missing::Made && !path.exists() {
        // Whoever serves it meanwhile has made it.
        match SqliteStore::open(path) {
            Ok(made) => made.close().await,
            Err(error) if !path.exists() => return Err(error),
            Err(_) => {}
        }
    }
    Ok(Arc::new(SqliteStore::open_beside(path)?))
}

/// Opens the store of a URL for a program that only looks into it: nothing is written.
///
/// Blocks and waits as [`open`] does.
///
/// # Errors
/// Those of [`open_beside`].
#[cfg_attr(
    not(feature = "mongo"),
    expect(clippy::unused_async, reason = "a feature adds a backend and changes no signature")
)]
pub async fn open_to_read(url: &DatabaseUrl, missing: Missing) -> Result<Arc<dyn Store>, StoreError> {
    match (url, missing) {
        (DatabaseUrl::Sqlite(path), _) => Ok(Arc::new(SqliteStore::open_beside(path)?)),
        #[cfg(feature = "mongo")]
        (DatabaseUrl::Mongo(url), missing) => {
            let store = MongoStore::open_to_read(url, MongoStore::START_PATIENCE).await?;
            if missing == Missing::Refused {
                store.refuse_if_not_made().await?;
            }
            Ok(Arc::new(store))
        }
        #[cfg(not(feature = "mongo"))]
        (DatabaseUrl::Mongo(url), _) => Err(without_mongo(url)),
    }
}

/// Whether there is a store for a URL, without opening it: what a look at the configuration can say.
///
/// # Errors
/// The [`StoreError`] that [`open`] would answer with.
pub fn supports(url: &DatabaseUrl) -> Result<(), StoreError> {
    match url {
        DatabaseUrl::Sqlite(_) => Ok(()),
        #[cfg(feature = "mongo")]
        DatabaseUrl::Mongo(url) => MongoStore::check(url),
        #[cfg(not(feature = "mongo"))]
        DatabaseUrl::Mongo(url) => Err(without_mongo(url)),
    }
}

/// The file of an embedded database; none for a server's.
pub fn file_of(url: &DatabaseUrl) -> Option<&Path> {
    match url {
        DatabaseUrl::Sqlite(path) => Some(path),
        DatabaseUrl::Mongo(_) => None,
    }
}

/// Whether a URL names a file of this machine, in a folder that must be there.
pub fn is_embedded(url: &DatabaseUrl) -> bool {
    file_of(url).is_some()
}

/// Whether a URL names an embedded database that was not made yet.
pub fn is_not_made(url: &DatabaseUrl) -> bool {
    file_of(url).is_some_and(|path| !path.exists())
}

/// Whether a store has to tell of changes by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streams {
    /// It has to.
    Required,
    /// It may be asked.
    Optional,
}

/// Looks at the store of a URL and changes nothing, whether or not it is there, and served.
#[cfg_attr(
    not(feature = "mongo"),
    expect(clippy::unused_async, reason = "a feature adds a backend and changes no signature")
)]
pub async fn examine(url: &DatabaseUrl, streams: Streams, now: SystemTime) -> Vec<Finding> {
    match (url, streams) {
        (DatabaseUrl::Sqlite(path), _) => sqlite::examine::examine(path, now),
        #[cfg(feature = "mongo")]
        (DatabaseUrl::Mongo(url), streams) => mongo::examine::examine(url, streams, now).await,
        #[cfg(not(feature = "mongo"))]
        (DatabaseUrl::Mongo(url), _) => {
            vec![Finding::failed("database", &without_mongo(url), "install one with it")]
        }
    }
}

/// Refuses every token of before and ends every session: what a restore does, for a database whose own tools have
/// restored it. Answers the moment up to which tokens are refused.
///
/// # Errors
/// [`StoreError`] when some of it may not be durable: the same call again settles it.
#[cfg_attr(
    not(feature = "mongo"),
    expect(clippy::unused_async, reason = "a feature adds a backend and changes no signature")
)]
pub async fn end_everything(url: &DatabaseUrl, event: AuditEvent) -> Result<NumericDate, StoreError> {
    match url {
        DatabaseUrl::Sqlite(_) => Err(StoreError::new(
            StoreErrorKind::Refused,
            "this database is a file: portcullis restore FILE puts a backup in its place and ends all sessions at once",
        )),
        #[cfg(feature = "mongo")]
        DatabaseUrl::Mongo(url) => {
            MongoStore::open(url, MongoStore::START_PATIENCE).await?.end_everything(event).await
        }
        #[cfg(not(feature = "mongo"))]
        DatabaseUrl::Mongo(url) => {
            drop(event);
            Err(without_mongo(url))
        }
    }
}

#[cfg(not(feature = "mongo"))]
fn without_mongo(url: &crate::config::MongoUrl) -> StoreError {
    let message = format!("{url}: this program was built without the MongoDB store, the feature `mongo`");
    StoreError::new(StoreErrorKind::Refused, message)
}

/// The store of one service.
///
/// An `Ok` of a writing method means that the write survives a crash of the process and of the machine. After an
/// error the outcome may be unknown, as with every answer that was lost: the same call again settles it.
/// Every method answers [`StoreErrorKind::Unavailable`] within two seconds when the backend does not, and all calls of
/// one request do so together ([`request::serve`](crate::request::serve)).
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The backend and where its data lies, for people; never with a credential.
    fn location(&self) -> String;

    /// The store's own time at a moment of this machine's clock: `now` of the methods below, so that nodes whose clocks
    /// differ judge alike. A backend within this machine has no other.
    fn time(&self, moment: SystemTime) -> SystemTime {
        moment
    }

    /// Registers a user unless the name is taken, or was by a deleted user for whom it is still kept; of two at once
    /// exactly one is created. What else it depends on says [`NewUser::provided`].
    ///
    /// The `event` is made to be about the user ([`NewUser::event`]), and belongs to the act: no user is ever there without it. A backend that cannot write
    /// both as one writes it before, and of what did not happen after all an event more that says so.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not say; the user is there or not, and nothing is half made. Also while
    /// somebody else, who may have failed, makes a user provided the same.
    async fn create_user(
        &self,
        user: NewUser,
        event: Option<&AuditEvent>,
        now: SystemTime,
    ) -> Result<Creation, StoreError>;

    /// The user of a name: whoever spells it exactly so, else whoever has its canonical key.
    ///
    /// # Errors
    /// [`StoreErrorKind::Unreadable`] where what another program wrote there is no user; else [`StoreError`] when the store
    /// could not look.
    async fn user_by_name(&self, name: &LoginName) -> Result<Option<User>, StoreError>;

    /// Notes that something is refused from now on. Of two entries for one thing the later expiry, the higher generation
    /// and the later moment count; the same one again changes nothing. An expiry beyond the backend's calendar is its
    /// furthest moment.
    ///
    /// A session that the store knows is ended by [`end_session`](Self::end_session), which is an entry by itself.
    ///
    /// # Errors
    /// [`StoreError`] when the entry may not be durable.
    async fn revoke(&self, revocation: Revocation, now: SystemTime) -> Result<(), StoreError>;

    /// Streams what is refused, in no order and in batches of about [`BATCH`]: all of it, or what has come `since` a
    /// mark of an earlier call, whoever wrote it. Answers with the mark of everything that was streamed.
    ///
    /// What comes while all of it is being streamed is there or comes after the mark. An entry may come more than once.
    /// What had expired before `remembered_at` is left out. A mark that the backend cannot go on from means all of it.
    ///
    /// It takes as long as there are entries. Each step of it is bounded, by the two seconds of every call where it is since
    /// a mark; a backend may be given longer to begin with all of it. A receiver that is gone ends it.
    ///
    /// # Errors
    /// [`StoreError`] when it could not be read to the end, or nobody listens; the mark of before still holds.
    async fn revocations(
        &self,
        since: Option<FeedMark>,
        remembered_at: NumericDate,
        batches: mpsc::Sender<Vec<Revocation>>,
    ) -> Result<FeedMark, StoreError>;

    /// Listens to what comes to be refused, as soon as it does; `None` where the backend cannot tell by itself.
    ///
    /// This only makes [`revocations`](Self::revocations) faster: something may be missing in it. It ends with an error,
    /// or when the receiver is gone.
    ///
    /// # Errors
    /// [`StoreError`] when the backend could tell and does not.
    async fn watch(&self) -> Result<Option<Watch>, StoreError>;

    /// Deletes at most `limit` of what was over before a moment, as [`Expired`] says; answers how many went.
    ///
    /// # Errors
    /// [`StoreError`] when nothing could be deleted.
    async fn purge(
        &self,
        what: Expired,
        expired_before: NumericDate,
        limit: usize,
    ) -> Result<usize, StoreError>;

    /// The user of an id.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not look.
    async fn user_by_id(&self, id: &UserId) -> Result<Option<User>, StoreError>;

    /// A page of the users that are wanted. Whoever is wanted throughout is on exactly one page, whatever is written
    /// between two.
    ///
    /// # Errors
    /// [`StoreErrorKind::UnknownCursor`] for a cursor of the other order, or of another kind of store; [`StoreError`] when
    /// the store could not read.
    async fn users(&self, query: &UserQuery) -> Result<UserPage, StoreError>;

    /// Puts another hash of the same password in the place of a user's, if that is still the expected one; answers
    /// whether it was. No session ends by it.
    ///
    /// # Errors
    /// [`StoreError`] when the new hash may not be durable.
    async fn replace_password_hash(
        &self,
        user: &UserId,
        expected: &PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError>;

    /// Notes that a login has failed: writes the event, and for a user who is known raises the count of failures by one and
    /// locks the user by the policy, as one act. Answers the failures as they are then. Without a policy nobody is locked.
    ///
    /// Of many at once each counts, until one of them has locked the user. What comes during a lock, whenever it began,
    /// counts nothing and is answered by `None`: guesses that were all let in before the first was over would make the
    /// lock longest at once.
    ///
    /// Without a user, where nobody has the name, it costs the same, so that the time tells nothing. The same call again,
    /// after an outcome that was not known, may count once more.
    ///
    /// # Errors
    /// [`StoreError`] when the failure may not be counted.
    async fn note_failed_login(
        &self,
        user: Option<&UserId>,
        event: &AuditEvent,
        policy: Option<&LockPolicy>,
        now: SystemTime,
    ) -> Result<Option<Failures>, StoreError>;

    /// Opens a session for a password that was shown, as [`sessions::admission`](crate::sessions::admission) says, and
    /// forgets the user's failed logins; then ends the user's least recently used sessions that are more than `at_most`,
    /// never the new one. The same session again changes nothing. One that has ended before it is opened takes its name,
    /// so that no other of that name is.
    ///
    /// # Errors
    /// [`StoreError`] when the session may not be durable.
    async fn open_session(
        &self,
        session: Session,
        shown: &Shown,
        at_most: usize,
        now: SystemTime,
    ) -> Result<Opening, StoreError>;

    /// Uses a refresh token: judges it by [`sessions::decide`](crate::sessions::decide) and writes what comes of it, as
    /// one act; of two at once the later sees what the earlier did. A session whose user is gone, disabled or of another
    /// epoch ends and is [`Verdict::Gone`](crate::sessions::Verdict::Gone).
    ///
    /// The same call again, with the same [`Refresh`], settles an outcome that was not known.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not say.
    async fn refresh_session(
        &self,
        id: &SessionId,
        refresh: &Refresh,
        now: SystemTime,
    ) -> Result<Refreshed, StoreError>;

    /// The session of a name, ended or not.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not look.
    async fn session(&self, id: &SessionId) -> Result<Option<Session>, StoreError>;

    /// The living sessions of a user, the most recently used first.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not read.
    async fn sessions_of(&self, user: &UserId, now: SystemTime) -> Result<Vec<Session>, StoreError>;

    /// Ends a session, and answers how it is now; one that has ended stays as it is, `None` where there is none.
    ///
    /// # Errors
    /// [`StoreError`] when the end may not be durable.
    async fn end_session(
        &self,
        id: &SessionId,
        reason: EndReason,
        now: SystemTime,
    ) -> Result<Option<Session>, StoreError>;

    /// Changes a user, with all that belongs to the change.
    ///
    /// Where sessions end, the user's epoch is raised first, in one write with the reason, so that none that is being
    /// opened meanwhile lives. Where the access level changes, [`sessions::relevelled`](crate::sessions::relevelled) says
    /// what becomes of each session, also where the level was the same already. Of several changes of a password at once
    /// one is made. Nobody is disabled, deleted or given less access who is the only one to administer users; of two at
    /// once neither may be, and never both are.
    ///
    /// The same call again settles an outcome that was not known. A password that holds already is one that was changed
    /// before, whatever the expected one is: what was left to be ended ends, and sessions that were opened since go on.
    /// Who was deleted is no such user then.
    ///
    /// The `event` belongs to a change that is [`Done`](UserChanged::Done), as that of
    /// [`create_user`](Self::create_user) does to what that makes.
    ///
    /// # Errors
    /// [`StoreError`] when the change may not be durable, or some sessions may live that should not.
    async fn change_user(
        &self,
        user: &UserId,
        change: &UserChange,
        event: Option<&AuditEvent>,
        now: SystemTime,
    ) -> Result<UserChanged, StoreError>;

    /// Notes what was seen of sessions, and when they were used last; earlier news changes nothing, and sessions that
    /// there are not are passed over.
    ///
    /// # Errors
    /// [`StoreError`] when some may not be noted.
    async fn note_seen(&self, seen: &[Seen]) -> Result<(), StoreError>;

    /// Notes an access token of a session for another application that has to refuse it when the session ends; answers
    /// `false`, and notes nothing, where the session has ended or is not there.
    ///
    /// # Errors
    /// [`StoreError`] when the note may not be durable.
    async fn note_access_token(
        &self,
        session: &SessionId,
        token: AccessId,
        now: SystemTime,
    ) -> Result<bool, StoreError>;

    /// Has another application that looks into the same store refuse tokens. They are no entries of the revocation list
    /// for [`revocations`](Self::revocations). Answers of how many ended sessions it was told.
    ///
    /// # Errors
    /// [`StoreError`] when it may not know all; the same call again tells it.
    async fn tell_flask(&self, news: FlaskNews<'_>, now: SystemTime) -> Result<usize, StoreError>;

    /// Adds events to those that are kept for good, or until they are purged: none is ever changed. The same events
    /// again, after an outcome that was not known, may stand there twice.
    ///
    /// # Errors
    /// [`StoreError`] when some may not be durable.
    async fn record(&self, events: &[AuditEvent]) -> Result<(), StoreError>;

    /// A page of the events that are wanted, the newest first. One that is wanted throughout is on exactly one page,
    /// whatever is recorded between two.
    ///
    /// # Errors
    /// [`StoreErrorKind::UnknownCursor`] for a cursor of another kind of store; [`StoreError`] when the store could not read.
    async fn events(&self, query: &EventQuery) -> Result<EventPage, StoreError>;

    /// Asks the store for a sign of life, as cheaply as it can.
    ///
    /// # Errors
    /// [`StoreError`] when it gives none.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Finishes what was accepted and lets go of the data. Later calls answer `Unavailable`.
    async fn close(&self);
}
