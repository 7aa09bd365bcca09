//! The backend for many nodes: a MongoDB, in the Flask application's own collections.
//!
//! ```text
//! call -> calls.rs      a place among the calls at once, a bound in time
//!      -> uses.rs       uses of one refresh token at once, served together
//!      -> users.rs, revocations.rs, sessions.rs, audit.rs, purge.rs   the commands
//!      -> creation.rs, changes.rs   users: admins.rs and claims.rs, that somebody administers and one begins,
//!                       deletions.rs, whose names are kept, announced.rs, that each has its event
//!      -> feed.rs       what is refused, streamed: everything once, then what is new; and the change stream
//!      -> documents.rs, session_documents.rs, revocation_documents.rs   what comes back, read without trust
//! start -> connect.rs   options, first contact -> indexes.rs -> name_keys.rs
//! ```
//!
//! Nothing needs a transaction or a change stream: a single standalone server has neither; a stream only makes the feed
//! faster. Every write is one command on one document, acknowledged when it is in the journals of a majority.

mod admins;
mod announced;
mod audit;
mod calls;
mod changes;
mod claims;
mod connect;
mod creation;
mod deletions;
mod documents;
pub(super) mod examine;
mod failure;
mod feed;
mod flask;
mod indexes;
mod name_keys;
mod purge;
mod restored;
mod revocation_documents;
mod revocations;
mod session_documents;
mod sessions;
mod time;
mod users;
mod uses;

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use mongodb::{
    Collection, Database,
    bson::{Document, oid::ObjectId},
};
use portcullis::NumericDate;
use tokio::{sync::mpsc, task::JoinHandle};

use self::{
    announced::Announced,
    calls::Calls,
    changes::Change,
    creation::Making,
    failure::{Failure, Place},
    feed::Feed,
    sessions::Sessions,
    time::ServerTime,
    uses::Uses,
};
use super::{
    Creation, Expired, FeedMark, FlaskNews, Opening, Refreshed, Seen, Store, StoreError, StoreErrorKind,
    Watch,
};
use crate::{
    config::MongoUrl,
    model::{
        AccessId, AuditEvent, EndReason, EventPage, EventQuery, Failures, LoginName, NewUser, PasswordHash,
        Revocation, Session, SessionId, User, UserChange, UserChanged, UserId, UserPage, UserQuery,
    },
    sessions::{LockPolicy, Refresh, Shown},
};

/// The collection of users.
const USERS: &str = "users";

/// The collection of tokens that are refused although they have not expired.
const REVOKED_TOKENS: &str = "revoked_tokens";

/// The collection of what else is refused, ours.
const REVOCATIONS: &str = "revocations";

/// The collection of sessions, ours alone.
const SESSIONS: &str = "sessions";

/// The collection of audit events, ours alone.
const AUDIT: &str = "audit";

/// The collection of deleted users' names, ours alone.
const FREED_NAMES: &str = "freed_names";

/// The collection of what is counted for nobody, ours alone: as many writes as there are for somebody.
const DECOYS: &str = "decoys";

/// The collection of what only one may do at a time, ours alone.
const CLAIMS: &str = "claims";

/// The store in one database of a MongoDB. Its users are any number of nodes, the Flask application among them.
pub struct MongoStore {
    place: Place,
    database: Database,
    users: Collection<Document>,
    revoked_tokens: Collection<Document>,
    revocations: Collection<Document>,
    sessions: Sessions,
    audit: Collection<Document>,
    freed_names: Collection<Document>,
    decoys: Collection<Document>,
    uses: Uses,
    calls: Calls,
    time: ServerTime,
    /// None in a store that is only read.
    filling_name_keys: Option<NameKeys>,
}

/// The task that gives users of another program their canonical names; it ends with the value.
struct NameKeys(JoinHandle<()>);

impl Drop for NameKeys {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl MongoStore {
    /// How long a start waits for a server that does not answer yet, as when both are started at once.
    pub const START_PATIENCE: Duration = Duration::from_secs(10);

    /// Whether a URL can be understood, found out without a connection.
    ///
    /// # Errors
    /// [`StoreErrorKind::Refused`] with what is wrong.
    pub fn check(url: &MongoUrl) -> Result<(), StoreError> {
        connect::check(url)
    }

    /// Opens the database of a URL, waits for it at most `patience`, and makes the indexes and the canonical names that
    /// it lacks.
    ///
    /// # Errors
    /// [`StoreErrorKind::Refused`] when the URL cannot be understood, when nobody
    /// answers, when the server does not let us in, and when an index cannot be made.
    pub async fn open(url: &MongoUrl, patience: Duration) -> Result<Self, StoreError> {
        let (database, place) = connect::prepare(url).await?;
        connect::wait_for(&database, &place, patience).await?;
        indexes::make(&database, &place).await?;
        name_keys::fill(&database, &place).await?;
        feed::stamp_all(&database, &place).await?;
        let filling = NameKeys(name_keys::keep_filling(database.clone(), place.clone()));
        Ok(Self { filling_name_keys: Some(filling), ..Self::of(database, place) })
    }

