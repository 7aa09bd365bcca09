//! The JOSE header: what it may say, and the little that is taken from it.

use std::{borrow::Cow, fmt};

use base64::Engine as _;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use super::BASE64;
use crate::{
    error::AuthError,
    json::{self, Name, Names, Value},
    keys::{Algorithm, Key},
};

/// The kind of token that the header names by `typ` (RFC 7519 section 5.1, RFC 9068 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typ {
    /// `JWT`, or nothing.
    Jwt,
    /// `at+jwt`: an access token and nothing else.
    AccessToken,
}

/// A header that was understood.
#[derive(Debug)]
pub(crate) struct Header<'k> {
    /// `None` for a name that is none of ours.
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) kid: Option<Cow<'k, str>>,
    pub(crate) typ: Typ,
}

impl<'k> Header<'k> {
    /// The header of a token whose encoded header is a key's usual one.
    pub(crate) fn usual(algorithm: Algorithm, kid: Option<&'k str>) -> Self {
        Self { algorithm: Some(algorithm), kid: kid.map(Cow::Borrowed), typ: Typ::Jwt }
    }

    /// Reads a header. The outer error is of its spelling; the inner one, of what it says, comes after those
    /// of the other segments' spelling.
    pub(crate) fn decode(segment: &str) -> Result<Result<Self, AuthError>, AuthError> {
        let bytes = BASE64.decode(segment).map_err(|_| AuthError::HeaderEncoding)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| AuthError::HeaderJson)?;
        let Ok(Members(members)) = serde_json::from_str::<Members<'_>>(text) else {
            let object = text.trim_start().starts_with('{');
            return Err(if object || !json::is_json(text) {
                AuthError::HeaderJson
            } else {
                AuthError::HeaderNotObject
            });
        };
        Ok(members.understand())
    }
}

/// The members that matter, as they stand in the header.
#[derive(Default)]
struct HeaderMembers<'de> {
    alg: Option<Value<'de>>,
    kid: Option<Value<'de>>,
    typ: Option<Value<'de>>,
    cty: Option<Value<'de>>,
    crit: Option<Value<'de>>,
    b64: Option<Value<'de>>,
}

struct Members<'de>(HeaderMembers<'de>);

impl HeaderMembers<'_> {
    /// Refuses what must not be there and takes what is needed. `jwk`, `jku`, `x5u` and `x5c` are as unknown
    /// members: they never supply a key (RFC 8725 section 3.10).
    fn understand(self) -> Result<Header<'static>, AuthError> {
        let kid = match self.kid {
            None => None,
            Some(Value::Text(kid)) if kid.len() <= Key::MAX_KID_BYTES => Some(Cow::Owned(kid.into_owned())),
            Some(Value::Text(_)) => return Err(AuthError::Signature),
            Some(_) => return Err(AuthError::Kid),
        };
        if let Some(crit) = self.crit {
            return Err(AuthError::Critical { extension: first_extension(&crit) });
        }
        // RFC 7797: an unencoded payload is another kind of JWS, and a JWT never is one (section 7).
        if self.b64.is_some() {
            return Err(AuthError::Critical { extension: Some("b64".to_owned()) });
        }
        // RFC 7519 section 5.2: a nested JWT is not what was asked for.
        match &self.cty {
            None => {}
            Some(Value::Text(cty)) if !is_media_type(cty, "jwt") => {}
            Some(_) => return Err(AuthError::Typ),
        }
        let typ = match &self.typ {
            None => Typ::Jwt,
            Some(Value::Text(typ)) if is_media_type(typ, "jwt") => Typ::Jwt,
            Some(Value::Text(typ)) if is_media_type(typ, "at+jwt") => Typ::AccessToken,
            Some(_) => return Err(AuthError::Typ),
        };
        let algorithm = match self.alg {
            None => return Err(AuthError::AlgorithmMissing),
            Some(Value::Text(name)) => Algorithm::from_name(&name),
            Some(_) => None,
        };
        Ok(Header { algorithm, kid, typ })
    }
}

/// The first name in a `crit` list; we understand no extension, so each is one too many (RFC 7515 4.1.11).
fn first_extension(crit: &Value<'_>) -> Option<String> {
    match crit {
        Value::Texts(names) => names.first().map(|name| name.clone().into_owned()),
        _ => None,
    }
}

/// Compares a `typ` or `cty` as RFC 7515 section 4.1.9 has it: without case, `application/` implied.
fn is_media_type(value: &str, expected: &str) -> bool {
    let prefix = "application/";
    let bare = match value.get(..prefix.len()) {
        Some(start) if start.eq_ignore_ascii_case(prefix) => value.get(prefix.len()..).unwrap_or_default(),
        _ => value,
    };
    bare.eq_ignore_ascii_case(expected)
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let (mut members, mut names) = (HeaderMembers::default(), Names::default());
        while let Some((Name(name), value)) = object.next_entry::<Name<'de>, Value<'de>>()? {
            let place = match &*name {
                "alg" => Some(&mut members.alg),
                "kid" => Some(&mut members.kid),
                "typ" => Some(&mut members.typ),
                "cty" => Some(&mut members.cty),
                "crit" => Some(&mut members.crit),
                "b64" => Some(&mut members.b64),
                _ => None,
            };
            if let Some(place) = place {
                *place = Some(value);
            }
            if !names.is_new(name) {
                return Err(serde::de::Error::custom("duplicate member"));
            }
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(json: &str) -> Result<Header<'static>, AuthError> {
        Header::decode(&BASE64.encode(json))?
    }

    #[test]
    fn a_header_gives_its_algorithm_kind_and_key_id() {
        let header = decode(r#"{"alg":"HS256","typ":"application/AT+JWT","kid":"k","x":[1]}"#).unwrap();
        assert_eq!((header.algorithm, header.typ), (Some(Algorithm::HS256), Typ::AccessToken));
        assert_eq!(header.kid.as_deref(), Some("k"));
        assert_eq!(decode(r#"{"alg":"hs256"}"#).unwrap().algorithm, None);
    }

    #[test]
    fn what_must_not_be_in_a_header_is_refused() {
        let critical = |name: Option<&str>| AuthError::Critical { extension: name.map(str::to_owned) };
        for (json, error) in [
            ("[]", AuthError::HeaderNotObject),
            ("x", AuthError::HeaderJson),
            (r#"{"alg":"HS256","alg":"HS256"}"#, AuthError::HeaderJson),
            (r#"{"alg":"HS256","\u0061lg":"HS256"}"#, AuthError::HeaderJson),
            (r#"{"typ":"JWT"}"#, AuthError::AlgorithmMissing),
            (r#"{"alg":"HS256","crit":["exp"]}"#, critical(Some("exp"))),
            (r#"{"alg":"HS256","crit":[]}"#, critical(None)),
            (r#"{"alg":"HS256","b64":true}"#, critical(Some("b64"))),
            (r#"{"alg":"HS256","cty":"JWT"}"#, AuthError::Typ),
            (r#"{"alg":"HS256","typ":"logout+jwt"}"#, AuthError::Typ),
            (r#"{"alg":"HS256","typ":1}"#, AuthError::Typ),
            (r#"{"alg":"HS256","kid":["k"]}"#, AuthError::Kid),
        ] {
            assert_eq!(decode(json).unwrap_err(), error, "{json}");
        }
        let long = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(129));
        assert_eq!(decode(&long).unwrap_err(), AuthError::Signature);
    }
}
