//! How long a start takes, from exec to the line that says ready, and what an idle service keeps in memory.
//!
//! Run by `scripts/bench start`. Two starts are measured: the very first, which makes the secret and the
//! database, and the next ones, which open what is there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark fails by panicking"
)]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const ROUNDS: usize = 30;

/// The goals of the design: 50 ms and 20 MB.
const READY_GOAL: Duration = Duration::from_millis(50);
const MEMORY_GOAL_KIB: u64 = 20_000;

fn main() {
    // `cargo test --benches` runs this too, and wants nothing measured.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let (mut first, mut again, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir().unwrap();
        for times in [&mut first, &mut again] {
            let (mut child, took) = start(folder.path());
            times.push(took);
            memory.push(resident_kib(&child));
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    println!(
        "{ROUNDS} starts of each kind, {} cores, release build",
        std::thread::available_parallelism().unwrap()
    );
    report_time("first start (makes secret and database)", &mut first);
    report_time("start (opens what is there)", &mut again);
    memory.sort_unstable();
    let worst = memory.last().copied().unwrap_or_default();
    println!(
        "idle resident memory: median {} KiB, worst {worst} KiB; goal {MEMORY_GOAL_KIB} KiB: {}",
        memory[memory.len() / 2],
        verdict(worst <= MEMORY_GOAL_KIB)
    );
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures by the machine's clock")]
fn start(instance: &Path) -> (Child, Duration) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.env_clear().args(["serve", "--listen", "127.0.0.1:0", "--instance"]).arg(instance);
    let began = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let took = began.elapsed();
    assert!(line.starts_with("portcullis is ready"), "{line}");
    (child, took)
}

/// `VmRSS` of the process, in KiB.
fn resident_kib(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn report_time(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let (least, median, worst) = (times[0], times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{what}: least {least:.1?}, median {median:.1?}, worst {worst:.1?}; goal {READY_GOAL:?}: {}",
        verdict(median <= READY_GOAL)
    );
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}
