//! Reading claims: strictly, from a payload whose signature held, and judged in one order.

use std::{borrow::Cow, fmt, time::Duration};

use serde::{
    Deserializer,
    de::{MapAccess, Visitor},
};

use super::{Claims, Freshness, Registered, Text, TokenKind, Typ};
use crate::{
    AuthError, NumericDate,
    jws::{
        Payload,
        json::{self, Name, Names, Number, Value},
    },
};

/// What a manager asks of every token's claims.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) identity_claim: String,
    /// The claim that carries the identity where the first is absent: 3.x's.
    pub(crate) identity_fallback: Option<&'static str>,
    pub(crate) required: Vec<String>,
    pub(crate) issuers: Vec<String>,
    pub(crate) audiences: Vec<String>,
    pub(crate) leeway: Duration,
}

impl Claims {
    /// Reads the claims of a payload and judges them against the rules, in PyJWT's order: required, `iat`,
    /// `nbf`, `exp`, `iss`, `aud`, `sub`, `jti`, identity, `csrf`, `type`, `fresh`.
    ///
    /// Whether the token has expired is left to the caller: it is the last thing that is said of a token.
    #[inline]
    pub(crate) fn read(
        payload: Payload,
        typ: Typ,
        rules: &Rules,
        now: NumericDate,
    ) -> Result<Self, AuthError> {
        let text = payload.as_str().ok_or(AuthError::PayloadJson)?;
        let mut raw = RawClaims::parse(text, rules)?;
        raw.require(rules)?;
        let latest = now.plus(rules.leeway);
        let issued_at = date(raw.iat.as_ref(), Registered::IssuedAt)?;
        if issued_at > Some(latest) {
            return Err(AuthError::IssuedInFuture);
        }
        let not_before = date(raw.nbf.as_ref(), Registered::NotBefore)?;
        if not_before > Some(latest) {
            return Err(AuthError::NotYetValid);
        }
        let expires_at = date(raw.exp.as_ref(), Registered::Expires)?;
        let issuer = string(raw.iss, Registered::Issuer)?;
        check_issuer(issuer.as_deref(), &rules.issuers)?;
        check_audience(raw.aud.as_ref(), &rules.audiences)?;
        let subject = string(raw.sub, Registered::Subject)?;
        let jti = string(raw.jti, Registered::TokenId)?;
        let identity = match (subject, raw.identity) {
            (_, Some(value)) => identity(value)?,
            (Some(subject), None) if rules.identity_claim == "sub" => subject,
            _ => return Err(AuthError::MissingClaim(rules.identity_claim.clone().into())),
        };
        let csrf = string(raw.csrf, Registered::Csrf)?;
        let (kind, freshness) = (kind(raw.kind.as_ref())?, freshness(raw.fresh.as_ref())?);
        let spot = |text: Cow<'_, str>| Text::of(text, payload.as_bytes());
        let (identity, jti, issuer, csrf) = (spot(identity), jti.map(spot), issuer.map(spot), csrf.map(spot));
        Ok(Self {
            typ,
            identity,
            jti,
            issuer,
            issued_at,
            not_before,
            expires_at,
            kind,
            freshness,
            csrf,
            payload,
        })
    }
}

fn date(value: Option<&Value<'_>>, claim: Registered) -> Result<Option<NumericDate>, AuthError> {
    match value {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some((*number).into())),
        Some(_) => Err(AuthError::ClaimType(claim)),
    }
}

fn string(value: Option<Value<'_>>, claim: Registered) -> Result<Option<Cow<'_, str>>, AuthError> {
    match value {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(AuthError::ClaimType(claim)),
    }
}

fn check_issuer(issuer: Option<&str>, ours: &[String]) -> Result<(), AuthError> {
    match issuer {
        _ if ours.is_empty() => Ok(()),
        None => Err(AuthError::MissingClaim("iss".into())),
        Some(issuer) if ours.iter().any(|known| known == issuer) => Ok(()),
        Some(_) => Err(AuthError::Issuer),
    }
}

fn check_audience(audience: Option<&Value<'_>>, ours: &[String]) -> Result<(), AuthError> {
    let named = match audience {
        None if ours.is_empty() => return Ok(()),
        None => return Err(AuthError::MissingClaim("aud".into())),
        Some(Value::Text(one)) => std::slice::from_ref(one),
        Some(Value::Texts(many)) => many,
        Some(_) => return Err(AuthError::ClaimType(Registered::Audience)),
    };
    let ours_is_named = ours.iter().any(|known| named.iter().any(|name| name == known));
    if ours.is_empty() || ours_is_named { Ok(()) } else { Err(AuthError::Audience) }
}

/// 3.x applications put numbers into `identity` too; as text they name the same user.
fn identity(value: Value<'_>) -> Result<Cow<'_, str>, AuthError> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Number(Number::Integer(number)) => Ok(number.to_string().into()),
        _ => Err(AuthError::ClaimType(Registered::Identity)),
    }
}

