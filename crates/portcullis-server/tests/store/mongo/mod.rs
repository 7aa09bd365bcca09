//! What is special about MongoDB, and the place in one that its tests work in.
//!
//! `PORTCULLIS_TEST_MONGO_URI` names the server; `scripts/mongo run` starts one. Without it these tests do nothing
//! and say so.

mod documents;
mod indexes;
mod outages;

use std::{
    io::Write,
    sync::{Arc, Once, OnceLock},
    time::Duration,
};

use mongodb::{Client, Collection, Database, bson::Document};
use portcullis_server::{
    config::{Config, DatabaseUrl, Environment, MongoUrl, Sources, load},
    store::{Store, mongo::MongoStore},
};

use crate::backend::Backend;

/// The server of the tests, if there is one.
#[expect(clippy::disallowed_methods, reason = "a test is told by its environment which server there is")]
fn server() -> Option<&'static str> {
    static URI: OnceLock<Option<String>> = OnceLock::new();
    URI.get_or_init(|| std::env::var("PORTCULLIS_TEST_MONGO_URI").ok()).as_deref()
}

/// A database of its own; dropped with the value.
pub(crate) struct Mongo {
    name: String,
    uri: String,
}

impl Mongo {
    pub(crate) fn new() -> Self {
        let name = format!("portcullis_test_{}", uuid::Uuid::new_v4().simple());
        let (hosts, options) = split(server().unwrap());
        Self { uri: format!("{hosts}/{name}{options}"), name }
    }

    pub(crate) fn url(&self) -> MongoUrl {
        url(&self.uri)
    }

    pub(crate) async fn store(&self) -> MongoStore {
        MongoStore::open(&self.url(), Duration::from_secs(10)).await.unwrap()
    }

    /// The database as another program sees it.
    pub(crate) async fn database(&self) -> Database {
        Client::with_uri_str(&self.uri).await.unwrap().database(&self.name)
    }

    pub(crate) async fn collection(&self, name: &str) -> Collection<Document> {
        self.database().await.collection(name)
    }
}

impl Backend for Mongo {
    fn is_there() -> bool {
        static SAID: Once = Once::new();
        if server().is_none() {
            SAID.call_once(|| {
                // Not by a macro, whose text the harness would keep to itself.
                let text = "SKIPPED: the tests on MongoDB; PORTCULLIS_TEST_MONGO_URI names no server (scripts/mongo)\n";
                let _ = std::io::stderr().write_all(text.as_bytes());
            });
        }
        server().is_some()
    }

    async fn fresh() -> Self {
        Self::new()
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.store().await)
    }
}

impl Drop for Mongo {
    fn drop(&mut self) {
        let (uri, name) = (self.uri.clone(), self.name.clone());
        // On a thread and a runtime of its own: the test's may be ending.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let client = Client::with_uri_str(&uri).await.unwrap();
                client.database(&name).drop().await.unwrap();
                client.shutdown().immediate(true).await;
            });
        });
        let dropped = dropping.join();
        assert!(dropped.is_ok() || std::thread::panicking(), "{} is left behind", self.name);
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

/// The server's part of a URI, and its options with their question mark.
fn split(uri: &str) -> (&str, &str) {
    let (rest, options) = uri.split_at(uri.find('?').unwrap_or(uri.len()));
    let hosts = rest.match_indices('/').nth(2).map_or(rest.len(), |(end, _)| end);
    (rest.split_at(hosts).0, options)
}

/// Whether the tests of a module can run.
pub(crate) fn skipped() -> bool {
    !Mongo::is_there()
}
