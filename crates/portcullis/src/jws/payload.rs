//! A decoded payload: bytes that the claims are read from, held without the heap where they are few.

use base64::Engine as _;

use super::{BASE64, JwsError};

/// The decoded second segment of a token.
///
/// Nearly every token fits into the inline part, so that verifying one allocates nothing. It is decoded where it
/// stays ([`decode`](Self::decode) fills it in place): copying it from hand to hand took longer than decoding it.
pub(crate) struct Payload {
    inline: [u8; Self::INLINE],
    length: usize,
    /// All of it, where it is longer.
    long: Option<Box<[u8]>>,
}

impl Payload {
    /// Twice what a token of a user with a few claims has; more would be moved about for nothing.
    const INLINE: usize = 384;

    /// Room for a payload.
    #[inline]
    pub(crate) const fn new() -> Self {
        Self { inline: [0; Self::INLINE], length: 0, long: None }
    }

    /// Decodes a payload segment.
    ///
    /// # Errors
    /// [`JwsError::PayloadEncoding`] when it is not canonical base64url.
    #[inline]
    pub(crate) fn decode(&mut self, segment: &str) -> Result<(), JwsError> {
        // The decoder asks for room by its estimate, which may be more than the bytes need.
        if base64::decoded_len_estimate(segment.len()) > Self::INLINE {
            let bytes = BASE64.decode(segment).map_err(|_| JwsError::PayloadEncoding)?;
            self.long = Some(bytes.into_boxed_slice());
        } else {
            let decoded = BASE64.decode_slice(segment, &mut self.inline);
            self.length = decoded.map_err(|_| JwsError::PayloadEncoding)?;
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match &self.long {
            None => self.inline.get(..self.length).unwrap_or_default(),
            Some(bytes) => bytes,
        }
    }

    /// The payload as text, if it is UTF-8 (RFC 8725 section 3.7).
    #[inline]
    pub(crate) fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()).ok()
    }
}

impl Clone for Payload {
    fn clone(&self) -> Self {
        let mut clone = Self::new();
        clone.clone_from(self);
        clone
    }

    /// Copies what is used, not all the room.
    #[inline]
    fn clone_from(&mut self, source: &Self) {
        self.long.clone_from(&source.long);
        self.length = source.length;
        if let (Some(place), Some(bytes)) =
            (self.inline.get_mut(..source.length), source.inline.get(..source.length))
        {
            place.copy_from_slice(bytes);
        }
    }
}
