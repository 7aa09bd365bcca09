//! The keys of a manager: one that signs, those that verify, and the rule which of them a token is tried with.

use super::{Key, KeyError, VerifyingKey};
use crate::jws::{self, Algorithm, Header, Jws, JwsError, VerifiedJws};

/// At most one key that signs, and the keys that verify, newest first.
///
/// A token is tried with the keys of exactly its header's algorithm. Where a key of the set has an id, a token
/// that names another is refused; a set whose keys all lack one ignores the token's. A token without an id is
/// tried with every key of its algorithm, newest first, at most four.
///
/// A key of a key pair has an id by itself, a secret has none. Whoever goes from a secret to a pair and keeps the
/// secret in the set goes on to accept its tokens, but for those that name an id which the secret was not given
/// ([`Key::with_kid`]).
///
/// ```
/// use portcullis::{JwtManager, Key, KeySet};
///
/// let (new, old) = (Key::hs256([7; 32])?, Key::hs256([8; 32])?);
/// let jwt = JwtManager::builder(KeySet::new(new).and(old)).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeySet {
    signing: Option<Key>,
    /// The signing key, then earlier ones.
    keys: Vec<VerifyingKey>,
    any_kid: bool,
    ed25519_name: bool,
}

impl KeySet {
    /// How many keys a token without a `kid` is tried with. More would let a stranger multiply our work.
    pub(crate) const MAX_TRIED: usize = 4;

    /// A set around the key that signs.
    pub fn new(signing: Key) -> Self {
        let verifying = signing.verifying();
        Self { signing: Some(signing), ..Self::verify_only([]) }.and(verifying)
    }

    /// A set that signs nothing: issuing with it is
    /// [`IssueError::NoSigningKey`](crate::IssueError::NoSigningKey).
    pub fn verify_only(keys: impl IntoIterator<Item = VerifyingKey>) -> Self {
        let empty = Self { signing: None, keys: Vec::new(), any_kid: false, ed25519_name: false };
        keys.into_iter().fold(empty, Self::and)
    }

    /// Adds a key that verifies, after those added before: newest first.
    pub fn and(mut self, key: impl Into<VerifyingKey>) -> Self {
        let key = key.into();
        self.any_kid |= key.kid().is_some();
        self.keys.push(key);
        self
    }

    /// Accepts `Ed25519` (RFC 9864) beside `EdDSA` (RFC 8037) as the name of the one algorithm.
    pub fn accepting_ed25519_name(mut self) -> Self {
        self.ed25519_name = true;
        self
    }

    /// The key that signs.
    pub fn signing(&self) -> Option<&Key> {
        self.signing.as_ref()
    }

    /// The keys that verify, newest first.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.keys.iter()
    }

    /// Refuses a set with keys that no token is ever tried with: they are a mistake of whoever put them there.
    ///
    /// # Errors
    /// [`KeyError::TooMany`].
    pub(crate) fn check(&self) -> Result<(), KeyError> {
        let without_kid = |key: &&VerifyingKey| key.kid().is_none();
        let out_of_reach = self.keys.iter().filter(without_kid).any(|key| {
            let of_algorithm = self.keys.iter().filter(|other| other.algorithm() == key.algorithm());
            let last = of_algorithm.enumerate().filter(|(_, key)| without_kid(key)).map(|(at, _)| at).last();
            last.is_some_and(|at| at >= Self::MAX_TRIED)
        });
        if out_of_reach { Err(KeyError::TooMany) } else { Ok(()) }
    }

    pub(crate) fn has_algorithm(&self, algorithm: Algorithm) -> bool {
        self.keys.iter().any(|key| key.algorithm() == algorithm)
    }

    /// Verifies a compact JWS with the keys that may.
    ///
    /// # Errors
    /// The first [`JwsError`] that the token has.
    #[inline]
    pub(crate) fn verify<'a>(&'a self, token: &'a str) -> Result<Jws<'a>, JwsError> {
        let jws = Jws::parse(token, |token| self.usual_header(token))?;
        let Some(algorithm) = self.algorithm_of(&jws.header) else {
            return Err(jws.refusal(JwsError::AlgorithmNotAllowed));
        };
        let held = self.candidates(algorithm, jws.header.kid.as_deref()).any(|key| key.verifies(&jws));
        if held { Ok(jws) } else { Err(jws.refusal(JwsError::Signature)) }
    }

    /// The header's algorithm, if a key of ours has it.
    fn algorithm_of(&self, header: &Header<'_>) -> Option<Algorithm> {
        let named = !header.ed25519_name || self.ed25519_name;
        header.algorithm.filter(|algorithm| named && self.has_algorithm(*algorithm))
    }

    /// The header of a token, where it is one of the few that nearly every token has, and what is behind it.
    #[inline]
    fn usual_header<'a>(&'a self, token: &'a str) -> Option<(Header<'a>, &'a str)> {
        self.keys.iter().find_map(|key| key.usual_header(token))
    }

    /// The keys that may verify a token whose header says this: of exactly its algorithm, and of its `kid`
    /// where the set knows key ids. A set whose keys all lack one ignores the token's.
    pub(super) fn candidates<'k>(
        &'k self,
        algorithm: Algorithm,
        kid: Option<&'k str>,
    ) -> impl Iterator<Item = &'k VerifyingKey> {
        let kid = kid.filter(|_| self.any_kid);
        self.keys
            .iter()
            .filter(move |key| key.algorithm() == algorithm && (kid.is_none() || key.kid() == kid))
            .take(Self::MAX_TRIED)
    }
}

impl jws::Keys for KeySet {
    fn verify<'a>(&'a self, token: &'a str) -> Result<VerifiedJws<'a>, JwsError> {
        KeySet::verify(self, token).and_then(VerifiedJws::new)
    }
}

impl From<Key> for KeySet {
    fn from(key: Key) -> Self {
        Self::new(key)
    }
}

impl From<VerifyingKey> for KeySet {
    fn from(key: VerifyingKey) -> Self {
        Self::verify_only([key])
    }
}
