//! Judging claims: those of a payload whose signature held, in one order.

use std::time::Duration;

use super::{
    Facts, Freshness, Registered, Required, Span, TokenKind, Typ,
    raw::{Audience, Identity, RawClaims},
};
use crate::{
    AuthError, NumericDate,
    jws::{Payload, json::Text},
};

/// What a manager asks of every token's claims.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) identity_claim: String,
    /// The claim that carries the identity where the first is absent: 3.x's.
    pub(crate) identity_fallback: Option<&'static str>,
    pub(crate) required: Required,
    pub(crate) issuers: Vec<String>,
    pub(crate) audiences: Vec<String>,
    pub(crate) leeway: Duration,
}

impl Facts {
    /// Reads the claims of a payload and judges them against the rules, in PyJWT's order: required, `iat`,
    /// `nbf`, `exp`, `iss`, `aud`, `sub`, `jti`, identity, `csrf`, `type`, `fresh`.
    ///
    /// Whether the token has expired is left to the caller: it is the last thing that is said of a token.
    #[inline(never)]
    pub(crate) fn read(
        payload: &Payload,
        typ: Typ,
        rules: &Rules,
        now: NumericDate,
    ) -> Result<Self, AuthError> {
        let text = payload.as_str().ok_or(AuthError::PayloadJson)?;
        let raw = RawClaims::read(text, rules)?;
        raw.require(&rules.required)?;
        let latest = now.plus(rules.leeway);
        let issued_at = raw.iat.or_wrong(Registered::IssuedAt)?;
        if issued_at > Some(latest) {
            return Err(AuthError::IssuedInFuture);
        }
        let not_before = raw.nbf.or_wrong(Registered::NotBefore)?;
        if not_before > Some(latest) {
            return Err(AuthError::NotYetValid);
        }
        let expires_at = raw.exp.or_wrong(Registered::Expires)?;
        let issuer = raw.iss.or_wrong(Registered::Issuer)?;
        check_issuer(issuer, &rules.issuers)?;
        check_audience(raw.aud.or_wrong(Registered::Audience)?, &rules.audiences)?;
        let subject = raw.sub.or_wrong(Registered::Subject)?;
        let jti = raw.jti.or_wrong(Registered::TokenId)?;
        let identity = match (raw.identity.or_wrong(Registered::Identity)?, subject) {
            (Some(identity), _) => identity,
            (None, Some(subject)) if rules.identity_claim == "sub" => Identity::Text(subject),
            _ => return Err(AuthError::MissingClaim(rules.identity_claim.clone().into())),
        };
        let csrf = raw.csrf.or_wrong(Registered::Csrf)?;
        let kind = raw.kind.or_wrong(Registered::Type)?.unwrap_or(TokenKind::Access);
        let freshness = raw.fresh.or_wrong(Registered::Fresh)?.unwrap_or(Freshness::Stale);
        let mut spans = Spans { payload: text, unescaped: String::new() };
        Ok(Self {
            typ,
            kind,
            freshness,
            identity_is_number: matches!(identity, Identity::Number(_)),
            identity: spans.of_identity(identity),
            jti: jti.map(|jti| spans.of(jti)),
            issuer: issuer.map(|issuer| spans.of(issuer)),
            csrf: csrf.map(|csrf| spans.of(csrf)),
            session: raw.session().map(|(id, generation)| (spans.of(id), generation)),
            issued_at,
            not_before,
            expires_at,
            unescaped: spans.unescaped.into(),
        })
    }
}

fn check_issuer(issuer: Option<Text<'_>>, ours: &[String]) -> Result<(), AuthError> {
    match issuer {
        _ if ours.is_empty() => Ok(()),
        None => Err(AuthError::MissingClaim("iss".into())),
        Some(issuer) if ours.iter().any(|known| issuer == **known) => Ok(()),
        Some(_) => Err(AuthError::Issuer),
    }
}

fn check_audience(audience: Option<Audience<'_>>, ours: &[String]) -> Result<(), AuthError> {
    let is_ours = |name: Text<'_>| ours.iter().any(|known| name == **known);
    let ours_is_named = match audience {
        _ if ours.is_empty() => true,
        None => return Err(AuthError::MissingClaim("aud".into())),
        Some(Audience::One(name)) => is_ours(name),
        Some(Audience::Many(names)) => names.iter().any(is_ours),
    };
    if ours_is_named { Ok(()) } else { Err(AuthError::Audience) }
}

/// Finds where the texts stand, and keeps those that stand nowhere as they are.
struct Spans<'j> {
    payload: &'j str,
    unescaped: String,
}

impl Spans<'_> {
    fn of_identity(&mut self, identity: Identity<'_>) -> Span {
        match identity {
            Identity::Text(text) => self.of(text),
            Identity::Number(number) => self.keep(&number.to_string()),
        }
    }

    #[inline]
    fn of(&mut self, text: Text<'_>) -> Span {
        match text.plain() {
            Some(plain) => {
                let start = (plain.as_ptr() as usize).wrapping_sub(self.payload.as_ptr() as usize);
                span(start, plain.len())
            }
            None => self.keep(&text.unescaped()),
        }
    }

    #[cold]
    fn keep(&mut self, text: &str) -> Span {
        let start = self.payload.len().saturating_add(self.unescaped.len());
        self.unescaped.push_str(text);
        span(start, text.len())
    }
}

/// A token has at most 8 KiB, so there is room for every place in it.
fn span(start: usize, length: usize) -> Span {
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span { start: place(start), end: place(start.saturating_add(length)) }
}
