//! The recording's keys: its secrets, and key pairs made once a run, since nothing expected depends on them.

use std::sync::LazyLock;

use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use portcullis::{Algorithm, Key, VerifyingKey};

use crate::common::mac;

/// A pair in its two DER forms.
struct Pair {
    name: &'static str,
    private: Vec<u8>,
    public: Vec<u8>,
}

static PAIRS: LazyLock<[Pair; 4]> = LazyLock::new(|| {
    let rsa = |name| {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = pair.public_key().as_der().unwrap().as_ref().to_vec();
        Pair { name, private: pair.as_der().unwrap().as_ref().to_vec(), public }
    };
    let ec = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let ed = Ed25519KeyPair::generate().unwrap();
    [
        rsa("rsa1"),
        rsa("rsa2"),
        Pair {
            name: "ec256",
            private: ec.to_pkcs8v1().unwrap().as_ref().to_vec(),
            public: ec.public_key().as_der().unwrap().as_ref().to_vec(),
        },
        Pair {
            name: "ed25519",
            private: ed.to_pkcs8v1().unwrap().as_ref().to_vec(),
            public: ed.public_key().as_der().unwrap().as_ref().to_vec(),
        },
    ]
});

/// The pair and the half of it that a name means, with or without `$key:`.
fn half(name: &str) -> Option<(&'static Pair, bool)> {
    let (name, part) = name.trim_start_matches("$key:").split_once('.')?;
    let is_private = match part {
        "private" => true,
        "public" => false,
        _ => return None,
    };
    PAIRS.iter().find(|pair| pair.name == name).map(|pair| (pair, is_private))
}

/// A key of the recording by its name, with or without `$key:`: a secret, or PEM.
pub(super) fn text(name: &str) -> String {
    match half(name) {
        Some((pair, true)) => pem("PRIVATE KEY", &pair.private),
        Some((pair, false)) => pem("PUBLIC KEY", &pair.public),
        None => match name.trim_start_matches("$key:") {
            "secret" => "k".repeat(64),
            "other" => "o".repeat(64),
            own => own.to_owned(),
        },
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// The key of this name that signs.
pub(super) fn signing(algorithm: Algorithm, name: &str) -> Result<Key, String> {
    let text = text(name);
    let key = if algorithm.is_symmetric() { Key::hmac(algorithm, text) } else { private(algorithm, &text) };
    key.map_err(|error| error.to_string())
}

/// The key of this name that verifies.
pub(super) fn verifying(algorithm: Algorithm, name: &str) -> Result<VerifyingKey, String> {
    if algorithm.is_symmetric() {
        return signing(algorithm, name).map(VerifyingKey::from);
    }
    public(algorithm, &text(name)).map(VerifyingKey::without_kid).map_err(|error| error.to_string())
}

#[cfg(feature = "asymmetric")]
fn private(algorithm: Algorithm, pem: &str) -> Result<Key, portcullis::KeyError> {
    Key::from_pem(algorithm, pem)
}

#[cfg(feature = "asymmetric")]
fn public(algorithm: Algorithm, pem: &str) -> Result<VerifyingKey, portcullis::KeyError> {
    VerifyingKey::from_pem(algorithm, pem)
}

#[cfg(not(feature = "asymmetric"))]
fn private(algorithm: Algorithm, _: &str) -> Result<Key, portcullis::KeyError> {
    Err(portcullis::KeyError::NotBuilt(algorithm))
}

#[cfg(not(feature = "asymmetric"))]
fn public(algorithm: Algorithm, _: &str) -> Result<VerifyingKey, portcullis::KeyError> {
    Err(portcullis::KeyError::NotBuilt(algorithm))
}

/// A signature that the library had no part in: none for an algorithm that makes none, or not with this key.
pub(super) fn signature(alg: &str, name: &str, input: &[u8]) -> Vec<u8> {
    if let "HS256" | "HS384" | "HS512" = alg {
        return mac(alg, text(name).as_bytes(), input);
    }
    half(name).and_then(|(pair, _)| by_pair(alg, &pair.private, input)).unwrap_or_default()
}

fn by_pair(alg: &str, private: &[u8], input: &[u8]) -> Option<Vec<u8>> {
    let rsa: &dyn signature::RsaEncoding = match alg {
        "ES256" => {
            let pair = EcdsaKeyPair::from_pkcs8(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, private).ok()?;
            return Some(pair.sign(&SystemRandom::new(), input).ok()?.as_ref().to_vec());
        }
        "EdDSA" | "Ed25519" => {
            return Some(Ed25519KeyPair::from_pkcs8(private).ok()?.sign(input).as_ref().to_vec());
        }
        "RS256" => &signature::RSA_PKCS1_SHA256,
        "RS384" => &signature::RSA_PKCS1_SHA384,
        "RS512" => &signature::RSA_PKCS1_SHA512,
        "PS256" => &signature::RSA_PSS_SHA256,
        "PS384" => &signature::RSA_PSS_SHA384,
        "PS512" => &signature::RSA_PSS_SHA512,
        _ => return None,
    };
    let pair = RsaKeyPair::from_pkcs8(private).ok()?;
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(rsa, &SystemRandom::new(), input, &mut signature).ok()?;
    Some(signature)
}
