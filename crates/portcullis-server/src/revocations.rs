//! Revocation between the store, where an entry is durable, and the index, which every request asks.

mod seen;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use portcullis::{Claims, Clock, NumericDate, Revocation, RevocationIndex, TokenKind, Verdict};

use self::seen::SeenSessions;

use crate::{
    model::{EndReason, RevokedToken, Session, SessionId},
    store::{Store, StoreError},
};

/// The revocation list of a service: written to the store, answered from memory.
pub struct Revocations {
    index: RevocationIndex,
    seen: SeenSessions,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// How much longer than `exp` an entry is kept in memory: the leeway, and a minute for other clocks.
    margin: Duration,
    /// How long a session lives at most, for what is said of one before the store has told its end.
    session_max_age: Duration,
    /// How many rounds are left in which ended sessions are looked for that nobody was told of.
    behind: AtomicU32,
    /// Both clocks at the last purge.
    purged_at: Mutex<Option<(SystemTime, Instant)>>,
}

impl Revocations {
    /// How many entries are read or deleted at once.
    const PAGE: usize = 10_000;

    /// How many rounds of [`catch_up`](Self::catch_up) follow an error of the store.
    const ROUNDS_BEHIND: u32 = 5;

    /// How far the wall clock may go from the steady one between two purges before it counts as set.
    const CLOCK_STEP: Duration = Duration::from_mins(1);

    /// How many sessions' uses are told at once.
    const SEEN_PAGE: usize = 1000;

    /// How much longer than `exp` an entry is kept in the store, whatever a clock may do.
    const STORE_MARGIN: Duration = Duration::from_hours(24);

    /// Loads the list of a store. The service must not answer before: an unknown token counts as live.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read to the end.
    pub async fn load(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        leeway: Duration,
        session_max_age: Duration,
    ) -> Result<Self, StoreError> {
        let index = RevocationIndex::new();
        load_tokens(&*store, &index).await?;
        load_sessions(&*store, &index, clock.now()).await?;
        tracing::info!(entries = index.len(), "the revocation list is loaded: {} entries", index.len());
        let margin = leeway + Duration::from_mins(1);
        let (seen, behind, purged_at) = (SeenSessions::default(), AtomicU32::new(0), Mutex::new(None));
        Ok(Self { index, seen, store, clock, margin, session_max_age, behind, purged_at })
    }

    /// The newest generation of a session that this node has seen anybody use, 0 for none.
    pub fn newest_seen(&self, session: &SessionId) -> u32 {
        self.seen.newest_of(session)
    }

    /// Tells the store what was seen of sessions since the last time; answers of how many. What cannot be told is lost,
    /// which makes the refresh rule kinder and nothing else.
    ///
    /// # Errors
    /// [`StoreError`] when the store may not have noted it.
    pub async fn tell_seen(&self) -> Result<usize, StoreError> {
        let news = self.seen.take();
        for page in news.chunks(Self::SEEN_PAGE) {
            self.store.note_seen(page).await?;
        }
        Ok(news.len())
    }

    /// Ends a token: refused by this node from now on, and, once this has answered, by every later start too. A
    /// token that has ended by itself needs no entry.
    ///
    /// The index first: whatever becomes of the answer, an entry that is durable is in force, also where the
    /// client has hung up meanwhile and nobody waits for the store any more.
    ///
    /// # Errors
    /// [`StoreError`] when the entry may not be durable. This node refuses the token all the same; the same call
    /// again settles it.
    pub async fn revoke(&self, token: RevokedToken) -> Result<(), StoreError> {
        let now = self.clock.now();
        if token.expires_at.is_some_and(|end| end < NumericDate::from(now).minus(self.margin)) {
            return Ok(());
        }
        self.index.revoke_token(&token.jti, token.expires_at);
        self.store.revoke_token(token, now).await
    }

    /// Ends a session: all its tokens are refused by this node from now on, and, once this has answered, by every later
    /// start too. One that has ended, or that there is not, stays so.
    ///
    /// The index first, as with a token.
    ///
    /// # Errors
    /// [`StoreError`] when the end may not be durable. This node refuses the session all the same; the same call
    /// again settles it.
    pub async fn end_session(
        &self,
        id: &SessionId,
        reason: EndReason,
    ) -> Result<Option<Session>, StoreError> {
        let now = self.clock.now();
        // No session outlives this, and the store will tell more exactly.
        let until = NumericDate::from(now).plus(self.session_max_age);
        self.index.revoke_session(id.as_str(), Some(until));
        let session = self.or_catch_up(self.store.end_session(id, reason, now).await)?;
        if let Some(session) = &session {
            self.session_has_ended(session);
        }
        Ok(session)
    }

