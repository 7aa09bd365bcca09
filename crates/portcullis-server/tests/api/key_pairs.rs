//! Tokens that a key pair signs.

use aws_lc_rs::{
    encoding::AsDer,
    rsa::KeySize,
    signature::{Ed25519KeyPair, RsaKeyPair},
};
use axum::http::StatusCode;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

use crate::support::TestApp;

fn pem(der: &[u8]) -> String {
    let label = "PRIVATE KEY";
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

fn ed25519() -> String {
    pem(Ed25519KeyPair::generate().unwrap().to_pkcs8v1().unwrap().as_ref())
}

fn rsa() -> String {
    pem(RsaKeyPair::generate(KeySize::Rsa2048).unwrap().as_der().unwrap().as_ref())
}

#[tokio::test]
async fn a_login_is_signed_with_the_pair_and_opens_what_is_guarded() {
    // KEY-12, SUP-05
    for (algorithm, key) in [("EdDSA", ed25519()), ("RS256", rsa())] {
        let app = TestApp::with(&[("JWT_ALGORITHM", algorithm), ("JWT_PRIVATE_KEY", &key)]).await;
        app.register("alice").await;
        let tokens = app.login("alice").await;
        let head = URL_SAFE_NO_PAD.decode(tokens.access.split('.').next().unwrap()).unwrap();
        let head: serde_json::Value = serde_json::from_slice(&head).unwrap();
        assert_eq!(head["alg"], algorithm);
        assert_eq!(app.get_as("/tests/secret", &tokens.access).await.status, StatusCode::OK);
        let by_secret = TestApp::new().await.register("alice").await;
        let answer = app.get_as("/tests/secret", &by_secret.access).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_service_with_a_key_pair_makes_no_secret() {
    let instance = tempfile::tempdir().unwrap();
    let key = ed25519();
    let environment = [("JWT_ALGORITHM", "EdDSA"), ("JWT_PRIVATE_KEY", key.as_str())].into_iter().collect();
    let sources = portcullis_server::config::Sources {
        instance: instance.path().to_owned(),
        profile: Some("testing".to_owned()),
        environment,
        command_line: Vec::new(),
    };
    let (config, _) = portcullis_server::config::load(&sources).unwrap();
    let clock = std::sync::Arc::new(portcullis::ManualClock::at(portcullis::NumericDate::from_seconds(
        1_900_000_000,
    )));
    let state = portcullis_server::state::AppState::open(&config, clock).await.unwrap();
    assert!(!instance.path().join("jwt_secret").exists());
    state.close().await;
}
