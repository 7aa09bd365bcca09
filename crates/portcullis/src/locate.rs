//! Finding THE token of a request: the first place that has one decides, or there is a reason for each place.

mod cookie;
mod csrf;
mod form;
mod header;

use std::{borrow::Cow, fmt, sync::Arc};

use http::{Method, header::CONTENT_TYPE, request::Parts};
use serde::{Deserialize, Deserializer, de};

use crate::{Absence, AuthError, TokenKind, error::Absences};

pub(crate) use cookie::{CookiePair, valid_name};
pub(crate) use csrf::{CsrfNames, CsrfRules};
pub(crate) use header::HeaderPlace;

/// Where a token may be found. Flask-JWT-Extended's names.
///
/// They are ordered as 3.18 searched; what is configured is searched in its own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Location {
    /// A cookie, one for each kind of token.
    Cookies,
    /// A query parameter: it gets into logs and histories (RFC 9700 section 4.3.2), use it where nothing else can be.
    QueryString,
    /// A header, `Authorization` by default.
    Headers,
    /// A member of a JSON body. Found under the layer, or where the request has a [`ReadBody`]: an extractor sees no
    /// body.
    Json,
}

impl Location {
    pub(crate) const COUNT: usize = 4;

    /// The name in configuration and in the Flask styles' texts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Cookies => "cookies",
            Self::QueryString => "query_string",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Location {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let all = [Self::Headers, Self::Cookies, Self::QueryString, Self::Json];
        all.into_iter().find(|location| location.name() == name).ok_or_else(|| {
            de::Error::custom(format!("{name:?} is none of headers, cookies, query_string, json"))
        })
    }
}

/// A request's body that was read already, for guards that look for a token or a CSRF value in it: they see no body
/// otherwise. Whoever reads the body of a request whole puts it into the request's extensions.
///
/// ```
/// use axum::{body::{Body, to_bytes}, extract::{Request, State}, middleware::Next, response::Response};
/// use portcullis::{JwtManager, ReadBody};
///
/// async fn read(State(jwt): State<JwtManager>, request: Request, next: Next) -> Response {
///     let (mut parts, body) = request.into_parts();
///     if !jwt.looks_into_body(&parts) {
///         return next.run(Request::from_parts(parts, body)).await;
///     }
///     let bytes = to_bytes(body, 16 * 1024).await.unwrap_or_default();
///     parts.extensions.insert(ReadBody::new(&*bytes));
///     next.run(Request::from_parts(parts, Body::from(bytes))).await
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ReadBody(Arc<[u8]>);

impl ReadBody {
    /// Takes a copy of a body.
    pub fn new(body: impl Into<Arc<[u8]>>) -> Self {
        Self(body.into())
    }
}

/// Every place of a manager, each with its names.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// In which order they are searched.
    pub(crate) order: Vec<Location>,
    pub(crate) header: HeaderPlace,
    pub(crate) query: QueryPlace,
    pub(crate) json: JsonPlace,
    pub(crate) cookies: CookiePair,
    /// `None`: a token in a cookie needs nothing beside it.
    pub(crate) csrf: Option<CsrfRules>,
}

/// A query parameter, and what stands before the token in it.
#[derive(Clone, Debug)]
pub(crate) struct QueryPlace {
    pub(crate) name: String,
    pub(crate) prefix: String,
}

/// The members of a JSON body.
#[derive(Clone, Debug)]
pub(crate) struct JsonPlace {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// Which of the names are looked at: those of a kind, or first the access token's, then the refresh token's.
pub(crate) type Wanted = Option<TokenKind>;

/// What a token is looked for in.
#[derive(Clone, Copy)]
pub(crate) struct Sought<'r> {
    pub(crate) parts: &'r Parts,
    /// The body, where somebody has read it.
    pub(crate) body: Option<&'r [u8]>,
    /// The places, where a route has its own.
    pub(crate) order: Option<&'r [Location]>,
    pub(crate) wanted: Wanted,
}

/// A token that was found, and what is to be said of its claims for where it was.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found<'r> {
    pub(crate) token: Cow<'r, str>,
    pub(crate) location: Location,
    /// What the claim `csrf` has to be.
    pub(crate) csrf: Option<Cow<'r, [u8]>>,
}

impl Places {
    /// The token of a request.
    ///
    /// # Errors
    /// [`AuthError::Missing`] when no place has one; what is wrong with the first place that has something.
    pub(crate) fn find<'r>(&'r self, sought: Sought<'r>) -> Result<Found<'r>, AuthError> {
        let read_before = || sought.parts.extensions.get().map(|ReadBody(body)| &**body);
        let sought = Sought { body: sought.body.or_else(read_before), ..sought };
        let mut absences = Absences::default();
        for location in sought.order.unwrap_or(&self.order) {
            match self.look_into(*location, sought) {
                Ok(found) => return Ok(found),
                Err(Nothing::Absent(absence)) => absences.push(absence),
                Err(Nothing::Bad(error)) => return Err(error),
            }
        }
        Err(AuthError::Missing(absences))
    }

