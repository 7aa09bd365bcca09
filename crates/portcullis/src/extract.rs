//! The extractors: a handler that names one of these types is guarded by it.

use std::{ops::Deref, sync::Arc};

use axum_core::{
    extract::{FromRef, FromRequestParts, OptionalFromRequestParts},
    response::{IntoResponse, Response},
};
use http::{HeaderValue, header, request::Parts};

use crate::{AuthError, Claims, JwtManager, Require, style};

/// Declares a guard: a type that exists only where a token of its kind was verified.
macro_rules! guard {
    ($(#[$doc:meta])* $name:ident requires $require:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(Arc<Claims>);

        impl Deref for $name {
            type Target = Claims;

            fn deref(&self) -> &Claims {
                &self.0
            }
        }

        impl<S> FromRequestParts<S> for $name
        where
            S: Send + Sync,
            JwtManager: FromRef<S>,
        {
            type Rejection = AuthRejection;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthRejection> {
                guarded(parts, JwtManager::from_ref(state), $require).await.map(Self)
            }
        }

        impl<S> OptionalFromRequestParts<S> for $name
        where
            S: Send + Sync,
            JwtManager: FromRef<S>,
        {
            type Rejection = AuthRejection;

            /// Nothing sent, or a credential of another scheme, is `None`; a bad token is refused.
            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, AuthRejection> {
                match guarded(parts, JwtManager::from_ref(state), $require).await {
                    Ok(claims) => Ok(Some(Self(claims))),
                    Err(rejection) if rejection.is_absence() => Ok(None),
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
    /// Refused as [`Jwt`], but for the kind.
    ///
    /// ```
    /// # use portcullis::AnyJwt;
    /// async fn whoami(jwt: AnyJwt) -> String {
    ///     jwt.identity().to_owned()
    /// }
    /// ```
    AnyJwt requires Require::any()
}

async fn guarded(parts: &Parts, jwt: JwtManager, require: Require) -> Result<Arc<Claims>, AuthRejection> {
    match jwt.authenticate_request(&parts.headers, require).await {
        Ok(claims) => Ok(Arc::new(claims)),
        Err(error) => Err(AuthRejection { error, jwt }),
    }
}

/// A refused request: turns into the answer that the manager's error style has for the reason.
#[derive(Clone, Debug)]
pub struct AuthRejection {
    error: AuthError,
    jwt: JwtManager,
}

impl AuthRejection {
    /// The rejection of an error in a manager's style, for guards of your own.
    pub fn new(error: AuthError, jwt: JwtManager) -> Self {
        Self { error, jwt }
    }

    /// The reason.
    pub fn error(&self) -> &AuthError {
        &self.error
    }

    /// Nothing was sent that claims to be a token.
    fn is_absence(&self) -> bool {
        matches!(self.error, AuthError::MissingHeader | AuthError::OtherScheme)
    }
}

impl IntoResponse for AuthRejection {
    fn into_response(self) -> Response {
        let (format, expected) = (self.jwt.error_format(), self.jwt.expected());
        let answer = self.error.answer(format.style(), expected);
        let mut response = format.response(answer.status, &answer.text);
        let headers = response.headers_mut();
        if let Some(value) = answer.challenge.and_then(|it| style::www_authenticate(expected.scheme, it)) {
            headers.insert(header::WWW_AUTHENTICATE, value);
        }
        if self.error == AuthError::Unavailable {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
