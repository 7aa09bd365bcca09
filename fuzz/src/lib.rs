//! What the targets need: a signature made without the library under test.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The claims of an accepted token, read by another parser than the library's own visitor.
pub type Object = serde_json::Map<String, serde_json::Value>;

/// An HS256 token of any header and payload.
pub fn sign(secret: &[u8], header: &str, payload: &str) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of every length");
    let signature = mac.chain_update(&input).finalize().into_bytes();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}
