//! What every topic needs: one secret, one moment, and tokens spelled by hand.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use portcullis::{JwtConfig, JwtManager, JwtManagerBuilder, Key, ManualClock, NumericDate};
use sha2::{Sha256, Sha384, Sha512};

/// Long enough for every algorithm.
pub(crate) const SECRET: &str = "sixty-four bytes of a secret that nobody uses for anything else.";

/// The present of every test that does not move its clock.
pub(crate) const NOW: i64 = 1_900_000_000;

pub(crate) const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

pub(crate) fn at(seconds: i64) -> NumericDate {
    NumericDate::from_seconds(seconds)
}

pub(crate) fn clock() -> ManualClock {
    ManualClock::at(at(NOW))
}

/// A builder around [`SECRET`] whose time is [`NOW`].
pub(crate) fn builder() -> JwtManagerBuilder {
    JwtManager::builder(Key::hs256(SECRET).unwrap()).clock(Arc::new(clock()))
}

pub(crate) fn manager() -> JwtManager {
    configured(|_| {})
}

pub(crate) fn configured(change: impl FnOnce(&mut JwtConfig)) -> JwtManager {
    builder().configure(change).build().unwrap()
}

pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    BASE64.encode(bytes)
}

pub(crate) fn unbase64(text: &str) -> Vec<u8> {
    BASE64.decode(text).unwrap()
}

/// The payload of a token as the text that it is.
pub(crate) fn payload_of(token: &str) -> String {
    String::from_utf8(unbase64(token.split('.').nth(1).unwrap())).unwrap()
}

/// A token of any header and payload, signed by HS256 with [`SECRET`].
pub(crate) fn mint(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    sign_segments(&base64(header), &base64(payload))
}

/// A token of segments that are spelled already.
pub(crate) fn sign_segments(header: &str, payload: &str) -> String {
    let input = format!("{header}.{payload}");
    let signature = mac("HS256", SECRET.as_bytes(), input.as_bytes());
    format!("{input}.{}", base64(signature))
}

/// A token of an algorithm and a secret of one's own.
pub(crate) fn mint_with(alg: &str, secret: &[u8], header: &str, payload: &str) -> String {
    let input = format!("{}.{}", base64(header), base64(payload));
    format!("{input}.{}", base64(mac(alg, secret, input.as_bytes())))
}

pub(crate) fn mac(alg: &str, secret: &[u8], message: &[u8]) -> Vec<u8> {
    fn of<M: Mac + KeyInit>(secret: &[u8], message: &[u8]) -> Vec<u8> {
        let key = <M as KeyInit>::new_from_slice(secret).unwrap();
        key.chain_update(message).finalize().into_bytes().to_vec()
    }
    match alg {
        "HS256" => of::<Hmac<Sha256>>(secret, message),
        "HS384" => of::<Hmac<Sha384>>(secret, message),
        "HS512" => of::<Hmac<Sha512>>(secret, message),
        _ => panic!("no HMAC algorithm: {alg}"),
    }
}

/// The payload of a good access token, with these members put in place of or beside the usual ones.
///
/// A member is given as its JSON text, so that a test may write what no encoder would; an empty text leaves
/// the member out.
pub(crate) fn claims(changes: &[(&str, &str)]) -> String {
    let usual = [
        ("iat", "1900000000"),
        ("jti", r#""j1""#),
        ("type", r#""access""#),
        ("sub", r#""alice""#),
        ("exp", "1900000900"),
    ];
    let instead = |name: &str| changes.iter().find(|(other, _)| *other == name);
    let kept = usual.iter().map(|usual| instead(usual.0).unwrap_or(usual));
    let added = changes.iter().filter(|(name, _)| usual.iter().all(|(known, _)| known != name));
    let members: Vec<String> = kept
        .chain(added)
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!(r#""{name}":{value}"#))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// A token with the usual header and [`claims`] changed so.
pub(crate) fn token(changes: &[(&str, &str)]) -> String {
    mint(HEADER, claims(changes))
}
