//! A session: what a login opens, a refresh carries on and a logout ends.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::NumericDate;

use super::{EndedSession, Revocation, RevokedToken, UserId};

/// A session's own name, the claim `sid`: 22 characters of base64url.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(String);

impl SessionId {
    /// A new name of 128 random bits.
    ///
    /// # Errors
    /// The system's, when it has no random bits to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bits)))
    }

    /// The name of the session that another application's refresh token is adopted into, by the token's `jti`: the same
    /// on every node and at every time.
    pub fn adopted(jti: &str) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(b"portcullis: the session of an adopted refresh token\0");
        hash.update(jti.as_bytes());
        let hash = hash.finish();
        Self(URL_SAFE_NO_PAD.encode(hash.as_ref().get(..16).unwrap_or_default()))
    }

    /// Wraps a name as it stands in the store or in a token; any text can be looked for.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A session as the store keeps it: one row or document for as long as it lives, and until its tokens have expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its own name.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The user's epoch when it was opened: a session of an earlier epoch is over.
    pub epoch: i64,
    /// The pair of tokens that it gave out last.
    pub head: Head,
    /// The refresh token that was presented for the head; none before the first refresh.
    pub parent: Option<RefreshId>,
    /// The newest generation that anybody is known to have got: one of its tokens was used.
    pub seen: u32,
    /// The newest generation whose access tokens are void though the session lives, 0 for none.
    pub void_access: u32,
    /// When it was opened.
    pub opened_at: SystemTime,
    /// When one of its tokens was used last, as far as is known.
    pub last_used: SystemTime,
    /// Its absolute end, which no refresh moves.
    pub ends_at: NumericDate,
    /// Until when the token lives that it was adopted from, where another application gave that out; none for a session
    /// that a password opened.
    pub adopted_until: Option<NumericDate>,
    /// Its access tokens that may be alive, the newest last and at most [`Session::ACCESS_TOKENS`], for another
    /// application that has to refuse them when the session ends; none where none has to, or knows already.
    pub access_tokens: Option<Vec<AccessId>>,
    /// What it was opened with, in the client's own words, cut to [`Session::DEVICE_CHARS`].
    pub device: Option<String>,
    /// When and why it ended; none while it lives.
    pub ended: Option<Ended>,
}

/// A refresh token by what can be told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshId {
    /// The claim `gen`: which of the session's pairs it is of, from 1; the token that a session was adopted from is
    /// [`Session::ADOPTED_GENERATION`].
    pub generation: u32,
    /// The claim `jti`.
    pub jti: String,
}

/// An access token by its name and its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessId {
    /// The claim `jti`.
    pub jti: String,
    /// The claim `exp`.
    pub expires_at: NumericDate,
}

/// The pair of tokens that a session gave out last, with what is needed to write the same pair again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The refresh token.
    pub refresh: RefreshId,
    /// The access token's `jti`.
    pub access_jti: String,
    /// When the pair was made, to the millisecond: the reuse window begins here.
    pub made_at: SystemTime,
    /// Both tokens' `iat`.
    pub issued_at: NumericDate,
    /// The access token's `exp`.
    pub access_expires_at: NumericDate,
    /// The refresh token's `exp`, at which the session ends for want of use.
    pub refresh_expires_at: NumericDate,
    /// Whether a password was shown for the access token.
    pub access: AccessTokenKind,
}

/// What the access token of a head was given out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessTokenKind {
    /// For a password: it is fresh, and is not given out again for a refresh token.
    Fresh,
    /// For a refresh token.
    Refreshed,
}

/// The pair that a refresh gives out if it gives out a new one. It is made before the store is asked, and stays the
/// same when the outcome was not known and the store is asked again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextHead {
    /// The refresh token's `jti`.
    pub refresh_jti: String,
    /// The access token's `jti`.
    pub access_jti: String,
    /// The latest `iat`: the time by the clock of the node that signs, which refuses what is issued later than that.
    pub issued_by: NumericDate,
    /// How long the access token lives, in whole seconds.
    pub access_lifetime: Duration,
    /// How long the refresh token lives, in whole seconds; the session's absolute end may cut it short.
    pub refresh_lifetime: Duration,
}

/// How a session came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub at: SystemTime,
    /// Why.
    pub reason: EndReason,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndReason {
    /// Its owner logged out or ended it from another of his, or an administrator ended it.
    LoggedOut,
    /// A refresh token was presented that somebody else must have a copy of.
    Replayed,
    /// Its owner has opened more than may live at once, and this was the least recently used.
    Displaced,
    /// All sessions of the user were ended: password changed, account disabled or deleted.
    Epoch,
}

impl Head {
    /// The name of the access token that stands beside a fresh one, for whoever presents the refresh token while the pair
    /// is given out again: the same for all of them, so that tabs agree.
    pub fn stale_access_jti(&self) -> String {
        self.derived_access_jti(b"portcullis: the access token beside a fresh one\0")
    }

    /// The name of the access token that takes the place of this one when the user gets another access level.
    pub fn relevelled_access_jti(&self) -> String {
        self.derived_access_jti(b"portcullis: the access token of another level\0")
    }

    fn derived_access_jti(&self, purpose: &[u8]) -> String {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(purpose);
        hash.update(self.access_jti.as_bytes());
        let hash = hash.finish();
        let mut bits = [0; 16];
        bits.iter_mut().zip(hash.as_ref()).for_each(|(bit, hashed)| *bit = *hashed);
        uuid::Builder::from_random_bytes(bits).into_uuid().to_string()
    }

