//! Registering: a name and a password become a user, who is logged in at once.

use super::{Accounts, AccountsError, Client, LoggedIn, outcomes::counted};
use crate::{
    model::{Access, EventKind, Maker, NewUser, Password, Username},
    sessions::LockRule,
    store::Creation,
};

impl Accounts {
    /// Registers a user and logs the user in.
    ///
    /// # Errors
    /// [`AccountsError::RegistrationClosed`], [`AccountsError::Limited`], [`AccountsError::NameTaken`], or a part that failed; then there is
    /// no user, unless the store cannot say.
    pub async fn register(
        &self,
        username: Username,
        password: Password,
        client: &Client,
    ) -> Result<LoggedIn, AccountsError> {
        counted(&self.outcomes.registrations, self.try_register(username, password, client).await)
    }

    async fn try_register(
        &self,
        username: Username,
        password: Password,
        client: &Client,
    ) -> Result<LoggedIn, AccountsError> {
        if !self.policy.registration_open {
            return Err(AccountsError::RegistrationClosed);
        }
        let attempt = self.limits.registration(client.address);
        let attempt = attempt.map_err(|limited| self.limited(limited, client))?;
        let password = match self.passwords.hash(password).await {
            Ok(password) => password,
            Err(error) => {
                attempt.give_back();
                return Err(error.into());
            }
        };
        let user = NewUser::new(username, password, Access::User);
        let user = NewUser { maker: Maker::Themselves, ..user };
        let event = self.event(EventKind::UserCreated, client);
        match self.store.create_user(user, Some(&event), self.now()).await? {
            Creation::NameTaken => Err(AccountsError::NameTaken),
            Creation::SomebodyAdministers => Err(AccountsError::AlreadySetUp),
            Creation::Created(user) => {
                self.audit.say(&event.by(&user.id).about(&user.id));
                let lock = LockRule::Respected;
                let pair = self.open_session(&user, EventKind::SessionCreated, lock, client).await?;
                let pair = pair.map_err(|_| AccountsError::BadCredentials)?;
                Ok(LoggedIn { pair, device: self.device_token(&user, client)? })
            }
        }
    }
}
