//! The index in memory: what is revoked, by token, by session, by user and as a whole.

use std::{
    hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState},
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use scc::{HashIndex, hash_index::Entry};

use super::{Revocation, Verdict, note::Note};
use crate::{Claims, NumericDate, Session, TokenKind};

/// What is revoked of a service's tokens, in memory.
///
/// | ended | refuses |
/// |---|---|
/// | [`revoke_token`](Self::revoke_token) | the one token with this `jti` |
/// | [`revoke_session`](Self::revoke_session) | every token with this `sid` |
/// | [`revoke_access`](Self::revoke_access) | access tokens with this `sid` and a `gen` up to a bound |
/// | [`revoke_user`](Self::revoke_user) | tokens of this identity that are of no session and were issued before a moment |
/// | [`revoke_all`](Self::revoke_all) | every token that was issued before a moment |
///
/// It keeps 64-bit hashes, keyed anew in every process so that nobody can choose colliding ids, with their
/// expiry. Of many tokens or sessions each takes 21 to 42 bytes, by how full the table is (38 of a million), and up
/// to 70 for the moment in which it grows, when the old table is there beside the new.
///
/// A check is two look-ups and never waits for a writer. It allocates nothing, but for that moment: while the table
/// grows or shrinks, a check may move a few entries along, unless somebody else is at them.
///
/// Notes only ever add up: of two for one thing the later expiry, the higher generation and the later moment
/// count, whatever the order in which they come.
///
/// A session ends with all its tokens:
///
/// ```
/// use std::sync::Arc;
/// use portcullis::{AuthError, JwtManager, Key, Require, RevocationIndex};
///
/// let revoked = Arc::new(RevocationIndex::new());
/// let jwt = JwtManager::builder(Key::hs256([7; 32])?).revocation(revoked.clone()).build()?;
///
/// let access = jwt.access("alice").session("8aYb0c", 1).sign()?;
/// let refresh = jwt.refresh("alice").session("8aYb0c", 1).sign()?;
/// revoked.revoke_session("8aYb0c", Some(refresh.expires_at()));
/// assert_eq!(jwt.verify(access.as_str()).unwrap_err(), AuthError::Revoked);
/// assert_eq!(jwt.verify_as(refresh.as_str(), Require::refresh()).unwrap_err(), AuthError::Revoked);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct RevocationIndex {
    key: RandomState,
    /// A [`Note`]'s word by the hash of a token's or a session's id. It changes in place: an entry that is
    /// replaced ([`scc`]'s `update`) can be missed by a reader who has passed the new one's place and not yet
    /// the old one's. That `peek_with` finds a word as the last finished note left it, also while the table is
    /// resized, is how this version of [`scc`] works and no promise of it: hence the pin in `Cargo.toml`.
    notes: Map<AtomicU64>,
    /// By the hash of an identity. Few: a user whose tokens are of sessions needs no entry.
    users: Map<UserNote>,
    /// Everything issued up to here; [`NOBODY`](Self::NOBODY) when nothing was.
    everybody: AtomicI64,
}

type Map<V> = HashIndex<u64, V, BuildHasherDefault<AlreadyHashed>>;

/// What an id is of. One text may name a token, a session and a user.
#[derive(Clone, Copy, Hash)]
enum Named {
    Token,
    Session,
    User,
}

/// The tokens of a user that are of no session, up to a moment. Readers take the moment alone, so the two need not
/// be one word.
struct UserNote {
    before: AtomicI64,
    /// `i64::MAX` for "never".
    expiry: AtomicI64,
}

impl RevocationIndex {
    /// How far the clock of who issued a token may have been ahead of the clock of who notes a user.
    const USER_MARGIN: Duration = Duration::from_mins(1);

    /// The moment that stands for "nothing was revoked as a whole".
    const NOBODY: i64 = i64::MIN;

    /// An empty index.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a token as revoked until it has expired; without an expiry, for good.
    pub fn revoke_token(&self, jti: &str, expires_at: Option<NumericDate>) {
        self.note(self.hash(Named::Token, jti), Note::all(expires_at));
    }

    /// Notes a session as ended: every token of it is revoked, until the last of them has expired; without an
    /// expiry, for good.
    pub fn revoke_session(&self, sid: &str, expires_at: Option<NumericDate>) {
        self.note(self.hash(Named::Session, sid), Note::all(expires_at));
    }

