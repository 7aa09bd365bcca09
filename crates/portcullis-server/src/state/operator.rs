//! What whoever runs the program works with at a terminal: the acts, beside those who serve the same store.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use portcullis::{Clock, JwtConfig, JwtManager, Secret};

use super::{OpenError, beside, hashing, policy, revocation_policy, with_secret};
use crate::{
    accounts::{self, Accounts, SetupSecrets},
    audit::Audit,
    config::{Config, DatabaseUrl},
    instance::{self, InstanceError},
    limits::Limits,
    passwords::{HashCapacity, Passwords},
    revocations::Revocations,
    store::{self, Missing, Store, StoreError},
};

/// The acts for one command. It serves nothing and takes no lock, no job runs, and the revocation list, which may be long,
/// is not read; whoever serves the store hears of what is written here as it hears of another node.
pub struct Operator {
    accounts: Arc<Accounts>,
    revocations: Arc<Revocations>,
    audit: Arc<Audit>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

/// What an act makes of an instance where it is not there yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instance {
    /// Nothing, and nothing is written: a store that is not there is refused.
    Seen,
    /// Nothing, and nothing is written: a database without users is an empty one.
    Foreseen,
    /// Nothing: a store that is not there is refused.
    AsItIs,
    /// An embedded store.
    WithStore,
    /// That, and the secret on which tokens depend, as a start makes it.
    WithSecret,
}

impl Instance {
    fn makes_a_store(self) -> bool {
        matches!(self, Self::WithStore | Self::WithSecret)
    }

    async fn store(self, url: &DatabaseUrl) -> Result<Arc<dyn Store>, StoreError> {
        match self {
            Self::Seen => store::open_to_read(url, Missing::Refused).await,
            Self::Foreseen => store::open_to_read(url, Missing::Made).await,
            Self::AsItIs => store::open_beside(url, Missing::Refused).await,
            Self::WithStore | Self::WithSecret => store::open_beside(url, Missing::Made).await,
        }
    }
}

impl Operator {
    /// How many passwords may wait for the one hash worker. Whoever serves beside has logins to check.
    pub const HASH_QUEUE: usize = 64;

    /// Opens the store. What of the instance is not there yet is made, or not, as it says.
    ///
    /// # Errors
    /// [`OpenError`] names the part that cannot be as configured.
    pub async fn open(config: &Config, clock: Arc<dyn Clock>, instance: Instance) -> Result<Self, OpenError> {
        store::supports(&config.database)?;
        if store::is_embedded(&config.database) && instance.makes_a_store() {
            instance::create_folder(&config.instance)?;
        }
        let jwt = match instance {
            Instance::WithSecret => with_secret(config)?,
            _ => with_known_secret(config)?,
        };
        let setup = SetupSecrets::derived_from(&jwt, clock.clone())?;
        let jwt = JwtManager::from_config(jwt)?.clock(clock.clone()).build()?;
        let store = instance.store(&config.database).await?;
        let revocations = Revocations::of_a_writer(store.clone(), clock.clone(), revocation_policy(config));
        let revocations = Arc::new(revocations.beside(beside(config)));
        let (scheme, upgrade) = hashing(config);
        let capacity = HashCapacity::of_one_worker(Self::HASH_QUEUE);
        let audit = Arc::new(Audit::new(store.clone()));
        let parts = accounts::Parts {
            store: store.clone(),
            passwords: Arc::new(Passwords::start(scheme, upgrade, capacity, &clock)),
            revocations: revocations.clone(),
            audit: audit.clone(),
            jwt,
            // Whoever is at a terminal is no stranger.
            limits: Limits::off(),
            devices: None,
            setup,
            clock: clock.clone(),
        };
        let accounts = Arc::new(Accounts::new(parts, policy(config)));
        Ok(Self { accounts, revocations, audit, store, clock })
    }

    /// The acts.
    pub fn accounts(&self) -> &Arc<Accounts> {
        &self.accounts
    }

    /// The clock of the command.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Where the store is, for people.
    pub fn location(&self) -> String {
        self.store.location()
    }

    /// Finishes what is left, and lets go of the store; the last thing a command does.
    ///
    /// # Errors
    /// [`StoreError`] when something is not durable that goes with what was done: what the Flask application has to
    /// refuse, or an event.
    pub async fn close(self) -> Result<(), StoreError> {
        let told = self.revocations.tell_noted().await;
        let written = self.audit.write().await.map(drop);
        self.store.close().await;
        told.and(written)
    }
}

/// The secret of an instance folder, by the file that has it and how long it is; `None` for the length where none was made
/// yet.
///
/// # Errors
/// [`InstanceError`] for one that cannot be used.
pub fn made_secret(folder: &Path) -> (PathBuf, Result<Option<usize>, InstanceError>) {
    let secret = instance::secret_if_made(folder);
    (instance::secret_file(folder), secret.map(|secret| secret.map(|secret| secret.expose().len())))
}

/// The options for tokens, with the instance folder's secret where that is the one. None is made here: until there is
/// one no token of this instance can be genuine, nor is any by a secret that nobody knows.
fn with_known_secret(config: &Config) -> Result<JwtConfig, InstanceError> {
    let mut jwt = config.jwt.clone();
    if jwt.algorithm.is_symmetric() && jwt.secret_key.is_none() {
        jwt.secret_key = match instance::secret_if_made(&config.instance)? {
            Some(secret) => Some(secret),
            None => Some(of_nobody()?),
        };
    }
    Ok(jwt)
}

/// A secret that nobody knows.
pub(super) fn of_nobody() -> Result<Secret, InstanceError> {
    let mut random = [0; 64];
    getrandom::fill(&mut random).map_err(|_| InstanceError::without_random_bytes())?;
    Ok(Secret::new(STANDARD.encode(random)))
}
