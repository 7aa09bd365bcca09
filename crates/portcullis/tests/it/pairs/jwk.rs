//! JWK and JWKS: in with every check (KEY-02, KEY-03), out with public members only (KEY-04).

use portcullis::{Algorithm, Key, KeyError, KeySet, VerifyingKey};
use serde_json::{Value, json};

use super::made::{ALL, key, manager};
use crate::common::{base64, unbase64};

/// The key of RFC 8037 appendix A.1: an example that everyone may know.
fn ed25519() -> Value {
    json!({
        "kty": "OKP", "crv": "Ed25519",
        "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    })
}

/// The key of RFC 7515 appendix A.3.
fn p256() -> Value {
    json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
    })
}

fn with(mut jwk: Value, member: &str, value: impl Into<Value>) -> String {
    jwk[member] = value.into();
    jwk.to_string()
}

fn without(mut jwk: Value, member: &str) -> Value {
    jwk.as_object_mut().unwrap().remove(member);
    jwk
}

#[test]
fn key_01_thumbprints_are_those_of_the_standards() {
    let rsa = json!({
        "kty": "RSA", "e": "AQAB", "alg": "RS256",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    });
    let rsa = VerifyingKey::from_jwk(rsa.to_string()).unwrap();
    assert_eq!(rsa.kid(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"), "RFC 7638 section 3.1");
    let ed = Key::from_jwk(ed25519().to_string()).unwrap();
    assert_eq!(ed.kid(), Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"), "RFC 8037 appendix A.3");
    assert_eq!(ed.verifying().thumbprint().as_deref(), ed.kid());
    assert_eq!(Key::hs256([7; 32]).unwrap().kid(), None);
    assert_eq!(Key::hs256([7; 32]).unwrap().verifying().thumbprint(), None);
}

#[test]
fn the_example_key_of_rfc_8037_signs_and_verifies() {
    let keys = Key::from_jwk(ed25519().to_string()).unwrap().without_kid();
    let token = manager(keys.clone()).access("alice").sign().unwrap();
    assert!(portcullis::jws::verify(token.as_str(), &KeySet::from(keys)).is_ok());
}

#[test]
fn key_04_what_goes_out_is_public_and_comes_in_again() {
    for algorithm in ALL {
        let key = key(algorithm);
        let jwk = json!(key.verifying().to_jwk());
        let names: Vec<&str> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        let public = ["alg", "crv", "e", "kid", "kty", "n", "use", "x", "y"];
        assert!(names.iter().all(|name| public.contains(name)), "{algorithm}: {names:?}");
        let again = VerifyingKey::from_jwk(jwk.to_string()).unwrap();
        assert_eq!((again.algorithm(), again.kid()), (algorithm, key.kid()));
        let token = manager(key).access("alice").sign().unwrap();
        assert!(manager(again).verify(token.as_str()).is_ok(), "{algorithm}");
    }
    let set = KeySet::new(Key::hs256([7; 32]).unwrap()).and(key(Algorithm::ES256)).and(key(Algorithm::EdDSA));
    let jwks = json!(set.to_jwks());
    assert_eq!(jwks.to_string(), set.to_jwks().to_string());
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 2, "no secret in it");
    let reader = KeySet::from_jwks(jwks.to_string()).unwrap();
    assert_eq!(reader.iter().count(), 2);
    assert!(reader.signing().is_none());
}

#[test]
fn key_02_numbers_that_are_no_key_are_refused() {
    let text = |jwk: String| VerifyingKey::from_jwk(jwk).unwrap_err().to_string();
    let (public, x) = (without(p256(), "d"), unbase64(p256()["x"].as_str().unwrap()));
    assert!(VerifyingKey::from_jwk(public.to_string()).is_ok());
    assert!(text(with(public.clone(), "x", base64(&x[1..]))).contains("\"x\" has a wrong length"));
    assert!(
        text(with(public.clone(), "x", base64([&[0], &*x].concat()))).contains("\"x\" has a wrong length")
    );
    assert!(text(with(public.clone(), "x", base64([7; 32]))).contains("no uncompressed point"));
    assert!(text(with(public.clone(), "x", base64([0; 32]))).contains("no uncompressed point"));
    assert!(text(with(public.clone(), "x", base64([0xff; 32]))).contains("no uncompressed point"));
    assert!(
        text(with(public.clone(), "x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV")).contains("base64url")
    );
    assert!(text(without(public.clone(), "y").to_string()).contains("it has no \"y\""));
    assert!(text(with(public, "crv", "secp256k1")).contains("no \"alg\""));
    // Both halves have to fit each other.
    for (jwk, d) in [(p256(), base64([7; 32])), (ed25519(), base64([7; 32])), (p256(), base64([7; 31]))] {
        assert!(Key::from_jwk(with(jwk, "d", d)).is_err());
    }
    let rsa = json!(key(Algorithm::RS256).verifying().to_jwk());
    let n = unbase64(rsa["n"].as_str().unwrap());
    assert!(text(with(rsa.clone(), "n", base64([&[0], &*n].concat()))).contains("begins with a zero byte"));
    assert!(text(with(rsa.clone(), "e", base64([0, 1, 0, 1]))).contains("begins with a zero byte"));
    assert!(text(with(rsa.clone(), "e", base64([2]))).contains("exponent"));
    assert!(text(with(rsa, "n", base64(&n[..128]))).contains("fewer than 2048 bits"));
    let oct = json!({"kty": "oct", "alg": "HS256", "k": base64([7; 31])});
    assert!(text(oct.to_string()).contains("at least 32 bytes"));
    for bad in ["", "[]", "{}", r#"{"kty":"EC","kty":"RSA"}"#, r#"{"kty":7}"#] {
        assert!(matches!(VerifyingKey::from_jwk(bad), Err(KeyError::Jwk(_))), "{bad}");
    }
}

#[test]
fn key_02_edwards_points_of_small_order_and_in_a_second_encoding_are_refused() {
    // JWT-10: with such a key a signature holds for messages that nobody signed.
    let refused = |x: [u8; 32]| {
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64(x)});
        VerifyingKey::from_jwk(jwk.to_string()).is_err()
    };
    let small = |first: u8, rest: u8, last: u8| {
        let mut bytes = [rest; 32];
        (bytes[0], bytes[31]) = (first, last);
        bytes
    };
    for bytes in [
        small(0, 0, 0),
        small(0, 0, 0x80),
        small(1, 0, 0),
        small(1, 0, 0x80),
        small(0xec, 0xff, 0x7f),
        small(0xec, 0xff, 0xff),
        small(0xed, 0xff, 0x7f),
        small(0xee, 0xff, 0xff),
        [0xff; 32],
    ] {
        assert!(refused(bytes), "{bytes:?}");
    }
}

