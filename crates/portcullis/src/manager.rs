//! The manager: keys, rules and hooks in one value, and the one ordered list of checks.

use std::{fmt, sync::Arc, time::Duration};

use arc_swap::{ArcSwap, Guard};
use http::HeaderMap;

use crate::{
    AuthError, Claims, Clock, ErrorFormat, Issue, JwtConfig, JwtConfigErrors, JwtManagerBuilder, KeyError,
    KeySet, NumericDate, Require, Revocation, TokenKind, Verdict,
    answer::Expected,
    claims::{Rules, Typ},
    issue::Issuing,
    locate::HeaderLocation,
    remembered::Remembered,
};

/// Issues and verifies the tokens of one application. Cheap to clone; the clones are the same manager.
///
/// Put one into the state of a router (`JwtManager: FromRef<S>`) and the extractors find it.
#[derive(Clone)]
pub struct JwtManager(Arc<Inner>);

/// What the builder hands over: every option already checked.
pub(crate) struct Inner {
    pub(crate) keys: ArcSwap<Held>,
    pub(crate) rules: Rules,
    pub(crate) issuing: Issuing,
    pub(crate) location: HeaderLocation,
    pub(crate) format: ErrorFormat,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) revocation: Option<Arc<dyn Revocation>>,
    /// How many verified tokens are remembered.
    pub(crate) remembered_tokens: usize,
}

/// The keys of a moment, and what was verified with them. A request takes them once, so it never sees half of
/// an exchange.
pub(crate) struct Held {
    pub(crate) set: KeySet,
    remembered: Option<Remembered>,
}

impl Held {
    /// Only signatures that cost more than a look-up are remembered: an HMAC costs as much.
    pub(crate) fn new(set: KeySet, remembered_tokens: usize) -> Self {
        let worth_it = set.iter().any(|key| !key.algorithm().is_symmetric());
        Self { remembered: Remembered::new(remembered_tokens).filter(|_| worth_it), set }
    }

    fn remembered(&self, token: &str) -> Option<Arc<Claims>> {
        self.remembered.as_ref()?.get(token)
    }
}

impl JwtManager {
    /// A manager with safe defaults around a signing key, a set of keys, or a public key that only verifies.
    pub fn builder(keys: impl Into<KeySet>) -> JwtManagerBuilder {
        JwtManagerBuilder::new(JwtConfig::default(), keys.into())
    }

    /// A manager as a configuration says, keys included.
    ///
    /// # Errors
    /// [`JwtConfigErrors`] when there is no key for the algorithm or one of the keys is none.
    pub fn from_config(config: JwtConfig) -> Result<JwtManagerBuilder, JwtConfigErrors> {
        JwtManagerBuilder::from_config(config)
    }

    /// Verifies an access token, with everything that can be said from memory.
    ///
    /// A [`Revocation`] that has to ask makes this [`AuthError::Unavailable`]; use
    /// [`authenticate`](Self::authenticate) with such a hook.
    ///
    /// # Errors
    /// The first [`AuthError`] that the token has.
    pub fn verify(&self, token: &str) -> Result<Claims, AuthError> {
        self.verify_as(token, Require::access())
    }

    /// Verifies a token that has to be what `require` says, with everything that can be said from memory.
    ///
    /// # Errors
    /// The first [`AuthError`] that the token has.
    pub fn verify_as(&self, token: &str, require: Require) -> Result<Claims, AuthError> {
        match self.judge(token, require)? {
            (claims, Verdict::Live) => Ok(claims),
            (_, Verdict::Revoked) => Err(AuthError::Revoked),
            (_, Verdict::Ask(_)) => Err(AuthError::Unavailable),
        }
    }

    /// Verifies a token that has to be what `require` says, and waits for a [`Revocation`] that has to ask.
    ///
    /// # Errors
    /// The first [`AuthError`] that the token has; [`AuthError::Unavailable`] when the hook failed.
    pub async fn authenticate(&self, token: &str, require: Require) -> Result<Claims, AuthError> {
        match self.judge(token, require)? {
            (claims, Verdict::Live) => Ok(claims),
            (_, Verdict::Revoked) => Err(AuthError::Revoked),
            (claims, Verdict::Ask(asking)) => match asking.await {
                Ok(false) => Ok(claims),
                Ok(true) => Err(AuthError::Revoked),
                Err(_) => Err(AuthError::Unavailable),
            },
        }
    }

    /// Finds the token of a request and verifies it: what the extractors do, for guards of your own.
    ///
    /// # Errors
    /// [`AuthError`] when there is no token, or the first fault that it has.
    pub async fn authenticate_request(
        &self,
        headers: &HeaderMap,
        require: Require,
    ) -> Result<Claims, AuthError> {
        let token = self.0.location.find(headers)?;
        self.authenticate(token, require).await
    }

