//! What a store's methods answer with.

use std::time::SystemTime;

use tokio::sync::mpsc;

use super::StoreError;
use crate::{
    model::{Revocation, RevokedToken, Session, SessionId, User},
    sessions::Verdict,
};

/// What became of a registration.
#[derive(Clone, Debug)]
pub enum Creation {
    /// The user is durable.
    Created(User),
    /// Somebody has the name, or one that cannot be told from it.
    NameTaken,
    /// There is an administrator, and was to be none.
    SomebodyAdministers,
}

/// What became of the opening of a session.
#[derive(Clone, Debug)]
pub enum Opening {
    /// It is durable. The sessions that had to end for it are as they are now.
    Opened {
        /// The user's least recently used, beyond as many as may live.
        displaced: Vec<Session>,
    },
    /// The user has another hash than the one that the password was shown for, or another access level than the pair was
    /// made for: nothing lives. It may be another password, or the same one hashed anew, so whoever showed it is to be
    /// checked again.
    UserChanged,
    /// Too many logins have failed: no password is accepted for a while, not even this one. Nothing lives.
    Locked,
    /// The user is gone or disabled, or all sessions were ended since the user was read: nothing lives.
    Refused,
}

/// What became of the use of a refresh token.
#[derive(Clone, Debug)]
pub struct Refreshed {
    /// What the token meant.
    pub verdict: Verdict,
    /// The session as it is now; `None` where there is none of the name.
    pub session: Option<Session>,
    /// Whose session it is, as the store has the user now; `None` where there is none any more.
    pub user: Option<User>,
    /// The tokens of a head that a new one has replaced, as far as this very session does not end: the refresh token, and
    /// the access token where it is void; and once more the token that was replaced before, of which nobody may have been
    /// told. For another application, which does not know the rule.
    pub replaced: Vec<RevokedToken>,
}

impl Refreshed {
    /// The use of a token of a session that is over, or that there is not.
    pub(crate) fn gone(session: Option<Session>, user: Option<User>) -> Self {
        Self { verdict: Verdict::Gone, session, user, replaced: Vec::new() }
    }

    /// The use of a token that was judged by a session as it was `before`.
    pub(crate) fn judged(
        verdict: Verdict,
        before: Session,
        after: Option<Session>,
        user: Option<User>,
    ) -> Self {
        let mut replaced = Vec::new();
        if after.as_ref().is_some_and(|after| after.head.refresh != before.head.refresh) {
            replaced.push(before.refresh_token());
            replaced.extend(before.parent_token());
            let void = before.head.access_id().filter(|_| verdict == Verdict::Reissue);
            replaced.extend(void.map(|it| RevokedToken { jti: it.jti, expires_at: Some(it.expires_at) }));
        }
        Self { verdict, session: Some(after.unwrap_or(before)), user, replaced }
    }
}

/// What another application has to refuse.
#[derive(Clone, Copy, Debug)]
pub enum FlaskNews<'a> {
    /// These tokens and nothing else: what a request knows of, and does not wait long for.
    Tokens(&'a [RevokedToken]),
    /// The tokens of sessions that keep them ([`Session::access_tokens`]), have ended, and are due: at most
    /// [`UNTOLD_AT_ONCE`] sessions. It may be told some of them once more.
    EndedSessions,
}

/// What is forgotten when it is over: what [`Store::purge`](super::Store::purge) deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expired {
    /// Entries of what is refused, by their expiry, and old notes that a backend has of them for its feed. Those without
    /// an expiry stay, and ended sessions are none of them.
    Revocations,
    /// Sessions, ended or not, by the expiry of the last of their tokens.
    Sessions,
    /// Audit events, by their moment.
    Events,
    /// What is left of deleted users, by when their names are free; where sessions of theirs have to be remembered still,
    /// it stays.
    Users,
}

impl Expired {
    /// All of it, in an order in which nothing waits for what comes later.
    pub const ALL: [Self; 4] = [Self::Revocations, Self::Sessions, Self::Events, Self::Users];
}

/// Of how many ended sessions another application is told at once.
pub const UNTOLD_AT_ONCE: usize = 100;

/// A place in a backend's feed of revocations: what it says is the backend's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedMark(i64);

impl FeedMark {
    /// The mark of a number that the backend will know again.
    pub(crate) const fn new(place: i64) -> Self {
        Self(place)
    }

    /// The backend's number.
    pub(crate) const fn place(self) -> i64 {
        self.0
    }
}

/// What a backend tells by itself: batches, and at last why there are no more.
pub type Watch = mpsc::Receiver<Result<Vec<Revocation>, StoreError>>;

/// How many entries [`Store::revocations`](super::Store::revocations) hands over at once, about.
pub const BATCH: usize = 10_000;

/// A sign that somebody got a session's pair: one of its tokens was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The session.
    pub session: SessionId,
    /// The pair's generation.
    pub generation: u32,
    /// When.
    pub at: SystemTime,
}
