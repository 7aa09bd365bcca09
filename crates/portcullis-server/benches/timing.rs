//! Whether the time of a refused login tells anything: an unknown name, a wrong password, a disabled account, an account
//! with a cheap old hash and one with a damaged hash, 400 logins of each in turn, over HTTP. With each scheme of new
//! hashes, and with passwords that NFKC changes and that it does not, which may be different work.
//!
//! Run by `scripts/bench timing`. Every two of them are compared by the Mann-Whitney U test. Ends with 1 where two can be
//! told apart.

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

use std::{path::Path, process::ExitCode, time::Duration};

use harness::{client::Client, dice::Dice, now};
use rusqlite::Connection;
use serde_json::{Value, json};
use support::{Server, instance};

const LOGINS: usize = 400;
const WARM_UP: usize = 20;

/// The probability below which two kinds count as told apart. It is that of all comparisons together: Holm's correction.
const LEVEL: f64 = 0.01;

/// What the service is started with: one client may guess as often as it likes. Everything else is as by default, in the
/// production profile.
const SETTINGS: &[(&str, &str)] =
    &[("JWT_SECRET_KEY", "a secret of the bench, 32 bytes or more"), ("LIMITS", "off")];

/// How new passwords are hashed.
const SCHEMES: [&str; 2] = ["argon2id", "pbkdf2_sha256"];

/// What is said of how passwords are spelled, then the right one and another, all of one length.
const SPELLINGS: [(&str, [&str; 2]); 2] = [
    ("of ASCII", ["correct horse", "another horse"]),
    ("that NFKC changes", ["corre\u{301}ct hor", "anothe\u{301}r hor"]),
];

/// The kinds of refused logins: what is said of each, its user, which of the passwords, and what is done to the user's
/// row. Names are of one length.
const KINDS: [(&str, &str, usize, &str); 5] = [
    ("unknown name", "nobody", WRONG, ""),
    ("wrong password", "albert", WRONG, ""),
    ("disabled account, right password", "bertha", RIGHT, "disabled = 1"),
    ("cheap old hash, wrong password", "caesar", WRONG, CHEAP),
    ("damaged hash, once right password", "dagmar", RIGHT, "password = substr(password, 1, 40)"),
];

const RIGHT: usize = 0;
const WRONG: usize = 1;

/// By passlib, with its own number of rounds.
const CHEAP: &str = "password = \
    '$pbkdf2-sha256$29000$eu/dm5NSyllrjRGCkLLWGg$T4NU0eOL3w5Qoh4fEWZCF99rEKF/e2BFX2bucGVHxiY'";

