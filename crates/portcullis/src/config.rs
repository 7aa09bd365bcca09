//! Flask-JWT-Extended's options under their names, as one table with its defaults.

use std::time::Duration;

use http::Method;
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned},
};

use crate::{Algorithm, ErrorStyle, Lifetime, Location, SameSite, Secret, lifetime::seconds};

/// What a [`JwtManager`](crate::JwtManager) is made from: every option, with Flask-JWT-Extended's name in the
/// serialized form and its meaning.
///
/// Deserializing refuses unknown names; an absent one takes the default that stands beside it. What a value
/// means for a manager is checked when one is made of it
/// ([`JwtManager::from_config`](crate::JwtManager::from_config)), all problems at once.
///
/// ```
/// use portcullis::{JwtConfig, JwtManager};
///
/// let config: JwtConfig = serde_json::from_str(
///     r#"{"JWT_SECRET_KEY": "an example of thirty-two bytes..", "JWT_ACCESS_TOKEN_EXPIRES": 900}"#,
/// )?;
/// let jwt = JwtManager::from_config(config)?.build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "the options are Flask-JWT-Extended's, one by one")]
pub struct JwtConfig {
    /// The algorithm that signs. Default: `HS256`.
    #[serde(rename = "JWT_ALGORITHM")]
    pub algorithm: Algorithm,
    /// The algorithms that are accepted, as far as the keys have them: a key has one. Names of no key are a
    /// mistake, `Ed25519` among them asks for that name beside `EdDSA`, and [`algorithm`](Self::algorithm) is
    /// always accepted. Default: none, whatever the keys have.
    #[serde(rename = "JWT_DECODE_ALGORITHMS", deserialize_with = "one_or_many")]
    pub decode_algorithms: Vec<String>,
    /// The private key of an algorithm with key pairs, as PEM or JWK: signs and verifies. Default: none.
    #[serde(rename = "JWT_PRIVATE_KEY")]
    pub private_key: Option<Secret>,
    /// The public key, as PEM or JWK: verifies. Beside a private key it has to be its other half; alone it
    /// makes a manager that issues nothing. Default: none.
    #[serde(rename = "JWT_PUBLIC_KEY")]
    pub public_key: Option<String>,
    /// The secret that signs and verifies: at least as long as the hash (RFC 7518 section 3.2). Default: none.
    #[serde(rename = "JWT_SECRET_KEY")]
    pub secret_key: Option<Secret>,
    /// Earlier secrets, newest first, at most three, which verify and never sign; they may be short. Beside a key
    /// pair [`decode_algorithms`](Self::decode_algorithms) names their algorithm, as `HS256`; their tokens that name
    /// a `kid` end all the same, since the pair has one ([`KeySet`](crate::KeySet)). Default: none.
    #[serde(rename = "JWT_SECRET_KEYS_PREVIOUS")]
    pub secret_keys_previous: Vec<Secret>,
    /// Take a signing secret that is too short, as an application that is taken over may have one. Default: no.
    #[serde(skip)]
    pub accept_short_secret: bool,
    /// How long an access token lives. Default: 15 minutes.
    #[serde(rename = "JWT_ACCESS_TOKEN_EXPIRES")]
    pub access_token_expires: Lifetime,
    /// How long a refresh token lives. Default: 30 days.
    #[serde(rename = "JWT_REFRESH_TOKEN_EXPIRES")]
    pub refresh_token_expires: Lifetime,
    /// The claim that carries the identity. Default: `sub`; a token without it is read by 3.x's `identity`.
    ///
    /// Naming a claim here turns that second reading off.
    #[serde(rename = "JWT_IDENTITY_CLAIM")]
    pub identity_claim: Option<String>,
    /// The claims a token must have besides the identity. Default: `exp`, `jti`, `type`.
    #[serde(rename = "JWT_REQUIRED_CLAIMS")]
    pub required_claims: Vec<String>,
    /// The audiences of which a token must name one. Default: none, `aud` is not looked at.
    #[serde(rename = "JWT_DECODE_AUDIENCE", deserialize_with = "one_or_many")]
    pub decode_audience: Vec<String>,
    /// The audiences written into new tokens. Default: none.
    #[serde(rename = "JWT_ENCODE_AUDIENCE", deserialize_with = "one_or_many")]
    pub encode_audience: Vec<String>,
    /// The issuers of which a token must name one, byte for byte. Default: none, `iss` is not looked at.
    #[serde(rename = "JWT_DECODE_ISSUER", deserialize_with = "one_or_many")]
    pub decode_issuer: Vec<String>,
    /// The issuer written into new tokens. Default: none.
    #[serde(rename = "JWT_ENCODE_ISSUER")]
    pub encode_issuer: Option<String>,
    /// How far other clocks may be off, for `exp`, `nbf` and `iat`. At most 300 s. Default: 0.
    #[serde(rename = "JWT_DECODE_LEEWAY", deserialize_with = "seconds")]
    pub decode_leeway: Duration,
    /// Whether new tokens carry `nbf`. Default: yes.
    #[serde(rename = "JWT_ENCODE_NBF")]
    pub encode_nbf: bool,
    /// The header that carries the token. Default: `Authorization`.
    #[serde(rename = "JWT_HEADER_NAME")]
    pub header_name: String,
    /// The scheme before the token; empty: the header holds the bare token. Default: `Bearer`.
    #[serde(rename = "JWT_HEADER_TYPE")]
    pub header_type: String,
    /// Where tokens are looked for, in this order. Default: `headers`.
    #[serde(rename = "JWT_TOKEN_LOCATION", deserialize_with = "one_or_many")]
    pub token_location: Vec<Location>,
    /// The query parameter. Default: `jwt`.
    #[serde(rename = "JWT_QUERY_STRING_NAME")]
    pub query_string_name: String,
    /// What stands before the token in it. Default: nothing.
    #[serde(rename = "JWT_QUERY_STRING_VALUE_PREFIX")]
    pub query_string_value_prefix: String,
    /// The member of a JSON body that is an access token. Default: `access_token`.
    #[serde(rename = "JWT_JSON_KEY")]
    pub json_key: String,
    /// The member of a JSON body that is a refresh token. Default: `refresh_token`.
    #[serde(rename = "JWT_REFRESH_JSON_KEY")]
    pub refresh_json_key: String,
    /// The access cookie. Default: `access_token_cookie` behind the strictest prefix that the other options
    /// allow: `__Host-` with Secure, the path `/` and no domain, else `__Secure-` with Secure.
    #[serde(rename = "JWT_ACCESS_COOKIE_NAME")]
    pub access_cookie_name: Option<String>,
    /// The refresh cookie. Default: `refresh_token_cookie` behind a prefix in the same way.
    #[serde(rename = "JWT_REFRESH_COOKIE_NAME")]
    pub refresh_cookie_name: Option<String>,
    /// The path of the access cookie. Default: `/`.
    #[serde(rename = "JWT_ACCESS_COOKIE_PATH")]
    pub access_cookie_path: String,
    /// The path of the refresh cookie. Default: `/`.
    #[serde(rename = "JWT_REFRESH_COOKIE_PATH")]
    pub refresh_cookie_path: String,
    /// Whether the cookies go over https only. Default: yes.
    #[serde(rename = "JWT_COOKIE_SECURE")]
    pub cookie_secure: bool,
    /// The domain of the cookies. Default: none, they go to the host that set them alone.
    #[serde(rename = "JWT_COOKIE_DOMAIN")]
    pub cookie_domain: Option<String>,
    /// Which other sites' requests carry the cookies. Default: `Lax`; null: the browser decides.
    #[serde(rename = "JWT_COOKIE_SAMESITE")]
    pub cookie_samesite: Option<SameSite>,
    /// Whether the cookies end with the browser's session; else they stay for a year. Default: yes.
    #[serde(rename = "JWT_SESSION_COOKIE")]
    pub session_cookie: bool,
    /// Whether a token in a cookie needs its `csrf` claim beside it. Default: yes.
    #[serde(rename = "JWT_COOKIE_CSRF_PROTECT")]
    pub cookie_csrf_protect: bool,
    /// Which new tokens carry the claim `csrf`. Default: `with-cookies`.
    #[serde(rename = "JWT_CSRF_CLAIM")]
    pub csrf_claim: CsrfClaim,
    /// The methods that need the value. Default: `POST`, `PUT`, `PATCH`, `DELETE`.
    #[serde(rename = "JWT_CSRF_METHODS", deserialize_with = "methods")]
    pub csrf_methods: Vec<Method>,
    /// Whether the value is handed out in a cookie that scripts can read, too. Default: yes.
    #[serde(rename = "JWT_CSRF_IN_COOKIES")]
    pub csrf_in_cookies: bool,
    /// The cookie for an access token's value. Default: `csrf_access_token` behind a prefix as above.
    #[serde(rename = "JWT_ACCESS_CSRF_COOKIE_NAME")]
    pub access_csrf_cookie_name: Option<String>,
    /// The cookie for a refresh token's value. Default: `csrf_refresh_token` behind a prefix as above.
    #[serde(rename = "JWT_REFRESH_CSRF_COOKIE_NAME")]
    pub refresh_csrf_cookie_name: Option<String>,
    /// Its path. Default: `/`.
    #[serde(rename = "JWT_ACCESS_CSRF_COOKIE_PATH")]
    pub access_csrf_cookie_path: String,
    /// Its path. Default: `/`.
    #[serde(rename = "JWT_REFRESH_CSRF_COOKIE_PATH")]
    pub refresh_csrf_cookie_path: String,
    /// The header that carries an access token's value. Default: `X-CSRF-TOKEN`.
    #[serde(rename = "JWT_ACCESS_CSRF_HEADER_NAME")]
    pub access_csrf_header_name: String,
    /// The header that carries a refresh token's value. Default: `X-CSRF-TOKEN`.
    #[serde(rename = "JWT_REFRESH_CSRF_HEADER_NAME")]
    pub refresh_csrf_header_name: String,
    /// Whether the value may stand in a form's field instead; under the layer, or where the request has a
    /// [`ReadBody`](crate::ReadBody). Default: no.
    #[serde(rename = "JWT_CSRF_CHECK_FORM")]
    pub csrf_check_form: bool,
    /// The field for an access token's value. Default: `csrf_token`.
    #[serde(rename = "JWT_ACCESS_CSRF_FIELD_NAME")]
    pub access_csrf_field_name: String,
    /// The field for a refresh token's value. Default: `csrf_token`.
    #[serde(rename = "JWT_REFRESH_CSRF_FIELD_NAME")]
    pub refresh_csrf_field_name: String,
    /// An object that holds all claims of one's own, 3.x's `user_claims`. Default: none, they stand beside ours.
    #[serde(rename = "JWT_USER_CLAIMS")]
    pub user_claims: Option<String>,
    /// Whether that object is written into refresh tokens too. Default: no.
    #[serde(rename = "JWT_CLAIMS_IN_REFRESH_TOKEN")]
    pub claims_in_refresh_token: bool,
    /// The member that carries the text in the Flask styles' error bodies. Default: `msg`.
    #[serde(rename = "JWT_ERROR_MESSAGE_KEY")]
    pub error_message_key: String,
    /// The statuses and texts of refusals. Default: [`ErrorStyle::Problem`].
    #[serde(rename = "ERROR_STYLE")]
    pub error_style: ErrorStyle,
}

