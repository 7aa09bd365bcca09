//! The cookies that carry tokens: the lines that set them and the lines that take them away.

use std::{
    borrow::Cow,
    fmt::{self, Write as _},
    time::Duration,
};

use axum_core::response::{IntoResponseParts, ResponseParts};
use http::{HeaderMap, HeaderValue, header::SET_COOKIE};
use serde::{Deserialize, Deserializer, de};

use crate::{JwtConfig, JwtManager, NumericDate, Token, TokenKind, http_date::http_date, places};

/// Which other sites' requests carry a cookie (RFC 6265bis section 5.6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameSite {
    /// None of them.
    Strict,
    /// Those that follow a link.
    Lax,
    /// All, for pages on other sites that may use the API. The cookies must be Secure.
    None,
}

impl SameSite {
    const fn name(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Lax => "Lax",
            Self::None => "None",
        }
    }
}

impl<'de> Deserialize<'de> for SameSite {
    /// Takes the names in any case, as Werkzeug does.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        [Self::Strict, Self::Lax, Self::None]
            .into_iter()
            .find(|it| it.name().eq_ignore_ascii_case(&name))
            .ok_or_else(|| de::Error::custom("SameSite must be Strict, Lax or None"))
    }
}

/// How a manager's cookies look.
#[derive(Clone, Debug)]
pub(crate) struct CookieRules {
    pub(crate) access: CookieNames,
    pub(crate) refresh: CookieNames,
    secure: bool,
    same_site: Option<SameSite>,
    domain: Option<String>,
    max_age: Option<Duration>,
    with_csrf: bool,
}

/// The two cookies of one kind of token.
#[derive(Clone, Debug)]
pub(crate) struct CookieNames {
    pub(crate) token: CookieSpec,
    pub(crate) csrf: CookieSpec,
}

/// A cookie's name and path.
#[derive(Clone, Debug)]
pub(crate) struct CookieSpec {
    pub(crate) name: String,
    pub(crate) path: String,
}

impl CookieRules {
    /// A year less a few hours: Flask-JWT-Extended's number for cookies that outlive the session.
    const PERSISTENT: Duration = Duration::from_secs(31_540_000);

    pub(crate) fn new(
        config: &JwtConfig,
        with_csrf: bool,
        names: impl Fn(TokenKind) -> (CookieSpec, CookieSpec),
    ) -> Self {
        let names = |kind| {
            let (token, csrf) = names(kind);
            CookieNames { token, csrf }
        };
        Self {
            access: names(TokenKind::Access),
            refresh: names(TokenKind::Refresh),
            secure: config.cookie_secure,
            same_site: config.cookie_samesite,
            domain: config.cookie_domain.clone(),
            max_age: (!config.session_cookie).then_some(Self::PERSISTENT),
            with_csrf,
        }
    }

    fn names(&self, kind: TokenKind) -> &CookieNames {
        match kind {
            TokenKind::Access => &self.access,
            TokenKind::Refresh => &self.refresh,
        }
    }
}

/// The cookies of a manager, for one answer: see [`JwtManager::cookies`].
#[derive(Clone, Debug)]
#[must_use]
pub struct TokenCookies<'m> {
    rules: &'m CookieRules,
    domain: Option<Cow<'m, str>>,
    max_age: Option<Duration>,
    now: NumericDate,
}

impl JwtManager {
    /// The cookies that carry this manager's tokens, to set or to take away.
    ///
    /// ```
    /// # use portcullis::{CookieError, JwtManager, SetCookies};
    /// fn log_in(jwt: &JwtManager) -> Result<SetCookies, Box<dyn std::error::Error>> {
    ///     let token = jwt.access("alice").fresh().sign()?;
    ///     Ok(jwt.cookies().set(&token)?) // part of a response: (cookies, "hello")
    /// }
    ///
    /// fn log_out(jwt: &JwtManager) -> Result<SetCookies, CookieError> {
    ///     jwt.cookies().unset_all()
    /// }
    /// ```
    pub fn cookies(&self) -> TokenCookies<'_> {
        let rules = self.cookie_rules();
        let domain = rules.domain.as_deref().map(Cow::Borrowed);
        TokenCookies { rules, domain, max_age: rules.max_age, now: self.now() }
    }
}

