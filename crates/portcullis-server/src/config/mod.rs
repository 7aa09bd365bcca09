//! The configuration: every source read, merged and parsed, with every problem at once.
//!
//! | file | what it has |
//! |---|---|
//! | `settings.rs` | the declaration of every setting; the defaults are in `config/default.toml` |
//! | `sources.rs` | the sources and their order |
//! | `file.rs`, `python/` | `application.cfg`: what TOML and Python read alike, and what to do about the rest |
//! | `environment.rs`, `profile.rs` | the variables; which profile holds |
//! | `value.rs`, `database_url.rs` | texts and numbers into types |
//! | `limits.rs` | how often strangers may try |
//! | `proxies.rs` | who is in front, and where it says whom a request comes from |
//! | `metrics_address.rs` | where the metrics are read, and who can |
//! | `origins.rs` | whose pages may call the service |
//! | `places.rs` | where tokens are looked for, and their cookies |
//! | `key_pair.rs` | the keys of algorithms with key pairs, and their files |
//! | `secrets.rs` | which signing secrets may be used |
//! | `passwords.rs` | how cheap a hash and how short a password may be |
//! | `together.rs` | what only shows when settings are taken together |
//! | `names.rs` | Flask's names, near misses |
//! | `echo.rs` | how much of a source a message may repeat |
//! | `problem.rs` | what is wrong, and where it was written |
//! | `reference.rs` | the table of settings in `docs/config.md` |
//!
//! Nothing here reads the process's environment or clock, and after start nothing reads [`Config`].

mod database_url;
mod echo;
mod environment;
mod file;
mod key_pair;
mod limits;
mod metrics_address;
mod names;
mod origins;
mod passwords;
mod places;
mod problem;
mod profile;
mod proxies;
mod python;
mod reference;
mod secrets;
mod settings;
mod sources;
#[cfg(test)]
mod tests;
mod together;
mod value;

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    num::NonZeroU32,
    path::{Path, PathBuf},
    time::Duration,
};

use ipnet::IpNet;
use portcullis::JwtConfig;

pub use database_url::{DatabaseUrl, MongoUrl};
pub(crate) use echo::found_text;
pub use environment::Environment;
pub use limits::{LimitSettings, LimitsSwitch, Per, Rate};
pub use problem::{Origin, Problem, Problems, Warning};
pub use profile::Profile;
pub use proxies::ClientAddressHeader;
pub use reference::reference;
pub use sources::{Flag, Sources};

use problem::Findings;
use settings::Draft;

