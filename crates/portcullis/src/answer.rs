//! The one table that gives every refusal its answer in the three styles.

use std::borrow::Cow;

use http::StatusCode;

use crate::{Absence, Absences, AuthError, ErrorStyle, JwsError, TokenKind, locate::Places};

/// What a client is told: the same for every request that fails for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// The text for the body.
    pub(crate) text: Cow<'static, str>,
    /// The `error` of `WWW-Authenticate` (RFC 6750 section 3.1, RFC 9470 section 3), where there is one.
    pub(crate) challenge: Option<Challenge>,
}

/// What `WWW-Authenticate` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// Nothing was presented: the scheme alone.
    Scheme,
    /// An error code with a text of a fixed set, so that nothing of a request gets into a header.
    Error {
        /// The registered code.
        code: &'static str,
        /// ASCII without quotes and backslashes.
        description: &'static str,
    },
}

impl AuthError {
    /// The answer to this refusal in a style.
    ///
    /// The Flask styles give the recorded statuses and texts of Flask-JWT-Extended 3.18.1 and 4.7.4;
    /// `problem` gives the statuses of RFC 6750.
    pub(crate) fn answer(&self, style: ErrorStyle, places: &Places) -> Answer {
        let (status, text) = match style {
            ErrorStyle::Problem => (self.status(), Cow::Borrowed(self.describe())),
            ErrorStyle::Flask3 => (self.flask_status(style), self.flask_3_text(places)),
            ErrorStyle::Flask4 => (self.flask_status(style), self.flask_4_text(places)),
        };
        Answer { status, text, challenge: self.challenge(status) }
    }

