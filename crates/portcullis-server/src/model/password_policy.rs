//! Which passwords may be chosen: how short, and not those that everybody tries first.

use std::cmp::Ordering;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{Password, PasswordProblem};

/// What a configuration asks of new passwords. There are no rules for the kinds of characters: they make passwords that
/// are forgotten, not passwords that are hard to guess (NIST SP 800-63B-4 3.1.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// The fewest characters, in Unicode code points.
    pub min_length: usize,
    /// What of those that are guessed first.
    pub common: CommonPasswords,
}

/// What becomes of the most used passwords, and of a user's own name as the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommonPasswords {
    /// Nobody can choose them.
    Refuse,
    /// They are like others.
    Allow,
}

/// The list as it is compiled in: a head, an empty line, and the passwords in the order of their bytes. It is looked
/// up where it lies, so that neither a start nor an idle service pays for it.
static LIST: &str = include_str!("common_passwords.txt");

impl PasswordPolicy {
    /// Judges a password that somebody wants to have; `owner` is the user's name, where it is known.
    ///
    /// Width, case and normal form make no difference: who guesses tries those too.
    pub(super) fn judge(self, password: &Password, owner: Option<&str>) -> Result<(), PasswordProblem> {
        if password.presented().chars().count() < self.min_length {
            return Err(PasswordProblem::TooShort { min: self.min_length });
        }
        if self.common == CommonPasswords::Allow {
            return Ok(());
        }
        let folded = folded(password.presented());
        if owner.is_some_and(|owner| is_only(&folded, owner)) {
            return Err(PasswordProblem::OwnName);
        }
        if is_listed(&folded) {
            return Err(PasswordProblem::Common);
        }
        Ok(())
    }
}

/// The form in which two passwords are as easy to guess as one.
fn folded(text: &str) -> Zeroizing<String> {
    let small = Zeroizing::new(text.nfkc().flat_map(char::to_lowercase).collect::<String>());
    Zeroizing::new(small.nfkc().collect())
}

/// Whether a folded password is somebody's name and nothing else, once or more often.
fn is_only(password: &str, name: &str) -> bool {
    let name = folded(name);
    !name.is_empty()
        && password.contains(name.as_str())
        && password.split(name.as_str()).all(|between| between.trim().is_empty())
}

/// Looks a folded password up: the line in the middle, then the half where it would be.
fn is_listed(password: &str) -> bool {
    let wanted = password.as_bytes();
    let (_, passwords) = LIST.split_once("\n\n").unwrap_or_default();
    let mut lines = passwords.as_bytes();
    while !lines.is_empty() {
        let (left, _) = lines.split_at(lines.len() / 2);
        let begin = left.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let (before, rest) = lines.split_at(begin);
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        lines = match wanted.cmp(line) {
            Ordering::Less => before,
            Ordering::Equal => return true,
            Ordering::Greater => after.get(1..).unwrap_or_default(),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: PasswordPolicy = PasswordPolicy { min_length: 8, common: CommonPasswords::Refuse };

    fn problem(password: &str, owner: Option<&str>) -> Option<PasswordProblem> {
        Password::choose(password, STRICT, owner).err()
    }

    #[test]
    fn the_list_is_folded_in_order_and_long_enough() {
        // PWD-06: at least 3 000 that are as long as a password must be.
        let (head, passwords) = LIST.split_once("\n\n").unwrap();
        assert!(head.lines().all(|line| line.starts_with('#')));
        let passwords: Vec<_> = passwords.lines().collect();
        assert!(passwords.is_sorted_by(|one, next| one.as_bytes() < next.as_bytes()));
        for password in &passwords {
            assert_eq!(*folded(password), **password);
            assert!(is_listed(password), "{password}");
        }
        assert!(passwords.iter().filter(|password| password.chars().count() >= 8).count() >= 3000);
        // Before the first, after the last, between two, parts of lines, and of the head.
        for other in
            ["", " ", "\u{10ffff}", "passwor", "password1x", "password\npassword1", "\n", "#", "# Copyright"]
        {
            assert!(!is_listed(other), "{other:?}");
        }
    }

    #[test]
    fn what_everybody_tries_first_is_refused_in_every_width_and_case() {
        // PWD-06
        for password in ["password", "PASSWORD", "Iloveyou", "12345678", "１２３４５６７８", "ｐassWORD"]
        {
            assert_eq!(problem(password, None), Some(PasswordProblem::Common), "{password}");
        }
        // PWD-03: what is not on the list is nobody's business.
        for password in ["password ", "correct horse", "        ", "ääääääää", "\u{1f600}\u{1f601}x34567"]
        {
            assert_eq!(problem(password, None), None, "{password}");
        }
        assert_eq!(problem("pass", None), Some(PasswordProblem::TooShort { min: 8 }));
    }

    #[test]
    fn a_name_is_no_password_for_its_owner() {
        for (password, owner) in [
            ("margarete", "Margarete"),
            ("MARGARETE", "margarete"),
            ("ｍargarete", "margarete"),
            (" margarete ", "margarete"),
            ("alicealice", "alice"),
            ("Alice alice", "ALICE"),
            ("Jose\u{301}JOS\u{c9}", "jos\u{e9}"),
        ] {
            assert_eq!(problem(password, Some(owner)), Some(PasswordProblem::OwnName), "{password}");
        }
        for (password, owner) in [
            ("margarete", "margaret"),
            ("margarete1", "margarete"),
            ("margarete", ""),
            ("        ", "margarete"),
        ] {
            assert_eq!(problem(password, Some(owner)), None, "{password}");
        }
    }

    #[test]
    fn a_policy_may_allow_both() {
        let policy = PasswordPolicy { min_length: 4, common: CommonPasswords::Allow };
        assert!(Password::choose("test", policy, Some("test")).is_ok());
        assert_eq!(Password::choose("abc", policy, None).unwrap_err(), PasswordProblem::TooShort { min: 4 });
    }
}
