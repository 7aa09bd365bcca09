//! Keys: each carries its one algorithm, and a set says which may verify a token.

mod error;
#[cfg(feature = "asymmetric")]
mod files;
mod key_file;
#[cfg(feature = "asymmetric")]
mod pem;
mod set;
mod verifying;

#[cfg(feature = "asymmetric")]
use std::sync::OnceLock;
use std::{fmt, sync::Arc};

#[cfg(feature = "asymmetric")]
use crate::jws::asymmetric;
use crate::jws::{self, Algorithm, MAX_KID_BYTES, hmac::HmacKey};

pub use error::KeyError;
pub use set::KeySet;
pub use verifying::VerifyingKey;

/// A key that signs and verifies with its one algorithm. Clones share the key material.
///
/// A secret for `HS*`, else a private key:
///
/// | you have | you use |
/// |---|---|
/// | a secret | [`hs256`](Self::hs256), [`hs384`](Self::hs384), [`hs512`](Self::hs512), [`hmac`](Self::hmac) |
/// | a PEM file | `Key::from_pem` (PKCS#8, PKCS#1, SEC1) |
/// | the same as DER | `Key::from_der` |
/// | a JWK | `Key::from_jwk` |
///
/// Those of private keys come with the feature `asymmetric`, which is on by default. The public half alone is
/// a [`VerifyingKey`].
#[derive(Clone)]
pub struct Key(Arc<KeyInner>);

struct KeyInner {
    verifying: VerifyingKey,
    signer: Signer,
    header: String,
    /// Of a key pair, the secret of the values that stand beside tokens in cookies, made at the first of them.
    #[cfg(feature = "asymmetric")]
    csrf: OnceLock<HmacKey>,
}

#[derive(Clone)]
enum Signer {
    Hmac(Box<HmacKey>),
    #[cfg(feature = "asymmetric")]
    Asymmetric(Arc<asymmetric::Signer>),
}

impl Key {
    /// The longest key id, in bytes; a longer one in a token is refused unread.
    pub const MAX_KID_BYTES: usize = MAX_KID_BYTES;

    /// A secret for HS256, of at least 32 bytes.
    ///
    /// # Errors
    /// [`KeyError`] when the secret is too short or looks like a key file.
    pub fn hs256(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::hmac(Algorithm::HS256, secret)
    }

    /// A secret for HS384, of at least 48 bytes.
    ///
    /// # Errors
    /// [`KeyError`] when the secret is too short or looks like a key file.
    pub fn hs384(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::hmac(Algorithm::HS384, secret)
    }

    /// A secret for HS512, of at least 64 bytes.
    ///
    /// # Errors
    /// [`KeyError`] when the secret is too short or looks like a key file.
    pub fn hs512(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::hmac(Algorithm::HS512, secret)
    }

    /// A secret for an algorithm that is known at run time only.
    ///
    /// # Errors
    /// [`KeyError`] when the secret is too short or looks like a key file, or the algorithm has key pairs.
    pub fn hmac(algorithm: Algorithm, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let (min, got) = (algorithm.min_secret_bytes(), secret.as_ref().len());
        if got > 0 && got < min {
            return Err(KeyError::TooShort { algorithm, min, got });
        }
        Self::hmac_of_any_length(algorithm, secret)
    }

    /// A secret of any length but zero, for tokens of an application that is taken over with its secret.
    ///
    /// A secret that is shorter than the hash can be guessed offline from a single token. Verify with it while
    /// old tokens live, sign with a long one.
    ///
    /// # Errors
    /// [`KeyError`] when the secret is empty or looks like a key file, or the algorithm has key pairs.
    pub fn hmac_of_any_length(algorithm: Algorithm, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let secret = secret.as_ref();
        if !algorithm.is_symmetric() {
            return Err(KeyError::NoSecret(algorithm));
        }
        if secret.is_empty() {
            return Err(KeyError::Empty);
        }
        if key_file::looks_like_key_file(secret) {
            return Err(KeyError::KeyFile);
        }
        let hmac = HmacKey::new(algorithm, secret).ok_or(KeyError::NoSecret(algorithm))?;
        Ok(Self::assemble(VerifyingKey::of_secret(algorithm, hmac.clone()), Signer::Hmac(Box::new(hmac))))
    }

    /// Gives the key an id, which its tokens then carry in the header and are looked up by.
    ///
    /// # Errors
    /// [`KeyError::Kid`] when it is empty or too long.
    pub fn with_kid(self, kid: impl Into<String>) -> Result<Self, KeyError> {
        let verifying = self.0.verifying.clone().with_kid(kid)?;
        Ok(Self::assemble(verifying, self.0.signer.clone()))
    }

    /// The key without its id, for tokens whose readers know none: a public key has one by itself.
    pub fn without_kid(self) -> Self {
        Self::assemble(self.0.verifying.clone().without_kid(), self.0.signer.clone())
    }

    /// The key's one algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.0.verifying.algorithm()
    }

    /// The key's id. A private key has the RFC 7638 thumbprint of its public half, unless given another.
    pub fn kid(&self) -> Option<&str> {
        self.0.verifying.kid()
    }

    /// What verifies this key's tokens and, unless it is a secret, cannot sign.
    pub fn verifying(&self) -> VerifyingKey {
        self.0.verifying.clone()
    }

    /// The header of this key's tokens, as JSON.
    pub(crate) fn header(&self) -> &str {
        &self.0.header
    }

    /// Signs a payload as a compact JWS with a header of [`jws::header_json`]'s form; `None` when the system
    /// has no random bytes for it.
    pub(crate) fn sign(&self, header: &str, payload: &[u8]) -> Option<String> {
        jws::sign(header, payload, |message| match &self.0.signer {
            Signer::Hmac(key) => Some(key.sign(message)),
            #[cfg(feature = "asymmetric")]
            Signer::Asymmetric(key) => key.sign(message),
        })
    }

    /// What has to stand beside the token of a name in a cookie: always the same, so that the same token can be written
    /// again, and known to nobody who has neither the token nor the key. `None` when the system has no random bytes
    /// for it.
    pub(crate) fn csrf_value(&self, jti: &str) -> Option<[u8; 16]> {
        let mac = match &self.0.signer {
            Signer::Hmac(key) => key.sign(&csrf_message(jti)),
            #[cfg(feature = "asymmetric")]
            Signer::Asymmetric(signer) => self.csrf_key(signer)?.sign(&csrf_message(jti)),
        };
        mac.first_chunk().copied()
    }

    /// As secret as the private half. Of an algorithm whose signatures are random it is another one in each process, and
    /// so is each token.
    #[cfg(feature = "asymmetric")]
    fn csrf_key(&self, signer: &asymmetric::Signer) -> Option<&HmacKey> {
        if let Some(known) = self.0.csrf.get() {
            return Some(known);
        }
        let key = HmacKey::new(Algorithm::HS256, &signer.sign(&csrf_message(""))?)?;
        Some(self.0.csrf.get_or_init(|| key))
    }

    fn assemble(verifying: VerifyingKey, signer: Signer) -> Self {
        let header = jws::header_json(verifying.algorithm(), verifying.kid());
        Self(Arc::new(KeyInner {
            verifying,
            signer,
            header,
            #[cfg(feature = "asymmetric")]
            csrf: OnceLock::new(),
        }))
    }
}

/// What is signed for a value beside a cookie. No token has a zero byte where it is signed, so it is the beginning of
/// none.
fn csrf_message(jti: &str) -> Vec<u8> {
    [b"csrf\0", jti.as_bytes()].concat()
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("algorithm", &self.algorithm())
            .field("kid", &self.kid())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
