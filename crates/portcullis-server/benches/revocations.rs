//! What the revocation list costs: memory, a look-up that finds nothing, loading it at a start, and a guarded request
//! with a million entries in it.
//!
//! Run by `scripts/bench revocations`. It needs 3 GB of disk below the system's folder for temporary files.

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

mod service;

use std::{fs, hint::black_box, path::Path, time::Duration};

use axum::{Router, http::Request};
use portcullis::{NumericDate, RevocationIndex};
use rusqlite::{Connection, params};
use service::{a_second, answer, log_in, now, open, text, with_token};
use tokio::task::JoinSet;

const MILLION: u32 = 1_000_000;

/// An end far away: the year 2100.
const FAR: i64 = 4_102_444_800;

/// How long ten million entries may take to load.
const LOAD_GOAL: Duration = Duration::from_secs(5);

fn main() {
    // `cargo test --benches` runs this too, and wants nothing measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    in_memory();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (empty, full) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    runtime.block_on(async {
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
    });
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
) -> (portcullis_server::state::AppState, Router) {
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
async fn guarded(without: &Router, with: &Router) {
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

async fn requests_a_second(service: &Router, token: &str) -> f64 {
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

/// Writes rows beside the program, which would take minutes for so many.
fn fill(instance: &Path, what: &str, range: std::ops::Range<u32>, insert: fn(&Connection, u32)) {
    let began = now();
    let mut file = Connection::open(instance.join("portcullis-testing.sqlite3")).unwrap();
    file.pragma_update(None, "synchronous", "OFF").unwrap();
    let transaction = file.transaction().unwrap();
    let count = range.len();
    range.for_each(|n| insert(&transaction, n));
    transaction.commit().unwrap();
    println!("  ({count} {what} written in {:.0?})", now() - began);
}

fn insert_token(file: &Connection, n: u32) {
    let insert = "INSERT INTO revoked_tokens (jti, expires_at, created_at) VALUES (?1, ?2, 0)";
    file.prepare_cached(insert).unwrap().execute(params![jti(n), FAR]).unwrap();
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

/// A jti of the usual length, in order, which a file takes in faster.
fn jti(n: u32) -> String {
    format!("{n:08x}-0000-4000-8000-{n:012x}")
}

/// What this process has in memory.
fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
