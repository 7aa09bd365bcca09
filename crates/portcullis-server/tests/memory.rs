//! What the hash workers keep of the machine's memory; alone in its process, since the process is what is measured.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a test says what is wrong by failing"
)]

use std::{fs, num::NonZero, sync::Arc, time::Duration};

use portcullis::{Clock, SystemClock};
use portcullis_server::{
    model::Password,
    passwords::{HashCapacity, HashCost, Passwords, Scheme, Upgrade},
};

/// Memory of this process that is really there, in KiB.
fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn a_worker_without_work_gives_its_memory_back_and_takes_it_again() {
    const MIB: u64 = 1024;
    let cost = HashCost { memory_kib: 19 * 1024, passes: 1 };
    let capacity = HashCapacity { workers: NonZero::<usize>::MIN, queue: 1, idle: Duration::from_secs(1) };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let passwords = Passwords::start(Scheme::Argon2id(cost), Upgrade::Never, capacity, &clock);
    let before = resident_kib();
    // Three times: an allocator may learn to keep what was freed.
    for _ in 0..3 {
        passwords.hash(Password::parse("x").unwrap()).await.unwrap();
        assert!(resident_kib() > before + 12 * MIB, "kept for the next hash");
        let mut wait = tokio::time::interval(Duration::from_millis(20));
        let given_back = tokio::time::timeout(Duration::from_secs(20), async {
            while resident_kib() > before + 8 * MIB {
                wait.tick().await;
            }
        });
        given_back.await.expect("the memory is given back");
    }
}
