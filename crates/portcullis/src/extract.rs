//! The extractors: a handler that names one of these types is guarded by it.

use std::{marker::PhantomData, ops::Deref, sync::Arc};

use axum_core::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::{
    AuthError, AuthRejection, Claims, ClaimsError, JwtManager, Location, Permission, Require, Verified,
    locate::Sought,
    verified::{Asked, Entry, Kept},
};

/// What a guard that names no type of claims has of its own: nothing, and nothing is read for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread;

/// A type that a guard reads from the claims: every type of yours that serde can read, and [`Unread`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a token's claims",
    note = "derive `serde::Deserialize` for it, without borrowed fields"
)]
pub trait FromClaims: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// [`ClaimsError`] when the claims are not of this type.
    fn from_claims(claims: &Claims) -> Result<Self, ClaimsError>;
}

impl FromClaims for Unread {
    fn from_claims(_: &Claims) -> Result<Self, ClaimsError> {
        Ok(Self)
    }
}

impl<T: DeserializeOwned> FromClaims for T {
    fn from_claims(claims: &Claims) -> Result<Self, ClaimsError> {
        claims.custom()
    }
}

mod sealed {
    pub trait Sealed {}
}

/// One of the four guards.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no guard",
    note = "the guards are `Jwt`, `FreshJwt`, `RefreshJwt` and `AnyJwt`"
)]
pub trait Guard: sealed::Sealed {
    /// The token that was let through.
    fn verified(&self) -> &Arc<Verified>;

    /// The manager that verified it.
    fn manager(&self) -> &JwtManager;

    /// Lets the bearer through who may do this.
    ///
    /// # Errors
    /// 403 `insufficient_scope` for anybody else.
    ///
    /// ```
    /// use portcullis::{AuthRejection, Guard as _, Jwt, Permission};
    ///
    /// async fn purge(jwt: Jwt) -> Result<&'static str, AuthRejection> {
    ///     jwt.permit(&Permission::role("admin"))?;
    ///     Ok("purged")
    /// }
    /// ```
    fn permit(&self, permission: &Permission) -> Result<(), AuthRejection> {
        let (jwt, token) = (self.manager(), self.verified());
        if jwt.permits(token, permission) {
            return Ok(());
        }
        Err(AuthRejection::lacking(std::slice::from_ref(permission), jwt.clone(), token.clone()))
    }
}

/// Declares a guard: a type that exists only where a token of its kind was verified.
macro_rules! guard {
    ($(#[$doc:meta])* $name:ident requires $require:expr) => {
        $(#[$doc])*
        pub struct $name<T = Unread, M = JwtManager> {
            token: Arc<Verified>,
            jwt: JwtManager,
            own: T,
            manager: PhantomData<fn() -> M>,
        }

        impl<T, M> $name<T, M> {
            /// Your own claims.
            pub fn own(&self) -> &T {
                &self.own
            }

            /// Where the token was.
            pub fn location(&self) -> Option<Location> {
                self.token.location()
            }

            /// The token's header as a type of your own.
            ///
            /// # Errors
            /// [`ClaimsError`] when the header is not of this type.
            pub fn header<H: DeserializeOwned>(&self) -> Result<H, ClaimsError> {
                self.token.header()
            }

            /// Your own claims, for good.
            pub fn into_own(self) -> T {
                self.own
            }
        }

        impl<T: FromClaims, M> $name<T, M> {
            async fn guard(parts: &mut Parts, jwt: JwtManager) -> Result<Self, AuthRejection> {
                let wants = Wants { require: $require, order: None, body: None };
                let token = admit(&jwt, parts, wants).await?;
                match T::from_claims(&token) {
                    Ok(own) => Ok(Self { token, jwt, own, manager: PhantomData }),
                    Err(_) => Err(AuthRejection::of(AuthError::OwnClaims, jwt, Some(token))),
                }
            }
        }

        impl<T, M> sealed::Sealed for $name<T, M> {}

        impl<T, M> Guard for $name<T, M> {
            fn verified(&self) -> &Arc<Verified> {
                &self.token
            }

            fn manager(&self) -> &JwtManager {
                &self.jwt
            }
        }

        impl<T, M> Deref for $name<T, M> {
            type Target = Claims;

            fn deref(&self) -> &Claims {
                self.token.claims()
            }
        }

        impl<T: Clone, M> Clone for $name<T, M> {
            fn clone(&self) -> Self {
                let Self { token, jwt, own, manager } = self;
                Self { token: token.clone(), jwt: jwt.clone(), own: own.clone(), manager: *manager }
            }
        }

        impl<T, M> std::fmt::Debug for $name<T, M> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.token.claims()).finish()
            }
        }

        impl<S, T, M> FromRequestParts<S> for $name<T, M>
        where
            S: Send + Sync,
            T: FromClaims,
            M: FromRef<S> + AsRef<JwtManager>,
        {
            type Rejection = AuthRejection;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthRejection> {
                let jwt = M::from_ref(state).as_ref().clone();
                Self::guard(parts, jwt).await
            }
        }

        impl<S, T, M> OptionalFromRequestParts<S> for $name<T, M>
        where
            S: Send + Sync,
            T: FromClaims,
            M: FromRef<S> + AsRef<JwtManager>,
        {
            type Rejection = AuthRejection;

            /// Nothing sent, or a credential of another scheme, is `None`; a bad token is refused.
            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, AuthRejection> {
                let jwt = M::from_ref(state).as_ref().clone();
                match Self::guard(parts, jwt).await {
                    Ok(guard) => Ok(Some(guard)),
                    Err(rejection) if rejection.error().is_absence() => Ok(None),
                    Err(rejection) => Err(rejection),
                }
            }
        }
    };
}

