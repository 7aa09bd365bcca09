//! PEM and DER: every form is read, and what is none says what it is.

use aws_lc_rs::{
    encoding::AsDer as _,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RsaKeyPair},
};
use portcullis::{Algorithm, JwtConfig, JwtManager, Key, KeyError, VerifyingKey};

use super::made::{ALL, key, manager, pair, pem, rsa_public_key};
use crate::common::SECRET;

#[test]
fn every_algorithm_signs_and_its_public_half_verifies() {
    for algorithm in ALL {
        let pair = pair(algorithm);
        let private = Key::from_pem(algorithm, pair.private_pem()).unwrap();
        let token = manager(private.clone()).access("alice").sign().unwrap();
        for public in [
            VerifyingKey::from_pem(algorithm, pair.public_pem()).unwrap(),
            VerifyingKey::from_der(algorithm, &pair.spki).unwrap(),
            VerifyingKey::from_pem(algorithm, pair.private_pem()).unwrap(),
            private.verifying(),
        ] {
            assert_eq!(public.kid(), private.kid(), "{algorithm}");
            let claims = manager(public).verify(token.as_str()).unwrap();
            assert_eq!(claims.identity(), "alice");
        }
    }
}

#[test]
fn the_forms_of_one_family_are_read_too() {
    let rsa = pair(Algorithm::RS256);
    let parsed = RsaKeyPair::from_pkcs8(&rsa.pkcs8).unwrap();
    let (pkcs1_public, kid) = (parsed.public_key().as_ref(), key(Algorithm::RS256));
    let text = pem("RSA PUBLIC KEY", pkcs1_public);
    assert_eq!(VerifyingKey::from_pem(Algorithm::PS512, text).unwrap().kid(), kid.kid());
    // PKCS#8 ends in PKCS#1: version, algorithm, and this as an octet string.
    let at = rsa.pkcs8.windows(4).rposition(|it| it[..2] == [0x30, 0x82] && it != &rsa.pkcs8[..4]).unwrap();
    let pkcs1 =
        (0..=at).rev().map(|at| &rsa.pkcs8[at..]).find(|der| RsaKeyPair::from_der(der).is_ok()).unwrap();
    let text = pem("RSA PRIVATE KEY", pkcs1);
    assert_eq!(Key::from_pem(Algorithm::RS256, text).unwrap().kid(), kid.kid());

    let ec = pair(Algorithm::ES256);
    let parsed = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &ec.pkcs8).unwrap();
    let sec1 = parsed.private_key().as_der().unwrap();
    // As openssl writes it: the curve's name stands before the key.
    let text =
        pem("EC PARAMETERS", &[6, 8, 42, 134, 72, 206, 61, 3, 1, 7]) + &pem("EC PRIVATE KEY", sec1.as_ref());
    assert_eq!(Key::from_pem(Algorithm::ES256, &text).unwrap().kid(), ec.key().kid());
    let crlf = text.replace('\n', "\r\n");
    assert!(Key::from_pem(Algorithm::ES256, format!("Key for api\r\n{crlf}\r\n")).is_ok());
}

#[test]
fn what_is_no_key_says_why() {
    let (rsa, ec) = (pair(Algorithm::RS256), pair(Algorithm::ES256));
    let text = |result: Result<Key, KeyError>| result.unwrap_err().to_string();
    let from_pem = |pem: &str| text(Key::from_pem(Algorithm::RS256, pem));
    assert_eq!(from_pem(SECRET), "this is no PEM key: it has no line \"-----BEGIN …\"");
    assert!(from_pem(&pem("CERTIFICATE", &rsa.spki)).contains("openssl x509 -pubkey"));
    assert!(from_pem(&pem("ENCRYPTED PRIVATE KEY", &rsa.pkcs8)).contains("openssl pkcs8"));
    assert!(from_pem(&pem("OPENSSH PRIVATE KEY", &rsa.pkcs8)).contains("ssh-keygen"));
    assert!(from_pem(&format!("{0}{0}", rsa.private_pem())).contains("more than one block"));
    assert!(from_pem(&rsa.private_pem().replace("END PRIVATE", "END PUBLIC")).contains("different things"));
    assert!(from_pem(&rsa.private_pem().replace('M', "*")).contains("not base64"));
    assert_eq!(Key::from_pem(Algorithm::RS256, rsa.public_pem()).unwrap_err(), KeyError::PublicOnly);
    assert_eq!(
        Key::from_pem(Algorithm::HS256, rsa.private_pem()).unwrap_err(),
        KeyError::NoKeyPair(Algorithm::HS256)
    );
    assert_eq!(Key::hmac(Algorithm::RS256, SECRET).unwrap_err(), KeyError::NoSecret(Algorithm::RS256));
    assert!(text(Key::from_der(Algorithm::RS256, b"x")).contains("none of PKCS#8"));
    assert_eq!(
        text(Key::from_pem(Algorithm::RS256, ec.private_pem())),
        "this is no key for RS256: it is no RSA private key, or its numbers do not fit each other"
    );
    // Neither the key nor a part of it is in any text.
    let shown = format!("{:?}", ec.key());
    assert_eq!(shown, format!("Key {{ algorithm: ES256, kid: {:?}, .. }}", ec.key().kid()));
}