    /// The ordered list of checks. There is no other.
    #[inline]
    fn judge(&self, token: &str, require: Require) -> Result<(Claims, Verdict), AuthError> {
        let inner = &*self.0;
        let now = self.now();
        let claims = self.genuine(token, now)?;
        if !require.expired_too && claims.has_expired(now, inner.rules.leeway) {
            return Err(AuthError::Expired);
        }
        match (require.kind, claims.kind()) {
            (Some(TokenKind::Access), TokenKind::Refresh) => return Err(AuthError::AccessRequired),
            (Some(TokenKind::Refresh), TokenKind::Access) => return Err(AuthError::RefreshRequired),
            _ => {}
        }
        if require.fresh && !claims.is_fresh(now) {
            return Err(AuthError::FreshRequired);
        }
        let verdict = match &inner.revocation {
            Some(revocation) if !require.revoked_too => revocation.check(&claims),
            _ => Verdict::Live,
        };
        Ok((claims, verdict))
    }

    /// The first half of the list: the claims of a token whose signature held and that has begun.
    #[inline]
    fn genuine(&self, token: &str, now: NumericDate) -> Result<Claims, AuthError> {
        let (inner, keys) = (&*self.0, self.keys());
        if let Some(claims) = keys.remembered(token) {
            claims.begun(now, inner.rules.leeway)?;
            return Ok(Claims::clone(&claims));
        }
        let jws = keys.set.verify(token)?;
        let payload = jws.payload()?;
        let claims = Claims::read(payload, Typ::of(&jws.header)?, &inner.rules, now)?;
        if !claims.typ_fits_kind() {
            return Err(AuthError::Typ);
        }
        let costly = jws.header.algorithm.is_some_and(|algorithm| !algorithm.is_symmetric());
        if let (Some(memory), true) =
            (&keys.remembered, costly && !claims.has_expired(now, inner.rules.leeway))
        {
            memory.insert(token, &claims);
        }
        Ok(claims)
    }

    /// Puts other keys in place of the present ones, for this manager and all its clones.
    ///
    /// No request waits for it: one under way is judged by the keys that it began with, the next by the new
    /// ones. What was remembered of verified tokens goes with the old keys.
    ///
    /// ```
    /// # use portcullis::{JwtManager, Key, KeySet};
    /// # let (new, old) = (Key::hs256([7; 32])?, Key::hs256([8; 32])?);
    /// # let jwt = JwtManager::builder(old.clone()).build()?;
    /// jwt.replace_keys(KeySet::new(new).and(old))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError::TooMany`] when there are keys in it that no token would be tried with; the present ones stay.
    pub fn replace_keys(&self, keys: impl Into<KeySet>) -> Result<(), KeyError> {
        let keys = keys.into();
        keys.check()?;
        self.0.keys.store(Arc::new(Held::new(keys, self.0.remembered_tokens)));
        Ok(())
    }

    /// The keys of this moment.
    pub fn key_set(&self) -> KeySet {
        self.keys().set.clone()
    }

    /// Begins an access token for an identity; [`Issue::sign`] makes it.
    ///
    /// ```
    /// # use portcullis::{JwtManager, Key};
    /// # let jwt = JwtManager::builder(Key::hs256([7; 32])?).build()?;
    /// let token = jwt.access("alice").fresh().claim("role", "editor").sign()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn access(&self, identity: impl Into<String>) -> Issue<'_> {
        Issue::new(self, TokenKind::Access, identity.into())
    }

    /// Begins a refresh token for an identity; [`Issue::sign`] makes it.
    pub fn refresh(&self, identity: impl Into<String>) -> Issue<'_> {
        Issue::new(self, TokenKind::Refresh, identity.into())
    }

    /// How this manager's application writes errors, so that others can look the same.
    pub fn error_format(&self) -> &ErrorFormat {
        &self.0.format
    }

    /// How far other clocks may be off.
    pub fn leeway(&self) -> Duration {
        self.0.rules.leeway
    }

    pub(crate) fn assemble(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub(crate) fn expected(&self) -> Expected<'_> {
        let HeaderLocation { spelling, scheme, .. } = &self.0.location;
        Expected { header: spelling, scheme }
    }

    pub(crate) fn keys(&self) -> Guard<Arc<Held>> {
        self.0.keys.load()
    }

    pub(crate) fn issuing(&self) -> &Issuing {
        &self.0.issuing
    }

    pub(crate) fn now(&self) -> NumericDate {
        self.0.clock.now().into()
    }
}

impl fmt::Debug for JwtManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtManager").field("keys", &self.keys().set).finish_non_exhaustive()
    }
}