impl Default for JwtConfig {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::HS256,
            decode_algorithms: Vec::new(),
            private_key: None,
            public_key: None,
            secret_key: None,
            secret_keys_previous: Vec::new(),
            accept_short_secret: false,
            access_token_expires: Lifetime::MINUTES_15,
            refresh_token_expires: Lifetime::DAYS_30,
            identity_claim: None,
            required_claims: ["exp", "jti", "type"].map(String::from).into(),
            decode_audience: Vec::new(),
            encode_audience: Vec::new(),
            decode_issuer: Vec::new(),
            encode_issuer: None,
            decode_leeway: Duration::ZERO,
            encode_nbf: true,
            header_name: "Authorization".into(),
            header_type: "Bearer".into(),
            token_location: vec![Location::Headers],
            query_string_name: "jwt".into(),
            query_string_value_prefix: String::new(),
            json_key: "access_token".into(),
            refresh_json_key: "refresh_token".into(),
            access_cookie_name: None,
            refresh_cookie_name: None,
            access_cookie_path: "/".into(),
            refresh_cookie_path: "/".into(),
            cookie_secure: true,
            cookie_domain: None,
            cookie_samesite: Some(SameSite::Lax),
            session_cookie: true,
            cookie_csrf_protect: true,
            csrf_claim: CsrfClaim::WithCookies,
            csrf_methods: vec![Method::POST, Method::PUT, Method::PATCH, Method::DELETE],
            csrf_in_cookies: true,
            access_csrf_cookie_name: None,
            refresh_csrf_cookie_name: None,
            access_csrf_cookie_path: "/".into(),
            refresh_csrf_cookie_path: "/".into(),
            access_csrf_header_name: "X-CSRF-TOKEN".into(),
            refresh_csrf_header_name: "X-CSRF-TOKEN".into(),
            csrf_check_form: false,
            access_csrf_field_name: "csrf_token".into(),
            refresh_csrf_field_name: "csrf_token".into(),
            user_claims: None,
            claims_in_refresh_token: false,
            error_message_key: "msg".into(),
            error_style: ErrorStyle::Problem,
        }
    }
}

