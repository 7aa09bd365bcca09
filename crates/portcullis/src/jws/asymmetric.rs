//! RSA, ECDSA and Ed25519 (RFC 7518 sections 3.3 to 3.5, RFC 8037), by aws-lc, with keys parsed once.
//!
//! * RSA: 2048 to 8192 bits, an odd exponent of at least 3; PKCS#1 v1.5 by comparing the whole encoding, PSS
//!   with a salt as long as the hash and MGF1 with the same hash.
//! * ECDSA: R and S side by side, each of the curve's length and in 1..n; the nonce mixes the key and the
//!   message into the random number (JWT-34).
//! * Ed25519: S below the group order, R compared byte for byte with the one that is computed (so no other
//!   encoding of it holds), and no cofactor: of the known edge cases only those are accepted that RFC 8032
//!   section 5.1.7 accepts in its strict form. Public keys of small order and in a second encoding are
//!   refused when the key is made; whether the bytes are a point at all shows at each verification.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, ParsedPublicKey, RsaKeyPair},
};

use super::{
    Algorithm,
    der::{self, Form, Spki},
};

/// Why something is no key for an algorithm, in a few words.
pub(crate) type Reason = &'static str;

/// The public half of a key in the numbers that a JWK has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Public {
    /// Modulus and exponent, without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// The coordinates, each as long as the curve has it.
    Ec { x: Vec<u8>, y: Vec<u8> },
    /// The encoded point.
    Ed25519 { x: Vec<u8> },
}

