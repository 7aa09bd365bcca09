//! A revocation: what is refused although it has not expired.

use portcullis::{Claims, NumericDate};

use super::SessionId;

/// Something that is refused although it has not expired, as whoever verifies tokens has to know it.
///
/// These are the kinds of [`RevocationIndex`](portcullis::RevocationIndex), where each says exactly what it refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// One token.
    Token(RevokedToken),
    /// Every token of a session.
    Session(EndedSession),
    /// A session's access tokens, up to a generation.
    Access {
        /// The session.
        session: SessionId,
        /// The last generation whose access tokens are void.
        up_to: u32,
        /// When the last of them has expired.
        until: NumericDate,
    },
    /// The tokens of an identity that are of no session and were issued before a moment.
    User {
        /// The text of the identity claim.
        identity: String,
        /// The moment.
        before: NumericDate,
        /// When the last of them has expired.
        until: NumericDate,
    },
    /// Every token that was issued up to a moment, for good.
    All {
        /// The moment.
        before: NumericDate,
    },
}

/// A token that is refused by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedToken {
    /// The token's `jti`.
    pub jti: String,
    /// The token's `exp`; an entry without one is kept for good.
    pub expires_at: Option<NumericDate>,
}

/// A session that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// The session.
    pub id: SessionId,
    /// When the last of its tokens has expired.
    pub until: NumericDate,
}

impl Revocation {
    /// The moment that stands for "never" where an entry has to have an expiry.
    pub const NEVER: NumericDate = NumericDate::from_seconds(i64::MAX);

    /// Whether it is about a token, as far as its ids tell: which tokens it refuses says the index.
    pub fn concerns(&self, token: &Claims) -> bool {
        let of_session = |id: &SessionId| token.session().is_some_and(|session| session.id == id.as_str());
        match self {
            Self::Token(revoked) => token.jti() == Some(&revoked.jti),
            Self::Session(ended) => of_session(&ended.id),
            Self::Access { session, .. } => of_session(session),
            Self::User { identity, .. } => token.identity() == identity,
            Self::All { .. } => true,
        }
    }

    /// When the last token that it refuses has expired, as far as is known; none for what is for good.
    pub fn until(&self) -> Option<NumericDate> {
        match self {
            Self::Token(RevokedToken { expires_at, .. }) => *expires_at,
            Self::Session(EndedSession { until, .. })
            | Self::Access { until, .. }
            | Self::User { until, .. } => Some(*until).filter(|until| *until < Self::NEVER),
            Self::All { .. } => None,
        }
    }

    /// Whether there may be tokens at a moment that it has to refuse.
    pub fn lasts_until(&self, moment: NumericDate) -> bool {
        self.until().is_none_or(|until| until >= moment)
    }
}
