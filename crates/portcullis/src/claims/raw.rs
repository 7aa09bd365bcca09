//! The registered claims as they stand in a payload: absent, of their type, or of a wrong one, which is not the same
//! as absent.

use super::{Freshness, Registered, Required, Rules, TokenKind};
use crate::{
    AuthError, NumericDate,
    jws::json::{self, Fault, Names, Text, Texts, Value},
};

/// A registered claim. Whether a wrong type matters is said later, when it is the claim's turn.
#[derive(Clone, Copy, Default)]
pub(super) enum Found<T> {
    #[default]
    Absent,
    OfWrongType,
    Is(T),
}

impl<T> Found<T> {
    /// The claim, if it is there.
    ///
    /// # Errors
    /// [`AuthError::ClaimType`] when it is of a wrong type.
    #[inline]
    pub(super) fn or_wrong(self, claim: Registered) -> Result<Option<T>, AuthError> {
        match self {
            Self::Absent => Ok(None),
            Self::Is(value) => Ok(Some(value)),
            Self::OfWrongType => Err(AuthError::ClaimType(claim)),
        }
    }
}

impl<T> From<Option<T>> for Found<T> {
    /// A claim that is there; `None` where it is of a wrong type.
    #[inline]
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::OfWrongType, Self::Is)
    }
}

/// Whom a token is for (RFC 7519 section 4.1.3).
#[derive(Clone, Copy)]
pub(super) enum Audience<'j> {
    One(Text<'j>),
    Many(Texts<'j>),
}

/// An identity: 3.x applications put numbers there too, and as text they name the same user.
#[derive(Clone, Copy)]
pub(super) enum Identity<'j> {
    Text(Text<'j>),
    Number(i64),
}

/// The registered claims of a payload.
#[derive(Default)]
pub(super) struct RawClaims<'j> {
    pub(super) iat: Found<NumericDate>,
    pub(super) nbf: Found<NumericDate>,
    pub(super) exp: Found<NumericDate>,
    pub(super) iss: Found<Text<'j>>,
    pub(super) aud: Found<Audience<'j>>,
    pub(super) sub: Found<Text<'j>>,
    pub(super) jti: Found<Text<'j>>,
    pub(super) kind: Found<TokenKind>,
    pub(super) fresh: Found<Freshness>,
    pub(super) csrf: Found<Text<'j>>,
    /// The configured identity claim, or its fallback, where that is not `sub`.
    pub(super) identity: Found<Identity<'j>>,
    sid: Found<Text<'j>>,
    generation: Found<u32>,
    /// What is there of the claims with a place and of those that are required, a bit each.
    present: u128,
}

impl<'j> RawClaims<'j> {
    #[inline(never)]
    pub(super) fn read(text: &'j str, rules: &Rules) -> Result<Self, AuthError> {
        let (mut raw, mut names) = (Self::default(), Names::default());
        let read = json::members(text, |name, value| {
            let said = name.unescaped();
            // A name with a place of its own needs no list to show that it is there twice.
            if let Some(claim) = raw.put(&said, value) {
                return raw.mark(Required::place(claim));
            }
            raw.note(&said, value, rules);
            names.is_new(name)
        });
        read.map_err(|fault| match fault {
            Fault::NotJson => AuthError::PayloadJson,
            Fault::NotAnObject => AuthError::PayloadNotObject,
        })?;
        // The fallback is for tokens without a `sub`; one that has both is read by the first.
        if rules.identity_fallback.is_some() && !matches!(raw.sub, Found::Absent) {
            raw.identity = Found::Absent;
        }
        Ok(raw)
    }

    /// Refuses a token that lacks a claim.
    ///
    /// # Errors
    /// [`AuthError::MissingClaim`] for the first that it lacks.
    #[inline]
    pub(super) fn require(&self, required: &Required) -> Result<(), AuthError> {
        match required.first_missing(self.present) {
            None => Ok(()),
            Some(name) => Err(AuthError::MissingClaim(name.to_owned().into())),
        }
    }

