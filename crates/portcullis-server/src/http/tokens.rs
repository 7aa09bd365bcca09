//! Answers that hand tokens out: in bodies, in cookies, or in both, as a configuration has it.

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode},
    response::AppendHeaders,
};
use portcullis::{CsrfClaim, Location, SetCookies, Token};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{Object, Schema},
    },
};

use super::{
    cookies,
    error::Refusal,
    openapi::{Operation, fields},
};
use crate::{
    accounts::TokenPair,
    state::{AppState, Terms},
};

/// Tokens as a client gets them (RFC 6749 section 5.1); those that it gets in cookies are left out.
#[derive(Serialize, ToSchema)]
pub(super) struct Tokens {
    /// Opens guarded routes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    access_token: Option<String>,
    /// Gets the next pair, and opens nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_token: Option<String>,
    /// The scheme before the token in its header.
    #[schema(examples("Bearer"))]
    token_type: String,
    /// For how long the access token holds, in seconds.
    #[schema(minimum = 0, examples(900))]
    expires_in: i64,
    /// What has to stand beside the access token's cookie, for pages that cannot read the cookie that has it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    csrf_access_token: Option<String>,
    /// What has to stand beside the refresh token's cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    csrf_refresh_token: Option<String>,
}

/// An answer that hands tokens out.
pub(super) type Handed = (SetCookies, Json<Tokens>);

/// What the answer to a login has besides.
pub(super) type Known = AppendHeaders<Option<(HeaderName, HeaderValue)>>;

impl Tokens {
    /// Hands an access token out, and the refresh token of its pair; `presented` is where the request's own token was.
    pub(super) fn hand_out(
        state: &AppState,
        presented: Option<Location>,
        (access, expires_in): (Token, i64),
        refresh: Option<Token>,
    ) -> Result<Handed, Refusal> {
        let jwt = state.jwt();
        let tokens: Vec<&Token> = [Some(&access), refresh.as_ref()].into_iter().flatten().collect();
        let cookies = cookies::set(jwt, presented, &tokens)?;
        let in_body = !cookies::alone(jwt, presented);
        let csrf = |token: &Token| token.csrf().map(str::to_owned);
        let tokens = Self {
            csrf_access_token: csrf(&access),
            csrf_refresh_token: refresh.as_ref().and_then(csrf),
            access_token: in_body.then(|| access.into_string()),
            refresh_token: refresh.filter(|_| in_body).map(Token::into_string),
            token_type: jwt.scheme().to_owned(),
            expires_in,
        };
        Ok((cookies, Json(tokens)))
    }

    pub(super) fn pair(
        state: &AppState,
        presented: Option<Location>,
        pair: TokenPair,
    ) -> Result<Handed, Refusal> {
        Self::hand_out(state, presented, (pair.access, pair.expires_in), Some(pair.refresh))
    }
}

/// What is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handing {
    Pair,
    AccessAlone,
}

impl Operation<'_> {
    /// An answer that hands tokens out.
    pub(super) fn hands_out(self, what: Handing, status: StatusCode, says: &str) -> Self {
        let name = match what {
            Handing::Pair => "TokenPair",
            Handing::AccessAlone => "AccessToken",
        };
        let (schema, terms) = (schema(self.terms(), what), self.terms());
        self.gives_a(name, schema, status, says).only(has_cookies(terms), |it| {
            let says = "The tokens and their CSRF values, each in a cookie of its own. There are several such lines.";
            it.with_header(status, SET_COOKIE, says, fields::text("A cookie."))
        })
    }

    /// An answer that may make the client's device known.
    pub(super) fn makes_known(self, status: StatusCode) -> Self {
        let terms = self.terms();
        self.only(terms.knows_devices && !has_cookies(terms), |it| {
            let says = "The cookie by which the device of this user is known again. It opens nothing.";
            it.with_header(status, SET_COOKIE, says, fields::text("A cookie."))
        })
    }

    /// An answer that takes the tokens' cookies away.
    pub(super) fn takes_away(self) -> Self {
        let terms = self.terms();
        self.only(has_cookies(terms), |it| {
            let (status, text) = (StatusCode::NO_CONTENT, || fields::text("A line."));
            it.with_header(status, SET_COOKIE, "Takes the tokens' cookies away.", text()).with_header(
                status,
                "Clear-Site-Data",
                "Has the browser forget what pages have stored.",
                text(),
            )
        })
    }
}

/// The header as it is written.
const SET_COOKIE: &str = "Set-Cookie";

fn has_cookies(terms: &Terms) -> bool {
    terms.tokens.token_location.contains(&Location::Cookies)
}

/// How often an answer has a member.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Always,
    Sometimes,
    Never,
}

/// What tokens look like on some terms: which members are never there, and which always.
fn schema(terms: &Terms, what: Handing) -> RefOr<Schema> {
    let RefOr::T(Schema::Object(mut tokens)) = Tokens::schema() else { return Tokens::schema() };
    let options = &terms.tokens;
    let in_body = match options.token_location.as_slice() {
        [Location::Cookies] => Presence::Never,
        places if places.contains(&Location::Cookies) => Presence::Sometimes,
        _ => Presence::Always,
    };
    let has_csrf = options.cookie_csrf_protect
        && (options.csrf_claim == CsrfClaim::Always || options.token_location.contains(&Location::Cookies));
    let csrf = if has_csrf { Presence::Always } else { Presence::Never };
    let of_pair = |presence| if what == Handing::Pair { presence } else { Presence::Never };
    for (name, presence) in [
        ("access_token", in_body),
        ("refresh_token", of_pair(in_body)),
        ("csrf_access_token", csrf),
        ("csrf_refresh_token", of_pair(csrf)),
    ] {
        keep(&mut tokens, name, presence);
    }
    RefOr::T(Schema::Object(tokens))
}

fn keep(object: &mut Object, name: &str, presence: Presence) {
    match presence {
        Presence::Always => object.required.push(name.to_owned()),
        Presence::Sometimes => {}
        Presence::Never => drop(object.properties.shift_remove(name)),
    }
}
