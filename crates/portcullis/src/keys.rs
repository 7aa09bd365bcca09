//! Keys: each carries its one algorithm, and a set says which may verify a token.

use std::{fmt, sync::Arc};

use crate::jws::{self, Algorithm, Header, Jws, JwsError, MAX_KID_BYTES, hmac::HmacKey};

/// A key that signs and verifies with its one algorithm. Clones share the key material.
#[derive(Clone)]
pub struct Key(Arc<KeyInner>);

struct KeyInner {
    algorithm: Algorithm,
    kid: Option<String>,
    hmac: HmacKey,
    /// The encoded headers that nearly every token of this key has, so that they need no parsing.
    usual_headers: [String; 2],
}

/// Why something is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The secret is shorter than the hash (RFC 7518 section 3.2).
    #[error("a secret for {algorithm} has at least {min} bytes, this one has {got}")]
    TooShort {
        /// The algorithm the key was meant for.
        algorithm: Algorithm,
        /// The shortest secret, in bytes.
        min: usize,
        /// What was given, in bytes.
        got: usize,
    },
    /// The secret is empty.
    #[error("the secret is empty")]
    Empty,
    /// The secret looks like a key file: a public key as an HMAC secret lets everybody sign (RFC 8725 section 2.1).
    #[error(
        "the secret looks like a key file (PEM, DER, ssh or JWK): everybody who has the public key could sign"
    )]
    KeyFile,
    /// The key id is empty or longer than [`Key::MAX_KID_BYTES`].
    #[error("a key id has 1 to {} bytes", Key::MAX_KID_BYTES)]
    Kid,
}

impl Key {
    /// The longest key id, in bytes; a longer one in a token is refused unread.
    pub const MAX_KID_BYTES: usize = MAX_KID_BYTES;

    /// A secret for HS256, of at least 32 bytes.
    ///
    /// # Errors
    /// [`KeyError`] when the secret is too short or looks like a key file.
    pub fn hs256(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::hmac(Algorithm::HS256, secret)
    }

    /// A secret for HS384, of at least 48 bytes.
    ///
    /// # Errors
    /// [`KeyError`] when the secret is too short or looks like a key file.
    pub fn hs384(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::hmac(Algorithm::HS384, secret)
    }

    /// A secret for HS512, of at least 64 bytes.
    ///
    /// # Errors
    /// [`KeyError`] when the secret is too short or looks like a key file.
    pub fn hs512(secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::hmac(Algorithm::HS512, secret)
    }

    /// A secret for an algorithm that is known at run time only.
    ///
    /// # Errors
    /// [`KeyError`] when the secret is too short or looks like a key file.
    pub fn hmac(algorithm: Algorithm, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let (min, got) = (algorithm.min_secret_bytes(), secret.as_ref().len());
        if got > 0 && got < min {
            return Err(KeyError::TooShort { algorithm, min, got });
        }
        Self::hmac_of_any_length(algorithm, secret)
    }

    /// A secret of any length but zero, for tokens of an application that is taken over with its secret.
    ///
    /// A secret that is shorter than the hash can be guessed offline from a single token. Verify with it while
    /// old tokens live, sign with a long one.
    ///
    /// # Errors
    /// [`KeyError`] when the secret is empty or looks like a key file.
    pub fn hmac_of_any_length(algorithm: Algorithm, secret: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let secret = secret.as_ref();
        if secret.is_empty() {
            return Err(KeyError::Empty);
        }
        if looks_like_key_file(secret) {
            return Err(KeyError::KeyFile);
        }
        Ok(Self::assemble(algorithm, None, HmacKey::new(algorithm, secret)))
    }

    /// Gives the key an id, which its tokens then carry in the header and are looked up by.
    ///
    /// # Errors
    /// [`KeyError::Kid`] when it is empty or too long.
    pub fn with_kid(self, kid: impl Into<String>) -> Result<Self, KeyError> {
        let kid = kid.into();
        if kid.is_empty() || kid.len() > Self::MAX_KID_BYTES {
            return Err(KeyError::Kid);
        }
        Ok(Self::assemble(self.0.algorithm, Some(kid), self.0.hmac.clone()))
    }

    /// The key's one algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    /// The key's id.
    pub fn kid(&self) -> Option<&str> {
        self.0.kid.as_deref()
    }

    /// Signs a payload as a compact JWS with a header of [`jws::header_json`]'s form.
    pub(crate) fn sign(&self, header: &str, payload: &[u8]) -> String {
        jws::sign(header, payload, |message| self.0.hmac.sign(message))
    }

