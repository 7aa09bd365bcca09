//! What this node has seen of sessions: that somebody holds a pair's tokens, which the refresh rule goes by.

use std::{
    hash::{BuildHasher, RandomState},
    mem,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use portcullis::{Clock, Session as OfSession};
use scc::{HashIndex, hash_index::Entry};

use crate::{model::SessionId, store::Seen};

/// The newest generation seen of each session, and the news that the store has not been told yet.
///
/// A session's generation is news once on a node; looking that up takes no lock. News that finds no room is dropped
/// and counted: the rule is only kinder for it.
#[derive(Default)]
pub(super) struct SeenSessions {
    key: RandomState,
    /// By the hash of the session's id.
    newest: HashIndex<u64, AtomicU32>,
    news: Mutex<Vec<Seen>>,
    dropped: AtomicU64,
    /// Of how many of them the log has told.
    dropped_said: AtomicU64,
}

impl SeenSessions {
    /// How much news waits for the store at most.
    const ROOM: usize = 65_536;

    /// How many sessions are known at most before all are forgotten, which makes each news once more.
    const KNOWN: usize = 1_000_000;

    /// Notes that a token of a session passed a verification.
    pub(super) fn note(&self, session: OfSession<'_>, clock: &dyn Clock) {
        let hash = self.key.hash_one(session.id);
        let known = self.newest.peek_with(&hash, |_, newest| newest.load(Ordering::Relaxed));
        if known.is_none_or(|known| known < session.generation) && self.raise(hash, session.generation) {
            self.announce(Seen {
                session: SessionId::new(session.id),
                generation: session.generation,
                at: clock.now(),
            });
        }
    }

    /// The newest generation that this node has seen of a session, 0 for none.
    pub(super) fn newest_of(&self, session: &SessionId) -> u32 {
        let hash = self.key.hash_one(session.as_str());
        self.newest.peek_with(&hash, |_, newest| newest.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// How much news was dropped.
    pub(super) fn dropped_count(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// The news since the last time.
    pub(super) fn take(&self) -> Vec<Seen> {
        let all = self.dropped_count();
        let dropped = all.saturating_sub(self.dropped_said.swap(all, Ordering::Relaxed));
        if dropped > 0 {
            tracing::warn!(
                dropped,
                "{dropped} uses of sessions were not noted: the store is too slow for them"
            );
        }
        if self.newest.len() > Self::KNOWN {
            self.newest.clear_sync();
        }
        mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the generation was raised by this call and no other.
    fn raise(&self, hash: u64, generation: u32) -> bool {
        match self.newest.entry_sync(hash) {
            Entry::Occupied(known) => known.get().fetch_max(generation, Ordering::Relaxed) < generation,
            Entry::Vacant(free) => {
                drop(free.insert_entry(generation.into()));
                true
            }
        }
    }

    fn announce(&self, seen: Seen) {
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        if news.len() < Self::ROOM {
            news.push(seen);
        } else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis::{Claims, JwtManager, Key, ManualClock, NumericDate};

    use super::*;

    fn clock() -> ManualClock {
        ManualClock::at(NumericDate::from_seconds(1_900_000_000))
    }

    fn claims(id: &str, generation: u32) -> Claims {
        let jwt = JwtManager::builder(Key::hs256([7; 32]).unwrap()).build().unwrap();
        jwt.verify(jwt.access("alice").session(id, generation).sign().unwrap().as_str()).unwrap()
    }

    #[test]
    fn a_generation_of_a_session_is_news_once() {
        let (seen, clock) = (SeenSessions::default(), clock());
        for (id, generation) in [("a", 1), ("a", 1), ("b", 1), ("a", 3), ("a", 2)] {
            seen.note(claims(id, generation).session().unwrap(), &clock);
        }
        let news: Vec<_> =
            seen.take().into_iter().map(|it| (it.session.to_string(), it.generation)).collect();
        assert_eq!(news, [("a".into(), 1), ("b".into(), 1), ("a".into(), 3)]);
        assert!(seen.take().is_empty());
        let newest = |id: &str| seen.newest_of(&SessionId::new(id));
        assert_eq!((newest("a"), newest("b"), newest("c")), (3, 1, 0));
    }

    #[test]
    fn news_without_room_is_dropped_and_the_rest_is_kept() {
        let (seen, clock) = (SeenSessions::default(), clock());
        for n in 0..=SeenSessions::ROOM {
            let session = SessionId::new(n.to_string());
            seen.announce(Seen { session, generation: 1, at: clock.now() });
        }
        assert_eq!(seen.dropped_count(), 1);
        assert_eq!(seen.take().len(), SeenSessions::ROOM);
    }
}
