//! The running service's parts, brought together in one place. It knows no HTTP.

mod metrics;
mod operator;
mod terms;

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use ipnet::IpNet;
use portcullis::{Clock, JwtConfig, JwtConfigErrors, JwtManager, Location};

pub use metrics::{Metrics, ProgramNumbers};
pub use operator::{Instance, Operator, made_secret};
pub use terms::Terms;

pub use crate::config::Docs;

use crate::{
    accounts::{self, Accounts, Devices, Identity, Policy, SetupSecrets},
    audit::Audit,
    config::{
        self, ClientAddressHeader, Config, JwtIdentity, LegacyRefresh, LimitsSwitch, PasswordCommon,
        PasswordScheme, RefreshLostAnswer, Registration, RevocationFeed, Transport,
    },
    instance::{self, InstanceError, InstanceSecret},
    jobs::Jobs,
    limits::{LimitRules, Limits, NamesRule, Per, Rate},
    model::{CommonPasswords, PasswordPolicy},
    passwords::{HashCapacity, HashCost, Passwords, Scheme, Upgrade},
    revocations::{Beside, FeedSource, RevocationPolicy, Revocations},
    sessions::{LockPolicy, LostAnswer, RefreshPolicy},
    store::{self, Measured, Store, StoreError},
};

/// Everything that a request may need. Cheap to clone; the clones are one service.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

struct Inner {
    accounts: Accounts,
    revocations: Arc<Revocations>,
    audit: Arc<Audit>,
    jwt: JwtManager,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    limits: RequestLimits,
    proxies: Proxies,
    terms: Terms,
    web: Web,
    stopping: Arc<AtomicBool>,
    metrics: Metrics,
    jobs: Jobs,
}

/// How large and how slow a request may be.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// The largest body, in bytes.
    pub body: usize,
    /// How long a body may take to arrive, and how long an answer may take after that.
    pub request: Duration,
}

/// How browsers and their pages reach the service.
#[derive(Clone, Debug)]
pub struct Web {
    /// Over https alone.
    pub https_only: bool,
    /// The origins whose pages may call it.
    pub origins: Vec<String>,
    /// With cookies, where tokens may be in them.
    pub cookies: bool,
    /// The headers in which tokens are.
    pub request_headers: Vec<String>,
}

/// The proxies in front, which are believed when they say where a request comes from.
#[derive(Clone, Debug)]
pub struct Proxies {
    /// Their addresses.
    pub trusted: Vec<IpNet>,
    /// Where they say it.
    pub header: ForwardingHeader,
}

/// The header in which proxies say where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardingHeader {
    /// `X-Forwarded-For`
    XForwardedFor,
    /// `Forwarded` (RFC 7239)
    Forwarded,
}

impl Proxies {
    /// Whether an address is one of theirs.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }
}

/// How well a node hears of what other nodes revoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationHearing {
    /// As it should.
    Good,
    /// Not at the moment: it goes on by what it knows.
    Behind,
    /// Not for so long that no token can be checked.
    Lost,
}

