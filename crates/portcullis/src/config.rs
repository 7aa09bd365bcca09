//! Flask-JWT-Extended's options under their names, as one table with its defaults.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de};

use crate::{Algorithm, ErrorStyle, Secret};

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
    /// Earlier secrets, newest first, which verify and never sign; they may be short. Default: none.
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
            access_token_expires: Lifetime(Duration::from_mins(15)),
            refresh_token_expires: Lifetime(Duration::from_hours(30 * 24)),
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
            error_message_key: "msg".into(),
            error_style: ErrorStyle::Problem,
        }
    }
}

impl JwtConfig {
    /// The longest leeway: more would be a second lifetime (RFC 7519 section 4.1.4: "usually no more than a
    /// few minutes").
    pub const MAX_LEEWAY: Duration = Duration::from_mins(5);
}

/// How long a token lives: whole seconds, at least one and at most a hundred years.
///
/// Written as seconds (`900`) or as a number and a unit (`"15m"`, `"30d"`; `s`, `m`, `h`, `d`, `w`). Zero is an
/// error, never "for ever" as in Flask-JWT-Extended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(Duration);

/// A duration that no token can live for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidLifetime(&'static str);

impl Lifetime {
    const MAX_SECONDS: u64 = 100 * 366 * 24 * 60 * 60;

    /// A lifetime of whole seconds.
    ///
    /// # Errors
    /// [`InvalidLifetime`] for zero and for more than a hundred years.
    pub const fn from_secs(seconds: u64) -> Result<Self, InvalidLifetime> {
        match seconds {
            0 => Err(InvalidLifetime("a lifetime of zero is not \"for ever\": give at least one second")),
            1..=Self::MAX_SECONDS => Ok(Self(Duration::from_secs(seconds))),
            _ => Err(InvalidLifetime("a lifetime is at most a hundred years")),
        }
    }

    /// The lifetime as a duration.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl TryFrom<Duration> for Lifetime {
    type Error = InvalidLifetime;

    /// Takes a duration's whole seconds.
    fn try_from(duration: Duration) -> Result<Self, InvalidLifetime> {
        Self::from_secs(duration.as_secs())
    }
}

impl FromStr for Lifetime {
    type Err = InvalidLifetime;

    fn from_str(text: &str) -> Result<Self, InvalidLifetime> {
        parse_seconds(text)
            .ok_or(InvalidLifetime("expected seconds (900) or a number with a unit (\"15m\", \"30d\")"))
            .and_then(Self::from_secs)
    }
}

impl fmt::Display for Lifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0.as_secs())
    }
}

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Seconds::deserialize(deserializer)? {
            Seconds::Number(seconds) => Self::from_secs(seconds),
            Seconds::Text(text) => text.parse(),
            Seconds::Other(_) => Err(InvalidLifetime(LIFETIME_FORM)),
        }
        .map_err(de::Error::custom)
    }
}

const LIFETIME_FORM: &str =
    "expected seconds (900) or a number with a unit (\"15m\", \"30d\"); a token always expires";

/// Reads `"90"`, `"90s"`, `"15m"`, `"12h"`, `"30d"`, `"2w"` as seconds.
fn parse_seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits)? {
        "" | "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => return None,
    };
    digits.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
    /// Whatever else, Flask's `False` for "never" among it: named so that the refusal can say what is expected.
    Other(de::IgnoredAny),
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    match Seconds::deserialize(deserializer)? {
        Seconds::Number(seconds) => Some(seconds),
        Seconds::Text(text) => parse_seconds(&text),
        Seconds::Other(_) => None,
    }
    .map(Duration::from_secs)
    .ok_or_else(|| de::Error::custom("expected seconds or a text such as \"30s\""))
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text or a list of texts")]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    OneOrMany::deserialize(deserializer).map(|value| match value {
        OneOrMany::One(text) => vec![text],
        OneOrMany::Many(texts) => texts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_seconds_or_a_number_with_a_unit() {
        for (text, seconds) in
            [("90", 90), ("90s", 90), ("15m", 900), ("12h", 43_200), ("30d", 2_592_000), ("2w", 1_209_600)]
        {
            assert_eq!(text.parse::<Lifetime>().unwrap().duration().as_secs(), seconds, "{text}");
        }
        for text in
            ["", "m", "-1", "+1", "1.5h", "0", "0d", "1y", "1 d", "99999999999999999999", "1000000000000d"]
        {
            assert!(text.parse::<Lifetime>().is_err(), "{text}");
        }
    }

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
