//! Claims: what a verified token says.

mod raw;
mod read;
mod required;

use std::{fmt, time::Duration};

use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use crate::{
    AuthError, NumericDate,
    jws::{Header, Member, Payload, is_media_type},
};

pub(crate) use read::Rules;
pub(crate) use required::Required;

/// The two kinds of token. A token is of exactly one, by its claim `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Opens guarded routes; lives for minutes.
    Access,
    /// Is exchanged for access tokens and opens nothing else.
    Refresh,
}

impl TokenKind {
    /// The kind as the claim `type` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }
}

/// Whether a password was shown lately, by the claim `fresh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Not lately.
    Stale,
    /// For as long as the token lives.
    Fresh,
    /// Until a moment.
    Until(NumericDate),
}

/// The claims that the library reads itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// `iat`, when the token was issued.
    IssuedAt,
    /// `nbf`, from when on it is valid.
    NotBefore,
    /// `exp`, when it ends.
    Expires,
    /// `iss`, who issued it.
    Issuer,
    /// `aud`, whom it is for.
    Audience,
    /// `sub`, whom it speaks of.
    Subject,
    /// `jti`, its own name.
    TokenId,
    /// The configured identity claim.
    Identity,
    /// `type`, access or refresh.
    Type,
    /// `fresh`.
    Fresh,
    /// `csrf`, what has to stand beside the token where it is in a cookie.
    Csrf,
}

impl Registered {
    /// The claim's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::IssuedAt => "iat",
            Self::NotBefore => "nbf",
            Self::Expires => "exp",
            Self::Issuer => "iss",
            Self::Audience => "aud",
            Self::Subject => "sub",
            Self::TokenId => "jti",
            Self::Identity => "identity",
            Self::Type => "type",
            Self::Fresh => "fresh",
            Self::Csrf => "csrf",
        }
    }

    /// The claim of a name, but for the identity claim, whose name is configured.
    pub(crate) fn placed(name: &str) -> Option<Self> {
        Some(match name {
            "iat" => Self::IssuedAt,
            "nbf" => Self::NotBefore,
            "exp" => Self::Expires,
            "iss" => Self::Issuer,
            "aud" => Self::Audience,
            "sub" => Self::Subject,
            "jti" => Self::TokenId,
            "type" => Self::Type,
            "fresh" => Self::Fresh,
            "csrf" => Self::Csrf,
            _ => return None,
        })
    }

    /// What Flask-JWT-Extended says of a claim of a wrong type.
    pub(crate) const fn flask_text(self) -> &'static str {
        match self {
            Self::IssuedAt => "Issued At claim (iat) must be an integer.",
            Self::NotBefore => "Not Before claim (nbf) must be an integer.",
            Self::Expires => "Expiration Time claim (exp) must be an integer.",
            Self::Issuer => "Payload Issuer (iss) must be a string",
            Self::Audience => "Invalid claim format in token",
            Self::Subject => "Subject must be a string",
            Self::TokenId => "JWT ID must be a string",
            Self::Identity => "Identity must be a string",
            Self::Type => "Missing or invalid claim: type",
            Self::Fresh => "Missing or invalid claim: fresh",
            Self::Csrf => "Missing or invalid claim: csrf",
        }
    }
}

/// The kind of token that the header names by `typ` (RFC 7519 section 5.1, RFC 9068 section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Typ {
    /// `JWT`, or nothing.
    Jwt,
    /// `at+jwt`: an access token and nothing else.
    AccessToken,
}

impl Typ {
    /// What a header says, or the refusal of another kind of token, a JWT in a JWT among them (RFC 7519
    /// section 5.2).
    pub(crate) fn of(header: &Header<'_>) -> Result<Self, AuthError> {
        match &header.cty {
            Member::Absent => {}
            Member::Text(cty) if !is_media_type(cty, "jwt") => {}
            Member::Text(_) | Member::NotText => return Err(AuthError::Typ),
        }
        match &header.typ {
            Member::Absent => Ok(Self::Jwt),
            // What nearly every token has, as it is nearly always spelled.
            Member::Text(typ) if typ == "JWT" || is_media_type(typ, "jwt") => Ok(Self::Jwt),
            Member::Text(typ) if is_media_type(typ, "at+jwt") => Ok(Self::AccessToken),
            Member::Text(_) | Member::NotText => Err(AuthError::Typ),
        }
    }
}

/// The claims of a verified token.
///
/// There is no other way to one than a verification, so whoever holds one may trust it.
#[derive(Clone)]
pub struct Claims {
    facts: Facts,
    payload: Payload,
}

/// What was read from a payload: everything but the bytes of the texts, which stay in it.
#[derive(Clone)]
pub(crate) struct Facts {
    typ: Typ,
    kind: TokenKind,
    freshness: Freshness,
    identity: Span,
    identity_is_number: bool,
    jti: Option<Span>,
    issuer: Option<Span>,
    csrf: Option<Span>,
    session: Option<(Span, u32)>,
    issued_at: Option<NumericDate>,
    not_before: Option<NumericDate>,
    expires_at: Option<NumericDate>,
    /// The texts that are not spelled as what they say, one behind the other: nearly always none.
    unescaped: Box<str>,
}

/// The session that a token is of, by the claims `sid` and `gen`: what a login opened and a logout ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session<'a> {
    /// The session's own name (`sid`).
    pub id: &'a str,
    /// How often the session had been renewed when it gave this token out (`gen`).
    pub generation: u32,
}