    /// Opens the database of a URL as it is, for whoever only looks: nothing is made or filled in that it lacks.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), but for indexes.
    pub async fn open_to_read(url: &MongoUrl, patience: Duration) -> Result<Self, StoreError> {
        let (database, place) = connect::prepare(url).await?;
        connect::wait_for(&database, &place, patience).await?;
        Ok(Self::of(database, place))
    }

    /// Whether the database has users: a name that somebody mistyped has none, and no collection of theirs.
    ///
    /// # Errors
    /// [`StoreErrorKind::Refused`] where it has not, or does not say.
    pub async fn refuse_if_not_made(&self) -> Result<(), StoreError> {
        let there = calls::bounded(async { self.database.list_collection_names().await }).await;
        if there.map_err(|failure| self.place.refusal(failure))?.iter().any(|name| name == USERS) {
            return Ok(());
        }
        let message = format!("there is no database at {}: it has no users", self.place);
        Err(StoreError::new(StoreErrorKind::Refused, message))
    }

    fn of(database: Database, place: Place) -> Self {
        let users: Collection<Document> = database.collection(USERS);
        let revoked_tokens = database.collection(REVOKED_TOKENS);
        let revocations = database.collection(REVOCATIONS);
        let sessions = Sessions { sessions: database.collection(SESSIONS), users: users.clone() };
        Self {
            time: ServerTime::watch(database.clone()),
            filling_name_keys: None,
            audit: database.collection(AUDIT),
            freed_names: database.collection(FREED_NAMES),
            decoys: database.collection(DECOYS),
            place,
            database,
            users,
            revoked_tokens,
            revocations,
            sessions,
            uses: Uses::default(),
            calls: Calls::new(),
        }
    }

    /// Deletes entries of both collections.
    fn purge_revocations(
        &self,
        expired_before: NumericDate,
        limit: usize,
    ) -> impl Future<Output = Result<usize, Failure>> + Send + 'static {
        let (tokens, others) = (self.revoked_tokens.clone(), self.revocations.clone());
        async move {
            let tokens = purge::expired(tokens, "expires_at", expired_before, limit).await?;
            Ok(tokens + purge::expired(others, "expires_at", expired_before, limit - tokens).await?)
        }
    }

    /// Gives a user the key of its name, which nobody waits for: the time would tell who is without. What does not come of
    /// it is left to the next login, and to the next round of [`name_keys`].
    fn fill_key(&self, id: ObjectId, name: LoginName) {
        let (users, calls, place) = (self.users.clone(), self.calls.clone(), self.place.clone());
        tokio::spawn(async move {
            if let Err(failure) = calls.make(users::fill_key(users, id, name)).await {
                let error = place.error(failure);
                tracing::debug!(%error, "a user of another program could not be given a canonical name");
            }
        });
    }

    /// A call that is over within [`PATIENCE`].
    async fn call<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, StoreError> {
        // Boxed: it is handed on several times, and is large.
        self.calls.make(Box::pin(call)).await.map_err(|failure| self.place.error(failure))
    }

    /// A call of many steps, each of which is over within [`PATIENCE`].
    async fn steps<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.calls.make_in_steps(Box::pin(call)).await.map_err(|failure| self.place.error(failure))
    }
}

#[async_trait]
impl Store for MongoStore {
    fn location(&self) -> String {
        self.place.to_string()
    }

    fn time(&self, moment: SystemTime) -> SystemTime {
        self.time.of(moment)
    }

    async fn create_user(
        &self,
        user: NewUser,
        event: Option<&AuditEvent>,
        now: SystemTime,
    ) -> Result<Creation, StoreError> {
        let making = Making {
            sessions: self.sessions.clone(),
            freed_names: self.freed_names.clone(),
            claims: self.database.collection(CLAIMS),
            announced: Announced::new(self.audit.clone(), event),
            now,
        };
        self.call(making.make(user)).await
    }

    async fn user_by_name(&self, name: &LoginName) -> Result<Option<User>, StoreError> {
        let found = self.call(users::by_name(self.users.clone(), name.clone())).await?;
        // Who only looks writes nothing.
        if let Some(id) = found.keyless.filter(|_| self.filling_name_keys.is_some()) {
            self.fill_key(id, name.clone());
        }
        Ok(found.user)
    }

    async fn revoke(&self, revocation: Revocation, now: SystemTime) -> Result<(), StoreError> {
        let (tokens, others) = (self.revoked_tokens.clone(), self.revocations.clone());
        self.call(revocations::revoke(tokens, others, revocation, now)).await
    }

    async fn revocations(
        &self,
        since: Option<FeedMark>,
        remembered_at: NumericDate,
        batches: mpsc::Sender<Vec<Revocation>>,
    ) -> Result<FeedMark, StoreError> {
        let (database, closing) = (self.database.clone(), self.calls.closing());
        self.steps(Feed { database, remembered_at, batches }.stream(since, closing)).await
    }