/// Everything that can be set, parsed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// What the start is for.
    pub profile: Profile,
    /// The folder of `application.cfg`, the database file and the made secret.
    pub instance: PathBuf,
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The address at which the metrics are read without a token.
    pub metrics_address: Option<SocketAddr>,
    /// The proxies in front, which are believed when they say where a request comes from.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they say it.
    pub client_address_header: ClientAddressHeader,
    /// The certificate chain of the service's own TLS, and its private key: both or none.
    pub tls_cert: Option<PathBuf>,
    /// The private key of the certificate.
    pub tls_key: Option<PathBuf>,
    /// How clients come.
    pub transport: Transport,
    /// The origins whose pages may call the service.
    pub cors_origins: Vec<String>,
    /// Whether the service describes itself.
    pub docs: Docs,
    /// The most connections at once.
    pub max_connections: usize,
    /// Where users and sessions are kept.
    pub database: DatabaseUrl,
    /// How tokens are made and read; no `secret_key` means that none was given, which only SQLite
    /// and algorithms with key pairs allow.
    pub jwt: JwtConfig,
    /// What the identity claim holds.
    pub identity: JwtIdentity,
    /// Whether strangers may register.
    pub registration: Registration,
    /// How long a session lives at most.
    pub session_max_age: Duration,
    /// How many sessions of one user may live at once.
    pub sessions_per_user: usize,
    /// How long the same pair is given out again.
    pub refresh_reuse_window: Duration,
    /// What the refresh token before the newest gets when nothing was seen of the newest.
    pub refresh_lost_answer: RefreshLostAnswer,
    /// How a node hears of what others revoke.
    pub revocation_feed: RevocationFeed,
    /// How long it may hear nothing before guarded routes are refused.
    pub revocation_max_staleness: Duration,
    /// How long audit events are kept.
    pub audit_events_kept: Duration,
    /// Whether the Flask application runs on the same database.
    pub flask_beside: bool,
    /// What becomes of the Flask application's refresh tokens.
    pub legacy_refresh: LegacyRefresh,
    /// The shortest password that can be chosen, in characters.
    pub password_min_length: usize,
    /// Whether the most used passwords can be chosen.
    pub password_common: PasswordCommon,
    /// The memory of one password hash.
    pub argon2_memory_kib: u32,
    /// The passes of one password hash.
    pub argon2_passes: u32,
    /// The rounds of one password hash by `pbkdf2_sha256`.
    pub pbkdf2_rounds: NonZeroU32,
    /// How new passwords are hashed.
    pub password_scheme: PasswordScheme,
    /// Whether a login replaces a hash that is of another scheme or was cheaper.
    pub password_upgrade: bool,
    /// How many logins may wait for their hash.
    pub hash_queue: usize,
    /// How often strangers may try.
    pub limits: LimitSettings,
    /// Whether a login makes its device one that is known.
    pub device_cookie: bool,
    /// So many logins in a row may fail before an account is locked.
    pub lock_after_failures: u32,
    /// For so long by the next one, and twice as long by each further one.
    pub lock_first_delay: Duration,
    /// And never for longer.
    pub lock_max_delay: Duration,
    /// The largest request body, in bytes.
    pub body_limit: usize,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How long the head of a request may take to arrive.
    pub header_read_timeout: Duration,
    /// How long requests under way may go on after the signal to stop.
    pub shutdown_grace: Duration,
    /// How long new requests are still answered after the signal to stop, while the service says that it goes.
    pub shutdown_notice: Duration,
    /// What is logged; not yet parsed, since only the logger knows its language.
    pub log_filter: String,
    /// How it is logged.
    pub log_format: LogFormat,
    shown: Vec<Shown>,
}

/// What the identity claim of a token holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtIdentity {
    /// The user's id.
    Id,
    /// The user's name.
    Username,
}

/// What the refresh token before the newest gets when nothing was ever seen of the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshLostAnswer {
    /// A new pair: the answer was lost.
    Forgive,
    /// Nothing, and the session ends.
    Refuse,
}

/// What becomes of refresh tokens that the Flask application gave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegacyRefresh {
    /// They open a session.
    Adopt,
    /// They are refused.
    Refuse,
}

/// What becomes of the most used passwords when somebody chooses one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCommon {
    /// They are refused.
    Refuse,
    /// They are taken.
    Allow,
}

/// How new passwords are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordScheme {
    /// By argon2id.
    Argon2id,
    /// By PBKDF2 with SHA-256, as passlib writes it.
    Pbkdf2Sha256,
}

/// How a node hears of what others revoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationFeed {
    /// It asks the store, and is told by it where it can.
    Auto,
    /// It asks the store.
    Poll,
    /// It asks and is told; a store that cannot is refused.
    Stream,
}

/// Whether strangers may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// They may.
    Open,
    /// Only an administrator makes users.
    Closed,
}

/// How clients come to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// As they like.
    Any,
    /// Over https, by its own TLS or through a proxy.
    HttpsOnly,
}

impl Transport {
    fn of(https_only: bool) -> Self {
        if https_only { Self::HttpsOnly } else { Self::Any }
    }
}

/// Whether the service describes itself: `/openapi.json`, and the page about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Docs {
    /// It does.
    On,
    /// These addresses are not there.
    Off,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// One setting as `config show` prints it: its value without secrets, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The setting's name.
    pub name: &'static str,
    /// Its value in TOML, secrets as `"[redacted]"`; none when it is not set.
    pub value: Option<String>,
    /// The source that won.
    pub origin: Option<Origin>,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.value, &self.origin) {
            (Some(value), Some(origin)) => write!(f, "{} = {value}  # {origin}", self.name),
            _ => write!(f, "# {} is not set", self.name),
        }
    }
}

/// Reads all sources.
///
/// # Errors
/// [`Problems`]: everything that is wrong in any of them, each with its origin and without secrets.
pub fn load(sources: &Sources) -> Result<(Config, Vec<Warning>), Problems> {
    check(sources, |_| Vec::new())
}

