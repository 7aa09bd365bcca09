//! Why a request was refused: every reason.

use std::{borrow::Cow, error::Error, fmt, sync::Arc};

use crate::{HookError, JwsError, Location, Registered, TokenKind};

/// Why a request was refused.
///
/// The variants are in the order in which Flask-JWT-Extended finds them; a token with several faults is
/// refused for the first. [`ErrorStyle`](crate::ErrorStyle) decides status and text of the answer.
///
/// Its text (`Display`) is one of a fixed set and has nothing of the request, so that it may be logged; that of
/// a hook's failure is its [`source`](Error::source). [`AuthRejection`](crate::AuthRejection) says where a layer
/// finds both.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthError {
    /// No place that was looked at has a token.
    Missing(Absences),
    /// The scheme is there without exactly one word after it, or the header is there twice.
    MalformedHeader,
    /// The cookie is there twice: which of the two is ours is not known.
    RepeatedCookie(TokenKind),
    /// The query parameter is there twice.
    RepeatedParameter,
    /// The query parameter lacks the prefix.
    QueryPrefix,
    /// The member of the JSON body that should be the token is no text.
    TokenNotText,
    /// The body that was to be searched is longer than the guard reads.
    BodyTooLarge,
    /// The body that was to be searched could not be read to its end.
    BodyUnreadable,
    /// The token is in a cookie, and a site that is none of ours caused the request.
    CrossSite,
    /// The token is in a cookie, and the value that a foreign page cannot know is missing beside it.
    CsrfMissing,

    /// It is no token of ours, before anything of its payload was looked at.
    Jws(JwsError),
    /// The header's `typ` or `cty` says that this is another kind of token.
    Typ,

    /// The payload is not JSON, or has two members of one name.
    PayloadJson,
    /// The payload is JSON but no object.
    PayloadNotObject,
    /// A claim is of a wrong type.
    ClaimType(Registered),
    /// A claim that must be there is not.
    MissingClaim(Cow<'static, str>),
    /// `iat` lies in the future.
    IssuedInFuture,
    /// `nbf` lies in the future.
    NotYetValid,
    /// `iss` is none of ours.
    Issuer,
    /// `aud` names none of ours.
    Audience,
    /// The value beside the cookie is not the token's.
    CsrfMismatch,
    /// All else is right, but `exp` has passed.
    Expired,

    /// An access token was asked for, this is a refresh token.
    AccessRequired,
    /// A refresh token was asked for, this is an access token.
    RefreshRequired,
    /// A fresh token was asked for, this one is not.
    FreshRequired,
    /// The token is on the revocation list.
    Revoked,
    /// The application's own check refused the token.
    ClaimsRefused,
    /// The claims are not of the type that the handler asks for.
    OwnClaims,
    /// There is no such user (any more): the token's identity.
    UserNotFound(String),
    /// The token is good, and its bearer may not do this.
    InsufficientScope,
    /// A hook could not find out what it was asked; why is the error's [`source`](Error::source).
    Unavailable(Cause),
}

/// What kept a hook from answering: for the log, never for a client.
///
/// Any two are equal, since a client is told the same: an [`AuthError`] is compared by its reason.
#[derive(Clone)]
pub struct Cause(Arc<dyn Error + Send + Sync>);

