//! What people do here: register, log in, refresh, log out, change a password. No axum, no SQL, no status codes.

mod administration;
mod adopt;
mod attempts;
mod client;
mod derived;
mod device;
mod failures;
mod login;
mod logout;
mod outcomes;
mod pair;
mod password;
mod refresh;
mod register;
mod seldom;
mod sessions;
mod setup;
mod unsettled;

use std::{
    error::Error,
    future::pending,
    panic::resume_unwind,
    sync::Arc,
    time::{Duration, SystemTime},
};

use portcullis::{Clock, IssueError, JwtManager, NumericDate};
use tokio::task::JoinError;

use seldom::Seldom;
use unsettled::Unsettled;

pub use administration::{Attempt, By, CheckedToken, TokenRefusal};
pub use adopt::LegacyRefresh;
pub use client::Client;
pub use device::Devices;
pub use login::LoggedIn;
pub use outcomes::{Outcome, Outcomes, RefreshOutcome};
pub use pair::TokenPair;
pub use refresh::{RefreshedPair, RepeatReason};
pub use sessions::{FreshToken, LogoutScope};
pub use setup::SetupSecrets;

use crate::{
    audit::Audit,
    limits::Limits,
    model::{AuditEvent, EventKind, PasswordPolicy, UserId},
    passwords::{Passwords, PasswordsError},
    request::of_the_same,
    revocations::Revocations,
    sessions::{LockPolicy, RefreshPolicy},
    store::{Store, StoreError, StoreErrorKind},
};

/// The acts of a service, with what they need.
pub struct Accounts {
    store: Arc<dyn Store>,
    passwords: Arc<Passwords>,
    revocations: Arc<Revocations>,
    audit: Arc<Audit>,
    jwt: JwtManager,
    clock: Arc<dyn Clock>,
    policy: Policy,
    limits: Limits,
    devices: Option<Devices>,
    setup: SetupSecrets,
    unsettled: Arc<Unsettled>,
    seldom: Seldom,
    outcomes: Arc<Outcomes>,
}

/// What the acts need, as a start has made it.
pub struct Parts {
    /// Where users and sessions are durable.
    pub store: Arc<dyn Store>,
    /// The hash workers.
    pub passwords: Arc<Passwords>,
    /// What is refused.
    pub revocations: Arc<Revocations>,
    /// What happened.
    pub audit: Arc<Audit>,
    /// The manager of the service's tokens.
    pub jwt: JwtManager,
    /// How often strangers may try.
    pub limits: Limits,
    /// What knows devices again; none where none is known.
    pub devices: Option<Devices>,
    /// The secrets of a setup.
    pub setup: SetupSecrets,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What a configuration decides about the acts.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Whether strangers may register.
    pub registration_open: bool,
    /// What new passwords have to be.
    pub password: PasswordPolicy,
    /// What a token's identity claim holds.
    pub identity: Identity,
    /// How long an access token lives.
    pub access_lifetime: Duration,
    /// How long a refresh token lives, and with it a session that is not used.
    pub refresh_lifetime: Duration,
    /// How long a session lives at most.
    pub session_max_age: Duration,
    /// How many sessions of one user may live at once.
    pub sessions_per_user: usize,
    /// What becomes of refresh tokens of no session.
    pub legacy_refresh: LegacyRefresh,
    /// How long an account is locked after logins that failed; none: never.
    pub lock: Option<LockPolicy>,
    /// The refresh rule's settings.
    pub refresh: RefreshPolicy,
}

/// What a token's identity claim holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The store's id of the user.
    Id,
    /// The user's name, as some Flask applications have it.
    Username,
}

