//! A store in front of another one, which measures how long each call takes and whether it came to anything.

use std::{sync::Arc, time::SystemTime};

use async_trait::async_trait;
use portcullis::{Clock, NumericDate};
use tokio::sync::mpsc;

use super::{Creation, Expired, FeedMark, FlaskNews, Opening, Refreshed, Seen, Store, StoreError, Watch};
use crate::{
    metrics::{Label, Reading, Series, Times},
    model::{
        AccessId, AuditEvent, EndReason, EventPage, EventQuery, Failures, LoginName, NewUser, PasswordHash,
        Revocation, Session, SessionId, User, UserChange, UserChanged, UserId, UserPage, UserQuery,
    },
    sessions::{LockPolicy, Refresh, Shown},
};

/// A store that measures another one. A call that nobody waits for any more before it has an answer is not measured.
pub struct Measured {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    times: Arc<StoreTimes>,
}

/// How long the calls of a store took, by the method, those that succeeded and those that failed.
#[derive(Debug)]
pub struct StoreTimes(Vec<(Call, Outcomes)>);

#[derive(Debug, Default)]
struct Outcomes {
    ok: Times,
    error: Times,
}

/// The methods of [`Store`] that ask a backend for something, by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    CreateUser,
    UserByName,
    Revoke,
    Revocations,
    Watch,
    Purge,
    UserById,
    Users,
    ReplacePasswordHash,
    NoteFailedLogin,
    OpenSession,
    RefreshSession,
    Session,
    SessionsOf,
    EndSession,
    ChangeUser,
    NoteSeen,
    NoteAccessToken,
    TellFlask,
    Record,
    Events,
    Ping,
}

impl Label for Call {
    const ALL: &'static [Self] = &[
        Self::CreateUser,
        Self::UserByName,
        Self::Revoke,
        Self::Revocations,
        Self::Watch,
        Self::Purge,
        Self::UserById,
        Self::Users,
        Self::ReplacePasswordHash,
        Self::NoteFailedLogin,
        Self::OpenSession,
        Self::RefreshSession,
        Self::Session,
        Self::SessionsOf,
        Self::EndSession,
        Self::ChangeUser,
        Self::NoteSeen,
        Self::NoteAccessToken,
        Self::TellFlask,
        Self::Record,
        Self::Events,
        Self::Ping,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::CreateUser => "create_user",
            Self::UserByName => "user_by_name",
            Self::Revoke => "revoke",
            Self::Revocations => "revocations",
            Self::Watch => "watch",
            Self::Purge => "purge",
            Self::UserById => "user_by_id",
            Self::Users => "users",
            Self::ReplacePasswordHash => "replace_password_hash",
            Self::NoteFailedLogin => "note_failed_login",
            Self::OpenSession => "open_session",
            Self::RefreshSession => "refresh_session",
            Self::Session => "session",
            Self::SessionsOf => "sessions_of",
            Self::EndSession => "end_session",
            Self::ChangeUser => "change_user",
            Self::NoteSeen => "note_seen",
            Self::NoteAccessToken => "note_access_token",
            Self::TellFlask => "tell_flask",
            Self::Record => "record",
            Self::Events => "events",
            Self::Ping => "ping",
        }
    }
}

impl Default for StoreTimes {
    fn default() -> Self {
        Self(Call::ALL.iter().map(|call| (*call, Outcomes::default())).collect())
    }
}

impl StoreTimes {
    /// The times by method and outcome, `ok` or `error`. A method that nobody has called is left out; of one that somebody
    /// has, both are there, so that the first error shows as one more.
    pub fn series(&self) -> Vec<Series<2, Reading>> {
        let called = self.0.iter().map(|(call, times)| (call.name(), times.ok.read(), times.error.read()));
        let called = called.filter(|(_, ok, error)| ok.count() + error.count() > 0);
        called.flat_map(|(name, ok, error)| [([name, "ok"], ok), ([name, "error"], error)]).collect()
    }
}

impl Measured {
    /// Measures a store by a clock.
    pub fn around(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, times: Arc::default() }
    }

    /// What was measured until now, and will be.
    pub fn times(&self) -> &Arc<StoreTimes> {
        &self.times
    }

    async fn measure<T>(
        &self,
        what: Call,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let begun = self.clock.monotonic();
        let ended = call.await;
        let took = self.clock.monotonic().saturating_duration_since(begun);
        if let Some((_, times)) = self.times.0.iter().find(|(call, _)| *call == what) {
            if ended.is_ok() { times.ok.note(took) } else { times.error.note(took) }
        }
        ended
    }
}

#[async_trait]
impl Store for Measured {
    fn location(&self) -> String {
        self.store.location()
    }