impl JwtConfig {
    /// The longest leeway: more would be a second lifetime (RFC 7519 section 4.1.4: "usually no more than a
    /// few minutes").
    pub const MAX_LEEWAY: Duration = Duration::from_mins(5);

    /// Flask-JWT-Extended's cookies: its names without a prefix, not Secure, without `SameSite`.
    ///
    /// For an application whose clients know these names already; set [`cookie_secure`](Self::cookie_secure)
    /// again where they speak https.
    ///
    /// ```
    /// # use portcullis::{JwtManager, Key, Location};
    /// let jwt = JwtManager::builder(Key::hs256([7; 32])?)
    ///     .configure(|config| {
    ///         config.token_location = vec![Location::Cookies];
    ///         config.flask_cookies().cookie_secure = true;
    ///     })
    ///     .build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn flask_cookies(&mut self) -> &mut Self {
        self.access_cookie_name = Some("access_token_cookie".into());
        self.refresh_cookie_name = Some("refresh_token_cookie".into());
        self.access_csrf_cookie_name = Some("csrf_access_token".into());
        self.refresh_csrf_cookie_name = Some("csrf_refresh_token".into());
        (self.cookie_secure, self.cookie_samesite) = (false, None);
        self
    }
}

/// Which new tokens carry the claim `csrf`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CsrfClaim {
    /// Those of a manager that looks for tokens in cookies and protects them.
    WithCookies,
    /// All, as since Flask-JWT-Extended 4.6: for routes that take cookies by their own list of locations.
    Always,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected one or a list of them")]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

