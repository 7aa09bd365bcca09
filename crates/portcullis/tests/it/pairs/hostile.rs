//! What a stranger may send to somebody who verifies with public keys.

use std::{collections::BTreeMap, sync::Arc};

use portcullis::{Algorithm, AuthError, JwsError, JwtManager, Key, KeyError, KeySet, RevocationIndex, jws};
use serde_json::json;

use super::{
    made::{ALL, Pair, key, manager, pair},
    others::python,
};
use crate::common::{base64, claims, clock, mac, unbase64};

const SIGNATURE: Result<(), AuthError> = Err(AuthError::Jws(JwsError::Signature));
const ALGORITHM: Result<(), AuthError> = Err(AuthError::Jws(JwsError::AlgorithmNotAllowed));

fn verdict(jwt: &JwtManager, token: &str) -> Result<(), AuthError> {
    jwt.verify(token).map(drop)
}

/// A good token and its parts.
fn token(algorithm: Algorithm) -> (JwtManager, String, String, Vec<u8>) {
    let jwt = manager(key(algorithm));
    let token = jwt.access("alice").sign().unwrap().into_string();
    let (input, signature) = token.rsplit_once('.').unwrap();
    let parts = (input.to_owned(), unbase64(signature));
    (jwt, token, parts.0, parts.1)
}

#[test]
fn jwt_04_each_algorithm_verifies_its_own_tokens_and_no_others() {
    let managers = ALL.map(|algorithm| manager(key(algorithm).without_kid()));
    for (signer, of_token) in managers.iter().zip(ALL) {
        let token = signer.access("alice").sign().unwrap();
        for (reader, of_reader) in managers.iter().zip(ALL) {
            let expected = if of_token == of_reader { Ok(()) } else { ALGORITHM };
            assert_eq!(verdict(reader, token.as_str()), expected, "{of_token} at {of_reader}");
        }
    }
}

