//! Keys that the tests make: one pair an algorithm, once a run.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::{
    encoding::AsDer as _,
    rsa::KeySize,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use portcullis::{Algorithm, JwtManager, Key, KeySet};

use crate::common::clock;

pub(crate) const ALL: [Algorithm; 10] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::EdDSA,
];

/// A pair in its two DER forms.
pub(crate) struct Pair {
    pub(crate) algorithm: Algorithm,
    pub(crate) pkcs8: Vec<u8>,
    pub(crate) spki: Vec<u8>,
}

impl Pair {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let ec = |curve| {
            let pair = EcdsaKeyPair::generate(curve).unwrap();
            (
                pair.to_pkcs8v1().unwrap().as_ref().to_vec(),
                pair.public_key().as_der().unwrap().as_ref().to_vec(),
            )
        };
        let (pkcs8, spki) = match algorithm {
            Algorithm::ES256 => ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Algorithm::ES384 => ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Algorithm::ES512 => ec(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::generate().unwrap();
                let spki = pair.public_key().as_der().unwrap();
                (pair.to_pkcs8v1().unwrap().as_ref().to_vec(), spki.as_ref().to_vec())
            }
            _ => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
                let spki = pair.public_key().as_der().unwrap();
                (pair.as_der().unwrap().as_ref().to_vec(), spki.as_ref().to_vec())
            }
        };
        Self { algorithm, pkcs8, spki }
    }

    pub(crate) fn key(&self) -> Key {
        Key::from_der(self.algorithm, &self.pkcs8).unwrap()
    }

    pub(crate) fn private_pem(&self) -> String {
        pem("PRIVATE KEY", &self.pkcs8)
    }

    pub(crate) fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &self.spki)
    }
}

/// The pair of an algorithm; those of RSA are one, since they take long to make.
pub(crate) fn pair(algorithm: Algorithm) -> Pair {
    static PAIRS: OnceLock<Vec<Pair>> = OnceLock::new();
    let kinds = [Algorithm::RS256, Algorithm::ES256, Algorithm::ES384, Algorithm::ES512, Algorithm::EdDSA];
    let pairs = PAIRS.get_or_init(|| kinds.into_iter().map(Pair::new).collect());
    let same = pairs.iter().find(|pair| pair.algorithm == algorithm).unwrap_or(&pairs[0]);
    Pair { algorithm, pkcs8: same.pkcs8.clone(), spki: same.spki.clone() }
}

pub(crate) fn key(algorithm: Algorithm) -> Key {
    pair(algorithm).key()
}

/// A manager of these keys whose time stands still.
pub(crate) fn manager(keys: impl Into<KeySet>) -> JwtManager {
    JwtManager::builder(keys).clock(Arc::new(clock())).build().unwrap()
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// One DER value.
pub(crate) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        0..0x80 => vec![tag, u8::try_from(length).unwrap()],
        0x80..0x100 => vec![tag, 0x81, u8::try_from(length).unwrap()],
        _ => vec![tag, 0x82, u8::try_from(length >> 8).unwrap(), u8::try_from(length & 0xff).unwrap()],
    };
    [&head, content].concat()
}

/// `RSAPublicKey` of a modulus and an exponent.
pub(crate) fn rsa_public_key(n: &[u8], e: &[u8]) -> Vec<u8> {
    let number = |bytes: &[u8]| {
        let sign: &[u8] = if bytes[0] >= 0x80 { &[0] } else { &[] };
        der(2, &[sign, bytes].concat())
    };
    der(0x30, &[number(n), number(e)].concat())
}
