//! The one table that gives every refusal its answer in the three styles.

use std::borrow::Cow;

use http::StatusCode;

use crate::{AuthError, ErrorStyle, JwsError};

/// What a client is told: the same for every request that fails for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// The text for the body.
    pub(crate) text: Cow<'static, str>,
    /// The `error` of `WWW-Authenticate` (RFC 6750 section 3.1, RFC 9470 section 3), where there is one.
    pub(crate) challenge: Option<Challenge>,
}

/// What `WWW-Authenticate` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// Nothing was presented: the scheme alone.
    Scheme,
    /// An error code with a text of a fixed set, so that nothing of a request gets into a header.
    Error {
        /// The registered code.
        code: &'static str,
        /// ASCII without quotes and backslashes.
        description: &'static str,
    },
}

/// The names of the header and the scheme, for the texts that show what was expected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    /// The header's name as configured.
    pub(crate) header: &'a str,
    /// The scheme as configured, empty for none.
    pub(crate) scheme: &'a str,
}

impl AuthError {
    /// The answer to this refusal in a style.
    ///
    /// The Flask styles give the recorded statuses and texts of Flask-JWT-Extended 3.18.1 and 4.7.4;
    /// `problem` gives the statuses of RFC 6750.
    pub(crate) fn answer(&self, style: ErrorStyle, expected: Expected<'_>) -> Answer {
        let (status, text) = match style {
            ErrorStyle::Problem => (self.status(), Cow::Borrowed(self.describe())),
            ErrorStyle::Flask3 => (self.flask_status(style), self.flask_3_text(expected)),
            ErrorStyle::Flask4 => (self.flask_status(style), self.flask_4_text(expected)),
        };
        Answer { status, text, challenge: self.challenge(status) }
    }

    /// The status of RFC 6750 section 3.1, and 503 where nobody could know.
    fn status(&self) -> StatusCode {
        match self {
            Self::MalformedHeader => StatusCode::BAD_REQUEST,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    fn flask_status(&self, style: ErrorStyle) -> StatusCode {
        match self {
            Self::OtherScheme if style == ErrorStyle::Flask3 => StatusCode::UNPROCESSABLE_ENTITY,
            Self::MissingHeader | Self::OtherScheme | Self::Expired | Self::FreshRequired | Self::Revoked => {
                StatusCode::UNAUTHORIZED
            }
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    fn flask_3_text(&self, expected: Expected<'_>) -> Cow<'static, str> {
        let Expected { header, scheme } = expected;
        match self {
            Self::OtherScheme | Self::MalformedHeader if scheme.is_empty() => {
                format!("Bad {header} header. Expected value '<JWT>'").into()
            }
            Self::OtherScheme | Self::MalformedHeader => {
                format!("Bad {header} header. Expected value '{scheme} <JWT>'").into()
            }
            Self::Jws(JwsError::AlgorithmMissing) => "The specified alg value is not allowed".into(),
            Self::AccessRequired => "Only access tokens are allowed".into(),
            Self::Audience => "Invalid audience".into(),
            _ => self.flask_4_text(expected),
        }
    }

    fn flask_4_text(&self, Expected { header, scheme }: Expected<'_>) -> Cow<'static, str> {
        match self {
            Self::MissingHeader => format!("Missing {header} Header").into(),
            Self::OtherScheme => {
                format!("Missing '{scheme}' type in '{header}' header. Expected '{header}: {scheme} <JWT>'")
                    .into()
            }
            Self::MalformedHeader if scheme.is_empty() => {
                format!("Bad {header} header. Expected '{header}: <JWT>'").into()
            }
            Self::MalformedHeader => {
                format!("Bad {header} header. Expected '{header}: {scheme} <JWT>'").into()
            }
            Self::Jws(JwsError::Critical { extension: Some(name) }) => {
                format!("Unsupported critical extension: {name}").into()
            }
            Self::MissingClaim(claim) if matches!(&**claim, "aud" | "iss" | "exp") => {
                format!("Token is missing the \"{claim}\" claim").into()
            }
            Self::MissingClaim(claim) => format!("Missing claim: {claim}").into(),
            Self::ClaimType(claim) => claim.flask_text().into(),
            _ => self.flask_fixed_text().into(),
        }
    }

    /// The texts that both versions share and that name nothing of the request or the configuration.
    fn flask_fixed_text(&self) -> &'static str {
        match self {
            Self::Jws(error) => flask_jws_text(error),
            Self::PayloadJson => "Invalid payload string: not valid JSON",
            Self::PayloadNotObject => "Invalid payload string: must be a json object",
            Self::IssuedInFuture => "The token is not yet valid (iat)",
            Self::NotYetValid => "The token is not yet valid (nbf)",
            Self::Issuer => "Invalid issuer",
            Self::Audience => "Audience doesn't match",
            Self::AccessRequired => "Only non-refresh tokens are allowed",
            Self::RefreshRequired => "Only refresh tokens are allowed",
            Self::Expired => "Token has expired",
            Self::FreshRequired => "Fresh token required",
            Self::Revoked => "Token has been revoked",
            _ => self.describe(),
        }
    }

    /// Every 401, and the 400 and 403 that RFC 6750 section 3 knows, carry a challenge.
    fn challenge(&self, status: StatusCode) -> Option<Challenge> {
        let description = self.describe();
        match (self, status) {
            (Self::MissingHeader | Self::OtherScheme, StatusCode::UNAUTHORIZED) => Some(Challenge::Scheme),
            (_, StatusCode::BAD_REQUEST) => Some(Challenge::Error { code: "invalid_request", description }),
            (Self::FreshRequired, StatusCode::UNAUTHORIZED) => {
                Some(Challenge::Error { code: "insufficient_user_authentication", description })
            }
            (_, StatusCode::UNAUTHORIZED) => Some(Challenge::Error { code: "invalid_token", description }),
            _ => None,
        }
    }
}

/// What both versions say of a token that is none.
fn flask_jws_text(error: &JwsError) -> &'static str {
    match error {
        JwsError::TooLong => "The token is too long",
        JwsError::NotEnoughSegments => "Not enough segments",
        JwsError::HeaderEncoding => "Invalid header padding",
        JwsError::HeaderJson => "Invalid header string: not valid JSON",
        JwsError::HeaderNotObject => "Invalid header string: must be a json object",
        JwsError::PayloadEncoding => "Invalid payload padding",
        JwsError::SignatureEncoding => "Invalid crypto padding",
        JwsError::Kid => "Key ID header parameter must be a string",
        JwsError::Critical { .. } => "Invalid 'crit' header: must be a non-empty list",
        JwsError::AlgorithmMissing => "Algorithm not specified",
        JwsError::AlgorithmNotAllowed => "The specified alg value is not allowed",
        JwsError::Signature => "Signature verification failed",
    }
}