    /// Whether a request's body has to be read before [`find`](Self::find) can tell.
    pub(crate) fn needs_body(&self, parts: &Parts, order: Option<&[Location]>) -> bool {
        let order = order.unwrap_or(&self.order);
        let form = self.csrf.as_ref().is_some_and(|csrf| csrf.reads_form(&parts.method));
        order.contains(&Location::Json) && is_json(parts)
            || form && order.contains(&Location::Cookies) && form::is_form(parts)
    }

    fn look_into<'r>(&'r self, location: Location, sought: Sought<'r>) -> Result<Found<'r>, Nothing> {
        let found = |token| Found { token, location, csrf: None };
        match location {
            Location::Headers => self.header.find(&sought.parts.headers).map(Cow::Borrowed).map(found),
            Location::QueryString => self.query.find(sought.parts).map(found),
            Location::Json => self.json.find(sought).map(found),
            Location::Cookies => self.find_cookie(sought),
        }
    }

    fn find_cookie<'r>(&'r self, sought: Sought<'r>) -> Result<Found<'r>, Nothing> {
        let parts = sought.parts;
        let (token, kind) = self.cookies.find(&parts.headers, sought.wanted)?;
        let csrf = match &self.csrf {
            Some(rules) => rules.value(parts, sought.body, kind)?,
            None => None,
        };
        Ok(Found { token: Cow::Borrowed(token), location: Location::Cookies, csrf })
    }
}

/// Why a place gives no token: the next one may, or the request is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Nothing {
    Absent(Absence),
    Bad(AuthError),
}

impl From<Absence> for Nothing {
    fn from(absence: Absence) -> Self {
        Self::Absent(absence)
    }
}

impl From<AuthError> for Nothing {
    fn from(error: AuthError) -> Self {
        Self::Bad(error)
    }
}

impl QueryPlace {
    fn find<'r>(&self, parts: &'r Parts) -> Result<Cow<'r, str>, Nothing> {
        let query = parts.uri.query().unwrap_or_default();
        let mut values = form::values(query.as_bytes(), &self.name);
        let value = values.next().ok_or(Absence::Query)?;
        if values.next().is_some() {
            // RFC 6749 section 3.1: parameters must not be included more than once.
            return Err(AuthError::RepeatedParameter.into());
        }
        if value.is_empty() {
            return Err(Absence::Query.into());
        }
        let token = match value {
            Cow::Borrowed(value) => value.strip_prefix(&*self.prefix).map(Cow::Borrowed),
            Cow::Owned(value) => value.strip_prefix(&*self.prefix).map(|token| Cow::Owned(token.to_owned())),
        };
        token.ok_or(Nothing::Bad(AuthError::QueryPrefix))
    }
}

impl JsonPlace {
    fn find<'r>(&self, sought: Sought<'r>) -> Result<Cow<'r, str>, Nothing> {
        let Some(body) = sought.body.filter(|_| is_json(sought.parts)) else {
            return Err(Absence::NotJson.into());
        };
        let kinds = match sought.wanted {
            Some(kind) => [Some(kind), None],
            None => [Some(TokenKind::Access), Some(TokenKind::Refresh)],
        };
        for kind in kinds.into_iter().flatten() {
            if let Some(token) = form::json_text(body, self.name(kind))? {
                return Ok(token);
            }
        }
        Err(Absence::JsonMember(sought.wanted.unwrap_or(TokenKind::Access)).into())
    }

    fn name(&self, kind: TokenKind) -> &str {
        match kind {
            TokenKind::Access => &self.access,
            TokenKind::Refresh => &self.refresh,
        }
    }
}

/// Any JSON media type, parameters included, as 4.x takes it.
fn is_json(parts: &Parts) -> bool {
    let Some(media_type) = media_type(parts) else { return false };
    let media_type = media_type.to_ascii_lowercase();
    media_type == "application/json"
        || media_type.starts_with("application/") && media_type.ends_with("+json")
}

/// The media type of the body, without its parameters.
fn media_type(parts: &Parts) -> Option<&str> {
    let mut values = parts.headers.get_all(CONTENT_TYPE).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    value.to_str().ok()?.split(';').next().map(str::trim)
}

/// A true CORS preflight: a browser sends no credentials with it and asks whether it may.
pub(crate) fn is_preflight(method: &Method, headers: &http::HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(http::header::ORIGIN)
        && headers.contains_key(http::header::ACCESS_CONTROL_REQUEST_METHOD)
}
