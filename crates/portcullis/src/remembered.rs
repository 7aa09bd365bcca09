//! Verified tokens, remembered: an asymmetric signature costs tens of microseconds, a look-up a tenth of one.
//!
//! What is remembered is that the signature held and what the claims are, under the whole token, compared in
//! full. Everything that depends on time or on others (`iat`, `nbf`, `exp`, kind, freshness, revocation) is
//! judged after the look-up as after a verification. The memory belongs to a set of keys and goes with it, so
//! a token of a key that was taken out is not remembered by anyone.

use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::Claims;

/// The remembered tokens of one set of keys. Only genuine tokens get in, so nobody can choose colliding ones.
pub(crate) struct Remembered(Cache<Box<str>, Arc<Claims>>);

impl Remembered {
    /// How many tokens are remembered unless a builder says otherwise: with claims, at most some 12 MiB.
    pub(crate) const USUAL: usize = 4096;

    /// Longer tokens are verified each time, so that the memory has a bound in bytes too.
    const LONGEST: usize = 2048;

    /// A memory for so many tokens; none for zero.
    pub(crate) fn new(tokens: usize) -> Option<Self> {
        (tokens > 0).then(|| Self(Cache::new(tokens)))
    }

    pub(crate) fn get(&self, token: &str) -> Option<Arc<Claims>> {
        self.0.get(token)
    }

    pub(crate) fn insert(&self, token: &str, claims: impl FnOnce() -> Claims) {
        if token.len() <= Self::LONGEST {
            self.0.insert(token.into(), Arc::new(claims()));
        }
    }
}
