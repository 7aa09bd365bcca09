//! Compact JWS (RFC 7515), strict: bytes in, verdict out. It knows nothing of keys, claims or requests.
//!
//! A token has one spelling: three base64url segments without padding, blanks or stray bits, and a header
//! that is a JSON object without duplicate members. What the header says never picks a key or an algorithm:
//! it is only compared with those that the verifier has.

mod algorithm;
mod error;
mod header;
pub(crate) mod hmac;
pub(crate) mod json;
mod payload;

use base64::Engine as _;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use error::JwsError;
pub(crate) use header::{Header, MAX_KID_BYTES, Member, is_media_type};
pub(crate) use payload::Payload;

/// The longest token that is looked at, in bytes. Checked before anything is decoded.
pub(crate) const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// base64url without padding, blanks or stray bits (RFC 4648 section 3.5): one spelling for one value.
pub(crate) use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

/// A token that is well formed. Whoever verifies its signature may use what it carries.
pub(crate) struct Jws<'a> {
    pub(crate) header: Header<'a>,
    /// What was signed: the first two segments as they stand.
    pub(crate) signing_input: &'a str,
    pub(crate) payload: Payload,
    pub(crate) signature: Signature,
}

impl<'a> Jws<'a> {
    /// Takes a token apart; `usual` knows the encoded headers that need no parsing.
    ///
    /// The order of work is Flask-JWT-Extended's (PyJWT's), so that a token with several faults is refused for
    /// the same one: the spelling of header, payload and signature, then what the header says.
    pub(crate) fn parse(
        token: &'a str,
        usual: impl FnOnce(&str) -> Option<Header<'a>>,
    ) -> Result<Self, JwsError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(JwsError::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JwsError::NotEnoughSegments)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::NotEnoughSegments)?;
        let header = usual(header).map_or_else(|| Header::decode(header), |header| Ok(Ok(header)))?;
        let payload = Payload::decode(payload)?;
        let signature = Signature::decode(signature)?;
        Ok(Self { header: header?, signing_input, payload, signature })
    }
}

/// Writes a header and a payload, both JSON, as a compact JWS.
pub(crate) fn sign(header: &str, payload: &[u8], sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let mut token = String::with_capacity((header.len() + payload.len()) * 4 / 3 + 96);
    BASE64.encode_string(header, &mut token);
    token.push('.');
    BASE64.encode_string(payload, &mut token);
    let signature = sign(token.as_bytes());
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
pub(crate) struct Signature {
    bytes: [u8; Self::MAX],
    length: usize,
}

impl Signature {
    /// The longest MAC, with room to tell one that is too long from one that cannot be decoded.
    const MAX: usize = 96;

    fn decode(segment: &str) -> Result<Self, JwsError> {
        let mut bytes = [0; Self::MAX];
        match BASE64.decode_slice(segment, &mut bytes) {
            Ok(length) => Ok(Self { bytes, length }),
            Err(base64::DecodeSliceError::DecodeError(_)) => Err(JwsError::SignatureEncoding),
            // Longer than any MAC: well spelled it is a wrong signature, else a bad encoding.
            Err(base64::DecodeSliceError::OutputSliceTooSmall) => {
                BASE64.decode(segment).map_err(|_| JwsError::SignatureEncoding)?;
                Err(JwsError::Signature)
            }
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}
