//! Revocation: the hook that a manager asks about every token, and an index that answers from memory.

use std::{
    hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState},
    sync::atomic::{AtomicI64, Ordering},
};

use scc::{HashIndex, hash_index::Entry};

use crate::{Claims, NumericDate, Working};

/// Says whether a verified token has been revoked.
///
/// An answer from memory ([`Verdict::Live`], [`Verdict::Revoked`]) costs no allocation. A hook that has to ask
/// somebody hands back the asking ([`Verdict::Ask`]); when that fails the request is answered 503: a token
/// whose state is unknown is neither allowed nor called revoked.
///
/// ```
/// use portcullis::{Claims, Revocation, Verdict};
///
/// struct Banned;
///
/// impl Revocation for Banned {
///     fn check(&self, claims: &Claims) -> Verdict {
///         if claims.identity() == "mallory" { Verdict::Revoked } else { Verdict::Live }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` says nothing of revocation",
    note = "use a `RevocationIndex`, or a closure `|claims: Arc<Claims>| async move {{ Ok::<bool, MyError>(..) }}`"
)]
pub trait Revocation: Send + Sync + 'static {
    /// Judges a token whose signature and claims have held.
    fn check(&self, claims: &Claims) -> Verdict;
}

/// What a [`Revocation`] knows of a token.
#[must_use]
pub enum Verdict {
    /// It is not revoked.
    Live,
    /// It is revoked.
    Revoked,
    /// It takes asking: `true` when revoked.
    Ask(Asking),
}

/// A question under way: whether a token is revoked, or why nobody can say.
pub type Asking = Working<bool>;

/// The revoked tokens of a service, in memory.
///
/// It keeps 64-bit hashes, keyed anew in every process so that nobody can choose colliding ids, with their
/// expiry. A look-up takes no lock and allocates nothing.
///
/// ```
/// use std::sync::Arc;
/// use portcullis::{AuthError, JwtManager, Key, RevocationIndex};
///
/// let revoked = Arc::new(RevocationIndex::new());
/// let jwt = JwtManager::builder(Key::hs256([7; 32])?).revocation(revoked.clone()).build()?;
///
/// let token = jwt.access("alice").sign()?;
/// revoked.revoke_token(token.jti(), Some(token.expires_at()));
/// assert_eq!(jwt.verify(token.as_str()).unwrap_err(), AuthError::Revoked);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct RevocationIndex {
    key: RandomState,
    /// Expiry in seconds by hash; `i64::MAX` for "never". An expiry changes in place: an entry that is replaced
    /// ([`scc`]'s `update`) can be missed by a reader who has passed the new one's place and not yet the old one's.
    entries: HashIndex<u64, AtomicI64, BuildHasherDefault<AlreadyHashed>>,
}

impl RevocationIndex {
    /// An empty index.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a token as revoked until it has expired; without an expiry, for good.
    ///
    /// Of two notes for one token the later expiry counts.
    pub fn revoke_token(&self, jti: &str, expires_at: Option<NumericDate>) {
        let (hash, expiry) = (self.hash(jti), expires_at.map_or(i64::MAX, NumericDate::seconds));
        match self.entries.entry_sync(hash) {
            // The entry is locked against writers; readers ask only whether it is there.
            Entry::Occupied(known) => drop(known.get().fetch_max(expiry, Ordering::Relaxed)),
            Entry::Vacant(free) => drop(free.insert_entry(AtomicI64::new(expiry))),
        }
    }

    /// Whether a token is on the list.
    pub fn is_revoked(&self, jti: &str) -> bool {
        self.entries.contains(&self.hash(jti))
    }

    /// Drops every entry whose token expired before a moment; entries without an expiry stay.
    ///
    /// Hand in the present less the leeway and a margin for other nodes' clocks: a token must not come back.
    pub fn forget_expired(&self, before: NumericDate) {
        self.entries.retain_sync(|_, expiry| expiry.load(Ordering::Relaxed) >= before.seconds());
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn hash(&self, jti: &str) -> u64 {
        self.key.hash_one(jti)
    }
}

impl Revocation for RevocationIndex {
    fn check(&self, claims: &Claims) -> Verdict {
        match claims.jti() {
            Some(jti) if self.is_revoked(jti) => Verdict::Revoked,
            _ => Verdict::Live,
        }
    }
}

/// The keys are keyed hashes already; hashing them again would buy nothing.
#[derive(Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(i64) -> NumericDate = NumericDate::from_seconds;

    #[test]
    fn entries_go_when_their_token_has_expired_and_no_sooner() {
        let index = RevocationIndex::new();
        index.revoke_token("a", Some(AT(100)));
        index.revoke_token("for good", None);
        index.forget_expired(AT(100));
        assert!(index.is_revoked("a"));
        index.forget_expired(AT(101));
        assert_eq!((index.is_revoked("a"), index.is_revoked("for good"), index.len()), (false, true, 1));
    }

    #[test]
    fn the_later_expiry_counts() {
        let index = RevocationIndex::new();
        for expiry in [Some(AT(100)), Some(AT(300)), Some(AT(200))] {
            index.revoke_token("a", expiry);
        }
        index.forget_expired(AT(300));
        assert!(index.is_revoked("a"));
        index.revoke_token("a", None);
        index.forget_expired(AT(i64::MAX));
        assert!(index.is_revoked("a"));
    }
}
