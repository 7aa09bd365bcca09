//! Revocation between the store, where an entry is durable, and the index, which every request asks.

mod feed;
mod flask;
mod hearing;
mod seen;

use std::{
    future::ready,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::{Duration, Instant, SystemTime},
};

use portcullis::{Claims, Clock, NumericDate, RevocationIndex, TokenKind, Verdict};

pub use self::flask::Beside;
use self::{feed::Heard, flask::Neighbour, hearing::Hearing, seen::SeenSessions};

use crate::{
    model::{EndReason, EndedSession, Revocation, RevokedToken, Session, SessionId},
    store::{Expired, Store, StoreError},
};

/// The revocation list of a service: written to the store, answered from memory, and kept up with what others write.
pub struct Revocations {
    duty: Duty,
    index: RevocationIndex,
    seen: SeenSessions,
    hearing: Hearing,
    /// How far the feed has been read; held while it is.
    heard: tokio::sync::Mutex<Heard>,
    /// How many polls have begun.
    polls: AtomicU64,
    /// How many entries the store has given out.
    entries_read: AtomicU64,
    neighbour: Neighbour,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    policy: RevocationPolicy,
    /// Both clocks at the last purge, or at the start.
    purged_at: Mutex<(SystemTime, Instant)>,
}

/// What the list is there for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Duty {
    /// Tokens are verified by it, so that it has to know what others write.
    Verify,
    /// It is written to, and nobody asks it.
    Write,
}

/// What a configuration decides about revocation.
#[derive(Clone, Copy, Debug)]
pub struct RevocationPolicy {
    /// How far other clocks may be off: for as long an expired token is accepted.
    pub leeway: Duration,
    /// How long a session lives at most, for what is said of one before the store has told its end.
    pub session_max_age: Duration,
    /// How a node hears of what others revoke.
    pub source: FeedSource,
    /// How long it may hear nothing before it refuses to guess.
    pub max_staleness: Duration,
    /// How long audit events are kept.
    pub events_kept: Duration,
}

/// How a node hears of what others revoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedSource {
    /// It asks, and is told where the store can.
    Auto,
    /// It asks.
    Poll,
    /// It asks and is told; a store that cannot is refused.
    Stream,
}

impl Revocations {
    /// How many entries are deleted at once. On SQLite whoever writes waits for that: some milliseconds for these, a third
    /// of a second for 10 000.
    const PURGED_AT_ONCE: usize = 500;

    /// How far the wall clock may go from the steady one between two purges before it counts as set.
    const CLOCK_STEP: Duration = Duration::from_mins(1);

    /// How many sessions' uses are told at once.
    const SEEN_PAGE: usize = 1000;

    /// How much longer than `exp` an entry is kept in the store, whatever a clock may do.
    const STORE_MARGIN: Duration = Duration::from_hours(24);

