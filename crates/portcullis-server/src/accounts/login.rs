//! Logging in: a name and a password become a pair of tokens.

use portcullis::{IssueError, NumericDate, Token};

use super::{Accounts, AccountsError, Identity};
use crate::model::{LoginName, Password, User};

/// What a login hands out.
#[derive(Debug)]
pub struct TokenPair {
    /// A fresh access token.
    pub access: Token,
    /// The refresh token that belongs to it.
    pub refresh: Token,
    /// How long the access token lives, in seconds.
    pub expires_in: i64,
}

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

    /// The tokens of somebody who has just shown a password.
    pub(super) fn issue(&self, user: &User) -> Result<TokenPair, IssueError> {
        let identity = match self.policy.identity {
            Identity::Id => user.id.as_str(),
            Identity::Username => &user.username,
        };
        let issued_at = NumericDate::from(self.clock.now());
        let access = self.jwt.access(identity).fresh().claim("access", user.access.level()).sign()?;
        let refresh = self.jwt.refresh(identity).sign()?;
        let expires_in = access.expires_at().seconds() - issued_at.seconds();
        Ok(TokenPair { access, refresh, expires_in })
    }
}