impl Cause {
    /// The error that the hook returned.
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl PartialEq for Cause {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Cause {}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why one place has no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Absence {
    /// The header is absent or empty.
    Header,
    /// The header is there with another scheme.
    OtherScheme,
    /// There is no such cookie, or it is empty.
    Cookie(TokenKind),
    /// There is no such query parameter, or it is empty.
    Query,
    /// The request's body does not say that it is JSON.
    NotJson,
    /// The JSON body has no such member.
    JsonMember(TokenKind),
}

impl Absence {
    /// The place.
    pub fn location(self) -> Location {
        match self {
            Self::Header | Self::OtherScheme => Location::Headers,
            Self::Cookie(_) => Location::Cookies,
            Self::Query => Location::QueryString,
            Self::NotJson | Self::JsonMember(_) => Location::Json,
        }
    }
}

/// Why no place has a token: a reason for each, in the order in which they were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Absences([Option<Absence>; Location::COUNT]);

impl Absences {
    /// The reasons.
    pub fn iter(&self) -> impl Iterator<Item = Absence> + use<> {
        self.0.into_iter().flatten()
    }

    /// Notes a reason; there is room for one per location.
    pub(crate) fn push(&mut self, absence: Absence) {
        if let Some(free) = self.0.iter_mut().find(|place| place.is_none()) {
            *free = Some(absence);
        }
    }
}

impl From<Absence> for AuthError {
    fn from(absence: Absence) -> Self {
        let mut absences = Absences::default();
        absences.push(absence);
        Self::Missing(absences)
    }
}

/// The hook of Flask-JWT-Extended that a refusal would have gone to: see [`AuthError::class`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorClass {
    /// `unauthorized_loader`: no token, or one in a cookie without its CSRF value.
    Unauthorized,
    /// `invalid_token_loader`: what was sent is not acceptable.
    Invalid,
    /// `expired_token_loader`.
    Expired,
    /// `needs_fresh_token_loader`.
    NeedsFresh,
    /// `revoked_token_loader`.
    Revoked,
    /// `token_verification_failed_loader`.
    VerificationFailed,
    /// `user_lookup_error_loader`.
    UserLookup,
    /// Not there: the bearer may not do this.
    Forbidden,
    /// Not there: a hook failed.
    Unavailable,
}

impl AuthError {
    /// The reason in a few plain words: ASCII, no quotes, nothing of the request.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Missing(absences) if absences.iter().eq([Absence::OtherScheme]) => {
                "The authorization header has another scheme"
            }
            Self::Missing(_) => "No token was sent",
            Self::MalformedHeader => "The authorization header must be one scheme and one token",
            Self::RepeatedCookie(_) => "The cookie was sent more than once",
            Self::RepeatedParameter => "The query parameter was sent more than once",
            Self::QueryPrefix => "The query parameter lacks its prefix",
            Self::TokenNotText => "The token must be a text",
            Self::BodyTooLarge => "The body is too large",
            Self::BodyUnreadable => "The body could not be read",
            Self::CrossSite => "The request comes from another site",
            Self::CsrfMissing => "The CSRF token is missing",
            Self::CsrfMismatch => "The CSRF token is not the one of the cookie",
            Self::Jws(error) => error.describe(),
            Self::PayloadJson | Self::PayloadNotObject => "The token is malformed",
            Self::Typ => "The token is of another type",
            Self::ClaimType(_) => "A claim of the token has a wrong type",
            Self::MissingClaim(_) => "The token lacks a required claim",
            Self::IssuedInFuture | Self::NotYetValid => "The token is not yet valid",
            Self::Issuer => "The token is from another issuer",
            Self::Audience => "The token is for another audience",
            Self::Expired => "The token has expired",
            Self::AccessRequired => "An access token is required",
            Self::RefreshRequired => "A refresh token is required",
            Self::FreshRequired => "A fresh token is required",
            Self::Revoked => "The token has been revoked",
            Self::ClaimsRefused => "The claims of the token are not accepted",
            Self::OwnClaims => "The claims of the token are of another type",
            Self::UserNotFound(_) => "The user of the token does not exist",
            Self::InsufficientScope => "The token does not permit this",
            Self::Unavailable(_) => "Tokens cannot be checked at the moment",
        }
    }
}

impl AuthError {
    /// Nobody could tell, and this is why: for guards of your own that ask somebody.
    ///
    /// ```
    /// # use portcullis::AuthError;
    /// use std::error::Error as _;
    ///
    /// let error = AuthError::unavailable("the database at 10.0.0.7 is down");
    /// assert_eq!(error.to_string(), "tokens cannot be checked at the moment");
    /// assert_eq!(error.source().unwrap().to_string(), "the database at 10.0.0.7 is down");
    /// ```
    pub fn unavailable(cause: impl Into<HookError>) -> Self {
        Self::Unavailable(Cause(Arc::from(cause.into())))
    }

    /// The hook of Flask-JWT-Extended that would have answered this, for a [`RenderError`](crate::RenderError)
    /// that was one.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Missing(_) | Self::CrossSite | Self::CsrfMissing | Self::CsrfMismatch => {
                ErrorClass::Unauthorized
            }
            Self::Expired => ErrorClass::Expired,
            Self::FreshRequired => ErrorClass::NeedsFresh,
            Self::Revoked => ErrorClass::Revoked,
            Self::ClaimsRefused => ErrorClass::VerificationFailed,
            Self::UserNotFound(_) => ErrorClass::UserLookup,
            Self::InsufficientScope => ErrorClass::Forbidden,
            Self::Unavailable(_) => ErrorClass::Unavailable,
            _ => ErrorClass::Invalid,
        }
    }

    /// Nothing was sent that claims to be a token.
    pub(crate) fn is_absence(&self) -> bool {
        matches!(self, Self::Missing(_))
    }
}

impl From<JwsError> for AuthError {
    fn from(error: JwsError) -> Self {
        Self::Jws(error)
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingClaim(claim) => write!(f, "the token lacks the claim {claim}"),
            Self::ClaimType(claim) => write!(f, "the claim {} has a wrong type", claim.name()),
            _ => f.write_str(&self.describe().to_ascii_lowercase()),
        }
    }
}

impl Error for AuthError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unavailable(cause) => Some(cause.error()),
            _ => None,
        }
    }
}
