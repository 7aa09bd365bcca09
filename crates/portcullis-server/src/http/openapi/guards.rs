//! What the guards ask of clients and how they refuse them, asked of the library whose guards they are.

use axum::{
    http::{Method, Request},
    response::IntoResponse,
};
use portcullis::{Absence, AuthError, AuthRejection, FreshJwt, JwsError, Jwt, Location, Require, TokenKind};
use utoipa::openapi::{
    schema::{ObjectBuilder, Type},
    security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};

use super::{
    about::{Asks, Operation},
    answers::at_once,
};
use crate::{
    http::{cookies, extract, rules::Public},
    state::Terms,
};

/// The token that a guard asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Asked {
    Access,
    FreshAccess,
    Refresh,
    /// Either kind.
    Any,
}

impl Asks for Public {}

impl Asks for Jwt {
    fn describe(operation: Operation<'_>) -> Operation<'_> {
        operation.guarded(Asked::Access, &[])
    }
}

impl Asks for FreshJwt {
    fn describe(operation: Operation<'_>) -> Operation<'_> {
        operation.guarded(Asked::FreshAccess, &[])
    }
}

impl Operation<'_> {
    /// What a guard of tokens adds: where the token may be, whose it has to be, and every way in which it is refused.
    pub(in crate::http) fn guarded(mut self, asked: Asked, roles: &[&str]) -> Self {
        let (terms, method) = (self.terms, self.method);
        let alternatives = asked.kinds().iter().flat_map(|kind| {
            terms
                .tokens
                .token_location
                .iter()
                .filter_map(|place| requirement(terms, method, asked, *kind, *place, roles))
        });
        self.security.extend(alternatives);
        for error in errors(terms, method, asked) {
            self.answers.refused(AuthRejection::new(error, terms.jwt().clone()).into_response());
        }
        if terms.tokens.token_location.contains(&Location::Json) {
            self = self.with_token_in_body(asked);
        }
        self
    }

    /// A body may have the token, and then is refused as bodies are.
    fn with_token_in_body(self, asked: Asked) -> Self {
        let tokens = &self.terms.tokens;
        let members = asked.kinds().iter().map(|kind| match kind {
            TokenKind::Refresh => tokens.refresh_json_key.as_str(),
            TokenKind::Access => tokens.json_key.as_str(),
        });
        let token = || ObjectBuilder::new().schema_type(Type::String).description(Some("The token."));
        let bodies = [Method::POST, Method::PUT, Method::PATCH].contains(self.method);
        let it = extract::refusals_of_bodies().into_iter().fold(self, Operation::refuses);
        if bodies { members.fold(it, |it, name| it.may_have_member(name, token())) } else { it }
    }
}

impl Asked {
    const fn kinds(self) -> &'static [TokenKind] {
        match self {
            Self::Access | Self::FreshAccess => &[TokenKind::Access],
            Self::Refresh => &[TokenKind::Refresh],
            Self::Any => &[TokenKind::Access, TokenKind::Refresh],
        }
    }

    const fn require(self) -> Require {
        match self {
            Self::Access => Require::access(),
            Self::FreshAccess => Require::access().fresh(),
            Self::Refresh => Require::refresh(),
            Self::Any => Require::any(),
        }
    }

    /// What a token of a kind is called, where one is asked for.
    const fn name(self, kind: TokenKind) -> &'static str {
        match (self, kind) {
            (Self::FreshAccess, _) => "freshAccessToken",
            (_, TokenKind::Access) => "accessToken",
            (_, TokenKind::Refresh) => "refreshToken",
        }
    }
}

/// The requirement that is met by a token in a place; none for one in a body, which has no name here.
fn requirement(
    terms: &Terms,
    method: &Method,
    asked: Asked,
    kind: TokenKind,
    place: Location,
    roles: &[&str],
) -> Option<SecurityRequirement> {
    let name = asked.name(kind);
    let needs_csrf = terms.tokens.cookie_csrf_protect && terms.tokens.csrf_methods.contains(method);
    let of = |name: String| SecurityRequirement::new(name, roles.iter().copied());
    match place {
        Location::Headers => Some(of(name.to_owned())),
        Location::Cookies if needs_csrf => {
            Some(of(format!("{name}Cookie")).add(csrf_name(kind), Vec::<String>::new()))
        }
        Location::Cookies => Some(of(format!("{name}Cookie"))),
        Location::QueryString => Some(of(format!("{name}Parameter"))),
        Location::Json => None,
    }
}

const fn csrf_name(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Access => "accessTokenCsrf",
        TokenKind::Refresh => "refreshTokenCsrf",
    }
}

