//! Logging in: a name and a password become a session and its first pair of tokens.

use super::{Accounts, AccountsError, TokenPair, to_its_end};
use crate::{
    model::{LoginName, Password, Session, SessionId, User},
    sessions,
    store::Opening,
};

impl Accounts {
    /// Logs a user in.
    ///
    /// An unknown name costs the same hash as a wrong password, so that neither answer nor time tells which
    /// names exist. `device` is what the client says that it is.
    ///
    /// # Errors
    /// [`AccountsError::BadCredentials`], or a part that failed.
    pub async fn login(
        &self,
        name: LoginName,
        password: Password,
        device: Option<&str>,
    ) -> Result<TokenPair, AccountsError> {
        let user = self.store.user_by_name(&name).await?;
        let holds = self.passwords.check(password, user.as_ref().map(|user| &user.password)).await?;
        match user {
            Some(user) if holds => {
                let pair = self.open_session(&user, device).await?;
                tracing::info!(user = user.id.as_str(), "a login succeeded");
                Ok(pair)
            }
            known => {
                tracing::info!(user = known.map(|user| user.id.as_str().to_owned()), "a login failed");
                Err(AccountsError::BadCredentials)
            }
        }
    }

    /// The first pair of a new session, for somebody who has just shown a password: no token leaves before its session
    /// is durable.
    pub(super) async fn open_session(
        &self,
        user: &User,
        device: Option<&str>,
    ) -> Result<TokenPair, AccountsError> {
        let now = self.now();
        let id = SessionId::random().map_err(|error| AccountsError::Defect(error.into()))?;
        let (owner, first) = ((&user.id, user.epoch), self.next_head()?);
        let session = sessions::opened(id, owner, &first, self.policy.session_max_age, now);
        let device = device.map(|device| device.chars().take(Session::DEVICE_CHARS).collect());
        let session = Session { device, ..session };
        let pair = self.pair(user, &session)?;
        let (store, revocations) = (self.store.clone(), self.revocations.clone());
        let at_most = self.policy.sessions_per_user;
        to_its_end(async move {
            match revocations.or_catch_up(store.open_session(session, at_most, now).await)? {
                Opening::Opened { displaced } => {
                    for session in &displaced {
                        tracing::info!(session = session.id.as_str(), "a session had to end for a new one");
                        revocations.session_has_ended(session);
                    }
                    Ok(pair)
                }
                // The password was changed or the account ended while its hash was being checked.
                Opening::Refused => Err(AccountsError::BadCredentials),
            }
        })
        .await
    }
}
