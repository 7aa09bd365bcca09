//! Any text at all, and the second opinion of another implementation.

use std::sync::Arc;

use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use portcullis::{Algorithm, Claims, JwtManager, Key, Require, SystemClock};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::common::{HEADER, SECRET, manager, mint, mint_with, payload_of, token};

const ALL: [(Algorithm, jsonwebtoken::Algorithm); 3] = [
    (Algorithm::HS256, jsonwebtoken::Algorithm::HS256),
    (Algorithm::HS384, jsonwebtoken::Algorithm::HS384),
    (Algorithm::HS512, jsonwebtoken::Algorithm::HS512),
];

/// The other implementation has no clock but the machine's, so both sides use that one.
fn today(algorithm: Algorithm) -> JwtManager {
    JwtManager::builder(Key::hmac(algorithm, SECRET).unwrap())
        .clock(Arc::new(SystemClock))
        .configure(|config| config.required_claims = vec!["exp".into()])
        .build()
        .unwrap()
}

fn second_opinion(algorithm: jsonwebtoken::Algorithm, token: &str) -> Result<Value, String> {
    let mut validation = Validation::new(algorithm);
    validation.leeway = 0;
    validation.validate_nbf = true;
    validation.validate_aud = false;
    jsonwebtoken::decode(token, &DecodingKey::from_secret(SECRET.as_bytes()), &validation)
        .map(|data| data.claims)
        .map_err(|error| error.to_string())
}

/// JSON of any shape, a few levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,4}", inner, 0..4)
                .prop_map(|object| Value::Object(object.into_iter().collect())),
        ]
    })
}

/// Times around the present, far away, fractional, and what is none.
fn any_time() -> impl Strategy<Value = Value> {
    let now = i64::try_from(jsonwebtoken::get_current_timestamp()).unwrap();
    let seconds = f64::from(u32::try_from(now).unwrap());
    prop_oneof![
        4 => (now + 60..now + 1_000_000).prop_map(Value::from),
        4 => (now - 1_000_000..now - 60).prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(|number| json!(number)),
        1 => (seconds - 1e6..seconds + 1e6).prop_map(|number| json!(number)),
        1 => any_json(),
    ]
}

fn any_claims() -> impl Strategy<Value = Map<String, Value>> {
    let name = prop_oneof!["[a-z]{1,8}", Just("fresh".into()), Just("type".into()), Just("aud".into())];
    (any_time(), any_time(), any_time(), ".{0,20}", prop::collection::btree_map(name, any_json(), 0..3))
        .prop_map(|(exp, nbf, iat, sub, others)| {
            let mut claims: Map<String, Value> = others.into_iter().collect();
            for (name, value) in [("exp", exp), ("nbf", nbf), ("iat", iat), ("sub", sub.into())] {
                // Half of the optional ones are left out, by a coin that the value itself tosses.
                if name == "exp" || name == "sub" || value.to_string().len() % 2 == 0 {
                    claims.insert(name.into(), value);
                }
            }
            claims
        })
}

/// A token's bytes with a few of them changed, added or taken.
fn mutated(token: &str, changes: &[(u8, prop::sample::Index, u8)]) -> Vec<u8> {
    let mut bytes = token.as_bytes().to_vec();
    for (how, place, byte) in changes {
        let at = place.index(bytes.len());
        match how % 3 {
            0 => bytes[at] = *byte,
            1 => drop(bytes.remove(at)),
            _ => bytes.insert(at, *byte),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn jwt_38_no_text_is_accepted_and_none_panics(text in any::<String>()) {
        prop_assert!(manager().verify(&text).is_err());
    }

    #[test]
    fn jwt_38_nothing_of_the_shape_of_a_token_is_accepted(
        text in r"[A-Za-z0-9_-]{0,80}(\.[A-Za-z0-9_-]{0,80}){1,4}",
    ) {
        prop_assert!(manager().verify(&text).is_err());
    }

    /// The signature holds, so whatever the bytes are they reach every later step.
    #[test]
    fn jwt_38_signed_bytes_of_any_kind_do_not_panic(header in any::<Vec<u8>>(), payload in any::<Vec<u8>>()) {
        prop_assert!(manager().verify(&mint(&header, &payload)).is_err());
        prop_assert!(manager().verify(&mint(HEADER, &payload)).is_err());
        prop_assert!(manager().verify(&mint(&header, crate::common::claims(&[]))).is_err());
    }

    #[test]
    fn a_changed_token_is_refused(
        changes in prop::collection::vec((any::<u8>(), any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let good = token(&[]);
        let bytes = mutated(&good, &changes);
        let accepted = std::str::from_utf8(&bytes).is_ok_and(|text| manager().verify(text).is_ok());
        prop_assert_eq!(accepted, bytes == good.as_bytes());
    }

    /// Whatever we accept, the other accepts too and reads as the same claims.
    #[test]
    fn we_are_at_least_as_strict_as_another(claims in any_claims(), which in 0..3_usize) {
        let (ours, theirs) = ALL[which];
        let token = mint_with(
            ours.name(), SECRET.as_bytes(), &format!(r#"{{"alg":"{ours}","typ":"JWT"}}"#),
            &json!(claims).to_string(),
        );
        // The known differences: the other takes no time before 1970 (RFC 7519 and PyJWT do) and none beyond 64
        // bits, which for us is the end of the range.
        let is_comparable = |name: &str| match claims.get(name).and_then(Value::as_f64) {
            Some(time) => (0.0..1e18).contains(&time),
            None => true,
        };
        let comparable = is_comparable("exp") && is_comparable("nbf");
        if comparable && today(ours).verify_as(&token, Require::any()).is_ok() {
            let same: Value = serde_json::from_str(&payload_of(&token)).unwrap();
            prop_assert_eq!(second_opinion(theirs, &token), Ok(same));
        }
    }

    #[test]
    fn what_we_issue_another_accepts(
        identity in ".{0,40}", name in "[a-z]{6,12}", value in any_json(), which in 0..3_usize,
    ) {
        let (ours, theirs) = ALL[which];
        let token = today(ours).access(&*identity).claim(&*name, &value).sign().unwrap();
        let claims = second_opinion(theirs, token.as_str()).unwrap();
        prop_assert_eq!(&claims["sub"], &json!(identity));
        prop_assert_eq!(&claims["jti"], token.jti());
        prop_assert_eq!(claims, serde_json::from_str::<Value>(&payload_of(token.as_str())).unwrap());
    }

    #[test]
    fn what_another_issues_we_accept(sub in ".{0,40}", life in 60..100_000_u64, which in 0..3_usize) {
        let (ours, theirs) = ALL[which];
        let claims = json!({"sub": sub, "exp": jsonwebtoken::get_current_timestamp() + life});
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        let token = jsonwebtoken::encode(&Header::new(theirs), &claims, &key).unwrap();
        let verified = today(ours).verify(&token);
        prop_assert_eq!(verified.as_ref().map(Claims::identity), Ok(&*sub));
    }
}

/// The property about strictness says nothing if we accept nothing.
#[test]
fn the_claims_that_are_compared_are_accepted_often_enough() {
    use proptest::{strategy::ValueTree as _, test_runner::TestRunner};
    let (mut runner, jwt) = (TestRunner::deterministic(), today(Algorithm::HS256));
    let accepted = (0..400)
        .filter(|_| {
            let claims = any_claims().new_tree(&mut runner).unwrap().current();
            jwt.verify_as(&mint(HEADER, Value::Object(claims).to_string()), Require::any()).is_ok()
        })
        .count();
    assert!(accepted > 20, "{accepted} of 400");
}
