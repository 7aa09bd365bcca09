//! Werkzeug's hashes: `pbkdf2:sha256:600000$<salt>$<hex>` and `scrypt:32768:8:1$<salt>$<hex>`.
//!
//! Werkzeug hashes the bytes of a password as they came, and takes a salt for text.

use super::{
    pbkdf2::{self, Digest},
    scrypt,
    stored::{Stored, Unverifiable},
};

/// Takes a stored hash apart.
pub(super) fn read(stored: &str) -> Result<Stored, Unverifiable> {
    let mut fields = stored.split('$');
    let (Some(method), Some(salt), Some(checksum), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err(Unverifiable::Damaged);
    };
    let (salt, checksum) = (salt.as_bytes(), from_hex(checksum)?);
    match method.split(':').collect::<Vec<_>>().as_slice() {
        ["pbkdf2", digest, rounds] => {
            let digest = match *digest {
                "sha1" => Digest::Sha1,
                "sha256" => Digest::Sha256,
                "sha512" => Digest::Sha512,
                _ => return Err(Unverifiable::Unknown),
            };
            pbkdf2::Hash::new(digest, pbkdf2::rounds(rounds)?, salt, checksum).map(Stored::Pbkdf2)
        }
        ["scrypt", n, r, p] => scrypt::Hash::new([n, r, p], salt, checksum).map(Stored::Scrypt),
        _ => Err(Unverifiable::Damaged),
    }
}

/// Bytes of small hexadecimal digits, which is how Werkzeug writes them.
fn from_hex(text: &str) -> Result<Vec<u8>, Unverifiable> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(Unverifiable::Damaged),
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Unverifiable::Damaged);
    }
    pairs.iter().map(|[high, low]| Ok(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Password, passwords::argon2id::Arena};

    fn verify(password: &str, stored: &str) -> Result<bool, Unverifiable> {
        read(stored)?.has(&Password::parse(password).unwrap(), &mut Arena::default())
    }

    const DECOMPOSED: &str = "pa\u{308}ssw\u{f6}rd \u{fb01}";

    /// Written by Werkzeug 3.1.
    const KNOWN: [(&str, &str); 6] = [
        (
            "correct horse",
            "pbkdf2:sha256:1000$w67EWVMNGD4iKIol$370fd9a58c868f32d49f3088866caf4572f25de7f74035a0da8259c9c0f508ba",
        ),
        ("correct horse", "pbkdf2:sha1:1000$3lHtveAnvsmjR5If$ce0490d31ea919b9f97af1a95b871b8f3d225492"),
        (
            "correct horse",
            "pbkdf2:sha512:1000$tpSJ89SzLK6rvluT$746a8ab84700a3ce6c11948c43fa8a7babb7b7642151c7baa69ed1d890907ac5a20a2428ba8cd0c281d0fa1bc5bc58cdc287e56a6620a5eb1644c7893e6ffbb5",
        ),
        (
            "correct horse",
            "scrypt:1024:8:1$fJlU0kG2C9O4uFyY$d5a8eabd6979a80b4a0728567c11ec430c81014dae59b842b6b6dad9d19d68c701577a88242098bb4cb63bbdde25711e4a0a7bdea7df985a13bb2f2374146deb",
        ),
        (
            DECOMPOSED,
            "pbkdf2:sha256:1000$Vw7JrzMrohaFcDQP$c94dc3bbeb7444f8b6e05716fe50c2f2e85171f8a062f1c4c8b6121dd3dc8dd8",
        ),
        (
            DECOMPOSED,
            "scrypt:1024:8:1$3vNw9tRJJ8Jb3zZ4$2c338f608407c3885cf329de339c0908b0352bb65ea9da424cf702d9779435781b01dff1489d5cc52c9afbd02832b92e0dcc797270504b31ec0dfce812cbbdcb",
        ),
    ];

    #[test]
    fn what_werkzeug_wrote_verifies_its_password_and_no_other() {
        for (right, stored) in KNOWN {
            assert_eq!(verify(right, stored), Ok(true), "{stored}");
            assert_eq!(verify("correct horse ", stored), Ok(false), "{stored}");
        }
    }

    #[test]
    fn what_is_damaged_or_above_the_cap_is_not_worked_on() {
        let (pbkdf2, scrypt) = (KNOWN[0].1, KNOWN[3].1);
        let with = |numbers: &str| scrypt.replace("1024:8:1", numbers);
        for (stored, problem) in [
            (pbkdf2.replace("1000", "10000001"), Unverifiable::AboveCap),
            (pbkdf2.replace(":1000", ""), Unverifiable::Damaged),
            (pbkdf2.replace("sha256", "md5"), Unverifiable::Unknown),
            (pbkdf2.replace("08ba", ""), Unverifiable::Damaged),
            (pbkdf2.replace("08ba", "08b"), Unverifiable::Damaged),
            (pbkdf2.replace("08ba", "08bA"), Unverifiable::Damaged),
            (pbkdf2.replace("08ba", "08\u{e4}"), Unverifiable::Damaged),
            (format!("{pbkdf2}$"), Unverifiable::Damaged),
            (scrypt.replace("6deb", "6d"), Unverifiable::Damaged),
            (with("1024:8"), Unverifiable::Damaged),
            (with("1048576:8:1"), Unverifiable::AboveCap),
            (with("1024:8:9999999"), Unverifiable::AboveCap),
        ] {
            assert_eq!(verify("correct horse", &stored), Err(problem), "{stored}");
        }
    }
}
