//! Refreshes a second, each a durable write: 64 clients, many sessions, no reuse window.
//!
//! Run by `scripts/bench refresh`. The clients call the service's router in this process, so that what is measured is
//! the service with all its layers and its store, and no client's socket. Beside it, in the same run and on the same disk,
//! what a commit alone takes: it says what the disk allows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark fails by panicking"
)]

use std::{
    ffi::OsString,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use http_body_util::BodyExt;
use portcullis::SystemClock;
use portcullis_server::{
    app,
    config::{self, Sources},
    state::AppState,
};
use rusqlite::Connection;
use tokio::task::JoinSet;
use tower::ServiceExt;

const CLIENTS: usize = 64;
const SESSIONS_EACH: usize = 16;
const MEASURED: Duration = Duration::from_secs(10);
const GOAL: u32 = 5000;

fn main() {
    // `cargo test --benches` runs this too, and wants nothing measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let commits = commits_a_second(folder.path());
    println!("one commit after another, synced: {commits} /s");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let refreshes = runtime.block_on(refreshes_a_second(folder.path()));
    let sessions = CLIENTS * SESSIONS_EACH;
    println!(
        "refreshes with a durable write, {CLIENTS} clients, {sessions} sessions: {refreshes} /s, {:.1} for a commit; goal {GOAL}: {}",
        f64::from(refreshes) / f64::from(commits.max(1)),
        if refreshes >= GOAL { "met" } else { "NOT MET" }
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

async fn refreshes_a_second(folder: &Path) -> u32 {
    let instance = folder.join("instance");
    let settings = [
        ("JWT_SECRET_KEY", "a secret of the bench, 32 bytes or more"),
        ("REFRESH_REUSE_WINDOW", "0"),
        ("PASSWORD_ARGON2_MEMORY_KIB", "8"),
        ("PASSWORD_ARGON2_PASSES", "1"),
        ("PASSWORD_QUEUE", "65536"),
    ];
    let sources = Sources {
        instance,
        profile: Some("testing".to_owned()),
        environment: settings
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .into_iter()
            .collect(),
        command_line: Vec::new(),
    };
    let (config, _) = config::load(&sources).unwrap();
    let state = AppState::open(&config, Arc::new(SystemClock)).await.unwrap();
    let service = app(state.clone());
    let mut logins = JoinSet::new();
    for client in 0..CLIENTS {
        logins.spawn(log_in(service.clone(), client));
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
async fn log_in(service: Router, client: usize) -> Vec<String> {
    let body = format!(r#"{{"username": "client{client}", "password": "password"}}"#);
    let mut tokens = Vec::new();
    for path in ["/users/registration"].into_iter().chain(["/users/login"; SESSIONS_EACH - 1]) {
        let request = Request::post(path).header(header::HOST, "bench");
        let request = request.header(header::CONTENT_TYPE, "application/json");
        tokens.push(refresh_token(&service, request.body(Body::from(body.clone())).unwrap()).await);
    }
    tokens
}

/// Refreshes one session after the other until a moment; answers how often.
async fn refresh_until(service: Router, mut tokens: Vec<String>, end: Instant) -> u32 {
    let mut done = 0;
    loop {
        for token in &mut tokens {
            if now() >= end {
                return done;
            }
            let request = Request::post("/users/refresh").header(header::HOST, "bench");
            let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            *token = refresh_token(&service, request.body(Body::empty()).unwrap()).await;
            done += 1;
        }
    }
}

async fn refresh_token(service: &Router, request: Request<Body>) -> String {
    let response = service.clone().oneshot(request).await.unwrap();
    assert!(matches!(response.status(), StatusCode::OK | StatusCode::CREATED), "{}", response.status());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    body["refresh_token"].as_str().unwrap().to_owned()
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures by the machine's clock")]
fn now() -> Instant {
    Instant::now()
}
