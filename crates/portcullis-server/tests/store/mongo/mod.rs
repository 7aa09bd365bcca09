//! What is special about MongoDB, and the place in one that its tests work in.
//!
//! `PORTCULLIS_TEST_MONGO_URI` names the server; `scripts/mongo run` starts one. Without it these tests do nothing
//! and say so.

mod administration;
mod documents;
mod faults;
mod feed;
mod indexes;
mod outages;
mod place;
mod sessions;

use std::{sync::Arc, time::Duration};

use mongodb::{
    Client, Collection,
    bson::{DateTime, Document, doc},
};
use portcullis_server::{
    config::{Config, DatabaseUrl, Environment, MongoUrl, Sources, load},
    store::{Store, mongo::MongoStore},
};

use self::place::{Place, is_there};
use crate::backend::Backend;

/// A database of its own; dropped with the value.
pub(crate) struct Mongo(Place);

impl Mongo {
    pub(crate) fn new() -> Self {
        Self(Place::new())
    }

    pub(crate) fn url(&self) -> MongoUrl {
        url(&self.0.uri)
    }

    pub(crate) async fn store(&self) -> MongoStore {
        MongoStore::open(&self.url(), Duration::from_secs(10)).await.unwrap()
    }

    /// A collection as another program sees it.
    pub(crate) async fn collection(&self, name: &str) -> Collection<Document> {
        Client::with_uri_str(&self.0.uri).await.unwrap().database(&self.0.name).collection(name)
    }
}

impl Backend for Mongo {
    fn is_there() -> bool {
        is_there()
    }

    async fn fresh() -> Self {
        Self::new()
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.store().await)
    }

    /// As the Flask application writes a token, and as a node of ours ends a session.
    async fn another_program_revokes(&self, jti: &str, session: &str) {
        let theirs = doc! { "jti": jti, "created_at": DateTime::from_millis(1_554_120_000_123) };
        self.collection("revoked_tokens").await.insert_one(theirs).await.unwrap();
        let end = doc! {
            "$set": { "ended_at": DateTime::now(), "end_reason": "logged_out" },
            "$currentDate": { "at": true },
        };
        self.collection("sessions").await.update_one(doc! { "_id": session }, end).await.unwrap();
    }
}

/// A URL as the configuration reads it.
pub(crate) fn url(uri: &str) -> MongoUrl {
    let environment: Environment =
        [("MONGO_URI", uri), ("JWT_SECRET_KEY", "a secret of the tests, 32 bytes or more")]
            .into_iter()
            .collect();
    let (config, _): (Config, _) = load(&Sources { environment, ..Sources::default() }).unwrap();
    match config.database {
        DatabaseUrl::Mongo(url) => url,
        DatabaseUrl::Sqlite(path) => panic!("{}", path.display()),
    }
}
