//! Registering: a name and a password become a user, who is logged in at once.

use super::{Accounts, AccountsError, TokenPair};
use crate::{
    model::{Access, NewUser, Password, Username},
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
        device: Option<&str>,
    ) -> Result<TokenPair, AccountsError> {
        if !self.policy.registration_open {
            return Err(AccountsError::RegistrationClosed);
        }
        let password = self.passwords.hash(password).await?;
        let user = NewUser::new(username, password, Access::User);
        match self.store.create_user(user, self.now()).await? {
            Creation::NameTaken => Err(AccountsError::NameTaken),
            Creation::Created(user) => {
                tracing::info!(user = user.id.as_str(), "a user has registered");
                self.open_session(&user, device).await?.ok_or(AccountsError::BadCredentials)
            }
        }
    }
}
