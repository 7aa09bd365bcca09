//! What HTTP costs: our two test resources beside bare axum handlers and beside the Flask application, under wrk.
//!
//! Run by `scripts/bench http`. Every server is a process of its own, with wrk beside it on the same machine; they have
//! their turns one after the other, each first as often as last. Ends with 1 where the goal is missed.

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

#[path = "http/bare.rs"]
mod bare;
#[path = "http/flask.rs"]
mod flask;
#[path = "../tests/harness/mod.rs"]
mod harness;
#[path = "service/revoked.rs"]
mod revoked;
#[path = "../tests/api/support/process.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod support;
#[path = "http/wrk.rs"]
mod wrk;

use std::{process::ExitCode, thread};

use harness::client::Client;
use serde_json::json;
use support::{Server, instance};

use self::{
    bare::Bare,
    flask::Flask,
    wrk::{Load, Measured},
};

/// What the service is started with. Everything else is as by default, in the production profile.
const SETTINGS: &[(&str, &str)] = &[("JWT_SECRET_KEY", SECRET)];
const SECRET: &str = "a secret of the bench, 32 bytes or more";

/// The database of the production profile.
const DATABASE: &str = "portcullis.sqlite3";
const REVOKED: u32 = 1_000_000;

/// How often each has its turn, after one that does not count.
const TURNS: usize = 11;

/// Of what a bare handler does that answers the same.
const GOAL: f64 = 0.80;

/// One of those that have turns.
struct Side {
    name: &'static str,
    load: Load,
    turns: Vec<Measured>,
}

fn main() -> ExitCode {
    if let Some(code) = bare::serve_if_asked() {
        return code;
    }
    // `cargo test --benches` runs this too, and wants nothing measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let folder = instance("");
    let server = started(folder.path());
    let token = register(&server.address);
    drop(server);
    revoked::fill(&folder.path().join(DATABASE), 0..REVOKED, revoked::insert_token);
    let server = started(folder.path());
    let same = bare::answer_of(&server.address, "/tests/secret", &token);
    let (hello, alike) = (Bare::hello(), Bare::answering(&same));
    bare::assert_alike(&same, &bare::answer_of(&alike.address, "/tests/secret", &token));
    let ours = |path| Load::of(server.id(), &server.address, path);
    let mut sides = vec![
        Side::new("bare axum, hello", Load::of(hello.id(), &hello.address, "/tests/hello")),
        Side::new("ours, GET /tests/hello", ours("/tests/hello")),
        Side::new(ALIKE, Load::of(alike.id(), &alike.address, "/tests/secret").token(&token)),
        Side::new(SECRET_ROUTE, ours("/tests/secret").token(&token)),
    ];
    let flask = Flask::start(SECRET);
    if let Some(flask) = &flask {
        let load = Load::of(flask.id(), &flask.address, "/tests/secret").token(&flask.token);
        sides.push(Side::new("Flask under gunicorn, GET /tests/secret", load));
    }
    println!(
        "{} cores, wrk with {} connections on the same, {TURNS} turns of {:?} each, release build",
        thread::available_parallelism().unwrap(),
        wrk::CONNECTIONS,
        wrk::TURN
    );
    take_turns(&mut sides);
    report(&sides)
}

const ALIKE: &str = "bare axum, the same answer to the same request";
const SECRET_ROUTE: &str = "ours, GET /tests/secret with 1 000 000 revoked tokens";

fn started(folder: &std::path::Path) -> Server {
    Server::start(folder, &[], SETTINGS)
}

/// Registers somebody: an access token.
fn register(address: &str) -> String {
    let body = json!({"username": "somebody", "password": "correct horse"});
    let reply = Client::of(address).post("/users/registration", &body).unwrap();
    assert_eq!(reply.status, 201);
    reply.text("access_token")
}

fn take_turns(sides: &mut [Side]) {
    for side in sides.iter() {
        side.load.run();
    }
    for turn in 0..TURNS {
        // Who is first changes: what the machine does meanwhile hits all.
        let first = turn % sides.len();
        let (later, sooner) = sides.split_at_mut(first);
        for side in sooner.iter_mut().chain(later) {
            side.turns.push(side.load.run());
        }
    }
}

impl Side {
    fn new(name: &'static str, load: Load) -> Self {
        Self { name, load, turns: Vec::new() }
    }

    fn median(&self, of: impl Fn(&Measured) -> f64) -> f64 {
        let mut all: Vec<f64> = self.turns.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    }
}

fn report(sides: &[Side]) -> ExitCode {
    for side in sides {
        let (rate, processor) = (side.median(|turn| turn.a_second), side.median(Measured::processor_us));
        let (p50, p99) = (side.median(|turn| turn.p50_us), side.median(|turn| turn.p99_us));
        println!(
            "{}: {rate:.0} /s; p50 {p50:.0} µs, p99 {p99:.0} µs; {processor:.2} µs of the processor a request",
            side.name
        );
    }
    let find = |name: &str| sides.iter().find(|side| side.name == name).unwrap();
    let (alike, secret) = (find(ALIKE), find(SECRET_ROUTE));
    let ratio = ratios(alike, secret, |turn| turn.a_second);
    let processor = ratios(secret, alike, Measured::processor_us);
    println!(
        "GET /tests/secret / a bare handler with the same answer: {ratio}; of the server's own processor time \
         (the bare one's / ours): {processor}"
    );
    println!("GET /tests/hello / a bare hello: {}", ratios(&sides[0], &sides[1], |turn| turn.a_second));
    if let Some(flask) = sides.get(4) {
        println!("GET /tests/secret / Flask's: {}", ratios(flask, secret, |turn| turn.a_second));
    }
    let met = ratio.median >= GOAL;
    println!("goal {GOAL} of a bare handler with the same answer: {}", if met { "met" } else { "MISSED" });
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The second's figures over the first's, turn by turn.
fn ratios(one: &Side, other: &Side, of: impl Fn(&Measured) -> f64) -> Ratio {
    let mut all: Vec<f64> =
        one.turns.iter().zip(&other.turns).map(|(one, other)| of(other) / of(one)).collect();
    all.sort_by(f64::total_cmp);
    Ratio { median: all[TURNS / 2], low: all[TURNS / 10], high: all[TURNS * 9 / 10] }
}

struct Ratio {
    median: f64,
    low: f64,
    high: f64,
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3} ({:.3} to {:.3})", self.median, self.low, self.high)
    }
}
