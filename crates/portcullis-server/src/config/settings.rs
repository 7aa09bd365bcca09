//! The declaration of every setting: its name, whether it may be shown, and its parser into the field it has.

use std::{
    net::{Ipv4Addr, SocketAddr},
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use portcullis::{Algorithm, ErrorStyle, JwtConfig, Secret};

use super::{
    Config, Docs, JwtIdentity, LegacyRefresh, LimitsSwitch, LogFormat, PasswordCommon, PasswordScheme,
    Profile, RefreshLostAnswer, Registration, RevocationFeed, Transport,
    database_url::{self, DatabaseUrl},
    echo, key_pair, limits, origins, places,
    problem::Origin,
    proxies,
    value::{Refusal, Value, quoted},
};

/// What a configuration is built up in.
pub(super) struct Draft {
    pub(super) config: Config,
    /// Flask's `SECRET_KEY`, for when nothing gives `JWT_SECRET_KEY`.
    pub(super) fallback_secret: Option<Secret>,
    /// The key files, from the instance folder; none where the key itself was given last.
    pub(super) private_key_file: Option<PathBuf>,
    pub(super) public_key_file: Option<PathBuf>,
    /// What is given; what is not depends on other settings.
    pub(super) password_scheme: Option<PasswordScheme>,
    pub(super) password_upgrade: Option<bool>,
}

impl Draft {
    pub(super) fn new(profile: Profile, instance: &Path) -> Self {
        Self {
            config: Config::unset(profile, instance),
            fallback_secret: None,
            private_key_file: None,
            public_key_file: None,
            password_scheme: None,
            password_upgrade: None,
        }
    }
}

/// One setting.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) display: Display,
    /// Reads a value into the setting's field.
    pub(super) take: fn(&mut Draft, &Value) -> Result<(), Refusal>,
}

/// One setting, given in one place.
pub(super) struct Entry {
    pub(super) setting: &'static Setting,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// How much of a value may be shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Display {
    Plain,
    /// All but what a URL has of credentials.
    Url,
    /// Nothing.
    Secret,
}

impl Setting {
    const fn plain(name: &'static str, take: fn(&mut Draft, &Value) -> Result<(), Refusal>) -> Self {
        Self { name, display: Display::Plain, take }
    }

    const fn url(name: &'static str, take: fn(&mut Draft, &Value) -> Result<(), Refusal>) -> Self {
        Self { name, display: Display::Url, take }
    }

    const fn secret(name: &'static str, take: fn(&mut Draft, &Value) -> Result<(), Refusal>) -> Self {
        Self { name, display: Display::Secret, take }
    }

    /// The setting of exactly this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }

    /// A value of this setting as it may be shown, in TOML.
    pub(super) fn show(&self, value: &Value) -> String {
        match (self.display, value) {
            (Display::Plain, Value::Untyped(text)) => self.typed(text).to_toml(),
            (Display::Plain, value) => value.to_toml(),
            (Display::Url, Value::Text(text) | Value::Untyped(text)) => quoted(&database_url::redacted(text)),
            (Display::Secret, Value::List(values)) => format!("[{}]", vec![HIDDEN; values.len()].join(", ")),
            (Display::Secret | Display::Url, _) => HIDDEN.to_owned(),
        }
    }

    /// The text of a variable as the file would have it: the first type that the setting takes.
    fn typed(&self, text: &str) -> Value {
        let parts = text.split(',').map(|part| Value::Text(part.trim().to_owned()));
        let number = text.trim().parse().ok().map(Value::Integer);
        let truth = text.to_ascii_lowercase().parse().ok().map(Value::Boolean);
        let mut trial = Draft::new(Profile::Production, Path::new(""));
        [number, truth, Some(Value::List(parts.collect()))]
            .into_iter()
            .flatten()
            .find(|value| (self.take)(&mut trial, value).is_ok())
            .unwrap_or_else(|| Value::Text(text.to_owned()))
    }
}

