//! Scrypt (RFC 7914) within bounds, for every text form that has it.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use scrypt::Params;
use zeroize::Zeroizing;

use super::{pbkdf2, stored::Unverifiable};

/// How long a whole checksum is, in bytes.
const CHECKSUM: usize = 64;

/// The most memory that is worked on, in bytes, and the most work, in blocks: sixteen times Werkzeug's own.
const MAX_MEMORY: u64 = 256 << 20;
const MAX_BLOCKS: u64 = 16 * 32_768 * 8;

/// A hash taken apart, whole and within the bounds.
pub(super) struct Hash {
    params: Params,
    salt: Vec<u8>,
    checksum: [u8; CHECKSUM],
}

impl Hash {
    /// Puts one together, by N, r and p as they stand in the text.
    pub(super) fn new([n, r, p]: [&str; 3], salt: &[u8], checksum: Vec<u8>) -> Result<Self, Unverifiable> {
        let params = params(n, r, p)?;
        let checksum = checksum.try_into().map_err(|_| Unverifiable::Damaged)?;
        Ok(Self { params, salt: salt.to_owned(), checksum })
    }

    /// Whether it was made of a secret.
    pub(super) fn has(&self, secret: &[u8]) -> bool {
        let mut made = Zeroizing::new([0; CHECKSUM]);
        // It fails for a length of the checksum that it cannot make, which this one is not.
        ::scrypt::scrypt(secret, &self.salt, &self.params, &mut *made)
            .is_ok_and(|()| verify_slices_are_equal(&*made, &self.checksum).is_ok())
    }
}

/// Scrypt's numbers, judged before anything is made of them: 128 bytes times N times r of memory, p times over.
fn params(n: &str, r: &str, p: &str) -> Result<Params, Unverifiable> {
    let [n, r, p] = [n, r, p].map(|text| pbkdf2::rounds(text).map(|number| u64::from(number.get())));
    let (n, r, p) = (n?, r?, p?);
    // Each is below 10^7, so no product leaves the range.
    if 128 * n * r > MAX_MEMORY || n * r > MAX_BLOCKS / p {
        return Err(Unverifiable::AboveCap);
    }
    let log_n = u8::try_from(n.ilog2()).ok().filter(|_| n.is_power_of_two() && n > 1);
    let (r, p) = (u32::try_from(r).ok(), u32::try_from(p).ok());
    let params = log_n.zip(r).zip(p).and_then(|((log_n, r), p)| Params::new(log_n, r, p).ok());
    params.ok_or(Unverifiable::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(numbers: [&str; 3], salt: &[u8], secret: &[u8], checksum: &[u8]) -> Result<bool, Unverifiable> {
        Hash::new(numbers, salt, checksum.to_owned()).map(|hash| hash.has(secret))
    }

    #[test]
    fn a_test_vector_of_rfc_7914_holds() {
        let checksum = [
            0xfd, 0xba, 0xbe, 0x1c, 0x9d, 0x34, 0x72, 0x00, 0x78, 0x56, 0xe7, 0x19, 0x0d, 0x01, 0xe9, 0xfe,
            0x7c, 0x6a, 0xd7, 0xcb, 0xc8, 0x23, 0x78, 0x30, 0xe7, 0x73, 0x76, 0x63, 0x4b, 0x37, 0x31, 0x62,
            0x2e, 0xaf, 0x30, 0xd9, 0x2e, 0x22, 0xa3, 0x88, 0x6f, 0xf1, 0x09, 0x27, 0x9d, 0x98, 0x30, 0xda,
            0xc7, 0x27, 0xaf, 0xb9, 0x4a, 0x83, 0xee, 0x6d, 0x83, 0x60, 0xcb, 0xdf, 0xa2, 0xcc, 0x06, 0x40,
        ];
        let of = |secret: &[u8], checksum| verify(["1024", "8", "16"], b"NaCl", secret, checksum);
        assert_eq!(of(b"password", &checksum), Ok(true));
        assert_eq!(of(b"passwore", &checksum), Ok(false));
        assert_eq!(of(b"password", &checksum[..63]), Err(Unverifiable::Damaged));
    }

    #[test]
    fn what_is_above_the_caps_is_not_worked_on() {
        for (numbers, problem) in [
            (["1023", "8", "1"], Unverifiable::Damaged),
            (["1", "8", "1"], Unverifiable::Damaged),
            (["1024", "0", "1"], Unverifiable::Damaged),
            (["1048576", "8", "1"], Unverifiable::AboveCap),
            // Within the caps, and cut.
            (["262144", "8", "1"], Unverifiable::Damaged),
            (["1024", "8", "9999999"], Unverifiable::AboveCap),
            (["8388608", "9999999", "9999999"], Unverifiable::AboveCap),
            (["1024", "4294967295", "2"], Unverifiable::AboveCap),
        ] {
            assert_eq!(verify(numbers, b"salt", b"password", &[0; 63]), Err(problem), "{numbers:?}");
        }
    }
}
