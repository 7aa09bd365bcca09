//! The backend for many nodes: a MongoDB, in the Flask application's own collections.
//!
//! ```text
//! call -> calls.rs      a place among the calls at once, a bound in time
//!      -> users.rs, revocations.rs   the commands; documents.rs reads what comes back
//! start -> connect.rs   options, first contact -> indexes.rs
//! ```
//!
//! Nothing needs a transaction or a change stream: a single standalone server has neither. Every write is one
//! command on one document, acknowledged when it is in the journals of a majority.

mod calls;
mod connect;
mod documents;
mod failure;
mod indexes;
mod revocations;
mod users;

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use mongodb::{Collection, Database, bson::Document};
use portcullis::NumericDate;

use self::{
    calls::Calls,
    failure::{Failure, Place},
};
use super::{Creation, Store, StoreError};
use crate::{
    config::MongoUrl,
    model::{LoginName, NewUser, RevokedToken, User},
};

/// How long a call waits at most for a place and an answer together.
const PATIENCE: Duration = Duration::from_secs(2);

/// The collection of users.
const USERS: &str = "users";

/// The collection of tokens that are refused although they have not expired.
const REVOKED_TOKENS: &str = "revoked_tokens";

/// The store in one database of a MongoDB. Its users are any number of nodes, the Flask application among them.
pub struct MongoStore {
    place: Place,
    database: Database,
    users: Collection<Document>,
    revoked_tokens: Collection<Document>,
    calls: Calls,
}

impl MongoStore {
    /// How long a start waits for a server that does not answer yet, as when both are started at once.
    pub const START_PATIENCE: Duration = Duration::from_secs(10);

    /// Whether a URL can be understood, found out without a connection.
    ///
    /// # Errors
    /// [`StoreErrorKind::Refused`](super::StoreErrorKind::Refused) with what is wrong.
    pub fn check(url: &MongoUrl) -> Result<(), StoreError> {
        connect::check(url)
    }

    /// Opens the database of a URL, waits for it at most `patience`, and makes the indexes that it lacks.
    ///
    /// # Errors
    /// [`StoreErrorKind::Refused`](super::StoreErrorKind::Refused) when the URL cannot be understood, when nobody
    /// answers, when the server does not let us in, and when an index cannot be made.
    pub async fn open(url: &MongoUrl, patience: Duration) -> Result<Self, StoreError> {
        let (database, place) = connect::prepare(url).await?;
        connect::wait_for(&database, &place, patience).await?;
        indexes::make(&database, &place).await?;
        let users = database.collection(USERS);
        let revoked_tokens = database.collection(REVOKED_TOKENS);
        Ok(Self { place, database, users, revoked_tokens, calls: Calls::new() })
    }

    /// A call that is over within [`PATIENCE`].
    async fn call<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.calls.make(call).await.map_err(|failure| self.place.error(failure))
    }

    /// A call of many steps, each of which is over within [`PATIENCE`].
    async fn steps<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.calls.make_in_steps(call).await.map_err(|failure| self.place.error(failure))
    }
}

#[async_trait]
impl Store for MongoStore {
    fn location(&self) -> String {
        self.place.to_string()
    }

    async fn create_user(&self, user: NewUser, now: SystemTime) -> Result<Creation, StoreError> {
        self.call(users::create(self.users.clone(), user, now)).await
    }

    async fn user_by_name(&self, name: &LoginName) -> Result<Option<User>, StoreError> {
        self.call(users::by_name(self.users.clone(), name.clone())).await
    }

    async fn revoke_token(&self, token: RevokedToken, now: SystemTime) -> Result<(), StoreError> {
        self.call(revocations::revoke(self.revoked_tokens.clone(), token, now)).await
    }

    async fn revoked_tokens(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<RevokedToken>, StoreError> {
        let after = after.map(str::to_owned);
        self.steps(revocations::page(self.revoked_tokens.clone(), after, limit)).await
    }

    async fn purge_revoked_tokens(
        &self,
        expired_before: NumericDate,
        limit: usize,
    ) -> Result<usize, StoreError> {
        self.steps(revocations::purge(self.revoked_tokens.clone(), expired_before, limit)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let database = self.database.clone();
        self.call(async move { Ok(connect::ping(&database).await?) }).await
    }

    async fn close(&self) {
        self.calls.close().await;
        self.database.client().clone().shutdown().immediate(true).await;
    }
}