/// Without a `type`, where none is required, a token is an access token, as in Flask-JWT-Extended.
fn kind(value: Option<&Value<'_>>) -> Result<TokenKind, AuthError> {
    match value {
        None => Ok(TokenKind::Access),
        Some(Value::Text(text)) if *text == TokenKind::Access.name() => Ok(TokenKind::Access),
        Some(Value::Text(text)) if *text == TokenKind::Refresh.name() => Ok(TokenKind::Refresh),
        Some(_) => Err(AuthError::ClaimType(Registered::Type)),
    }
}

fn freshness(value: Option<&Value<'_>>) -> Result<Freshness, AuthError> {
    match value {
        None | Some(Value::Bool(false)) => Ok(Freshness::Stale),
        Some(Value::Bool(true)) => Ok(Freshness::Fresh),
        Some(Value::Number(number)) => Ok(Freshness::Until((*number).into())),
        Some(_) => Err(AuthError::ClaimType(Registered::Fresh)),
    }
}

impl From<Number> for NumericDate {
    /// A fraction is dropped, and a number beyond 64 bits stops at the end of the range.
    fn from(number: Number) -> Self {
        match number {
            Number::Integer(seconds) => Self::from_seconds(seconds),
            Number::Large => Self::from_seconds(i64::MAX),
            #[expect(clippy::cast_possible_truncation, reason = "a cast from float saturates, as is wanted")]
            Number::Float(seconds) => Self::from_seconds(seconds.floor() as i64),
        }
    }
}

/// The registered claims as they stand in the payload.
#[derive(Default)]
struct RawClaims<'de> {
    iat: Option<Value<'de>>,
    nbf: Option<Value<'de>>,
    exp: Option<Value<'de>>,
    iss: Option<Value<'de>>,
    aud: Option<Value<'de>>,
    sub: Option<Value<'de>>,
    jti: Option<Value<'de>>,
    kind: Option<Value<'de>>,
    fresh: Option<Value<'de>>,
    csrf: Option<Value<'de>>,
    /// The configured identity claim, or its fallback, where that is not `sub`.
    identity: Option<Value<'de>>,
    /// The required claims that are there and not registered, a bit each.
    present: u64,
}

impl<'de> RawClaims<'de> {
    fn parse(text: &'de str, rules: &Rules) -> Result<Self, AuthError> {
        let mut json = serde_json::Deserializer::from_str(text);
        let mut raw = Self::default();
        // Filled where it stands: what a visitor returns is moved at every step of the way back.
        let parsed = json.deserialize_map(ClaimsVisitor { rules, claims: &mut raw });
        parsed.and_then(|()| json.end()).map_err(|_| {
            let object = text.trim_start().starts_with('{');
            if object || !json::is_json(text) { AuthError::PayloadJson } else { AuthError::PayloadNotObject }
        })?;
        // The fallback is for tokens without a `sub`; one that has both is read by the first.
        if rules.identity_fallback.is_some() && raw.sub.is_some() {
            raw.identity = None;
        }
        Ok(raw)
    }

    fn require(&mut self, rules: &Rules) -> Result<(), AuthError> {
        for (place, name) in rules.required.iter().enumerate() {
            let is_there = match self.registered(name) {
                Some(value) => value.is_some(),
                None => self.present & bit(place) != 0,
            };
            if !is_there {
                return Err(AuthError::MissingClaim(name.clone().into()));
            }
        }
        Ok(())
    }
}

/// The bit of a required claim; a manager refuses more of them than there are bits.
const fn bit(place: usize) -> u64 {
    1 << (place % u64::BITS as usize)
}

struct ClaimsVisitor<'r, 'de> {
    rules: &'r Rules,
    claims: &'r mut RawClaims<'de>,
}

impl<'de> Visitor<'de> for ClaimsVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a claims object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut names = Names::default();
        while let Some(Name(name)) = object.next_key::<Name<'de>>()? {
            let value = object.next_value::<Value<'de>>()?;
            // A name with a place of its own needs no list to show that it is there twice.
            let is_new = if let Some(place) = self.claims.registered(&name) {
                place.replace(value).is_none()
            } else {
                self.claims.note(&name, value, self.rules);
                names.is_new(name)
            };
            if !is_new {
                return Err(serde::de::Error::custom("duplicate member"));
            }
        }
        Ok(())
    }
}

impl<'de> RawClaims<'de> {
    /// Notes a claim that is not registered: it may be required, or be the identity.
    fn note(&mut self, name: &str, value: Value<'de>, rules: &Rules) {
        // Not only the first: a name that is listed twice must not be missing for ever.
        for (place, required) in rules.required.iter().enumerate() {
            if required == name {
                self.present |= bit(place);
            }
        }
        if name == rules.identity_claim || rules.identity_fallback == Some(name) {
            self.identity = Some(value);
        }
    }

    /// The place of a registered claim.
    fn registered(&mut self, name: &str) -> Option<&mut Option<Value<'de>>> {
        Some(match name {
            "iat" => &mut self.iat,
            "nbf" => &mut self.nbf,
            "exp" => &mut self.exp,
            "iss" => &mut self.iss,
            "aud" => &mut self.aud,
            "sub" => &mut self.sub,
            "jti" => &mut self.jti,
            "type" => &mut self.kind,
            "fresh" => &mut self.fresh,
            "csrf" => &mut self.csrf,
            _ => return None,
        })
    }
}