/// Why an act did not happen.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// Registration is closed by configuration.
    #[error("registration is closed")]
    RegistrationClosed,
    /// Somebody has the name, or one that cannot be told from it.
    #[error("the name is taken")]
    NameTaken,
    /// No such user, or another password: nobody is told which.
    #[error("wrong username or password")]
    BadCredentials,
    /// There were too many tries of its like: nothing was looked at.
    #[error("too many tries")]
    Limited {
        /// When the next one is let in: whole seconds, at least one.
        retry_after: Duration,
    },
    /// The token is void, or its session is over: only a login helps.
    #[error("the session is over")]
    SessionOver,
    /// Only administrators may.
    #[error("only administrators may do this")]
    NotAllowed,
    /// The secret of a setup is forged, used or expired.
    #[error("the setup secret is wrong, used or expired")]
    BadSetupSecret,
    /// There is somebody who administers users.
    #[error("there is an administrator already")]
    AlreadySetUp,
    /// There is no user of that id or name.
    #[error("there is no such user")]
    NoSuchUser,
    /// The user has no session of that name.
    #[error("there is no such session")]
    NoSuchSession,
    /// Nobody could administer users any more.
    #[error("nobody else could administer users")]
    LastAdmin,
    /// The cursor of a list was not given out here, or for another list.
    #[error("the cursor is of no such list")]
    UnknownCursor,
    /// A token without a `jti` cannot be put on a list.
    #[error("the token has no jti and cannot be revoked")]
    NoTokenId,
    /// A part is too busy or does not answer: the same act may succeed later.
    #[error("{0}")]
    Unavailable(#[source] Cause),
    /// A part did what it never should.
    #[error("{0}")]
    Defect(#[source] Cause),
}

/// What kept an act from happening, for the log.
pub type Cause = Box<dyn Error + Send + Sync>;

impl From<PasswordsError> for AccountsError {
    fn from(error: PasswordsError) -> Self {
        match error {
            PasswordsError::Busy => Self::Unavailable(error.into()),
            PasswordsError::Failed(_) => Self::Defect(error.into()),
        }
    }
}

impl From<StoreError> for AccountsError {
    /// Damage is no defect of this program, and no client has done anything wrong: what needs no store goes on.
    fn from(error: StoreError) -> Self {
        match error.kind() {
            StoreErrorKind::UnknownCursor => Self::UnknownCursor,
            _ => Self::Unavailable(error.into()),
        }
    }
}

impl From<IssueError> for AccountsError {
    fn from(error: IssueError) -> Self {
        Self::Defect(error.into())
    }
}

/// Brings an act of the store and what has to follow it to an end, also when the client hangs up meanwhile: what is
/// durable has to be in force.
async fn to_its_end<T: Send + 'static>(act: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(of_the_same(act)).await.map_err(JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => resume_unwind(panic),
        // The runtime is being shut down, and with it whoever waits here.
        Err(Err(_)) => pending().await,
    }
}

impl Accounts {
    /// How often a password is checked whose hash is another one by the time that something comes of it.
    const ATTEMPTS: usize = 3;

    /// Brings the parts together.
    pub fn new(parts: Parts, policy: Policy) -> Self {
        let Parts { store, passwords, revocations, audit, jwt, limits, devices, setup, clock } = parts;
        Self {
            store,
            passwords,
            revocations,
            audit,
            jwt,
            clock,
            policy,
            limits,
            devices,
            setup,
            unsettled: Arc::default(),
            seldom: Seldom::default(),
            outcomes: Arc::default(),
        }
    }

    /// What came of the acts until now.
    pub fn outcomes(&self) -> &Arc<Outcomes> {
        &self.outcomes
    }

    /// The time by which the store judges.
    fn now(&self) -> SystemTime {
        self.store.time(self.clock.now())
    }

    /// Something that happens now, because of a request of a client's.
    fn event(&self, kind: EventKind, client: &Client) -> AuditEvent {
        AuditEvent::new(kind, self.now()).from(client.address)
    }

    /// Something that a user does to himself.
    fn own(&self, kind: EventKind, user: &UserId, client: &Client) -> AuditEvent {
        self.event(kind, client).by(user).about(user)
    }

    /// The time at which a token is issued: not later than any node may take it to be, where the clocks differ. A node
    /// that is ahead of the store would else hand out what others refuse, and one that is behind what it refuses itself.
    fn issue_time(&self) -> NumericDate {
        NumericDate::from(self.now().min(self.clock.now()))
    }

    /// What a configuration decided.
    pub fn policy(&self) -> Policy {
        self.policy
    }

    /// What is said after all [`ATTEMPTS`](Self::ATTEMPTS).
    fn hash_keeps_changing() -> AccountsError {
        AccountsError::Unavailable("a user's hash changes faster than it can be checked".into())
    }
}
