//! A database of a test's own, on the server that `PORTCULLIS_TEST_MONGO_URI` names.

use std::{
    io::Write,
    sync::{Once, OnceLock},
};

use mongodb::Client;

/// A database of its own; dropped with the value.
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) uri: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let name = format!("portcullis_test_{}", uuid::Uuid::new_v4().simple());
        let (hosts, options) = split(server().unwrap());
        Self { uri: format!("{hosts}/{name}{options}"), name }
    }
}

impl Drop for Place {
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

/// Whether there is a server; where not, it says once that the tests on it are skipped.
pub(crate) fn is_there() -> bool {
    static SAID: Once = Once::new();
    if server().is_none() {
        SAID.call_once(|| {
            say("SKIPPED: the tests on MongoDB; PORTCULLIS_TEST_MONGO_URI names no server (scripts/mongo run …)");
        });
    }
    server().is_some()
}

/// Says what is skipped. Not by a macro, whose text the harness would keep to itself.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The server of the tests, if there is one.
#[expect(clippy::disallowed_methods, reason = "a test is told by its environment which server there is")]
pub(crate) fn server() -> Option<&'static str> {
    static URI: OnceLock<Option<String>> = OnceLock::new();
    URI.get_or_init(|| std::env::var("PORTCULLIS_TEST_MONGO_URI").ok()).as_deref()
}

/// The server's part of a URI, and its options with their question mark.
pub(crate) fn split(uri: &str) -> (&str, &str) {
    let (rest, options) = uri.split_at(uri.find('?').unwrap_or(uri.len()));
    let hosts = rest.match_indices('/').nth(2).map_or(rest.len(), |(end, _)| end);
    (rest.split_at(hosts).0, options)
}
