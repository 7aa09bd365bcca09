//! The refresh rule: what a presented refresh token means for its session, as one pure function.
//!
//! A session knows two refresh tokens: its head, the newest that it gave out, and the head's parent, the one that was
//! presented for it. Whoever presents the head goes on. Whoever presents the parent did not get the answer, or is
//! somebody else who has a copy; what was seen of the head tells the two apart. A lost answer logs nobody out, and
//! where two hold tokens of one session, one of them holds a void one sooner or later (RFC 9700 section 4.14.2).

mod lockout;
mod standing;
#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use portcullis::NumericDate;

pub use lockout::{LockPolicy, locked};
pub use standing::{Admission, LockRule, Owner, Shown, Standing, admission, standing};

use crate::model::{
    AccessTokenKind, EndReason, Ended, Head, NextHead, RefreshId, Session, SessionId, UserId,
};

/// What a configuration decides about refreshing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshPolicy {
    /// How long a pair is given out again to whoever presents it or its parent: tabs and retries converge. Zero: every
    /// refresh makes a new pair.
    pub reuse_window: Duration,
    /// What the parent gets when nothing of the head was ever seen.
    pub lost_answer: LostAnswer,
}

/// What whoever presents the parent of a head gets of which nothing was ever seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LostAnswer {
    /// A new head: the answer was lost.
    Forgive,
    /// Nothing, and the session ends.
    Refuse,
}

/// What a presented refresh token means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The head's pair is given out again.
    Repeat,
    /// The head becomes the parent of a new head.
    Rotate,
    /// A new head of the same parent takes the place of one that nobody has seen, which is void from now on, with all
    /// access tokens of its generation.
    Reissue,
    /// Somebody has a copy: the session ends.
    Replayed,
    /// The session does not know the token, which is of later than all it knows or of another line: the store was set
    /// back, or a read was late. It is refused and ends nothing.
    Ahead,
    /// The session has ended or expired.
    Gone,
}

/// Judges a refresh token whose signature and claims have held. `now` is the store's time; a clock that was set back
/// counts as one that stands.
pub fn judge(session: &Session, presented: &RefreshId, now: SystemTime, policy: &RefreshPolicy) -> Verdict {
    if !session.lives(now) {
        return Verdict::Gone;
    }
    let within_window = elapsed(session.head.made_at, now) < policy.reuse_window;
    let head_is_unseen = session.seen < session.head.refresh.generation;
    match known(session, presented) {
        Some(_) if within_window => Verdict::Repeat,
        Some(Known::Head(_)) => Verdict::Rotate,
        Some(Known::Parent(_)) if head_is_unseen && policy.lost_answer == LostAnswer::Forgive => {
            Verdict::Reissue
        }
        Some(Known::Parent(_)) => Verdict::Replayed,
        None if presented.generation >= session.head.refresh.generation => Verdict::Ahead,
        None => match &session.parent {
            Some(parent) if parent.generation == presented.generation => Verdict::Ahead,
            _ => Verdict::Replayed,
        },
    }
}

/// A token that a session knows, with the number that it has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Head(u32),
    Parent(u32),
}

/// Which of the two tokens that a session knows is presented, if one of them is.
fn known(session: &Session, presented: &RefreshId) -> Option<Known> {
    // A change of the access level gives a token the next number, and whoever holds it presents it with an earlier one.
    // The jti is what tells tokens apart: no two of a session have the same. What was adopted is never renumbered.
    let is = |token: &RefreshId| {
        let numbers = match token.generation {
            Session::ADOPTED_GENERATION => Session::ADOPTED_GENERATION..=Session::ADOPTED_GENERATION,
            newest => Session::ADOPTED_GENERATION + 1..=newest,
        };
        presented.jti == token.jti && numbers.contains(&presented.generation)
    };
    let (head, parent) = (&session.head.refresh, session.parent.as_ref());
    let head = is(head).then_some(Known::Head(head.generation));
    head.or_else(|| parent.filter(|parent| is(parent)).map(|parent| Known::Parent(parent.generation)))
}

/// A use of a refresh token, as a store is asked to act on it.
#[derive(Clone, Debug)]
pub struct Refresh {
    /// The token that was presented.
    pub presented: RefreshId,
    /// The newest generation of the session that the caller has seen used, 0 for none; the store may not have heard yet.
    pub seen: u32,
    /// The pair to give out if it takes a new one.
    pub next: NextHead,
    /// The rule's settings.
    pub policy: RefreshPolicy,
}

/// Judges a use of a refresh token, and says what the session is afterwards; `None` where nothing changes.
///
/// The same call again, after an outcome that was not known, finds its own head and changes nothing.
pub fn decide(session: &Session, refresh: &Refresh, now: SystemTime) -> (Verdict, Option<Session>) {
    let Refresh { presented, seen, next, policy } = refresh;
    if session.lives(now) && session.head.refresh.jti == next.refresh_jti {
        return (Verdict::Rotate, None);
    }
    let session = &Session { seen: session.seen.max(*seen), ..session.clone() };
    let verdict = judge(session, presented, now, policy);
    (verdict, after(session, presented, verdict, next, now))
}