impl<'m> TokenCookies<'m> {
    /// Lets the cookies stay for this long instead of as configured. Zero is as configured.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        if max_age.as_secs() > 0 {
            self.max_age = Some(max_age);
        }
        self
    }

    /// Sets the cookies for this domain instead of the configured one.
    pub fn domain(mut self, domain: impl Into<Cow<'m, str>>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// The lines that hand a token to a browser: its cookie, which no script can read, and the cookie of its
    /// CSRF value, which ours must read.
    ///
    /// # Errors
    /// [`CookieError`] when the token has no CSRF value and needs one, when a line is too long for browsers,
    /// or when the domain cannot be.
    pub fn set(&self, token: &Token) -> Result<SetCookies, CookieError> {
        let names = self.rules.names(token.kind());
        let mut lines = vec![self.line(&names.token, token.as_str(), For::Browser)?];
        if self.rules.with_csrf {
            let csrf = token.csrf().ok_or(CookieError::NoCsrf)?;
            lines.push(self.line(&names.csrf, csrf, For::Scripts)?);
        }
        Ok(SetCookies(lines))
    }

    /// The lines that take the cookies of one kind of token away.
    ///
    /// # Errors
    /// [`CookieError::Domain`].
    pub fn unset(&self, kind: TokenKind) -> Result<SetCookies, CookieError> {
        let names = self.rules.names(kind);
        let mut lines = vec![self.line(&names.token, "", For::Browser)?];
        if self.rules.with_csrf {
            lines.push(self.line(&names.csrf, "", For::Scripts)?);
        }
        Ok(SetCookies(lines))
    }

    /// The lines that take all of them away.
    ///
    /// A logout also wants `Clear-Site-Data: "cookies", "storage"`, which is the application's to say: it
    /// touches more than tokens.
    ///
    /// # Errors
    /// [`CookieError::Domain`].
    pub fn unset_all(&self) -> Result<SetCookies, CookieError> {
        Ok(self.unset(TokenKind::Access)?.and(self.unset(TokenKind::Refresh)?))
    }

    /// A line in the order in which Werkzeug writes it; an empty value is a cookie that goes.
    fn line(&self, cookie: &CookieSpec, value: &str, read_by: For) -> Result<HeaderValue, CookieError> {
        let bytes = cookie.name.len() + value.len();
        if bytes > MAX_BYTES {
            return Err(CookieError::TooLong { bytes });
        }
        let mut line = format!("{}={value}", cookie.name);
        // Writing into a text cannot fail.
        let mut add = |attribute: fmt::Arguments<'_>| write!(line, "; {attribute}").unwrap_or_default();
        if let Some(domain) = self.domain.as_deref() {
            let prefixed = cookie.name.to_ascii_lowercase().starts_with("__host-");
            if prefixed || !places::domain(domain) {
                return Err(CookieError::Domain(domain.to_owned()));
            }
            // RFC 6265 section 5.2.3: a leading dot says nothing.
            add(format_args!("Domain={}", domain.trim_start_matches('.')));
        }
        match self.max_age {
            _ if value.is_empty() => add(format_args!("Expires={}", http_date(NumericDate::from_seconds(0)))),
            Some(age) => {
                let seconds = age.as_secs();
                add(format_args!("Expires={}; Max-Age={seconds}", http_date(self.now.plus(age))));
            }
            None => {}
        }
        if self.rules.secure {
            add(format_args!("Secure"));
        }
        if read_by == For::Browser {
            add(format_args!("HttpOnly"));
        }
        add(format_args!("Path={}", cookie.path));
        if let Some(same_site) = self.rules.same_site {
            add(format_args!("SameSite={}", same_site.name()));
        }
        HeaderValue::from_str(&line).map_err(|_| CookieError::Characters)
    }
}

/// What browsers keep of a cookie's name and value together (RFC 6265bis section 5.6).
const MAX_BYTES: usize = 4096;

/// Who reads a cookie.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Browser,
    Scripts,
}

/// `Set-Cookie` lines, a part of a response.
///
/// ```
/// # use portcullis::{JwtManager, SetCookies};
/// async fn log_out(jwt: JwtManager) -> (SetCookies, &'static str) {
/// #   let cookies = jwt.cookies().unset_all().unwrap();
///     (cookies, "bye")
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "the lines do nothing until they are part of a response"]
pub struct SetCookies(Vec<HeaderValue>);

impl SetCookies {
    /// These lines and others.
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Writes the lines into the headers of a response.
    pub fn append_to(self, headers: &mut HeaderMap) {
        for line in self.0 {
            headers.append(SET_COOKIE, line);
        }
    }
}

impl IntoResponseParts for SetCookies {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Self::Error> {
        self.append_to(response.headers_mut());
        Ok(response)
    }
}

/// Why a cookie cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CookieError {
    /// The token has no claim `csrf`, and a cookie without is refused where it is sent back.
    #[error(
        "the token has no csrf claim: let cookies be a location, set JWT_CSRF_CLAIM, or issue it with one"
    )]
    NoCsrf,
    /// Browsers would drop the cookie.
    #[error("the cookie has {bytes} bytes, browsers keep {}", MAX_BYTES)]
    TooLong {
        /// Its name and value.
        bytes: usize,
    },
    /// The domain is none, or the cookie's name says that it has none.
    #[error("the cookie cannot have the domain {0:?}")]
    Domain(String),
    /// The value has characters that no cookie has.
    #[error("the cookie has characters that no header may have")]
    Characters,
}
