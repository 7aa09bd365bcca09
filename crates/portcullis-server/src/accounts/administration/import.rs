//! Taking over users of another program, who keep their passwords.

use super::{Accounts, AccountsError, By};
use crate::model::{LoginName, NewUser, Password, PasswordHash, User, UserState, Username};

impl Accounts {
    /// Makes a user of one whom another program had. Somebody who has the name already is left alone.
    ///
    /// Many may be made at once: what waits for an embedded store becomes one write there.
    ///
    /// # Errors
    /// [`AccountsError::NameTaken`], or a part that failed.
    pub async fn import_user(&self, by: &By, user: NewUser) -> Result<User, AccountsError> {
        let disabled = if user.state == UserState::Disabled { ", disabled" } else { "" };
        let said = format!("imported, access {}{disabled}", user.access.name());
        self.add_user(by, user, &said).await
    }

    /// The hash of the password of somebody who is to be imported.
    ///
    /// # Errors
    /// A part that failed.
    pub async fn hash_of(&self, password: Password) -> Result<PasswordHash, AccountsError> {
        Ok(self.passwords.hash(password).await?)
    }

    /// Whether nobody has a name. One that is kept for a deleted user looks free: that only who makes a user is told.
    ///
    /// # Errors
    /// A store that failed.
    pub async fn looks_free(&self, name: &Username) -> Result<bool, AccountsError> {
        match LoginName::parse(name.as_str()) {
            Ok(name) => Ok(self.store.user_by_name(&name).await?.is_none()),
            Err(_) => Ok(true),
        }
    }
}
