//! The JOSE header: what it may say, and the little that is taken from it.

use std::borrow::Cow;

use base64::Engine as _;

use super::{
    Algorithm, BASE64, JwsError,
    json::{self, Fault, Names, Value},
};

/// The longest key id, in bytes.
pub(crate) const MAX_KID_BYTES: usize = 128;

/// A header that was understood, as far as it can be without knowing what the payload is.
#[derive(Debug)]
pub(crate) struct Header<'k> {
    /// `None` for a name that is none of ours.
    pub(crate) algorithm: Option<Algorithm>,
    /// Whether the algorithm is named as RFC 9864 has it, which not everybody wants.
    pub(crate) ed25519_name: bool,
    pub(crate) kid: Option<Cow<'k, str>>,
    /// What the whole token is (RFC 7515 section 4.1.9).
    pub(crate) typ: Member<'k>,
    /// What the payload is (RFC 7515 section 4.1.10).
    pub(crate) cty: Member<'k>,
}

/// A member that should be text where it is there.
#[derive(Debug)]
pub(crate) enum Member<'k> {
    Absent,
    Text(Cow<'k, str>),
    NotText,
}

impl<'k> Header<'k> {
    /// The header of a token whose encoded header is a key's usual one.
    pub(crate) fn usual(algorithm: Algorithm, kid: Option<&'k str>) -> Self {
        let (kid, typ) = (kid.map(Cow::Borrowed), Member::Text(Cow::Borrowed("JWT")));
        Self { algorithm: Some(algorithm), ed25519_name: false, kid, typ, cty: Member::Absent }
    }

    /// Reads a header. The outer error is of its spelling; the inner one, of what it says, comes after those
    /// of the other segments' spelling.
    pub(crate) fn decode(segment: &str) -> Result<Result<Self, JwsError>, JwsError> {
        let bytes = BASE64.decode(segment).map_err(|_| JwsError::HeaderEncoding)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| JwsError::HeaderJson)?;
        let members = HeaderMembers::read(text).map_err(|fault| match fault {
            Fault::NotJson => JwsError::HeaderJson,
            Fault::NotAnObject => JwsError::HeaderNotObject,
        })?;
        Ok(members.understand())
    }
}

impl From<Option<Value<'_>>> for Member<'static> {
    fn from(value: Option<Value<'_>>) -> Self {
        match value {
            None => Self::Absent,
            Some(Value::Text(text)) => Self::Text(Cow::Owned(text.unescaped().into_owned())),
            Some(_) => Self::NotText,
        }
    }
}

/// The members that matter, as they stand in the header.
#[derive(Default)]
struct HeaderMembers<'j> {
    alg: Option<Value<'j>>,
    kid: Option<Value<'j>>,
    typ: Option<Value<'j>>,
    cty: Option<Value<'j>>,
    crit: Option<Value<'j>>,
    b64: Option<Value<'j>>,
}

impl<'j> HeaderMembers<'j> {
    fn read(text: &'j str) -> Result<Self, Fault> {
        let (mut members, mut names) = (Self::default(), Names::default());
        json::members(text, |name, value| {
            if let Some(place) = members.place(&name.unescaped()) {
                *place = Some(value);
            }
            names.is_new(name)
        })?;
        Ok(members)
    }