/// A secret in TOML, shown.
pub(super) const HIDDEN: &str = "\"[redacted]\"";

/// The longest timeout, in seconds.
const HOUR: u64 = 3600;

/// The longest notice, in seconds: service managers do not wait much longer for a stop.
const MINUTE: u64 = 60;

/// The longest lock, in seconds: who waits longer has nobody to wait for.
const DAY: u64 = 24 * HOUR;

/// The most failures before an account's first lock: those that NIST SP 800-63B allows without a new password.
const MOST_FAILURES: u32 = 100;

/// The longest that a session may live, in seconds: ten years, which is nobody's login any more.
const SESSION_AGE: u64 = 3650 * DAY;

/// The longest window in which a refresh is repeated, in seconds: as long, a copy of a token goes unnoticed.
const REUSE_WINDOW: u64 = 10 * MINUTE;

/// How long a node may hear nothing of others, in seconds: at least a few polls, at most a day.
const STALENESS: RangeInclusive<u64> = 5..=DAY;

/// How long audit events may be kept, in seconds.
const EVENTS_KEPT: RangeInclusive<u64> = 24 * HOUR..=3650 * 24 * HOUR;

/// The most memory of one hash: what is verified at most, as a hash that cannot be verified locks its user out.
const MOST_HASH_MEMORY_KIB: u32 = 256 * 1024;

/// The most rounds of one hash: what is verified at most, likewise.
const MOST_HASH_ROUNDS: u32 = 10_000_000;