    fn assemble(algorithm: Algorithm, kid: Option<String>, hmac: HmacKey) -> Self {
        let usual_headers = jws::usual_headers(algorithm, kid.as_deref());
        Self(Arc::new(KeyInner { algorithm, kid, hmac, usual_headers }))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("algorithm", &self.0.algorithm)
            .field("kid", &self.0.kid)
            .finish_non_exhaustive()
    }
}

/// One key that signs and the keys that verify, newest first.
#[derive(Clone, Debug)]
pub(crate) struct KeySet {
    /// The signing key, then earlier ones.
    keys: Vec<Key>,
    any_kid: bool,
}

impl KeySet {
    /// How many keys a token without a `kid` is tried with. More would let a stranger multiply our work.
    pub(crate) const MAX_TRIED: usize = 4;

    pub(crate) fn new(signing: Key, earlier: impl IntoIterator<Item = Key>) -> Self {
        let keys: Vec<Key> = std::iter::once(signing).chain(earlier).collect();
        let any_kid = keys.iter().any(|key| key.kid().is_some());
        Self { keys, any_kid }
    }

    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Verifies a compact JWS with the keys that may.
    ///
    /// # Errors
    /// The first [`JwsError`] that the token has.
    pub(crate) fn verify<'a>(&'a self, token: &'a str) -> Result<Jws<'a>, JwsError> {
        let jws = Jws::parse(token, |encoded| self.usual_header(encoded))?;
        let algorithm = jws.header.algorithm.filter(|algorithm| self.has_algorithm(*algorithm));
        let algorithm = algorithm.ok_or(JwsError::AlgorithmNotAllowed)?;
        let held = self
            .candidates(algorithm, jws.header.kid.as_deref())
            .any(|key| key.0.hmac.verifies(jws.signing_input.as_bytes(), jws.signature.as_bytes()));
        if held { Ok(jws) } else { Err(JwsError::Signature) }
    }

    /// The header that an encoded one stands for, where it is one of the few that nearly every token has.
    fn usual_header(&self, encoded: &str) -> Option<Header<'_>> {
        let key = self.keys.iter().find(|key| key.0.usual_headers.iter().any(|usual| usual == encoded))?;
        Some(Header::usual(key.algorithm(), key.kid()))
    }

    /// The keys that may verify a token whose header says this: of exactly its algorithm, and of its `kid`
    /// where the set knows key ids. A set whose keys all lack one ignores the token's.
    fn candidates<'k>(&'k self, algorithm: Algorithm, kid: Option<&'k str>) -> impl Iterator<Item = &'k Key> {
        let kid = kid.filter(|_| self.any_kid);
        self.keys
            .iter()
            .filter(move |key| key.algorithm() == algorithm && (kid.is_none() || key.kid() == kid))
            .take(Self::MAX_TRIED)
    }

    fn has_algorithm(&self, algorithm: Algorithm) -> bool {
        self.keys.iter().any(|key| key.algorithm() == algorithm)
    }
}

/// Whether a secret is really somebody's key file: PEM, ssh, a JWK or JWKS, or DER; also behind blanks or a BOM,
/// and PEM behind the lines of text that tools write before it.
fn looks_like_key_file(secret: &[u8]) -> bool {
    if is_der_sequence(secret) {
        return true;
    }
    let text = String::from_utf8_lossy(secret);
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c.is_control());
    let begins = ["---- BEGIN", "ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];
    text.contains("-----BEGIN ") || begins.iter().any(|begin| text.starts_with(begin)) || is_jwk(text)
}

fn is_jwk(text: &str) -> bool {
    text.starts_with('{') && (text.contains("\"kty\"") || text.contains("\"keys\""))
}