/// Reads all sources, and asks others what they make of the result: settings by name, each with what is wrong.
///
/// So what only another room can judge, as the language of `LOG_FILTER`, is reported with everything else. A
/// setting that was refused has an earlier source's value there.
///
/// # Errors
/// [`Problems`], those of the others among them.
pub fn check(
    sources: &Sources,
    others: impl FnOnce(&Config) -> Vec<(&'static str, String)>,
) -> Result<(Config, Vec<Warning>), Problems> {
    let mut findings = Findings::default();
    let chosen = Profile::choose(sources.profile.as_deref(), &sources.environment);
    let profile = *chosen.as_ref().unwrap_or(&Profile::Production);
    let mut draft = Draft::new(profile, &sources.instance);
    let winners = sources.merge(profile, &mut draft, &mut findings);
    key_pair::judge(&mut draft, &winners, &mut findings);
    if let Err(unknown) = chosen {
        // What the profile decides cannot be judged without one.
        findings.problems.insert(0, unknown);
    } else {
        secrets::judge(&mut draft, &winners, &mut findings);
        passwords::judge(&draft.config, &winners, &mut findings);
    }
    places::judge(&draft.config.jwt, profile, &winners, &mut findings);
    together::judge(&draft.config.jwt, &winners, &mut findings);
    together::judge_beside(&draft, &winners, &mut findings);
    proxies::judge(&draft.config.trusted_proxies, &winners, &mut findings);
    metrics_address::judge(draft.config.metrics_address, draft.config.listen, &winners, &mut findings);
    together::judge_lock(&draft.config, &winners, &mut findings);
    together::judge_tls(&draft.config, &winners, &mut findings);
    for (setting, problem) in others(&draft.config) {
        together::refuse(setting, &problem, &winners, &mut findings);
    }
    if !findings.problems.is_empty() {
        return Err(Problems::new(findings.problems));
    }
    let config = Config {
        password_scheme: draft.password_scheme.unwrap_or(if draft.config.flask_beside {
            PasswordScheme::Pbkdf2Sha256
        } else {
            PasswordScheme::Argon2id
        }),
        password_upgrade: draft.password_upgrade.unwrap_or(!draft.config.flask_beside),
        shown: winners.into_shown(),
        ..draft.config
    };
    Ok((config, findings.warnings))
}

impl Config {
    /// Every setting with its value, without secrets, and where it comes from.
    pub fn settings(&self) -> impl Iterator<Item = &Shown> {
        self.shown.iter()
    }

    /// Nothing read yet. These are no defaults: `default.toml` sets every field, and a test holds it to that.
    fn unset(profile: Profile, instance: &Path) -> Self {
        Self {
            profile,
            instance: instance.to_owned(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            metrics_address: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            trusted_proxies: Vec::new(),
            client_address_header: ClientAddressHeader::Forwarded,
            tls_cert: None,
            tls_key: None,
            transport: Transport::Any,
            cors_origins: Vec::new(),
            docs: Docs::Off,
            max_connections: 0,
            database: DatabaseUrl::Sqlite(PathBuf::new()),
            jwt: JwtConfig::default(),
            identity: JwtIdentity::Id,
            registration: Registration::Closed,
            session_max_age: Duration::ZERO,
            sessions_per_user: 0,
            refresh_reuse_window: Duration::ZERO,
            refresh_lost_answer: RefreshLostAnswer::Refuse,
            revocation_feed: RevocationFeed::Poll,
            revocation_max_staleness: Duration::ZERO,
            audit_events_kept: Duration::ZERO,
            flask_beside: false,
            legacy_refresh: LegacyRefresh::Refuse,
            password_min_length: 0,
            password_common: PasswordCommon::Allow,
            argon2_memory_kib: 0,
            argon2_passes: 0,
            pbkdf2_rounds: NonZeroU32::MIN,
            password_scheme: PasswordScheme::Pbkdf2Sha256,
            password_upgrade: false,
            hash_queue: 0,
            limits: LimitSettings::UNSET,
            device_cookie: false,
            lock_after_failures: 0,
            lock_first_delay: Duration::ZERO,
            lock_max_delay: Duration::ZERO,
            body_limit: 0,
            request_timeout: Duration::ZERO,
            header_read_timeout: Duration::ZERO,
            shutdown_grace: Duration::ZERO,
            shutdown_notice: Duration::ZERO,
            log_filter: String::new(),
            log_format: LogFormat::Auto,
            shown: Vec::new(),
        }
    }
}
