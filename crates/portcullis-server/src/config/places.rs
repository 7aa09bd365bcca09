//! Where tokens are looked for, and how the cookies look that carry them. What fits what is the library's to say.

use http::Method;
use portcullis::{JwtConfig, Location, SameSite};

use super::{
    Profile, echo,
    problem::{Findings, Problem},
    sources::Winners,
    value::{Refusal, Value},
};

const LOCATIONS: [Location; 4] =
    [Location::Headers, Location::Cookies, Location::Json, Location::QueryString];

/// The places, in the order in which they are searched.
pub(super) fn locations(value: &Value) -> Result<Vec<Location>, Refusal> {
    let known = |name: &String| {
        LOCATIONS.into_iter().find(|location| location.name() == name).ok_or_else(|| {
            format!("{} is none of headers, cookies, json and query_string", echo::found_text(name))
        })
    };
    value.texts()?.iter().map(known).collect()
}

/// Which other sites' requests carry the cookies, in any case as Werkzeug takes it.
pub(super) fn same_site(value: &Value) -> Result<Option<SameSite>, Refusal> {
    let text = value.text()?;
    match text.to_ascii_lowercase().as_str() {
        "strict" => Ok(Some(SameSite::Strict)),
        "lax" => Ok(Some(SameSite::Lax)),
        "none" => Ok(Some(SameSite::None)),
        "unset" => Ok(None),
        _ => Err(format!("{} is not one of Strict, Lax, None, unset", echo::found_text(text))),
    }
}

/// Methods as requests spell them: one in small letters would never match.
pub(super) fn methods(value: &Value) -> Result<Vec<Method>, Refusal> {
    let known = |name: &String| match Method::from_bytes(name.as_bytes()) {
        Ok(method) if name.bytes().all(|byte| byte.is_ascii_uppercase()) => Ok(method),
        _ => Err(format!("{} is no method: they are written in capitals", echo::found_text(name))),
    };
    value.texts()?.iter().map(known).collect()
}

/// Warns of places and cookies that protect less than they could.
pub(super) fn judge(jwt: &JwtConfig, profile: Profile, winners: &Winners, findings: &mut Findings) {
    let mut warn = |setting: &'static str, text: &str| {
        if let Some(origin) = winners.origin(setting) {
            findings.warn(Problem::of(setting, origin.clone(), text));
        }
    };
    if jwt.token_location.contains(&Location::QueryString) {
        warn("JWT_TOKEN_LOCATION", "tokens in addresses get into histories and the logs of proxies");
    }
    if !jwt.token_location.contains(&Location::Cookies) {
        return;
    }
    let changing = [Method::POST, Method::PUT, Method::DELETE];
    if !jwt.cookie_csrf_protect {
        warn("JWT_COOKIE_CSRF_PROTECT", "any page can do in a user's name what the user's cookies allow");
    } else if changing.iter().any(|method| !jwt.csrf_methods.contains(method)) {
        warn("JWT_CSRF_METHODS", "POST, PUT and DELETE change things here: without them any page can");
    }
    if !jwt.cookie_secure && profile == Profile::Production {
        warn("JWT_COOKIE_SECURE", "the cookies go over http too, where everybody on the way can read them");
    }
}
