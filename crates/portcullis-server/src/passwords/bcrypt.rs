//! bcrypt: `$2b$12$<salt><checksum>`, also `$2a$` and `$2y$`, which are the same but for mended errors of others.
//!
//! It hashes the first 72 bytes of a password as they came, and so does this: a hash verifies as it was made.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{
    Engine as _,
    alphabet::BCRYPT,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

use super::stored::Unverifiable;

/// The most bytes of a password that count.
const MAX_PASSWORD: usize = 72;

/// The largest cost that is worked on; every one more doubles the time, and 15 takes seconds.
const MAX_COST: u32 = 15;

/// A hash taken apart, whole and within the bound.
pub(super) struct Hash {
    cost: u32,
    salt: [u8; 16],
    checksum: Vec<u8>,
}

impl Hash {
    /// Takes a stored hash apart.
    pub(super) fn read(stored: &str) -> Result<Self, Unverifiable> {
        let fields = ["$2a$", "$2b$", "$2y$"].iter().find_map(|version| stored.strip_prefix(version));
        let (cost, rest) =
            fields.ok_or(Unverifiable::Unknown)?.split_once('$').ok_or(Unverifiable::Damaged)?;
        let digits = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
        let cost: u32 = cost.parse().ok().filter(|cost| digits && *cost >= 4).ok_or(Unverifiable::Damaged)?;
        let (salt, checksum) = rest.split_at_checked(22).ok_or(Unverifiable::Damaged)?;
        let (salt, checksum) = (decode(salt)?, decode(checksum)?);
        let salt: [u8; 16] = salt.try_into().map_err(|_| Unverifiable::Damaged)?;
        if checksum.len() != 23 {
            return Err(Unverifiable::Damaged);
        }
        if cost > MAX_COST {
            return Err(Unverifiable::AboveCap);
        }
        Ok(Self { cost, salt, checksum })
    }

    /// Whether it was made of a secret.
    pub(super) fn has(&self, secret: &[u8]) -> bool {
        // The zero is where a password ends: no bcrypt makes a hash of one with a zero within, and one that repeats itself
        // after a zero would count as the password before it.
        if secret.contains(&0) {
            return false;
        }
        // With the zero at its end, where that has room.
        let mut key = Zeroizing::new(Vec::with_capacity(secret.len() + 1));
        key.extend_from_slice(secret);
        key.push(0);
        key.truncate(MAX_PASSWORD);
        let made = ::bcrypt::bcrypt(self.cost, self.salt, &key);
        // The last byte is never written.
        made.get(..23).is_some_and(|made| verify_slices_are_equal(made, &self.checksum).is_ok())
    }
}

fn decode(text: &str) -> Result<Vec<u8>, Unverifiable> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        // Some wrote salts whose last bits are not zero.
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&BCRYPT, config).decode(text).map_err(|_| Unverifiable::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(secret: &[u8], stored: &str) -> Result<bool, Unverifiable> {
        Hash::read(stored).map(|hash| hash.has(secret))
    }

    const DECOMPOSED: &str = "pa\u{308}ssw\u{f6}rd \u{fb01}";

    #[test]
    fn what_bcrypt_wrote_verifies_its_password_and_no_other() {
        // By the Python package bcrypt 4.0.1.
        for (right, stored) in [
            ("correct horse", "$2b$04$KnUOUDdopyVxlDa2W.he4ekjsmBslDJCl6uAgWLPTk8k.TXp2wDKa"),
            ("correct horse", "$2a$04$0GvojAwSkDFBB8Ro22KZXOwdIxBvLtZ9NDiISwkNSYtNHqlJndJgG"),
            ("correct horse", "$2y$04$0GvojAwSkDFBB8Ro22KZXOwdIxBvLtZ9NDiISwkNSYtNHqlJndJgG"),
            (DECOMPOSED, "$2b$04$OwdlCyN6nA13O1vqvlenK.BhJkQL7b.Y4JBo7q1ejcQNdYNfZra6q"),
        ] {
            assert_eq!(verify(right.as_bytes(), stored), Ok(true), "{stored}");
            assert_eq!(verify(b"correct horse ", stored), Ok(false), "{stored}");
        }
    }

    #[test]
    fn of_a_long_password_the_first_72_bytes_count() {
        let of_100 = "$2b$04$v1EROgt/gunspvIZFArR1ObU0GbOCQ3wgosm1LiXwHOvIUBFMUMT2";
        let of_72 = "$2b$04$kmAG9mBzLVosP/iB1WbNiuRSaWgdAAoJuBvhYFEJSXP.pIkYFvccu";
        for stored in [of_100, of_72] {
            assert_eq!(verify(&[b'x'; 100], stored), Ok(true));
            assert_eq!(verify(&[b'x'; 72], stored), Ok(true));
            assert_eq!(verify(&[b'x'; 71], stored), Ok(false));
        }
    }

    #[test]
    fn a_password_with_a_zero_byte_is_not_what_stands_before_it() {
        let stored = "$2b$04$KnUOUDdopyVxlDa2W.he4ekjsmBslDJCl6uAgWLPTk8k.TXp2wDKa";
        assert_eq!(verify(b"correct horse", stored), Ok(true));
        assert_eq!(verify(b"correct horse\0correct horse", stored), Ok(false));
    }

    #[test]
    fn what_is_damaged_or_above_the_cap_is_not_worked_on() {
        let good = "$2b$04$KnUOUDdopyVxlDa2W.he4ekjsmBslDJCl6uAgWLPTk8k.TXp2wDKa";
        for (stored, problem) in [
            (good.replace("$2b$", "$2x$"), Unverifiable::Unknown),
            (good.replace("$04$", "$16$"), Unverifiable::AboveCap),
            (good.replace("$04$", "$31$"), Unverifiable::AboveCap),
            (good.replace("$04$", "$03$"), Unverifiable::Damaged),
            (good.replace("$04$", "$4$"), Unverifiable::Damaged),
            (good.replace("$04$", "$+4$"), Unverifiable::Damaged),
            (good.replace("$04$", "$$"), Unverifiable::Damaged),
            (good.replace("Da", "D"), Unverifiable::Damaged),
            (format!("{good}a"), Unverifiable::Damaged),
            (good.replace("KnUO", "Kn+O"), Unverifiable::Damaged),
            (good.replace("KnUO", "Knä"), Unverifiable::Damaged),
            ("$2b$04$".to_owned(), Unverifiable::Damaged),
        ] {
            assert_eq!(verify(b"correct horse", &stored), Err(problem), "{stored}");
        }
    }
}