    fn time(&self, moment: SystemTime) -> SystemTime {
        self.store.time(moment)
    }

    async fn create_user(
        &self,
        user: NewUser,
        event: Option<&AuditEvent>,
        now: SystemTime,
    ) -> Result<Creation, StoreError> {
        self.measure(Call::CreateUser, self.store.create_user(user, event, now)).await
    }

    async fn user_by_name(&self, name: &LoginName) -> Result<Option<User>, StoreError> {
        self.measure(Call::UserByName, self.store.user_by_name(name)).await
    }

    async fn revoke(&self, revocation: Revocation, now: SystemTime) -> Result<(), StoreError> {
        self.measure(Call::Revoke, self.store.revoke(revocation, now)).await
    }

    async fn revocations(
        &self,
        since: Option<FeedMark>,
        remembered_at: NumericDate,
        batches: mpsc::Sender<Vec<Revocation>>,
    ) -> Result<FeedMark, StoreError> {
        self.measure(Call::Revocations, self.store.revocations(since, remembered_at, batches)).await
    }

    async fn watch(&self) -> Result<Option<Watch>, StoreError> {
        self.measure(Call::Watch, self.store.watch()).await
    }

    async fn purge(
        &self,
        what: Expired,
        expired_before: NumericDate,
        limit: usize,
    ) -> Result<usize, StoreError> {
        self.measure(Call::Purge, self.store.purge(what, expired_before, limit)).await
    }

    async fn user_by_id(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        self.measure(Call::UserById, self.store.user_by_id(id)).await
    }

    async fn users(&self, query: &UserQuery) -> Result<UserPage, StoreError> {
        self.measure(Call::Users, self.store.users(query)).await
    }

    async fn replace_password_hash(
        &self,
        user: &UserId,
        expected: &PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError> {
        self.measure(Call::ReplacePasswordHash, self.store.replace_password_hash(user, expected, new)).await
    }

    async fn note_failed_login(
        &self,
        user: Option<&UserId>,
        event: &AuditEvent,
        policy: Option<&LockPolicy>,
        now: SystemTime,
    ) -> Result<Option<Failures>, StoreError> {
        self.measure(Call::NoteFailedLogin, self.store.note_failed_login(user, event, policy, now)).await
    }

    async fn open_session(
        &self,
        session: Session,
        shown: &Shown,
        at_most: usize,
        now: SystemTime,
    ) -> Result<Opening, StoreError> {
        self.measure(Call::OpenSession, self.store.open_session(session, shown, at_most, now)).await
    }

    async fn refresh_session(
        &self,
        id: &SessionId,
        refresh: &Refresh,
        now: SystemTime,
    ) -> Result<Refreshed, StoreError> {
        self.measure(Call::RefreshSession, self.store.refresh_session(id, refresh, now)).await
    }

    async fn session(&self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        self.measure(Call::Session, self.store.session(id)).await
    }

    async fn sessions_of(&self, user: &UserId, now: SystemTime) -> Result<Vec<Session>, StoreError> {
        self.measure(Call::SessionsOf, self.store.sessions_of(user, now)).await
    }

    async fn end_session(
        &self,
        id: &SessionId,
        reason: EndReason,
        now: SystemTime,
    ) -> Result<Option<Session>, StoreError> {
        self.measure(Call::EndSession, self.store.end_session(id, reason, now)).await
    }

    async fn change_user(
        &self,
        user: &UserId,
        change: &UserChange,
        event: Option<&AuditEvent>,
        now: SystemTime,
    ) -> Result<UserChanged, StoreError> {
        self.measure(Call::ChangeUser, self.store.change_user(user, change, event, now)).await
    }

    async fn note_seen(&self, seen: &[Seen]) -> Result<(), StoreError> {
        self.measure(Call::NoteSeen, self.store.note_seen(seen)).await
    }

    async fn note_access_token(
        &self,
        session: &SessionId,
        token: AccessId,
        now: SystemTime,
    ) -> Result<bool, StoreError> {
        self.measure(Call::NoteAccessToken, self.store.note_access_token(session, token, now)).await
    }

    async fn tell_flask(&self, news: FlaskNews<'_>, now: SystemTime) -> Result<usize, StoreError> {
        self.measure(Call::TellFlask, self.store.tell_flask(news, now)).await
    }

    async fn record(&self, events: &[AuditEvent]) -> Result<(), StoreError> {
        self.measure(Call::Record, self.store.record(events)).await
    }

    async fn events(&self, query: &EventQuery) -> Result<EventPage, StoreError> {
        self.measure(Call::Events, self.store.events(query)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.measure(Call::Ping, self.store.ping()).await
    }

    async fn close(&self) {
        self.store.close().await;
    }
}