#[test]
fn jwt_08_the_curve_is_the_algorithms() {
    for of_key in [Algorithm::ES256, Algorithm::ES384, Algorithm::ES512, Algorithm::EdDSA, Algorithm::RS256] {
        for wanted in ALL {
            let same = of_key == wanted
                || (of_key == Algorithm::RS256
                    && (wanted.name().starts_with("RS") || wanted.name().starts_with("PS")));
            let pair = pair(of_key);
            assert_eq!(Key::from_der(wanted, &pair.pkcs8).is_ok(), same, "{of_key} as {wanted}");
            assert_eq!(VerifyingKey::from_der(wanted, &pair.spki).is_ok(), same, "{of_key} as {wanted}");
        }
    }
}

#[test]
fn jwt_07_small_keys_and_bad_exponents_are_refused() {
    let reason = |n: &[u8], e: &[u8]| match VerifyingKey::from_der(Algorithm::RS256, rsa_public_key(n, e)) {
        Err(KeyError::Rejected { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    let odd = |bytes: usize| [&[0x80], vec![0; bytes - 2].as_slice(), &[1]].concat();
    let below = [&[0x7f], vec![0xff; 255].as_slice()].concat();
    for n in [odd(64), odd(128), odd(255), below] {
        assert!(reason(&n, &[1, 0, 1]).contains("fewer than 2048 bits"));
    }
    assert!(reason(&odd(1025), &[1, 0, 1]).contains("more than 8192 bits"));
    for e in [&[1][..], &[2], &[4], &[1, 0, 0]] {
        assert!(reason(&odd(256), e).contains("exponent"), "{e:?}");
    }
    let mut even = odd(256);
    even[255] = 2;
    assert!(reason(&even, &[1, 0, 1]).contains("even"));
    assert!(VerifyingKey::from_der(Algorithm::RS256, rsa_public_key(&odd(256), &[3])).is_ok());
    assert!(VerifyingKey::from_der(Algorithm::RS256, rsa_public_key(&odd(1024), &[1, 0, 1])).is_ok());
}

#[test]
fn a_configuration_names_keys_as_pem_or_jwk() {
    let pair = pair(Algorithm::ES256);
    let config = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut table = serde_json::json!({"JWT_ALGORITHM": "ES256"});
        change(&mut table);
        let config: JwtConfig = serde_json::from_value(table).unwrap();
        JwtManager::from_config(config).and_then(portcullis::JwtManagerBuilder::build)
    };
    let jwt = config(&|it| it["JWT_PRIVATE_KEY"] = pair.private_pem().into()).unwrap();
    let token = jwt.access("alice").sign().unwrap();
    let reader = config(&|it| it["JWT_PUBLIC_KEY"] = pair.public_pem().into()).unwrap();
    assert!(reader.verify(token.as_str()).is_ok());
    assert_eq!(
        reader.access("alice").sign().unwrap_err().to_string(),
        "there is no signing key: this manager verifies only"
    );
    let jwk = pair.key().verifying().to_jwk().unwrap().to_string();
    assert!(config(&|it| it["JWT_PUBLIC_KEY"] = jwk.clone().into()).unwrap().verify(token.as_str()).is_ok());

    let problem = |change: &dyn Fn(&mut serde_json::Value)| config(change).unwrap_err().to_string();
    assert_eq!(
        problem(&|_| {}),
        "JWT_PRIVATE_KEY: ES256 needs a private key, or a public one to verify only"
    );
    let other = super::made::Pair::new(Algorithm::ES256);
    assert_eq!(
        problem(&|it| {
            it["JWT_PRIVATE_KEY"] = pair.private_pem().into();
            it["JWT_PUBLIC_KEY"] = other.public_pem().into();
        }),
        "JWT_PUBLIC_KEY: is not the other half of JWT_PRIVATE_KEY"
    );
    let with_list = |list: &[&str]| {
        let list = serde_json::json!(list);
        config(&|it| {
            it["JWT_PRIVATE_KEY"] = pair.private_pem().into();
            it["JWT_DECODE_ALGORITHMS"] = list.clone();
        })
    };
    assert!(with_list(&["ES256"]).is_ok());
    assert!(with_list(&[]).is_ok());
    assert_eq!(
        with_list(&["ES256", "HS256"]).unwrap_err().to_string(),
        "JWT_DECODE_ALGORITHMS: there is no key for \"HS256\": a key has one algorithm"
    );
    assert!(with_list(&["none"]).is_err());
}