    /// The access token; none of a head that another application gave out.
    pub fn access_id(&self) -> Option<AccessId> {
        let token = AccessId { jti: self.access_jti.clone(), expires_at: self.access_expires_at };
        (!token.jti.is_empty()).then_some(token)
    }
}

/// An end as a list of revoked tokens has it, where the end of every calendar is none.
fn for_good(until: NumericDate) -> Option<NumericDate> {
    (until < Session::FOR_GOOD).then_some(until)
}

impl EndReason {
    /// All reasons.
    pub const ALL: [Self; 4] = [Self::LoggedOut, Self::Replayed, Self::Displaced, Self::Epoch];

    /// The reason as the store keeps it and the log says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LoggedOut => "logged_out",
            Self::Replayed => "replayed",
            Self::Displaced => "displaced",
            Self::Epoch => "epoch",
        }
    }

    /// The reason of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

impl Session {
    /// How much of a device's description is kept, in Unicode code points.
    pub const DEVICE_CHARS: usize = 200;

    /// The generation of the token that a session was adopted from; what it gives out itself starts at 1.
    pub const ADOPTED_GENERATION: u32 = 0;

    /// The end of every calendar, for the name of a token that never expires: 9999-12-31.
    pub const FOR_GOOD: NumericDate = NumericDate::from_seconds(253_402_300_799);

    /// How many access tokens of one session are kept for another application.
    pub const ACCESS_TOKENS: usize = 32;

    /// A device's description as a session keeps it.
    pub fn cut_device(device: &str) -> String {
        device.chars().take(Self::DEVICE_CHARS).collect()
    }

    /// The same session, which keeps its access tokens for another application from now on.
    #[must_use]
    pub fn keeping_access_tokens(self) -> Self {
        let access = self.head.access_id();
        Self { access_tokens: Some(access.into_iter().collect()), ..self }
    }

    /// Adds an access token to those that are kept, and drops those that have expired.
    pub fn note_access_token(&mut self, token: AccessId, now: SystemTime) {
        let tokens = self.access_tokens.get_or_insert_default();
        tokens.retain(|kept| NumericDate::from(now) <= kept.expires_at && kept.jti != token.jti);
        tokens.push(token);
        tokens.drain(..tokens.len().saturating_sub(Self::ACCESS_TOKENS));
    }

    /// The head's refresh token as an entry of a list of revoked ones.
    pub fn refresh_token(&self) -> RevokedToken {
        let head = &self.head;
        let adopted = self.adopted_until.filter(|_| head.refresh.generation == Self::ADOPTED_GENERATION);
        let expires_at = adopted.unwrap_or(head.refresh_expires_at);
        RevokedToken { jti: head.refresh.jti.clone(), expires_at: for_good(expires_at) }
    }

    /// The parent of the head likewise, where it has one.
    pub fn parent_token(&self) -> Option<RevokedToken> {
        let expires_at = for_good(self.remembered_until());
        self.parent.as_ref().map(|it| RevokedToken { jti: it.jti.clone(), expires_at })
    }

    /// Its access tokens that are void although it lives, as far as is known, right after the user got another access level:
    /// what another application has to refuse of it then.
    pub fn void_access_tokens(&self) -> Vec<RevokedToken> {
        let others = self.access_tokens.iter().flatten().filter(|it| it.jti != self.head.access_jti);
        others.map(|it| RevokedToken { jti: it.jti.clone(), expires_at: Some(it.expires_at) }).collect()
    }

    /// All its tokens that may be alive, as far as is known: what another application has to refuse of an ended session.
    pub fn tokens_to_refuse(&self) -> Vec<RevokedToken> {
        let access = self.access_tokens.iter().flatten();
        let access = access.map(|it| RevokedToken { jti: it.jti.clone(), expires_at: Some(it.expires_at) });
        access.chain([self.refresh_token()]).chain(self.parent_token()).collect()
    }

    /// Whether its tokens open anything at a moment: it has neither been ended nor come to an end by itself.
    pub fn lives(&self, now: SystemTime) -> bool {
        self.ended.is_none() && NumericDate::from(now) < self.expires_at()
    }

    /// When the session ends by itself: for want of use, or absolutely.
    pub fn expires_at(&self) -> NumericDate {
        self.head.refresh_expires_at.min(self.ends_at)
    }

    /// When the last of its tokens has expired, which is how long its end has to be remembered. A longer lifetime may
    /// have been configured when it was opened, so the head alone does not say.
    pub fn remembered_until(&self) -> NumericDate {
        let own = self.ends_at.max(self.head.refresh_expires_at).max(self.head.access_expires_at);
        self.adopted_until.map_or(own, |until| until.max(own))
    }

    /// What is refused of its tokens, if anything is.
    ///
    /// A void access token is remembered as long as the session: it may have been given out with a longer lifetime than
    /// is configured now.
    pub fn revocation(&self) -> Option<Revocation> {
        let (id, until) = (self.id.clone(), self.remembered_until());
        match self.void_access {
            _ if self.ended.is_some() => Some(Revocation::Session(EndedSession { id, until })),
            0 => None,
            up_to => Some(Revocation::Access { session: id, up_to, until }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jti_has_one_session_for_ever() {
        // Written down: tokens that were adopted by an earlier version must not be adopted again.
        let id = SessionId::adopted("2b0f8c4e-5d0a-4c6d-9f4e-0d6f3b1a7c55");
        assert_eq!(id.as_str(), "XlZOtvW1ISRseZqkAU88MQ");
        assert_eq!(id.as_str().len(), 22);
        assert_ne!(SessionId::adopted(""), SessionId::adopted("\0"));
    }
}
