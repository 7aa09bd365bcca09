//! Devices that are known: whoever logs in gets a token that says of whom the device is. While strangers guess at the
//! user's password from everywhere, the owner's device is let in by its own limit and past the lock (OWASP, "Device
//! cookies"). It opens nothing by itself: the password is asked for all the same.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::{Clock, JwtConfig, JwtConfigErrors, JwtManager, NumericDate, Token};
use serde::Deserialize;

use super::{Accounts, AccountsError, Client, derived};
use crate::{
    model::{LoginName, SessionId, User, UserId},
    sessions::LockRule,
};

/// What makes the tokens of devices and knows them again.
pub struct Devices {
    jwt: JwtManager,
    /// Of the hashes of names. A token has no name in it that somebody else could read; none where nothing signs, and then
    /// there are no tokens either.
    names: Option<hmac::Key>,
}

/// A device, as its genuine token tells.
pub(super) struct Device {
    /// Its own name, 128 random bits.
    pub(super) id: String,
    user: UserId,
    /// The user's when the token was made: whatever ends all sessions of a user ends what the devices are known for.
    epoch: i64,
    /// A hash of what all spellings of the user's name have in common.
    name: String,
    expires_at: NumericDate,
}

/// What somebody is known by who shows a user's password. Whoever is known by something has a limit of his own, and is not
/// kept out by what others do.
pub(super) enum KnownBy {
    /// Nothing: it may be anybody.
    Nothing,
    /// A device that is known to be the user's.
    Device(Device),
    /// A session of the user's that lives, in which the password is shown.
    Session(SessionId),
}

impl Devices {
    /// How long a device is known.
    pub const LIFETIME: Duration = Duration::from_hours(180 * 24);

    /// What the key is derived for, and for nothing else.
    const PURPOSE: &[u8] = b"portcullis: the key of known devices";

    /// What the key of the names' hashes is derived for.
    const NAMES: &[u8] = b"portcullis: the names of known devices";

    /// How much of a name's hash a token has: two names in 2^64 have the same, and it opens nothing.
    const NAME_BYTES: usize = 16;

    /// Derives the keys from what signs the service's tokens.
    ///
    /// # Errors
    /// [`JwtConfigErrors`] where nothing signs.
    pub fn derived_from(service: &JwtConfig, clock: Arc<dyn Clock>) -> Result<Self, JwtConfigErrors> {
        let names = derived::key(service, Self::NAMES);
        Ok(Self { jwt: derived::manager(service, Self::PURPOSE, clock)?, names })
    }

    /// The device of a token; none for one that is forged, damaged or expired, or that says nothing of a name.
    fn read(&self, token: &str) -> Option<Device> {
        #[derive(Deserialize)]
        struct Own {
            epoch: i64,
            name: String,
        }
        let claims = self.jwt.verify(token).ok()?;
        let Own { epoch, name } = claims.custom().ok()?;
        let (id, user) = (claims.jti()?.to_owned(), UserId::new(claims.identity()));
        Some(Device { id, user, epoch, name, expires_at: claims.expires_at()? })
    }

    /// A new token for a device of a user's.
    fn token(&self, user: &User) -> Result<Token, AccountsError> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| AccountsError::Defect(error.into()))?;
        let token = self.jwt.access(user.id.as_str()).id(URL_SAFE_NO_PAD.encode(id));
        let name = self.hash_of(&user.name_identity());
        let token = token.claim("epoch", user.epoch).claim("name", name);
        Ok(token.expires_in(Self::LIFETIME).sign()?)
    }

    /// The hash of a name in any of its spellings.
    fn hash_of(&self, identity: &str) -> String {
        let hash = self.names.as_ref().map(|key| hmac::sign(key, identity.as_bytes()));
        let hash = hash.as_ref().map_or(&[][..], AsRef::as_ref);
        URL_SAFE_NO_PAD.encode(hash.get(..Self::NAME_BYTES).unwrap_or_default())
    }
}

impl Device {
    /// Whether it is known to be a user's, as the user is now.
    fn is_of(&self, user: &User) -> bool {
        self.user == user.id && self.epoch == user.epoch
    }

    /// Whether it is to be made known anew: a device that is used stays known.
    fn is_due(&self, now: NumericDate) -> bool {
        let left = self.expires_at.seconds().saturating_sub(now.seconds());
        u64::try_from(left).is_ok_and(|left| left <= Devices::LIFETIME.as_secs() / 2)
    }
}

impl Accounts {
    /// The device that a client shows to have, whosever it is.
    fn device(&self, client: &Client) -> Option<Device> {
        self.devices.as_ref()?.read(client.device_token.as_deref()?)
    }

    /// Whether a client shows to have a device that may be known to be of whoever has a name: it takes no look at the store,
    /// which a stranger with a device of his own could have otherwise as often as he likes, for any name.
    pub(super) fn has_device_of(&self, name: &LoginName, client: &Client) -> bool {
        let devices = self.devices.as_ref();
        let is_of_name =
            |device: &Device| devices.is_some_and(|it| it.hash_of(name.identity()) == device.name);
        self.device(client).as_ref().is_some_and(is_of_name)
    }

    /// What a client is known by who shows a user's password, in a session that lives where there is one. A device is looked
    /// at for nobody too, with the same work.
    pub(super) fn known_by(
        &self,
        user: Option<&User>,
        session: Option<&SessionId>,
        client: &Client,
    ) -> KnownBy {
        match (session, self.device(client)) {
            (Some(session), _) => KnownBy::Session(session.clone()),
            (None, Some(device)) if user.is_some_and(|user| device.is_of(user)) => KnownBy::Device(device),
            (None, _) => KnownBy::Nothing,
        }
    }

    /// Whether failed logins of others keep somebody out who shows a user's password. Nobody where there are no locks: one
    /// that was made before they were turned off is none any more.
    pub(super) fn lock_rule(&self, known_by: &KnownBy) -> LockRule {
        match known_by {
            KnownBy::Nothing if self.policy.lock.is_some() => LockRule::Respected,
            KnownBy::Nothing | KnownBy::Device(_) | KnownBy::Session(_) => LockRule::Ignored,
        }
    }

    /// The token by which a client's device is known from now on; none where it is already and for long, or none is.
    pub(super) fn device_token(&self, user: &User, client: &Client) -> Result<Option<Token>, AccountsError> {
        let Some(devices) = &self.devices else { return Ok(None) };
        match self.known_by(Some(user), None, client) {
            KnownBy::Device(device) if !device.is_due(self.issue_time()) => Ok(None),
            _ => devices.token(user).map(Some),
        }
    }
}
