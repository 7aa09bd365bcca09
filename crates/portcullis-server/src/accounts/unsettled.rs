//! The pairs of refreshes whose outcome is not known: they are kept for a while, so that a node knows its own write when
//! the same token is presented to it again.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::model::{NextHead, RefreshId, SessionId};

/// A refresh by what was presented.
type Presented = (SessionId, String);

/// The pairs that a store was asked to give out, and may have.
#[derive(Default)]
pub(super) struct Unsettled(Mutex<HashMap<Presented, (NextHead, Instant)>>);

impl Unsettled {
    /// How long a pair is kept: a client repeats a request within seconds, and what it gets must not be old.
    const KEPT: Duration = Duration::from_mins(1);

    /// How many are kept at most. Of one more nothing is known, which is how it would be on another node.
    const MOST: usize = 10_000;

    /// The pair of an earlier attempt, if there was one a moment ago.
    pub(super) fn pair(&self, session: &SessionId, presented: &RefreshId, now: Instant) -> Option<NextHead> {
        let unsettled = self.locked();
        let (next, since) = unsettled.get(&key(session, presented))?;
        is_young(*since, now).then(|| next.clone())
    }

    /// Keeps the pair of an attempt that has no answer.
    pub(super) fn keep(&self, session: &SessionId, presented: &RefreshId, next: NextHead, now: Instant) {
        let mut unsettled = self.locked();
        unsettled.retain(|_, (_, since)| is_young(*since, now));
        if unsettled.len() < Self::MOST {
            unsettled.entry(key(session, presented)).or_insert((next, now));
        }
    }

    /// Forgets the pair of a refresh that has an answer.
    pub(super) fn settle(&self, session: &SessionId, presented: &RefreshId) {
        self.locked().remove(&key(session, presented));
    }

    /// A map cannot be left half changed, so that a poisoned lock means nothing here.
    fn locked(&self) -> MutexGuard<'_, HashMap<Presented, (NextHead, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(session: &SessionId, presented: &RefreshId) -> Presented {
    (session.clone(), presented.jti.clone())
}

fn is_young(since: Instant, now: Instant) -> bool {
    now.saturating_duration_since(since) < Unsettled::KEPT
}

#[cfg(test)]
mod tests {
    use portcullis::{Clock, NumericDate, SystemClock};

    use super::*;

    fn pair(name: &str) -> NextHead {
        NextHead {
            refresh_jti: name.to_owned(),
            access_jti: name.to_owned(),
            issued_by: NumericDate::from_seconds(0),
            access_lifetime: Duration::from_secs(1),
            refresh_lifetime: Duration::from_secs(1),
        }
    }

    #[test]
    fn the_first_pair_is_kept_for_a_minute_or_until_there_is_an_answer() {
        let (unsettled, now, id) = (Unsettled::default(), SystemClock.monotonic(), SessionId::new("s"));
        let presented = RefreshId { generation: 1, jti: "jti".to_owned() };
        unsettled.keep(&id, &presented, pair("first"), now);
        unsettled.keep(&id, &presented, pair("second"), now);
        assert_eq!(unsettled.pair(&id, &presented, now), Some(pair("first")));
        assert_eq!(unsettled.pair(&SessionId::new("another"), &presented, now), None);
        assert_eq!(unsettled.pair(&id, &presented, now + Unsettled::KEPT), None);
        unsettled.settle(&id, &presented);
        assert_eq!(unsettled.pair(&id, &presented, now), None);
    }
}
