//! The manager: keys, rules and hooks in one value, and the one ordered list of checks.

use std::{fmt, sync::Arc, time::Duration};

use arc_swap::{ArcSwap, Guard};
use http::request::Parts;

use crate::{
    Access, AuthError, Check, CheckClaims, Claims, Clock, ErrorFormat, Issue, JwtConfig, JwtConfigErrors,
    JwtManagerBuilder, KeyError, KeySet, LoadUser, Location, NumericDate, Permission, Refresh, RenderError,
    Require, Revocation, TokenKind, Verdict, Verified,
    claims::{Facts, Rules, Typ},
    cookies::CookieRules,
    issue::Issuing,
    judged::{Hook, Judged, Question},
    jws::Payload,
    locate::{Places, Sought},
    remembered::Remembered,
    verified::Asked,
};

/// What is wrong where a hook that asks meets a verification that does not wait.
const MUST_WAIT: &str = "a hook has to ask, and nobody waits for it here: use `authenticate`";

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
    pub(crate) places: Places,
    pub(crate) cookies: CookieRules,
    pub(crate) format: ErrorFormat,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) revocation: Option<Arc<dyn Revocation>>,
    pub(crate) own_check: Option<Arc<dyn CheckClaims>>,
    pub(crate) render: Option<Arc<dyn RenderError>>,
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
    /// A hook that has to ask makes this [`AuthError::Unavailable`]; use [`authenticate`](Self::authenticate)
    /// with such a hook.
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
        let now = self.now();
        let claims = self.read(token, None, now)?;
        match self.judge(&claims, require, Asked::default(), now)? {
            Judged::Passed(_) => Ok(claims),
            Judged::Waits(_) => Err(AuthError::unavailable(MUST_WAIT)),
        }
    }

    /// Verifies a token that has to be what `require` says, and waits for hooks that have to ask.
    ///
    /// # Errors
    /// The first [`AuthError`] that the token has; [`AuthError::Unavailable`], with the hook's error as its source,
    /// when a hook failed.
    pub async fn authenticate(&self, token: &str, require: Require) -> Result<Claims, AuthError> {
        let now = self.now();
        let claims = self.read(token, None, now)?;
        self.pass(&claims, require, Asked::default(), now).await?;
        Ok(claims)
    }

    /// Finds the token of a request and verifies it: what the extractors do, for guards of your own.
    ///
    /// A token in a cookie has its CSRF value beside it where the method asks for one.
    ///
    /// # Errors
    /// [`AuthError`] when there is no token, or the first fault that it has.
    pub async fn authenticate_request(&self, parts: &Parts, require: Require) -> Result<Claims, AuthError> {
        self.verify_request(parts, require).await.map(Verified::into_claims)
    }

    /// The same, with where the token was.
    ///
    /// # Errors
    /// Those of [`authenticate_request`](Self::authenticate_request).
    pub async fn verify_request(&self, parts: &Parts, require: Require) -> Result<Verified, AuthError> {
        let now = self.now();
        let token = self.find(Sought { parts, body: None, order: None, wanted: require.kind }, now)?;
        self.pass(token.claims(), require, Asked::default(), now).await?;
        Ok(token)
    }

    /// Where tokens are looked for, in this order.
    pub fn locations(&self) -> &[Location] {
        &self.0.places.order
    }

    /// Whether a token, or the CSRF value of one, may stand in the body of a request: whoever hands the guards a
    /// [`ReadBody`](crate::ReadBody) reads no other.
    pub fn looks_into_body(&self, parts: &Parts) -> bool {
        self.0.places.needs_body(parts, None)
    }

    /// The genuine token of a request, whatever else is to be said of it.
    pub(crate) fn find(&self, sought: Sought<'_>, now: NumericDate) -> Result<Verified, AuthError> {
        let found = self.0.places.find(sought)?;
        let claims = self.read(&found.token, found.csrf.as_deref(), now)?;
        Ok(Verified::new(claims, &found.token, Some(found.location)))
    }

    // The ordered list of checks: `read`, `demand`, then the hooks in `ask`, then the user. `now` is the one moment
    // that all of them go by.

    /// Signature, then claims, then the value that has to stand beside a cookie.
    #[expect(clippy::inline_always, reason = "claims are moved once less, and they are large")]
    #[inline(always)]
    fn read(&self, token: &str, csrf: Option<&[u8]>, now: NumericDate) -> Result<Claims, AuthError> {
        let mut payload = Payload::new();
        let facts = self.genuine(token, now, &mut payload)?;
        let claims = Claims::new(facts, payload);
        csrf.map_or(Ok(()), |value| claims.check_csrf(value))?;
        Ok(claims)
    }

    /// The rest of the list, waiting for hooks that have to ask; says which have been asked now.
    pub(crate) async fn pass(
        &self,
        claims: &Claims,
        require: Require,
        asked: Asked,
        now: NumericDate,
    ) -> Result<Asked, AuthError> {
        let mut judged = self.judge(claims, require, asked, now)?;
        loop {
            judged = match judged {
                Judged::Passed(asked) => return Ok(asked),
                Judged::Waits(question) => self.ask(claims, require, question.answered().await?)?,
            };
        }
    }

    /// The rest of the list, as far as it can be said from memory.
    #[inline]
    fn judge(
        &self,
        claims: &Claims,
        require: Require,
        asked: Asked,
        now: NumericDate,
    ) -> Result<Judged, AuthError> {
        self.demand(claims, require, now)?;
        self.ask(claims, require, asked)
    }

    /// Revocation, then the application's own check, but for what was asked already.
    #[inline]
    fn ask(&self, claims: &Claims, require: Require, mut asked: Asked) -> Result<Judged, AuthError> {
        let waits = |hook, asking, asked| Ok(Judged::Waits(Question { hook, asking, asked }));
        if !asked.revocation && !require.revoked_too {
            match self.0.revocation.as_ref().map_or(Verdict::Live, |hook| hook.check(claims)) {
                Verdict::Live => asked.revocation = true,
                Verdict::Revoked => return Err(AuthError::Revoked),
                Verdict::Ask(asking) => return waits(Hook::Revocation, asking, asked),
            }
        }
        if !asked.own_check {
            match self.0.own_check.as_ref().map_or(Check::Pass, |hook| hook.check(claims)) {
                Check::Pass => asked.own_check = true,
                Check::Fail => return Err(AuthError::ClaimsRefused),
                Check::Ask(asking) => return waits(Hook::OwnCheck, asking, asked),
            }
        }
        Ok(Judged::Passed(asked))
    }

    /// The user of a token that has passed.
    pub(crate) async fn user<U: 'static>(
        &self,
        claims: &Claims,
        loader: &dyn LoadUser<U>,
    ) -> Result<U, AuthError> {
        let user = loader.load(claims).await.map_err(AuthError::unavailable)?;
        user.ok_or_else(|| AuthError::UserNotFound(claims.identity().to_owned()))
    }

    /// What can be seen in the token itself.
    #[inline]
    fn demand(&self, claims: &Claims, require: Require, now: NumericDate) -> Result<(), AuthError> {
        if !require.expired_too && claims.facts().has_expired(now, self.0.rules.leeway) {
            return Err(AuthError::Expired);
        }
        match (require.kind, claims.kind()) {
            (Some(TokenKind::Access), TokenKind::Refresh) => return Err(AuthError::AccessRequired),
            (Some(TokenKind::Refresh), TokenKind::Access) => return Err(AuthError::RefreshRequired),
            _ => {}
        }
        if require.fresh && !claims.facts().is_fresh(now) { Err(AuthError::FreshRequired) } else { Ok(()) }
    }

    /// The first half of the list: what a token says whose signature held and that has begun; its payload is decoded
    /// into the place that is handed in.
    #[inline]
    fn genuine(&self, token: &str, now: NumericDate, payload: &mut Payload) -> Result<Facts, AuthError> {
        let (inner, keys) = (&*self.0, self.keys());
        if let Some(claims) = keys.remembered(token) {
            claims.facts().begun(now, inner.rules.leeway)?;
            payload.clone_from(claims.payload());
            return Ok(claims.facts().clone());
        }
        let jws = keys.set.verify(token)?;
        jws.payload(payload)?;
        let facts = Facts::read(payload, Typ::of(&jws.header)?, &inner.rules, now)?;
        if !facts.typ_fits_kind() {
            return Err(AuthError::Typ);
        }
        let costly = jws.header.algorithm.is_some_and(|algorithm| !algorithm.is_symmetric());
        if let (Some(memory), true) =
            (&keys.remembered, costly && !facts.has_expired(now, inner.rules.leeway))
        {
            memory.insert(token, || Claims::new(facts.clone(), payload.clone()));
        }
        Ok(facts)
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
    pub fn access(&self, identity: impl Into<String>) -> Issue<'_, Access> {
        Issue::access(self, identity.into())
    }

    /// Begins a refresh token for an identity; [`Issue::sign`] makes it.
    pub fn refresh(&self, identity: impl Into<String>) -> Issue<'_, Refresh> {
        Issue::refresh(self, identity.into())
    }

    /// Whether claims give a permission, for guards of your own; a [`Guard`](crate::Guard) has
    /// [`permit`](crate::Guard::permit), which answers with a refusal.
    ///
    /// ```
    /// # use portcullis::{JwtManager, Key, Permission};
    /// # let jwt = JwtManager::builder(Key::hs256([7; 32])?).build()?;
    /// let token = jwt.access("alice").claim("role", "admin").sign()?;
    /// let claims = jwt.verify(token.as_str())?;
    /// assert!(jwt.permits(&claims, &Permission::role("admin")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn permits(&self, claims: &Claims, permission: &Permission) -> bool {
        permission.is_held_by(claims, self.issuing().own_member())
    }

    /// How this manager's application writes errors, so that others can look the same.
    pub fn error_format(&self) -> &ErrorFormat {
        &self.0.format
    }

    /// The scheme that tokens are sent with, `Bearer` where the header holds the bare token: what a token answer's
    /// `token_type` and a challenge of your own say.
    pub fn scheme(&self) -> &str {
        match self.0.places.header.scheme.as_str() {
            "" => "Bearer",
            scheme => scheme,
        }
    }

    /// How far other clocks may be off.
    pub fn leeway(&self) -> Duration {
        self.0.rules.leeway
    }

    pub(crate) fn assemble(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Whether two values are one manager: what one verified, the other need not verify again.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn places(&self) -> &Places {
        &self.0.places
    }

    pub(crate) fn cookie_rules(&self) -> &CookieRules {
        &self.0.cookies
    }

    pub(crate) fn render_hook(&self) -> Option<&dyn RenderError> {
        self.0.render.as_deref()
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

impl AsRef<Self> for JwtManager {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl fmt::Debug for JwtManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtManager").field("keys", &self.keys().set).finish_non_exhaustive()
    }
}