/// A DER SEQUENCE that fills the bytes: SPKI, PKCS#1, SEC1, PKCS#8 and certificates all are one.
fn is_der_sequence(bytes: &[u8]) -> bool {
    match bytes {
        [0x30, 0x81, length, rest @ ..] => rest.len() == usize::from(*length),
        [0x30, 0x82, high, low, rest @ ..] => rest.len() == usize::from(u16::from_be_bytes([*high, *low])),
        [0x30, length, 0x30, rest @ ..] if *length < 0x80 => rest.len() + 1 == usize::from(*length),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    const SECRET: &[u8] = b"a secret of exactly 32 bytes....";

    #[test]
    fn short_secrets_are_refused_when_the_key_is_made() {
        // JWT-06
        assert!(Key::hs256(SECRET).is_ok());
        assert_eq!(
            Key::hs256(&SECRET[1..]).unwrap_err(),
            KeyError::TooShort { algorithm: Algorithm::HS256, min: 32, got: 31 }
        );
        assert!(matches!(Key::hs384(SECRET), Err(KeyError::TooShort { min: 48, .. })));
        assert!(matches!(Key::hs512(SECRET), Err(KeyError::TooShort { min: 64, .. })));
        assert_eq!(Key::hs256("").unwrap_err(), KeyError::Empty);
        assert!(Key::hmac_of_any_length(Algorithm::HS256, "x").is_ok());
        assert_eq!(Key::hmac_of_any_length(Algorithm::HS256, "").unwrap_err(), KeyError::Empty);
    }

    #[test]
    fn key_files_are_no_secrets() {
        // JWT-05
        let der: Vec<u8> = [&[0x30, 0x82, 0x01, 0x00][..], &[7; 256]].concat();
        let ed25519: Vec<u8> =
            [&[0x30, 0x2a, 0x30, 0x05, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0][..], &[9; 32]].concat();
        for secret in [
            b"-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A".to_vec(),
            b" \r\n\t-----BEGIN CERTIFICATE-----\nMIIBIjANBgkqhkiG9w0B".to_vec(),
            "\u{feff}-----BEGIN RSA PUBLIC KEY-----\nMIIBCgKCAQEA".as_bytes().to_vec(),
            b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ someone".to_vec(),
            br#"  {"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN","e":"AQAB"}"#.to_vec(),
            br#"{"keys":[{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMko"}]}"#.to_vec(),
            der,
            ed25519,
        ] {
            assert_eq!(
                Key::hs256(&secret).unwrap_err(),
                KeyError::KeyFile,
                "{:?}",
                String::from_utf8_lossy(&secret)
            );
        }
    }

    #[test]
    fn a_set_without_key_ids_ignores_the_tokens() {
        let set = KeySet::new(Key::hs256(SECRET).unwrap(), []);
        assert_eq!(set.candidates(Algorithm::HS256, Some("other")).count(), 1);
        assert_eq!(set.candidates(Algorithm::HS512, None).count(), 0);
    }

    #[test]
    fn a_set_with_key_ids_knows_its_own_only() {
        let (new, old) = (Key::hs256(SECRET).unwrap().with_kid("new").unwrap(), Key::hs256(SECRET).unwrap());
        let set = KeySet::new(new, [old.clone(), old.clone(), old.clone(), old]);
        assert_eq!(set.candidates(Algorithm::HS256, Some("new")).count(), 1);
        assert_eq!(set.candidates(Algorithm::HS256, Some("other")).count(), 0);
        assert_eq!(set.candidates(Algorithm::HS256, None).count(), KeySet::MAX_TRIED);
    }

    #[test]
    fn a_key_shows_nothing_of_itself() {
        let shown = format!("{:?}", Key::hs256(SECRET).unwrap());
        assert_eq!(shown, r"Key { algorithm: HS256, kid: None, .. }");
    }

    /// JWT-40: header, payload, signature and key of a standard's own example.
    fn verifies(key: &str, segments: [&str; 3]) -> Result<Vec<u8>, JwsError> {
        let key = Key::hs256(URL_SAFE_NO_PAD.decode(key).unwrap()).unwrap();
        Ok(KeySet::new(key, []).verify(&segments.join("."))?.payload.as_bytes().to_vec())
    }

    #[test]
    fn the_example_of_rfc_7515_appendix_a_1_verifies() {
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let header = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
        let payload =
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let text = b"{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
        assert_eq!(verifies(key, [header, payload, signature]), Ok(text.to_vec()));
        let other = payload.replacen("eyJp", "eyJq", 1);
        assert_eq!(verifies(key, [header, &other, signature]), Err(JwsError::Signature));
    }

    #[test]
    fn the_example_of_rfc_7520_section_4_4_verifies() {
        let key = "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg";
        let header = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9";
        let text = "It\u{2019}s a dangerous business, Frodo, going out your door. You step onto the road, and if \
            you don't keep your feet, there\u{2019}s no knowing where you might be swept off to.";
        let signature = "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0";
        let payload = URL_SAFE_NO_PAD.encode(text);
        assert_eq!(verifies(key, [header, &payload, signature]), Ok(text.as_bytes().to_vec()));
    }
}
