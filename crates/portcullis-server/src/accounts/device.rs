//! Devices that are known: whoever logs in gets a token that says of whom the device is. While strangers guess at the
//! user's password from everywhere, the owner's device is let in by its own limit and past the lock (OWASP, "Device
//! cookies"). It opens nothing by itself: the password is asked for all the same.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::{Clock, JwtConfig, JwtConfigErrors, JwtManager, Token};
use serde::Deserialize;

use super::{Accounts, AccountsError, Client, derived};
use crate::{
    model::{User, UserId},
    sessions::LockRule,
};

/// What makes the tokens of devices and knows them again.
pub struct Devices(JwtManager);

/// A device, as its genuine token tells.
pub(super) struct Device {
    /// Its own name, 128 random bits.
    pub(super) id: String,
    user: UserId,
    /// The user's when the token was made: whatever ends all sessions of a user ends what the devices are known for.
    epoch: i64,
}

impl Devices {
    /// How long a device is known.
    pub const LIFETIME: Duration = Duration::from_hours(180 * 24);

    /// What the key is derived for, and for nothing else.
    const PURPOSE: &[u8] = b"portcullis: the key of known devices";

    /// Derives the key from what signs the service's tokens.
    ///
    /// # Errors
    /// [`JwtConfigErrors`] where nothing signs.
    pub fn derived_from(service: &JwtConfig, clock: Arc<dyn Clock>) -> Result<Self, JwtConfigErrors> {
        derived::manager(service, Self::PURPOSE, clock).map(Self)
    }

    /// The device of a token; none for one that is forged, damaged or expired.
    fn read(&self, token: &str) -> Option<Device> {
        #[derive(Deserialize)]
        struct Own {
            epoch: i64,
        }
        let claims = self.0.verify(token).ok()?;
        let Own { epoch } = claims.custom().ok()?;
        Some(Device { id: claims.jti()?.to_owned(), user: UserId::new(claims.identity()), epoch })
    }

    /// A new token for a device of a user's.
    fn token(&self, user: &User) -> Result<Token, AccountsError> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| AccountsError::Defect(error.into()))?;
        let token = self.0.access(user.id.as_str()).id(URL_SAFE_NO_PAD.encode(id));
        Ok(token.claim("epoch", user.epoch).expires_in(Self::LIFETIME).sign()?)
    }
}

impl Device {
    /// Whether it is known to be a user's, as the user is now.
    pub(super) fn is_of(&self, user: &User) -> bool {
        self.user == user.id && self.epoch == user.epoch
    }
}

impl Accounts {
    /// The device that a client shows to have, whosever it is.
    pub(super) fn device(&self, client: &Client) -> Option<Device> {
        self.devices.as_ref()?.read(client.device_token.as_deref()?)
    }

    /// Whether failed logins of others keep a client out who shows a user's password.
    pub(super) fn lock_rule(&self, user: &User, client: &Client) -> LockRule {
        match self.device(client) {
            Some(device) if device.is_of(user) => LockRule::Ignored,
            _ => LockRule::Respected,
        }
    }

    /// The token by which a client's device is known from now on; none where it is already, or none is.
    pub(super) fn device_token(&self, user: &User, client: &Client) -> Result<Option<Token>, AccountsError> {
        match &self.devices {
            Some(devices) if self.lock_rule(user, client) == LockRule::Respected => {
                devices.token(user).map(Some)
            }
            _ => Ok(None),
        }
    }
}
