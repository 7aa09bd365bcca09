//! The way in from outside: a compact JWS over any payload.

use base64::Engine as _;

use super::{Algorithm, BASE64, Jws, JwsError, Member, Payload};

/// Verifies a compact JWS over any payload, with everything that is strict about a token of ours but its claims:
/// 8 KiB, one spelling, no duplicate header members, no `crit` and `b64`, the algorithm of one of the keys.
///
/// What kind of thing it is (`typ`, `cty`) is the caller's to judge.
///
/// ```
/// use portcullis::{Key, KeySet, jws};
///
/// let keys = KeySet::from(Key::hs256([7; 32])?);
/// let token = "eyJhbGciOiJIUzI1NiJ9.aGVsbG8.AA";
/// assert_eq!(jws::verify(token, &keys).unwrap_err(), jws::JwsError::Signature);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The first [`JwsError`] that it has.
pub fn verify<'a>(token: &'a str, keys: &'a impl Keys) -> Result<VerifiedJws<'a>, JwsError> {
    keys.verify(token)
}

/// What a JWS can be verified with: a [`KeySet`](crate::KeySet).
pub trait Keys {
    /// Verifies a compact JWS with the keys that may.
    ///
    /// # Errors
    /// The first [`JwsError`] that it has.
    fn verify<'a>(&'a self, token: &'a str) -> Result<VerifiedJws<'a>, JwsError>;
}

/// A JWS whose signature held. There is no other way to one than a verification.
pub struct VerifiedJws<'a> {
    jws: Jws<'a>,
    payload: Payload,
}

impl<'a> VerifiedJws<'a> {
    /// Takes a token whose signature has held.
    pub(crate) fn new(jws: Jws<'a>) -> Result<Self, JwsError> {
        let mut payload = Payload::new();
        jws.payload(&mut payload)?;
        Ok(Self { jws, payload })
    }
}

impl VerifiedJws<'_> {
    /// What was signed.
    pub fn payload(&self) -> &[u8] {
        self.payload.as_bytes()
    }

    /// The algorithm of the key that verified it.
    pub fn algorithm(&self) -> Option<Algorithm> {
        self.jws.header.algorithm
    }

    /// The key id that the header names.
    pub fn kid(&self) -> Option<&str> {
        self.jws.header.kid.as_deref()
    }

    /// What the header says that the whole is (RFC 7515 section 4.1.9), if it is text.
    pub fn typ(&self) -> Option<&str> {
        text(&self.jws.header.typ)
    }

    /// What the header says that the payload is (RFC 7515 section 4.1.10), if it is text.
    pub fn cty(&self) -> Option<&str> {
        text(&self.jws.header.cty)
    }

    /// The whole header as the JSON object that it is, for members of your own.
    pub fn header_json(&self) -> String {
        let segment = self.jws.signing_input.split('.').next().unwrap_or_default();
        BASE64.decode(segment).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl std::fmt::Debug for VerifiedJws<'_> {
    /// Names the key, and shows nothing of the payload.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VerifiedJws")
            .field("algorithm", &self.algorithm())
            .field("kid", &self.kid())
            .finish_non_exhaustive()
    }
}

fn text<'m>(member: &'m Member<'_>) -> Option<&'m str> {
    match member {
        Member::Text(text) => Some(text),
        Member::Absent | Member::NotText => None,
    }
}
