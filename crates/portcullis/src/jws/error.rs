//! Why something is no token of ours, before anything of its payload was looked at.

use std::fmt;

/// Why a compact JWS was refused, in the order in which it is found out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwsError {
    /// It has more than 8 KiB.
    TooLong,
    /// It has fewer than three segments.
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
    /// The header has no `alg`.
    AlgorithmMissing,
    /// No key has the header's `alg`.
    AlgorithmNotAllowed,
    /// No key made this signature.
    Signature,
}

impl JwsError {
    /// The reason in a few plain words: ASCII, no quotes, nothing of the token.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::TooLong => "The token is too long",
            Self::NotEnoughSegments
            | Self::HeaderEncoding
            | Self::HeaderJson
            | Self::HeaderNotObject
            | Self::PayloadEncoding
            | Self::SignatureEncoding
            | Self::Kid => "The token is malformed",
            Self::Critical { .. } => "The token needs an extension that is not supported",
            Self::AlgorithmMissing | Self::AlgorithmNotAllowed => "The algorithm of the token is not allowed",
            Self::Signature => "The signature of the token is invalid",
        }
    }
}

impl fmt::Display for JwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe().to_ascii_lowercase())
    }
}

impl std::error::Error for JwsError {}
