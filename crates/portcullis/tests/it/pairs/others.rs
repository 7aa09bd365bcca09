//! What we sign others verify, and what they sign we verify: jsonwebtoken and PyJWT, every algorithm.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use base64::Engine as _;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use portcullis::{Algorithm, JwtManager, Key, Require};
use serde_json::{Value, json};

use super::made::{ALL, pair};
use crate::common::SECRET;

/// What a script beside this file answers, run by a Python that has PyJWT and cryptography.
pub(super) fn python(script: &str, question: &Value) -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("../../target/flask/4.7.4/bin/python");
    assert!(python.exists(), "{} is missing: run scripts/flask once", python.display());
    let mut child = Command::new(python)
        .arg(root.join("tests/it/pairs").join(script))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(question.to_string().as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success());
    serde_json::from_slice(&out.stdout).unwrap()
}

/// The others have no clock but the machine's.
fn today(key: Key) -> JwtManager {
    JwtManager::builder(key).configure(|it| it.required_claims = vec!["exp".into()]).build().unwrap()
}

#[test]
fn jsonwebtoken_agrees_for_every_algorithm() {
    // It has no ES512.
    for algorithm in ALL.into_iter().filter(|it| *it != Algorithm::ES512) {
        let (pair, theirs) = (pair(algorithm), algorithm.name().parse::<jsonwebtoken::Algorithm>().unwrap());
        let jwt = today(pair.key());
        let token = jwt.access("alice").sign().unwrap();
        let (private, public) = (pair.private_pem(), pair.public_pem());
        let (encoding, decoding) = match algorithm {
            Algorithm::ES256 | Algorithm::ES384 => {
                (EncodingKey::from_ec_pem(private.as_bytes()), DecodingKey::from_ec_pem(public.as_bytes()))
            }
            Algorithm::EdDSA => {
                (EncodingKey::from_ed_pem(private.as_bytes()), DecodingKey::from_ed_pem(public.as_bytes()))
            }
            _ => {
                (EncodingKey::from_rsa_pem(private.as_bytes()), DecodingKey::from_rsa_pem(public.as_bytes()))
            }
        };
        let mut validation = Validation::new(theirs);
        validation.validate_aud = false;
        let read = jsonwebtoken::decode::<Value>(token.as_str(), &decoding.unwrap(), &validation).unwrap();
        assert_eq!(read.claims["sub"], "alice", "{algorithm}");
        let claims = json!({"sub": "bob", "exp": jsonwebtoken::get_current_timestamp() + 60});
        let theirs = jsonwebtoken::encode(&Header::new(theirs), &claims, &encoding.unwrap()).unwrap();
        assert_eq!(jwt.verify_as(&theirs, Require::any()).unwrap().identity(), "bob", "{algorithm}");
    }
}

#[test]
fn pyjwt_agrees_for_every_algorithm() {
    let secret = base64::engine::general_purpose::STANDARD.encode(SECRET);
    let hmac = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512].map(|algorithm| {
        let jwt = today(Key::hmac(algorithm, SECRET).unwrap());
        let token = jwt.access("alice").sign().unwrap().into_string();
        (jwt, json!({"alg": algorithm.name(), "secret": secret, "token": token}))
    });
    let pairs = ALL.map(|algorithm| {
        let (pair, jwt) = (pair(algorithm), today(pair(algorithm).key()));
        let token = jwt.access("alice").sign().unwrap().into_string();
        let (private, public) = (pair.private_pem(), pair.public_pem());
        let jwk = pair.key().verifying().to_jwk();
        (jwt, json!({"alg": algorithm.name(), "private": private, "public": public, "jwk": jwk, "token": token}))
    });
    let all: Vec<_> = hmac.into_iter().chain(pairs).collect();
    let cases: Vec<&Value> = all.iter().map(|(_, case)| case).collect();
    let answers: Vec<Value> = serde_json::from_value(python("pyjwt.py", &json!(cases))).unwrap();
    for ((jwt, case), answer) in all.iter().zip(&answers) {
        assert_eq!(answer["sub"], "alice", "{}", case["alg"]);
        let theirs = answer["token"].as_str().unwrap();
        assert_eq!(jwt.verify_as(theirs, Require::any()).unwrap().identity(), "bob", "{}", case["alg"]);
    }
}
