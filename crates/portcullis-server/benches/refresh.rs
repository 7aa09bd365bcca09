//! Refreshes a second, each a durable write: 64 clients, many sessions, no reuse window.
//!
//! Run by `scripts/bench refresh`. The clients call the service in this process, so that what is measured is
//! the service with all its layers and its store, and no client's socket. Beside it, in the same run, what the store's
//! engine does without us: on SQLite a commit alone, on MongoDB the same conditional update by as many clients.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark fails by panicking"
)]

#[cfg(feature = "mongo")]
#[path = "../tests/harness/mod.rs"]
mod harness;
#[expect(dead_code, reason = "each bench uses a part of it")]
mod service;
#[cfg(feature = "mongo")]
#[path = "../tests/api/support/process.rs"]
#[expect(dead_code, reason = "the tests use it")]
mod support;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use axum::http::Request;
use portcullis_server::App;
use rusqlite::Connection;
use service::{answer, log_in, now, open, text, with_token};
use tokio::task::JoinSet;

const CLIENTS: usize = 64;
const SESSIONS_EACH: usize = 16;
const MEASURED: Duration = Duration::from_secs(10);
const GOAL: u32 = 5000;

fn main() {
    // `cargo test --benches` runs this too, and wants nothing measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    match std::env::args().skip_while(|argument| argument != "--store").nth(1).as_deref() {
        None | Some("sqlite") => runtime.block_on(on_sqlite(folder.path())),
        #[cfg(feature = "mongo")]
        Some("mongo") => runtime.block_on(on_mongo(folder.path())),
        Some(other) => panic!("--store is sqlite or mongo, not {other}"),
    }
}

async fn on_sqlite(folder: &Path) {
    let commits = commits_a_second(folder);
    println!("one commit after another, synced: {commits} /s");
    let refreshes = refreshes_a_second(&folder.join("instance"), &[]).await;
    println!(
        "refreshes with a durable write, {CLIENTS} clients, {} sessions: {refreshes} /s, {:.1} for a commit; goal \
         {GOAL}: {}",
        CLIENTS * SESSIONS_EACH,
        f64::from(refreshes) / f64::from(commits.max(1)),
        if refreshes >= GOAL { "met" } else { "NOT MET" }
    );
}

#[cfg(feature = "mongo")]
async fn on_mongo(folder: &Path) {
    let server = harness::secantus::Secantus::start();
    let updates = updates_a_second(&server.uri("raw")).await;
    println!("the same conditional update alone, {CLIENTS} clients: {updates} /s");
    let uri = server.uri("bench");
    let refreshes = refreshes_a_second(&folder.join("instance"), &[("MONGO_URI", &uri)]).await;
    println!(
        "refreshes with a durable write, {CLIENTS} clients, {} sessions: {refreshes} /s, {:.2} of the update alone",
        CLIENTS * SESSIONS_EACH,
        f64::from(refreshes) / f64::from(updates.max(1)),
    );
}

/// What SQLite makes of a disk when nothing is grouped.
fn commits_a_second(folder: &Path) -> u32 {
    let database = Connection::open(folder.join("commits.sqlite3")).unwrap();
    database.pragma_update(None, "journal_mode", "WAL").unwrap();
    database.pragma_update(None, "synchronous", "FULL").unwrap();
    database.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, value TEXT)").unwrap();
    let (start, mut done) = (now(), 0);
    while now() < start + Duration::from_secs(2) {
        database.execute("INSERT INTO t (value) VALUES (?1)", ["x".repeat(200)]).unwrap();
        done += 1;
    }
    done / 2
}

/// What the server makes of the update that a refresh is, by as many clients, each on documents of its own.
#[cfg(feature = "mongo")]
async fn updates_a_second(uri: &str) -> u32 {
    use mongodb::{
        Client, Collection,
        bson::{DateTime, Document, doc},
        options::ClientOptions,
    };
    async fn update(sessions: Collection<Document>, client: usize, end: Instant) -> u32 {
        let mut done = 0;
        for turn in 0_i64.. {
            let id = format!("{client}-{}", turn % i64::try_from(SESSIONS_EACH).unwrap());
            let generation = turn / i64::try_from(SESSIONS_EACH).unwrap();
            if now() >= end {
                break;
            }
            let as_seen = doc! { "_id": id, "generation": generation, "ended_at": { "$exists": false } };
            let change = doc! { "$set": {
                "generation": generation + 1, "refresh_jti": "x".repeat(36), "access_jti": "x".repeat(36),
                "parent_jti": "x".repeat(36), "made_at": DateTime::now(), "last_used": DateTime::now(),
            } };
            assert_eq!(sessions.update_one(as_seen, change).await.unwrap().matched_count, 1);
            done += 1;
        }
        done
    }
    let mut options = ClientOptions::parse(uri).await.unwrap();
    options.max_pool_size = Some(u32::try_from(CLIENTS).unwrap());
    let sessions: Collection<Document> =
        Client::with_options(options).unwrap().database("raw").collection("sessions");
    let documents = (0..CLIENTS).flat_map(|client| {
        (0..SESSIONS_EACH).map(move |n| doc! { "_id": format!("{client}-{n}"), "generation": 0_i64 })
    });
    sessions.insert_many(documents).await.unwrap();
    let (end, mut running) = (now() + MEASURED, JoinSet::new());
    for client in 0..CLIENTS {
        running.spawn(update(sessions.clone(), client, end));
    }
    let done: u32 = running.join_all().await.into_iter().sum();
    done / u32::try_from(MEASURED.as_secs()).unwrap()
}

async fn refreshes_a_second(instance: &Path, settings: &[(&str, &str)]) -> u32 {
    let (state, service) = open(instance, &[settings, &[("REFRESH_REUSE_WINDOW", "0")]].concat()).await;
    let mut logins = JoinSet::new();
    for client in 0..CLIENTS {
        logins.spawn(sessions_of(service.clone(), client));
    }
    let clients = logins.join_all().await;
    let start = now();
    let mut running = JoinSet::new();
    for tokens in clients {
        running.spawn(refresh_until(service.clone(), tokens, start + MEASURED));
    }
    let done: u32 = running.join_all().await.into_iter().sum();
    state.close().await;
    done / u32::try_from(MEASURED.as_secs()).unwrap()
}

/// The refresh tokens of a client's sessions.
async fn sessions_of(service: App, client: usize) -> Vec<String> {
    let mut tokens = Vec::new();
    for path in ["/users/registration"].into_iter().chain(["/users/login"; SESSIONS_EACH - 1]) {
        let pair = log_in(&service, path, &format!("client{client}")).await;
        tokens.push(text(&pair, "refresh_token"));
    }
    tokens
}

/// Refreshes one session after the other until a moment; answers how often.
async fn refresh_until(service: App, mut tokens: Vec<String>, end: Instant) -> u32 {
    let mut done = 0;
    loop {
        for token in &mut tokens {
            if now() >= end {
                return done;
            }
            let request = with_token(Request::post("/users/refresh"), token);
            *token = text(&answer(&service, request).await, "refresh_token");
            done += 1;
        }
    }
}
