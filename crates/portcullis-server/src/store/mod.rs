//! Where users and revocations live: the contract that every backend keeps, and the one place that picks one.
//!
//! A method is one whole thing that happens or does not. Domain types go in and out, time is an argument,
//! and nothing of a backend shows. `tests/store` is this trait's specification; every backend passes it.

mod error;
#[cfg(feature = "mongo")]
pub mod mongo;
pub mod sqlite;

use std::{sync::Arc, time::SystemTime};

use async_trait::async_trait;
use portcullis::NumericDate;

pub use error::{StoreError, StoreErrorKind};

#[cfg(feature = "mongo")]
use self::mongo::MongoStore;
use self::sqlite::SqliteStore;
use crate::{
    config::DatabaseUrl,
    model::{LoginName, NewUser, RevokedToken, User},
};

/// Opens the store of a URL: the only place that knows which backends there are.
///
/// Blocks while an embedded database is checked, and waits some seconds for a server that does not answer yet;
/// meant for the start of a program.
///
/// # Errors
/// [`StoreError`] when the store cannot be opened as configured.
#[cfg_attr(
    not(feature = "mongo"),
    expect(clippy::unused_async, reason = "a feature adds a backend and changes no signature")
)]
pub async fn open(url: &DatabaseUrl) -> Result<Arc<dyn Store>, StoreError> {
    match url {
        DatabaseUrl::Sqlite(path) => Ok(Arc::new(SqliteStore::open(path)?)),
        #[cfg(feature = "mongo")]
        DatabaseUrl::Mongo(url) => Ok(Arc::new(MongoStore::open(url, MongoStore::START_PATIENCE).await?)),
        #[cfg(not(feature = "mongo"))]
        DatabaseUrl::Mongo(url) => Err(without_mongo(url)),
    }
}

/// Whether there is a store for a URL, without opening it: what a look at the configuration can say.
///
/// # Errors
/// The [`StoreError`] that [`open`] would answer with.
pub fn supports(url: &DatabaseUrl) -> Result<(), StoreError> {
    match url {
        DatabaseUrl::Sqlite(_) => Ok(()),
        #[cfg(feature = "mongo")]
        DatabaseUrl::Mongo(url) => MongoStore::check(url),
        #[cfg(not(feature = "mongo"))]
        DatabaseUrl::Mongo(url) => Err(without_mongo(url)),
    }
}

/// Whether a URL names a file of this machine, in a folder that must be there.
pub fn is_embedded(url: &DatabaseUrl) -> bool {
    matches!(url, DatabaseUrl::Sqlite(_))
}

#[cfg(not(feature = "mongo"))]
fn without_mongo(url: &crate::config::MongoUrl) -> StoreError {
    let message = format!("{url}: this program was built without the MongoDB store, the feature `mongo`");
    StoreError::new(StoreErrorKind::Refused, message)
}

/// What became of a registration.
#[derive(Clone, Debug)]
pub enum Creation {
    /// The user is durable.
    Created(User),
    /// Somebody has the name, or one that cannot be told from it.
    NameTaken,
}

/// The store of one service.
///
/// An `Ok` of a writing method means that the write survives a crash of the process and of the machine. After an
/// error the outcome may be unknown, as with every answer that was lost: the same call again settles it.
/// Every method answers [`StoreErrorKind::Unavailable`] within about two seconds when the backend does not.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The backend and where its data lies, for people; never with a credential.
    fn location(&self) -> String;

    /// Registers a user unless the name is taken; of two at once exactly one is created.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not say; the user is there or not, and nothing is half made.
    async fn create_user(&self, user: NewUser, now: SystemTime) -> Result<Creation, StoreError>;

    /// The user of a name: whoever spells it exactly so, else whoever has its canonical key.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not look.
    async fn user_by_name(&self, name: &LoginName) -> Result<Option<User>, StoreError>;

    /// Puts a token on the revocation list. Of two entries for one token the later expiry counts, none being the
    /// latest; the same one again changes nothing. An expiry beyond the backend's calendar is its furthest moment.
    ///
    /// # Errors
    /// [`StoreError`] when the entry may not be durable.
    async fn revoke_token(&self, token: RevokedToken, now: SystemTime) -> Result<(), StoreError>;

    /// A page of the revocation list in order of `jti`: at most `limit` entries behind `after`.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not read.
    async fn revoked_tokens(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<RevokedToken>, StoreError>;

    /// Deletes at most `limit` entries whose token expired before `expired_before`; answers how many went.
    ///
    /// Entries without an expiry stay.
    ///
    /// # Errors
    /// [`StoreError`] when nothing could be deleted.
    async fn purge_revoked_tokens(
        &self,
        expired_before: NumericDate,
        limit: usize,
    ) -> Result<usize, StoreError>;

    /// Asks the store for a sign of life, as cheaply as it can.
    ///
    /// # Errors
    /// [`StoreError`] when it gives none.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Finishes what was accepted and lets go of the data. Later calls answer `Unavailable`.
    async fn close(&self);
}
