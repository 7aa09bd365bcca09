//! From options to places: where tokens are looked for and which cookies are written, or what of it cannot be.

use http::{HeaderName, HeaderValue};

use crate::{
    JwtConfig, JwtConfigError, SameSite, TokenKind,
    cookies::{CookieRules, CookieSpec},
    locate::{CookiePair, CsrfNames, CsrfRules, HeaderPlace, JsonPlace, Places, QueryPlace, valid_name},
};

/// The places and cookies of a configuration.
///
/// # Errors
/// Everything in it that cannot be, at once.
pub(crate) fn of(config: &JwtConfig) -> Result<(Places, CookieRules), Vec<JwtConfigError>> {
    let mut problems = Problems(Vec::new());
    let header = problems.header("JWT_HEADER_NAME", &config.header_name);
    let word = config.header_type.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
    problems.check("JWT_HEADER_TYPE", word, "a scheme is one word of ASCII characters");
    problems.check_places(config);
    let cookies = cookies(config);
    problems.check_cookies(config, &cookies);
    let access = problems.header("JWT_ACCESS_CSRF_HEADER_NAME", &config.access_csrf_header_name);
    let refresh = problems.header("JWT_REFRESH_CSRF_HEADER_NAME", &config.refresh_csrf_header_name);
    let (Some(name), Some(access), Some(refresh), true) = (header, access, refresh, problems.0.is_empty())
    else {
        return Err(problems.0);
    };
    let csrf = CsrfRules {
        methods: config.csrf_methods.clone(),
        access: CsrfNames { header: access, field: config.access_csrf_field_name.clone() },
        refresh: CsrfNames { header: refresh, field: config.refresh_csrf_field_name.clone() },
        check_form: config.csrf_check_form,
        refuse_cross_site: config.cookie_samesite != Some(SameSite::None),
    };
    let (spelling, scheme) = (config.header_name.clone(), config.header_type.clone());
    let (access, refresh) = (cookies.access.token.name.clone(), cookies.refresh.token.name.clone());
    let places = Places {
        order: config.token_location.clone(),
        header: HeaderPlace { name, spelling, scheme },
        query: QueryPlace {
            name: config.query_string_name.clone(),
            prefix: config.query_string_value_prefix.clone(),
        },
        json: JsonPlace { access: config.json_key.clone(), refresh: config.refresh_json_key.clone() },
        cookies: CookiePair { access, refresh },
        csrf: config.cookie_csrf_protect.then_some(csrf),
    };
    Ok((places, cookies))
}

fn cookies(config: &JwtConfig) -> CookieRules {
    let named = |given: &Option<String>, default: &str, path: &str| CookieSpec {
        name: given.clone().unwrap_or_else(|| format!("{}{default}", strictest_prefix(config, path))),
        path: path.to_owned(),
    };
    let (access, refresh) = (&config.access_cookie_path, &config.refresh_cookie_path);
    let (access_csrf, refresh_csrf) = (&config.access_csrf_cookie_path, &config.refresh_csrf_cookie_path);
    let with_csrf = config.cookie_csrf_protect && config.csrf_in_cookies;
    CookieRules::new(config, with_csrf, |kind| match kind {
        TokenKind::Access => (
            named(&config.access_cookie_name, "access_token_cookie", access),
            named(&config.access_csrf_cookie_name, "csrf_access_token", access_csrf),
        ),
        TokenKind::Refresh => (
            named(&config.refresh_cookie_name, "refresh_token_cookie", refresh),
            named(&config.refresh_csrf_cookie_name, "csrf_refresh_token", refresh_csrf),
        ),
    })
}

/// The prefix with which a browser lets the least happen to a cookie (RFC 6265bis section 4.1.3).
fn strictest_prefix(config: &JwtConfig, path: &str) -> &'static str {
    match (config.cookie_secure, path, &config.cookie_domain) {
        (true, "/", None) => "__Host-",
        (true, ..) => "__Secure-",
        (false, ..) => "",
    }
}

struct Problems(Vec<JwtConfigError>);

impl Problems {
    fn check(&mut self, option: &'static str, holds: bool, problem: &str) {
        if !holds {
            self.0.push(JwtConfigError::new(option, problem));
        }
    }

    fn header(&mut self, option: &'static str, name: &str) -> Option<HeaderName> {
        let name = HeaderName::from_bytes(name.as_bytes()).ok();
        self.check(option, name.is_some(), "not a header name (RFC 9110 section 5.1)");
        name
    }

    fn check_places(&mut self, config: &JwtConfig) {
        let order = &config.token_location;
        let twice =
            order.iter().enumerate().any(|(place, one)| order.iter().skip(place + 1).any(|it| it == one));
        self.check("JWT_TOKEN_LOCATION", !order.is_empty() && !twice, LOCATIONS);
        let named = !config.query_string_name.is_empty();
        self.check("JWT_QUERY_STRING_NAME", named, "a parameter needs a name");
        self.check("JWT_JSON_KEY", !config.json_key.is_empty(), "a member needs a name");
        self.check("JWT_REFRESH_JSON_KEY", !config.refresh_json_key.is_empty(), "a member needs a name");
    }

    fn check_cookies(&mut self, config: &JwtConfig, cookies: &CookieRules) {
        let options = [
            ("JWT_ACCESS_COOKIE_NAME", &cookies.access.token),
            ("JWT_REFRESH_COOKIE_NAME", &cookies.refresh.token),
            ("JWT_ACCESS_CSRF_COOKIE_NAME", &cookies.access.csrf),
            ("JWT_REFRESH_CSRF_COOKIE_NAME", &cookies.refresh.csrf),
        ];
        for (place, (option, cookie)) in options.iter().enumerate() {
            self.check(option, valid_name(&cookie.name), "not a cookie name (RFC 6265 section 4.1.1)");
            self.check(option, attribute(&cookie.path) && cookie.path.starts_with('/'), PATH);
            let twice = options.iter().skip(place + 1).any(|(_, other)| other.name == cookie.name);
            self.check(option, !twice, "two cookies of one name");
            let lower = cookie.name.to_ascii_lowercase();
            let host = !lower.starts_with("__host-") || strictest_prefix(config, &cookie.path) == "__Host-";
            let secure = !lower.starts_with("__secure-") || config.cookie_secure;
            self.check(option, host && secure, PREFIX);
        }
        let domain = config.cookie_domain.as_deref().is_none_or(domain);
        self.check("JWT_COOKIE_DOMAIN", domain, "not a domain");
        let seen = config.cookie_samesite != Some(SameSite::None) || config.cookie_secure;
        self.check("JWT_COOKIE_SAMESITE", seen, "browsers take None with JWT_COOKIE_SECURE only");
    }
}

const LOCATIONS: &str = "at least one of headers, cookies, query_string, json, and each once";
const PATH: &str = "its path begins with a slash and has no semicolon and no control characters";
const PREFIX: &str =
    "browsers refuse the prefix: __Secure- needs JWT_COOKIE_SECURE, __Host- also the path / and no domain";

fn attribute(text: &str) -> bool {
    !text.contains(';') && HeaderValue::from_str(text).is_ok() && text.is_ascii()
}

/// Whether a text can be a cookie's domain.
pub(crate) fn domain(text: &str) -> bool {
    !text.trim_start_matches('.').is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
}
