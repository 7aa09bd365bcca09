//! kill -9 under load, for as many rounds as one likes: what was acknowledged is there after the restart, and what was
//! ended stays so.
//!
//! Run by `scripts/bench kill`. Ends with 1 where something does not hold, and says with which seed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    unreachable_pub,
    reason = "a benchmark fails by panicking"
)]

#[path = "../tests/harness/mod.rs"]
mod harness;
#[path = "../tests/api/support/process.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod support;

use std::{process::ExitCode, time::Duration};

use harness::kill::{self, Plan, StoreKind};

fn main() -> ExitCode {
    // `cargo test --benches` runs this too, and wants nothing measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let plan = Plan {
        rounds: option("--rounds").map_or(20, |rounds| rounds.parse().expect("--rounds is a number")),
        seed: option("--seed").map_or_else(from_the_clock, |seed| seed.parse().expect("--seed is a number")),
        store: match option("--store").as_deref() {
            None | Some("sqlite") => StoreKind::Sqlite,
            Some("mongo") => StoreKind::Mongo,
            Some(other) => panic!("--store is sqlite or mongo, not {other}"),
        },
        rounds_of_a_life: 25,
        longest: Duration::from_secs(2),
    };
    println!("seed {}", plan.seed);
    let report = kill::run(&plan, |so_far| eprintln!("{so_far}"));
    println!("{report}");
    for (name, count) in &report.facts {
        println!("{count:>9} {name}");
    }
    if report.violations.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("VIOLATED, with the seed {}", plan.seed);
    for violation in &report.violations {
        println!("{:?}: {}", violation.kind, violation.what);
    }
    ExitCode::FAILURE
}

/// The value behind an option's name.
fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

#[expect(clippy::disallowed_methods, reason = "any seed will do, and it is printed")]
fn from_the_clock() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_nanos() % u128::from(u32::MAX)).unwrap()
}