/// A session after a verdict. A refresh token that is presented has been seen by whoever presents it.
fn after(
    session: &Session,
    presented: &RefreshId,
    verdict: Verdict,
    next: &NextHead,
    now: SystemTime,
) -> Option<Session> {
    let number = match known(session, presented) {
        Some(Known::Head(number) | Known::Parent(number)) => number,
        None => presented.generation,
    };
    let seen = session.seen.max(number);
    match verdict {
        Verdict::Rotate => {
            let parent = Some(session.head.refresh.clone());
            Some(Session { parent, seen, ..with_next_head(session, next, now) })
        }
        Verdict::Reissue => {
            // Whoever has the head's access token has it from somebody else's answer.
            let void_access = session.void_access.max(session.head.refresh.generation);
            Some(Session { void_access, ..with_next_head(session, next, now) })
        }
        Verdict::Replayed => Some(ended(session, EndReason::Replayed, now)),
        Verdict::Repeat if seen > session.seen => Some(Session { seen, ..session.clone() }),
        Verdict::Repeat | Verdict::Ahead | Verdict::Gone => None,
    }
}

/// A session that begins now, with its first pair, for a password. `user` is whose it is, and the user's epoch.
pub fn opened(
    id: SessionId,
    user: (&UserId, i64),
    first: &NextHead,
    max_age: Duration,
    now: SystemTime,
) -> Session {
    let ends_at = NumericDate::from(now).plus(max_age);
    Session {
        id,
        user: user.0.clone(),
        epoch: user.1,
        head: head(first, 1, AccessTokenKind::Fresh, ends_at, now),
        parent: None,
        seen: 0,
        void_access: 0,
        opened_at: now,
        last_used: now,
        ends_at,
        adopted_until: None,
        access_tokens: None,
        device: None,
        ended: None,
    }
}

/// A refresh token of another application, as a session needs to know it.
#[derive(Clone, Copy, Debug)]
pub struct AdoptedToken<'a> {
    /// The claim `jti`.
    pub jti: &'a str,
    /// The claim `iat`, where it has one.
    pub issued_at: Option<NumericDate>,
    /// The claim `exp`; a token without one lives for good.
    pub expires_at: Option<NumericDate>,
}

/// A session that begins now with a refresh token that another application gave out: that token is its head, of
/// generation 0, made so long ago that it is never given out again. `user` is whose it is, and the user's epoch.
pub fn adopted(
    id: SessionId,
    user: (&UserId, i64),
    token: &AdoptedToken<'_>,
    max_age: Duration,
    now: SystemTime,
) -> Session {
    let present = NumericDate::from(now);
    let ends_at = present.plus(max_age);
    let expires_at = token.expires_at.unwrap_or(Session::FOR_GOOD).min(Session::FOR_GOOD);
    Session {
        id,
        user: user.0.clone(),
        epoch: user.1,
        head: Head {
            refresh: RefreshId { generation: Session::ADOPTED_GENERATION, jti: token.jti.to_owned() },
            // Nobody knows which access tokens were given out with it.
            access_jti: String::new(),
            made_at: SystemTime::UNIX_EPOCH,
            issued_at: token.issued_at.unwrap_or(present),
            access_expires_at: present,
            refresh_expires_at: expires_at.min(ends_at),
            access: AccessTokenKind::Refreshed,
        },
        parent: None,
        seen: 0,
        void_access: 0,
        opened_at: now,
        last_used: now,
        ends_at,
        adopted_until: Some(expires_at),
        access_tokens: None,
        device: None,
        ended: None,
    }
}

/// A session whose user has another access level from now on; `None` where nothing of it changes. It may be done again,
/// which costs its client one more refresh and nothing else.
///
/// The access tokens of before are void, and what comes next has the next number: the head stays the same refresh token,
/// with the time that it was made at, and has another access token, which is not fresh. Whoever was seen to hold the head
/// still is. A use that the store hears of later counts for the number of before, which makes the rule kinder.
pub fn relevelled(session: &Session) -> Option<Session> {
    let number = session.head.refresh.generation;
    // No access token says that it is of what another application gave out.
    if session.ended.is_some() || number == Session::ADOPTED_GENERATION {
        return None;
    }
    let generation = number.saturating_add(1);
    let head = Head {
        refresh: RefreshId { generation, jti: session.head.refresh.jti.clone() },
        access_jti: session.head.relevelled_access_jti(),
        access: AccessTokenKind::Refreshed,
        ..session.head.clone()
    };
    let seen = if session.seen < number { session.seen } else { session.seen.max(generation) };
    let void_access = session.void_access.max(number);
    Some(Session { head, seen, void_access, ..session.clone() })
}

/// A session that ends now; one that has ended stays as it is.
pub fn ended(session: &Session, reason: EndReason, now: SystemTime) -> Session {
    let ended = session.ended.or(Some(Ended { at: now, reason }));
    Session { ended, ..session.clone() }
}

fn with_next_head(session: &Session, next: &NextHead, now: SystemTime) -> Session {
    let generation = session.head.refresh.generation.saturating_add(1);
    let head = head(next, generation, AccessTokenKind::Refreshed, session.ends_at, now);
    let mut after = Session { head, last_used: now, ..session.clone() };
    if after.access_tokens.is_some()
        && let Some(access) = after.head.access_id()
    {
        after.note_access_token(access, now);
    }
    after
}

fn head(
    next: &NextHead,
    generation: u32,
    access: AccessTokenKind,
    ends_at: NumericDate,
    now: SystemTime,
) -> Head {
    let issued_at = NumericDate::from(now).min(next.issued_by);
    Head {
        refresh: RefreshId { generation, jti: next.refresh_jti.clone() },
        access_jti: next.access_jti.clone(),
        made_at: now,
        issued_at,
        access_expires_at: issued_at.plus(next.access_lifetime).min(ends_at),
        refresh_expires_at: issued_at.plus(next.refresh_lifetime).min(ends_at),
        access,
    }
}

/// How long something is ago; a clock that was set back counts as one that stands.
fn elapsed(since: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(since).unwrap_or_default()
}
