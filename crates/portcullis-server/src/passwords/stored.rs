//! A stored hash, whoever wrote it: of which family it is, whether a password is its, and whether it is out of date.

use super::{
    Scheme,
    argon2id::{self, Arena},
    bcrypt, django, passlib, werkzeug,
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

/// Whether a password is the one that a stored hash was made of.
pub(super) fn verify(
    password: &Password,
    stored: &PasswordHash,
    arena: &mut Arena,
) -> Result<bool, Unverifiable> {
    match stored.as_str() {
        text if text.len() > MAX_TEXT => Err(Unverifiable::AboveCap),
        text if text.starts_with("$argon2") => argon2id::verify(password, text, arena),
        text if text.starts_with("$pbkdf2") => passlib::verify(password, text),
        text if text.starts_with("$2") => bcrypt::verify(password.presented().as_bytes(), text),
        text if text.starts_with("pbkdf2:") || text.starts_with("scrypt:") => {
            werkzeug::verify(password, text)
        }
        // What begins with a name.
        text if text.starts_with(|first: char| first.is_ascii_lowercase()) => {
            django::verify(password, text, arena)
        }
        _ => Err(Unverifiable::Unknown),
    }
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
        }
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