#[rustfmt::skip] // one line a setting reads as the table it is
pub(super) static SETTINGS: &[Setting] = &[
    Setting::plain("LISTEN", |d, v| address(v).map(|x| d.config.listen = x)),
    Setting::plain("TRUSTED_PROXIES", |d, v| proxies::networks(v).map(|x| d.config.trusted_proxies = x)),
    Setting::plain("CLIENT_ADDRESS_HEADER", |d, v| v.one_of(proxies::HEADERS).map(|x| d.config.client_address_header = x)),
    Setting::plain("TLS_CERT", |d, v| file_in(v, d).map(|x| d.config.tls_cert = Some(x))),
    Setting::plain("TLS_KEY", |d, v| file_in(v, d).map(|x| d.config.tls_key = Some(x))),
    Setting::plain("HTTPS_ONLY", |d, v| v.boolean().map(|x| d.config.transport = Transport::of(x))),
    Setting::plain("CORS_ORIGINS", |d, v| origins::origins(v).map(|x| d.config.cors_origins = x)),
    Setting::plain("DOCS", |d, v| v.one_of(DOCS).map(|x| d.config.docs = x)),
    Setting::plain("MAX_CONNECTIONS", |d, v| v.number(1..=1_000_000).map(|x: u32| d.config.max_connections = x as usize)),
    Setting::url("DATABASE_URL", database),
    Setting::url("MONGO_URI", mongo),
    Setting::plain("BODY_LIMIT", |d, v| v.number(256..=16_777_216).map(|x: u32| d.config.body_limit = x as usize)),
    Setting::plain("REQUEST_TIMEOUT", |d, v| v.duration(1..=HOUR).map(|x| d.config.request_timeout = x)),
    Setting::plain("HEADER_READ_TIMEOUT", |d, v| v.duration(1..=HOUR).map(|x| d.config.header_read_timeout = x)),
    Setting::plain("SHUTDOWN_GRACE", |d, v| v.duration(1..=HOUR).map(|x| d.config.shutdown_grace = x)),
    Setting::plain("SHUTDOWN_NOTICE", |d, v| v.duration(0..=MINUTE).map(|x| d.config.shutdown_notice = x)),
    Setting::plain("LOG_FILTER", |d, v| v.words().map(|x| d.config.log_filter = x)),
    Setting::plain("LOG_FORMAT", |d, v| v.one_of(LOG_FORMATS).map(|x| d.config.log_format = x)),
    Setting::plain("ERROR_STYLE", |d, v| v.one_of(ERROR_STYLES).map(|x| d.config.jwt.error_style = x)),
    Setting::plain("REGISTRATION", |d, v| v.one_of(REGISTRATIONS).map(|x| d.config.registration = x)),
    Setting::plain("SESSION_MAX_AGE", |d, v| v.duration(HOUR..=SESSION_AGE).map(|x| d.config.session_max_age = x)),
    Setting::plain("SESSIONS_PER_USER", |d, v| v.number(1..=1000).map(|x: u32| d.config.sessions_per_user = x as usize)),
    Setting::plain("REFRESH_REUSE_WINDOW", |d, v| v.duration(0..=REUSE_WINDOW).map(|x| d.config.refresh_reuse_window = x)),
    Setting::plain("REFRESH_LOST_ANSWER", |d, v| v.one_of(LOST_ANSWERS).map(|x| d.config.refresh_lost_answer = x)),
    Setting::plain("REVOCATION_FEED", |d, v| v.one_of(REVOCATION_FEEDS).map(|x| d.config.revocation_feed = x)),
    Setting::plain("REVOCATION_MAX_STALENESS", |d, v| v.duration(STALENESS).map(|x| d.config.revocation_max_staleness = x)),
    Setting::plain("AUDIT_EVENTS_KEPT", |d, v| v.duration(EVENTS_KEPT).map(|x| d.config.audit_events_kept = x)),
    Setting::plain("FLASK_BESIDE", |d, v| v.boolean().map(|x| d.config.flask_beside = x)),
    Setting::plain("LEGACY_REFRESH", |d, v| v.one_of(LEGACY_REFRESHES).map(|x| d.config.legacy_refresh = x)),
    Setting::plain("PASSWORD_MIN_LENGTH", |d, v| v.number(1..=64).map(|x: u32| d.config.password_min_length = x as usize)),
    Setting::plain("PASSWORD_COMMON", |d, v| v.one_of(PASSWORD_COMMONS).map(|x| d.config.password_common = x)),
    Setting::plain("PASSWORD_ARGON2_MEMORY_KIB", |d, v| v.number(8..=MOST_HASH_MEMORY_KIB).map(|x| d.config.argon2_memory_kib = x)),
    Setting::plain("PASSWORD_ARGON2_PASSES", |d, v| v.number(1..=20).map(|x| d.config.argon2_passes = x)),
    Setting::plain("PASSWORD_PBKDF2_ROUNDS", |d, v| v.number(1..=MOST_HASH_ROUNDS).map(|x| d.config.pbkdf2_rounds = x)),
    Setting::plain("PASSWORD_SCHEME", |d, v| v.one_of(PASSWORD_SCHEMES).map(|x| d.password_scheme = Some(x))),
    Setting::plain("PASSWORD_UPGRADE", |d, v| v.boolean().map(|x| d.password_upgrade = Some(x))),
    Setting::plain("PASSWORD_QUEUE", |d, v| v.number(1..=65_536).map(|x: u32| d.config.hash_queue = x as usize)),
    Setting::plain("LIMITS", |d, v| v.one_of(SWITCH).map(|x| d.config.limits.switch = x)),
    Setting::plain("LIMIT_LOGIN_BY_ADDRESS_AND_NAME", |d, v| limits::rate(v).map(|x| d.config.limits.login_by_address_and_name = x)),
    Setting::plain("LIMIT_LOGIN_BY_ADDRESS", |d, v| limits::rate(v).map(|x| d.config.limits.login_by_address = x)),
    Setting::plain("LIMIT_LOGIN_BY_NAME", |d, v| limits::rate(v).map(|x| d.config.limits.login_by_name = x)),
    Setting::plain("LIMIT_LOGIN_BY_DEVICE", |d, v| limits::rate(v).map(|x| d.config.limits.login_by_device = x)),
    Setting::plain("LIMIT_LOGIN_NAMES", |d, v| v.number(1..=10_000).map(|x| d.config.limits.login_names = x)),
    Setting::plain("LIMIT_LOGIN_NAMES_WINDOW", |d, v| v.duration(1..=DAY).map(|x| d.config.limits.login_names_window = x)),
    Setting::plain("LIMIT_LOGIN_NAMES_BLOCK", |d, v| v.duration(1..=DAY).map(|x| d.config.limits.login_names_block = x)),
    Setting::plain("LIMIT_REGISTRATION", |d, v| limits::rate(v).map(|x| d.config.limits.registration = x)),
    Setting::plain("LIMIT_REFRESH_FAILURES", |d, v| limits::rate(v).map(|x| d.config.limits.refresh_failures = x)),
    Setting::plain("DEVICE_COOKIE", |d, v| v.boolean().map(|x| d.config.device_cookie = x)),
    Setting::plain("LOCK_AFTER_FAILURES", |d, v| v.number(1..=MOST_FAILURES).map(|x| d.config.lock_after_failures = x)),
    Setting::plain("LOCK_FIRST_DELAY", |d, v| v.duration(1..=DAY).map(|x| d.config.lock_first_delay = x)),
    Setting::plain("LOCK_MAX_DELAY", |d, v| v.duration(1..=DAY).map(|x| d.config.lock_max_delay = x)),
    Setting::secret("JWT_SECRET_KEY", |d, v| v.secret().map(|x| d.config.jwt.secret_key = Some(x))),
    Setting::secret("JWT_SECRET_KEYS_PREVIOUS", |d, v| previous_secrets(v).map(|x| d.config.jwt.secret_keys_previous = x)),
    Setting::secret("SECRET_KEY", |d, v| v.secret().map(|x| d.fallback_secret = Some(x))),
    Setting::secret("JWT_PRIVATE_KEY", private_key),
    Setting::plain("JWT_PRIVATE_KEY_FILE", private_key_file),
    // A private key may stand there by mistake.
    Setting::secret("JWT_PUBLIC_KEY", public_key),
    Setting::plain("JWT_PUBLIC_KEY_FILE", public_key_file),
    Setting::plain("JWT_ALGORITHM", |d, v| algorithm(v).map(|x| d.config.jwt.algorithm = x)),
    Setting::plain("JWT_DECODE_ALGORITHMS", |d, v| decode_algorithms(v).map(|x| d.config.jwt.decode_algorithms = x)),
    Setting::plain("JWT_ACCESS_TOKEN_EXPIRES", |d, v| v.lifetime().map(|x| d.config.jwt.access_token_expires = x)),
    Setting::plain("JWT_REFRESH_TOKEN_EXPIRES", |d, v| v.lifetime().map(|x| d.config.jwt.refresh_token_expires = x)),
    Setting::plain("JWT_IDENTITY_CLAIM", |d, v| identity_claim(v).map(|x| d.config.jwt.identity_claim = Some(x))),
    Setting::plain("JWT_IDENTITY", |d, v| v.one_of(IDENTITIES).map(|x| d.config.identity = x)),
    Setting::plain("JWT_REQUIRED_CLAIMS", |d, v| v.texts().map(|x| d.config.jwt.required_claims = x)),
    Setting::plain("JWT_DECODE_AUDIENCE", |d, v| v.texts().map(|x| d.config.jwt.decode_audience = x)),
    Setting::plain("JWT_ENCODE_AUDIENCE", |d, v| v.texts().map(|x| d.config.jwt.encode_audience = x)),
    Setting::plain("JWT_DECODE_ISSUER", |d, v| v.texts().map(|x| d.config.jwt.decode_issuer = x)),
    Setting::plain("JWT_ENCODE_ISSUER", |d, v| v.words().map(|x| d.config.jwt.encode_issuer = Some(x))),
    Setting::plain("JWT_DECODE_LEEWAY", |d, v| v.duration(0..=JwtConfig::MAX_LEEWAY.as_secs()).map(|x| d.config.jwt.decode_leeway = x)),
    Setting::plain("JWT_ENCODE_NBF", |d, v| v.boolean().map(|x| d.config.jwt.encode_nbf = x)),
    Setting::plain("JWT_TOKEN_LOCATION", |d, v| places::locations(v).map(|x| d.config.jwt.token_location = x)),
    Setting::plain("JWT_HEADER_NAME", |d, v| header_name(v).map(|x| d.config.jwt.header_name = x)),
    Setting::plain("JWT_HEADER_TYPE", |d, v| header_type(v).map(|x| d.config.jwt.header_type = x)),
    Setting::plain("JWT_QUERY_STRING_NAME", |d, v| v.words().map(|x| d.config.jwt.query_string_name = x)),
    Setting::plain("JWT_QUERY_STRING_VALUE_PREFIX", |d, v| v.text().map(|x| d.config.jwt.query_string_value_prefix = x.into())),
    Setting::plain("JWT_JSON_KEY", |d, v| v.words().map(|x| d.config.jwt.json_key = x)),
    Setting::plain("JWT_REFRESH_JSON_KEY", |d, v| v.words().map(|x| d.config.jwt.refresh_json_key = x)),
    Setting::plain("JWT_ACCESS_COOKIE_NAME", |d, v| v.words().map(|x| d.config.jwt.access_cookie_name = Some(x))),
    Setting::plain("JWT_REFRESH_COOKIE_NAME", |d, v| v.words().map(|x| d.config.jwt.refresh_cookie_name = Some(x))),
    Setting::plain("JWT_ACCESS_COOKIE_PATH", |d, v| v.words().map(|x| d.config.jwt.access_cookie_path = x)),
    Setting::plain("JWT_REFRESH_COOKIE_PATH", |d, v| v.words().map(|x| d.config.jwt.refresh_cookie_path = x)),
    Setting::plain("JWT_COOKIE_SECURE", |d, v| v.boolean().map(|x| d.config.jwt.cookie_secure = x)),
    Setting::plain("JWT_COOKIE_DOMAIN", |d, v| v.words().map(|x| d.config.jwt.cookie_domain = Some(x))),
    Setting::plain("JWT_COOKIE_SAMESITE", |d, v| places::same_site(v).map(|x| d.config.jwt.cookie_samesite = x)),
    Setting::plain("JWT_SESSION_COOKIE", |d, v| v.boolean().map(|x| d.config.jwt.session_cookie = x)),
    Setting::plain("JWT_COOKIE_CSRF_PROTECT", |d, v| v.boolean().map(|x| d.config.jwt.cookie_csrf_protect = x)),
    Setting::plain("JWT_CSRF_METHODS", |d, v| places::methods(v).map(|x| d.config.jwt.csrf_methods = x)),
    Setting::plain("JWT_CSRF_IN_COOKIES", |d, v| v.boolean().map(|x| d.config.jwt.csrf_in_cookies = x)),
    Setting::plain("JWT_ACCESS_CSRF_COOKIE_NAME", |d, v| v.words().map(|x| d.config.jwt.access_csrf_cookie_name = Some(x))),
    Setting::plain("JWT_REFRESH_CSRF_COOKIE_NAME", |d, v| v.words().map(|x| d.config.jwt.refresh_csrf_cookie_name = Some(x))),
    Setting::plain("JWT_ACCESS_CSRF_COOKIE_PATH", |d, v| v.words().map(|x| d.config.jwt.access_csrf_cookie_path = x)),
    Setting::plain("JWT_REFRESH_CSRF_COOKIE_PATH", |d, v| v.words().map(|x| d.config.jwt.refresh_csrf_cookie_path = x)),
    Setting::plain("JWT_ACCESS_CSRF_HEADER_NAME", |d, v| header_name(v).map(|x| d.config.jwt.access_csrf_header_name = x)),
    Setting::plain("JWT_REFRESH_CSRF_HEADER_NAME", |d, v| header_name(v).map(|x| d.config.jwt.refresh_csrf_header_name = x)),
    Setting::plain("JWT_CSRF_CHECK_FORM", |d, v| v.boolean().map(|x| d.config.jwt.csrf_check_form = x)),
    Setting::plain("JWT_ACCESS_CSRF_FIELD_NAME", |d, v| v.words().map(|x| d.config.jwt.access_csrf_field_name = x)),
    Setting::plain("JWT_REFRESH_CSRF_FIELD_NAME", |d, v| v.words().map(|x| d.config.jwt.refresh_csrf_field_name = x)),
    Setting::plain("JWT_ERROR_MESSAGE_KEY", |d, v| message_key(v).map(|x| d.config.jwt.error_message_key = x)),
];

