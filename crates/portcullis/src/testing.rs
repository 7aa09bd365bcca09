//! Tokens for your own tests: good ones, and every kind that must be refused.
//!
//! Behind the feature `testing`, for `[dev-dependencies]`: what is made here follows no rule.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Clock, Key, NumericDate, SystemClock, TokenKind};

/// A token in the making, with any header and any claims.
///
/// It begins as a good one: issued now, valid for an hour, with an id of its own.
///
/// ```
/// use portcullis::{AuthError, JwtManager, Key, testing::Mint};
///
/// let key = Key::hs256([7; 32])?;
/// let jwt = JwtManager::builder(key.clone()).build()?;
///
/// let good = Mint::access("alice").claim("role", "editor").sign(&key);
/// assert_eq!(jwt.verify(&good)?.identity(), "alice");
///
/// let expired = Mint::access("alice").expired().sign(&key);
/// assert_eq!(jwt.verify(&expired).unwrap_err(), AuthError::Expired);
///
/// let stranger = Mint::access("alice").sign(&Key::hs256([8; 32])?);
/// let unsigned = Mint::access("admin").unsigned();
/// let nameless = Mint::access("alice").without("jti").sign(&key);
/// assert!([stranger, unsigned, nameless].iter().all(|token| jwt.verify(token).is_err()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is made until `sign`"]
pub struct Mint {
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

impl Mint {
    /// How long a token lives unless it is told otherwise.
    const LIFETIME: Duration = Duration::from_hours(1);

    /// A good access token for an identity.
    pub fn access(identity: impl Into<String>) -> Self {
        Self::new(TokenKind::Access, identity.into())
    }

    /// A good refresh token for an identity.
    pub fn refresh(identity: impl Into<String>) -> Self {
        Self::new(TokenKind::Refresh, identity.into())
    }

    /// Nothing at all: no header, no claims.
    pub fn empty() -> Self {
        Self { header: Map::new(), claims: Map::new() }
    }

    fn new(kind: TokenKind, identity: String) -> Self {
        let mint = Self::empty().header("typ", "JWT").claim("sub", identity).claim("type", kind.name());
        let jti = uuid::Uuid::new_v4().to_string();
        mint.claim("jti", jti).claim("fresh", false).issued_at(SystemClock.now().into())
    }

    /// Issued at a moment, and valid from then for an hour: for tests with a manual clock.
    pub fn issued_at(self, now: NumericDate) -> Self {
        let end = now.plus(Self::LIFETIME).seconds();
        self.claim("iat", now.seconds()).claim("nbf", now.seconds()).claim("exp", end)
    }

    /// Fresh, as after a login. A refresh token too, which no [`Issue`](crate::Issue) would be.
    pub fn fresh(self) -> Self {
        self.claim("fresh", true)
    }

    /// Issued two hours before it says now, so that it has been expired for an hour.
    pub fn expired(self) -> Self {
        let issued = self.claims.get("iat").and_then(Value::as_i64).unwrap_or_default();
        self.issued_at(NumericDate::from_seconds(issued).minus(2 * Self::LIFETIME))
    }

    /// Any claim with any value; one that is no JSON is `null`.
    pub fn claim(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        self.claims.insert(name.into(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    /// Without a claim.
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Any header member with any value. `alg` says what it is told to, whatever key signs.
    pub fn header(mut self, name: impl Into<String>, value: impl Serialize) -> Self {
        self.header.insert(name.into(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    /// Signs with a key; the header names the key's algorithm and id unless it was told otherwise.
    pub fn sign(mut self, key: &Key) -> String {
        self.header.entry("alg").or_insert_with(|| key.algorithm().name().into());
        if let Some(kid) = key.kid() {
            self.header.entry("kid").or_insert_with(|| kid.into());
        }
        let (header, payload) = (Value::Object(self.header), Value::Object(self.claims));
        // A system without random bytes has none for the test either: no token, and the test says so.
        key.sign(&header.to_string(), payload.to_string().as_bytes()).unwrap_or_default()
    }

    /// Without a signature, `alg` being `none` unless it was told otherwise (RFC 7515 section 8).
    pub fn unsigned(self) -> String {
        let mint = if self.header.contains_key("alg") { self } else { self.header("alg", "none") };
        let (header, payload) = (Value::Object(mint.header), Value::Object(mint.claims));
        let unsigned =
            crate::jws::sign(&header.to_string(), payload.to_string().as_bytes(), |_| Some(Vec::new()));
        unsigned.unwrap_or_default()
    }
}
