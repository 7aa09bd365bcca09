//! Keys that verify and never sign.

use std::{fmt, sync::Arc};

use super::{Key, KeyError};
#[cfg(feature = "asymmetric")]
use crate::jws::asymmetric;
use crate::jws::{self, Algorithm, Header, Jws, MAX_KID_BYTES, hmac::HmacKey};

/// A key that verifies tokens of its one algorithm and signs none. Clones share the key material.
///
/// The public half of a key pair, or a secret that is kept for the tokens it has signed: a [`Key`] turns into
/// one by `into()`.
#[derive(Clone)]
pub struct VerifyingKey(Arc<Inner>);

struct Inner {
    algorithm: Algorithm,
    kid: Option<String>,
    verifier: Verifier,
    /// The encoded headers that nearly every token of this key has, so that they need no parsing.
    usual_starts: [String; 2],
}

#[derive(Clone)]
#[cfg_attr(
    feature = "asymmetric",
    expect(
        clippy::large_enum_variant,
        reason = "the large variant is the one that is read for every request"
    )
)]
enum Verifier {
    Hmac(HmacKey),
    #[cfg(feature = "asymmetric")]
    Asymmetric(Arc<asymmetric::Verifier>),
}

impl VerifyingKey {
    pub(super) fn of_secret(algorithm: Algorithm, hmac: HmacKey) -> Self {
        Self::assemble(algorithm, None, Verifier::Hmac(hmac))
    }

    #[cfg(feature = "asymmetric")]
    pub(super) fn of_public(algorithm: Algorithm, kid: String, public: asymmetric::Verifier) -> Self {
        Self::assemble(algorithm, Some(kid), Verifier::Asymmetric(Arc::new(public)))
    }

    /// Gives the key an id, which tokens are looked up by.
    ///
    /// # Errors
    /// [`KeyError::Kid`] when it is empty or too long.
    pub fn with_kid(self, kid: impl Into<String>) -> Result<Self, KeyError> {
        let kid = kid.into();
        if kid.is_empty() || kid.len() > MAX_KID_BYTES {
            return Err(KeyError::Kid);
        }
        Ok(Self::assemble(self.0.algorithm, Some(kid), self.0.verifier.clone()))
    }

    /// The key without its id: in a set where no key has one, a token's own is ignored.
    pub fn without_kid(self) -> Self {
        Self::assemble(self.0.algorithm, None, self.0.verifier.clone())
    }

    /// The key's one algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    /// The key's id. A public key has its RFC 7638 thumbprint, unless given another; a secret has none.
    pub fn kid(&self) -> Option<&str> {
        self.0.kid.as_deref()
    }

    /// The numbers of a public key; a secret has none to show.
    #[cfg(feature = "asymmetric")]
    pub(crate) fn public(&self) -> Option<&asymmetric::Public> {
        match &self.0.verifier {
            Verifier::Hmac(_) => None,
            Verifier::Asymmetric(key) => Some(key.public()),
        }
    }

    pub(super) fn verifies(&self, jws: &Jws<'_>) -> bool {
        let (message, signature) = (jws.signing_input.as_bytes(), jws.signature.as_bytes());
        match &self.0.verifier {
            Verifier::Hmac(key) => key.verifies(message, signature),
            #[cfg(feature = "asymmetric")]
            Verifier::Asymmetric(key) => key.verifies(message, signature),
        }
    }

    /// The header of a token, where it is one that nearly every token of this key has, and what is behind it.
    #[inline]
    pub(super) fn usual_header<'a>(&'a self, token: &'a str) -> Option<(Header<'a>, &'a str)> {
        let rest = self.0.usual_starts.iter().find_map(|start| token.strip_prefix(start.as_str()))?;
        Some((Header::usual(self.algorithm(), self.kid()), rest))
    }

    fn assemble(algorithm: Algorithm, kid: Option<String>, verifier: Verifier) -> Self {
        let usual_starts = jws::usual_starts(algorithm, kid.as_deref());
        Self(Arc::new(Inner { algorithm, kid, verifier, usual_starts }))
    }
}

impl From<Key> for VerifyingKey {
    fn from(key: Key) -> Self {
        key.verifying()
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("algorithm", &self.algorithm())
            .field("kid", &self.kid())
            .finish_non_exhaustive()
    }
}
