//! A decoded payload: bytes that the claims are read from, held without the heap where they are few.

use base64::Engine as _;

use super::{BASE64, JwsError};

/// The decoded second segment of a token.
///
/// Nearly every token fits into the inline part, so that verifying one allocates nothing.
#[derive(Clone)]
pub(crate) struct Payload(Bytes);

#[derive(Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "the large variant is the usual one, kept off the heap on purpose"
)]
enum Bytes {
    Inline { bytes: [u8; Payload::INLINE], length: usize },
    Heap(Box<[u8]>),
}

impl Payload {
    /// Twice what a token of a user with a few claims has; more would be moved about for nothing.
    const INLINE: usize = 384;

    /// Decodes a payload segment.
    ///
    /// # Errors
    /// [`JwsError::PayloadEncoding`] when it is not canonical base64url.
    #[inline]
    pub(crate) fn decode(segment: &str) -> Result<Self, JwsError> {
        // The decoder asks for room by its estimate, which may be more than the bytes need.
        if base64::decoded_len_estimate(segment.len()) > Self::INLINE {
            let bytes = BASE64.decode(segment).map_err(|_| JwsError::PayloadEncoding)?;
            return Ok(Self(Bytes::Heap(bytes.into_boxed_slice())));
        }
        let mut bytes = [0; Self::INLINE];
        let length = BASE64.decode_slice(segment, &mut bytes).map_err(|_| JwsError::PayloadEncoding)?;
        Ok(Self(Bytes::Inline { bytes, length }))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Inline { bytes, length } => bytes.get(..*length).unwrap_or_default(),
            Bytes::Heap(bytes) => bytes,
        }
    }

    /// The payload as text, if it is UTF-8 (RFC 8725 section 3.7).
    pub(crate) fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()).ok()
    }
}
