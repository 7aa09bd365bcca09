//! A refused request, and the answer to it.

use std::sync::Arc;

use axum_core::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::{AuthError, JwtManager, Refused, Verified, answer::Challenge, style};

/// A refused request: turns into the answer that the manager's error style has for the reason.
#[derive(Clone, Debug)]
pub struct AuthRejection {
    error: AuthError,
    jwt: JwtManager,
    token: Option<Arc<Verified>>,
}

impl AuthRejection {
    /// The rejection of an error in a manager's style, for guards of your own.
    pub fn new(error: AuthError, jwt: JwtManager) -> Self {
        Self::of(error, jwt, None)
    }

    pub(crate) fn of(error: AuthError, jwt: JwtManager, token: Option<Arc<Verified>>) -> Self {
        Self { error, jwt, token }
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
        if let Some(value) = challenge.and_then(|it| style::www_authenticate(self.jwt.scheme(), it)) {
            headers.entry(header::WWW_AUTHENTICATE).or_insert(value);
        }
        if self.error == AuthError::Unavailable {
            headers.entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static("1"));
        }
        response
    }
}
