//! Issuing: a token is begun by its kind and identity, gathers what it shall carry, and is signed.

mod payload;

use std::{convert::Infallible, error::Error, fmt, marker::PhantomData, time::Duration};

use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    CsrfClaim, Freshness, InvalidLifetime, JwtConfig, JwtManager, Key, Lifetime, Location, NumericDate,
    TokenKind, jws::MAX_TOKEN_BYTES,
};

use payload::{NewClaims, with_members};

/// What a manager's new tokens are made with.
pub(crate) struct Issuing {
    identity_claim: String,
    access_lifetime: Lifetime,
    refresh_lifetime: Lifetime,
    not_before: bool,
    issuer: Option<String>,
    audience: Vec<String>,
    csrf: bool,
    /// The member that holds one's own claims, and whether it is in refresh tokens too.
    nested: Option<(String, bool)>,
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
            csrf: config.cookie_csrf_protect
                && (config.csrf_claim == CsrfClaim::Always
                    || config.token_location.contains(&Location::Cookies)),
            nested: config.user_claims.clone().map(|name| (name, config.claims_in_refresh_token)),
        }
    }

    /// The member that holds one's own claims, where they do not stand beside ours.
    pub(crate) fn own_member(&self) -> Option<&str> {
        self.nested.as_ref().map(|(name, _)| name.as_str())
    }
}

/// The kind of an [`Issue`] that makes an access token.
#[derive(Clone, Copy, Debug)]
pub struct Access(Infallible);

/// The kind of an [`Issue`] that makes a refresh token, which is never fresh.
#[derive(Clone, Copy, Debug)]
pub struct Refresh(Infallible);

/// A token in the making: see [`JwtManager::access`] and [`JwtManager::refresh`].
#[must_use = "nothing is issued until `sign`"]
pub struct Issue<'m, K = Access> {
    manager: &'m JwtManager,
    kind: TokenKind,
    identity: String,
    fresh: Fresh,
    lifetime: Option<Duration>,
    csrf: bool,
    session: Option<(String, u32)>,
    id: Option<String>,
    issued_at: Option<NumericDate>,
    key: Option<Key>,
    custom: Vec<Given>,
    header: Vec<Given>,
    of: PhantomData<fn() -> K>,
}

/// A member as it was given.
type Given = (String, Result<Value, serde_json::Error>);

/// What `fresh` will say.
#[derive(Clone, Copy)]
enum Fresh {
    No,
    Yes,
    For(Duration),
}

impl<'m> Issue<'m, Access> {
    pub(crate) fn access(manager: &'m JwtManager, identity: String) -> Self {
        Self::new(manager, TokenKind::Access, identity)
    }

    /// Marks the token as fresh: its bearer has just shown a password.
    ///
    /// A refresh token is never fresh, so this does not compile:
    ///
    /// ```compile_fail,E0599
    /// # fn token(jwt: portcullis::JwtManager) {
    /// let issue = jwt.refresh("alice").fresh();
    /// # }
    /// ```
    pub fn fresh(mut self) -> Self {
        self.fresh = Fresh::Yes;
        self
    }

    /// Marks the token as fresh for a time shorter than its life.
    pub fn fresh_for(mut self, duration: Duration) -> Self {
        self.fresh = Fresh::For(duration);
        self
    }
}

impl<'m> Issue<'m, Refresh> {
    pub(crate) fn refresh(manager: &'m JwtManager, identity: String) -> Self {
        Self::new(manager, TokenKind::Refresh, identity)
    }
}

impl<'m, K> Issue<'m, K> {
    fn new(manager: &'m JwtManager, kind: TokenKind, identity: String) -> Self {
        let (csrf, key, custom, header) = (manager.issuing().csrf, None, Vec::new(), Vec::new());
        let (fresh, lifetime, session, of) = (Fresh::No, None, None, PhantomData);
        let (id, issued_at) = (None, None);
        Self {
            manager,
            kind,
            identity,
            fresh,
            lifetime,
            csrf,
            session,
            id,
            issued_at,
            key,
            custom,
            header,
            of,
        }
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

    /// Adds a member of your own to the header.
    pub fn header(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        self.header.push((name.into(), serde_json::to_value(value)));
        self
    }

    /// Gives the token a claim `csrf`, whatever the configuration says.
    pub fn csrf(mut self) -> Self {
        self.csrf = true;
        self
    }

    /// Names the token (`jti`) instead of leaving that to the library: for who has to know the name before there is a
    /// token, or writes the same one again. It has to be one that nobody guesses and no other token has:
    /// [`token_id`] makes such.
    ///
    /// ```
    /// # use portcullis::{JwtManager, Key};
    /// # let jwt = JwtManager::builder(Key::hs256([7; 32])?).build()?;
    /// let first = jwt.refresh("alice").sign()?;
    /// let again = jwt.refresh("alice").id(first.jti()).issued_at(first.issued_at()).sign()?;
    /// assert_eq!(first.as_str(), again.as_str());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn id(mut self, jti: impl Into<String>) -> Self {
        self.id = Some(jti.into());
        self
    }