/// Every reason for which a guard may refuse a request under these terms.
fn errors(terms: &Terms, method: &Method, asked: Asked) -> Vec<AuthError> {
    let options = &terms.tokens;
    let mut errors = vec![without_token(terms, method, asked)];
    let looks_into = |place: &Location| options.token_location.contains(place);
    if looks_into(&Location::Headers) {
        errors.push(AuthError::MalformedHeader);
    }
    if options.token_location == [Location::Headers] {
        errors.push(Absence::OtherScheme.into());
    }
    if looks_into(&Location::Cookies) {
        errors.extend(asked.kinds().iter().map(|kind| AuthError::RepeatedCookie(*kind)));
    }
    if looks_into(&Location::Cookies) && options.cookie_csrf_protect && options.csrf_methods.contains(method)
    {
        errors.extend([AuthError::CrossSite, AuthError::CsrfMissing, AuthError::CsrfMismatch]);
    }
    if looks_into(&Location::QueryString) {
        errors.push(AuthError::RepeatedParameter);
        errors.extend((!options.query_string_value_prefix.is_empty()).then_some(AuthError::QueryPrefix));
    }
    if looks_into(&Location::Json) {
        errors.push(AuthError::TokenNotText);
    }
    errors.extend([
        JwsError::NotEnoughSegments.into(),
        JwsError::Signature.into(),
        AuthError::Expired,
        AuthError::Revoked,
        AuthError::unavailable("an example"),
    ]);
    errors.extend(match asked {
        Asked::Access => Some(AuthError::AccessRequired),
        Asked::FreshAccess => Some(AuthError::FreshRequired),
        Asked::Refresh => Some(AuthError::RefreshRequired),
        Asked::Any => None,
    });
    errors
}

/// What a request without a token is told: a reason for every place.
fn without_token(terms: &Terms, method: &Method, asked: Asked) -> AuthError {
    let mut request = Request::new(());
    request.method_mut().clone_from(method);
    let (parts, ()) = request.into_parts();
    let verdict = at_once(terms.jwt().verify_request(&parts, asked.require()));
    verdict.and_then(Result::err).unwrap_or_else(|| Absence::Header.into())
}

/// The ways in which tokens are sent under these terms.
pub(super) fn schemes(terms: &Terms) -> Vec<(String, SecurityScheme)> {
    let asked = [
        (Asked::Access, TokenKind::Access, "An access token."),
        (
            Asked::FreshAccess,
            TokenKind::Access,
            "A fresh access token: one from a login, a registration or `POST /users/me/fresh`, for which a password \
             was shown lately.",
        ),
        (Asked::Refresh, TokenKind::Refresh, "A refresh token."),
    ];
    let mut schemes = Vec::new();
    for place in &terms.tokens.token_location {
        let of_place = asked.iter().filter_map(|(asked, kind, says)| {
            let name = asked.name(*kind);
            Some(match place {
                Location::Headers => (name.to_owned(), in_header(terms, says)),
                Location::Cookies => (format!("{name}Cookie"), in_cookie(terms, *kind, says)),
                Location::QueryString => (format!("{name}Parameter"), in_query(terms, says)),
                Location::Json => return None,
            })
        });
        schemes.extend(of_place);
    }
    if terms.tokens.token_location.contains(&Location::Cookies) && terms.tokens.cookie_csrf_protect {
        let headers = [
            (TokenKind::Access, &terms.tokens.access_csrf_header_name, "access"),
            (TokenKind::Refresh, &terms.tokens.refresh_csrf_header_name, "refresh"),
        ];
        schemes.extend(headers.map(|(kind, header, token)| {
            let says = format!("The CSRF value that was handed out with the {token} token in the cookie.");
            let value = ApiKeyValue::with_description(header.clone(), says);
            (csrf_name(kind).to_owned(), SecurityScheme::ApiKey(ApiKey::Header(value)))
        }));
    }
    schemes
}

fn in_header(terms: &Terms, says: &str) -> SecurityScheme {
    let (header, scheme) = (&terms.tokens.header_name, &terms.tokens.header_type);
    if header.eq_ignore_ascii_case("authorization") && scheme.eq_ignore_ascii_case("bearer") {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
        return SecurityScheme::Http(bearer.description(Some(says)).build());
    }
    let says = format!("{says} The header is `{}`.", format!("{scheme} <token>").trim());
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(header.clone(), says)))
}

fn in_cookie(terms: &Terms, kind: TokenKind, says: &str) -> SecurityScheme {
    let name = cookies::name(terms.jwt(), kind);
    SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(name, says.to_owned())))
}

fn in_query(terms: &Terms, says: &str) -> SecurityScheme {
    let (name, prefix) = (&terms.tokens.query_string_name, &terms.tokens.query_string_value_prefix);
    let says = match prefix.as_str() {
        "" => says.to_owned(),
        prefix => format!("{says} `{prefix}` stands before it."),
    };
    SecurityScheme::ApiKey(ApiKey::Query(ApiKeyValue::with_description(name.clone(), says)))
}
