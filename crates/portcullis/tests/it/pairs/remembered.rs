//! The memory of verified tokens changes how long a verdict takes and nothing else (JWT-37).

use std::{sync::Arc, time::Duration};

use portcullis::{Algorithm, AuthError, Claims, JwtManager, Key, ManualClock, Require, RevocationIndex};
use proptest::prelude::*;

use super::made::key;
use crate::common::{NOW, at, clock};

fn with_memory(key: Key, tokens: usize, clock: ManualClock) -> JwtManager {
    let revoked = Arc::new(RevocationIndex::new());
    revoked.revoke_token("revoked", None);
    JwtManager::builder(key)
        .clock(Arc::new(clock))
        .revocation(revoked)
        .remembered_tokens(tokens)
        .configure(|config| {
            config.decode_leeway = Duration::from_secs(5);
            config.required_claims = Vec::new();
        })
        .build()
        .unwrap()
}

/// What a verdict says, as far as anyone can see it.
fn seen(verdict: Result<Claims, AuthError>) -> Result<(String, Option<String>, String), AuthError> {
    verdict.map(|claims| {
        let custom: serde_json::Value = claims.custom().unwrap();
        (claims.identity().to_owned(), claims.jti().map(str::to_owned), format!("{custom} {claims:?}"))
    })
}

#[test]
fn a_remembered_token_is_judged_by_the_time_and_the_list_of_the_moment() {
    // JWT-37
    let (clock, revoked) = (clock(), Arc::new(RevocationIndex::new()));
    let jwt = JwtManager::builder(key(Algorithm::EdDSA))
        .clock(Arc::new(clock.clone()))
        .revocation(revoked.clone())
        .build()
        .unwrap();
    let token = jwt.access("alice").fresh_for(Duration::from_mins(1)).sign().unwrap();
    let verify = |require| jwt.verify_as(token.as_str(), require).map(drop);
    for _ in 0..3 {
        assert_eq!(verify(Require::access().fresh()), Ok(()));
        assert_eq!(verify(Require::refresh()), Err(AuthError::RefreshRequired));
    }
    clock.advance(Duration::from_secs(61));
    assert_eq!(verify(Require::access().fresh()), Err(AuthError::FreshRequired));
    clock.step_to(at(NOW - 1));
    assert_eq!(verify(Require::access()), Err(AuthError::IssuedInFuture));
    clock.step_to(at(NOW + 900));
    assert_eq!(verify(Require::access()), Err(AuthError::Expired));
    assert_eq!(verify(Require::access().even_expired()), Ok(()));
    clock.step_to(at(NOW));
    assert_eq!(verify(Require::access()), Ok(()));
    revoked.revoke_token(token.jti(), None);
    assert_eq!(verify(Require::access()), Err(AuthError::Revoked));
    assert_eq!(verify(Require::access().even_revoked()), Ok(()));
}

#[test]
fn the_whole_token_is_compared() {
    // JWT-18
    let jwt = with_memory(key(Algorithm::ES256), 64, clock());
    let token = jwt.access("alice").sign().unwrap();
    jwt.verify(token.as_str()).unwrap();
    for at in 0..token.as_str().len() {
        let mut other = token.as_str().to_owned().into_bytes();
        other[at] = if other[at] == b'A' { b'B' } else { b'A' };
        let other = String::from_utf8(other).unwrap();
        assert!(jwt.verify(&other).is_err(), "{at}");
    }
    jwt.verify(token.as_str()).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn with_and_without_a_memory_the_verdict_is_the_same(
        tokens in prop::collection::vec(
            (-20..20_i64, -20..20_i64, -20..20_i64, any::<bool>(), any::<bool>(), any::<bool>(), any::<u8>()),
            1..6,
        ),
        steps in prop::collection::vec((any::<prop::sample::Index>(), -30..30_i64, 0..6_u8), 1..24),
    ) {
        let clock = clock();
        let key = key(Algorithm::EdDSA);
        let (on, off) = (with_memory(key.clone(), 2, clock.clone()), with_memory(key.clone(), 0, clock.clone()));
        let texts: Vec<String> = tokens.iter().map(|(iat, nbf, exp, refresh, fresh, revoked, broken)| {
            let claims = serde_json::json!({
                "iat": NOW + iat, "nbf": NOW + nbf, "exp": NOW + exp, "sub": "alice", "fresh": fresh,
                "type": if *refresh { "refresh" } else { "access" }, "jti": if *revoked { "revoked" } else { "j" },
            });
            let mut text = sign(&claims.to_string());
            if broken % 4 == 0 { text.replace_range(60..61, "."); }
            text
        }).collect();
        for (which, seconds, require) in steps {
            clock.step_to(at(NOW + seconds));
            let token = which.get(&texts);
            let require = match require {
                0 => Require::access(),
                1 => Require::refresh(),
                2 => Require::any().fresh(),
                3 => Require::any().even_expired(),
                4 => Require::any().even_revoked().even_expired(),
                _ => Require::any(),
            };
            prop_assert_eq!(seen(on.verify_as(token, require)), seen(off.verify_as(token, require)));
        }
    }
}

/// A token of any claims.
fn sign(claims: &str) -> String {
    use crate::common::base64;
    let pair = super::made::pair(Algorithm::EdDSA);
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_pkcs8(&pair.pkcs8).unwrap();
    let input = format!("{}.{}", base64(r#"{"alg":"EdDSA"}"#), base64(claims));
    format!("{input}.{}", base64(pair.sign(input.as_bytes())))
}
