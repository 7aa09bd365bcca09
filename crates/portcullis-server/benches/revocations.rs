//! What the revocation list costs: memory, a look-up that finds nothing, loading it at a start, and a guarded request
//! with a million entries in it.
//!
//! Run by `scripts/bench revocations`. It needs 3 GB of disk below the system's folder for temporary files. With
//! `--store mongo` a million entries are loaded from MongoDB, beside the driver's cursor alone in the same run.

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
#[path = "service/revoked.rs"]
mod revoked;
mod service;
#[cfg(feature = "mongo")]
#[path = "../tests/api/support/process.rs"]
#[expect(dead_code, reason = "the tests use it")]
mod support;

use std::{fs, hint::black_box, path::Path, time::Duration};

use axum::http::Request;
use portcullis::{NumericDate, RevocationIndex};
use portcullis_server::App;
use revoked::{FAR, insert_token, jti};
use rusqlite::{Connection, params};
use service::{a_second, answer, log_in, now, open, text, with_token};
use tokio::task::JoinSet;

const MILLION: u32 = 1_000_000;

/// How long ten million entries may take to load.
const LOAD_GOAL: Duration = Duration::from_secs(5);

fn main() {
    // `cargo test --benches` runs this too, and wants nothing measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match std::env::args().skip_while(|argument| argument != "--store").nth(1).as_deref() {
        None | Some("sqlite") => {
            in_memory();
            runtime.block_on(on_sqlite());
        }
        #[cfg(feature = "mongo")]
        // A task, as the service's reading is one.
        Some("mongo") => runtime.block_on(runtime.spawn(on_mongo())).unwrap(),
        Some(other) => panic!("--store is sqlite or mongo, not {other}"),
    }
}

async fn on_sqlite() {
    let (empty, full) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (none, without) = open(empty.path(), &[]).await;
    let (some, _) = open(full.path(), &[]).await;
    some.close().await;
    drop(some);
    fill(full.path(), "revoked tokens", 0..MILLION, insert_token);
    let (some, with) = load(full.path(), "1 000 000 revoked tokens", None).await;
    guarded(&without, &with).await;
    none.close().await;
    some.close().await;
    drop((none, some));
    fill(full.path(), "ended sessions", 0..MILLION, insert_session);
    load(full.path(), "1 000 000 revoked tokens and as many ended sessions", None).await.0.close().await;
    fill(full.path(), "revoked tokens", MILLION..9 * MILLION, insert_token);
    load(full.path(), "10 000 000 of both", Some(LOAD_GOAL)).await.0.close().await;
}

/// A start with a million entries in MongoDB, and the driver's cursor alone over the same fields, in turn.
#[cfg(feature = "mongo")]
async fn on_mongo() {
    use mongodb::{
        Client, Collection,
        bson::{DateTime, Document, doc},
    };
    use portcullis_server::store::BATCH;
    const AT_ONCE: u32 = 10_000;
    const TURNS: usize = 5;
    let server = harness::secantus::Secantus::start();
    let (uri, folder) = (server.uri("bench"), tempfile::tempdir().unwrap());
    let (state, _) = open(folder.path(), &[("MONGO_URI", &uri)]).await;
    state.close().await;
    let tokens: Collection<Document> =
        Client::with_uri_str(&uri).await.unwrap().database("bench").collection("revoked_tokens");
    let began = now();
    for first in (0..MILLION).step_by(AT_ONCE as usize) {
        let at = DateTime::now();
        let far = DateTime::from_millis(FAR * 1000);
        let some = (first..first + AT_ONCE)
            .map(|n| doc! { "jti": jti(n), "created_at": at, "at": at, "expires_at": far });
        tokens.insert_many(some).await.unwrap();
    }
    println!("  ({MILLION} revoked tokens written in {:.0?})", now() - began);
    let (mut cursors, mut starts) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let began = now();
        let fields = doc! { "jti": 1, "expires_at": 1, "for_flask": 1, "at": 1 };
        let mut cursor =
            tokens.find(doc! {}).projection(fields).batch_size(BATCH.try_into().unwrap()).await.unwrap();
        let mut read = 0;
        while cursor.advance().await.unwrap() {
            read += black_box(cursor.current()).get_str("jti").map(|_| 1_u32).unwrap();
        }
        assert_eq!(read, MILLION);
        cursors.push(now() - began);
        let began = now();
        open(folder.path(), &[("MONGO_URI", &uri)]).await.0.close().await;
        starts.push(now() - began);
    }
    cursors.sort_unstable();
    starts.sort_unstable();
    let (cursor, start) = (cursors[TURNS / 2], starts[TURNS / 2]);
    println!(
        "a start with 1 000 000 revoked tokens in MongoDB: {start:.2?}, the driver's cursor alone {cursor:.2?}; ratio {:.2}",
        start.as_secs_f64() / cursor.as_secs_f64()
    );
}

