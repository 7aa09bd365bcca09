//! What administrators do: see users and sessions, make users, change them, end things, look at what happened. The same
//! acts serve HTTP and the command line.

mod changes;
mod check;
mod import;

use std::{net::IpAddr, time::SystemTime};

use portcullis::Claims;

pub use check::{CheckedToken, TokenRefusal};
pub use import::Attempt;

use super::{Accounts, AccountsError, Client};
use crate::model::{
    AuditEvent, EventKind, EventPage, EventQuery, LoginName, Session, SessionId, User, UserId, UserPage,
    UserQuery,
};

/// Who administers. Having one means that it was asked whether whoever it is may.
#[derive(Clone, Debug)]
pub struct By {
    actor: Option<UserId>,
    address: Option<IpAddr>,
    /// From where, where that is no address.
    place: Option<String>,
}

impl By {
    /// Whoever runs the program: the database lies open to them anyhow. `account` is their name on the machine.
    pub fn operator(account: Option<&str>) -> Self {
        let place = match account {
            Some(account) => format!("at a terminal, as {account}"),
            None => "at a terminal".to_owned(),
        };
        Self { actor: None, address: None, place: Some(place) }
    }

    /// What was done, as it is kept.
    pub fn did(&self, kind: EventKind, at: SystemTime, detail: Option<&str>) -> AuditEvent {
        let event = AuditEvent::new(kind, at).from(self.address);
        let event = AuditEvent { actor: self.actor.clone(), ..event };
        detail.into_iter().chain(self.place.as_deref()).fold(event, AuditEvent::and)
    }

    /// The administrator, where it is a user.
    pub fn user(&self) -> Option<&UserId> {
        self.actor.as_ref()
    }
}

impl Accounts {
    /// The administrator that a token speaks of, by what the store knows now: a token may be older than a change.
    ///
    /// # Errors
    /// [`AccountsError::NotAllowed`] for a user of another level, [`AccountsError::SessionOver`] for one that is gone or
    /// disabled, or a store that failed.
    pub async fn administrator(&self, token: &Claims, client: &Client) -> Result<By, AccountsError> {
        let user = self.user_of(token).await?;
        if !user.is_enabled_admin() {
            return Err(AccountsError::NotAllowed);
        }
        Ok(By { actor: Some(user.id), address: client.address, place: None })
    }

    /// A page of users.
    ///
    /// # Errors
    /// [`AccountsError::UnknownCursor`], or a store that failed.
    pub async fn users(&self, query: &UserQuery) -> Result<UserPage, AccountsError> {
        Ok(self.store.users(query).await?)
    }

    /// The user of an id.
    ///
    /// # Errors
    /// [`AccountsError::NoSuchUser`], or a store that failed.
    pub async fn user(&self, id: &UserId) -> Result<User, AccountsError> {
        self.store.user_by_id(id).await?.ok_or(AccountsError::NoSuchUser)
    }

    /// The user of a name, as a login would find it.
    ///
    /// # Errors
    /// Those of [`user`](Self::user).
    pub async fn user_of_name(&self, name: &LoginName) -> Result<User, AccountsError> {
        self.store.user_by_name(name).await?.ok_or(AccountsError::NoSuchUser)
    }

    /// The session of an id, whoever's it is.
    ///
    /// # Errors
    /// [`AccountsError::NoSuchSession`], or a store that failed.
    pub async fn session(&self, id: &SessionId) -> Result<Session, AccountsError> {
        self.store.session(id).await?.ok_or(AccountsError::NoSuchSession)
    }

    /// The living sessions of a user, the most recently used first.
    ///
    /// # Errors
    /// Those of [`user`](Self::user).
    pub async fn sessions_of(&self, id: &UserId) -> Result<Vec<Session>, AccountsError> {
        let user = self.user(id).await?;
        Ok(self.store.sessions_of(&user.id, self.now()).await?)
    }

    /// A page of what happened, the newest first; with what this node has noted until now, if the store takes it.
    ///
    /// # Errors
    /// [`AccountsError::UnknownCursor`], or a store that failed.
    pub async fn events(&self, query: &EventQuery) -> Result<EventPage, AccountsError> {
        // A failure is said by the job, which tries again.
        drop(self.audit.write().await);
        Ok(self.store.events(query).await?)
    }

    /// What an administrator did, as it is kept.
    pub(in crate::accounts) fn act(&self, by: &By, kind: EventKind, detail: Option<&str>) -> AuditEvent {
        by.did(kind, self.now(), detail)
    }
}

/// The event of an act that may have been done, or not: whoever asked for it is told to ask again.
pub(super) fn unsettled(event: AuditEvent) -> AuditEvent {
    event.and("the outcome is not known")
}
