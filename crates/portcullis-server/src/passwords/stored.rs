//! A stored hash, whoever wrote it: of which family it is, whether a password is its, and whether it is out of date.

use super::{
    Scheme,
    argon2id::{self, Arena},
    bcrypt, django, passlib, pbkdf2, scrypt, werkzeug,
};
use crate::model::{Password, PasswordHash};

/// Why a stored hash is not worked on; each text may stand in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverifiable {
    /// Nobody here reads it.
    #[error("of an unknown scheme")]
    Unknown,
    /// Of a known scheme, and not whole.
    #[error("damaged")]
    Damaged,
    /// Working on it would take too much time or memory.
    #[error("above the caps")]
    AboveCap,
}

/// The longest text that is read as a hash: passlib's longest salt, and the rest.
const MAX_TEXT: usize = 4096;

/// A stored hash, taken apart: of a known form, whole and within the caps.
pub(super) enum Stored {
    Argon2(argon2id::Hash),
    Pbkdf2(pbkdf2::Hash),
    Scrypt(scrypt::Hash),
    Bcrypt(bcrypt::Hash),
    /// Of a secret that Django has hashed before.
    BcryptSha256(bcrypt::Hash),
}

impl Stored {
    /// Takes a text apart. No work is done: what it would cost is known by then.
    pub(super) fn read(text: &str) -> Result<Self, Unverifiable> {
        match text {
            text if text.len() > MAX_TEXT => Err(Unverifiable::AboveCap),
            text if text.starts_with("$argon2") => argon2id::Hash::read(text).map(Self::Argon2),
            text if text.starts_with("$pbkdf2") => passlib::read(text).map(Self::Pbkdf2),
            text if text.starts_with("$2") => bcrypt::Hash::read(text).map(Self::Bcrypt),
            text if text.starts_with("pbkdf2:") || text.starts_with("scrypt:") => werkzeug::read(text),
            // What begins with a name.
            text if text.starts_with(|first: char| first.is_ascii_lowercase()) => django::read(text),
            _ => Err(Unverifiable::Unknown),
        }
    }

    /// Whether it was made of a password.
    pub(super) fn has(&self, password: &Password, arena: &mut Arena) -> Result<bool, Unverifiable> {
        let secret = password.presented().as_bytes();
        match self {
            Self::Argon2(hash) => hash.has(password, arena),
            Self::Pbkdf2(hash) => Ok(hash.has(secret)),
            Self::Scrypt(hash) => Ok(hash.has(secret)),
            Self::Bcrypt(hash) => Ok(hash.has(secret)),
            Self::BcryptSha256(hash) => Ok(hash.has(django::hashed(secret).as_bytes())),
        }
    }
}

/// Whether a password is the one that a stored hash was made of.
pub(super) fn verify(
    password: &Password,
    stored: &PasswordHash,
    arena: &mut Arena,
) -> Result<bool, Unverifiable> {
    Stored::read(stored.as_str())?.has(password, arena)
}

/// Judges a text that is to be stored as a hash, without working on it: a login with the right password gets in, by
/// whatever program it was made.
///
/// # Errors
/// [`Unverifiable`] says why no password would be right.
pub fn judge(hash: &PasswordHash) -> Result<(), Unverifiable> {
    Stored::read(hash.as_str()).map(drop)
}

/// Whether a hash is of another scheme than new ones, or was cheaper.
pub(super) fn is_outdated(stored: &PasswordHash, scheme: Scheme) -> bool {
    match scheme {
        Scheme::Argon2id(cost) => argon2id::work(stored.as_str()) < Some(cost.work()),
        Scheme::Pbkdf2Sha256 { rounds } => passlib::sha256_rounds(stored.as_str()) < Some(rounds),
    }
}

/// Whether a check of a hash takes as long as one of a new hash.
pub(super) fn is_present(stored: &PasswordHash, scheme: Scheme) -> bool {
    match scheme {
        Scheme::Argon2id(cost) => argon2id::work(stored.as_str()) == Some(cost.work()),
        Scheme::Pbkdf2Sha256 { rounds } => passlib::sha256_rounds(stored.as_str()) == Some(rounds),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::{super::HashCost, *};

    #[test]
    fn what_nobody_reads_is_unknown_and_what_is_endless_is_above_the_caps() {
        let password = Password::parse("x").unwrap();
        for (text, problem) in [
            (String::new(), Unverifiable::Unknown),
            ("x".to_owned(), Unverifiable::Unknown),
            ("$1$salt$hash".to_owned(), Unverifiable::Unknown),
            ("unknown$1$salt$hash".to_owned(), Unverifiable::Unknown),
            (format!("$pbkdf2-sha256$1${}$x", "A".repeat(5000)), Unverifiable::AboveCap),
        ] {
            let verdict = verify(&password, &PasswordHash::stored(text.as_str()), &mut Arena::default());
            assert_eq!(verdict, Err(problem), "{text}");
            assert_eq!(judge(&PasswordHash::stored(text.as_str())), Err(problem), "{text}");
        }
    }

    #[test]
    fn a_hash_is_judged_without_the_work() {
        // Each would take seconds.
        let hash = "c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let checksum = "2.oxvmFH6QhfzIHkfgpDMs4T0JYx3NqyD4MMoiBvTZ8";
        for text in [
            format!("$argon2id$v=19$m=262144,t=20,p=1${hash}"),
            format!("argon2$argon2i$v=19$m=262144,t=20,p=16${hash}"),
            format!("$pbkdf2-sha256$10000000$YYxRKkUopTTGGOMcY0wpRQ${checksum}"),
            "$2b$15$KnUOUDdopyVxlDa2W.he4ekjsmBslDJCl6uAgWLPTk8k.TXp2wDKa".to_owned(),
            format!("scrypt:32768:8:16$salt${}", "0f".repeat(64)),
        ] {
            assert_eq!(judge(&PasswordHash::stored(text.as_str())), Ok(()), "{text}");
        }
        let short_salt = format!("$argon2id$v=19$m=64,t=1,p=1${}", hash.replace("c29tZXNhbHQ", "c29tZQ"));
        assert_eq!(judge(&PasswordHash::stored(short_salt)), Err(Unverifiable::Damaged));
    }

    #[test]
    fn another_scheme_and_a_lower_cost_are_out_of_date() {
        let argon2 = Scheme::Argon2id(HashCost { memory_kib: 64, passes: 2 });
        let pbkdf2 = Scheme::Pbkdf2Sha256 { rounds: NonZeroU32::new(1000).unwrap() };
        let of = |memory: u32, passes: u32| argon2id::dummy(HashCost { memory_kib: memory, passes });
        let rounds = |rounds| passlib::dummy(NonZeroU32::new(rounds).unwrap());
        for (stored, with_argon2, with_pbkdf2) in [
            (of(64, 2), false, true),
            (of(128, 1), false, true),
            (of(65, 2), false, true),
            (of(63, 2), true, true),
            (of(64, 1), true, true),
            (rounds(1000), true, false),
            (rounds(1001), true, false),
            (rounds(999), true, true),
            (PasswordHash::stored(of(64, 2).as_str().replace("argon2id", "argon2i")), true, true),
            (PasswordHash::stored("?"), true, true),
        ] {
            let text = stored.as_str();
            assert_eq!(is_outdated(&stored, argon2), with_argon2, "{text}");
            assert_eq!(is_outdated(&stored, pbkdf2), with_pbkdf2, "{text}");
        }
    }
}
