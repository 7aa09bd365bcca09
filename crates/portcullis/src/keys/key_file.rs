//! Telling a key file from a secret: a public key as an HMAC secret would let everybody sign.

/// Whether a secret is really somebody's key file: PEM, ssh, a JWK or JWKS, or DER; also behind blanks or a BOM,
/// and PEM behind the lines of text that tools write before it.
pub(super) fn looks_like_key_file(secret: &[u8]) -> bool {
    if is_der_sequence(secret) {
        return true;
    }
    let text = String::from_utf8_lossy(secret);
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c.is_control());
    let begins = ["---- BEGIN", "ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];
    text.contains("-----BEGIN ") || begins.iter().any(|begin| text.starts_with(begin)) || is_jwk(text)
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
