//! What an answer that refuses looks like: the three error styles and the one function that writes them.

use axum_core::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap};

use crate::answer::Challenge;

/// The statuses and texts of refusals. Behaviour is the same in all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub enum ErrorStyle {
    /// RFC 9457 `application/problem+json` with the statuses of RFC 6750.
    #[default]
    #[serde(rename = "problem")]
    Problem,
    /// Flask-JWT-Extended 3.18's statuses and texts, `{"msg": "…"}`.
    #[serde(rename = "flask-3")]
    Flask3,
    /// Flask-JWT-Extended 4.7's statuses and texts, `{"msg": "…"}`.
    #[serde(rename = "flask-4")]
    Flask4,
}

impl ErrorStyle {
    /// The name under which configuration knows the style.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Flask3 => "flask-3",
            Self::Flask4 => "flask-4",
        }
    }
}

/// Writes error bodies in one style, for a manager's refusals and for an application's own errors, so that
/// both look the same.
#[derive(Clone, Debug)]
pub struct ErrorFormat {
    style: ErrorStyle,
    message_key: String,
}

impl ErrorFormat {
    /// A format of a style; `message_key` is the member that carries the text in the Flask styles (`msg`).
    pub fn new(style: ErrorStyle, message_key: impl Into<String>) -> Self {
        Self { style, message_key: message_key.into() }
    }

    /// The style.
    pub fn style(&self) -> ErrorStyle {
        self.style
    }

    /// An error answer with a text.
    pub fn response(&self, status: StatusCode, text: &str) -> Response {
        self.answer::<()>(status, text, None)
    }

    /// An error answer with a text and, beside it, the member `errors`: what is wrong with which field.
    pub fn response_with<E: Serialize>(&self, status: StatusCode, text: &str, errors: &E) -> Response {
        self.answer(status, text, Some(errors))
    }

    fn answer<E: Serialize>(&self, status: StatusCode, text: &str, errors: Option<&E>) -> Response {
        let body = ErrorBody { format: self, status, text, errors };
        let mut json = serde_json::to_vec(&body).unwrap_or_default();
        json.push(b'\n');
        let media_type = match self.style {
            ErrorStyle::Problem => "application/problem+json",
            ErrorStyle::Flask3 | ErrorStyle::Flask4 => "application/json",
        };
        let mut response = Response::new(Body::from(json));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        response
    }
}

struct ErrorBody<'a, E> {
    format: &'a ErrorFormat,
    status: StatusCode,
    text: &'a str,
    errors: Option<&'a E>,
}

impl<E: Serialize> Serialize for ErrorBody<'_, E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_map(None)?;
        match self.format.style {
            // RFC 9457 section 4.2.1: with `about:blank` the title is the status phrase.
            ErrorStyle::Problem => {
                body.serialize_entry("type", "about:blank")?;
                body.serialize_entry("title", self.status.canonical_reason().unwrap_or("Error"))?;
                body.serialize_entry("status", &self.status.as_u16())?;
                body.serialize_entry("detail", self.text)?;
            }
            ErrorStyle::Flask3 | ErrorStyle::Flask4 => {
                body.serialize_entry(&self.format.message_key, self.text)?;
            }
        }
        if let Some(errors) = self.errors {
            body.serialize_entry("errors", errors)?;
        }
        body.end()
    }
}

/// The value of `WWW-Authenticate` for a challenge, and the scopes that the route asks for.
pub(crate) fn www_authenticate(
    scheme: &str,
    challenge: Challenge,
    scope: Option<&str>,
) -> Option<HeaderValue> {
    let value = match challenge {
        Challenge::Scheme => scheme.to_owned(),
        Challenge::Error { code, description } => {
            let scope = scope.map(|scope| format!(r#", scope="{scope}""#)).unwrap_or_default();
            format!(r#"{scheme} error="{code}", error_description="{description}"{scope}"#)
        }
    };
    HeaderValue::from_str(&value).ok()
}
