//! Tokens in cookies: what an answer sets and takes away, and whether its body has the tokens too.

use axum::{
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
};
use portcullis::{JwtManager, Location, SetCookies, Token};
use serde::Serialize;

use super::error::Refusal;
use crate::state::AppState;

/// What makes a browser forget what a page has stored (W3C Clear Site Data).
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// The tokens of an answer's body, and what a script has to know where they are in cookies.
///
/// The body is left out where a script must not see a token: where cookies are the only place, and for a request whose
/// own token was in one. Otherwise a script that got into a page could ask for tokens to take away.
#[derive(Default, Serialize)]
pub(super) struct Handed {
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    token_type: String,
    expires_in: i64,
    /// What has to stand beside the cookie, for pages that cannot read the cookie that has it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_refresh_token: Option<String>,
}

impl Handed {
    /// Hands out an access token, and the refresh token of its pair; `presented` is where the request's own token was.
    pub(super) fn out(
        state: &AppState,
        presented: Option<Location>,
        (access, expires_in): (Token, i64),
        refresh: Option<Token>,
    ) -> Result<(SetCookies, Self), Refusal> {
        let jwt = state.jwt();
        let mut handed = Self { token_type: jwt.scheme().to_owned(), expires_in, ..Self::default() };
        let mut cookies = SetCookies::default();
        if has_cookies(jwt) {
            handed.csrf_access_token = access.csrf().map(str::to_owned);
            handed.csrf_refresh_token = refresh.as_ref().and_then(Token::csrf).map(str::to_owned);
            for token in [Some(&access), refresh.as_ref()].into_iter().flatten() {
                cookies = cookies.and(jwt.cookies().set(token).map_err(Refusal::defect)?);
            }
        }
        if presented != Some(Location::Cookies) && jwt.locations() != [Location::Cookies] {
            handed.access_token = Some(access.into_string());
            handed.refresh_token = refresh.map(Token::into_string);
        }
        Ok((cookies, handed))
    }
}

/// 204 for the end of the session that asked for it: where there are cookies, it takes them away. Of all that a browser
/// keeps only what the pages of this host have stored goes too: a clearing of cookies would reach other hosts of the
/// domain, where others have sessions.
pub(super) fn session_is_over(jwt: &JwtManager) -> Result<Response, Refusal> {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if has_cookies(jwt) {
        let headers = response.headers_mut();
        jwt.cookies().unset_all().map_err(Refusal::defect)?.append_to(headers);
        headers.insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"storage\""));
    }
    Ok(response)
}

fn has_cookies(jwt: &JwtManager) -> bool {
    jwt.locations().contains(&Location::Cookies)
}