#[test]
fn jwt_05_a_public_key_is_no_secret() {
    for algorithm in ALL {
        let pair = pair(algorithm);
        let jwk = pair.key().verifying().to_jwk().unwrap().to_string();
        for secret in [pair.public_pem().into_bytes(), pair.spki.clone(), jwk.into_bytes()] {
            assert_eq!(Key::hs256(&secret).unwrap_err(), KeyError::KeyFile, "{algorithm}");
            // And whoever signs with it anyway is refused by the public key's manager.
            let input = format!("{}.{}", base64(r#"{"alg":"HS256","typ":"JWT"}"#), base64(claims(&[])));
            let forged = format!("{input}.{}", base64(mac("HS256", &secret, input.as_bytes())));
            assert_eq!(verdict(&manager(pair.key().verifying()), &forged), ALGORITHM);
            // With the algorithm's own name it is a signature that does not hold.
            let header = format!(r#"{{"alg":"{algorithm}","typ":"JWT"}}"#);
            let input = format!("{}.{}", base64(header), base64(claims(&[])));
            let forged = format!("{input}.{}", base64(mac("HS256", &secret, input.as_bytes())));
            assert_eq!(verdict(&manager(pair.key().verifying()), &forged), SIGNATURE);
        }
    }
}

#[test]
fn jwt_02_none_is_refused_by_every_key() {
    for algorithm in ALL {
        let (jwt, _, _, signature) = token(algorithm);
        for name in ["none", "None", "nOnE", "NONE", ""] {
            let input = format!("{}.{}", base64(json!({"alg": name}).to_string()), base64(claims(&[])));
            assert_eq!(verdict(&jwt, &format!("{input}.")), ALGORITHM, "{name}");
            assert_eq!(verdict(&jwt, &format!("{input}.{}", base64(&signature))), ALGORITHM, "{name}");
        }
    }
}

#[test]
fn jwt_14_a_signature_has_one_length() {
    for algorithm in ALL {
        let (jwt, good, input, signature) = token(algorithm);
        assert_eq!(verdict(&jwt, &good), Ok(()));
        let half = signature.len() / 2;
        let hex: Vec<u8> = signature.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect();
        for (what, bytes) in [
            ("empty", Vec::new()),
            ("one byte less", signature[..signature.len() - 1].to_vec()),
            ("without the first byte", signature[1..].to_vec()),
            ("half", signature[..half].to_vec()),
            ("one byte more", [&*signature, &[0]].concat()),
            ("a zero before", [&[0], &*signature].concat()),
            ("twice", [&*signature, &*signature].concat()),
            ("halves changed", [&signature[half..], &signature[..half]].concat()),
            ("hex", hex),
            ("zeros", vec![0; signature.len()]),
            ("ones", vec![1; signature.len()]),
            ("all bits", vec![0xff; signature.len()]),
        ] {
            assert_eq!(verdict(&jwt, &format!("{input}.{}", base64(bytes))), SIGNATURE, "{algorithm} {what}");
        }
        for at in [0, half, signature.len() - 1] {
            let mut changed = signature.clone();
            changed[at] ^= 0x10;
            assert_eq!(verdict(&jwt, &format!("{input}.{}", base64(changed))), SIGNATURE, "{algorithm} {at}");
        }
    }
}

/// Big-endian (SEC 2).
const ORDER_OF_P256: &str = "_____wAAAAD__________7zm-q2nF56E87nKwvxjJVE";

#[test]
fn jwt_08_and_09_ecdsa_values_are_in_range_and_side_by_side() {
    // The orders of the curves (SEC 2), big-endian.
    let orders = [
        (Algorithm::ES256, ORDER_OF_P256),
        (Algorithm::ES384, "________________________________x2NNgfQ3Ld9YGg2ySLCneuzsGWrMxSlz"),
        (
            Algorithm::ES512,
            "Af__________________________________________-lGGh4O_L5Zrf8wBSPcJpdA7tcm4iZxHrrtvtx6ROGQJ",
        ),
    ];
    for (algorithm, n) in orders {
        let (jwt, _, input, signature) = token(algorithm);
        let (r, s) = signature.split_at(signature.len() / 2);
        let (zero, n) = (vec![0; r.len()], unbase64(n));
        let plus_n = |value: &[u8]| {
            let mut sum = vec![0; value.len()];
            let mut carry = 0;
            for at in (0..value.len()).rev() {
                let total = u16::from(value[at]) + u16::from(n[at]) + carry;
                sum[at] = u8::try_from(total & 0xff).unwrap();
                carry = total >> 8;
            }
            sum
        };
        for (what, bytes) in [
            ("r = 0", [&zero, s].concat()),
            ("s = 0", [r, &zero].concat()),
            ("both 0", [&*zero, &zero].concat()),
            ("r = n", [&*n, s].concat()),
            ("s = n", [r, &n].concat()),
            ("r + n", [&*plus_n(r), s].concat()),
            ("s + n", [r, &plus_n(s)].concat()),
        ] {
            assert_eq!(verdict(&jwt, &format!("{input}.{}", base64(bytes))), SIGNATURE, "{algorithm} {what}");
        }
        let integer = |value: &[u8]| {
            let kept = &value[value.iter().position(|byte| *byte != 0).unwrap()..];
            let sign: &[u8] = if kept[0] >= 0x80 { &[0] } else { &[] };
            super::made::der(2, &[sign, kept].concat())
        };
        let der = super::made::der(0x30, &[integer(r), integer(s)].concat());
        assert_eq!(verdict(&jwt, &format!("{input}.{}", base64(der))), SIGNATURE, "{algorithm} in DER");
    }
}

/// Whoever has a token of ECDSA can sign it once more without the key: with (r, s) verifies (r, n - s).
#[test]
fn jwt_18_a_revoked_token_is_revoked_under_both_its_signatures() {
    let revoked = Arc::new(RevocationIndex::new());
    let jwt = JwtManager::builder(key(Algorithm::ES256)).clock(Arc::new(clock())).revocation(revoked.clone());
    let jwt = jwt.build().unwrap();
    let token = jwt.access("alice").sign().unwrap();
    let (input, signature) = token.as_str().rsplit_once('.').unwrap();
    let (mut other, n) = (unbase64(signature), unbase64(ORDER_OF_P256));
    let mut borrow = 0;
    for at in (0..32).rev() {
        let rest = i16::from(n[at]) - i16::from(other[32 + at]) - borrow;
        other[32 + at] = u8::try_from(rest.rem_euclid(256)).unwrap();
        borrow = i16::from(rest < 0);
    }
    let spellings = [token.as_str().to_owned(), format!("{input}.{}", base64(other))];
    assert!(spellings.iter().all(|token| verdict(&jwt, token) == Ok(())), "both are genuine");
    revoked.revoke_token(token.jti(), None);
    assert!(spellings.iter().all(|token| verdict(&jwt, token) == Err(AuthError::Revoked)));
}

/// By whoever has the private key, so that nothing but the form is wrong.
#[test]
fn jwt_11_and_12_rsa_signatures_have_one_form() {
    let pair = pair(Algorithm::RS256);
    let inputs = ["RS256", "PS256"].map(|name| {
        let header = base64(json!({"alg": name, "typ": "JWT"}).to_string());
        (name, format!("{header}.{}", base64(claims(&[]))))
    });
    let question = json!({"private": pair.private_pem(), "inputs": BTreeMap::from(inputs.clone())});
    let answer = python("forge.py", &question);
    for (name, input) in inputs {
        let signatures = answer[name].as_object().unwrap();
        assert!(signatures.len() > 5);
        let jwt = manager(Key::from_pem(name.parse().unwrap(), pair.private_pem()).unwrap());
        for (what, signature) in signatures {
            let expected = if what == "right" { Ok(()) } else { SIGNATURE };
            let token = format!("{input}.{}", signature.as_str().unwrap());
            assert_eq!(verdict(&jwt, &token), expected, "{name}: {what}");
        }
    }
}

#[test]
fn jwt_10_ed25519_is_strict() {
    let (jwt, _, input, signature) = token(Algorithm::EdDSA);
    let (r, s) = signature.split_at(32);
    // S + L is the same number for whoever does not check the range; L is little-endian (RFC 8032 section 5.1).
    let l = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    let s_plus_l: Vec<u8> = s
        .iter()
        .zip(l)
        .map(|(a, b)| {
            let total = u16::from(*a) + u16::from(b) + carry;
            carry = total >> 8;
            u8::try_from(total & 0xff).unwrap()
        })
        .collect();
    let identity = [&[1][..], &[0; 31]].concat();
    let identity_again = [&[0xee][..], &[0xff; 30], &[0x7f]].concat();
    for (what, bytes) in [
        ("S + L", [r, &s_plus_l].concat()),
        ("S = L", [r, &l].concat()),
        ("R is the identity, S = 0", [&*identity, &[0; 32]].concat()),
        ("R is the identity in a second encoding", [&*identity_again, &[0; 32]].concat()),
        ("the sign bit of R", [&r[..31], &[r[31] ^ 0x80], s].concat()),
    ] {
        assert_eq!(verdict(&jwt, &format!("{input}.{}", base64(bytes))), SIGNATURE, "{what}");
    }
}

#[test]
fn jwt_35_the_name_ed25519_is_accepted_when_asked_for() {
    let key = key(Algorithm::EdDSA).without_kid();
    let payload = base64(claims(&[]));
    let good = manager(key.clone()).access("alice").sign().unwrap();
    assert!(good.as_str().starts_with(&base64(r#"{"alg":"EdDSA","typ":"JWT"}"#)));
    // Whoever holds the private key may write the other name.
    let input = format!("{}.{payload}", base64(r#"{"alg":"Ed25519","typ":"JWT"}"#));
    let pair = aws_lc_rs::signature::Ed25519KeyPair::from_pkcs8(&pair(Algorithm::EdDSA).pkcs8).unwrap();
    let token = format!("{input}.{}", base64(pair.sign(input.as_bytes())));
    assert_eq!(verdict(&manager(key.clone()), &token), ALGORITHM);
    let both = manager(KeySet::new(key).accepting_ed25519_name());
    assert_eq!(verdict(&both, &token), Ok(()));
    assert_eq!(verdict(&both, good.as_str()), Ok(()));
    let other = manager(KeySet::new(super::made::key(Algorithm::ES256)).accepting_ed25519_name());
    assert_eq!(verdict(&other, &token), ALGORITHM);
}

#[test]
fn jwt_21_a_key_in_the_header_is_no_key() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let (ours, theirs) = (key(algorithm), Pair::new(algorithm));
        let jwk = theirs.key().verifying().to_jwk().unwrap();
        for kid in [None, ours.kid(), theirs.key().kid()] {
            let header = json!({
                "alg": algorithm.name(), "typ": "JWT", "jwk": jwk, "kid": kid,
                "jku": "https://evil.example/jwks", "x5u": "https://evil.example/x5", "x5c": ["AA"],
            });
            let mut header = header;
            if kid.is_none() {
                header.as_object_mut().unwrap().remove("kid");
            }
            let token = signed_by(&theirs, &header.to_string());
            assert_eq!(verdict(&manager(ours.clone()), &token), SIGNATURE, "{algorithm} {kid:?}");
        }
    }
}

/// A token of a header of one's own.
fn signed_by(pair: &Pair, header: &str) -> String {
    use aws_lc_rs::{rand::SystemRandom, signature as sig};
    let input = format!("{}.{}", base64(header), base64(claims(&[])));
    let (random, message) = (SystemRandom::new(), input.as_bytes());
    let signature = match pair.algorithm {
        Algorithm::ES256 => {
            let key =
                sig::EcdsaKeyPair::from_pkcs8(&sig::ECDSA_P256_SHA256_FIXED_SIGNING, &pair.pkcs8).unwrap();
            key.sign(&random, message).unwrap().as_ref().to_vec()
        }
        Algorithm::EdDSA => {
            sig::Ed25519KeyPair::from_pkcs8(&pair.pkcs8).unwrap().sign(message).as_ref().to_vec()
        }
        _ => {
            let key = sig::RsaKeyPair::from_pkcs8(&pair.pkcs8).unwrap();
            let mut signature = vec![0; key.public_modulus_len()];
            key.sign(&sig::RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
            signature
        }
    };
    format!("{input}.{}", base64(signature))
}

#[test]
fn jwt_22_and_23_a_key_id_finds_its_key_or_nothing() {
    let ours = pair(Algorithm::EdDSA);
    let jwt = manager(ours.key());
    let header = |kid: &str| format!(r#"{{"alg":"EdDSA","typ":"JWT","kid":{kid}}}"#);
    let own = format!("{:?}", ours.key().kid().unwrap());
    assert_eq!(verdict(&jwt, &signed_by(&ours, &header(&own))), Ok(()));
    assert_eq!(verdict(&jwt, &signed_by(&ours, r#"{"alg":"EdDSA"}"#)), Ok(()));
    for kid in [r#""""#, r#""other""#, r#""../../dev/null""#, r#""' OR 1=1 --""#, r#""https://evil.example""#]
    {
        assert_eq!(verdict(&jwt, &signed_by(&ours, &header(kid))), SIGNATURE, "{kid}");
    }
    for kid in ["7", "null", "[]", "{}"] {
        let refused = Err(AuthError::Jws(JwsError::Kid));
        assert_eq!(verdict(&jwt, &signed_by(&ours, &header(kid))), refused, "{kid}");
    }
}

#[test]
fn a_plain_jws_carries_any_payload() {
    let pair = pair(Algorithm::EdDSA);
    let keys = KeySet::from(pair.key());
    let token = signed_by(&pair, r#"{"alg":"EdDSA","typ":"logout+jwt","cty":"x","mine":1}"#);
    let jws = jws::verify(&token, &keys).unwrap();
    assert_eq!(jws.payload(), claims(&[]).as_bytes());
    assert_eq!(
        (jws.algorithm(), jws.kid(), jws.typ(), jws.cty()),
        (Some(Algorithm::EdDSA), None, Some("logout+jwt"), Some("x"))
    );
    assert_eq!(jws.header_json(), r#"{"alg":"EdDSA","typ":"logout+jwt","cty":"x","mine":1}"#);
    assert_eq!(verdict(&manager(pair.key()), &token), Err(AuthError::Typ));
}
