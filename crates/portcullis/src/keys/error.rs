//! Why something is no key: each error names what is wrong and the way out.

use std::borrow::Cow;

use super::{KeySet, MAX_KID_BYTES};
use crate::Algorithm;

/// Why something is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The secret is shorter than the hash (RFC 7518 section 3.2).
    #[error("a secret for {algorithm} has at least {min} bytes, this one has {got}")]
    TooShort {
        /// The algorithm the key was meant for.
        algorithm: Algorithm,
        /// The shortest secret, in bytes.
        min: usize,
        /// What was given, in bytes.
        got: usize,
    },
    /// The secret is empty.
    #[error("the secret is empty")]
    Empty,
    /// The secret looks like a key file: a public key as an HMAC secret lets everybody sign (RFC 8725 section 2.1).
    #[error(
        "the secret looks like a key file (PEM, DER, ssh or JWK): everybody who has the public key could sign"
    )]
    KeyFile,
    /// A secret was given for an algorithm that has key pairs.
    #[error("{0} takes no secret but a key pair: give it the private key as PEM, DER or JWK")]
    NoSecret(Algorithm),
    /// A key pair was given for an algorithm that has secrets.
    #[error("{0} takes a secret and no key file")]
    NoKeyPair(Algorithm),
    /// The build has no key pairs.
    #[error("{0} needs the Cargo feature \"asymmetric\" of portcullis")]
    NotBuilt(Algorithm),
    /// The text is no PEM.
    #[error("this is no PEM key: {0}")]
    Pem(Cow<'static, str>),
    /// The bytes are no key in DER.
    #[error("this is no key in DER: {0}")]
    Der(&'static str),
    /// The text is no JWK, or none that may be used so.
    #[error("this JWK cannot be used: {0}")]
    Jwk(Cow<'static, str>),
    /// A public key was given where a private one is needed.
    #[error("this is a public key: signing needs the private one (a public one makes a VerifyingKey)")]
    PublicOnly,
    /// The key is none for the algorithm, or a bad one.
    #[error("this is no key for {algorithm}: {reason}")]
    Rejected {
        /// The algorithm the key was meant for.
        algorithm: Algorithm,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The key id is empty or too long.
    #[error("a key id has 1 to {MAX_KID_BYTES} bytes")]
    Kid,
    /// A set has keys that no token would be tried with.
    #[error(
        "of keys without an id a token is tried with the {} newest of its algorithm: leave out the others or give them ids",
        KeySet::MAX_TRIED
    )]
    TooMany,
}
