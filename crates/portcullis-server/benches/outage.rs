//! A database that does not answer for 30 seconds under load, in three ways.
//!
//! Run by `scripts/bench outage`. Ends with 1 where a request waited too long, memory grew, or nobody came back.

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

use std::{process::ExitCode, time::Duration};

use harness::{
    outage::{Outage, run},
    secantus::Secantus,
};

const LENGTH: Duration = Duration::from_secs(30);
/// The store's two seconds, and what a request does besides.
const IN_TIME: Duration = Duration::from_millis(2500);

fn main() -> ExitCode {
    // `cargo test --benches` runs this too, and wants nothing measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let mut outages = vec![Outage::Locked];
    if Secantus::is_here() {
        outages.extend([Outage::Stopped, Outage::Killed]);
    } else {
        println!("SKIPPED: outages of a MongoDB; scripts/mongo cannot fetch a server to stop");
    }
    let mut all_hold = true;
    for outage in outages {
        let report = run(outage, LENGTH);
        let holds = report.holds(IN_TIME);
        println!("{report}: {}", if holds { "holds" } else { "DOES NOT HOLD" });
        report.during.odd.iter().take(5).for_each(|odd| println!("  {odd}"));
        all_hold &= holds;
    }
    if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
