//! Registering: a name and a password become a user, who is logged in at once.

use super::{Accounts, AccountsError, Client, TokenPair};
use crate::{
    model::{Access, EventKind, NewUser, Password, Username},
    store::Creation,
};

impl Accounts {
    /// Registers a user and logs the user in.
    ///
    /// # Errors
    /// [`AccountsError::RegistrationClosed`], [`AccountsError::NameTaken`], or a part that failed; then there is
    /// no user, unless the store cannot say.
    pub async fn register(
        &self,
        username: Username,
        password: Password,
        client: &Client,
    ) -> Result<TokenPair, AccountsError> {
        if !self.policy.registration_open {
            return Err(AccountsError::RegistrationClosed);
        }
        let password = self.passwords.hash(password).await?;
        let user = NewUser { username, password, access: Access::User };
        match self.store.create_user(user, self.now()).await? {
            Creation::NameTaken => Err(AccountsError::NameTaken),
            Creation::Created(user) => {
                self.audit.note(self.own(EventKind::UserCreated, &user.id, client));
                self.open_session(&user, EventKind::SessionCreated, client)
                    .await?
                    .ok_or(AccountsError::BadCredentials)
            }
        }
    }
}