/// Why a service could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The instance folder or the secret in it.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// The options for tokens.
    #[error(transparent)]
    Jwt(#[from] JwtConfigErrors),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AppState {
    /// Opens a service: store, secret, revocation list, hash workers, jobs, in this order, so that a store that is
    /// refused leaves nothing made. It is ready to answer when this returns.
    ///
    /// # Errors
    /// [`OpenError`] names the part that cannot be as configured.
    pub async fn open(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, OpenError> {
        store::supports(&config.database)?;
        // Beside a server nothing lies there: the nodes' secret is configured.
        if store::is_embedded(&config.database) {
            instance::create_folder(&config.instance)?;
        }
        let store = store::open(&config.database).await?;
        Self::with_store(config, clock, store).await
    }

    /// The rest of a start, on a store that is open: the way in for whoever puts something between a service and its
    /// store, as the tests do with faults.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub async fn with_store(
        config: &Config,
        clock: Arc<dyn Clock>,
        store: Arc<dyn Store>,
    ) -> Result<Self, OpenError> {
        let measured = Measured::around(store, clock.clone());
        let store_times = measured.times().clone();
        let store: Arc<dyn Store> = Arc::new(measured);
        let options = with_secret(config)?;
        let jwt = JwtManager::from_config(options.clone())?.clock(clock.clone());
        let revocations = Revocations::load(store.clone(), clock.clone(), revocation_policy(config)).await?;
        let beside = beside(config);
        let revocations = Arc::new(revocations.beside(beside));
        let jwt = jwt.revocation(revocations.clone()).build()?;
        let (scheme, upgrade) = hashing(config);
        let capacity = HashCapacity::of_machine(config.hash_queue);
        let passwords = Arc::new(Passwords::start(scheme, upgrade, capacity, &clock));
        let audit = Arc::new(Audit::new(store.clone()));
        let terms = Terms::with(config, jwt.clone());
        let parts = accounts::Parts {
            store: store.clone(),
            passwords: passwords.clone(),
            revocations: revocations.clone(),
            audit: audit.clone(),
            jwt: jwt.clone(),
            limits: limits(config, &clock),
            devices: terms
                .knows_devices
                .then(|| Devices::derived_from(&options, clock.clone()))
                .transpose()?,
            setup: SetupSecrets::derived_from(&options, clock.clone())?,
            clock: clock.clone(),
        };
        let accounts = Accounts::new(parts, policy(config));
        let limits = RequestLimits { body: config.body_limit, request: config.request_timeout };
        let jobs = Jobs::start(&revocations, &audit);
        let stopping = Arc::<AtomicBool>::default();
        let metrics = Metrics::of(metrics::Sources {
            started: clock.now(),
            stopping: stopping.clone(),
            outcomes: accounts.outcomes().clone(),
            passwords,
            store: store_times,
            revocations: revocations.clone(),
            audit: audit.clone(),
        });
        let proxies = proxies(config);
        Ok(Self(Arc::new(Inner {
            accounts,
            revocations,
            audit,
            jwt,
            store,
            clock,
            limits,
            proxies,
            terms,
            web: web(config),
            stopping,
            metrics,
            jobs,
        })))
    }

    /// The acts.
    pub fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    /// The manager of the service's tokens.
    pub fn jwt(&self) -> &JwtManager {
        &self.0.jwt
    }

    /// The store itself, for what is not an act.
    pub fn store(&self) -> &dyn Store {
        &*self.0.store
    }

    /// Whether the store gives a sign of life at once: who asks for a service's health waits a second at most.
    pub async fn store_answers(&self) -> bool {
        const AT_ONCE: Duration = Duration::from_millis(500);
        match tokio::time::timeout(AT_ONCE, self.0.store.ping()).await {
            Ok(answer) => {
                answer.inspect_err(|error| tracing::warn!(%error, "the store does not answer")).is_ok()
            }
            Err(late) => {
                tracing::warn!(error = %late, "the store does not answer");
                false
            }
        }
    }

    /// Looks at the steady clock, which shows `now`, before a request is served: a node that stood still for too long must
    /// not go on by what it knew then.
    pub async fn keep_hearing(&self, now: Instant) {
        self.0.revocations.keep_hearing(now).await;
    }

    /// How well this node hears of what other nodes revoke.
    pub fn revocation_hearing(&self) -> RevocationHearing {
        match &self.0.revocations {
            revocations if revocations.has_lost_hearing() => RevocationHearing::Lost,
            revocations if revocations.is_behind() => RevocationHearing::Behind,
            _ => RevocationHearing::Good,
        }
    }

    /// What there is to know of the running service.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// The clock of the service.
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// How large and how slow a request may be.
    pub fn limits(&self) -> RequestLimits {
        self.0.limits
    }

    /// The proxies in front.
    pub fn proxies(&self) -> &Proxies {
        &self.0.proxies
    }

    /// The terms on which clients are served.
    pub fn terms(&self) -> &Terms {
        &self.0.terms
    }

    /// Whether cookies go over https only.
    pub fn has_secure_cookies(&self) -> bool {
        self.0.terms.tokens.cookie_secure
    }

    /// How browsers reach the service.
    pub fn web(&self) -> &Web {
        &self.0.web
    }

    /// Whether the service takes no new requests.
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Relaxed)
    }

    /// Says that the service takes no new requests; those under way go on.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::Relaxed);
    }

    /// Finishes what the store has accepted and lets go of the data; the last thing a service does.
    pub async fn close(&self) {
        self.stop();
        self.0.jobs.stop();
        if let Err(error) = self.0.revocations.tell_seen().await {
            tracing::warn!(%error, "the last uses of sessions could not be noted");
        }
        if let Err(error) = self.0.audit.write().await {
            tracing::warn!(%error, "the last audit events are in the log alone");
        }
        self.0.store.close().await;
    }
}

/// The options for tokens, with the instance folder's secret where one is needed and none was given.
fn with_secret(config: &Config) -> Result<JwtConfig, InstanceError> {
    let mut jwt = config.jwt.clone();
    if jwt.algorithm.is_symmetric() && jwt.secret_key.is_none() {
        let InstanceSecret { secret, path, made } = instance::secret(&config.instance)?;
        let path = path.display();
        if made {
            tracing::warn!(%path, "no secret was configured: made one in {path}; keep it, all tokens depend on it");
        } else {
            tracing::info!(%path, "the secret is the one in {path}");
        }
        jwt.secret_key = Some(secret);
    }
    Ok(jwt)
}

/// How new passwords are hashed, and what becomes of older hashes.
fn hashing(config: &Config) -> (Scheme, Upgrade) {
    let cost = HashCost { memory_kib: config.argon2_memory_kib, passes: config.argon2_passes };
    let scheme = match config.password_scheme {
        PasswordScheme::Argon2id => Scheme::Argon2id(cost),
        PasswordScheme::Pbkdf2Sha256 => Scheme::Pbkdf2Sha256 { rounds: config.pbkdf2_rounds },
    };
    (scheme, if config.password_upgrade { Upgrade::AtLogin } else { Upgrade::Never })
}