    async fn watch(&self) -> Result<Option<Watch>, StoreError> {
        let (database, place, closing) = (self.database.clone(), self.place.clone(), self.calls.closing());
        self.call(async move { feed::watch(&database, &place, closing).await }).await
    }

    async fn purge(
        &self,
        what: Expired,
        expired_before: NumericDate,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let (collection, field) = match what {
            Expired::Revocations => return self.steps(self.purge_revocations(expired_before, limit)).await,
            Expired::Sessions => (&self.sessions.sessions, "remembered_until"),
            Expired::Events => (&self.audit, "at"),
            Expired::Users => (&self.freed_names, "until"),
        };
        self.steps(purge::expired(collection.clone(), field, expired_before, limit)).await
    }

    async fn user_by_id(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        let (users, id) = (self.users.clone(), id.clone());
        self.call(async move { users::by_id(&users, &id).await }).await
    }

    async fn replace_password_hash(
        &self,
        user: &UserId,
        expected: &PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError> {
        self.call(users::replace_hash(self.users.clone(), user.clone(), expected.clone(), new)).await
    }

    async fn open_session(
        &self,
        session: Session,
        shown: &Shown,
        at_most: usize,
        now: SystemTime,
    ) -> Result<Opening, StoreError> {
        self.call(self.sessions.clone().open(session, shown.clone(), at_most, now)).await
    }

    async fn refresh_session(
        &self,
        id: &SessionId,
        refresh: &Refresh,
        now: SystemTime,
    ) -> Result<Refreshed, StoreError> {
        let refreshed = self.uses.one(&self.calls, &self.sessions, id, refresh.clone(), now);
        refreshed.await.map_err(|failure| self.place.error(failure))
    }

    async fn session(&self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        let (sessions, id) = (self.sessions.clone(), id.clone());
        self.call(async move { sessions.find(&id).await }).await
    }

    async fn sessions_of(&self, user: &UserId, now: SystemTime) -> Result<Vec<Session>, StoreError> {
        let (sessions, user) = (self.sessions.clone(), user.clone());
        self.call(async move { sessions.living(&user, now).await }).await
    }

    async fn end_session(
        &self,
        id: &SessionId,
        reason: EndReason,
        now: SystemTime,
    ) -> Result<Option<Session>, StoreError> {
        self.call(self.sessions.clone().end_one(id.clone(), reason, now)).await
    }

    async fn users(&self, query: &UserQuery) -> Result<UserPage, StoreError> {
        self.call(users::page(self.users.clone(), query.clone())).await
    }

    async fn note_failed_login(
        &self,
        user: Option<&UserId>,
        event: &AuditEvent,
        policy: Option<&LockPolicy>,
        now: SystemTime,
    ) -> Result<Option<Failures>, StoreError> {
        let written = [self.users.clone(), self.decoys.clone(), self.audit.clone()];
        let (user, event, policy) = (user.cloned(), event.clone(), policy.copied());
        self.call(users::note_failed_login(written, user, event, policy, now)).await
    }

    async fn change_user(
        &self,
        user: &UserId,
        change: &UserChange,
        event: Option<&AuditEvent>,
        now: SystemTime,
    ) -> Result<UserChanged, StoreError> {
        let announced = Announced::new(self.audit.clone(), event);
        let (sessions, freed_names) = (self.sessions.clone(), self.freed_names.clone());
        let (user, what) = (user.clone(), change.clone());
        self.call(Change { sessions, freed_names, announced, user, what, now }.make()).await
    }

    async fn record(&self, events: &[AuditEvent]) -> Result<(), StoreError> {
        self.call(audit::record(self.audit.clone(), events.to_vec())).await
    }

    async fn events(&self, query: &EventQuery) -> Result<EventPage, StoreError> {
        self.call(audit::page(self.audit.clone(), query.clone())).await
    }

    async fn note_seen(&self, seen: &[Seen]) -> Result<(), StoreError> {
        self.steps(self.sessions.clone().note_seen(seen.to_vec())).await
    }

    async fn note_access_token(
        &self,
        session: &SessionId,
        token: AccessId,
        _now: SystemTime,
    ) -> Result<bool, StoreError> {
        self.call(flask::note_access_token(self.sessions.sessions.clone(), session.clone(), token)).await
    }

    async fn tell_flask(&self, news: FlaskNews<'_>, now: SystemTime) -> Result<usize, StoreError> {
        let database = self.database.clone();
        match news {
            FlaskNews::Tokens(tokens) => {
                let tokens = tokens.to_vec();
                self.call(async move { flask::write(&database, &tokens, now).await }).await?;
                Ok(0)
            }
            FlaskNews::EndedSessions => {
                self.steps(flask::tell_of_ended(self.sessions.clone(), database, now)).await
            }
        }
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let database = self.database.clone();
        self.call(async move { Ok(connect::ping(&database).await?) }).await
    }

    async fn close(&self) {
        self.time.stop();
        if let Some(NameKeys(filling)) = &self.filling_name_keys {
            filling.abort();
        }
        self.calls.close().await;
        self.database.client().clone().shutdown().immediate(true).await;
    }
}
