//! Which keys a token is tried with.

use std::sync::Arc;

use portcullis::{Algorithm, AuthError, JwsError, JwtConfig, JwtManager, Key, KeyError};

use crate::common::{HEADER, SECRET, claims, clock, mint_with};

const OLD: [&str; 4] = [
    "the secret before, which is long enough too",
    "the secret before that one, long enough too",
    "short",
    "one secret more than a token is tried with.",
];

fn with_previous(secrets: &[&str]) -> Result<JwtManager, portcullis::JwtConfigErrors> {
    let config: JwtConfig = serde_json::from_value(serde_json::json!({
        "JWT_SECRET_KEY": SECRET,
        "JWT_SECRET_KEYS_PREVIOUS": secrets,
    }))
    .unwrap();
    JwtManager::from_config(config)?.clock(Arc::new(clock())).build()
}

fn signed_by(secret: &str) -> String {
    mint_with("HS256", secret.as_bytes(), HEADER, &claims(&[]))
}

#[test]
fn key_10_earlier_secrets_verify_and_never_sign() {
    let jwt = with_previous(&OLD[..3]).unwrap();
    for secret in [SECRET, OLD[0], OLD[1], OLD[2]] {
        assert!(jwt.verify(&signed_by(secret)).is_ok(), "{secret}");
    }
    for secret in [OLD[3], "", "Short", "short "] {
        assert_eq!(
            jwt.verify(&signed_by(secret)).unwrap_err(),
            AuthError::Jws(JwsError::Signature),
            "{secret}"
        );
    }
    let new = jwt.access("alice").sign().unwrap();
    assert!(with_previous(&[]).unwrap().verify(new.as_str()).is_ok(), "signed with the first secret");
}

#[test]
fn a_retired_secret_is_gone() {
    let jwt = with_previous(&[]).unwrap();
    assert_eq!(jwt.verify(&signed_by(OLD[0])).unwrap_err(), AuthError::Jws(JwsError::Signature));
}

#[test]
fn more_secrets_than_are_tried_are_a_mistake_that_is_said() {
    let problems = with_previous(&OLD).unwrap_err();
    let options: Vec<_> = problems.iter().map(portcullis::JwtConfigError::option).collect();
    assert_eq!(options, ["JWT_SECRET_KEYS_PREVIOUS"]);
}

#[test]
fn jwt_06_only_an_earlier_secret_may_be_short() {
    let config = |secret: &str| JwtConfig { secret_key: Some(secret.into()), ..JwtConfig::default() };
    let problem = |config| JwtManager::from_config(config).err().unwrap().to_string();
    assert_eq!(
        problem(config("short")),
        "JWT_SECRET_KEY: a secret for HS256 has at least 32 bytes, this one has 5"
    );
    assert_eq!(problem(config("")), "JWT_SECRET_KEY: the secret is empty");
    assert_eq!(problem(JwtConfig::default()), "JWT_SECRET_KEY: HS256 needs a secret");
    assert!(with_previous(&[""]).is_err(), "an empty one never");
    let taken_over = JwtConfig { accept_short_secret: true, ..config("short") };
    assert!(JwtManager::from_config(taken_over).is_ok());
}

#[test]
fn every_problem_of_a_configuration_is_said_at_once() {
    let problems = JwtManager::from_config(JwtConfig {
        secret_key: Some("short".into()),
        secret_keys_previous: vec!["".into(), "-----BEGIN PUBLIC KEY-----".into()],
        ..JwtConfig::default()
    });
    assert_eq!(problems.err().unwrap().iter().count(), 3);
    let problems = JwtManager::builder(Key::hs256(SECRET).unwrap()).configure(|config| {
        config.decode_leeway = std::time::Duration::from_secs(301);
        config.identity_claim = Some("type".into());
        config.header_name = "no header".into();
        config.header_type = "two words".into();
    });
    let problems = problems.build().unwrap_err();
    let options: Vec<_> = problems.iter().map(portcullis::JwtConfigError::option).collect();
    assert_eq!(options, ["JWT_IDENTITY_CLAIM", "JWT_DECODE_LEEWAY", "JWT_HEADER_NAME", "JWT_HEADER_TYPE"]);
}

#[test]
fn each_algorithm_verifies_its_own_tokens_and_no_others() {
    // JWT-01
    let secret = SECRET.as_bytes();
    let key = |algorithm| Key::hmac(algorithm, secret).unwrap();
    let all = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
    for of_manager in all {
        let jwt = JwtManager::builder(key(of_manager)).clock(Arc::new(clock())).build().unwrap();
        for of_token in all {
            let header = format!(r#"{{"alg":"{of_token}"}}"#);
            let token = mint_with(of_token.name(), secret, &header, &claims(&[]));
            assert_eq!(jwt.verify(&token).is_ok(), of_manager == of_token, "{of_token} at {of_manager}");
        }
    }
    // Two algorithms side by side: each key for its own.
    let jwt = JwtManager::builder(key(Algorithm::HS512))
        .previous_key(Key::hs256(OLD[0]).unwrap())
        .clock(Arc::new(clock()))
        .build()
        .unwrap();
    let verdict = |alg: &str, secret: &str| {
        jwt.verify(&mint_with(alg, secret.as_bytes(), &format!(r#"{{"alg":"{alg}"}}"#), &claims(&[])))
    };
    assert!(verdict("HS512", SECRET).is_ok());
    assert!(verdict("HS256", OLD[0]).is_ok());
    // A MAC of the first key's algorithm is none under the second's name (JWT-04).
    let disguised = mint_with("HS512", SECRET.as_bytes(), r#"{"alg":"HS256"}"#, &claims(&[]));
    assert_eq!(jwt.verify(&disguised).unwrap_err(), AuthError::Jws(JwsError::Signature));
    assert_eq!(verdict("HS256", SECRET).unwrap_err(), AuthError::Jws(JwsError::Signature));
    assert_eq!(verdict("HS512", OLD[0]).unwrap_err(), AuthError::Jws(JwsError::Signature));
    assert_eq!(verdict("HS384", SECRET).unwrap_err(), AuthError::Jws(JwsError::AlgorithmNotAllowed));
}

#[test]
fn jwt_05_a_key_file_is_no_secret_wherever_its_begin_stands() {
    let pem = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n";
    for secret in [
        pem.to_owned(),
        format!("\u{feff}\n {pem}"),
        format!("Bag Attributes\n    friendlyName: api\n{pem}"),
        format!("# our key\n{pem}"),
    ] {
        assert_eq!(Key::hs256(&secret).unwrap_err(), KeyError::KeyFile, "{secret}");
        assert_eq!(Key::hmac_of_any_length(Algorithm::HS256, &secret).unwrap_err(), KeyError::KeyFile);
    }
}
