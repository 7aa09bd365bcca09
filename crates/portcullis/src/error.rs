//! Why a request was refused: every reason.

use std::{borrow::Cow, fmt};

use crate::{JwsError, Registered};

/// Why a request was refused.
///
/// The variants are in the order in which Flask-JWT-Extended finds them; a token with several faults is
/// refused for the first. [`ErrorStyle`](crate::ErrorStyle) decides status and text of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthError {
    /// The header is absent or empty.
    MissingHeader,
    /// The header is there with another scheme.
    OtherScheme,
    /// The scheme is there without exactly one word after it, or the header is there twice.
    MalformedHeader,

    /// It is no token of ours, before anything of its payload was looked at.
    Jws(JwsError),
    /// The header's `typ` or `cty` says that this is another kind of token.
    Typ,

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

impl AuthError {
    /// The reason in a few plain words: ASCII, no quotes, nothing of the request.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::MissingHeader => "No token was sent",
            Self::OtherScheme => "The authorization header has another scheme",
            Self::MalformedHeader => "The authorization header must be one scheme and one token",
            Self::Jws(error) => error.describe(),
            Self::PayloadJson | Self::PayloadNotObject => "The token is malformed",
            Self::Typ => "The token is of another type",
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
}

impl From<JwsError> for AuthError {
    fn from(error: JwsError) -> Self {
        Self::Jws(error)
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
