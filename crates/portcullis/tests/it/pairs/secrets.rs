//! Earlier secrets beside a key pair: they verify what they signed, and make the pair's public half no secret.

use std::sync::Arc;

use portcullis::{Algorithm, AuthError, JwsError, JwtConfig, JwtManager, Key, KeyError, KeySet};

use super::made::{Pair, manager, pair};
use crate::common::{SECRET, base64, claims, clock, mint_with};

/// The public half as somebody copies it: the lines of its PEM without the first and the last, the same within
/// quotes, in one line, as base64url, and the file in base64 as a whole.
fn without_armour(pair: &Pair) -> [String; 7] {
    let pem = pair.public_pem();
    let lines = pem.lines().filter(|line| !line.starts_with('-')).collect::<Vec<_>>().join("\n");
    let line = lines.replace('\n', "");
    [
        format!("{lines}\n"),
        lines.replace('\n', "\r\n\t"),
        format!("\"{lines}\""),
        format!("'{line}'"),
        line.trim_end_matches('=').to_owned(),
        base64(&pair.spki),
        base64(&pem),
    ]
}

#[test]
fn a_public_key_without_its_armour_is_no_secret() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::ES512, Algorithm::EdDSA] {
        for public in without_armour(&pair(algorithm)) {
            let refused = Key::hmac_of_any_length(Algorithm::HS256, &public);
            assert_eq!(refused.unwrap_err(), KeyError::KeyFile, "{algorithm}: {public}");
        }
    }
}

/// From a secret to a key pair, without an end of the tokens that are out, unless they name a key.
#[test]
fn earlier_secrets_verify_beside_a_key_pair() {
    let pair = pair(Algorithm::ES256);
    let made = |list: &[&str], secrets: &[&str]| {
        let config: JwtConfig = serde_json::from_value(serde_json::json!({
            "JWT_ALGORITHM": "ES256",
            "JWT_PRIVATE_KEY": pair.private_pem(),
            "JWT_DECODE_ALGORITHMS": list,
            "JWT_SECRET_KEYS_PREVIOUS": secrets,
        }))
        .unwrap();
        JwtManager::from_config(config)?.clock(Arc::new(clock())).build()
    };
    let signed = |alg: &str, secret: &str| {
        mint_with(alg, secret.as_bytes(), &format!(r#"{{"alg":{alg:?},"typ":"JWT"}}"#), &claims(&[]))
    };
    let jwt = made(&["ES256", "HS256"], &["short", SECRET]).unwrap();
    assert!(jwt.verify(&signed("HS256", "short")).is_ok());
    assert!(jwt.verify(&signed("HS256", SECRET)).is_ok());
    // The pair has an id, so that an unknown one is refused.
    let header = r#"{"alg":"HS256","typ":"JWT","kid":"2020"}"#;
    let of_kid = mint_with("HS256", SECRET.as_bytes(), header, &claims(&[]));
    assert!(manager(Key::hs256(SECRET).unwrap()).verify(&of_kid).is_ok());
    assert_eq!(jwt.verify(&of_kid).unwrap_err(), AuthError::Jws(JwsError::Signature));
    let with_id = KeySet::new(pair.key()).and(Key::hs256(SECRET).unwrap().with_kid("2020").unwrap());
    assert!(manager(with_id).verify(&of_kid).is_ok(), "unless the secret is given it");
    let new = jwt.access("alice").sign().unwrap();
    assert!(manager(pair.key()).verify(new.as_str()).is_ok(), "the pair signs");
    // One algorithm a key: no other HMAC, and neither half of the pair is a secret.
    let not_allowed = AuthError::Jws(JwsError::AlgorithmNotAllowed);
    assert_eq!(jwt.verify(&signed("HS384", SECRET)).unwrap_err(), not_allowed);
    for known in [pair.public_pem(), pair.private_pem(), String::from_utf8_lossy(&pair.spki).into()] {
        assert_eq!(
            jwt.verify(&signed("HS256", &known)).unwrap_err(),
            AuthError::Jws(JwsError::Signature),
            "{known}"
        );
    }
    let problem = |list: &[&str], secrets: &[&str]| made(list, secrets).unwrap_err().to_string();
    let jwk = pair.key().verifying().to_jwk().unwrap().to_string();
    let blanks = pair.public_pem().replace('\n', " ");
    for public in [pair.public_pem(), blanks, jwk].into_iter().chain(without_armour(&pair)) {
        let problem = problem(&["HS256"], &[SECRET, &public]);
        assert!(
            problem.starts_with("JWT_SECRET_KEYS_PREVIOUS: the secret looks like a key file"),
            "{public}: {problem}"
        );
    }
    for list in [&[][..], &["ES256"]] {
        assert_eq!(
            problem(list, &[SECRET]),
            "JWT_SECRET_KEYS_PREVIOUS: beside a key pair the algorithm of the earlier secrets has to be said: \
             name it in JWT_DECODE_ALGORITHMS, as HS256"
        );
    }
    assert!(problem(&["HS256", "HS512"], &[SECRET]).contains("more than one algorithm with secrets"));
    assert!(problem(&["HS256"], &[""]).contains("the secret is empty"));
    assert!(made(&["HS256", "HS256"], &[SECRET]).is_ok());
    // Too many would let a stranger multiply our work; as many as without a pair.
    assert!(made(&["HS256"], &["one", "two", "three"]).is_ok());
    assert!(problem(&["HS256"], &["one", "two", "three", "four"]).contains("at most three earlier keys"));
    // And the list alone gives nobody a key.
    assert!(problem(&["ES256", "HS256"], &[]).contains("there is no key for \"HS256\""));
}
