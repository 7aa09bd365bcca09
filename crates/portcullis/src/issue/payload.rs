//! What is written into a new token: our claims in their order, and one's own claims and header members, which never
//! overwrite them.

use std::borrow::Cow;

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;

use super::{Given, IssueError, Issuing};
use crate::{Freshness, NumericDate, TokenKind};

/// The payload, in the order in which Flask-JWT-Extended writes it.
pub(super) struct NewClaims<'a> {
    pub(super) issuing: &'a Issuing,
    pub(super) kind: TokenKind,
    pub(super) identity: &'a str,
    pub(super) jti: &'a str,
    pub(super) freshness: Freshness,
    pub(super) issued_at: NumericDate,
    pub(super) expires_at: NumericDate,
    pub(super) csrf: Option<&'a str>,
    pub(super) session: Option<(String, u32)>,
    pub(super) custom: Vec<(String, Value)>,
}

impl Serialize for NewClaims<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut claims = serializer.serialize_map(None)?;
        match self.freshness {
            Freshness::Stale => claims.serialize_entry("fresh", &false)?,
            Freshness::Fresh => claims.serialize_entry("fresh", &true)?,
            Freshness::Until(end) => claims.serialize_entry("fresh", &end.seconds())?,
        }
        claims.serialize_entry("iat", &self.issued_at.seconds())?;
        claims.serialize_entry("jti", self.jti)?;
        claims.serialize_entry("type", self.kind.name())?;
        claims.serialize_entry(&self.issuing.identity_claim, self.identity)?;
        if self.issuing.not_before {
            claims.serialize_entry("nbf", &self.issued_at.seconds())?;
        }
        if let Some(csrf) = self.csrf {
            claims.serialize_entry("csrf", csrf)?;
        }
        match self.issuing.audience.as_slice() {
            [] => {}
            [one] => claims.serialize_entry("aud", one)?,
            many => claims.serialize_entry("aud", many)?,
        }
        if let Some(issuer) = &self.issuing.issuer {
            claims.serialize_entry("iss", issuer)?;
        }
        claims.serialize_entry("exp", &self.expires_at.seconds())?;
        if let Some((id, generation)) = &self.session {
            claims.serialize_entry("sid", id)?;
            claims.serialize_entry("gen", generation)?;
        }
        for (name, value) in &self.custom {
            claims.serialize_entry(name, value)?;
        }
        claims.end()
    }
}

/// Claims that nobody but the library sets: one's own must never overwrite what a guard relies on, here or in an
/// application of Flask-JWT-Extended 3.x, which reads `identity`.
const RESERVED: [&str; 13] =
    ["aud", "csrf", "exp", "fresh", "gen", "iat", "identity", "iss", "jti", "nbf", "sid", "sub", "type"];

/// Header members that tell a verifier what to do (RFC 7515 section 4.1, RFC 7797): a key id comes with its key.
const RESERVED_HEADER: [&str; 12] =
    ["alg", "b64", "crit", "cty", "jku", "jwk", "kid", "typ", "x5c", "x5t", "x5t#S256", "x5u"];

impl Issuing {
    /// One's own claims as they are written: beside ours, or in the member that 3.x has for them.
    pub(super) fn own_claims(
        &self,
        given: Vec<Given>,
        kind: TokenKind,
    ) -> Result<Vec<(String, Value)>, IssueError> {
        let Some((member, in_refresh_tokens)) = &self.nested else {
            let reserved = |name: &str| name == self.identity_claim || RESERVED.contains(&name);
            return own_members(given, reserved, IssueError::ReservedClaim);
        };
        // In an object of their own they overwrite nothing.
        let own = own_members(given, |_| false, IssueError::ReservedClaim)?;
        if own.is_empty() || kind == TokenKind::Refresh && !in_refresh_tokens {
            return Ok(Vec::new());
        }
        Ok(vec![(member.clone(), Value::Object(own.into_iter().collect()))])
    }
}

/// A header with members of one's own behind the usual ones.
pub(super) fn with_members(usual: &str, given: Vec<Given>) -> Result<Cow<'_, str>, IssueError> {
    let reserved = |name: &str| RESERVED_HEADER.contains(&name);
    let own = own_members(given, reserved, IssueError::ReservedHeader)?;
    if own.is_empty() {
        return Ok(Cow::Borrowed(usual));
    }
    let own = Value::Object(own.into_iter().collect()).to_string();
    let (usual, own) = (usual.strip_suffix('}').unwrap_or(usual), own.strip_prefix('{').unwrap_or(&own));
    Ok(Cow::Owned(format!("{usual},{own}")))
}

fn own_members(
    given: Vec<Given>,
    reserved: impl Fn(&str) -> bool,
    refuse: fn(String) -> IssueError,
) -> Result<Vec<(String, Value)>, IssueError> {
    let mut members: Vec<(String, Value)> = Vec::with_capacity(given.len());
    for (name, value) in given {
        if reserved(&name) {
            return Err(refuse(name));
        }
        if members.iter().any(|(known, _)| *known == name) {
            return Err(IssueError::DuplicateClaim(name));
        }
        match value {
            Ok(value) => members.push((name, value)),
            Err(error) => return Err(IssueError::ClaimJson(name, error.into())),
        }
    }
    Ok(members)
}