    /// Says when the token was issued (`iat`) instead of now: its lifetime and freshness count from there.
    pub fn issued_at(mut self, moment: NumericDate) -> Self {
        self.issued_at = Some(moment);
        self
    }

    /// Makes the token one of a session, by the claims `sid` and `gen`: it ends with the session.
    ///
    /// ```
    /// # use portcullis::{JwtManager, Key};
    /// # let jwt = JwtManager::builder(Key::hs256([7; 32])?).build()?;
    /// let token = jwt.refresh("alice").session("8aYb0c", 1).sign()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn session(mut self, id: impl Into<String>, generation: u32) -> Self {
        self.session = Some((id.into(), generation));
        self
    }

    /// Signs with this key instead of the manager's: a tenant's, or one that another service verifies.
    pub fn signed_by(mut self, key: Key) -> Self {
        self.key = Some(key);
        self
    }

    /// Makes the token.
    ///
    /// # Errors
    /// [`IssueError`] for a claim or header member of your own that is reserved, given twice or not JSON, for a
    /// lifetime of zero, for a token that would be too long to be accepted, and for a manager that only verifies.
    pub fn sign(self) -> Result<Token, IssueError> {
        let issuing = self.manager.issuing();
        let lifetime = match (self.lifetime, self.kind) {
            (Some(lifetime), _) => Lifetime::try_from(lifetime)?,
            (None, TokenKind::Access) => issuing.access_lifetime,
            (None, TokenKind::Refresh) => issuing.refresh_lifetime,
        };
        let issued_at = self.issued_at.unwrap_or_else(|| self.manager.now());
        let expires_at = issued_at.plus(lifetime.duration());
        let freshness = match self.fresh {
            Fresh::No => Freshness::Stale,
            Fresh::Yes => Freshness::Fresh,
            Fresh::For(duration) => Freshness::Until(issued_at.plus(duration)),
        };
        let jti = self.id.map_or_else(token_id, Ok)?;
        let custom = issuing.own_claims(self.custom, self.kind)?;
        let keys = self.manager.keys();
        let key = self.key.as_ref().or_else(|| keys.set.signing()).ok_or(IssueError::NoSigningKey)?;
        let csrf = self.csrf.then(|| key.csrf_value(&jti).map(uuid).ok_or(IssueError::Random)).transpose()?;
        let header = with_members(key.header(), self.header)?;
        let identity = &self.identity;
        let payload = NewClaims {
            issuing,
            kind: self.kind,
            identity,
            jti: &jti,
            freshness,
            issued_at,
            expires_at,
            csrf: csrf.as_deref(),
            session: self.session,
            custom,
        };
        let payload =
            Zeroizing::new(serde_json::to_vec(&payload).map_err(|error| IssueError::Json(error.into()))?);
        let text = key.sign(&header, &payload).ok_or(IssueError::Random)?;
        if text.len() > MAX_TOKEN_BYTES {
            return Err(IssueError::TooLong { bytes: text.len() });
        }
        Ok(Token { text, jti, issued_at, expires_at, csrf, kind: self.kind })
    }
}

/// A new token, and what its issuer wants to remember of it.
#[derive(Clone)]
pub struct Token {
    text: String,
    jti: String,
    issued_at: NumericDate,
    expires_at: NumericDate,
    csrf: Option<String>,
    kind: TokenKind,
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

    /// What has to stand beside it where it is in a cookie.
    pub fn csrf(&self) -> Option<&str> {
        self.csrf.as_deref()
    }

    /// Access or refresh.
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// When it was issued.
    pub fn issued_at(&self) -> NumericDate {
        self.issued_at
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
    /// A header member of your own has the name of one that means something to a verifier.
    #[error("the header member {0} is set by the library or the key")]
    ReservedHeader(String),
    /// A claim was given twice.
    #[error("{0} was given twice")]
    DuplicateClaim(String),
    /// A claim of your own cannot be written as JSON.
    #[error("{0} is not JSON")]
    ClaimJson(String, #[source] Box<dyn Error + Send + Sync>),
    /// The claims cannot be written as JSON.
    #[error("the claims are not JSON")]
    Json(#[source] Box<dyn Error + Send + Sync>),
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

/// A new token's name (`jti`): 122 random bits as a version 4 UUID, as Flask-JWT-Extended has it.
///
/// # Errors
/// [`IssueError::Random`] when the system has no random bits to give.
pub fn token_id() -> Result<String, IssueError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| IssueError::Random)?;
    Ok(uuid(bytes))
}

fn uuid(random: [u8; 16]) -> String {
    uuid::Builder::from_random_bytes(random).into_uuid().to_string()
}
