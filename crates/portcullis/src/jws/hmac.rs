//! The HMAC family (RFC 7518 section 3.2), with the key schedule computed once.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha256, Sha384, Sha512};

use super::Algorithm;

/// A secret ready for use: cloning the state costs less than absorbing the secret again.
#[derive(Clone)]
pub(crate) enum HmacKey {
    Sha256(Hmac<Sha256>),
    Sha384(Hmac<Sha384>),
    Sha512(Hmac<Sha512>),
}

impl HmacKey {
    /// `None` for an algorithm of another family.
    pub(crate) fn new(algorithm: Algorithm, secret: &[u8]) -> Option<Self> {
        Some(match algorithm {
            Algorithm::HS256 => Self::Sha256(keyed(secret)?),
            Algorithm::HS384 => Self::Sha384(keyed(secret)?),
            Algorithm::HS512 => Self::Sha512(keyed(secret)?),
            _ => return None,
        })
    }

    /// Whether `signature` is the whole MAC of `message`; compared in constant time (RFC 2104, CWE-208).
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Sha256(key) => verifies(key, message, signature),
            Self::Sha384(key) => verifies(key, message, signature),
            Self::Sha512(key) => verifies(key, message, signature),
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256(key) => sign(key, message),
            Self::Sha384(key) => sign(key, message),
            Self::Sha512(key) => sign(key, message),
        }
    }
}

/// HMAC takes keys of every length (RFC 2104 section 2).
fn keyed<M: KeyInit>(secret: &[u8]) -> Option<M> {
    M::new_from_slice(secret).ok()
}

fn verifies<M: Mac + Clone>(key: &M, message: &[u8], signature: &[u8]) -> bool {
    // `verify_slice` compares the length first, then every byte.
    key.clone().chain_update(message).verify_slice(signature).is_ok()
}

fn sign<M: Mac + Clone>(key: &M, message: &[u8]) -> Vec<u8> {
    key.clone().chain_update(message).finalize().into_bytes().to_vec()
}
