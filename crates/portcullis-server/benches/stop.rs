//! SIGTERM, a hundred times, at 500 requests a second: whether every request that was accepted is answered.
//!
//! Run by `scripts/bench stop [--rounds N] [--seed S]`. Ends with 1 where one was not, or the program did not end in
//! order.

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

use std::process::ExitCode;

fn main() -> ExitCode {
    // `cargo test --benches` runs this too, and wants nothing measured.
    let arguments: Vec<String> = std::env::args().collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let number = |name: &str| {
        let value = arguments.iter().skip_while(|argument| *argument != name).nth(1)?;
        Some(value.parse::<u64>().unwrap_or_else(|_| panic!("{name} takes a number, not {value}")))
    };
    let rounds = usize::try_from(number("--rounds").unwrap_or(100)).unwrap();
    let report = harness::stop::run(rounds, number("--seed").unwrap_or(1));
    report.faults.iter().for_each(|fault| println!("{fault}"));
    println!("{report}: {}", if report.faults.is_empty() { "holds" } else { "DOES NOT HOLD" });
    if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
