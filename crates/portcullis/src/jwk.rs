//! JSON Web Keys (RFC 7517, RFC 7518 section 6, RFC 8037): in with every check, out with public members only.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::{
    Algorithm, Key, KeyError, KeySet, Secret, VerifyingKey,
    jws::{
        asymmetric::{Kind, Private, Public, Signer},
        json,
    },
};

/// The members of a key that matter; the private ones are wiped when it is dropped.
///
/// One that is unknown is ignored (RFC 7517 section 4).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    kid: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    k: Option<Secret>,
    d: Option<Secret>,
    p: Option<Secret>,
    q: Option<Secret>,
    dp: Option<Secret>,
    dq: Option<Secret>,
    qi: Option<Secret>,
    oth: Option<serde::de::IgnoredAny>,
}

/// A set of keys (RFC 7517 section 5).
#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

/// A public key, or a set of them, as others read it: serde writes it as JSON, and its text is that JSON.
///
/// ```
/// use axum::{Json, extract::State};
/// use portcullis::{JwkJson, JwtManager};
///
/// // GET /.well-known/jwks.json
/// async fn jwks(State(jwt): State<JwtManager>) -> Json<JwkJson> {
///     Json(jwt.key_set().to_jwks())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct JwkJson(Value);

impl fmt::Display for JwkJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Key {
    /// A secret or a private key from a JWK. Its `alg` is the algorithm; without one, an elliptic curve has
    /// only one.
    ///
    /// # Errors
    /// [`KeyError`] when the text is no JWK, is for something else than signing (`use`, `key_ops`), names no
    /// algorithm or one that it is no key for, is public, or has halves that do not fit each other.
    pub fn from_jwk(jwk: impl AsRef<str>) -> Result<Self, KeyError> {
        let jwk = Jwk::parse(jwk.as_ref())?;
        jwk.key(jwk.algorithm(None)?)
    }

    /// A secret or a private key from a JWK, for an algorithm that it must not contradict.
    ///
    /// # Errors
    /// As [`from_jwk`](Self::from_jwk).
    pub fn from_jwk_as(algorithm: Algorithm, jwk: impl AsRef<str>) -> Result<Self, KeyError> {
        let jwk = Jwk::parse(jwk.as_ref())?;
        jwk.key(jwk.algorithm(Some(algorithm))?)
    }
}

impl VerifyingKey {
    /// A public key from a JWK; of a private one its public half. Its `alg` is the algorithm; without one, an
    /// elliptic curve has only one.
    ///
    /// Its id is the JWK's, else its RFC 7638 thumbprint.
    ///
    /// # Errors
    /// [`KeyError`] when the text is no JWK, is for something else than verifying (`use`, `key_ops`), names no
    /// algorithm or one that it is no key for, or has numbers that are no key.
    pub fn from_jwk(jwk: impl AsRef<str>) -> Result<Self, KeyError> {
        let jwk = Jwk::parse(jwk.as_ref())?;
        jwk.verifying_key(jwk.algorithm(None)?)
    }

    /// A public key from a JWK, for an algorithm that it must not contradict.
    ///
    /// # Errors
    /// As [`from_jwk`](Self::from_jwk).
    pub fn from_jwk_as(algorithm: Algorithm, jwk: impl AsRef<str>) -> Result<Self, KeyError> {
        let jwk = Jwk::parse(jwk.as_ref())?;
        jwk.verifying_key(jwk.algorithm(Some(algorithm))?)
    }

    /// The public key as a JWK: public members, `alg`, `use` and `kid`. A secret has none.
    pub fn to_jwk(&self) -> Option<JwkJson> {
        let mut members = required_members(self.public()?);
        members.insert("alg".into(), self.algorithm().name().into());
        members.insert("use".into(), "sig".into());
        if let Some(kid) = self.kid() {
            members.insert("kid".into(), kid.into());
        }
        Some(JwkJson(Value::Object(members)))
    }

    /// The RFC 7638 thumbprint (SHA-256, base64url). A secret has none: it could be guessed from one.
    pub fn thumbprint(&self) -> Option<String> {
        self.public().map(thumbprint)
    }
}

impl KeySet {
    /// The keys of a JWKS that verify, in its order; it signs nothing.
    ///
    /// Keys that are not for this are left out: those for encryption, of an unknown kind or algorithm, and RSA
    /// keys that name no algorithm ([`from_jwks_as`](Self::from_jwks_as) takes those).
    ///
    /// # Errors
    /// [`KeyError`] when the text is no JWKS or a key in it is broken.
    pub fn from_jwks(jwks: impl AsRef<str>) -> Result<Self, KeyError> {
        Self::of_jwks(jwks.as_ref(), None)
    }

    /// The keys of a JWKS that verify tokens of one algorithm, those without an `alg` included.
    ///
    /// # Errors
    /// As [`from_jwks`](Self::from_jwks).
    pub fn from_jwks_as(algorithm: Algorithm, jwks: impl AsRef<str>) -> Result<Self, KeyError> {
        Self::of_jwks(jwks.as_ref(), Some(algorithm))
    }

