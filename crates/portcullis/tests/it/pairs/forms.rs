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
    // SUP-05
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

/// The pair with `id-RSASSA-PSS` and these parameters in place of `rsaEncryption`, as PKCS#8 and as SPKI.
fn bound_to_pss(pair: &super::made::Pair, parameters: &[u8]) -> [Vec<u8>; 2] {
    const RSA: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
    let length = u8::try_from(11 + parameters.len()).unwrap();
    let pss = [&[0x30, length], &RSA[2..12], &[10], parameters].concat();
    [&pair.pkcs8, &pair.spki].map(|der| {
        let at = der.windows(RSA.len()).position(|bytes| bytes == RSA).unwrap();
        let content = [&der[4..at], &pss, &der[at + RSA.len()..]].concat();
        [&[0x30, 0x82], u16::try_from(content.len()).unwrap().to_be_bytes().as_slice(), &content].concat()
    })
}

#[test]
fn a_key_for_pss_alone_is_one_for_pss() {
    let rsa = pair(Algorithm::RS256);
    let [private, public] = bound_to_pss(&rsa, &[]);
    for algorithm in ALL {
        let (signing, verifying) =
            (Key::from_der(algorithm, &private), VerifyingKey::from_der(algorithm, &public));
        if algorithm.name().starts_with("PS") {
            let plain = Key::from_der(algorithm, &rsa.pkcs8).unwrap();
            assert_eq!(signing.unwrap().kid(), plain.kid());
            assert_eq!(verifying.unwrap().kid(), plain.kid());
            assert_eq!(VerifyingKey::from_der(algorithm, &private).unwrap().kid(), plain.kid());
        } else if algorithm.name().starts_with("RS") {
            for error in [signing.unwrap_err(), verifying.unwrap_err()] {
                assert_eq!(
                    error.to_string(),
                    format!(
                        "this is no key for {algorithm}: it is for PSS alone (id-RSASSA-PSS): PS256, PS384 and PS512 take it"
                    )
                );
            }
        } else {
            assert!(signing.is_err() && verifying.is_err(), "{algorithm}");
        }
    }
    // Parameters, here those of SHA-1 and of nothing, and the way out.
    for parameters in [&[0x30, 0][..], &[5, 0]] {
        let [private, public] = bound_to_pss(&rsa, parameters);
        let private = Key::from_der(Algorithm::PS256, private).unwrap_err().to_string();
        assert!(private.contains("with parameters") && private.contains("-traditional"), "{private}");
        let public = VerifyingKey::from_der(Algorithm::PS256, public).unwrap_err().to_string();
        assert!(public.contains("with parameters") && public.contains("-RSAPublicKey_out"), "{public}");
    }
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
    // JWT-01
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
