//! A refused request, and the answer to it.

use std::{error::Error, fmt, sync::Arc};

use axum_core::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::{AuthError, JwtManager, Permission, Refused, Verified, answer::Challenge, style};

/// A refused request: turns into the answer that the manager's error style has for the reason.
///
/// The answer has the [`AuthError`] in its extensions, and with it what kept a hook from answering. Neither a body
/// nor a header shows that; a layer around the routes logs it:
///
/// ```
/// use std::error::Error as _;
/// use axum::{Router, middleware::map_response, response::Response, routing::get};
/// use portcullis::{AuthError, Jwt, JwtManager};
///
/// async fn log(response: Response) -> Response {
///     if let Some(error) = response.extensions().get::<AuthError>() {
///         match error.source() {
///             Some(cause) => eprintln!("{}: {error}: {cause}", response.status()),
///             None => eprintln!("{}: {error}", response.status()),
///         }
///     }
///     response
/// }
///
/// # fn app(jwt: JwtManager) -> Router {
/// Router::new().route("/", get(|jwt: Jwt| async {})).layer(map_response(log)).with_state(jwt)
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct AuthRejection {
    error: AuthError,
    jwt: JwtManager,
    token: Option<Arc<Verified>>,
    /// The scopes that the route asks for, where it does.
    scope: Option<String>,
}

impl AuthRejection {
    /// The rejection of an error in a manager's style, for guards of your own.
    pub fn new(error: AuthError, jwt: JwtManager) -> Self {
        Self::of(error, jwt, None)
    }

    pub(crate) fn of(error: AuthError, jwt: JwtManager, token: Option<Arc<Verified>>) -> Self {
        Self { error, jwt, token, scope: None }
    }

    /// The rejection of a token that lacks one of these permissions.
    pub(crate) fn lacking(asked: &[Permission], jwt: JwtManager, token: Arc<Verified>) -> Self {
        let scope = Permission::scopes(asked);
        Self { scope, ..Self::of(AuthError::InsufficientScope, jwt, Some(token)) }
    }

    /// The reason.
    pub fn error(&self) -> &AuthError {
        &self.error
    }
}

impl IntoResponse for AuthRejection {
    fn into_response(self) -> Response {
        let (format, places) = (self.jwt.error_format(), self.jwt.places());
        let answer = self.error.answer(format.style(), places);
        let (error, text, token) = (&self.error, &*answer.text, self.token.as_deref());
        let own =
            self.jwt.render_hook().and_then(|hook| hook.render(&Refused { error, text, format, token }));
        let mut response = own.unwrap_or_else(|| format.response(answer.status, &answer.text));
        let challenge = match (response.status(), answer.challenge) {
            (status, challenge) if status == answer.status => challenge,
            (StatusCode::UNAUTHORIZED, None) => Some(Challenge::Scheme),
            (StatusCode::UNAUTHORIZED, challenge) => challenge,
            _ => None,
        };
        let headers = response.headers_mut();
        if let Some(value) =
            challenge.and_then(|it| style::www_authenticate(self.jwt.scheme(), it, self.scope.as_deref()))
        {
            headers.entry(header::WWW_AUTHENTICATE).or_insert(value);
        }
        if matches!(self.error, AuthError::Unavailable(_)) {
            headers.entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static("1"));
        }
        response.extensions_mut().insert(self.error);
        response
    }
}

impl fmt::Display for AuthRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for AuthRejection {
    /// The reason's: the rejection adds nothing to its text.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}