    /// The status of RFC 6750 section 3.1, and 503 where nobody could know.
    ///
    /// What the application's own check refuses is "invalid for other reasons" in the words of that section,
    /// hence 401; a right that the bearer lacks is 403. So is a request that another site caused: whoever has
    /// the token need not get another.
    fn status(&self) -> StatusCode {
        match self {
            Self::MalformedHeader
            | Self::RepeatedCookie(_)
            | Self::RepeatedParameter
            | Self::QueryPrefix
            | Self::TokenNotText
            | Self::BodyUnreadable => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::CrossSite | Self::CsrfMissing | Self::CsrfMismatch | Self::InsufficientScope => {
                StatusCode::FORBIDDEN
            }
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    fn flask_status(&self, style: ErrorStyle) -> StatusCode {
        match self {
            Self::Missing(absences)
                if style == ErrorStyle::Flask3 && absences.iter().eq([Absence::OtherScheme]) =>
            {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Missing(_)
            | Self::CrossSite
            | Self::CsrfMissing
            | Self::CsrfMismatch
            | Self::Expired
            | Self::FreshRequired
            | Self::Revoked
            | Self::UserNotFound(_) => StatusCode::UNAUTHORIZED,
            Self::ClaimsRefused | Self::BodyUnreadable => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::InsufficientScope => StatusCode::FORBIDDEN,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    fn flask_3_text(&self, places: &Places) -> Cow<'static, str> {
        match self {
            Self::Missing(absences) => missing(ErrorStyle::Flask3, *absences, places).into(),
            Self::MalformedHeader => bad_header_3(places).into(),
            Self::CsrfMissing => "Missing CSRF token in headers".into(),
            Self::Jws(JwsError::AlgorithmMissing) => "The specified alg value is not allowed".into(),
            Self::AccessRequired => "Only access tokens are allowed".into(),
            Self::Audience => "Invalid audience".into(),
            _ => self.flask_4_text(places),
        }
    }

    fn flask_4_text(&self, places: &Places) -> Cow<'static, str> {
        let (header, scheme) = (&places.header.spelling, &places.header.scheme);
        match self {
            Self::Missing(absences) => missing(ErrorStyle::Flask4, *absences, places).into(),
            Self::MalformedHeader if scheme.is_empty() => {
                format!("Bad {header} header. Expected '{header}: <JWT>'").into()
            }
            Self::MalformedHeader => {
                format!("Bad {header} header. Expected '{header}: {scheme} <JWT>'").into()
            }
            Self::RepeatedCookie(kind) => {
                format!("Cookie \"{}\" was sent more than once", places.cookies.name(*kind)).into()
            }
            Self::RepeatedParameter => {
                format!("Query parameter '{}' was sent more than once", places.query.name).into()
            }
            Self::QueryPrefix => format!(
                "Invalid value for query parameter '{}'. Expected the value to start with '{}'",
                places.query.name, places.query.prefix
            )
            .into(),
            Self::UserNotFound(identity) => format!("Error loading the user {identity}").into(),
            Self::Jws(JwsError::Critical { extension: Some(name) }) => {
                format!("Unsupported critical extension: {name}").into()
            }
            Self::MissingClaim(claim) if matches!(&**claim, "aud" | "iss" | "exp") => {
                format!("Token is missing the \"{claim}\" claim").into()
            }
            Self::MissingClaim(claim) => format!("Missing claim: {claim}").into(),
            Self::ClaimType(claim) => claim.flask_text().into(),
            _ => self.flask_fixed_text().into(),
        }
    }

    /// The texts that both versions share and that name nothing of the request or the configuration.
    fn flask_fixed_text(&self) -> &'static str {
        match self {
            Self::Jws(error) => flask_jws_text(error),
            Self::PayloadJson => "Invalid payload string: not valid JSON",
            Self::PayloadNotObject => "Invalid payload string: must be a json object",
            Self::IssuedInFuture => "The token is not yet valid (iat)",
            Self::NotYetValid => "The token is not yet valid (nbf)",
            Self::Issuer => "Invalid issuer",
            Self::Audience => "Audience doesn't match",
            Self::AccessRequired => "Only non-refresh tokens are allowed",
            Self::RefreshRequired => "Only refresh tokens are allowed",
            Self::Expired => "Token has expired",
            Self::FreshRequired => "Fresh token required",
            Self::Revoked => "Token has been revoked",
            Self::TokenNotText => "Invalid token type. Token must be a <class 'bytes'>",
            Self::CsrfMissing => "Missing CSRF token",
            Self::CsrfMismatch => "CSRF double submit tokens do not match",
            Self::ClaimsRefused => "User claims verification failed",
            _ => self.describe(),
        }
    }

    /// Every 401, and the 400 and 403 that RFC 6750 section 3 knows, carry a challenge.
    fn challenge(&self, status: StatusCode) -> Option<Challenge> {
        let description = self.describe();
        match (self, status) {
            (Self::Missing(_) | Self::CrossSite | Self::CsrfMissing, StatusCode::UNAUTHORIZED) => {
                Some(Challenge::Scheme)
            }
            (Self::InsufficientScope, StatusCode::FORBIDDEN) => {
                Some(Challenge::Error { code: "insufficient_scope", description })
            }
            (_, StatusCode::BAD_REQUEST) => Some(Challenge::Error { code: "invalid_request", description }),
            (Self::FreshRequired, StatusCode::UNAUTHORIZED) => {
                Some(Challenge::Error { code: "insufficient_user_authentication", description })
            }
            (_, StatusCode::UNAUTHORIZED) => Some(Challenge::Error { code: "invalid_token", description }),
            _ => None,
        }
    }
}

/// What a version says when no place has a token.
fn missing(style: ErrorStyle, absences: Absences, places: &Places) -> String {
    let text = |absence: &Absence| absence_text(style, *absence, places);
    let mut reasons: Vec<Absence> = absences.iter().collect();
    if let [only] = reasons.as_slice() {
        return text(only);
    }
    let names: Vec<&str> = reasons.iter().map(|absence| absence.location().name()).collect();
    let names = match names.as_slice() {
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
        [] => String::new(),
    };
    if style == ErrorStyle::Flask3 {
        // 3.18 looks into them in this order whatever is configured, and says so.
        reasons.sort_by_key(|absence| absence.location());
    }
    let reasons: Vec<String> = reasons.iter().map(text).collect();
    format!("Missing JWT in {names} ({})", reasons.join("; "))
}

/// What a version says of a place without a token.
fn absence_text(style: ErrorStyle, absence: Absence, places: &Places) -> String {
    let (header, scheme) = (&places.header.spelling, &places.header.scheme);
    match absence {
        Absence::Header => format!("Missing {header} Header"),
        Absence::OtherScheme if style == ErrorStyle::Flask3 => bad_header_3(places),
        Absence::OtherScheme => {
            format!("Missing '{scheme}' type in '{header}' header. Expected '{header}: {scheme} <JWT>'")
        }
        Absence::Cookie(kind) => format!("Missing cookie \"{}\"", places.cookies.name(kind)),
        // The typing error is theirs, and clients may have learned it.
        Absence::Query if style == ErrorStyle::Flask3 => {
            format!("Missing \"{}\" query paramater", places.query.name)
        }
        Absence::Query => format!("Missing '{}' query paramater", places.query.name),
        Absence::NotJson => "Invalid content-type. Must be application/json.".to_owned(),
        Absence::JsonMember(TokenKind::Access) => {
            format!("Missing \"{}\" key in json data.", places.json.access)
        }
        Absence::JsonMember(TokenKind::Refresh) => {
            format!("Missing \"{}\" key in json data.", places.json.refresh)
        }
    }
}

fn bad_header_3(places: &Places) -> String {
    let (header, scheme) = (&places.header.spelling, &places.header.scheme);
    let space = if scheme.is_empty() { "" } else { " " };
    format!("Bad {header} header. Expected value '{scheme}{space}<JWT>'")
}

/// What both versions say of a token that is none.
fn flask_jws_text(error: &JwsError) -> &'static str {
    match error {
        JwsError::TooLong => "The token is too long",
        JwsError::NotEnoughSegments => "Not enough segments",
        JwsError::HeaderEncoding => "Invalid header padding",
        JwsError::HeaderJson => "Invalid header string: not valid JSON",
        JwsError::HeaderNotObject => "Invalid header string: must be a json object",
        JwsError::PayloadEncoding => "Invalid payload padding",
        JwsError::SignatureEncoding => "Invalid crypto padding",
        JwsError::Kid => "Key ID header parameter must be a string",
        JwsError::Critical { .. } => "Invalid 'crit' header: must be a non-empty list",
        JwsError::AlgorithmMissing => "Algorithm not specified",
        JwsError::AlgorithmNotAllowed => "The specified alg value is not allowed",
        JwsError::Signature => "Signature verification failed",
    }
}