/// Headers that say something else about a request: a token there would break it, or be read by others. What proxies say
/// of a client, all of `X-Forwarded-` besides, is taken out of every request.
const TAKEN_HEADERS: [&str; 14] = [
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-real-ip",
];
const ALGORITHMS: &str =
    "HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA";
const LOG_FORMATS: &[(&str, LogFormat)] =
    &[("auto", LogFormat::Auto), ("text", LogFormat::Text), ("json", LogFormat::Json)];
const ERROR_STYLES: &[(&str, ErrorStyle)] =
    &[("flask-3", ErrorStyle::Flask3), ("flask-4", ErrorStyle::Flask4), ("problem", ErrorStyle::Problem)];
const REGISTRATIONS: &[(&str, Registration)] =
    &[("open", Registration::Open), ("closed", Registration::Closed)];
const DOCS: &[(&str, Docs)] = &[("on", Docs::On), ("off", Docs::Off)];
const SWITCH: &[(&str, LimitsSwitch)] = &[("on", LimitsSwitch::On), ("off", LimitsSwitch::Off)];
const LOST_ANSWERS: &[(&str, RefreshLostAnswer)] =
    &[("forgive", RefreshLostAnswer::Forgive), ("refuse", RefreshLostAnswer::Refuse)];
const LEGACY_REFRESHES: &[(&str, LegacyRefresh)] =
    &[("adopt", LegacyRefresh::Adopt), ("refuse", LegacyRefresh::Refuse)];
