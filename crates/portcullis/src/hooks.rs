//! What an application may have its own say in: small traits, each with its default beside it.
//!
//! A closure is a hook: `Fn(Arc<Claims>) -> impl Future`. One that fails is answered 503, since then nobody
//! knows; it is never taken for a yes or a no.

use std::{error::Error, pin::Pin, sync::Arc};

use axum_core::response::Response;

use crate::{AuthError, Claims, ErrorFormat, Verdict};

/// Why a hook could not tell. Nothing of it reaches a client; for the log it is the [`AuthError`]'s source.
pub type HookError = Box<dyn Error + Send + Sync>;

/// A hook at work.
pub type Working<T> = Pin<Box<dyn Future<Output = Result<T, HookError>> + Send>>;

/// An application's own check of a token, after all others but for the user. Default: none.
///
/// What it refuses is answered as Flask-JWT-Extended does, 400 `User claims verification failed`, and in the
/// style `problem` 401 `invalid_token` (RFC 6750 section 3.1). For a right that the bearer lacks there is
/// [`Permission`](crate::Permission), which answers 403.
///
/// ```
/// use portcullis::{AuthError, Check, Claims, JwtManager, Key};
///
/// #[derive(serde::Deserialize)]
/// struct Tenant { tenant: String }
///
/// let ours = |claims: &Claims| match claims.custom::<Tenant>() {
///     Ok(own) if own.tenant == "acme" => Check::Pass,
///     _ => Check::Fail,
/// };
/// let jwt = JwtManager::builder(Key::hs256([7; 32])?).check_claims(ours).build()?;
/// let token = jwt.access("alice").claim("tenant", "other").sign()?;
/// assert_eq!(jwt.verify(token.as_str()).unwrap_err(), AuthError::ClaimsRefused);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not check claims",
    note = "a check is a closure `|claims: &Claims| Check::Pass`, or `asks(|claims| async move {{ .. }})`"
)]
pub trait CheckClaims: Send + Sync + 'static {
    /// Judges a token that is good in all else.
    fn check(&self, claims: &Claims) -> Check;
}

/// What a [`CheckClaims`] says.
#[must_use]
pub enum Check {
    /// It is fine.
    Pass,
    /// It is refused.
    Fail,
    /// It takes asking: `true` when it is fine.
    Ask(Working<bool>),
}

impl<F> CheckClaims for F
where
    F: Fn(&Claims) -> Check + Send + Sync + 'static,
{
    fn check(&self, claims: &Claims) -> Check {
        self(claims)
    }
}

/// A [`CheckClaims`] that asks: `true` when the token is fine.
///
/// ```
/// # use std::{convert::Infallible, sync::Arc};
/// # use portcullis::{Claims, JwtManager, Key, asks};
/// let check = asks(|claims: Arc<Claims>| async move { Ok::<_, Infallible>(claims.identity() != "mallory") });
/// let jwt = JwtManager::builder(Key::hs256([7; 32])?).check_claims(check).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn asks<F, Fut, E>(ask: F) -> impl CheckClaims
where
    F: Fn(Arc<Claims>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<bool, E>> + Send + 'static,
    E: Into<HookError>,
{
    move |claims: &Claims| Check::Ask(working(ask(Arc::new(claims.clone()))))
}

/// A closure is a revocation hook that asks: `true` when the token is revoked.
///
/// ```
/// # use std::{convert::Infallible, sync::Arc};
/// # use portcullis::{Claims, JwtManager, Key};
/// let revoked = |claims: Arc<Claims>| async move { Ok::<_, Infallible>(claims.jti() == Some("stolen")) };
/// let jwt = JwtManager::builder(Key::hs256([7; 32])?).revocation(Arc::new(revoked)).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl<F, Fut, E> crate::Revocation for F
where
    F: Fn(Arc<Claims>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<bool, E>> + Send + 'static,
    E: Into<HookError>,
{
    fn check(&self, claims: &Claims) -> Verdict {
        Verdict::Ask(working(self(Arc::new(claims.clone()))))
    }
}

/// Loads the user that a token speaks of: [`CurrentUser`](crate::CurrentUser) asks it.
///
/// `None` is "there is no such user" and answers 401.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not load a `{U}`",
    note = "a loader is a closure `|claims: Arc<Claims>| async move {{ Ok::<Option<{U}>, MyError>(..) }}`"
)]
pub trait LoadUser<U>: Send + Sync + 'static {
    /// The user of a token that is good in all else.
    fn load(&self, claims: &Claims) -> Working<Option<U>>;
}

impl<U, F, Fut, E> LoadUser<U> for F
where
    F: Fn(Arc<Claims>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Option<U>, E>> + Send + 'static,
    E: Into<HookError>,
{
    fn load(&self, claims: &Claims) -> Working<Option<U>> {
        working(self(Arc::new(claims.clone())))
    }
}

/// Writes refusals in an application's own way. Default: the [`ErrorStyle`](crate::ErrorStyle)'s.
///
/// A 401 without `WWW-Authenticate` gets the one that it needs (RFC 9110 section 11.6.1).
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not write refusals",
    note = "it is a function `fn(&Refused<'_>) -> Option<Response>`"
)]
pub trait RenderError: Send + Sync + 'static {
    /// The answer to a refusal; `None` leaves it to the style.
    fn render(&self, refused: &Refused<'_>) -> Option<Response>;
}

impl<F> RenderError for F
where
    F: Fn(&Refused<'_>) -> Option<Response> + Send + Sync + 'static,
{
    fn render(&self, refused: &Refused<'_>) -> Option<Response> {
        self(refused)
    }
}

/// A refusal as a [`RenderError`] sees it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Refused<'a> {
    /// The reason. What kept a hook from answering is in it, for the log alone.
    pub error: &'a AuthError,
    /// The style's text for the reason.
    pub text: &'a str,
    /// How the manager writes errors.
    pub format: &'a ErrorFormat,
    /// The token that was refused, where it is genuine.
    pub token: Option<&'a crate::Verified>,
}

fn working<T, E, Fut>(future: Fut) -> Working<T>
where
    Fut: Future<Output = Result<T, E>> + Send + 'static,
    E: Into<HookError>,
{
    Box::pin(async move { future.await.map_err(Into::into) })
}
