//! Whatever bytes come as a token: no panic, and nothing but what our own key made is accepted (JWT-38).
//!
//! The input is tried as it stands, and as header and payload under a signature that holds, so that the fuzzer
//! gets past the signature to the claims.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use portcullis::{JwtManager, Key, ManualClock, NumericDate, Require};

static JWT: LazyLock<JwtManager> = LazyLock::new(|| {
    let clock = ManualClock::at(NumericDate::from_seconds(1_900_000_000));
    let key = Key::hs256([7; 32]).expect("32 bytes are enough");
    JwtManager::builder(key).clock(std::sync::Arc::new(clock)).build().expect("the defaults are right")
});

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(claims) = JWT.verify_as(text, Require::any()) {
        assert!(!claims.identity().is_empty() || claims.jti().is_some());
    }
    let (header, payload) = text.split_once('\n').unwrap_or((r#"{"alg":"HS256"}"#, text));
    let token = portcullis_fuzz::sign(&[7; 32], header, payload);
    if let Ok(claims) = JWT.verify_as(&token, Require::any().even_expired()) {
        // Whatever was accepted is an object with what is required, and reads back.
        let all = claims.custom::<portcullis_fuzz::Object>().expect("accepted claims are an object");
        assert!(["exp", "jti", "type"].iter().all(|name| all.contains_key(*name)));
        assert_eq!(claims.jti(), all["jti"].as_str());
    }
});