    /// The place of a member that matters.
    fn place(&mut self, name: &str) -> Option<&mut Option<Value<'j>>> {
        Some(match name {
            "alg" => &mut self.alg,
            "kid" => &mut self.kid,
            "typ" => &mut self.typ,
            "cty" => &mut self.cty,
            "crit" => &mut self.crit,
            "b64" => &mut self.b64,
            _ => return None,
        })
    }

    /// Refuses what must not be there and takes what is needed. `jwk`, `jku`, `x5u` and `x5c` are as unknown
    /// members: they never supply a key (RFC 8725 section 3.10).
    fn understand(self) -> Result<Header<'static>, JwsError> {
        let kid = match self.kid {
            None => None,
            Some(Value::Text(kid)) => Some(kid.unescaped().into_owned()),
            Some(_) => return Err(JwsError::Kid),
        };
        if kid.as_ref().is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return Err(JwsError::Signature);
        }
        if let Some(crit) = self.crit {
            return Err(JwsError::Critical { extension: first_extension(crit) });
        }
        // RFC 7797: an unencoded payload is another kind of JWS, and a JWT never is one (section 7).
        if self.b64.is_some() {
            return Err(JwsError::Critical { extension: Some("b64".to_owned()) });
        }
        let (algorithm, ed25519_name) = match self.alg {
            None => return Err(JwsError::AlgorithmMissing),
            Some(Value::Text(name)) if name == *"Ed25519" => (Some(Algorithm::EdDSA), true),
            Some(Value::Text(name)) => (Algorithm::from_name(&name.unescaped()), false),
            Some(_) => (None, false),
        };
        let kid = kid.map(Cow::Owned);
        Ok(Header { algorithm, ed25519_name, kid, typ: self.typ.into(), cty: self.cty.into() })
    }
}

/// The first name in a `crit` list, if it is short enough to be said again; we understand no extension, so each
/// is one too many (RFC 7515 4.1.11).
fn first_extension(crit: Value<'_>) -> Option<String> {
    match crit {
        Value::Texts(names) => {
            let first = names.iter().next()?.unescaped();
            (first.len() <= MAX_KID_BYTES).then(|| first.into_owned())
        }
        _ => None,
    }
}

/// Compares a `typ` or `cty` as RFC 7515 section 4.1.9 has it: without case, `application/` implied.
pub(crate) fn is_media_type(value: &str, expected: &str) -> bool {
    let prefix = "application/";
    let bare = match value.get(..prefix.len()) {
        Some(start) if start.eq_ignore_ascii_case(prefix) => value.get(prefix.len()..).unwrap_or_default(),
        _ => value,
    };
    bare.eq_ignore_ascii_case(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(json: &str) -> Result<Header<'static>, JwsError> {
        Header::decode(&BASE64.encode(json))?
    }

    #[test]
    fn a_header_gives_its_algorithm_kind_and_key_id() {
        let header = decode(r#"{"alg":"HS256","typ":"application/AT+JWT","kid":"k","x":[1]}"#).unwrap();
        assert_eq!(header.algorithm, Some(Algorithm::HS256));
        assert!(matches!(header.typ, Member::Text(typ) if typ == "application/AT+JWT"));
        assert_eq!(header.kid.as_deref(), Some("k"));
        assert_eq!(decode(r#"{"alg":"hs256"}"#).unwrap().algorithm, None);
    }

    #[test]
    fn what_must_not_be_in_a_header_is_refused() {
        let critical = |name: Option<&str>| JwsError::Critical { extension: name.map(str::to_owned) };
        for (json, error) in [
            ("[]", JwsError::HeaderNotObject),
            ("x", JwsError::HeaderJson),
            (r#"{"alg":"HS256","alg":"HS256"}"#, JwsError::HeaderJson),
            (r#"{"alg":"HS256","\u0061lg":"HS256"}"#, JwsError::HeaderJson),
            (r#"{"typ":"JWT"}"#, JwsError::AlgorithmMissing),
            (r#"{"alg":"HS256","crit":["exp"]}"#, critical(Some("exp"))),
            (r#"{"alg":"HS256","crit":[]}"#, critical(None)),
            (r#"{"alg":"HS256","b64":true}"#, critical(Some("b64"))),
            (r#"{"alg":"HS256","kid":["k"]}"#, JwsError::Kid),
        ] {
            assert_eq!(decode(json).unwrap_err(), error, "{json}");
        }
        let long = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(129));
        assert_eq!(decode(&long).unwrap_err(), JwsError::Signature);
    }
}