    /// Hands an answer of the store on. After an error sessions may have ended that nobody was told of, now or a little
    /// later: they are looked for until the index knows all again ([`catch_up`](Self::catch_up)).
    ///
    /// # Errors
    /// The answer's.
    pub fn or_catch_up<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if answer.is_err() {
            self.behind.store(Self::ROUNDS_BEHIND, Ordering::Relaxed);
        }
        answer
    }

    /// Reads the ended sessions again while some may not have been told. What the store was asked for and answered too
    /// late is done within seconds, so several rounds that go through find all of it.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read to the end; the next round goes on.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        let rounds = self.behind.load(Ordering::Relaxed);
        if rounds > 0 {
            load_sessions(&*self.store, &self.index, self.clock.now()).await?;
            // Unless there was another error meanwhile.
            let _ = self.behind.compare_exchange(rounds, rounds - 1, Ordering::Relaxed, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Notes that generations of a session are void, if some are, with their access tokens.
    pub fn generations_are_void(&self, session: &Session) {
        if let Some(newest) = session.newest_void() {
            self.index.revoke_access(session.id.as_str(), newest, Some(session.remembered_until()));
        }
    }

    /// Puts the access token of a head that has become void on the list too, where a restart finds it. When that fails
    /// the new pair is given out all the same: its owner has lost one answer already.
    pub async fn head_is_void(&self, session: &Session, voided: &RevokedToken) {
        if let Err(error) = self.revoke(voided.clone()).await {
            tracing::warn!(%error, session = session.id.as_str(), "a void access token may open doors after a restart");
        }
    }

    /// Notes a session that has ended in the store already.
    pub fn session_has_ended(&self, session: &Session) {
        self.index.revoke_session(session.id.as_str(), Some(session.remembered_until()));
    }

    /// Drops what has expired, in memory and in the store; answers how many entries left the store. After a step of the
    /// clock one round is left out: what an operator has set wrong can be set right before anything is lost.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not delete; what is left is deleted the next time.
    pub async fn purge(&self) -> Result<usize, StoreError> {
        if self.clock_was_set() {
            tracing::warn!("the clock was set: nothing is purged in this round");
            return Ok(0);
        }
        let now = NumericDate::from(self.clock.now());
        self.index.forget_expired(now.minus(self.margin));
        let (before, mut purged) = (now.minus(Self::STORE_MARGIN), 0);
        loop {
            let tokens = self.store.purge_revoked_tokens(before, Self::PAGE).await?;
            let sessions = self.store.purge_sessions(before, Self::PAGE).await?;
            purged += tokens + sessions;
            if tokens.max(sessions) < Self::PAGE {
                return Ok(purged);
            }
        }
    }
}

impl Revocations {
    /// Whether the wall clock has gone another way than the steady one since this was asked last.
    fn clock_was_set(&self) -> bool {
        let present = (self.clock.now(), self.clock.monotonic());
        let last = self.purged_at.lock().unwrap_or_else(PoisonError::into_inner).replace(present);
        last.is_some_and(|(wall, steady)| {
            let expected = wall + present.1.saturating_duration_since(steady);
            let step = present.0.duration_since(expected).unwrap_or_else(|early| early.duration());
            step > Self::CLOCK_STEP
        })
    }
}

impl Revocation for Revocations {
    /// Asks the index, and notes whose access token is in use.
    fn check(&self, claims: &Claims) -> Verdict {
        let verdict = self.index.check(claims);
        if let (Verdict::Live, TokenKind::Access, Some(session)) = (&verdict, claims.kind(), claims.session())
        {
            self.seen.note(session, &*self.clock);
        }
        verdict
    }
}

async fn load_tokens(store: &dyn Store, index: &RevocationIndex) -> Result<(), StoreError> {
    let mut after: Option<String> = None;
    loop {
        let page = store.revoked_tokens(after.as_deref(), Revocations::PAGE).await?;
        for entry in &page {
            index.revoke_token(&entry.jti, entry.expires_at);
        }
        match page.last() {
            Some(last) if page.len() == Revocations::PAGE => after = Some(last.jti.clone()),
            _ => return Ok(()),
        }
    }
}

async fn load_sessions(
    store: &dyn Store,
    index: &RevocationIndex,
    now: SystemTime,
) -> Result<(), StoreError> {
    // As long as the store keeps them: the leeway may be long, and the clock may be set back.
    let from = NumericDate::from(now).minus(Revocations::STORE_MARGIN);
    let mut after: Option<SessionId> = None;
    loop {
        let page = store.ended_sessions(after.as_ref(), from, Revocations::PAGE).await?;
        for entry in &page {
            index.revoke_session(entry.id.as_str(), Some(entry.until));
        }
        match page.last() {
            Some(last) if page.len() == Revocations::PAGE => after = Some(last.id.clone()),
            _ => return Ok(()),
        }
    }
}
