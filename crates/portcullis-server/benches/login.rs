//! Logins: how many a second beside what the bare hash allows, and what a storm of them does to everybody else.
//!
//! Run by `scripts/bench login`. The service is the built program behind a socket; its clients and the bare hash run in
//! this process, so that all of them share the machine. Ends with 1 where a goal is missed.

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

#[path = "../tests/harness/mod.rs"]
mod harness;
#[path = "../tests/api/support/process.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod support;

use std::{
    fs,
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use harness::{client::Client, now, pause, resident_kib};
use serde_json::{Value, json};
use support::{Server, instance};

/// What the service is started with: one client may log in as often as it likes. Everything else is as by default, in the
/// production profile.
const SETTINGS: &[(&str, &str)] =
    &[("JWT_SECRET_KEY", "a secret of the bench, 32 bytes or more"), ("LIMITS", "off")];

const PASSWORD: &str = "correct horse";
/// So many that nobody has too many sessions: a service where each login ends another session is no usual one.
const USERS: usize = 512;

/// Of the throughput: how often each side has its turn, and for how long.
const TURNS: usize = 15;
const TURN: Duration = Duration::from_secs(2);
/// More clients than workers, so that one is always waiting.
const CLIENTS: usize = 8;
const THROUGHPUT_GOAL: f64 = 0.95;

/// Of the storm: how many times what the workers can do is sent, and how long quiet and storm last in turn.
const TIMES: f64 = 10.0;
const ROUNDS: usize = 6;
const LENGTH: Duration = Duration::from_secs(5);
/// Enough connections that a login is sent when it is due: the queue's 64, the workers, and those on their way.
const STORM_CLIENTS: usize = 160;
const GUARDED_A_SECOND: f64 = 500.0;
const GUARDED_CLIENTS: usize = 8;
const LATENCY_GOAL: f64 = 3.0;
/// "At once", for a client on a machine whose cores all hash.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Of the memory: what one hash has, and what a storm may take beside it.
const HASH_KIB: u64 = 19_456;
const BESIDE_KIB: u64 = 64 * 1024;

fn main() -> ExitCode {
    // `cargo test --benches` runs this too, and wants nothing measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let workers = thread::available_parallelism().unwrap().get();
    println!(
        "{workers} cores and as many hash workers, argon2id with {HASH_KIB} KiB and 2 passes, release build"
    );
    let folder = instance("");
    let server = Server::start(folder.path(), &[], SETTINGS);
    let base = resident_kib(server.id());
    let token = register(&server.address);
    let (capacity, fast) = throughput(&server.address, workers);
    let steady = storm(&server.address, &token, capacity * TIMES);
    let small = memory(&server, base, workers);
    if fast && steady && small { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Registers everybody, and somebody who logs in no more: an access token of that one.
fn register(address: &str) -> String {
    let register = |body: &Value| {
        let reply = Client::of(address).post("/users/registration", body).unwrap();
        assert_eq!(reply.status, 201);
        reply.text("access_token")
    };
    (0..USERS).for_each(|user| drop(register(&credentials(user))));
    register(&json!({"username": "somebody", "password": PASSWORD}))
}

fn credentials(user: usize) -> Value {
    json!({"username": format!("user{}", user % USERS), "password": PASSWORD})
}

/// Logins a second beside bare hashes a second, in turn; whether the goal is met.
fn throughput(address: &str, workers: usize) -> (f64, bool) {
    let (mut ratios, mut all_logins, mut all_hashes) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..TURNS {
        // Who is first changes: what the machine does meanwhile hits both.
        let (logins, hashes) = if turn % 2 == 0 {
            let logins = logins_a_second(address);
            (logins, hashes_a_second(workers))
        } else {
            let hashes = hashes_a_second(workers);
            (logins_a_second(address), hashes)
        };
        ratios.push(logins / hashes);
        all_logins.push(logins);
        all_hashes.push(hashes);
    }
    for figures in [&mut ratios, &mut all_logins, &mut all_hashes] {
        figures.sort_by(f64::total_cmp);
    }
    let (ratio, met) = (median(&ratios), median(&ratios) >= THROUGHPUT_GOAL);
    println!(
        "logins over HTTP, {CLIENTS} clients: {:.1} /s; the bare hash on {workers} threads: {:.1} /s; ratio {ratio:.3} \
         ({:.3} to {:.3} of {TURNS} turns of {TURN:?}); goal {THROUGHPUT_GOAL}: {}",
        median(&all_logins),
        median(&all_hashes),
        ratios[TURNS / 10],
        ratios[TURNS * 9 / 10],
        verdict(met)
    );
    (median(&all_logins), met)
}

fn logins_a_second(address: &str) -> f64 {
    let began = now();
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let done = &done;
            scope.spawn(move || {
                let mut client = Client::of(address);
                for turn in 0.. {
                    let reply = client.post("/users/login", &credentials(number + CLIENTS * turn)).unwrap();
                    assert_eq!(reply.status, 200);
                    if now() >= began + TURN {
                        return;
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    number(done.into_inner()) / TURN.as_secs_f64()
}

/// What the hash alone does: as many threads as workers, each with memory that it uses again.
fn hashes_a_second(workers: usize) -> f64 {
    let began = now();
    let done = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                // As the service's own workers are, so that what else the machine does hits both alike.
                rustix::process::nice(19).unwrap();
                let params = Params::new(19_456, 2, 1, Some(32)).unwrap();
                let mut memory = vec![Block::new(); params.block_count()];
                let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
                let mut output = [0; 32];
                loop {
                    let salt = [7; 16];
                    let (password, memory) = (PASSWORD.as_bytes(), memory.as_mut_slice());
                    argon2.hash_password_into_with_memory(password, &salt, &mut output, memory).unwrap();
                    if now() >= began + TURN {
                        return;
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    number(done.into_inner()) / TURN.as_secs_f64()
}

/// What came of the logins of a storm.
#[derive(Default)]
struct Stormed {
    done: usize,
    turned_away: Vec<Duration>,
}

/// Guarded requests when it is quiet and under a storm, in turn; whether the goals are met.
fn storm(address: &str, token: &str, a_second: f64) -> bool {
    let (mut quiet, mut stormy, mut logins) = (Vec::new(), Vec::new(), Stormed::default());
    for _ in 0..ROUNDS {
        quiet.extend(guarded(address, token));
        let (took, of_round) = thread::scope(|scope| {
            let storm = scope.spawn(|| storm_of_logins(address, a_second));
            let took = guarded(address, token);
            (took, storm.join().unwrap())
        });
        stormy.extend(took);
        logins.done += of_round.done;
        logins.turned_away.extend(of_round.turned_away);
    }
    for times in [&mut quiet, &mut stormy, &mut logins.turned_away] {
        times.sort_unstable();
    }
    let at = |times: &[Duration], part: usize| times[times.len() * part / 1000];
    let show = |times: &[Duration]| {
        format!(
            "p50 {:.2?}, p99 {:.2?}, worst {:.2?}",
            at(times, 500),
            at(times, 990),
            times[times.len() - 1]
        )
    };
    let ratio = at(&stormy, 990).as_secs_f64() / at(&quiet, 990).as_secs_f64();
    println!("GET /tests/secret, {GUARDED_A_SECOND} /s, each when it is due, quiet: {}", show(&quiet));
    println!("  under a storm of {a_second:.0} logins/s: {}", show(&stormy));
    let steady = ratio <= LATENCY_GOAL;
    println!("  p99 under the storm / quiet: {ratio:.2}; goal at most {LATENCY_GOAL}: {}", verdict(steady));
    let away = &logins.turned_away;
    let soon = at(away, 990) <= AT_ONCE;
    println!(
        "of the storm {} logins were done and {} answered 503 with Retry-After: {}; goal for p99 {AT_ONCE:?}: {}",
        logins.done,
        away.len(),
        show(away),
        verdict(soon)
    );
    steady && soon
}

/// Guarded requests at their rate: from when each was due to its answer.
fn guarded(address: &str, token: &str) -> Vec<Duration> {
    at_a_rate(GUARDED_A_SECOND, GUARDED_CLIENTS, address, |client, due| {
        let reply = client.get("/tests/secret", token).unwrap();
        assert_eq!(reply.status, 200);
        now() - due
    })
}

/// Logins at their rate.
fn storm_of_logins(address: &str, a_second: f64) -> Stormed {
    let next = AtomicUsize::new(0);
    let answers = at_a_rate(a_second, STORM_CLIENTS, address, |client, due| {
        let sent = now().max(due);
        let user = next.fetch_add(1, Ordering::Relaxed);
        let reply = client.post("/users/login", &credentials(user)).unwrap();
        assert!(reply.status == 200 || (reply.status == 503 && reply.retry_after), "{}", reply.status);
        (reply.status, now() - sent)
    });
    let (done, turned_away): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.0 == 200);
    Stormed { done: done.len(), turned_away: turned_away.into_iter().map(|answer| answer.1).collect() }
}

/// An open loop: requests are sent when they are due, by whichever client is free, however long those before take.
fn at_a_rate<T: Send>(
    a_second: f64,
    clients: usize,
    address: &str,
    request: impl Fn(&mut Client, Instant) -> T + Sync,
) -> Vec<T> {
    let (began, next) = (now(), AtomicUsize::new(0));
    let work = || {
        let (mut client, mut answers) = (Client::of(address), Vec::new());
        loop {
            let due = Duration::from_secs_f64(number(next.fetch_add(1, Ordering::Relaxed)) / a_second);
            if due >= LENGTH {
                return answers;
            }
            pause((began + due).saturating_duration_since(now()));
            answers.push(request(&mut client, began + due));
        }
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..clients).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

/// The most that the process ever had in memory; whether that is within the goal.
fn memory(server: &Server, base: u64, workers: usize) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    let goal = base + u64::try_from(workers).unwrap() * HASH_KIB + BESIDE_KIB;
    println!(
        "resident memory: {base} KiB when started, {peak} KiB at most; goal {goal} KiB: {}",
        verdict(peak <= goal)
    );
    peak <= goal
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}