    /// Notes a session's access tokens up to a generation as revoked, until the last of them has expired; without
    /// an expiry, for good.
    ///
    /// Refresh tokens go on: what the user may do has changed, and the next access token says so. Generations are
    /// told apart up to 16 777 213; those beyond count as one.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use portcullis::{AuthError, JwtManager, Key, RevocationIndex};
    /// # let revoked = Arc::new(RevocationIndex::new());
    /// # let jwt = JwtManager::builder(Key::hs256([7; 32])?).revocation(revoked.clone()).build()?;
    /// let old = jwt.access("alice").session("8aYb0c", 4).claim("role", "editor").sign()?;
    /// revoked.revoke_access("8aYb0c", 4, Some(old.expires_at()));
    /// let new = jwt.access("alice").session("8aYb0c", 5).claim("role", "reader").sign()?;
    /// assert_eq!(jwt.verify(old.as_str()).unwrap_err(), AuthError::Revoked);
    /// assert!(jwt.verify(new.as_str()).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn revoke_access(&self, sid: &str, up_to: u32, expires_at: Option<NumericDate>) {
        self.note(self.hash(Named::Session, sid), Note::access(up_to, expires_at));
    }

    /// Notes the tokens of an identity that were issued before a moment and are of no session as revoked, until
    /// the last of them has expired; without an expiry, for good.
    ///
    /// A minute more is refused, since the clock of who issued them may have been ahead, and so is a token that
    /// does not say when it was issued. Tokens of sessions end with their sessions, exactly.
    pub fn revoke_user(&self, identity: &str, before: NumericDate, expires_at: Option<NumericDate>) {
        let (before, expiry) = (before.seconds(), expires_at.map_or(i64::MAX, NumericDate::seconds));
        match self.users.entry_sync(self.hash(Named::User, identity)) {
            Entry::Occupied(known) => {
                known.get().before.fetch_max(before, Ordering::Relaxed);
                known.get().expiry.fetch_max(expiry, Ordering::Relaxed);
            }
            Entry::Vacant(free) => {
                drop(free.insert_entry(UserNote { before: before.into(), expiry: expiry.into() }));
            }
        }
    }

    /// Notes every token that was issued up to a moment as revoked, for good: after a restore, or to log everybody
    /// out.
    ///
    /// There is no margin, which would refuse people who log in again right after it: hand in the latest time that
    /// any issuer's clock may have shown. A token that does not say when it was issued is refused from the first
    /// such note on.
    pub fn revoke_all(&self, before: NumericDate) {
        // The start of the range, before which nothing was issued, would read as "nothing".
        self.everybody.fetch_max(before.seconds().max(Self::NOBODY + 1), Ordering::Relaxed);
    }

    /// Whether this one token is noted, whatever became of its session.
    pub fn is_token_revoked(&self, jti: &str) -> bool {
        // There is no note of a token that ends less than all of it.
        self.notes.contains(&self.hash(Named::Token, jti))
    }

    /// Drops every entry that expired before a moment; entries without an expiry stay, and what was revoked as a
    /// whole, which takes no room.
    ///
    /// Hand in the present less the leeway and a margin for other nodes' clocks: a token must not come back.
    pub fn forget_expired(&self, before: NumericDate) {
        // An entry is locked while it is judged, so that none goes whose expiry is being extended.
        self.notes.retain_sync(|_, word| Note::from_word(word.load(Ordering::Relaxed)).lasts_until(before));
        self.users.retain_sync(|_, note| note.expiry.load(Ordering::Relaxed) >= before.seconds());
    }

    /// How many entries there are: tokens, sessions and users, and one when everything up to a moment is revoked.
    pub fn len(&self) -> usize {
        self.notes.len() + self.users.len() + usize::from(self.everybody_before().is_some())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty() && self.users.is_empty() && self.everybody_before().is_none()
    }

    fn note(&self, hash: u64, note: Note) {
        match self.notes.entry_sync(hash) {
            // The entry is locked against writers; readers see the word before or after, whole.
            Entry::Occupied(known) => {
                let word = known.get();
                let both = Note::from_word(word.load(Ordering::Relaxed)).and(note);
                word.store(both.word(), Ordering::Relaxed);
            }
            Entry::Vacant(free) => drop(free.insert_entry(note.word().into())),
        }
    }

    fn ends_session(&self, session: Session<'_>, kind: TokenKind) -> bool {
        let ends = |_: &u64, word: &AtomicU64| {
            Note::from_word(word.load(Ordering::Relaxed)).ends(kind, session.generation)
        };
        self.notes.peek_with(&self.hash(Named::Session, session.id), ends).unwrap_or(false)
    }

    fn user_before(&self, identity: &str) -> Option<NumericDate> {
        let before =
            |_: &u64, note: &UserNote| NumericDate::from_seconds(note.before.load(Ordering::Relaxed));
        self.users.peek_with(&self.hash(Named::User, identity), before)
    }

    fn everybody_before(&self) -> Option<NumericDate> {
        match self.everybody.load(Ordering::Relaxed) {
            Self::NOBODY => None,
            before => Some(NumericDate::from_seconds(before)),
        }
    }

    fn hash(&self, named: Named, text: &str) -> u64 {
        self.key.hash_one((named, text))
    }
}

impl Default for RevocationIndex {
    fn default() -> Self {
        Self {
            key: RandomState::new(),
            notes: Map::default(),
            users: Map::default(),
            everybody: AtomicI64::new(Self::NOBODY),
        }
    }
}

impl Revocation for RevocationIndex {
    fn check(&self, claims: &Claims) -> Verdict {
        // A token that does not say when it was issued counts as issued before.
        let issued_by = |moment: NumericDate| claims.issued_at().is_none_or(|issued| issued <= moment);
        let revoked = self.everybody_before().is_some_and(issued_by)
            || claims.jti().is_some_and(|jti| self.is_token_revoked(jti))
            || match claims.session() {
                Some(session) => self.ends_session(session, claims.kind()),
                None => self
                    .user_before(claims.identity())
                    .is_some_and(|before| issued_by(before.plus(Self::USER_MARGIN))),
            };
        if revoked { Verdict::Revoked } else { Verdict::Live }
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