/// The private half of a key in the numbers that a JWK has.
pub(crate) enum Private<'a> {
    Rsa { d: &'a [u8], p: &'a [u8], q: &'a [u8], dp: &'a [u8], dq: &'a [u8], qi: &'a [u8] },
    Ec { d: &'a [u8] },
    Ed25519 { d: &'a [u8] },
}

/// The kinds of key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

impl Kind {
    /// The kind of key that an algorithm takes; `None` for the HMAC family.
    pub(crate) fn of(algorithm: Algorithm) -> Option<Self> {
        Some(match algorithm {
            Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => return None,
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512 => Self::Rsa,
            Algorithm::ES256 => Self::P256,
            Algorithm::ES384 => Self::P384,
            Algorithm::ES512 => Self::P521,
            Algorithm::EdDSA => Self::Ed25519,
        })
    }

    /// The length of a coordinate; RSA has none.
    pub(crate) const fn coordinate_bytes(self) -> usize {
        match self {
            Self::Rsa => 0,
            Self::P256 | Self::Ed25519 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    const fn not_public(self) -> Reason {
        match self {
            Self::Rsa => "it is no RSA public key",
            Self::P256 => "it is no uncompressed point of the curve P-256",
            Self::P384 => "it is no uncompressed point of the curve P-384",
            Self::P521 => "it is no uncompressed point of the curve P-521",
            Self::Ed25519 => "it is no Ed25519 public key",
        }
    }

    const fn not_private(self) -> Reason {
        match self {
            Self::Rsa => "it is no RSA private key, or its numbers do not fit each other",
            Self::P256 => "it is no private key of the curve P-256, or its halves do not fit each other",
            Self::P384 => "it is no private key of the curve P-384, or its halves do not fit each other",
            Self::P521 => "it is no private key of the curve P-521, or its halves do not fit each other",
            Self::Ed25519 => "it is no Ed25519 private key, or its halves do not fit each other",
        }
    }
}

impl Public {
    /// Reads a public key of one of the two public forms.
    pub(crate) fn from_der(kind: Kind, form: Form, der: &[u8]) -> Result<Self, Reason> {
        let spki = if form == Form::Spki { der::spki(der) } else { Some(Spki::Rsa(der)) };
        match (kind, spki) {
            (Kind::Rsa, Some(Spki::Rsa(der))) => Self::rsa(der),
            (Kind::P256, Some(Spki::Ec { curve: der::P256, point }))
            | (Kind::P384, Some(Spki::Ec { curve: der::P384, point }))
            | (Kind::P521, Some(Spki::Ec { curve: der::P521, point })) => Self::ec(kind, point),
            (Kind::Ed25519, Some(Spki::Ed25519(x))) => Some(Self::Ed25519 { x: x.to_vec() }),
            _ => None,
        }
        .ok_or(kind.not_public())
    }

    fn rsa(pkcs1: &[u8]) -> Option<Self> {
        let (n, e) = der::rsa_public_key(pkcs1)?;
        Some(Self::Rsa { n: n.to_vec(), e: e.to_vec() })
    }

    fn ec(kind: Kind, point: &[u8]) -> Option<Self> {
        let (x, y) = point.strip_prefix(&[4])?.split_at_checked(kind.coordinate_bytes())?;
        (x.len() == y.len()).then(|| Self::Ec { x: x.to_vec(), y: y.to_vec() })
    }
}

/// A public key ready for use.
pub(crate) struct Verifier {
    public: Public,
    key: ParsedPublicKey,
}

impl Verifier {
    /// Checks a public key and makes it ready for one algorithm.
    pub(crate) fn new(algorithm: Algorithm, public: Public) -> Result<Self, Reason> {
        let kind = Kind::of(algorithm).ok_or("it takes a secret")?;
        let key = match &public {
            Public::Rsa { n, e } if kind == Kind::Rsa => {
                check_rsa(n, e)?;
                let components = signature::RsaPublicKeyComponents { n, e };
                rsa_parameters(algorithm).and_then(|it| components.to_parsed_public_key(it).ok())
            }
            Public::Ec { x, y } if x.len() == kind.coordinate_bytes() && y.len() == x.len() => {
                let point = [&[4], x.as_slice(), y].concat();
                match kind {
                    Kind::P256 => ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).ok(),
                    Kind::P384 => ParsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point).ok(),
                    Kind::P521 => ParsedPublicKey::new(&signature::ECDSA_P521_SHA512_FIXED, point).ok(),
                    Kind::Rsa | Kind::Ed25519 => None,
                }
            }
            Public::Ed25519 { x } if kind == Kind::Ed25519 && x.len() == kind.coordinate_bytes() => {
                check_ed25519(x)?;
                ParsedPublicKey::new(&signature::ED25519, x).ok()
            }
            _ => None,
        };
        Ok(Self { key: key.ok_or(kind.not_public())?, public })
    }

    pub(crate) fn public(&self) -> &Public {
        &self.public
    }

    /// Whether `signature` is one of this key over `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }
}

/// RFC 7518 section 3.3: 2048 bits or more; more than 8192 are work for whoever verifies and nothing else.
fn check_rsa(n: &[u8], e: &[u8]) -> Result<(), Reason> {
    let bits = n.len() * 8 - n.first().map_or(0, |first| first.leading_zeros() as usize);
    let odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
    match () {
        () if bits < 2048 => Err("the modulus has fewer than 2048 bits: make a new key"),
        () if bits > 8192 => Err("the modulus has more than 8192 bits"),
        () if !odd(n) => Err("the modulus is even"),
        () if !odd(e) || *e == [1] => Err("the exponent is not an odd number of at least 3"),
        () => Ok(()),
    }
}

/// The y-coordinates of the points of small order, which verify anything (RFC 8032 has no use for them).
const SMALL_ORDER: [[u8; 32]; 5] = [
    small_number(0),
    small_number(1),
    P_LESS_ONE,
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

/// 2^255 - 20, little-endian: the largest y that is written in its one way.
const P_LESS_ONE: [u8; 32] = {
    let mut bytes = [0xff; 32];
    bytes[0] = 0xec;
    bytes[31] = 0x7f;
    bytes
};

const fn small_number(number: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = number;
    bytes
}

fn check_ed25519(x: &[u8]) -> Result<(), Reason> {
    let mut y = <[u8; 32]>::try_from(x).map_err(|_| Kind::Ed25519.not_public())?;
    if let Some(last) = y.last_mut() {
        *last &= 0x7f; // the sign of the other coordinate
    }
    if y.iter().rev().gt(P_LESS_ONE.iter().rev()) {
        return Err("the point is not in its one encoding");
    }
    if SMALL_ORDER.contains(&y) { Err("the point has a small order: it verifies anything") } else { Ok(()) }
}

fn rsa_parameters(algorithm: Algorithm) -> Option<&'static signature::RsaParameters> {
    Some(match algorithm {
        Algorithm::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &signature::RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

fn rsa_encoding(algorithm: Algorithm) -> Option<&'static signature::RsaSignatureEncoding> {
    Some(match algorithm {
        Algorithm::RS256 => &signature::RSA_PKCS1_SHA256,
        Algorithm::RS384 => &signature::RSA_PKCS1_SHA384,
        Algorithm::RS512 => &signature::RSA_PKCS1_SHA512,
        Algorithm::PS256 => &signature::RSA_PSS_SHA256,
        Algorithm::PS384 => &signature::RSA_PSS_SHA384,
        Algorithm::PS512 => &signature::RSA_PSS_SHA512,
        _ => return None,
    })
}

/// A private key ready for use. aws-lc wipes it from memory when it is dropped.
pub(crate) enum Signer {
    Rsa(RsaKeyPair, &'static signature::RsaSignatureEncoding),
    Ec(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// Reads a private key of one of the three private forms.
    pub(crate) fn from_der(algorithm: Algorithm, form: Form, der: &[u8]) -> Result<Self, Reason> {
        let kind = Kind::of(algorithm).ok_or("it takes a secret")?;
        match (kind, form) {
            (Kind::Rsa, Form::Pkcs8) => Self::rsa(algorithm, RsaKeyPair::from_pkcs8(der).ok()),
            (Kind::Rsa, Form::Pkcs1Private) => Self::rsa(algorithm, RsaKeyPair::from_der(der).ok()),
            (Kind::P256 | Kind::P384 | Kind::P521, Form::Pkcs8 | Form::Sec1) => {
                EcdsaKeyPair::from_private_key_der(ecdsa(kind), der).ok().map(Self::Ec)
            }
            (Kind::Ed25519, Form::Pkcs8) => Ed25519KeyPair::from_pkcs8(der).ok().map(Self::Ed25519),
            _ => None,
        }
        .ok_or(kind.not_private())
    }

    /// Makes a private key of a JWK's numbers; both halves have to fit each other.
    pub(crate) fn from_numbers(
        algorithm: Algorithm,
        public: &Public,
        private: &Private<'_>,
    ) -> Result<Self, Reason> {
        let kind = Kind::of(algorithm).ok_or("it takes a secret")?;
        match (kind, public, private) {
            (Kind::Rsa, Public::Rsa { n, e }, Private::Rsa { d, p, q, dp, dq, qi }) => {
                let components = aws_lc_rs::rsa::KeyPairComponents {
                    public_key: signature::RsaPublicKeyComponents { n, e },
                    d,
                    p,
                    q,
                    dP: dp,
                    dQ: dq,
                    qInv: qi,
                };
                Self::rsa(algorithm, RsaKeyPair::from_components(&components).ok())
            }
            (Kind::P256 | Kind::P384 | Kind::P521, Public::Ec { x, y }, Private::Ec { d }) => {
                let point = [&[4], x.as_slice(), y].concat();
                EcdsaKeyPair::from_private_key_and_public_key(ecdsa(kind), d, &point).ok().map(Self::Ec)
            }
            (Kind::Ed25519, Public::Ed25519 { x }, Private::Ed25519 { d }) if d.len() == 32 => {
                Ed25519KeyPair::from_seed_and_public_key(d, x).ok().map(Self::Ed25519)
            }
            _ => None,
        }
        .ok_or(kind.not_private())
    }

    fn rsa(algorithm: Algorithm, pair: Option<RsaKeyPair>) -> Option<Self> {
        Some(Self::Rsa(pair?, rsa_encoding(algorithm)?))
    }

    /// The other half.
    pub(crate) fn public(&self) -> Option<Public> {
        match self {
            Self::Rsa(pair, _) => Public::rsa(pair.public_key().as_ref()),
            Self::Ec(pair) => {
                let point = pair.public_key().as_ref().strip_prefix(&[4])?;
                let (x, y) = point.split_at_checked(point.len() / 2)?;
                Some(Public::Ec { x: x.to_vec(), y: y.to_vec() })
            }
            Self::Ed25519(pair) => Some(Public::Ed25519 { x: pair.public_key().as_ref().to_vec() }),
        }
    }

    /// Signs; `None` when the system gives no random bytes.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Self::Ec(pair) => pair.sign(&random, message).ok().map(|it| it.as_ref().to_vec()),
            Self::Ed25519(pair) => pair.try_sign(message).ok().map(|it| it.as_ref().to_vec()),
        }
    }
}

fn ecdsa(kind: Kind) -> &'static signature::EcdsaSigningAlgorithm {
    match kind {
        Kind::P521 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
        Kind::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        _ => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
    }
}