const PASSWORD_COMMONS: &[(&str, PasswordCommon)] =
    &[("refuse", PasswordCommon::Refuse), ("allow", PasswordCommon::Allow)];
const PASSWORD_SCHEMES: &[(&str, PasswordScheme)] =
    &[("argon2id", PasswordScheme::Argon2id), ("pbkdf2_sha256", PasswordScheme::Pbkdf2Sha256)];
const REVOCATION_FEEDS: &[(&str, RevocationFeed)] =
    &[("auto", RevocationFeed::Auto), ("poll", RevocationFeed::Poll), ("stream", RevocationFeed::Stream)];
const IDENTITIES: &[(&str, JwtIdentity)] = &[("id", JwtIdentity::Id), ("username", JwtIdentity::Username)];

fn address(value: &Value) -> Result<SocketAddr, Refusal> {
    let text = value.text()?;
    let local = match text.split_once(':') {
        None => port(text),
        Some((name, number)) if name.eq_ignore_ascii_case("localhost") => port(number),
        Some(_) => None,
    };
    let address = local.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    address.or_else(|| text.parse().ok()).ok_or_else(|| {
        format!(
            "expected an address and a port, as 127.0.0.1:5000 or [::1]:5000, or a port alone (names other than \
             localhost are not resolved), found {}",
            echo::found_text(text)
        )
    })
}

