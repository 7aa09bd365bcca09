//! Issuing: a token is begun by its kind and identity, gathers what it shall carry, and is signed.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    Freshness, InvalidLifetime, JwtConfig, JwtManager, Lifetime, NumericDate, TokenKind, jws::MAX_TOKEN_BYTES,
};

/// What a manager's new tokens are made with.
pub(crate) struct Issuing {
    identity_claim: String,
    access_lifetime: Lifetime,
    refresh_lifetime: Lifetime,
    not_before: bool,
    issuer: Option<String>,
    audience: Vec<String>,
}

impl Issuing {
    pub(crate) fn new(config: &JwtConfig, identity_claim: &str) -> Self {
        Self {
            identity_claim: identity_claim.to_owned(),
            access_lifetime: config.access_token_expires,
            refresh_lifetime: config.refresh_token_expires,
            not_before: config.encode_nbf,
            issuer: config.encode_issuer.clone(),
            audience: config.encode_audience.clone(),
        }
    }
}

/// A token in the making: see [`JwtManager::access`] and [`JwtManager::refresh`].
#[must_use = "nothing is issued until `sign`"]
pub struct Issue<'m> {
    manager: &'m JwtManager,
    kind: TokenKind,
    identity: String,
    fresh: Fresh,
    lifetime: Option<Duration>,
    custom: Vec<(String, Result<Value, serde_json::Error>)>,
}

/// What `fresh` will say.
#[derive(Clone, Copy)]
enum Fresh {
    No,
    Yes,
    For(Duration),
}

impl<'m> Issue<'m> {
    pub(crate) fn new(manager: &'m JwtManager, kind: TokenKind, identity: String) -> Self {
        Self { manager, kind, identity, fresh: Fresh::No, lifetime: None, custom: Vec::new() }
    }

    /// Marks the token as fresh: its bearer has just shown a password.
    pub fn fresh(mut self) -> Self {
        self.fresh = Fresh::Yes;
        self
    }

    /// Marks the token as fresh for a time shorter than its life.
    pub fn fresh_for(mut self, duration: Duration) -> Self {
        self.fresh = Fresh::For(duration);
        self
    }

    /// Lets the token live this long instead of as configured, in whole seconds.
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Adds a claim of your own. Tokens can be read by whoever holds them: nothing secret.
    pub fn claim(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        self.custom.push((name.into(), serde_json::to_value(value)));
        self
    }

    /// Makes the token.
    ///
    /// # Errors
    /// [`IssueError`] for a claim of your own that is reserved, given twice or not JSON, for a lifetime of
    /// zero, for a token that would be too long to be accepted, and for a manager that only verifies.
    pub fn sign(self) -> Result<Token, IssueError> {
        let issuing = self.manager.issuing();
        let lifetime = match (self.lifetime, self.kind) {
            (Some(lifetime), _) => Lifetime::try_from(lifetime)?,
            (None, TokenKind::Access) => issuing.access_lifetime,
            (None, TokenKind::Refresh) => issuing.refresh_lifetime,
        };
        let issued_at = self.manager.now();
        let expires_at = issued_at.plus(lifetime.duration());
        let freshness = match self.fresh {
            Fresh::No => Freshness::Stale,
            Fresh::Yes => Freshness::Fresh,
            Fresh::For(duration) => Freshness::Until(issued_at.plus(duration)),
        };
        let jti = token_id()?;
        let custom = custom_claims(self.custom, &issuing.identity_claim)?;
        let identity = &self.identity;
        let payload = NewClaims {
            issuing,
            kind: self.kind,
            identity,
            jti: &jti,
            freshness,
            issued_at,
            expires_at,
            custom,
        };
        let payload = Zeroizing::new(serde_json::to_vec(&payload).map_err(IssueError::Json)?);
        let keys = self.manager.keys();
        let key = keys.set.signing().ok_or(IssueError::NoSigningKey)?;
        let text = key.sign(key.header(), &payload).ok_or(IssueError::Random)?;
        if text.len() > MAX_TOKEN_BYTES {
            return Err(IssueError::TooLong { bytes: text.len() });
        }
        Ok(Token { text, jti, expires_at })
    }
}

