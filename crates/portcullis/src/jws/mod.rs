//! Compact JWS (RFC 7515), strict: bytes in, verdict out. Nothing of a payload is used here.
//!
//! A token has one spelling: three base64url segments without padding, blanks or stray bits, and a header
//! that is a JSON object without duplicate members. What the header says never picks a key or an algorithm:
//! it is only compared with those that the verifier has.

mod header;
pub(crate) mod hmac;

use base64::Engine as _;

use crate::{
    error::AuthError,
    keys::{Algorithm, Key, KeySet},
    payload::Payload,
};

use header::Header;
pub(crate) use header::Typ;

/// The longest token that is looked at, in bytes. Checked before anything is decoded.
pub(crate) const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// base64url without padding, blanks or stray bits (RFC 4648 section 3.5): one spelling for one value.
pub(crate) use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

/// A token whose signature held: the payload's bytes, and what the header says of the kind of token.
pub(crate) struct Signed {
    pub(crate) payload: Payload,
    pub(crate) typ: Typ,
}

/// Verifies a compact JWS with the keys of a set.
///
/// The order of work is Flask-JWT-Extended's (PyJWT's), so that a token with several faults is refused for
/// the same one: the spelling of header, payload and signature, what the header says, algorithm, signature.
pub(crate) fn verify(token: &str, keys: &KeySet) -> Result<Signed, AuthError> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(AuthError::TooLong);
    }
    let (signing_input, signature) = token.rsplit_once('.').ok_or(AuthError::NotEnoughSegments)?;
    let (header, payload) = signing_input.split_once('.').ok_or(AuthError::NotEnoughSegments)?;
    let usual = keys.keys().iter().find(|key| key.has_usual_header(header));
    let header = match usual {
        Some(key) => Ok(Header::usual(key.algorithm(), key.kid())),
        None => Header::decode(header)?,
    };
    let payload = Payload::decode(payload)?;
    let signature = Signature::decode(signature)?;
    let header = header?;
    let algorithm = header.algorithm.ok_or(AuthError::AlgorithmNotAllowed)?;
    if !keys.has_algorithm(algorithm) {
        return Err(AuthError::AlgorithmNotAllowed);
    }
    let held = keys
        .candidates(algorithm, header.kid.as_deref())
        .any(|key| key.hmac_key().verifies(signing_input.as_bytes(), signature.as_bytes()));
    if held { Ok(Signed { payload, typ: header.typ }) } else { Err(AuthError::Signature) }
}

/// Signs a header and a payload, both JSON, as a compact JWS.
pub(crate) fn sign(key: &Key, header: &str, payload: &[u8]) -> String {
    let mut token = String::with_capacity((header.len() + payload.len()) * 4 / 3 + 96);
    BASE64.encode_string(header, &mut token);
    token.push('.');
    BASE64.encode_string(payload, &mut token);
    let signature = key.hmac_key().sign(token.as_bytes());
    token.push('.');
    BASE64.encode_string(signature, &mut token);
    token
}

/// The header that tokens of a key have, as JSON.
pub(crate) fn header_json(algorithm: Algorithm, kid: Option<&str>) -> String {
    let kid = kid.map(|kid| format!(r#","kid":{}"#, serde_json::Value::from(kid))).unwrap_or_default();
    format!(r#"{{"alg":"{algorithm}","typ":"JWT"{kid}}}"#)
}

/// The two encoded headers that nearly all tokens of a key have: ours (and PyJWT 2's), and PyJWT 1's.
pub(crate) fn usual_headers(algorithm: Algorithm, kid: Option<&str>) -> [String; 2] {
    let ours = header_json(algorithm, kid);
    let swapped = ours.replacen(
        &format!(r#""alg":"{algorithm}","typ":"JWT""#),
        &format!(r#""typ":"JWT","alg":"{algorithm}""#),
        1,
    );
    [BASE64.encode(ours), BASE64.encode(swapped)]
}

/// A decoded signature; on the stack, since every request has one.
struct Signature {
    bytes: [u8; Self::MAX],
    length: usize,
}

impl Signature {
    /// The longest MAC, with room to tell one that is too long from one that cannot be decoded.
    const MAX: usize = 96;

    fn decode(segment: &str) -> Result<Self, AuthError> {
        let mut bytes = [0; Self::MAX];
        match BASE64.decode_slice(segment, &mut bytes) {
            Ok(length) => Ok(Self { bytes, length }),
            Err(base64::DecodeSliceError::DecodeError(_)) => Err(AuthError::SignatureEncoding),
            // Longer than any MAC: well spelled it is a wrong signature, else a bad encoding.
            Err(base64::DecodeSliceError::OutputSliceTooSmall) => {
                BASE64.decode(segment).map_err(|_| AuthError::SignatureEncoding)?;
                Err(AuthError::Signature)
            }
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// JWT-40: header, payload, signature and key of a standard's own example.
    fn verifies(key: &str, segments: [&str; 3]) -> Result<Vec<u8>, AuthError> {
        let key = Key::hs256(BASE64.decode(key).unwrap()).unwrap();
        let signed = verify(&segments.join("."), &KeySet::new(key, []))?;
        Ok(signed.payload.as_bytes().to_vec())
    }

    #[test]
    fn the_example_of_rfc_7515_appendix_a_1_verifies() {
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let header = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
        let payload =
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let text = b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
        assert_eq!(verifies(key, [header, payload, signature]), Ok(text.to_vec()));
        let other = payload.replacen("eyJp", "eyJq", 1);
        assert_eq!(verifies(key, [header, &other, signature]), Err(AuthError::Signature));
    }

    #[test]
    fn the_example_of_rfc_7520_section_4_4_verifies() {
        let key = "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg";
        let header = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9";
        let text = "It\u{2019}s a dangerous business, Frodo, going out your door. You step onto the road, and if \
            you don't keep your feet, there\u{2019}s no knowing where you might be swept off to.";
        let signature = "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0";
        let payload = BASE64.encode(text);
        assert_eq!(verifies(key, [header, &payload, signature]), Ok(text.as_bytes().to_vec()));
    }
}
