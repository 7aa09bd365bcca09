//! User names: what may be registered, and the canonical form in which two names are compared.
//!
//! The form is PRECIS `UsernameCaseMapped` (RFC 8265 section 3.3): width, case and normal form make no
//! difference, so that nobody registers a name that cannot be told from another's.

use std::borrow::Cow;

use precis_core::profile::Profile;
use precis_profiles::UsernameCaseMapped;
use unicode_normalization::UnicodeNormalization;

const FINAL_SIGMA: char = 'ς';
const SIGMA: &str = "σ";

/// The canonical form of a name: equal keys are one name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NameKey(String);

impl NameKey {
    /// The key as the store keeps it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Letters and their marks are put together first: of some alphabets the parts are no letters by themselves. What
    /// is no name any more when it has been made small is none: nobody could type it.
    fn of(text: &str) -> Option<Self> {
        let enforced = |text: &str| UsernameCaseMapped::new().enforce(text).ok().map(Cow::into_owned);
        // A sigma at the end of a word has a form of its own in small letters and none in capitals: what one person types
        // in capitals and another in small letters is one name all the same.
        let key = enforced(&text.nfc().collect::<String>())?.replace(FINAL_SIGMA, SIGMA);
        (enforced(&key).as_ref() == Some(&key)).then_some(Self(key))
    }
}

/// A name that may be registered: the spelling its owner chose, and its key.
#[derive(Clone, Debug)]
pub struct Username {
    text: String,
    key: NameKey,
}

/// Why a text cannot be registered as a name; each variant's text may be shown to the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsernameProblem {
    /// Nothing was given.
    #[error("must not be empty")]
    Empty,
    /// More than [`Username::MAX_CHARS`] characters.
    #[error("must be at most {} characters long", Username::MAX_CHARS)]
    TooLong,
    /// A character that PRECIS does not allow in identifiers: blanks, controls, symbols, look-alikes.
    #[error("must consist of letters, digits and ASCII punctuation, without blanks")]
    Characters,
    /// A name that could be mistaken for a user's id.
    #[error("must not look like an id")]
    LooksLikeId,
}

impl Username {
    /// The longest name, in Unicode code points.
    pub const MAX_CHARS: usize = 64;

    /// Takes a text as a name to register.
    ///
    /// # Errors
    /// The first [`UsernameProblem`] that the text has.
    pub fn parse(text: &str) -> Result<Self, UsernameProblem> {
        if text.is_empty() {
            return Err(UsernameProblem::Empty);
        }
        if text.chars().count() > Self::MAX_CHARS {
            return Err(UsernameProblem::TooLong);
        }
        let key = NameKey::of(text).ok_or(UsernameProblem::Characters)?;
        if looks_like_id(key.as_str()) {
            return Err(UsernameProblem::LooksLikeId);
        }
        Ok(Self { text: text.to_owned(), key })
    }

    /// The name as its owner spells it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The form in which names are compared.
    pub fn key(&self) -> &NameKey {
        &self.key
    }
}

/// A name as presented at a login: whatever was typed, since names older than our rules must get in.
#[derive(Clone, Debug)]
pub struct LoginName {
    text: String,
    key: Option<NameKey>,
}

impl LoginName {
    /// The longest text that is looked up, in bytes; anything longer names nobody.
    pub const MAX_BYTES: usize = 1024;

    /// Takes a text as the name of a login.
    ///
    /// # Errors
    /// [`UsernameProblem::Empty`] and [`UsernameProblem::TooLong`], which depend on no account.
    pub fn parse(text: &str) -> Result<Self, UsernameProblem> {
        match text.len() {
            0 => Err(UsernameProblem::Empty),
            length if length > Self::MAX_BYTES => Err(UsernameProblem::TooLong),
            _ => Ok(Self { text: text.to_owned(), key: NameKey::of(text) }),
        }
    }

    /// The exact spelling.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The canonical form, for a name that has one.
    pub fn key(&self) -> Option<&NameKey> {
        self.key.as_ref()
    }

    /// What spellings of one name have in common: the canonical form, or the exact spelling of a name without.
    pub fn identity(&self) -> &str {
        self.key().map_or(self.as_str(), NameKey::as_str)
    }
}

/// The beginning of canonical names, as somebody who looks for users types it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePrefix(String);

impl NamePrefix {
    /// Takes a text as the beginning of names.
    ///
    /// It is brought into the canonical form like a name. A text that is no name by itself may begin one all the same,
    /// such as "l·" does "l·l": of it only case and normal form are made those of names.
    ///
    /// # Errors
    /// [`UsernameProblem::Empty`], and [`UsernameProblem::TooLong`] beyond [`LoginName::MAX_BYTES`].
    pub fn parse(text: &str) -> Result<Self, UsernameProblem> {
        match text.len() {
            0 => Err(UsernameProblem::Empty),
            length if length > LoginName::MAX_BYTES => Err(UsernameProblem::TooLong),
            _ => Ok(Self(match NameKey::of(text) {
                Some(key) => key.0,
                None => text.to_lowercase().nfc().collect::<String>().replace(FINAL_SIGMA, SIGMA),
            })),
        }
    }

