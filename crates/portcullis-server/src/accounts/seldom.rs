//! What a client can make happen as often as it likes: it is an event once in a while.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use portcullis::Claims;

use super::{Accounts, Client, Identity};
use crate::model::{AuditEvent, EventKind, SessionId, UserId};

/// Of whom something was noted a moment ago: what costs whoever does it nothing, with an event each time, would fill the
/// store.
#[derive(Default)]
pub(super) struct Seldom(Mutex<HashMap<(EventKind, String), Instant>>);

impl Seldom {
    /// How often one thing is noted of one session, or of one user's tokens that are of none.
    const EVERY: Duration = Duration::from_mins(1);

    /// Of how many it is known at once. Of one more nothing is noted.
    const MOST: usize = 10_000;

    /// Whether it is to be noted now.
    fn is_due(&self, kind: EventKind, whose: &str, now: Instant) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |since: &Instant| now.saturating_duration_since(*since) < Self::EVERY;
        let key = (kind, whose.to_owned());
        if noted.get(&key).is_some_and(is_recent) {
            return false;
        }
        noted.retain(|_, since| is_recent(since));
        noted.len() < Self::MOST && noted.insert(key, now).is_none()
    }
}

impl Accounts {
    /// Notes that a genuine token's bearer was refused what only others may do; `what` is no text of the client's. Where
    /// tokens have names, the store is asked whose it is, as seldom as it is noted.
    pub async fn note_refused(&self, token: &Claims, client: &Client, what: &str) {
        let event = self.event(EventKind::AuthorizationFail, client).detail(what);
        let event = self.of(token, event);
        let whose = event.session.as_ref().map_or(token.identity(), SessionId::as_str);
        if !self.seldom.is_due(event.kind, whose, self.clock.monotonic()) {
            return;
        }
        let actor = match event.actor {
            None => self.user_of(token).await.ok().map(|user| user.id),
            known => known,
        };
        self.audit.note(AuditEvent { actor, ..event });
    }

    /// Says who bears a token, as far as the token itself tells.
    pub(super) fn of(&self, token: &Claims, event: AuditEvent) -> AuditEvent {
        let session = token.session().map(|session| SessionId::new(session.id));
        let actor = (self.policy.identity == Identity::Id).then(|| UserId::new(token.identity()));
        AuditEvent { actor, session, ..event }
    }

    /// Notes what may come again at once; `whose` it is, where it is of no session.
    pub(super) fn note_seldom(&self, event: AuditEvent, whose: &str) {
        let whose = event.session.as_ref().map_or(whose, SessionId::as_str);
        if self.seldom.is_due(event.kind, whose, self.clock.monotonic()) {
            self.audit.note(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis::{Clock as _, SystemClock};

    use super::*;

    #[test]
    fn one_thing_is_noted_once_a_minute_and_of_so_many_at_most() {
        let (seldom, now) = (Seldom::default(), SystemClock.monotonic());
        let later = now + Seldom::EVERY;
        let refused = |whose: &str, now| seldom.is_due(EventKind::AuthorizationFail, whose, now);
        assert_eq!([refused("a", now), refused("a", now), refused("b", now)], [true, false, true]);
        assert!(seldom.is_due(EventKind::TokenRevoked, "a", now), "another thing");
        assert_eq!([refused("a", later), refused("a", later)], [true, false]);
        for other in 1..Seldom::MOST {
            assert!(refused(&other.to_string(), later));
        }
        assert!(!refused("one more", later));
        assert!(refused("one more", later + Seldom::EVERY));
    }
}
