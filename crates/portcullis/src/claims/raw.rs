//! The registered claims as they stand in a payload: absent, of their type, or of a wrong one, which is not the same
//! as absent.

use super::{Freshness, Registered, Rules, TokenKind};
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
    /// Takes the claim's value, `None` for one of a wrong type; `false` where there was one before.
    #[inline]
    fn put(&mut self, value: Option<T>) -> bool {
        let is_new = self.is_absent();
        *self = value.map_or(Self::OfWrongType, Self::Is);
        is_new
    }

    fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

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
    /// The required claims that are there and not registered, a bit each.
    present: u64,
}

impl<'j> RawClaims<'j> {
    #[inline]
    pub(super) fn read(text: &'j str, rules: &Rules) -> Result<Self, AuthError> {
        let (mut raw, mut names) = (Self::default(), Names::default());
        let read = json::members(text, |name, value| {
            let said = name.unescaped();
            // A name with a place of its own needs no list to show that it is there twice.
            raw.put(&said, value).unwrap_or_else(|| {
                raw.note(&said, value, rules);
                names.is_new(name)
            })
        });
        read.map_err(|fault| match fault {
            Fault::NotJson => AuthError::PayloadJson,
            Fault::NotAnObject => AuthError::PayloadNotObject,
        })?;
        // The fallback is for tokens without a `sub`; one that has both is read by the first.
        if rules.identity_fallback.is_some() && !raw.sub.is_absent() {
            raw.identity = Found::Absent;
        }
        Ok(raw)
    }

    /// Refuses a token that lacks a claim.
    ///
    /// # Errors
    /// [`AuthError::MissingClaim`] for the first that it lacks.
    pub(super) fn require(&self, required: &[String]) -> Result<(), AuthError> {
        for (place, name) in required.iter().enumerate() {
            if self.is_absent(name).unwrap_or(self.present & bit(place) == 0) {
                return Err(AuthError::MissingClaim(name.clone().into()));
            }
        }
        Ok(())
    }

    /// The session, where both claims are what we write. Anything else is the own claim of another application, which
    /// is no error and no session.
    pub(super) fn session(&self) -> Option<(Text<'j>, u32)> {
        match (self.sid, self.generation) {
            (Found::Is(id), Found::Is(generation)) => Some((id, generation)),
            _ => None,
        }
    }

    /// Puts a claim into its place: whether it is the first of its name. `None` for one that has no place.
    #[inline]
    fn put(&mut self, name: &str, value: Value<'j>) -> Option<bool> {
        Some(match name {
            "iat" => self.iat.put(date(value)),
            "nbf" => self.nbf.put(date(value)),
            "exp" => self.exp.put(date(value)),
            "iss" => self.iss.put(text(value)),
            "aud" => self.aud.put(audience(value)),
            "sub" => self.sub.put(text(value)),
            "jti" => self.jti.put(text(value)),
            "type" => self.kind.put(kind(value)),
            "fresh" => self.fresh.put(freshness(value)),
            "csrf" => self.csrf.put(text(value)),
            _ => return None,
        })
    }

    fn is_absent(&self, name: &str) -> Option<bool> {
        Some(match name {
            "iat" => self.iat.is_absent(),
            "nbf" => self.nbf.is_absent(),
            "exp" => self.exp.is_absent(),
            "iss" => self.iss.is_absent(),
            "aud" => self.aud.is_absent(),
            "sub" => self.sub.is_absent(),
            "jti" => self.jti.is_absent(),
            "type" => self.kind.is_absent(),
            "fresh" => self.fresh.is_absent(),
            "csrf" => self.csrf.is_absent(),
            _ => return None,
        })
    }

    /// Notes a claim that has no place: it may be required, be the identity, or tell of the session.
    fn note(&mut self, name: &str, value: Value<'j>, rules: &Rules) {
        // Not only the first: a name that is listed twice must not be missing for ever.
        for (place, required) in rules.required.iter().enumerate() {
            if required == name {
                self.present |= bit(place);
            }
        }
        if name == rules.identity_claim || rules.identity_fallback == Some(name) {
            self.identity.put(identity(value));
        } else if name == "sid" {
            self.sid.put(text(value));
        } else if name == "gen" {
            self.generation.put(generation(value));
        }
    }
}

/// The bit of a required claim; a manager refuses more of them than there are bits.
const fn bit(place: usize) -> u64 {
    1 << (place % u64::BITS as usize)
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
