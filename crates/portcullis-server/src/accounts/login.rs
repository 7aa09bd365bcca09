//! Logging in: a name and a password become a pair of tokens.

use super::{Accounts, AccountsError, TokenPair};
use crate::model::{LoginName, Password};

impl Accounts {
    /// Logs a user in.
    ///
    /// An unknown name costs the same hash as a wrong password, so that neither answer nor time tells which
    /// names exist.
    ///
    /// # Errors
    /// [`AccountsError::BadCredentials`], or a part that failed.
    pub async fn login(&self, name: LoginName, password: Password) -> Result<TokenPair, AccountsError> {
        let user = self.store.user_by_name(&name).await?;
        let holds = self.passwords.check(password, user.as_ref().map(|user| &user.password)).await?;
        match user {
            Some(user) if holds => {
                tracing::info!(user = user.id.as_str(), "a login succeeded");
                Ok(self.issue(&user)?)
            }
            known => {
                tracing::info!(user = known.map(|user| user.id.as_str().to_owned()), "a login failed");
                Err(AccountsError::BadCredentials)
            }
        }
    }
}
