//! Taking over users of another program, who keep their passwords.

use super::{Accounts, AccountsError, By};
use crate::model::{LoginName, NewUser, Password, PasswordHash, User, UserState, Username};

/// Whether somebody is imported for the first time, as far as whoever does it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// Nobody has tried.
    First,
    /// It was tried, and nobody knows what came of it.
    Again,
}

impl Accounts {
    /// Makes a user of one whom another program had. Somebody who has the name already is left alone.
    ///
    /// Many may be made at once: what waits for an embedded store becomes one write there. The same call
    /// [`Again`](Attempt::Again), with the same hash, settles an outcome that was not known.
    ///
    /// # Errors
    /// [`AccountsError::NameTaken`], or a part that failed.
    pub async fn import_user(&self, by: &By, user: NewUser, attempt: Attempt) -> Result<User, AccountsError> {
        let disabled = if user.state == UserState::Disabled { ", disabled" } else { "" };
        let said = format!("imported, access {}{disabled}", user.access.name());
        match self.add_user(by, user.clone(), &said).await {
            Err(AccountsError::NameTaken) if attempt == Attempt::Again => self.made_before(&user).await,
            made => made,
        }
    }

    /// The user that an earlier attempt has made, if it was that one. No two hashes are the same: each has its own salt.
    async fn made_before(&self, new: &NewUser) -> Result<User, AccountsError> {
        let name = LoginName::parse(new.username.as_str()).map_err(|_| AccountsError::NameTaken)?;
        let user = self.store.user_by_name(&name).await?;
        let is_it = |user: &User| user.username == new.username.as_str() && user.password == new.password;
        user.filter(is_it).ok_or(AccountsError::NameTaken)
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
