//! A store of which one call fails: before it did anything, after it did all, or later than anybody waits.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use portcullis::NumericDate;
use portcullis_server::{
    model::{
        AccessId, AuditEvent, EndReason, EventPage, EventQuery, Failures, LoginName, NewUser, PasswordHash,
        Revocation, Session, SessionId, User, UserChange, UserChanged, UserId, UserPage, UserQuery,
    },
    sessions::{LockPolicy, Refresh, Shown},
    store::{
        Creation, Expired, FeedMark, FlaskNews, Opening, Refreshed, Seen, Store, StoreError, StoreErrorKind,
        Watch, is_of_a_request,
    },
};
use tokio::sync::{Notify, mpsc, watch};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Nothing has happened.
    Before,
    /// It has happened, and its answer was lost.
    After,
    /// It happens when the caller has given up: before the next call, as in a queue.
    Late,
    /// It has happened, and the client hangs up before it hears of it.
    HungUp,
}

impl Fault {
    pub const ALL: [Self; 4] = [Self::Before, Self::After, Self::Late, Self::HungUp];
}

/// A store in front of another one. Only what requests ask for is counted: the calls of a start and of the jobs go
/// through as they are.
pub struct Faulty {
    store: Arc<dyn Store>,
    plan: Mutex<Option<Plan>>,
    late: Mutex<Vec<Act>>,
    under_way: AtomicUsize,
    hung_up: Notify,
    held: watch::Sender<bool>,
    ahead: AtomicI64,
}

/// Which of the next calls is to fail, and how.
struct Plan {
    calls_before: usize,
    fault: Fault,
}

type Act = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Faulty {
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            plan: Mutex::default(),
            late: Mutex::default(),
            under_way: AtomicUsize::new(0),
            hung_up: Notify::new(),
            held: watch::Sender::new(false),
            ahead: AtomicI64::new(0),
        }
    }

    /// Has the store's clock ahead of this machine's, or behind it, by so many seconds.
    pub fn is_ahead(&self, seconds: i64) {
        self.ahead.store(seconds, Ordering::SeqCst);
    }

    /// Lets the `nth` call from now on fail, counted from 1.
    pub fn fail(&self, nth: usize, fault: Fault) {
        *self.plan.lock().unwrap() = Some(Plan { calls_before: nth - 1, fault });
        self.held.send_replace(true);
    }

    /// Comes when the call has happened after which the client is to hang up.
    pub async fn hung_up(&self) {
        self.hung_up.notified().await;
    }

    /// Ends the faults, and lets all that is late or held come to its end; whether there was a fault.
    pub async fn settle(&self) -> bool {
        let failed = self.plan.lock().unwrap().take().is_none();
        self.held.send_replace(false);
        self.do_what_is_late().await;
        while self.under_way.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
        failed
    }

    async fn call<T, A>(
        &self,
        act: impl FnOnce(Arc<dyn Store>) -> A + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
        A: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let _under_way = UnderWay::of(&self.under_way);
        self.do_what_is_late().await;
        let act = act(self.store.clone());
        let lost = || StoreError::new(StoreErrorKind::Unavailable, "a fault of the tests");
        match self.fault_of_this_call() {
            None => act.await,
            Some(Fault::Before) => Err(lost()),
            Some(Fault::After) => {
                act.await?;
                Err(lost())
            }
            Some(Fault::Late) => {
                let late = async move { drop(act.await) };
                self.late.lock().unwrap().push(Box::pin(late));
                Err(lost())
            }
            Some(Fault::HungUp) => {
                let answer = act.await;
                self.hung_up.notify_one();
                let _ = self.held.subscribe().wait_for(|held| !held).await;
                answer
            }
        }
    }

    fn fault_of_this_call(&self) -> Option<Fault> {
        let mut plan = self.plan.lock().unwrap();
        match plan.as_mut()? {
            Plan { calls_before: 0, fault } => {
                let fault = *fault;
                *plan = None;
                Some(fault)
            }
            Plan { calls_before, .. } => {
                *calls_before -= 1;
                None
            }
        }
    }

    async fn do_what_is_late(&self) {
        let late = std::mem::take(&mut *self.late.lock().unwrap());
        for act in late {
            act.await;
        }
    }
}