/// A new token, and what its issuer wants to remember of it.
#[derive(Clone)]
pub struct Token {
    text: String,
    jti: String,
    expires_at: NumericDate,
}

impl Token {
    /// The token as it is sent.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The token as it is sent, for good.
    pub fn into_string(self) -> String {
        self.text
    }

    /// Its own name, by which it can be revoked.
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// When it ends.
    pub fn expires_at(&self) -> NumericDate {
        self.expires_at
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("jti", &self.jti).finish_non_exhaustive()
    }
}

/// Why a token could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// A claim of your own has the name of one that the library sets.
    #[error("the claim {0} is set by the library")]
    ReservedClaim(String),
    /// A claim was given twice.
    #[error("the claim {0} was given twice")]
    DuplicateClaim(String),
    /// A claim of your own cannot be written as JSON.
    #[error("the claim {0} is not JSON")]
    ClaimJson(String, #[source] serde_json::Error),
    /// The claims cannot be written as JSON.
    #[error("the claims are not JSON")]
    Json(#[source] serde_json::Error),
    /// The lifetime is zero or longer than any.
    #[error(transparent)]
    Lifetime(#[from] InvalidLifetime),
    /// The token would be refused for its length.
    #[error("the token has {bytes} bytes, more than {} are never accepted", MAX_TOKEN_BYTES)]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The manager's keys verify only.
    #[error("there is no signing key: this manager verifies only")]
    NoSigningKey,
    /// The system gave no random bytes.
    #[error("the system gave no random bytes")]
    Random,
}

/// 122 random bits as a version 4 UUID, as Flask-JWT-Extended has it.
fn token_id() -> Result<String, IssueError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| IssueError::Random)?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}

/// Claims that nobody but the library sets: one's own must never overwrite what a guard relies on.
const RESERVED: [&str; 10] = ["aud", "csrf", "exp", "fresh", "iat", "iss", "jti", "nbf", "sub", "type"];

fn custom_claims(
    given: Vec<(String, Result<Value, serde_json::Error>)>,
    identity_claim: &str,
) -> Result<Vec<(String, Value)>, IssueError> {
    let mut claims: Vec<(String, Value)> = Vec::with_capacity(given.len());
    for (name, value) in given {
        if name == identity_claim || RESERVED.contains(&name.as_str()) {
            return Err(IssueError::ReservedClaim(name));
        }
        if claims.iter().any(|(known, _)| *known == name) {
            return Err(IssueError::DuplicateClaim(name));
        }
        match value {
            Ok(value) => claims.push((name, value)),
            Err(error) => return Err(IssueError::ClaimJson(name, error)),
        }
    }
    Ok(claims)
}

/// The payload, in the order in which Flask-JWT-Extended writes it.
struct NewClaims<'a> {
    issuing: &'a Issuing,
    kind: TokenKind,
    identity: &'a str,
    jti: &'a str,
    freshness: Freshness,
    issued_at: NumericDate,
    expires_at: NumericDate,
    custom: Vec<(String, Value)>,
}

impl Serialize for NewClaims<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut claims = serializer.serialize_map(None)?;
        match self.freshness {
            Freshness::Stale => claims.serialize_entry("fresh", &false)?,
            Freshness::Fresh => claims.serialize_entry("fresh", &true)?,
            Freshness::Until(end) => claims.serialize_entry("fresh", &end.seconds())?,
        }
        claims.serialize_entry("iat", &self.issued_at.seconds())?;
        claims.serialize_entry("jti", self.jti)?;
        claims.serialize_entry("type", self.kind.name())?;
        claims.serialize_entry(&self.issuing.identity_claim, self.identity)?;
        if self.issuing.not_before {
            claims.serialize_entry("nbf", &self.issued_at.seconds())?;
        }
        match self.issuing.audience.as_slice() {
            [] => {}
            [one] => claims.serialize_entry("aud", one)?,
            many => claims.serialize_entry("aud", many)?,
        }
        if let Some(issuer) = &self.issuing.issuer {
            claims.serialize_entry("iss", issuer)?;
        }
        claims.serialize_entry("exp", &self.expires_at.seconds())?;
        for (name, value) in &self.custom {
            claims.serialize_entry(name, value)?;
        }
        claims.end()
    }
}
