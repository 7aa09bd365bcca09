//! passlib's PBKDF2 hashes: `$pbkdf2-sha256$29000$<salt>$<checksum>`, and `$pbkdf2$` with SHA-1.
//!
//! passlib hashes the bytes of the password as they came, so neither reading nor writing normalises it.

use std::num::NonZeroU32;

use base64::{
    Engine as _,
    alphabet::Alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{
    PasswordsError,
    pbkdf2::{self, Digest},
    stored::Unverifiable,
};
use crate::model::{Password, PasswordHash};

/// How much salt a new hash has: passlib's own default.
const SALT: usize = 16;

/// Hashes a new password with SHA-256, as passlib would write it.
pub(super) fn hash(password: &Password, rounds: NonZeroU32) -> Result<PasswordHash, PasswordsError> {
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt).map_err(|_| PasswordsError::Failed("the system gave no random bytes"))?;
    let checksum = pbkdf2::derive_sha256(rounds, &salt, password.presented().as_bytes());
    let (salt, checksum) = (encode(&salt), encode(&checksum));
    Ok(PasswordHash::stored(format!("$pbkdf2-sha256${rounds}${salt}${checksum}")))
}

/// The rounds of a stored hash with SHA-256, where it is one.
pub(super) fn sha256_rounds(stored: &str) -> Option<NonZeroU32> {
    read(stored).ok()?.rounds_of(Digest::Sha256)
}

/// A hash that no password has; written, not computed.
pub(super) fn dummy(rounds: NonZeroU32) -> PasswordHash {
    let checksum = encode(b"nobody has this password, nobody");
    PasswordHash::stored(format!("$pbkdf2-sha256${rounds}$cG9ydGN1bGxpcy5kdW1teQ${checksum}"))
}

/// Takes a stored hash apart.
pub(super) fn read(stored: &str) -> Result<pbkdf2::Hash, Unverifiable> {
    let mut fields = stored.strip_prefix('$').unwrap_or_default().split('$');
    let digest = match fields.next() {
        Some("pbkdf2") => Digest::Sha1,
        Some("pbkdf2-sha256") => Digest::Sha256,
        Some("pbkdf2-sha512") => Digest::Sha512,
        _ => return Err(Unverifiable::Unknown),
    };
    match (fields.next(), fields.next(), fields.next(), fields.next()) {
        (Some(rounds), Some(salt), Some(checksum), None) => {
            pbkdf2::Hash::new(digest, pbkdf2::rounds(rounds)?, &decode(salt)?, decode(checksum)?)
        }
        _ => Err(Unverifiable::Damaged),
    }
}

/// "Adapted base64": a dot for the plus, no padding.
fn ab64() -> Option<GeneralPurpose> {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789./";
    let config = GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        // passlib does not look at the bits behind the last byte.
        .with_decode_allow_trailing_bits(true);
    Some(GeneralPurpose::new(&Alphabet::new(letters).ok()?, config))
}

/// A plus is read too, as passlib does.
fn decode(text: &str) -> Result<Vec<u8>, Unverifiable> {
    let bytes = ab64().and_then(|ab64| ab64.decode(text.replace('+', ".")).ok());
    bytes.ok_or(Unverifiable::Damaged)
}

