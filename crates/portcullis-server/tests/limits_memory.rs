//! What the limits keep of the machine's memory; alone in its process, since the process is what is measured.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test says what is wrong by failing")]

use std::{
    fs,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use portcullis::{Clock, ManualClock, NumericDate};
use portcullis_server::limits::{LimitRules, Limits, NamesRule, Per, Rate};

/// Memory of this process that is really there, in KiB.
fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_million_addresses_and_names_leave_memory_where_it_was() {
    // LOG-11: 64 MiB are asked for; the tables are 13 when every page of them is in use.
    const MOST_KIB: u64 = 16 * 1024;
    let rate = |burst, per| Rate::new(NonZeroU32::new(burst).unwrap(), NonZeroU32::MIN, per);
    let rules = LimitRules {
        login_by_address_and_name: rate(5, Per::Minute),
        login_by_address: rate(20, Per::Second),
        login_by_name: rate(30, Per::Minute),
        login_by_device: rate(5, Per::Minute),
        failed_names: NamesRule { most: 20, window: Duration::from_mins(10), block: Duration::from_mins(15) },
        registration: rate(3, Per::Hour),
        refresh_failures: rate(30, Per::Second),
    };
    let clock = ManualClock::at(NumericDate::from_seconds(0));
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let limits = Limits::new(&rules, &shared);
    let before = resident_kib();
    let (limits, passed, clock) = (&limits, &AtomicU64::new(0), &clock);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                for number in (thread..1_000_000_u32).step_by(4) {
                    let address = Some(IpAddr::from(Ipv6Addr::from_bits(u128::from(number) << 64)));
                    // A million in ten minutes.
                    clock.advance(Duration::from_micros(600));
                    if let Ok(attempt) = limits.login(address, &format!("user{number}")) {
                        attempt.failed();
                        passed.fetch_add(1, Ordering::Relaxed);
                    }
                    // Enough to have touched every page of the other tables too.
                    if number < 200_000 {
                        drop((limits.registration(address), limits.failed_refresh(address)));
                        drop(limits.login_of_device(&number.to_string()));
                    }
                }
            });
        }
    });
    let grown = resident_kib().saturating_sub(before);
    assert!(grown <= MOST_KIB, "{grown} KiB");
    // Each from an address and with a name of its own: hardly one shares both its buckets with too many others.
    assert!(passed.load(Ordering::Relaxed) > 999_900, "{passed:?}");
}
