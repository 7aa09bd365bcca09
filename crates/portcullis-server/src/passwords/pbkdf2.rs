//! PBKDF2 (RFC 8018) within bounds, for every text form that has it.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512};

use super::stored::Unverifiable;

/// The hash function below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

impl Digest {
    /// How long a whole checksum is, in bytes.
    pub(super) const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    const fn algorithm(self) -> pbkdf2::Algorithm {
        match self {
            Self::Sha1 => PBKDF2_HMAC_SHA1,
            Self::Sha256 => PBKDF2_HMAC_SHA256,
            Self::Sha512 => PBKDF2_HMAC_SHA512,
        }
    }
}

/// The most rounds that are worked on: a stored number must not take the service down.
const MAX_ROUNDS: u32 = 10_000_000;

/// Reads a number of rounds: digits without a sign or a leading zero, within the bound.
pub(super) fn rounds(text: &str) -> Result<NonZeroU32, Unverifiable> {
    if text.starts_with('0') || text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Unverifiable::Damaged);
    }
    // What is no u32 any more is far above the cap.
    let rounds: NonZeroU32 = text.parse().map_err(|_| Unverifiable::AboveCap)?;
    if rounds.get() > MAX_ROUNDS { Err(Unverifiable::AboveCap) } else { Ok(rounds) }
}

/// A hash taken apart, whole and within the bound.
pub(super) struct Hash {
    digest: Digest,
    rounds: NonZeroU32,
    salt: Vec<u8>,
    checksum: Vec<u8>,
}

impl Hash {
    /// Puts one together, whose checksum must be a whole one: of a shorter one more passwords would be right.
    pub(super) fn new(
        digest: Digest,
        rounds: NonZeroU32,
        salt: &[u8],
        checksum: Vec<u8>,
    ) -> Result<Self, Unverifiable> {
        if checksum.len() == digest.length() {
            Ok(Self { digest, rounds, salt: salt.to_owned(), checksum })
        } else {
            Err(Unverifiable::Damaged)
        }
    }

    /// The rounds, where it is one of a digest.
    pub(super) fn rounds_of(&self, digest: Digest) -> Option<NonZeroU32> {
        (self.digest == digest).then_some(self.rounds)
    }

    /// Whether it was made of a secret.
    pub(super) fn has(&self, secret: &[u8]) -> bool {
        pbkdf2::verify(self.digest.algorithm(), self.rounds, &self.salt, secret, &self.checksum).is_ok()
    }
}

/// The checksum of a secret with SHA-256.
pub(super) fn derive_sha256(rounds: NonZeroU32, salt: &[u8], secret: &[u8]) -> [u8; 32] {
    let mut checksum = [0; 32];
    pbkdf2::derive(PBKDF2_HMAC_SHA256, rounds, salt, secret, &mut checksum);
    checksum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_digits_within_the_bound() {
        assert_eq!(rounds("1").unwrap().get(), 1);
        assert_eq!(rounds("10000000").unwrap().get(), MAX_ROUNDS);
        for text in ["", "0", "01", "+1", "-1", " 1", "1e3", "١"] {
            assert_eq!(rounds(text), Err(Unverifiable::Damaged), "{text:?}");
        }
        for text in ["10000001", "4294967296", "99999999999999999999999999"] {
            assert_eq!(rounds(text), Err(Unverifiable::AboveCap), "{text:?}");
        }
    }

    #[test]
    fn the_test_vectors_of_rfc_6070_hold() {
        let rounds = |number| NonZeroU32::new(number).unwrap();
        let verify = |digest, rounds, salt: &[u8], secret: &[u8], checksum: &[u8]| {
            Hash::new(digest, rounds, salt, checksum.to_owned()).map(|hash| hash.has(secret))
        };
        let checksum = [
            0x4b, 0x00, 0x79, 0x01, 0xb7, 0x65, 0x48, 0x9a, 0xbe, 0xad, 0x49, 0xd9, 0x26, 0xf7, 0x21, 0xd0,
            0x65, 0xa4, 0x29, 0xc1,
        ];
        assert_eq!(verify(Digest::Sha1, rounds(4096), b"salt", b"password", &checksum), Ok(true));
        assert_eq!(verify(Digest::Sha1, rounds(4095), b"salt", b"password", &checksum), Ok(false));
        assert_eq!(
            verify(Digest::Sha1, rounds(4096), b"salt", b"password", &checksum[..19]),
            Err(Unverifiable::Damaged)
        );
    }
}