fn encode(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes).replace('+', ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    fn verify(password: &Password, stored: &str) -> Result<bool, Unverifiable> {
        read(stored).map(|hash| hash.has(password.presented().as_bytes()))
    }

    /// Written by passlib 1.7.4.
    const KNOWN: [(&str, &str); 9] = [
        (
            "correct horse",
            "$pbkdf2-sha256$1000$YYxRKkUopTTGGOMcY0wpRQ$2.oxvmFH6QhfzIHkfgpDMs4T0JYx3NqyD4MMoiBvTZ8",
        ),
        (
            DECOMPOSED,
            "$pbkdf2-sha256$1000$VwpBiPG.lzIGgHDOude6Nw$/aF5QJp1YTx07lUXWdvIgNboFVz7Z9lLs90y0FpbQKE",
        ),
        ("x", "$pbkdf2-sha256$1$$2qJXLD6i.hGqErzkNuBeAbHaygkv5YpLBJM.8WDX22Q"),
        (
            "correct horse",
            "$pbkdf2-sha512$1000$bQ2htBaiNAYAIKQUgjDGuA$Uwq6zf/8Yzd7PgMcBiKPxbpcwEbRq/BYquaFq87XNCoQd8tNJ96FepJ3CJptNwd8j8f5oFA35yNx9/VIJ3PTxw",
        ),
        (
            DECOMPOSED,
            "$pbkdf2-sha512$1000$1Np77723FgLAeK8VgtCa8w$3nFVBHZojpwsBtkvvu4xGGkwZbxjpkk3lRZL29J0rj6rMeynye8IAANLbvGylZjrmql/cuKBswJ5jtSROX/CIA",
        ),
        (
            "x",
            "$pbkdf2-sha512$1$$q9mNjO8yXpTKGmvVmKU2mQvtb9X.RlWs0XHEyxb/GCl.mUEFwWboCwxh2NGA.dIdgWWsiuOtEKrWXtqoEW.Ekg",
        ),
        ("correct horse", "$pbkdf2$1000$PScE4BwjhHCuVSqFcC4FYA$aEXL6Th.YjIZl78i3l4M0ivalgE"),
        (DECOMPOSED, "$pbkdf2$1000$53zP.f//P0dojZGy1trb2w$TLW9.zFjnbdeTHILFgUmVfW/4U8"),
        ("x", "$pbkdf2$1$$LzxtEUy5JxKtJGXzcfJmxOqI3i0"),
    ];

    /// A password that NFKC would change.
    const DECOMPOSED: &str = "pa\u{308}ssw\u{f6}rd \u{fb01}";

    #[test]
    fn what_passlib_wrote_verifies_its_password_and_no_other() {
        for (right, stored) in KNOWN {
            assert_eq!(verify(&password(right), stored), Ok(true), "{stored}");
            assert_eq!(verify(&password("correct horse "), stored), Ok(false), "{stored}");
        }
        let composed = password(&password(DECOMPOSED).normalized());
        assert_eq!(verify(&composed, KNOWN[1].1), Ok(false), "passlib does not normalise");
        let with_plus = KNOWN[0].1.replace('.', "+");
        assert_eq!(verify(&password("correct horse"), &with_plus), Ok(true));
    }

    #[test]
    fn a_new_hash_has_passlibs_form_and_verifies() {
        let stored = hash(&password(DECOMPOSED), NonZeroU32::new(1000).unwrap()).unwrap();
        let lengths: Vec<_> = stored.as_str().split('$').map(str::len).collect();
        assert_eq!(lengths, [0, "pbkdf2-sha256".len(), 4, 22, 43], "{}", stored.as_str());
        assert!(!stored.as_str().contains(['+', '=']));
        assert_eq!(verify(&password(DECOMPOSED), stored.as_str()), Ok(true));
        assert_eq!(sha256_rounds(stored.as_str()), NonZeroU32::new(1000));
        assert_eq!(verify(&password("x"), dummy(NonZeroU32::MIN).as_str()), Ok(false));
    }

    #[test]
    fn what_is_damaged_or_above_the_cap_is_not_worked_on() {
        let (_, good) = KNOWN[0];
        let cut = |bytes: usize| good.get(..good.len() - bytes).unwrap().to_owned();
        for (stored, problem) in [
            (String::new(), Unverifiable::Unknown),
            (good.replace("sha256", "sha384"), Unverifiable::Unknown),
            (good.trim_start_matches('$').to_owned(), Unverifiable::Unknown),
            (good.replace("$1000$", "$10000001$"), Unverifiable::AboveCap),
            (good.replace("$1000$", "$4294967296$"), Unverifiable::AboveCap),
            (good.replace("$1000$", "$0$"), Unverifiable::Damaged),
            (good.replace("$1000$", "$01000$"), Unverifiable::Damaged),
            (good.replace("$1000$", "$+1000$"), Unverifiable::Damaged),
            (good.replace("$1000$", "$$"), Unverifiable::Damaged),
            // A shorter checksum has more passwords.
            (cut(1), Unverifiable::Damaged),
            (cut(40), Unverifiable::Damaged),
            (cut(43), Unverifiable::Damaged),
            (cut(44), Unverifiable::Damaged),
            (format!("{good}="), Unverifiable::Damaged),
            (format!("{good}$"), Unverifiable::Damaged),
            (format!("{good}AAAA"), Unverifiable::Damaged),
            (good.replace("YY", "Y "), Unverifiable::Damaged),
            // Whole, and of another digest's length.
            (good.replace("-sha256", ""), Unverifiable::Damaged),
            (good.replace("-sha256", "-sha512"), Unverifiable::Damaged),
        ] {
            assert_eq!(verify(&password("correct horse"), &stored), Err(problem), "{stored}");
        }
    }
}
