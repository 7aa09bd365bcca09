//! Which secrets are keys, and which key of a set a token is tried with.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use sha2::{Digest as _, Sha512};

use super::*;
use crate::JwsError;

const SECRET: &[u8] = b"a secret of exactly 32 bytes....";

#[test]
fn short_secrets_are_refused_when_the_key_is_made() {
    // JWT-06
    assert!(Key::hs256(SECRET).is_ok());
    assert_eq!(
        Key::hs256(&SECRET[1..]).unwrap_err(),
        KeyError::TooShort { algorithm: Algorithm::HS256, min: 32, got: 31 }
    );
    assert!(matches!(Key::hs384(SECRET), Err(KeyError::TooShort { min: 48, .. })));
    assert!(matches!(Key::hs512(SECRET), Err(KeyError::TooShort { min: 64, .. })));
    assert_eq!(Key::hs256("").unwrap_err(), KeyError::Empty);
    assert!(Key::hmac_of_any_length(Algorithm::HS256, "x").is_ok());
    assert_eq!(Key::hmac_of_any_length(Algorithm::HS256, "").unwrap_err(), KeyError::Empty);
}

#[test]
fn key_files_are_no_secrets() {
    // JWT-05
    let der: Vec<u8> = [&[0x30, 0x82, 0x01, 0x00][..], &[7; 256]].concat();
    let ed25519: Vec<u8> =
        [&[0x30, 0x2a, 0x30, 0x05, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0][..], &[9; 32]].concat();
    for secret in [
        b"-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A".to_vec(),
        b" \r\n\t-----BEGIN CERTIFICATE-----\nMIIBIjANBgkqhkiG9w0B".to_vec(),
        "\u{feff}-----BEGIN RSA PUBLIC KEY-----\nMIIBCgKCAQEA".as_bytes().to_vec(),
        b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ someone".to_vec(),
        br#"  {"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN","e":"AQAB"}"#.to_vec(),
        br#"{"keys":[{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMko"}]}"#.to_vec(),
        der,
        ed25519,
    ] {
        assert_eq!(
            Key::hs256(&secret).unwrap_err(),
            KeyError::KeyFile,
            "{:?}",
            String::from_utf8_lossy(&secret)
        );
    }
}

#[test]
fn a_key_file_in_base64_is_no_secret_and_a_random_one_is() {
    // JWT-05
    let short = [&[0x30, 0x2a, 0x30, 0x05, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0][..], &[0xff; 32]].concat();
    let long = [&[0x30, 0x82, 0x01, 0x00][..], &[0xfb; 256]].concat();
    let pem = b"-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A".to_vec();
    let ssh = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    let made = |secret: String| Key::hmac_of_any_length(Algorithm::HS256, secret);
    let is_refused = |secret: String| made(secret).is_err_and(|error| error == KeyError::KeyFile);
    for file in [&short, &long, &pem, &ssh] {
        let text = STANDARD.encode(file);
        assert!(is_refused(URL_SAFE_NO_PAD.encode(file)), "{text}");
        assert!(is_refused(format!("\u{feff} \"{}\"\r\n", text.replace('A', "A\r\n"))), "{text}");
        assert!(is_refused(text.trim_end_matches('=').into()), "{text}");
    }
    let half = "MCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n";
    assert!(is_refused(half.into()), "an armour of which the first line is gone");
    // A length that does not fit says that it was chance.
    for file in [[&short[..], b"x"].concat(), long[..259].to_vec()] {
        assert!(!is_refused(STANDARD.encode(&file)) && !is_refused(URL_SAFE_NO_PAD.encode(&file)));
    }
    for n in 0..4000_u32 {
        let random = [Sha512::digest(n.to_be_bytes()), Sha512::digest(n.to_le_bytes())].concat();
        let random = &random[..24 + n as usize % 104];
        assert!(Key::hs256(STANDARD.encode(random)).is_ok(), "{n}");
        assert!(Key::hmac_of_any_length(Algorithm::HS256, random).is_ok(), "{n}");
    }
}

#[test]
fn a_set_without_key_ids_ignores_the_tokens() {
    let set = KeySet::new(Key::hs256(SECRET).unwrap());
    assert_eq!(set.candidates(Algorithm::HS256, Some("other")).count(), 1);
    assert_eq!(set.candidates(Algorithm::HS512, None).count(), 0);
}

#[test]
fn a_set_with_key_ids_knows_its_own_only() {
    let (new, old) = (Key::hs256(SECRET).unwrap().with_kid("new").unwrap(), Key::hs256(SECRET).unwrap());
    let set = KeySet::new(new).and(old.clone()).and(old.clone()).and(old.clone()).and(old);
    assert_eq!(set.candidates(Algorithm::HS256, Some("new")).count(), 1);
    assert_eq!(set.candidates(Algorithm::HS256, Some("other")).count(), 0);
    assert_eq!(set.candidates(Algorithm::HS256, None).count(), KeySet::MAX_TRIED);
}

#[test]
fn a_key_shows_nothing_of_itself() {
    // KEY-14, OBS-03
    let shown = format!("{:?}", Key::hs256(SECRET).unwrap());
    assert_eq!(shown, r"Key { algorithm: HS256, kid: None, .. }");
}

/// JWT-40: header, payload, signature and key of a standard's own example.
fn verifies(key: &str, segments: [&str; 3]) -> Result<Vec<u8>, JwsError> {
    let key = Key::hs256(URL_SAFE_NO_PAD.decode(key).unwrap()).unwrap();
    let (keys, token) = (KeySet::new(key), segments.join("."));
    Ok(jws::verify(&token, &keys)?.payload().to_vec())
}

#[test]
fn the_example_of_rfc_7515_appendix_a_1_verifies() {
    // JWT-40
    let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let header = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
    let payload =
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let signature = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let text = b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
    assert_eq!(verifies(key, [header, payload, signature]), Ok(text.to_vec()));
    let other = payload.replacen("eyJp", "eyJq", 1);
    assert_eq!(verifies(key, [header, &other, signature]), Err(JwsError::Signature));
}

#[test]
fn the_example_of_rfc_7520_section_4_4_verifies() {
    let key = "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg";
    let header = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9";
    let text = "It\u{2019}s a dangerous business, Frodo, going out your door. You step onto the road, and if \
        you don't keep your feet, there\u{2019}s no knowing where you might be swept off to.";
    let signature = "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0";
    let payload = URL_SAFE_NO_PAD.encode(text);
    assert_eq!(verifies(key, [header, &payload, signature]), Ok(text.as_bytes().to_vec()));
}