/// A call that has not ended.
struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn of(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Store for Faulty {
    // What requests ask for.

    async fn create_user(
        &self,
        user: NewUser,
        event: Option<&AuditEvent>,
        now: SystemTime,
    ) -> Result<Creation, StoreError> {
        let event = event.cloned();
        self.call(move |store| async move { store.create_user(user, event.as_ref(), now).await }).await
    }

    async fn user_by_name(&self, name: &LoginName) -> Result<Option<User>, StoreError> {
        let name = name.clone();
        self.call(|store| async move { store.user_by_name(&name).await }).await
    }

    async fn user_by_id(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        let id = id.clone();
        self.call(|store| async move { store.user_by_id(&id).await }).await
    }

    async fn users(&self, query: &UserQuery) -> Result<UserPage, StoreError> {
        let query = query.clone();
        self.call(|store| async move { store.users(&query).await }).await
    }

    async fn revoke(&self, revocation: Revocation, now: SystemTime) -> Result<(), StoreError> {
        self.call(move |store| async move { store.revoke(revocation, now).await }).await
    }

    async fn replace_password_hash(
        &self,
        user: &UserId,
        expected: &PasswordHash,
        new: PasswordHash,
    ) -> Result<bool, StoreError> {
        let (user, expected) = (user.clone(), expected.clone());
        self.call(move |store| async move { store.replace_password_hash(&user, &expected, new).await }).await
    }

    async fn note_failed_login(
        &self,
        user: Option<&UserId>,
        event: &AuditEvent,
        policy: Option<&LockPolicy>,
        now: SystemTime,
    ) -> Result<Option<Failures>, StoreError> {
        let (user, event, policy) = (user.cloned(), event.clone(), policy.copied());
        self.call(move |store| async move {
            store.note_failed_login(user.as_ref(), &event, policy.as_ref(), now).await
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
        self.call(move |store| async move { store.open_session(session, &shown, at_most, now).await }).await
    }

    async fn refresh_session(
        &self,
        id: &SessionId,
        refresh: &Refresh,
        now: SystemTime,
    ) -> Result<Refreshed, StoreError> {
        let (id, refresh) = (id.clone(), refresh.clone());
        self.call(move |store| async move { store.refresh_session(&id, &refresh, now).await }).await
    }

    async fn session(&self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        let id = id.clone();
        self.call(|store| async move { store.session(&id).await }).await
    }

    async fn sessions_of(&self, user: &UserId, now: SystemTime) -> Result<Vec<Session>, StoreError> {
        let user = user.clone();
        self.call(move |store| async move { store.sessions_of(&user, now).await }).await
    }

    async fn end_session(
        &self,
        id: &SessionId,
        reason: EndReason,
        now: SystemTime,
    ) -> Result<Option<Session>, StoreError> {
        let id = id.clone();
        self.call(move |store| async move { store.end_session(&id, reason, now).await }).await
    }

    async fn change_user(
        &self,
        user: &UserId,
        change: &UserChange,
        event: Option<&AuditEvent>,
        now: SystemTime,
    ) -> Result<UserChanged, StoreError> {
        let (user, change, event) = (user.clone(), change.clone(), event.cloned());
        self.call(move |store| async move { store.change_user(&user, &change, event.as_ref(), now).await })
            .await
    }

    async fn record(&self, events: &[AuditEvent]) -> Result<(), StoreError> {
        if !is_of_a_request() {
            return self.store.record(events).await;
        }
        let events = events.to_vec();
        self.call(move |store| async move { store.record(&events).await }).await
    }

    async fn events(&self, query: &EventQuery) -> Result<EventPage, StoreError> {
        let query = query.clone();
        self.call(|store| async move { store.events(&query).await }).await
    }

    async fn note_access_token(
        &self,
        session: &SessionId,
        token: AccessId,
        now: SystemTime,
    ) -> Result<bool, StoreError> {
        let session = session.clone();
        self.call(move |store| async move { store.note_access_token(&session, token, now).await }).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.call(|store| async move { store.ping().await }).await
    }

    // What a start and the jobs ask for.

    fn location(&self) -> String {
        self.store.location()
    }

    fn time(&self, moment: SystemTime) -> SystemTime {
        let (time, ahead) = (self.store.time(moment), self.ahead.load(Ordering::SeqCst));
        let off = Duration::from_secs(ahead.unsigned_abs());
        if ahead < 0 { time - off } else { time + off }
    }

    async fn revocations(
        &self,
        since: Option<FeedMark>,
        remembered_at: NumericDate,
        batches: mpsc::Sender<Vec<Revocation>>,
    ) -> Result<FeedMark, StoreError> {
        self.store.revocations(since, remembered_at, batches).await
    }

    async fn watch(&self) -> Result<Option<Watch>, StoreError> {
        self.store.watch().await
    }

    async fn tell_flask(&self, news: FlaskNews<'_>, now: SystemTime) -> Result<usize, StoreError> {
        self.store.tell_flask(news, now).await
    }

    async fn note_seen(&self, seen: &[Seen]) -> Result<(), StoreError> {
        self.store.note_seen(seen).await
    }

    async fn purge(
        &self,
        what: Expired,
        expired_before: NumericDate,
        limit: usize,
    ) -> Result<usize, StoreError> {
        self.store.purge(what, expired_before, limit).await
    }

    async fn close(&self) {
        self.store.close().await;
    }
}