guard! {
    /// A valid access token.
    ///
    /// The request is refused, before its body is read, when there is no token, when it is not genuine, not yet
    /// or no longer valid, a refresh token, or revoked. `Option<Jwt>` is `None` where nothing was sent and
    /// refuses a bad token all the same.
    ///
    /// ```
    /// use portcullis::Jwt;
    ///
    /// async fn secret(jwt: Jwt) -> String {
    ///     format!("hello {}", jwt.identity())
    /// }
    ///
    /// async fn hello(jwt: Option<Jwt>) -> &'static str {
    ///     if jwt.is_some() { "hello again" } else { "hello" }
    /// }
    /// ```
    ///
    /// `Jwt<T>` reads claims of a type of your own, `Jwt<T, M>` asks another manager than the first: a newtype
    /// in the state. Where the compiler only says that a handler is none, `#[axum::debug_handler]` says why.
    ///
    /// ```
    /// use portcullis::{Jwt, JwtManager};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Editor { role: String }
    ///
    /// #[derive(Clone)]
    /// struct Machines(JwtManager);
    ///
    /// impl AsRef<JwtManager> for Machines {
    ///     fn as_ref(&self) -> &JwtManager { &self.0 }
    /// }
    ///
    /// #[axum::debug_handler(state = Machines)]
    /// async fn edit(jwt: Jwt<Editor, Machines>) -> String {
    ///     format!("{} as {}", jwt.identity(), jwt.own().role)
    /// }
    /// ```
    Jwt requires Require::access()
}

guard! {
    /// A valid access token whose bearer has shown a password lately: for what must not be done with a stolen
    /// token alone.
    ///
    /// Refused as [`Jwt`], and when the token is not fresh.
    ///
    /// ```
    /// # use portcullis::FreshJwt;
    /// async fn change_password(jwt: FreshJwt) { }
    /// ```
    FreshJwt requires Require::access().fresh()
}

guard! {
    /// A valid refresh token, which opens nothing else.
    ///
    /// Refused as [`Jwt`], and when the token is an access token.
    ///
    /// ```
    /// # use portcullis::RefreshJwt;
    /// async fn refresh(jwt: RefreshJwt) { }
    /// ```
    RefreshJwt requires Require::refresh()
}

guard! {
    /// A valid token of either kind.
    ///
    /// Refused as [`Jwt`], but for the kind. Where tokens are in cookies, or in a JSON body, the access token is
    /// looked for first, then the refresh token; where another guard of the request has let a token through, it
    /// is that one.
    ///
    /// ```
    /// # use portcullis::AnyJwt;
    /// async fn whoami(jwt: AnyJwt) -> String {
    ///     jwt.identity().to_owned()
    /// }
    /// ```
    AnyJwt requires Require::any()
}

/// What a guard asks of a request.
#[derive(Clone, Copy)]
pub(crate) struct Wants<'a> {
    pub(crate) require: Require,
    /// The places, where it does not take the manager's.
    pub(crate) order: Option<&'a [Location]>,
    /// The body, where it was read.
    pub(crate) body: Option<&'a [u8]>,
}

/// The request's token, if it is what a guard wants.
///
/// What this manager verified before in the request is not verified again, but every check that it did not
/// undergo is made up for.
pub(crate) async fn admit(
    jwt: &JwtManager,
    parts: &mut Parts,
    wants: Wants<'_>,
) -> Result<Arc<Verified>, AuthRejection> {
    let Wants { require, order, body } = wants;
    let now = jwt.now();
    let (token, asked) = match Kept::of(&parts.extensions, jwt, require.kind, order) {
        Some(entry) => (entry.token, entry.asked),
        None => match jwt.find(Sought { parts, body, order, wanted: require.kind }, now) {
            Ok(token) => (Arc::new(token), Asked::default()),
            Err(error) => return Err(AuthRejection::new(error, jwt.clone())),
        },
    };
    match jwt.pass(&token, require, asked, now).await {
        Ok(asked) => {
            Kept::keep(&mut parts.extensions, Entry { jwt: jwt.clone(), token: token.clone(), asked });
            Ok(token)
        }
        Err(error) => Err(AuthRejection::of(error, jwt.clone(), Some(token))),
    }
}
