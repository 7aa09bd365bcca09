//! Django's hashes: `pbkdf2_sha256$600000$<salt>$<base64>`, and others' behind a name of Django's.
//!
//! Django hashes the bytes of a password as they came, and takes a salt for text.

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::STANDARD};

use zeroize::Zeroizing;

use super::{
    argon2id, bcrypt,
    pbkdf2::{self, Digest},
    scrypt,
    stored::{Stored, Unverifiable},
};

/// Takes a stored hash apart.
pub(super) fn read(stored: &str) -> Result<Stored, Unverifiable> {
    let (scheme, rest) = stored.split_once('$').ok_or(Unverifiable::Unknown)?;
    match scheme {
        "pbkdf2_sha256" => with_pbkdf2(Digest::Sha256, rest).map(Stored::Pbkdf2),
        "pbkdf2_sha1" => with_pbkdf2(Digest::Sha1, rest).map(Stored::Pbkdf2),
        "bcrypt" => bcrypt::Hash::read(rest).map(Stored::Bcrypt),
        "bcrypt_sha256" => bcrypt::Hash::read(rest).map(Stored::BcryptSha256),
        "scrypt" => with_scrypt(rest).map(Stored::Scrypt),
        "argon2" => argon2id::Hash::read(&format!("${rest}")).map(Stored::Argon2),
        _ => Err(Unverifiable::Unknown),
    }
}

/// What Django gives to bcrypt for its `bcrypt_sha256`: the digest of a secret, in hexadecimal digits.
pub(super) fn hashed(secret: &[u8]) -> Zeroizing<String> {
    let hashed = digest::digest(&digest::SHA256, secret);
    let halves = hashed.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
    Zeroizing::new(halves.filter_map(|half| char::from_digit(half.into(), 16)).collect())
}

fn with_pbkdf2(digest: Digest, rest: &str) -> Result<pbkdf2::Hash, Unverifiable> {
    let mut fields = rest.split('$');
    let (Some(rounds), Some(salt), Some(checksum), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(Unverifiable::Damaged);
    };
    let checksum = STANDARD.decode(checksum).map_err(|_| Unverifiable::Damaged)?;
    pbkdf2::Hash::new(digest, pbkdf2::rounds(rounds)?, salt.as_bytes(), checksum)
}

/// `scrypt$<N>$<salt>$<r>$<p>$<base64>`
fn with_scrypt(rest: &str) -> Result<scrypt::Hash, Unverifiable> {
    let [n, salt, r, p, checksum] = *rest.split('$').collect::<Vec<_>>() else {
        return Err(Unverifiable::Damaged);
    };
    let checksum = STANDARD.decode(checksum).map_err(|_| Unverifiable::Damaged)?;
    scrypt::Hash::new([n, r, p], salt.as_bytes(), checksum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Password, passwords::argon2id::Arena};

    fn verify(password: &str, stored: &str) -> Result<bool, Unverifiable> {
        read(stored)?.has(&Password::parse(password).unwrap(), &mut Arena::default())
    }

    const DECOMPOSED: &str = "pa\u{308}ssw\u{f6}rd \u{fb01}";

    #[test]
    fn what_django_wrote_verifies_its_password_and_no_other() {
        // By the hashers of Django.
        for (right, stored) in [
            (
                "correct horse",
                "pbkdf2_sha256$1000$IWT6xXFq3Glq8wpduMdLUS$uB1U7034yhVxkH1aSVEa+qw94dKHWY8YUN70Kzzs22Q=",
            ),
            (
                DECOMPOSED,
                "pbkdf2_sha256$1000$qVMk0RPNQHznas0Np5LPiS$j7I2wPFl7LSgPL6QVe1k3hUsSrS6AxJgz8jPfNCJSL0=",
            ),
            ("correct horse", "pbkdf2_sha1$1000$xjGHxhi3formT1uVlkSDC3$zbWTmeSE1Uksiobyn+rmugjNn40="),
            ("correct horse", "bcrypt_sha256$$2b$04$731pCRNXzEgBhosdn4u9XOezsqH5NTXm7yzSSP/Mcqa0OCl9SOX3u"),
            (DECOMPOSED, "bcrypt_sha256$$2b$04$bRPLxrDD6d2dXHX1MpRP2udFT5AUnf4PP6myu7E19fwBBM/bQntim"),
            ("correct horse", "bcrypt$$2b$04$KZU7FankGF7Lerxt1XRQ1.3w/7itpIXdm2AiXmhuZHdUlmUp2Qp7m"),
            (
                "correct horse",
                "scrypt$1024$wAU3bXoG$8$1$VtKWOlHbjMOMNoNzsKaVMPtQ74ZyQ1uMBeoyxvySD5wicAsTJS/wkdUIukP64NeRZRz69aGgkZ0Bxm3Dh72ddg==",
            ),
            (
                DECOMPOSED,
                "argon2$argon2id$v=19$m=64,t=1,p=1$NnFvU2xHSmNtdzRhYnZHUnJsTHRVeA$c8tOxZV8NbW2uHFfUN5UGm4DRbQ5iZtV20/FZV8Gbrk",
            ),
        ] {
            assert_eq!(verify(right, stored), Ok(true), "{stored}");
            assert_eq!(verify("correct horse ", stored), Ok(false), "{stored}");
        }
    }

    #[test]
    fn what_is_damaged_or_above_the_cap_is_not_worked_on() {
        let good = "pbkdf2_sha256$1000$IWT6xXFq3Glq8wpduMdLUS$uB1U7034yhVxkH1aSVEa+qw94dKHWY8YUN70Kzzs22Q=";
        for (stored, problem) in [
            (good.replace("sha256", "sha384"), Unverifiable::Unknown),
            (good.replace("$1000$", "$10000001$"), Unverifiable::AboveCap),
            (good.replace("$1000$", "$-1$"), Unverifiable::Damaged),
            (good.replace('=', ""), Unverifiable::Damaged),
            (good.replace("22Q=", ""), Unverifiable::Damaged),
            (good.replace("_sha256", "_sha1"), Unverifiable::Damaged),
            (format!("{good}$"), Unverifiable::Damaged),
            ("scrypt$1024$salt$8$1".to_owned(), Unverifiable::Damaged),
            ("scrypt$1024$salt$8$1$eA==".to_owned(), Unverifiable::Damaged),
            ("scrypt$1048576$salt$8$1$eA==".to_owned(), Unverifiable::AboveCap),
            // A user of Django without a password.
            ("!unusable".to_owned(), Unverifiable::Unknown),
            ("bcrypt_sha256$".to_owned(), Unverifiable::Unknown),
        ] {
            assert_eq!(verify("correct horse", &stored), Err(problem), "{stored}");
        }
    }
}
