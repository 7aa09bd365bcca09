//! The first administrator: made by whoever shows a secret that the program made, while there is no administrator.

use std::{sync::Arc, time::Duration};

use portcullis::{Claims, Clock, JwtConfig, JwtConfigErrors, JwtManager, Revocation as _, Token, Verdict};
use tokio::sync::Mutex;

use super::{Accounts, AccountsError, By, Client, administration::unsettled, derived, to_its_end};
use crate::{
    model::{
        Access, EventKind, NewUser, Password, Provided, Revocation, RevokedToken, User, UserQuery, UserState,
        Username,
    },
    store::Creation,
};

/// What makes setup secrets and knows them again: tokens of a key of their own, which open nothing else.
pub struct SetupSecrets {
    jwt: JwtManager,
    /// Held by the setup that is under way, so that of two at once the later sees what the earlier made.
    under_way: Arc<Mutex<()>>,
}

impl SetupSecrets {
    /// How long a secret holds: as long as it takes to carry it from a terminal to a form.
    const LIFETIME: Duration = Duration::from_hours(1);

    /// What the key is derived for, and for nothing else.
    const PURPOSE: &[u8] = b"portcullis: the key of setup secrets";

    /// Derives the key from what signs the service's tokens, so that all nodes know each other's secrets and there is one
    /// secret less to keep.
    ///
    /// # Errors
    /// [`JwtConfigErrors`] where nothing signs.
    pub fn derived_from(service: &JwtConfig, clock: Arc<dyn Clock>) -> Result<Self, JwtConfigErrors> {
        let jwt = derived::manager(service, Self::PURPOSE, clock)?;
        Ok(Self { jwt, under_way: Arc::default() })
    }
}

impl Accounts {
    /// A secret with which somebody may make the first administrator, once, as long as it holds. Anybody can run the
    /// program who can reach the database, and needs none; it is for whoever sets a service up from elsewhere.
    ///
    /// # Errors
    /// [`AccountsError::AlreadySetUp`] where it would open nothing, or a part that failed.
    pub async fn setup_secret(&self, by: &By) -> Result<Token, AccountsError> {
        if self.has_admin().await? {
            return Err(AccountsError::AlreadySetUp);
        }
        let secret = self.setup.jwt.access("setup").expires_in(SetupSecrets::LIFETIME).sign()?;
        self.audit.record(self.act(by, EventKind::SetupSecretIssued, None)).await?;
        Ok(secret)
    }

    /// Makes the first administrator. It is a registration to the limits, and a secret that is refused is an event once in a
    /// while.
    ///
    /// The same call again, after an outcome that was not known, finds the administrator there.
    ///
    /// # Errors
    /// [`AccountsError::Limited`]; [`AccountsError::BadSetupSecret`] for a secret that is forged, used or expired; [`AccountsError::AlreadySetUp`]
    /// where there is an administrator who is not disabled; [`AccountsError::NameTaken`]; a part that failed.
    pub async fn set_up(
        &self,
        secret: &str,
        username: Username,
        password: Password,
        client: &Client,
    ) -> Result<User, AccountsError> {
        let attempt = self.limits.registration(client.address);
        let attempt = attempt.map_err(|limited| self.limited(limited, client))?;
        let done = self.try_set_up(secret, username, password, client).await;
        match &done {
            Err(AccountsError::BadSetupSecret) => {
                let event = self.event(EventKind::AuthorizationFail, client);
                let whose = client.address.map(|address| address.to_string()).unwrap_or_default();
                self.note_seldom(event.detail("a setup secret that is wrong, used or expired"), &whose);
            }
            Err(AccountsError::Unavailable(_) | AccountsError::Defect(_)) => attempt.give_back(),
            _ => {}
        }
        done
    }

    async fn try_set_up(
        &self,
        secret: &str,
        username: Username,
        password: Password,
        client: &Client,
    ) -> Result<User, AccountsError> {
        let secret = self.setup.jwt.verify(secret).map_err(|_| AccountsError::BadSetupSecret)?;
        let under_way = self.setup.under_way.clone().lock_owned().await;
        // It may have been used on another node.
        self.revocations.catch_up().await?;
        let spent = spent(&secret)?;
        if !matches!(self.revocations.check(&secret), Verdict::Live) {
            return Err(AccountsError::BadSetupSecret);
        }
        if self.has_admin().await? {
            return Err(AccountsError::AlreadySetUp);
        }
        let password = self.passwords.hash(password).await?;
        let user = NewUser::new(username, password, Access::Admin);
        let user = NewUser { provided: Provided::NobodyAdministers, ..user };
        let event = self.event(EventKind::SetupAdminCreated, client);
        let (store, revocations, audit) = (self.store.clone(), self.revocations.clone(), self.audit.clone());
        let now = self.now();
        to_its_end(async move {
            let _under_way = under_way;
            match store.create_user(user, Some(&event), now).await {
                Err(error) => {
                    audit.note(unsettled(event));
                    Err(error.into())
                }
                Ok(Creation::NameTaken) => Err(AccountsError::NameTaken),
                // Made on another node since it was asked here.
                Ok(Creation::SomebodyAdministers) => Err(AccountsError::AlreadySetUp),
                Ok(Creation::Created(user)) => {
                    audit.say(&event.about(&user.id));
                    // Used up when it has done something. Until then, and if this fails, there is an administrator.
                    revocations.revoke(spent).await?;
                    Ok(user)
                }
            }
        })
        .await
    }

    async fn has_admin(&self) -> Result<bool, AccountsError> {
        let (access, state) = (Some(Access::Admin), Some(UserState::Enabled));
        let query = UserQuery { access, state, limit: 1, ..UserQuery::default() };
        Ok(!self.store.users(&query).await?.users.is_empty())
    }
}

/// The entry that makes a secret a used one.
fn spent(secret: &Claims) -> Result<Revocation, AccountsError> {
    let jti = secret.jti().ok_or(AccountsError::BadSetupSecret)?.to_owned();
    Ok(Revocation::Token(RevokedToken { jti, expires_at: secret.expires_at() }))
}