    fn of_jwks(jwks: &str, only: Option<Algorithm>) -> Result<Self, KeyError> {
        strict(jwks)?;
        let jwks: Jwks = serde_json::from_str(jwks).map_err(|_| fault("it is no JWK set"))?;
        let mut set = Self::verify_only([]);
        for jwk in jwks.keys {
            let jwk: Jwk = serde_json::from_value(jwk).map_err(|_| fault("a member has a wrong type"))?;
            let usable = jwk.algorithm(only).ok().filter(|_| jwk.is_for("verify").is_ok());
            if let Some(algorithm) = usable {
                set = set.and(jwk.verifying_key(algorithm)?);
            }
        }
        Ok(set)
    }

    /// The public keys of the set as a JWKS, for others to verify our tokens with. Secrets are not among them.
    pub fn to_jwks(&self) -> JwkJson {
        JwkJson(json!({"keys": self.iter().filter_map(VerifyingKey::to_jwk).collect::<Vec<_>>()}))
    }
}

/// RFC 7638: the hash of the members that make the key, in the order of their names, without blanks.
pub(crate) fn thumbprint(public: &Public) -> String {
    // The map is sorted: serde_json keeps insertion order only with a feature that someone may turn on.
    let members: std::collections::BTreeMap<_, _> = required_members(public).into_iter().collect();
    let text = serde_json::to_string(&members).unwrap_or_default();
    BASE64.encode(Sha256::digest(text))
}