    /// Why nobody can say whether a token is revoked.
    const UNHEARD: &str = "nothing has been heard of other nodes' revocations for too long";

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
        let mut news = self.seen.take();
        for seen in &mut news {
            seen.at = self.store.time(seen.at);
        }
        let mut told = Ok(news.len());
        for page in news.chunks(Self::SEEN_PAGE) {
            // What one page could not be told of is no reason to lose the others.
            told = self.store.note_seen(page).await.and(told);
        }
        told
    }

    /// Revokes something: refused by this node from now on, and, once this has answered, by every later start and soon by
    /// every other node too. What has ended by itself needs no entry.
    ///
    /// The index first: whatever becomes of the answer, an entry that is durable is in force, also where the
    /// client has hung up meanwhile and nobody waits for the store any more.
    ///
    /// # Errors
    /// [`StoreError`] when the entry may not be durable. This node refuses it all the same; the same call again
    /// settles it.
    pub async fn revoke(&self, revocation: Revocation) -> Result<(), StoreError> {
        let (now, store_now) = self.times();
        // By the clock that is behind: to the other one the token has not expired.
        if !revocation.lasts_until(NumericDate::from(now.min(store_now)).minus(self.margin())) {
            return Ok(());
        }
        self.note(&revocation);
        self.store.revoke(revocation, store_now).await
    }

    /// Ends all tokens of an identity that are of no session: those that another application gave out, for good, since
    /// nobody here knows how long that lets them live.
    ///
    /// # Errors
    /// Those of [`revoke`](Self::revoke).
    pub async fn end_tokens_without_session(&self, identity: &str) -> Result<(), StoreError> {
        let (now, store_now) = self.times();
        // By whichever clock is ahead: whoever gave them out may go by that.
        let before = NumericDate::from(now.max(store_now));
        let until = Revocation::NEVER;
        self.revoke(Revocation::User { identity: identity.to_owned(), before, until }).await
    }

    /// Ends a session: all its tokens are refused by this node from now on, and, once this has answered, by every later
    /// start and soon by every other node too. One that has ended, or that there is not, stays so.
    ///
    /// The index first, as with every revocation.
    ///
    /// # Errors
    /// [`StoreError`] when the end may not be durable. This node refuses the session all the same; the same call
    /// again settles it.
    pub async fn end_session(
        &self,
        id: &SessionId,
        reason: EndReason,
    ) -> Result<Option<Session>, StoreError> {
        let (now, store_now) = self.times();
        // No session outlives this, and the store will tell more exactly.
        let until = NumericDate::from(now.max(store_now)).plus(self.policy.session_max_age);
        self.note(&Revocation::Session(EndedSession { id: id.clone(), until }));
        let session = self.store.end_session(id, reason, store_now).await?;
        if let Some(session) = &session {
            self.note_session(session);
            self.flask_refuses([], [session]).await;
        }
        Ok(session)
    }

    /// Notes what the store says of a session already: that it has ended, or that some of its access tokens are void.
    pub fn note_session(&self, session: &Session) {
        if let Some(revocation) = session.revocation() {
            self.note(&revocation);
        }
    }

    fn note(&self, revocation: &Revocation) {
        Self::note_in(&self.index, revocation);
    }

    fn note_in(index: &RevocationIndex, revocation: &Revocation) {
        match revocation {
            Revocation::Token(RevokedToken { jti, expires_at }) => index.revoke_token(jti, *expires_at),
            Revocation::Session(EndedSession { id, until }) => {
                index.revoke_session(id.as_str(), Some(*until));
            }
            Revocation::Access { session, up_to, until } => {
                index.revoke_access(session.as_str(), *up_to, Some(*until));
            }
            Revocation::User { identity, before, until } => {
                index.revoke_user(identity, *before, Some(*until));
            }
            Revocation::All { before } => index.revoke_all(*before),
        }
    }

    /// How much longer than `exp` an entry is kept in memory: the leeway, and a minute for other clocks.
    fn margin(&self) -> Duration {
        self.policy.leeway + Duration::from_mins(1)
    }

    /// Drops what has expired, in memory by this node's clock and in the store by its own; answers how much left the store:
    /// entries, sessions, audit events, what is left of deleted users. After a step of the clock one round is left out: what an operator has set wrong can be set right before
    /// anything is lost.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not delete; what is left is deleted the next time.
    pub async fn purge(&self) -> Result<usize, StoreError> {
        if self.clock_was_set() {
            tracing::warn!("the clock was set: nothing is purged in this round");
            return Ok(0);
        }
        let (now, store_now) = self.times();
        // Memory by the clock that tokens are judged by here, the store by its own.
        self.index.forget_expired(NumericDate::from(now).minus(self.margin()));
        let mut purged = 0;
        for what in Expired::ALL {
            purged += self.purge_all(what, NumericDate::from(store_now)).await?;
        }
        Ok(purged)
    }

    async fn purge_all(&self, what: Expired, now: NumericDate) -> Result<usize, StoreError> {
        let before = now.minus(match what {
            Expired::Events => self.policy.events_kept,
            Expired::Revocations | Expired::Sessions | Expired::Users => Self::STORE_MARGIN,
        });
        let mut purged = 0;
        loop {
            let gone = self.store.purge(what, before, Self::PURGED_AT_ONCE).await?;
            purged += gone;
            if gone < Self::PURGED_AT_ONCE {
                return Ok(purged);
            }
        }
    }
}

impl Revocations {
    /// The time of this node, by which it judges tokens, and the store's.
    fn times(&self) -> (SystemTime, SystemTime) {
        let now = self.clock.now();
        (now, self.store.time(now))
    }

    /// Whether the wall clock has gone another way than the steady one since this was asked last, or since the start.
    fn clock_was_set(&self) -> bool {
        let present = (self.clock.now(), self.clock.monotonic());
        let mut last = self.purged_at.lock().unwrap_or_else(PoisonError::into_inner);
        let (wall, steady) = std::mem::replace(&mut *last, present);
        let expected = wall + present.1.saturating_duration_since(steady);
        let step = present.0.duration_since(expected).unwrap_or_else(|early| early.duration());
        step > Self::CLOCK_STEP
    }
}

impl portcullis::Revocation for Revocations {
    /// Asks the index, and notes whose access token is in use. What is not on the list of a node that has heard nothing
    /// for too long is neither live nor revoked.
    fn check(&self, claims: &Claims) -> Verdict {
        let verdict = self.index.check(claims);
        if matches!(verdict, Verdict::Live) {
            if self.hearing.is_lost() {
                return Verdict::Ask(Box::pin(ready(Err(Self::UNHEARD.into()))));
            }
            if let (TokenKind::Access, Some(session)) = (claims.kind(), claims.session()) {
                self.seen.note(session, &*self.clock);
            }
        }
        verdict
    }
}
