//! The terms on which clients are served: what of a configuration shapes requests and answers, for whoever describes them.

use portcullis::{JwtConfig, JwtManager};

use super::{OpenError, operator::of_nobody, password_policy};
use crate::{
    config::{Config, Docs, LimitsSwitch, Registration},
    model::PasswordPolicy,
};

/// What a client can know of a service before it asks anything.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Whether strangers may register.
    pub registration_open: bool,
    /// Whether there are limits to tries.
    pub limited: bool,
    /// Whether a login makes its device known.
    pub knows_devices: bool,
    /// What new passwords have to be.
    pub password: PasswordPolicy,
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// Whether it tells what it does, in a document and on a page.
    pub docs: Docs,
    /// The options for tokens, without keys.
    pub tokens: JwtConfig,
    jwt: JwtManager,
}

impl Terms {
    /// The terms of a configuration, for whoever opens no service: no secret is needed, and none is made.
    ///
    /// # Errors
    /// [`OpenError`] for options of tokens that cannot be.
    pub fn of(config: &Config) -> Result<Self, OpenError> {
        let mut options = config.jwt.clone();
        if options.algorithm.is_symmetric() && options.secret_key.is_none() {
            options.secret_key = Some(of_nobody()?);
        }
        Ok(Self::with(config, JwtManager::from_config(options)?.build()?))
    }

    /// Those of a service that has this manager.
    pub(super) fn with(config: &Config, jwt: JwtManager) -> Self {
        let limited = config.limits.switch == LimitsSwitch::On;
        Self {
            registration_open: config.registration == Registration::Open,
            limited,
            // Without limits there is nothing that they would be let past.
            knows_devices: config.device_cookie && limited,
            password: password_policy(config),
            body_limit: config.body_limit,
            docs: config.docs,
            tokens: JwtConfig {
                secret_key: None,
                secret_keys_previous: Vec::new(),
                private_key: None,
                ..config.jwt.clone()
            },
            jwt,
        }
    }

    /// The manager, which writes refusals as the service does.
    pub fn jwt(&self) -> &JwtManager {
        &self.jwt
    }
}