/// The index alone, filled in one go.
fn in_memory() {
    let index = RevocationIndex::new();
    let before = resident_bytes();
    let mut noted = 0;
    for count in [MILLION, 10 * MILLION] {
        for n in noted..count {
            index.revoke_token(&jti(n), Some(NumericDate::from_seconds(FAR)));
        }
        noted = count;
        // Few enough to stay in the nearest cache: what is measured is the look-up. The first ones end a growth that is
        // under way.
        let absent: Vec<_> = (0..4096).map(|n| jti(n + 100 * MILLION)).collect();
        assert!(absent.iter().all(|jti| !index.is_token_revoked(jti)));
        let bytes = (resident_bytes() - before) / u64::from(count);
        let began = now();
        for _ in 0..500 {
            for jti in &absent {
                black_box(index.is_token_revoked(black_box(jti)));
            }
        }
        let a_miss = (now() - began) / (500 * 4096);
        println!(
            "{count} entries in memory: {bytes} bytes of the process each, {a_miss:?} a look-up that finds nothing"
        );
    }
}

/// Opens a service on a folder, and prints how long that takes.
async fn load(
    instance: &Path,
    what: &str,
    goal: Option<Duration>,
) -> (portcullis_server::state::AppState, App) {
    let before = resident_bytes();
    let began = now();
    let opened = open(instance, &[]).await;
    let took = now() - began;
    let mib = (resident_bytes().saturating_sub(before)) >> 20;
    let verdict = match goal {
        Some(goal) if took <= goal => format!("; goal {goal:?}: met"),
        Some(goal) => format!("; goal {goal:?}: MISSED"),
        None => String::new(),
    };
    println!("a start with {what}: {took:.2?}, {mib} MiB more{verdict}");
    opened
}

/// A guarded request without entries and with a million, in turn.
async fn guarded(without: &App, with: &App) {
    const TURNS: usize = 40;
    let mut ratios = Vec::new();
    let mut tokens = Vec::new();
    for service in [without, with] {
        tokens.push(text(&log_in(service, "/users/registration", "somebody").await, "access_token"));
    }
    let (mut all_without, mut all_with) = (0.0, 0.0);
    for turn in 0..TURNS {
        // Who is first changes: what the machine does meanwhile hits both.
        let (mut one, mut other) = (0.0, 0.0);
        for first in [turn % 2 == 0, turn % 2 != 0] {
            if first {
                one = requests_a_second(without, &tokens[0]).await;
            } else {
                other = requests_a_second(with, &tokens[1]).await;
            }
        }
        ratios.push(other / one);
        (all_without, all_with) = (all_without + one, all_with + other);
    }
    ratios.sort_by(f64::total_cmp);
    let turns = f64::from(u32::try_from(TURNS).unwrap());
    println!(
        "GET /tests/secret: {:.0} /s without entries, {:.0} /s with 1 000 000; ratio {:.3} ({:.3} to {:.3})",
        all_without / turns,
        all_with / turns,
        ratios[TURNS / 2],
        ratios[TURNS / 10],
        ratios[TURNS * 9 / 10],
    );
}

async fn requests_a_second(service: &App, token: &str) -> f64 {
    const SLICE: Duration = Duration::from_millis(100);
    let began = now();
    let mut clients = JoinSet::new();
    for _ in 0..2 {
        let (service, token) = (service.clone(), token.to_owned());
        clients.spawn(async move {
            let mut done = 0;
            while now() < began + SLICE {
                answer(&service, with_token(Request::get("/tests/secret"), &token)).await;
                done += 1;
            }
            done
        });
    }
    let done = clients.join_all().await.into_iter().sum();
    a_second(done, now() - began)
}

/// Writes rows, and says how long that took.
fn fill(instance: &Path, what: &str, range: std::ops::Range<u32>, insert: fn(&Connection, u32)) {
    let (began, count) = (now(), range.len());
    revoked::fill(&instance.join("portcullis-testing.sqlite3"), range, insert);
    println!("  ({count} {what} written in {:.0?})", now() - began);
}

fn insert_session(file: &Connection, n: u32) {
    if n == 0 {
        let user =
            "INSERT INTO users (id, username, password, access, created_at) VALUES ('u', 'u', 'h', 1, 0)";
        file.execute(user, []).unwrap();
    }
    let insert = "INSERT INTO sessions (id, user_id, epoch, generation, refresh_jti, access_jti, made_at, issued_at, \
                  access_expires_at, refresh_expires_at, fresh, seen, opened_at, last_used, ends_at, ended_at, end_reason, \
                  remembered_until) VALUES (?1, 'u', 0, 1, ?2, ?2, 0, 0, ?3, ?3, 0, 0, 0, 0, ?3, 0, 'logged_out', ?3)";
    let id = format!("{n:022}");
    file.prepare_cached(insert).unwrap().execute(params![id, jti(n), FAR]).unwrap();
}

/// What this process has in memory.
fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