fn one_or_many<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    OneOrMany::deserialize(deserializer).map(|value| match value {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

/// Methods are compared as they are spelled (RFC 9110 section 9.1), so one in small letters would never match.
fn methods<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Method>, D::Error> {
    let names: Vec<String> = one_or_many(deserializer)?;
    let known = |name: String| match Method::from_bytes(name.as_bytes()) {
        Ok(method) if name.bytes().all(|byte| byte.is_ascii_uppercase()) => Ok(method),
        _ => Err(de::Error::custom(format!("{name:?} is no method: they are written in capitals"))),
    };
    names.into_iter().map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flask_forms_are_read_and_its_never_is_refused() {
        let config: JwtConfig = serde_json::from_str(
            r#"{"JWT_ACCESS_TOKEN_EXPIRES": 60, "JWT_DECODE_AUDIENCE": "api", "JWT_DECODE_LEEWAY": 5}"#,
        )
        .unwrap();
        assert_eq!(config.access_token_expires.duration().as_secs(), 60);
        assert_eq!((config.decode_audience, config.decode_leeway.as_secs()), (vec!["api".to_owned()], 5));
        for bad in ["false", "0", "null", "1.5"] {
            let json = format!(r#"{{"JWT_ACCESS_TOKEN_EXPIRES": {bad}}}"#);
            assert!(serde_json::from_str::<JwtConfig>(&json).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<JwtConfig>(r#"{"JWT_SECRET": "x"}"#).is_err());
    }
}