fn port(text: &str) -> Option<u16> {
    // What parses takes a sign too.
    text.parse().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()))
}

fn database(draft: &mut Draft, value: &Value) -> Result<(), Refusal> {
    draft.config.database = DatabaseUrl::parse(value.text()?, &draft.config.instance)?;
    Ok(())
}

fn mongo(draft: &mut Draft, value: &Value) -> Result<(), Refusal> {
    match DatabaseUrl::parse(value.text()?, &draft.config.instance)? {
        DatabaseUrl::Sqlite(_) => Err("expected a mongodb: URL; sqlite: goes into DATABASE_URL".into()),
        mongo @ DatabaseUrl::Mongo(_) => {
            draft.config.database = mongo;
            Ok(())
        }
    }
}

/// A file, from the instance folder.
fn file_in(value: &Value, draft: &Draft) -> Result<PathBuf, Refusal> {
    Ok(draft.config.instance.join(value.words()?))
}

fn previous_secrets(value: &Value) -> Result<Vec<Secret>, Refusal> {
    let secrets = value.secrets()?;
    match secrets.len() {
        0..=3 => Ok(secrets),
        many => {
            Err(format!("{many} secrets are given; at most 3 verify, newest first: leave the oldest out"))
        }
    }
}

fn algorithm(value: &Value) -> Result<Algorithm, Refusal> {
    let name = value.text()?;
    name.parse().map_err(|_| format!("expected one of {ALGORITHMS}, found {}", echo::found_text(name)))
}

