//! Keys for tokens of our own that are none of the service's: derived from what signs those, so that all nodes have the
//! same and there is one secret to keep.

use std::sync::Arc;

use aws_lc_rs::hmac;
use portcullis::{Clock, JwtConfig, JwtConfigErrors, JwtManager, Secret};

/// What makes and knows tokens for a purpose, which is part of the key: those for another open nothing.
pub(super) fn manager(
    service: &JwtConfig,
    purpose: &[u8],
    clock: Arc<dyn Clock>,
) -> Result<JwtManager, JwtConfigErrors> {
    let secret_key = derived(service, purpose).map(|derived| {
        let digits = derived.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
        Secret::new(digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect::<String>())
    });
    JwtManager::from_config(JwtConfig { secret_key, ..JwtConfig::default() })?.clock(clock).build()
}

/// A key of hashes for a purpose; none where nothing signs.
pub(super) fn key(service: &JwtConfig, purpose: &[u8]) -> Option<hmac::Key> {
    derived(service, purpose).map(|derived| hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
}

fn derived(service: &JwtConfig, purpose: &[u8]) -> Option<hmac::Tag> {
    let signs = if service.algorithm.is_symmetric() { &service.secret_key } else { &service.private_key };
    let secret = signs.as_ref()?;
    Some(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes()), purpose))
}
