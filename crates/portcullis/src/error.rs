//! Why a token was refused: every reason, and the one table that gives each its answer in the three styles.

use std::{borrow::Cow, fmt};

use http::StatusCode;

use crate::{ErrorStyle, claims::Registered};

/// Why a request was refused.
///
/// The variants are in the order in which Flask-JWT-Extended finds them; a token with several faults is
/// refused for the first. [`ErrorStyle`] decides status and text of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthError {
    /// The header is absent or empty.
    MissingHeader,
    /// The header is there with another scheme.
    OtherScheme,
    /// The scheme is there without exactly one word after it, or the header is there twice.
    MalformedHeader,

    /// The token has more than 8 KiB.
    TooLong,
    /// The token has fewer than three segments.
    NotEnoughSegments,
    /// The first segment is not canonical base64url.
    HeaderEncoding,
    /// The header is not JSON, or has two members of one name.
    HeaderJson,
    /// The header is JSON but no object.
    HeaderNotObject,
    /// The second segment is not canonical base64url; a token with more than three segments ends here too.
    PayloadEncoding,
    /// The last segment is not canonical base64url.
    SignatureEncoding,
    /// The header's `kid` is not a string.
    Kid,
    /// The header has `crit` or `b64`: it needs an extension, and none is supported.
    Critical {
        /// The first extension that the header names.
        extension: Option<String>,
    },
    /// The header's `typ` or `cty` says that this is another kind of token.
    Typ,
    /// The header has no `alg`.
    AlgorithmMissing,
    /// No key has the header's `alg`.
    AlgorithmNotAllowed,
    /// No key made this signature.
    Signature,

    /// The payload is not JSON, or has two members of one name.
    PayloadJson,
    /// The payload is JSON but no object.
    PayloadNotObject,
    /// A claim is of a wrong type.
    ClaimType(Registered),
    /// A claim that must be there is not.
    MissingClaim(Cow<'static, str>),
    /// `iat` lies in the future.
    IssuedInFuture,
    /// `nbf` lies in the future.
    NotYetValid,
    /// `iss` is none of ours.
    Issuer,
    /// `aud` names none of ours.
    Audience,
    /// All else is right, but `exp` has passed.
    Expired,

    /// An access token was asked for, this is a refresh token.
    AccessRequired,
    /// A refresh token was asked for, this is an access token.
    RefreshRequired,
    /// A fresh token was asked for, this one is not.
    FreshRequired,
    /// The token is on the revocation list.
    Revoked,
    /// Whether the token is revoked could not be found out.
    Unavailable,
}

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
            Self::AlgorithmMissing => "The specified alg value is not allowed".into(),
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
            Self::Critical { extension: Some(name) } => {
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
            Self::NotEnoughSegments => "Not enough segments",
            Self::HeaderEncoding => "Invalid header padding",
            Self::HeaderJson => "Invalid header string: not valid JSON",
            Self::HeaderNotObject => "Invalid header string: must be a json object",
            Self::Kid => "Key ID header parameter must be a string",
            Self::Critical { .. } => "Invalid 'crit' header: must be a non-empty list",
            Self::PayloadEncoding => "Invalid payload padding",
            Self::SignatureEncoding => "Invalid crypto padding",
            Self::AlgorithmMissing => "Algorithm not specified",
            Self::AlgorithmNotAllowed => "The specified alg value is not allowed",
            Self::Signature => "Signature verification failed",
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

    /// The reason in a few plain words: ASCII, no quotes, nothing of the request.
    fn describe(&self) -> &'static str {
        match self {
            Self::MissingHeader => "No token was sent",
            Self::OtherScheme => "The authorization header has another scheme",
            Self::MalformedHeader => "The authorization header must be one scheme and one token",
            Self::TooLong => "The token is too long",
            Self::NotEnoughSegments
            | Self::HeaderEncoding
            | Self::HeaderJson
            | Self::HeaderNotObject
            | Self::Kid
            | Self::PayloadEncoding
            | Self::SignatureEncoding
            | Self::PayloadJson
            | Self::PayloadNotObject => "The token is malformed",
            Self::Critical { .. } => "The token needs an extension that is not supported",
            Self::Typ => "The token is of another type",
            Self::AlgorithmMissing | Self::AlgorithmNotAllowed => "The algorithm of the token is not allowed",
            Self::Signature => "The signature of the token is invalid",
            Self::ClaimType(_) => "A claim of the token has a wrong type",
            Self::MissingClaim(_) => "The token lacks a required claim",
            Self::IssuedInFuture | Self::NotYetValid => "The token is not yet valid",
            Self::Issuer => "The token is from another issuer",
            Self::Audience => "The token is for another audience",
            Self::Expired => "The token has expired",
            Self::AccessRequired => "An access token is required",
            Self::RefreshRequired => "A refresh token is required",
            Self::FreshRequired => "A fresh token is required",
            Self::Revoked => "The token has been revoked",
            Self::Unavailable => "Tokens cannot be checked at the moment",
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

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingClaim(claim) => write!(f, "the token lacks the claim {claim}"),
            Self::ClaimType(claim) => write!(f, "the claim {} has a wrong type", claim.name()),
            _ => f.write_str(&self.describe().to_ascii_lowercase()),
        }
    }
}

impl std::error::Error for AuthError {}