/// Whether the keys have them is the library's to say.
fn decode_algorithms(value: &Value) -> Result<Vec<String>, Refusal> {
    let names = value.texts()?;
    // The name of RFC 9864 for what EdDSA means here.
    let unknown = |name: &&String| *name != "Ed25519" && name.parse::<Algorithm>().is_err();
    match names.iter().find(unknown) {
        Some(name) => Err(format!("expected some of {ALGORITHMS}, found {}", echo::found_text(name))),
        None => Ok(names),
    }
}

/// The key itself or its file: what is given later is the key.
fn private_key(draft: &mut Draft, value: &Value) -> Result<(), Refusal> {
    draft.config.jwt.private_key = Some(value.secret()?);
    draft.private_key_file = None;
    Ok(())
}

fn private_key_file(draft: &mut Draft, value: &Value) -> Result<(), Refusal> {
    draft.private_key_file = Some(key_pair::path(value)?.into());
    draft.config.jwt.private_key = None;
    Ok(())
}

fn public_key(draft: &mut Draft, value: &Value) -> Result<(), Refusal> {
    draft.config.jwt.public_key = Some(key_pair::public_text(value.secret()?.expose())?);
    draft.public_key_file = None;
    Ok(())
}

fn public_key_file(draft: &mut Draft, value: &Value) -> Result<(), Refusal> {
    draft.public_key_file = Some(key_pair::path(value)?.into());
    draft.config.jwt.public_key = None;
    Ok(())
}

fn header_name(value: &Value) -> Result<String, Refusal> {
    let name = value.words()?;
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !name.bytes().all(token) {
        return Err(format!("{} cannot be the name of a header", echo::found_text(&name)));
    }
    let lower = name.to_ascii_lowercase();
    if TAKEN_HEADERS.contains(&lower.as_str()) || lower.starts_with("x-forwarded-") {
        return Err(format!(
            "{name} has another job in a request; write \"Authorization\" or a name of its own"
        ));
    }
    Ok(name)
}

/// A claim of its own for the identity. The library refuses the registered ones; these are the server's.
fn identity_claim(value: &Value) -> Result<String, Refusal> {
    let name = value.words()?;
    if ["access", "csrf", "gen", "sid"].contains(&name.as_str()) {
        return Err(format!(
            "{name:?} is a claim that the server writes itself; write \"sub\" or another name"
        ));
    }
    Ok(name)
}

fn message_key(value: &Value) -> Result<String, Refusal> {
    let key = value.words()?;
    if key == "errors" {
        return Err("\"errors\" is the member of what is wrong with each field; write another name".into());
    }
    Ok(key)
}

fn header_type(value: &Value) -> Result<String, Refusal> {
    let scheme = value.text()?;
    if !scheme.bytes().all(|b| b.is_ascii_graphic()) {
        let found = echo::found_text(scheme);
        return Err(format!("expected one word without blanks, as \"Bearer\", found {found}"));
    }
    Ok(scheme.to_owned())
}
