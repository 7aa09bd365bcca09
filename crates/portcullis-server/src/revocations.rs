//! Revocation between the store, where an entry is durable, and the index, which every request asks.

mod seen;

use std::{sync::Arc, time::Duration};

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
}

impl Revocations {
    /// How many entries are read or deleted at once.
    const PAGE: usize = 10_000;

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
        load_sessions(&*store, &index, clock.now().into()).await?;
        tracing::info!(entries = index.len(), "the revocation list is loaded: {} entries", index.len());
        let margin = leeway + Duration::from_mins(1);
        Ok(Self { index, seen: SeenSessions::default(), store, clock, margin, session_max_age })
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
        let session = self.store.end_session(id, reason, now).await?;
        if let Some(session) = &session {
            self.session_has_ended(session);
        }
        Ok(session)
    }

    /// Notes a session that has ended in the store already.
    pub fn session_has_ended(&self, session: &Session) {
        self.index.revoke_session(session.id.as_str(), Some(session.remembered_until()));
    }

    /// Drops what has expired, in memory and in the store; answers how many entries left the store.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not delete; what is left is deleted the next time.
    pub async fn purge(&self) -> Result<usize, StoreError> {
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
    now: NumericDate,
) -> Result<(), StoreError> {
    let mut after: Option<SessionId> = None;
    loop {
        let page = store.ended_sessions(after.as_ref(), now, Revocations::PAGE).await?;
        for entry in &page {
            index.revoke_session(entry.id.as_str(), Some(entry.until));
        }
        match page.last() {
            Some(last) if page.len() == Revocations::PAGE => after = Some(last.id.clone()),
            _ => return Ok(()),
        }
    }
}
