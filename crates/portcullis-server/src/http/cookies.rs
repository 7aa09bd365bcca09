//! Tokens in cookies, where a configuration has them there: what answers set and take away. The cookie by which a device
//! is known again is none of these: it opens nothing, and clients of every kind get it.

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{AppendHeaders, IntoResponse, Response},
};
use portcullis::{JwtManager, Location, SetCookies, Token, TokenKind};

use super::error::Refusal;
use crate::{accounts::Devices, state::AppState};

/// What makes a browser forget what a page has stored (W3C Clear Site Data).
const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// The lines that hand tokens to a browser, for a request whose own token was `presented` somewhere; none where there
/// are no cookies.
pub(super) fn set(
    jwt: &JwtManager,
    presented: Option<Location>,
    tokens: &[&Token],
) -> Result<SetCookies, Refusal> {
    let tokens = tokens.iter().filter(|_| may_change(jwt, presented));
    // The configuration was checked: what is left is a token that no browser would keep.
    let lines = |token: &&Token| jwt.cookies().set(token).map_err(Refusal::defect);
    tokens.map(lines).try_fold(SetCookies::default(), |all, lines| Ok(all.and(lines?)))
}

/// Whether tokens travel in cookies alone and stay out of an answer's body: where there is no other place, and for a
/// request whose own token was `presented` in one. A script that got into a page could ask for tokens to take away.
pub(super) fn alone(jwt: &JwtManager, presented: Option<Location>) -> bool {
    presented == Some(Location::Cookies) || jwt.locations() == [Location::Cookies]
}

/// 204 for the end of the session that asked for it: where there are cookies, it takes them away. Of all that a browser
/// keeps only what the pages of this host have stored goes too: a clearing of cookies would reach other hosts of the
/// domain, where others have sessions.
pub(super) fn session_is_over(jwt: &JwtManager, presented: Option<Location>) -> Result<Response, Refusal> {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if may_change(jwt, presented) {
        let headers = response.headers_mut();
        jwt.cookies().unset_all().map_err(Refusal::defect)?.append_to(headers);
        headers.insert(CLEAR_SITE_DATA, HeaderValue::from_static("\"storage\""));
    }
    Ok(response)
}

/// The name of the cookie that a kind of token is in: as it is taken away, so it is set.
pub(super) fn name(jwt: &JwtManager, kind: TokenKind) -> String {
    let mut headers = HeaderMap::new();
    jwt.cookies().unset(kind).unwrap_or_default().append_to(&mut headers);
    let line = headers.get(header::SET_COOKIE).and_then(|line| line.to_str().ok()).unwrap_or_default();
    line.split('=').next().unwrap_or_default().to_owned()
}

/// Whether an answer touches a browser's cookies. Not for a token in an address: a foreign page can send anybody there
/// with a token of its own, and would plant its session in the browser, or take the browser's away.
fn may_change(jwt: &JwtManager, presented: Option<Location>) -> bool {
    jwt.locations().contains(&Location::Cookies) && presented != Some(Location::QueryString)
}

/// The token in the cookie of a known device. There is one such cookie or none: which of two is ours is not known, and
/// whoever could plant one beside ours had rather have none be known.
pub(super) fn device<'h>(headers: &'h HeaderMap, state: &AppState) -> Option<&'h str> {
    let fields = headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
    let pairs = fields.flat_map(|field| field.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut ours = pairs.filter(|(name, _)| *name == device_name(state)).map(|(_, value)| value);
    ours.next().filter(|_| ours.next().is_none())
}

/// The line that makes a device known, for an answer to whoever has just logged in or goes on alone; not for a token in an
/// address, by which a foreign page could have a device be known as somebody else's. No page and no other site has to do
/// with it, so it is as strict as cookies are; only https is left away where the tokens' cookies leave it.
pub(super) fn set_device(
    token: Option<Token>,
    presented: Option<Location>,
    state: &AppState,
) -> Result<AppendHeaders<Option<(HeaderName, HeaderValue)>>, Refusal> {
    let line = token.filter(|_| presented != Some(Location::QueryString)).map(|token| {
        let (name, age) = (device_name(state), Devices::LIFETIME.as_secs());
        let secure = if state.has_secure_cookies() { "; Secure" } else { "" };
        let token = token.into_string();
        let line = format!("{name}={token}; Max-Age={age}{secure}; HttpOnly; Path=/; SameSite=Strict");
        HeaderValue::try_from(line).map(|line| (header::SET_COOKIE, line)).map_err(Refusal::defect)
    });
    line.transpose().map(AppendHeaders)
}

/// The cookie's name: with the prefix no other host of the domain can set it.
fn device_name(state: &AppState) -> &'static str {
    if state.has_secure_cookies() { "__Host-device" } else { "device" }
}