    /// The session, where both claims are what we write. Anything else is the own claim of another application, which
    /// is no error and no session.
    pub(super) fn session(&self) -> Option<(Text<'j>, u32)> {
        match (self.sid, self.generation) {
            (Found::Is(id), Found::Is(generation)) => Some((id, generation)),
            _ => None,
        }
    }

    /// Puts a claim into its place and says which it is; `None` for one that has no place.
    #[inline]
    fn put(&mut self, name: &str, value: Value<'j>) -> Option<Registered> {
        // One match, not two: the way from a name to its place is where reading claims takes its time.
        Some(match name {
            "iat" => stored(&mut self.iat, date(value), Registered::IssuedAt),
            "nbf" => stored(&mut self.nbf, date(value), Registered::NotBefore),
            "exp" => stored(&mut self.exp, date(value), Registered::Expires),
            "iss" => stored(&mut self.iss, text(value), Registered::Issuer),
            "aud" => stored(&mut self.aud, audience(value), Registered::Audience),
            "sub" => stored(&mut self.sub, text(value), Registered::Subject),
            "jti" => stored(&mut self.jti, text(value), Registered::TokenId),
            "type" => stored(&mut self.kind, kind(value), Registered::Type),
            "fresh" => stored(&mut self.fresh, freshness(value), Registered::Fresh),
            "csrf" => stored(&mut self.csrf, text(value), Registered::Csrf),
            _ => return None,
        })
    }

    /// Marks a bit; `false` where it was marked before.
    #[inline]
    fn mark(&mut self, bit: u128) -> bool {
        let is_new = self.present & bit == 0;
        self.present |= bit;
        is_new
    }

    /// Notes a claim that has no place: it may be required, be the identity, or tell of the session.
    fn note(&mut self, name: &str, value: Value<'j>, rules: &Rules) {
        self.present |= rules.required.bit_of(name);
        if name == rules.identity_claim || rules.identity_fallback == Some(name) {
            self.identity = identity(value).into();
        } else if name == "sid" {
            self.sid = text(value).into();
        } else if name == "gen" {
            self.generation = generation(value).into();
        }
    }
}

#[inline]
fn stored<T>(place: &mut Found<T>, value: Option<T>, claim: Registered) -> Registered {
    *place = value.into();
    claim
}

#[inline]
fn text(value: Value<'_>) -> Option<Text<'_>> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

/// A fraction is dropped, and a number beyond 64 bits stops at the end of the range.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "a cast from float saturates, as is wanted")]
fn date(value: Value<'_>) -> Option<NumericDate> {
    match value {
        Value::Integer(seconds) => Some(NumericDate::from_seconds(seconds)),
        Value::Float(seconds) => Some(NumericDate::from_seconds(seconds.floor() as i64)),
        _ => None,
    }
}

fn audience(value: Value<'_>) -> Option<Audience<'_>> {
    match value {
        Value::Text(one) => Some(Audience::One(one)),
        Value::Texts(many) => Some(Audience::Many(many)),
        _ => None,
    }
}

fn identity(value: Value<'_>) -> Option<Identity<'_>> {
    match value {
        Value::Text(text) => Some(Identity::Text(text)),
        Value::Integer(number) => Some(Identity::Number(number)),
        _ => None,
    }
}

fn generation(value: Value<'_>) -> Option<u32> {
    if let Value::Integer(number) = value { u32::try_from(number).ok() } else { None }
}

/// Without a `type`, where none is required, a token is an access token, as in Flask-JWT-Extended.
#[inline]
fn kind(value: Value<'_>) -> Option<TokenKind> {
    let name = text(value)?;
    [TokenKind::Access, TokenKind::Refresh].into_iter().find(|kind| name == *kind.name())
}

#[inline]
fn freshness(value: Value<'_>) -> Option<Freshness> {
    match value {
        Value::Bool(false) => Some(Freshness::Stale),
        Value::Bool(true) => Some(Freshness::Fresh),
        until => date(until).map(Freshness::Until),
    }
}