/// Who else verifies tokens by the store's list. An embedded database is nobody else's.
fn beside(config: &Config) -> Beside {
    let embedded = store::is_embedded(&config.database);
    if config.flask_beside && embedded {
        tracing::warn!("FLASK_BESIDE is set, and no Flask application can share an embedded database");
    }
    match config.flask_beside {
        true => Beside::Flask,
        false if embedded => Beside::Nobody,
        false => Beside::Later,
    }
}

fn limits(config: &Config, clock: &Arc<dyn Clock>) -> Limits {
    let limits = &config.limits;
    if limits.switch == LimitsSwitch::Off {
        return Limits::off();
    }
    let rate = |rate: config::Rate| {
        let per = match rate.per {
            config::Per::Second => Per::Second,
            config::Per::Minute => Per::Minute,
            config::Per::Hour => Per::Hour,
        };
        Rate::new(rate.burst, rate.more, per)
    };
    let rules = LimitRules {
        login_by_address_and_name: rate(limits.login_by_address_and_name),
        login_by_address: rate(limits.login_by_address),
        login_by_name: rate(limits.login_by_name),
        login_by_device: rate(limits.login_by_device),
        failed_names: NamesRule {
            most: limits.login_names,
            window: limits.login_names_window,
            block: limits.login_names_block,
        },
        registration: rate(limits.registration),
        refresh_failures: rate(limits.refresh_failures),
    };
    Limits::new(&rules, clock)
}

fn lock(config: &Config) -> Option<LockPolicy> {
    let policy = LockPolicy {
        free_failures: config.lock_after_failures,
        first_delay: config.lock_first_delay,
        max_delay: config.lock_max_delay,
    };
    (config.limits.switch == LimitsSwitch::On).then_some(policy)
}

fn web(config: &Config) -> Web {
    let jwt = &config.jwt;
    let cookies = jwt.token_location.contains(&Location::Cookies);
    let of_cookies = [&jwt.access_csrf_header_name, &jwt.refresh_csrf_header_name];
    let names = [&jwt.header_name].into_iter().chain(of_cookies.into_iter().filter(|_| cookies));
    let mut request_headers: Vec<_> = names.cloned().collect();
    // The two of cookies are one by default.
    request_headers.dedup();
    Web {
        https_only: config.transport == Transport::HttpsOnly || config.tls_cert.is_some(),
        origins: config.cors_origins.clone(),
        cookies,
        request_headers,
    }
}

fn proxies(config: &Config) -> Proxies {
    Proxies {
        trusted: config.trusted_proxies.clone(),
        header: match config.client_address_header {
            ClientAddressHeader::XForwardedFor => ForwardingHeader::XForwardedFor,
            ClientAddressHeader::Forwarded => ForwardingHeader::Forwarded,
        },
    }
}

fn revocation_policy(config: &Config) -> RevocationPolicy {
    RevocationPolicy {
        leeway: config.jwt.decode_leeway,
        session_max_age: config.session_max_age,
        source: match config.revocation_feed {
            RevocationFeed::Auto => FeedSource::Auto,
            RevocationFeed::Poll => FeedSource::Poll,
            RevocationFeed::Stream => FeedSource::Stream,
        },
        max_staleness: config.revocation_max_staleness,
        events_kept: config.audit_events_kept,
    }
}

/// What is asked of new passwords.
pub fn password_policy(config: &Config) -> PasswordPolicy {
    PasswordPolicy {
        min_length: config.password_min_length,
        common: match config.password_common {
            PasswordCommon::Refuse => CommonPasswords::Refuse,
            PasswordCommon::Allow => CommonPasswords::Allow,
        },
    }
}

fn policy(config: &Config) -> Policy {
    Policy {
        registration_open: config.registration == Registration::Open,
        password: password_policy(config),
        identity: match config.identity {
            JwtIdentity::Id => Identity::Id,
            JwtIdentity::Username => Identity::Username,
        },
        access_lifetime: config.jwt.access_token_expires.duration(),
        refresh_lifetime: config.jwt.refresh_token_expires.duration(),
        session_max_age: config.session_max_age,
        sessions_per_user: config.sessions_per_user,
        legacy_refresh: match config.legacy_refresh {
            LegacyRefresh::Adopt => accounts::LegacyRefresh::Adopt,
            LegacyRefresh::Refuse => accounts::LegacyRefresh::Refuse,
        },
        lock: lock(config),
        refresh: RefreshPolicy {
            reuse_window: config.refresh_reuse_window,
            lost_answer: match config.refresh_lost_answer {
                RefreshLostAnswer::Forgive => LostAnswer::Forgive,
                RefreshLostAnswer::Refuse => LostAnswer::Refuse,
            },
        },
    }
}
