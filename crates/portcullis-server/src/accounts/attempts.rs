//! Passwords and refresh tokens that are tried: let in by the limits before any work, and settled by what came of them.
//! Every act that asks for a password asks here first.

use super::{Accounts, AccountsError, Client, RefreshOutcome, device::KnownBy, failures::NotAccepted};
use crate::{
    limits::{Attempt, Failed, Limited},
    model::{EventKind, LoginName, Password, User},
};

impl Accounts {
    /// Lets a client try a password for a name: by the limits of strangers, or by that of a device which is known to be
    /// of the one named.
    pub(super) async fn attempt(
        &self,
        name: &LoginName,
        client: &Client,
    ) -> Result<Attempt<'_>, AccountsError> {
        // The store is asked for whoever was logged in here once under this name; anybody else is let in or turned away
        // before.
        if self.has_device_of(name, client)
            && let Some(user) = self.user_to_log_in(name).await?
        {
            return self.attempt_of(&user, &self.known_by(Some(&user), None, client), client);
        }
        self.limits.login(client.address, name.identity()).map_err(|limited| self.limited(limited, client))
    }

    /// Lets a client try a password of a user's.
    fn attempt_of(
        &self,
        user: &User,
        known_by: &KnownBy,
        client: &Client,
    ) -> Result<Attempt<'_>, AccountsError> {
        let attempt = match known_by {
            KnownBy::Nothing => self.limits.login(client.address, &user.name_identity()),
            KnownBy::Device(device) => self.limits.login_of_device(&device.id),
            KnownBy::Session(session) => self.limits.login_of_session(session.as_str()),
        };
        attempt.map_err(|limited| self.limited(limited, client))
    }

    /// Settles a try. One that was refused keeps what it took; one that was not, or came to nothing before anybody could
    /// learn from it, gives it back. A right password that is refused is no exception: during a lock nobody may find out
    /// that it is the right one.
    pub(super) fn settle(&self, attempt: Attempt<'_>, is_refused: bool, client: &Client) {
        if !is_refused {
            attempt.give_back();
        } else if attempt.failed() == Failed::AddressBlocked {
            let event = self.event(EventKind::RateLimitExceeded, client);
            self.audit.note(event.detail("too many names have failed: the address is blocked for a while"));
        }
    }

    /// Whether a password lets somebody in who is a user already, tried within the limits.
    pub(super) async fn shows(
        &self,
        user: &User,
        password: Password,
        known_by: &KnownBy,
        client: &Client,
    ) -> Result<Result<(), NotAccepted>, AccountsError> {
        let attempt = self.attempt_of(user, known_by, client)?;
        let holds = self.is_password_of(Some(user), password, client).await;
        let verdict = holds.map(|holds| self.judge(Some(user), holds, self.lock_rule(known_by)).map(drop));
        self.settle(attempt, matches!(verdict, Ok(Err(_))), client);
        verdict
    }

    /// Whether a client may present a refresh token: not when too many from its address were none.
    ///
    /// # Errors
    /// [`AccountsError::Limited`] when it may not.
    pub fn may_refresh(&self, client: &Client) -> Result<(), AccountsError> {
        self.limits.refresh(client.address).map_err(|limited| {
            self.outcomes.refreshes.add(RefreshOutcome::Limited);
            self.limited(limited, client)
        })
    }

    /// Counts a refresh token that was none, or is void.
    pub fn note_failed_refresh(&self, client: &Client) {
        // Whether there is one left is asked before the next one.
        drop(self.limits.failed_refresh(client.address));
    }

    /// What a client is told that was turned away; once in a while it is an event.
    pub(super) fn limited(&self, limited: Limited, client: &Client) -> AccountsError {
        if let Some(excess) = limited.excess {
            let event = self.event(EventKind::RateLimitExceeded, client);
            // The event names whoever was the last of them.
            let said = format!(
                "{} {} turned away since this was said last, of this address and others",
                excess.count, excess.what
            );
            self.audit.note(event.detail(&said));
        }
        AccountsError::Limited { retry_after: limited.retry_after }
    }
}
