//! Who is refused what he may not do: an event, once in a while for each.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use portcullis::Claims;

use super::{Accounts, Identity};
use crate::model::{AuditEvent, EventKind, SessionId, UserId};

/// Whose refusals were noted a moment ago: whoever is refused may ask again as fast as the wire allows, and each time with
/// an event would fill the store.
#[derive(Default)]
pub(super) struct Refusals(Mutex<HashMap<String, Instant>>);

impl Refusals {
    /// How often the refusals of one token's bearer are noted.
    const EVERY: Duration = Duration::from_mins(1);

    /// How many bearers are known at once. One more is not noted.
    const MOST: usize = 10_000;

    /// Whether a bearer's refusal is to be noted now.
    fn is_due(&self, bearer: &str, now: Instant) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |since: &Instant| now.saturating_duration_since(*since) < Self::EVERY;
        if noted.get(bearer).is_some_and(is_recent) {
            return false;
        }
        noted.retain(|_, since| is_recent(since));
        noted.len() < Self::MOST && noted.insert(bearer.to_owned(), now).is_none()
    }
}

impl Accounts {
    /// Notes that a genuine token's bearer was refused what only others may do; `what` is no text of the client's.
    pub fn note_refused(&self, token: &Claims, address: Option<IpAddr>, what: &str) {
        let session = token.session().map(|session| SessionId::new(session.id));
        let bearer = session.as_ref().map_or(token.identity(), SessionId::as_str);
        if !self.refusals.is_due(bearer, self.clock.monotonic()) {
            return;
        }
        let event = AuditEvent::new(EventKind::AuthorizationFail, self.now()).from(address).detail(what);
        let actor = (self.policy.identity == Identity::Id).then(|| UserId::new(token.identity()));
        self.audit.note(AuditEvent { actor, session, ..event });
    }
}

#[cfg(test)]
mod tests {
    use portcullis::SystemClock;

    use super::*;

    #[test]
    fn each_bearer_is_noted_once_a_minute_and_so_many_at_most() {
        let (refusals, now) = (Refusals::default(), SystemClock.monotonic());
        let later = now + Refusals::EVERY;
        let due = |bearer: &str, now| refusals.is_due(bearer, now);
        assert_eq!([due("a", now), due("a", now), due("b", now)], [true, false, true]);
        assert_eq!([due("a", later), due("a", later)], [true, false]);
        for other in 1..Refusals::MOST {
            assert!(due(&other.to_string(), later));
        }
        assert!(!due("one more", later));
        assert!(due("one more", later + Refusals::EVERY));
    }
}