fn required_members(public: &Public) -> Map<String, Value> {
    let members = match public {
        Public::Rsa { n, e } => json!({"kty": "RSA", "n": BASE64.encode(n), "e": BASE64.encode(e)}),
        Public::Ec { x, y } => {
            let crv = match x.len() {
                32 => "P-256",
                48 => "P-384",
                _ => "P-521",
            };
            json!({"kty": "EC", "crv": crv, "x": BASE64.encode(x), "y": BASE64.encode(y)})
        }
        Public::Ed25519 { x } => json!({"kty": "OKP", "crv": "Ed25519", "x": BASE64.encode(x)}),
    };
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

impl Jwk {
    fn parse(text: &str) -> Result<Self, KeyError> {
        strict(text)?;
        // The text of serde's error may show what is in the key.
        serde_json::from_str(text)
            .map_err(|_| fault("it is no JSON object with the members of a key, each of the right type"))
    }

    /// The algorithm that the key is for: the wanted one, its `alg`, its curve's, and no contradiction.
    fn algorithm(&self, wanted: Option<Algorithm>) -> Result<Algorithm, KeyError> {
        let named = match self.alg.as_deref() {
            // RFC 9864's name for what the curve says anyway.
            Some("Ed25519") => Some(Algorithm::EdDSA),
            Some(name) => Some(name.parse().map_err(|_| fault("its \"alg\" is none of ours"))?),
            None => match (self.kty.as_str(), self.crv.as_deref()) {
                ("EC", Some("P-256")) => Some(Algorithm::ES256),
                ("EC", Some("P-384")) => Some(Algorithm::ES384),
                ("EC", Some("P-521")) => Some(Algorithm::ES512),
                ("OKP", Some("Ed25519")) => Some(Algorithm::EdDSA),
                _ => None,
            },
        };
        let algorithm = match (named, wanted) {
            (Some(named), Some(wanted)) if named != wanted => {
                return Err(KeyError::Jwk(format!("it is for {named}, not for {wanted}").into()));
            }
            (Some(algorithm), _) | (None, Some(algorithm)) => algorithm,
            (None, None) => return Err(fault("it has no \"alg\": say which with from_jwk_as")),
        };
        let (kty, crv) = match Kind::of(algorithm) {
            None => ("oct", None),
            Some(Kind::Rsa) => ("RSA", None),
            Some(Kind::P256) => ("EC", Some("P-256")),
            Some(Kind::P384) => ("EC", Some("P-384")),
            Some(Kind::P521) => ("EC", Some("P-521")),
            Some(Kind::Ed25519) => ("OKP", Some("Ed25519")),
        };
        if self.kty != kty || (crv.is_some() && self.crv.as_deref() != crv) {
            return Err(KeyError::Jwk(format!("its \"kty\" or \"crv\" is none of {algorithm}").into()));
        }
        Ok(algorithm)
    }

    /// RFC 7517 sections 4.2 and 4.3: what a key is for, where it says so.
    fn is_for(&self, operation: &str) -> Result<(), KeyError> {
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return Err(fault("its \"use\" is not \"sig\""));
        }
        let allowed = |operations: &Vec<String>| operations.iter().any(|it| it == operation);
        if self.key_ops.as_ref().is_some_and(|operations| !allowed(operations)) {
            return Err(KeyError::Jwk(format!("its \"key_ops\" has no {operation:?}").into()));
        }
        Ok(())
    }

    fn key(&self, algorithm: Algorithm) -> Result<Key, KeyError> {
        self.is_for("sign")?;
        self.pair(algorithm)
    }

    fn verifying_key(&self, algorithm: Algorithm) -> Result<VerifyingKey, KeyError> {
        self.is_for("verify")?;
        if self.d.is_some() || algorithm.is_symmetric() {
            return self.pair(algorithm).map(VerifyingKey::from);
        }
        let key = VerifyingKey::of_numbers(algorithm, self.public(algorithm)?)?;
        match &self.kid {
            Some(kid) => key.with_kid(kid),
            None => Ok(key),
        }
    }

    fn pair(&self, algorithm: Algorithm) -> Result<Key, KeyError> {
        let key = if algorithm.is_symmetric() {
            Key::hmac(algorithm, private("k", self.k.as_ref())?.as_slice())?
        } else {
            self.private_key(algorithm)?
        };
        match &self.kid {
            Some(kid) => key.with_kid(kid),
            None => Ok(key),
        }
    }

    fn private_key(&self, algorithm: Algorithm) -> Result<Key, KeyError> {
        if self.d.is_none() {
            return Err(KeyError::PublicOnly);
        }
        let public = self.public(algorithm)?;
        let d = private("d", self.d.as_ref())?;
        let signer = match &public {
            Public::Rsa { .. } => {
                if self.oth.is_some() {
                    return Err(fault("it has more than two primes"));
                }
                let (p, q) = (private("p", self.p.as_ref())?, private("q", self.q.as_ref())?);
                let (dp, dq) = (private("dp", self.dp.as_ref())?, private("dq", self.dq.as_ref())?);
                let qi = private("qi", self.qi.as_ref())?;
                let numbers = Private::Rsa { d: &d, p: &p, q: &q, dp: &dp, dq: &dq, qi: &qi };
                Signer::from_numbers(algorithm, &public, &numbers)
            }
            Public::Ec { x, .. } if d.len() != x.len() => return Err(fault("its \"d\" has a wrong length")),
            Public::Ec { .. } => Signer::from_numbers(algorithm, &public, &Private::Ec { d: &d }),
            Public::Ed25519 { .. } => Signer::from_numbers(algorithm, &public, &Private::Ed25519 { d: &d }),
        };
        Key::of_pair(algorithm, signer.map_err(|reason| KeyError::Rejected { algorithm, reason })?)
    }

    /// The public numbers: each there, canonical base64url, and of its one length (RFC 7518 section 6).
    fn public(&self, algorithm: Algorithm) -> Result<Public, KeyError> {
        let kind = Kind::of(algorithm).ok_or(KeyError::NoKeyPair(algorithm))?;
        let coordinate = |name, member| {
            let bytes = public(name, member)?;
            let right = bytes.len() == kind.coordinate_bytes();
            if right { Ok(bytes) } else { Err(KeyError::Jwk(format!("{name:?} has a wrong length").into())) }
        };
        let number = |name, member| {
            let bytes = public(name, member)?;
            let right = bytes.first().is_some_and(|first| *first != 0);
            let text = || format!("{name:?} begins with a zero byte or is empty (RFC 7518 section 6.3.1)");
            if right { Ok(bytes) } else { Err(KeyError::Jwk(text().into())) }
        };
        Ok(match kind {
            Kind::Rsa => Public::Rsa { n: number("n", self.n.as_ref())?, e: number("e", self.e.as_ref())? },
            Kind::P256 | Kind::P384 | Kind::P521 => {
                Public::Ec { x: coordinate("x", self.x.as_ref())?, y: coordinate("y", self.y.as_ref())? }
            }
            Kind::Ed25519 => Public::Ed25519 { x: coordinate("x", self.x.as_ref())? },
        })
    }
}

/// Refuses an object with two members of one name, at any depth and in a member that nobody reads too: which of them
/// counts differs from reader to reader (RFC 7517 section 4).
fn strict(text: &str) -> Result<(), KeyError> {
    if json::is_json(text) {
        return Ok(());
    }
    // Without a copy of what may be private. What is skipped so is looked at less closely, hence the two causes.
    let skipped = serde_json::from_str::<serde::de::IgnoredAny>(text);
    Err(fault(match skipped {
        Ok(_) => "an object in it has two members of one name, or a number or an escape is out of range",
        Err(_) => "it is not JSON",
    }))
}

fn public(name: &str, member: Option<&String>) -> Result<Vec<u8>, KeyError> {
    let text = member.ok_or_else(|| KeyError::Jwk(format!("it has no {name:?}").into()))?;
    BASE64.decode(text).map_err(|_| KeyError::Jwk(format!("{name:?} is not canonical base64url").into()))
}

fn private(name: &str, member: Option<&Secret>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let text = member.ok_or_else(|| KeyError::Jwk(format!("it has no {name:?}").into()))?;
    BASE64
        .decode(text.expose())
        .map(Zeroizing::new)
        .map_err(|_| KeyError::Jwk(format!("{name:?} is not canonical base64url").into()))
}

fn fault(text: &'static str) -> KeyError {
    KeyError::Jwk(text.into())
}
