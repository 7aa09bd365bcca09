//! Compact JWS (RFC 7515), strict, over any payload: bytes in, verdict out.
//!
//! It knows nothing of claims or requests, and of keys only what [`Keys`] says.
//!
//! A token has one spelling: three base64url segments without padding, blanks or stray bits, and a header
//! that is a JSON object without duplicate members. What the header says never picks a key or an algorithm:
//! it is only compared with those that the verifier has.

mod algorithm;
#[cfg(feature = "asymmetric")]
pub(crate) mod asymmetric;
#[cfg(feature = "asymmetric")]
pub(crate) mod der;
mod error;
mod header;
pub(crate) mod hmac;
pub(crate) mod json;
mod payload;
mod verified;

use std::sync::LazyLock;

use base64::{
    Engine as _,
    engine::{Simd, general_purpose::NO_PAD},
};

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use error::JwsError;
pub(crate) use header::{Header, MAX_KID_BYTES, Member, is_media_type};
pub(crate) use payload::Payload;
pub use verified::{Keys, VerifiedJws, verify};

/// The longest token that is looked at, in bytes. Checked before anything is decoded.
pub(crate) const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// base64url without padding, blanks or stray bits (RFC 4648 section 3.5): one spelling for one value.
///
/// A constant but for what the machine can do, which is looked up once.
pub(crate) static BASE64: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));

/// A token taken apart, its payload not yet decoded. Whoever verifies its signature may use what it carries.
pub(crate) struct Jws<'a> {
    pub(crate) header: Header<'a>,
    /// What was signed: the first two segments as they stand.
    pub(crate) signing_input: &'a str,
    encoded_payload: &'a str,
    pub(crate) signature: Signature,
}

impl<'a> Jws<'a> {
    /// Takes a token apart; `usual` knows the starts of tokens whose header needs no parsing, and what is behind them.
    ///
    /// The order of work is Flask-JWT-Extended's (PyJWT's), so that a token with several faults is refused for
    /// the same one: the spelling of header, payload and signature, then what the header says. The payload is
    /// decoded when the signature has held, straight to where it stays; a token that is refused before that is
    /// asked for its payload's spelling first ([`refusal`](Self::refusal)).
    #[inline]
    pub(crate) fn parse(
        token: &'a str,
        usual: impl FnOnce(&'a str) -> Option<(Header<'a>, &'a str)>,
    ) -> Result<Self, JwsError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(JwsError::TooLong);
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(JwsError::NotEnoughSegments)?;
        let (header, payload) = if let Some((header, payload)) = usual(signing_input) {
            (Ok(header), payload)
        } else {
            let (header, payload) = signing_input.split_once('.').ok_or(JwsError::NotEnoughSegments)?;
            (Header::decode(header)?, payload)
        };
        let said = Signature::decode(signature).and_then(|signature| Ok((signature, header?)));
        let (signature, header) = said.map_err(|error| Self::misspelled(payload, error))?;
        Ok(Self { header, signing_input, encoded_payload: payload, signature })
    }

    /// Decodes the payload of a token whose signature has held, straight to where it stays.
    ///
    /// # Errors
    /// [`JwsError::PayloadEncoding`] when it is not canonical base64url.
    #[inline]
    pub(crate) fn payload(&self, place: &mut Payload) -> Result<(), JwsError> {
        place.decode(self.encoded_payload)
    }

    /// The error that a token is refused for: its payload's spelling comes before what is wrong with the rest.
    pub(crate) fn refusal(&self, error: JwsError) -> JwsError {
        Self::misspelled(self.encoded_payload, error)
    }

    #[cold]
    fn misspelled(payload: &str, error: JwsError) -> JwsError {
        Payload::new().decode(payload).err().unwrap_or(error)
    }
}

/// Writes a header and a payload, both JSON, as a compact JWS; `None` where `sign` gives no signature.
pub(crate) fn sign(
    header: &str,
    payload: &[u8],
    sign: impl FnOnce(&[u8]) -> Option<Vec<u8>>,
) -> Option<String> {
    let mut token = String::with_capacity((header.len() + payload.len()) * 4 / 3 + 96);
    BASE64.encode_string(header, &mut token);
    token.push('.');
    BASE64.encode_string(payload, &mut token);
    let signature = sign(token.as_bytes())?;
    token.push('.');
    BASE64.encode_string(signature, &mut token);
    Some(token)
}

/// The header that tokens of a key have, as JSON.
pub(crate) fn header_json(algorithm: Algorithm, kid: Option<&str>) -> String {
    let kid = kid.map(|kid| format!(r#","kid":{}"#, serde_json::Value::from(kid))).unwrap_or_default();
    format!(r#"{{"alg":"{algorithm}","typ":"JWT"{kid}}}"#)
}

/// The two starts that nearly all tokens of a key have, header and dot: ours (and PyJWT 2's), and PyJWT 1's.
pub(crate) fn usual_starts(algorithm: Algorithm, kid: Option<&str>) -> [String; 2] {
    let ours = header_json(algorithm, kid);
    let swapped = ours.replacen(
        &format!(r#""alg":"{algorithm}","typ":"JWT""#),
        &format!(r#""typ":"JWT","alg":"{algorithm}""#),
        1,
    );
    [ours, swapped].map(|header| BASE64.encode(header) + ".")
}

/// A decoded signature: a MAC on the stack, since every request has one, an RSA signature on the heap, where
/// it costs nothing beside what follows.
pub(crate) enum Signature {
    Short { bytes: [u8; Self::SHORT], length: usize },
    Long(Vec<u8>),
}

impl Signature {
    /// The longest MAC, and what the decoder wants beside it.
    const SHORT: usize = 66;

    fn decode(segment: &str) -> Result<Self, JwsError> {
        if base64::decoded_len_estimate(segment.len()) > Self::SHORT {
            return BASE64.decode(segment).map(Self::Long).map_err(|_| JwsError::SignatureEncoding);
        }
        let mut bytes = [0; Self::SHORT];
        let length = BASE64.decode_slice(segment, &mut bytes).map_err(|_| JwsError::SignatureEncoding)?;
        Ok(Self::Short { bytes, length })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { bytes, length } => bytes.get(..*length).unwrap_or_default(),
            Self::Long(bytes) => bytes,
        }
    }
}