/// Where a text stands in the payload or, beyond its end, in what was unescaped.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
}

/// The user's own claims are not of the type that was asked for.
#[derive(Debug, thiserror::Error)]
#[error("the token's claims are of another type: {0}")]
pub struct ClaimsError(#[source] pub(crate) serde_json::Error);

impl Claims {
    pub(crate) fn new(facts: Facts, payload: Payload) -> Self {
        Self { facts, payload }
    }

    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(crate) fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Whom the token speaks of: the identity claim's text.
    pub fn identity(&self) -> &str {
        self.text(self.facts.identity)
    }

    /// Whether the identity claim is a number, which [`identity`](Self::identity) spells as a text: whoever looks a name up
    /// should not take the one for the other.
    pub fn identity_is_number(&self) -> bool {
        self.facts.identity_is_number
    }

    /// The token's own name (`jti`), by which it is revoked.
    pub fn jti(&self) -> Option<&str> {
        self.facts.jti.map(|jti| self.text(jti))
    }

    /// Who issued the token (`iss`).
    pub fn issuer(&self) -> Option<&str> {
        self.facts.issuer.map(|issuer| self.text(issuer))
    }

    /// What has to stand beside the token where it is in a cookie (`csrf`).
    pub fn csrf(&self) -> Option<&str> {
        self.facts.csrf.map(|csrf| self.text(csrf))
    }

    /// The session that the token is of.
    ///
    /// `None` unless `sid` is a text and `gen` an integer from 0 to 4 294 967 295: claims of these names that are another
    /// application's own make no session.
    pub fn session(&self) -> Option<Session<'_>> {
        self.facts.session.map(|(id, generation)| Session { id: self.text(id), generation })
    }

    /// Access or refresh.
    pub fn kind(&self) -> TokenKind {
        self.facts.kind
    }

    /// Whether a password was shown lately.
    pub fn freshness(&self) -> Freshness {
        self.facts.freshness
    }

    /// When the token was issued (`iat`).
    pub fn issued_at(&self) -> Option<NumericDate> {
        self.facts.issued_at
    }

    /// When the token ends (`exp`).
    pub fn expires_at(&self) -> Option<NumericDate> {
        self.facts.expires_at
    }

    /// All claims as a type of your own.
    ///
    /// ```
    /// # use portcullis::{JwtManager, Key};
    /// #[derive(serde::Deserialize)]
    /// struct Mine { role: String }
    ///
    /// # let jwt = JwtManager::builder(Key::hs256([7; 32])?).build()?;
    /// let token = jwt.access("alice").claim("role", "editor").sign()?;
    /// let claims = jwt.verify(token.as_str())?;
    /// assert_eq!(claims.custom::<Mine>()?.role, "editor");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ClaimsError`] when the claims are not of this type.
    pub fn custom<'de, T: Deserialize<'de>>(&'de self) -> Result<T, ClaimsError> {
        serde_json::from_slice(self.payload.as_bytes()).map_err(ClaimsError)
    }

    /// Whether the value that came beside the cookie is the token's.
    pub(crate) fn check_csrf(&self, value: &[u8]) -> Result<(), AuthError> {
        let ours = self.csrf().ok_or(AuthError::MissingClaim("csrf".into()))?;
        // As bytes, and in a time that does not tell how much of it was right.
        if ours.as_bytes().ct_eq(value).into() { Ok(()) } else { Err(AuthError::CsrfMismatch) }
    }

    fn text(&self, span: Span) -> &str {
        let (payload, start, end) = (self.payload.as_bytes(), span.start as usize, span.end as usize);
        let text = match start.checked_sub(payload.len()) {
            None => payload.get(start..end).and_then(|bytes| std::str::from_utf8(bytes).ok()),
            Some(start) => self.facts.unescaped.get(start..end.saturating_sub(payload.len())),
        };
        text.unwrap_or_default()
    }
}

impl Facts {
    /// Refuses a token that is not valid yet; `iat` speaks first, as in PyJWT.
    pub(crate) fn begun(&self, now: NumericDate, leeway: Duration) -> Result<(), AuthError> {
        let latest = Some(now.plus(leeway));
        match () {
            () if self.issued_at > latest => Err(AuthError::IssuedInFuture),
            () if self.not_before > latest => Err(AuthError::NotYetValid),
            () => Ok(()),
        }
    }

    /// Valid strictly before `exp` (RFC 7519 section 4.1.4), give or take the leeway.
    pub(crate) fn has_expired(&self, now: NumericDate, leeway: Duration) -> bool {
        self.expires_at.is_some_and(|end| end.plus(leeway) <= now)
    }

    /// A refresh token is never fresh, whatever its claim says: it is no password.
    pub(crate) fn is_fresh(&self, now: NumericDate) -> bool {
        match self.freshness {
            _ if self.kind == TokenKind::Refresh => false,
            Freshness::Stale => false,
            Freshness::Fresh => true,
            Freshness::Until(end) => now <= end,
        }
    }

    /// Whether the header's `typ` agrees with the kind: `at+jwt` is an access token (RFC 9068 section 2.1).
    pub(crate) fn typ_fits_kind(&self) -> bool {
        self.typ == Typ::Jwt || self.kind == TokenKind::Access
    }
}

impl fmt::Debug for Claims {
    /// Names the token, and shows nothing else of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims").field("kind", &self.kind()).field("jti", &self.jti()).finish_non_exhaustive()
    }
}
