//! What the running program is put through, by tests in short and by benches at length: kills, ends in order, outages, a full disk.
//!
//! Whoever includes this has a module `support` with `Server`, the program as a process.

#![allow(dead_code, reason = "each of those who include this uses a part of it")]

pub mod client;
pub mod dice;
pub mod kill;
mod ledger;
pub mod outage;
pub mod secantus;
pub mod stop;

use std::time::{Duration, Instant};

/// The machine's clock: what is measured here is real time.
#[expect(clippy::disallowed_methods, reason = "what is measured here is real time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Lets time pass: until a kill at a moment that nobody has chosen, or between two looks at another process.
#[expect(clippy::disallowed_methods, reason = "time itself is what is waited for")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// What a process has in memory, in KiB: `VmRSS`.
pub fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