/// Two readers of one text would take different keys out of it.
#[test]
fn an_object_with_two_members_of_one_name_is_no_key() {
    let jwk = without(p256(), "d").to_string();
    let members = jwk.strip_prefix('{').unwrap();
    for more in [
        r#""kty":"EC","#,
        r#""kt\u0079":"EC","#,
        r#""own":1,"own":1,"#,
        r#""own":1,"\u006fwn":1,"#,
        r#""own":[{"deep":{"a":1,"a":2}}],"#,
    ] {
        let doubled = format!("{{{more}{members}");
        let says =
            |error: KeyError| assert!(error.to_string().contains("two members of one name"), "{error}");
        says(VerifyingKey::from_jwk(&doubled).unwrap_err());
        says(VerifyingKey::from_jwk_as(Algorithm::ES256, &doubled).unwrap_err());
        says(
            Key::from_jwk(format!("{{{more}{}", p256().to_string().strip_prefix('{').unwrap())).unwrap_err(),
        );
        says(KeySet::from_jwks(format!(r#"{{"keys":[{jwk},{doubled}]}}"#)).unwrap_err());
        says(KeySet::from_jwks_as(Algorithm::ES256, format!(r#"{{"keys":[{doubled}]}}"#)).unwrap_err());
    }
    for set in [r#"{"keys":[],"keys":[]}"#, r#"{"keys":[],"next":1,"next":2}"#] {
        let error = KeySet::from_jwks(set).unwrap_err();
        assert!(error.to_string().contains("two members of one name"), "{error}");
    }
    assert_eq!(KeySet::from_jwks("{").unwrap_err(), KeyError::Jwk("it is not JSON".into()));
    assert!(VerifyingKey::from_jwk(format!(r#"{{"own":[{{"a":1}},{{"a":1}}],{members}"#)).is_ok());
}

#[test]
fn key_03_a_key_that_is_for_something_else_is_not_used() {
    let public = || without(p256(), "d");
    for (member, value) in [
        ("use", json!("enc")),
        ("key_ops", json!(["encrypt"])),
        ("key_ops", json!([])),
        ("alg", json!("ES384")),
        ("alg", json!("ECDH-ES")),
        ("alg", json!("es256")),
    ] {
        let jwk = with(public(), member, value.clone());
        assert!(VerifyingKey::from_jwk(&jwk).is_err(), "{member} {value}");
        let jwks = format!(r#"{{"keys":[{jwk},{}]}}"#, without(ed25519(), "d"));
        let kept: Vec<_> = KeySet::from_jwks(jwks).unwrap().iter().map(VerifyingKey::algorithm).collect();
        assert_eq!(kept, [Algorithm::EdDSA], "{member} {value}");
    }
    assert!(VerifyingKey::from_jwk(with(public(), "use", "sig")).is_ok());
    assert!(VerifyingKey::from_jwk(with(public(), "key_ops", json!(["verify"]))).is_ok());
    assert!(Key::from_jwk(with(p256(), "key_ops", json!(["sign"]))).is_ok());
    assert!(Key::from_jwk(with(p256(), "key_ops", json!(["verify"]))).is_err());
    assert!(VerifyingKey::from_jwk_as(Algorithm::ES384, public().to_string()).is_err());
    assert_eq!(Key::from_jwk(public().to_string()).unwrap_err(), KeyError::PublicOnly);
    // An RSA key fits six algorithms, so somebody has to say which.
    let rsa = without(json!(key(Algorithm::RS256).verifying().to_jwk()), "alg").to_string();
    assert!(VerifyingKey::from_jwk(&rsa).is_err());
    assert_eq!(VerifyingKey::from_jwk_as(Algorithm::PS256, &rsa).unwrap().algorithm(), Algorithm::PS256);
    let jwks = format!(r#"{{"keys":[{rsa}]}}"#);
    assert_eq!(KeySet::from_jwks(&jwks).unwrap().iter().count(), 0);
    assert_eq!(KeySet::from_jwks_as(Algorithm::RS256, &jwks).unwrap().iter().count(), 1);
    // A private key is published by mistake: its public half is all that is taken.
    assert!(VerifyingKey::from_jwk(p256().to_string()).is_ok());
}
