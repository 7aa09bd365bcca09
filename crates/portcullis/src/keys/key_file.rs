//! Telling a key file from a secret: a public key as an HMAC secret would let everybody sign.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use zeroize::Zeroizing;

/// Whether a secret is really somebody's key file: PEM, ssh, a JWK or JWKS, or DER; also behind blanks or a BOM,
/// PEM behind the lines of text that tools write before it, and any of them in base64, as the lines of a PEM
/// without its first and last are.
pub(super) fn looks_like_key_file(secret: &[u8]) -> bool {
    is_key_file(secret) || decoded(secret).is_some_and(|secret| is_key_file(&secret))
}

fn is_key_file(secret: &[u8]) -> bool {
    if is_der_sequence(secret) {
        return true;
    }
    let text = String::from_utf8_lossy(secret);
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c.is_control());
    let begins = ["---- BEGIN", "ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];
    ["-----BEGIN ", "-----END "].iter().any(|line| text.contains(line))
        || begins.iter().any(|begin| text.starts_with(begin))
        || is_jwk(text)
}

/// What a secret says in base64 or base64url, whatever its line ends, quotes and padding.
///
/// Most good secrets are base64 too; what is in them is no key file, or less than one time in a million.
fn decoded(secret: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    const ANY: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let secret = secret.strip_prefix(b"\xef\xbb\xbf").unwrap_or(secret);
    let mut digits = Zeroizing::new(Vec::with_capacity(secret.len()));
    let meant = secret.iter().filter(|byte| !byte.is_ascii_whitespace() && !b"'\"`".contains(byte));
    digits.extend(meant.map(|byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    }));
    ANY.decode(&*digits).map(Zeroizing::new).ok()
}

fn is_jwk(text: &str) -> bool {
    text.starts_with('{') && (text.contains("\"kty\"") || text.contains("\"keys\""))
}

/// A DER SEQUENCE that fills the bytes: SPKI, PKCS#1, SEC1, PKCS#8 and certificates all are one.
fn is_der_sequence(bytes: &[u8]) -> bool {
    match bytes {
        [0x30, 0x81, length, rest @ ..] => rest.len() == usize::from(*length),
        [0x30, 0x82, high, low, rest @ ..] => rest.len() == usize::from(u16::from_be_bytes([*high, *low])),
        [0x30, length, 0x30, rest @ ..] if *length < 0x80 => rest.len() + 1 == usize::from(*length),
        _ => false,
    }
}
