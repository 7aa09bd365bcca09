//! Passwords as people type them, and their hashes as the store keeps them.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::PasswordPolicy;

/// A password as presented: 1 to 1 024 bytes, never trimmed, folded or cut.
///
/// The text is wiped from memory on drop and `Debug` shows none of it.
#[derive(Clone)]
pub struct Password {
    presented: Zeroizing<String>,
}

/// Why a text cannot be somebody's password; each variant's text may be shown to the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordProblem {
    /// Nothing was given.
    #[error("must not be empty")]
    Empty,
    /// More than [`Password::MAX_BYTES`] bytes.
    #[error("must be at most {} bytes long", Password::MAX_BYTES)]
    TooLong,
    /// Fewer characters than the policy asks of a new password.
    #[error("must be at least {min} characters long")]
    TooShort {
        /// The policy's minimum, in Unicode code points.
        min: usize,
    },
    /// One of the most used passwords.
    #[error("must not be one of the most used passwords")]
    Common,
    /// The user's own name and nothing else.
    #[error("must not be the user name")]
    OwnName,
}

impl Password {
    /// The upper bound, so that a long text costs nothing (OWASP: long-password denial of service).
    pub const MAX_BYTES: usize = 1024;

    /// Takes a text as the password of a login.
    ///
    /// # Errors
    /// [`PasswordProblem::Empty`] and [`PasswordProblem::TooLong`].
    pub fn parse(text: &str) -> Result<Self, PasswordProblem> {
        if text.is_empty() {
            return Err(PasswordProblem::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(PasswordProblem::TooLong);
        }
        Ok(Self { presented: Zeroizing::new(text.to_owned()) })
    }

    /// Takes a text as a new password, which must also be what the policy asks for: the one way to a password that
    /// somebody gets. `owner` is the name of the user, where it is known.
    ///
    /// # Errors
    /// Those of [`Password::parse`], and the first thing that the policy has against it.
    pub fn choose(text: &str, policy: PasswordPolicy, owner: Option<&str>) -> Result<Self, PasswordProblem> {
        let password = Self::parse(text)?;
        policy.judge(&password, owner)?;
        Ok(password)
    }

    /// The text as it was presented, which is what other programs hash.
    pub fn presented(&self) -> &str {
        &self.presented
    }

    /// The bytes our own hashes are made of: NFKC, so that one password typed on two keyboards is one.
    pub fn normalized(&self) -> Zeroizing<String> {
        Zeroizing::new(self.presented.nfkc().collect())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password([redacted])")
    }
}

/// A stored password hash in its text form (PHC string format, or that of another program); `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a hash as it stands in the store. Whether it can be verified is found out at login.
    pub fn stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text that the store keeps.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::{super::CommonPasswords, *};

    #[test]
    fn the_bounds_are_bytes_for_logins_and_code_points_for_the_policy() {
        assert_eq!(Password::parse("").unwrap_err(), PasswordProblem::Empty);
        assert!(Password::parse(&"x".repeat(1024)).is_ok());
        assert_eq!(Password::parse(&"x".repeat(1025)).unwrap_err(), PasswordProblem::TooLong);
        let policy = PasswordPolicy { min_length: 4, common: CommonPasswords::Allow };
        let chosen = |text| Password::choose(text, policy, None);
        assert_eq!(chosen("äöü").unwrap_err(), PasswordProblem::TooShort { min: 4 });
        assert!(chosen("äöüß").is_ok());
    }

    #[test]
    fn blanks_count_and_the_normal_form_is_one_for_both_spellings() {
        assert_eq!(*Password::parse("  x ").unwrap().normalized(), "  x ");
        let (composed, decomposed) = (Password::parse("é").unwrap(), Password::parse("e\u{301}").unwrap());
        assert_eq!(composed.normalized(), decomposed.normalized());
    }

    #[test]
    fn nothing_of_a_secret_is_shown() {
        // KEY-14, OBS-03
        let shown =
            format!("{:?} {:?}", Password::parse("hunter2").unwrap(), PasswordHash::stored("$argon2id$x"));
        assert_eq!(shown, "Password([redacted]) PasswordHash([redacted])");
    }
}