fn main() -> ExitCode {
    // `cargo test --benches` runs this too, and wants nothing measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let cores = std::thread::available_parallelism().unwrap();
    println!("{LOGINS} refused logins of each kind, in turn and in any order, {cores} cores, release build");
    let mut all_the_same = true;
    for scheme in SCHEMES {
        for (spelled, passwords) in SPELLINGS {
            println!("{scheme}, passwords {spelled}:");
            all_the_same &= compare(&measured(scheme, passwords));
        }
    }
    if all_the_same { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// How long the logins of each kind took, which is printed.
fn measured(scheme: &str, passwords: [&str; 2]) -> Vec<Vec<Duration>> {
    let folder = instance("");
    let server = with_accounts(folder.path(), scheme, passwords[RIGHT]);
    let mut client = Client::of(&server.address);
    let mut times = vec![Vec::new(); KINDS.len()];
    let mut dice = Dice::of(1);
    for round in 0..WARM_UP + LOGINS {
        for kind in in_any_order(&mut dice) {
            let took = refused_login(&mut client, KINDS[kind], passwords);
            if round >= WARM_UP {
                times[kind].push(took);
            }
        }
    }
    for (kind, times) in KINDS.iter().zip(&times) {
        let mut sorted = times.clone();
        sorted.sort_unstable();
        let at = |part: usize| sorted[LOGINS * part / 100];
        println!("  {:34} median {:.2?} (10 % {:.2?}, 90 % {:.2?})", kind.0, at(50), at(10), at(90));
    }
    times
}

/// A service with an account for each kind: registered as anybody is, and changed where the service does not do that.
fn with_accounts(folder: &Path, scheme: &str, password: &str) -> Server {
    let settings = [SETTINGS, &[("PASSWORD_SCHEME", scheme)]].concat();
    let server = Server::start(folder, &[], &settings);
    let mut client = Client::of(&server.address);
    for (_, name, ..) in &KINDS[1..] {
        let body = json!({"username": name, "password": password});
        assert_eq!(client.post("/users/registration", &body).unwrap().status, 201);
    }
    server.signal("TERM");
    server.wait();
    let database = Connection::open(folder.join("portcullis.sqlite3")).unwrap();
    for (_, name, _, change) in KINDS.iter().filter(|kind| !kind.3.is_empty()) {
        let changed = database.execute(&format!("UPDATE users SET {change} WHERE username = ?1"), [name]);
        assert_eq!(changed.unwrap(), 1);
    }
    Server::start(folder, &[], &settings)
}

fn in_any_order(dice: &mut Dice) -> [usize; KINDS.len()] {
    let mut order = std::array::from_fn(|kind| kind);
    for last in (1..order.len()).rev() {
        order.swap(last, dice.below(last + 1));
    }
    order
}

fn refused_login(
    client: &mut Client,
    (what, name, password, _): (&str, &str, usize, &str),
    passwords: [&str; 2],
) -> Duration {
    let body: Value = json!({"username": name, "password": passwords[password]});
    let began = now();
    let reply = client.post("/users/login", &body).unwrap();
    let took = now() - began;
    assert_eq!(reply.status, 401, "{what}");
    took
}

/// Prints every comparison, and whether none tells two kinds apart.
fn compare(times: &[Vec<Duration>]) -> bool {
    let pairs = (0..KINDS.len()).flat_map(|one| (one + 1..KINDS.len()).map(move |other| (one, other)));
    let mut pairs: Vec<_> =
        pairs.map(|(one, other)| (p_value(&times[one], &times[other]), one, other)).collect();
    pairs.sort_by(|one, other| one.0.total_cmp(&other.0));
    println!(
        "Mann-Whitney U, two-sided, the {} pairs by their p; beside it the p by Holm, which is of all pairs together:",
        pairs.len()
    );
    let mut least: f64 = 0.0;
    let mut corrected = Vec::new();
    for (rank, (p, one, other)) in pairs.iter().enumerate() {
        let left = f64::from(u32::try_from(pairs.len() - rank).unwrap());
        least = least.max((p * left).min(1.0));
        corrected.push(least);
        println!("  p {p:.4}, {least:.4}: {} / {}", KINDS[*one].0, KINDS[*other].0);
    }
    let same = corrected.iter().all(|p| *p > LEVEL);
    let seen = shift_that_is_seen(&times[0], &times[1], pairs.len());
    println!("a difference of {seen:.2?} between two of them would have been seen");
    println!("they cannot be told apart at p > {LEVEL}: {}", if same { "holds" } else { "DOES NOT HOLD" });
    same
}

/// By how much one of two samples has to be later for the first step of Holm's correction to tell them apart: how fine
/// this run sees.
fn shift_that_is_seen(one: &[Duration], other: &[Duration], comparisons: usize) -> Duration {
    let level = LEVEL / f64::from(u32::try_from(comparisons).unwrap());
    let is_seen = |shift: &Duration| {
        let later: Vec<_> = other.iter().map(|time| *time + *shift).collect();
        p_value(one, &later) < level
    };
    // Up to a second, which every run sees.
    (0..100_000).map(|step| Duration::from_micros(10 * step)).find(is_seen).unwrap()
}

/// The two-sided p of the Mann-Whitney U test, by the normal distribution, with the corrections for ties and continuity.
fn p_value(one: &[Duration], other: &[Duration]) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap());
    let mut all: Vec<(Duration, bool)> = one.iter().map(|time| (*time, true)).collect();
    all.extend(other.iter().map(|time| (*time, false)));
    all.sort_unstable();
    let (n1, n2, n) = (number(one.len()), number(other.len()), number(all.len()));
    let (mut ranks_of_one, mut ties, mut before) = (0.0, 0.0, 0);
    for equal in all.chunk_by(|a, b| a.0 == b.0) {
        let count = number(equal.len());
        let rank = number(before) + f64::midpoint(count, 1.0);
        ranks_of_one += rank * number(equal.iter().filter(|(_, of_one)| *of_one).count());
        ties += count.powi(3) - count;
        before += equal.len();
    }
    let u = ranks_of_one - n1 * (n1 + 1.0) / 2.0;
    let variance = n1 * n2 / 12.0 * ((n + 1.0) - ties / (n * (n - 1.0)));
    let z = ((u - n1 * n2 / 2.0).abs() - 0.5).max(0.0) / variance.sqrt();
    twice_the_tail(z)
}

/// The probability that a standard normal value is further from zero than this (Abramowitz and Stegun 7.1.26).
fn twice_the_tail(z: f64) -> f64 {
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let terms = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let sum = terms.iter().fold(0.0, |sum, term| (sum + term) * t);
    sum * (-x * x).exp()
}