    /// The beginning: the first key that there may be.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is behind all keys that begin so, in the order of Unicode code points; none where everything behind the
    /// beginning begins so.
    pub fn end(&self) -> Option<String> {
        let mut end = self.0.clone();
        while let Some(last) = end.pop() {
            // A range of characters passes over the surrogates, which are none.
            if let Some(next) = (last..=char::MAX).nth(1) {
                end.push(next);
                return Some(end);
            }
        }
        None
    }
}

/// An `ObjectId` (24 hex digits) or a UUID: where tokens may name users by either, a name must not be one.
fn looks_like_id(text: &str) -> bool {
    let object_id = text.len() == 24 && text.bytes().all(|b| b.is_ascii_hexdigit());
    object_id || uuid::Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert_eq, proptest};

    use super::*;

    fn key(text: &str) -> String {
        Username::parse(text).unwrap().key().as_str().to_owned()
    }

    #[test]
    fn width_case_and_normal_form_make_no_difference() {
        for spelling in ["Alice", "ALICE", "ａｌｉｃｅ"] {
            assert_eq!(key(spelling), "alice", "{spelling}");
        }
        assert_eq!(key("Jose\u{301}"), key("jos\u{e9}"));
        // PWD-14: the sigma at the end of a word is no other letter.
        for spelling in ["νικος", "ΝΙΚΟΣ", "νικοσ"] {
            assert_eq!(key(spelling), "νικοσ", "{spelling}");
        }
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key_and_that_of_every_spelling(text in "[a-zéüñżøθΣσςжאا가ｶ9_.-]{1,20}") {
            // PWD-14
            let Ok(name) = Username::parse(&text) else { return Ok(()) };
            let key = name.key().as_str();
            let wide: String = text.chars().map(full_width).collect();
            let decomposed: String = text.nfd().collect();
            for spelling in [key, &text.to_uppercase(), &text.to_lowercase(), &wide, &decomposed] {
                prop_assert_eq!(self::key(spelling), key, "{:?} for {:?}", spelling, text);
            }
        }

        #[test]
        fn whatever_is_a_name_has_a_key_that_stays(text in "\\PC{1,12}") {
            if let Ok(name) = Username::parse(&text) {
                let key = name.key().as_str();
                prop_assert_eq!(self::key(key), key, "{:?}", text);
            }
        }
    }

    fn full_width(c: char) -> char {
        match c {
            '!'..='~' => char::from_u32(u32::from(c) + 0xfee0).unwrap(),
            other => other,
        }
    }

    #[test]
    fn each_bad_name_has_its_reason() {
        for (text, problem) in [
            ("", UsernameProblem::Empty),
            (&"x".repeat(65), UsernameProblem::TooLong),
            ("two words", UsernameProblem::Characters),
            ("new\nline", UsernameProblem::Characters),
            ("\u{200b}alice", UsernameProblem::Characters),
            ("ﬁsh", UsernameProblem::Characters),
            // Its small letter is younger than the tables of PRECIS.
            ("\u{13a0}", UsernameProblem::Characters),
            ("5ca0b1b2c3d4e5f6a7b8c9d0", UsernameProblem::LooksLikeId),
            ("5CA0B1B2C3D4E5F6A7B8C9D0", UsernameProblem::LooksLikeId),
            ("0b1e9f5e-3f6c-4c55-9f39-000000000001", UsernameProblem::LooksLikeId),
        ] {
            assert_eq!(Username::parse(text).unwrap_err(), problem, "{text:?}");
        }
        assert!(Username::parse(&"x".repeat(64)).is_ok());
    }

    #[test]
    fn a_beginning_of_names_is_canonical_and_ends_before_the_next_one() {
        for (text, begin, end) in [
            ("Al", "al", Some("am")),
            ("ａｌ", "al", Some("am")),
            ("JOSE\u{301}", "jos\u{e9}", Some("jos\u{ea}")),
            ("L\u{b7}", "l\u{b7}", Some("l\u{b8}")),
            ("ΝΙΚΟΣ", "νικοσ", Some("νικοτ")),
            ("νικος ", "νικοσ ", Some("νικοσ!")),
            ("a b", "a b", Some("a c")),
            ("%", "%", Some("&")),
            ("x\u{d7ff}", "x\u{d7ff}", Some("x\u{e000}")),
            ("x\u{10ffff}", "x\u{10ffff}", Some("y")),
            ("\u{10ffff}", "\u{10ffff}", None),
        ] {
            let prefix = NamePrefix::parse(text).unwrap();
            assert_eq!((prefix.as_str(), prefix.end().as_deref()), (begin, end), "{text:?}");
        }
        assert_eq!(NamePrefix::parse(""), Err(UsernameProblem::Empty));
        assert_eq!(NamePrefix::parse(&"x".repeat(1025)), Err(UsernameProblem::TooLong));
    }

    #[test]
    fn a_login_takes_names_that_could_not_be_registered_today() {
        let old = LoginName::parse("two words").unwrap();
        assert_eq!((old.as_str(), old.key()), ("two words", None));
    }
}
