//! The limits as they are by default, on a clock that stands still.

use std::sync::atomic::{AtomicU64, Ordering};

use portcullis::{ManualClock, NumericDate};

use super::*;
use crate::model::LoginName;

fn rate(burst: u32, more: u32, per: Per) -> Rate {
    Rate::new(NonZeroU32::new(burst).unwrap(), NonZeroU32::new(more).unwrap(), per)
}

fn limits() -> (Limits, ManualClock) {
    let rules = LimitRules {
        login_by_address_and_name: rate(5, 1, Per::Minute),
        login_by_address: rate(20, 20, Per::Minute),
        login_by_name: rate(30, 60, Per::Hour),
        login_by_device: rate(5, 1, Per::Minute),
        failed_names: NamesRule { most: 20, window: Duration::from_mins(10), block: Duration::from_mins(15) },
        registration: rate(3, 3, Per::Hour),
        refresh_failures: rate(30, 30, Per::Minute),
    };
    let clock = ManualClock::at(NumericDate::from_seconds(0));
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    (Limits::new(&rules, &shared), clock)
}

fn name(text: &str) -> String {
    LoginName::parse(text).unwrap().identity().to_owned()
}

fn address(text: &str) -> Option<IpAddr> {
    let address = text.parse().ok();
    assert!(address.is_some(), "{text}");
    address
}

/// Tries that are made and fail, until one is turned away: how many there were, and how long to wait.
fn failures<'l>(mut attempt: impl FnMut() -> Result<Attempt<'l>, Limited>) -> (usize, u64) {
    for count in 0..1000 {
        match attempt() {
            Ok(attempt) => {
                attempt.failed();
            }
            Err(Limited { retry_after, .. }) => return (count, retry_after.as_secs()),
        }
    }
    panic!("there is no limit");
}

#[test]
fn one_address_has_five_tries_at_a_name_and_one_more_a_minute() {
    let (limits, clock) = limits();
    let alice = || limits.login(address("192.0.2.1"), &name("alice"));
    assert_eq!(failures(alice), (5, 60));
    clock.advance(Duration::from_millis(59_500));
    assert_eq!(failures(alice), (0, 1));
    clock.advance(Duration::from_millis(500));
    assert_eq!(failures(alice), (1, 60));
    clock.advance(Duration::from_hours(24));
    assert_eq!(failures(alice), (5, 60));
    // Another name, and another address, have their own.
    assert_eq!(failures(|| limits.login(address("192.0.2.1"), &name("bob"))), (5, 60));
    assert_eq!(failures(|| limits.login(address("192.0.2.2"), &name("alice"))), (5, 60));
}

#[test]
fn one_address_has_twenty_tries_at_all_names() {
    let (limits, clock) = limits();
    let mut names = (0..).map(|number| name(&format!("user{}", number % 10)));
    let mut next = || limits.login(address("192.0.2.1"), &names.next().unwrap());
    assert_eq!(failures(&mut next), (20, 3));
    clock.advance(Duration::from_secs(3));
    assert_eq!(failures(&mut next), (1, 3));
    assert!(limits.login(address("192.0.2.2"), &name("user1")).is_ok());
}

#[test]
fn a_name_has_thirty_tries_from_all_addresses() {
    // LOG-08
    let (limits, clock) = limits();
    let mut addresses = (0..).map(|number| Some(IpAddr::from(Ipv4Addr::from_bits(number))));
    let mut next = || limits.login(addresses.next().unwrap(), &name("alice"));
    assert_eq!(failures(&mut next), (30, 60));
    clock.advance(Duration::from_mins(1));
    assert_eq!(failures(&mut next), (1, 60));
    assert!(limits.login(address("192.0.2.1"), &name("bob")).is_ok());
}

#[test]
fn spellings_that_are_one_name_are_one_to_the_limits() {
    let (limits, _clock) = limits();
    let mut spellings = ["alice", "ALICE", "ａｌｉｃｅ", "Alice", "aLICE", "Ａlice"].into_iter();
    let spelled = |text| limits.login(address("192.0.2.1"), &name(text));
    assert_eq!(failures(|| spelled(spellings.next().unwrap())), (5, 60));
    // What has no canonical form is its own spelling.
    assert_eq!(failures(|| spelled("two words")), (5, 60));
    assert!(spelled("Two words").is_ok());
}

#[test]
fn an_address_of_ipv6_is_its_network_and_one_of_ipv4_is_one_in_every_spelling() {
    // LOG-11
    let (limits, _clock) = limits();
    let mut hosts = 1_u64..;
    let in_network = || {
        let host = hosts.next().unwrap();
        limits.login(address(&format!("2001:db8:0:1::{host:x}")), &name("alice"))
    };
    assert_eq!(failures(in_network), (5, 60));
    assert!(limits.login(address("2001:db8:0:1:ffff:ffff:ffff:ffff"), &name("alice")).is_err());
    assert!(limits.login(address("2001:db8:0:2::1"), &name("alice")).is_ok());
    let mut mapped = ["192.0.2.1", "::ffff:192.0.2.1"].into_iter().cycle();
    assert_eq!(failures(|| limits.login(address(mapped.next().unwrap()), &name("alice"))), (5, 60));
}

#[test]
fn a_try_that_is_turned_away_takes_nothing_and_is_told_the_longest_wait() {
    let (limits, clock) = limits();
    let from = address("192.0.2.1");
    assert_eq!(failures(|| limits.login(from, &name("alice"))), (5, 60));
    for _ in 0..100 {
        assert!(limits.login(from, &name("alice")).is_err());
    }
    // Of the address's twenty fifteen are left, and of the name's thirty twenty-five.
    let mut others = (0..).map(|number| name(&format!("user{}", number % 10)));
    assert_eq!(failures(|| limits.login(from, &others.next().unwrap())), (15, 3));
    assert_eq!(failures(|| limits.login(from, &name("alice"))), (0, 60));
    let mut elsewhere = (0..).map(|number| Some(IpAddr::from(Ipv4Addr::from_bits(number))));
    assert_eq!(failures(|| limits.login(elsewhere.next().unwrap(), &name("alice"))), (25, 60));
    clock.advance(Duration::from_mins(1));
    assert!(limits.login(from, &name("alice")).is_ok());
}

#[test]
fn a_success_gives_back_its_own_and_no_more() {
    let (limits, _clock) = limits();
    let alice = || limits.login(address("192.0.2.1"), &name("alice"));
    for _ in 0..3 {
        assert_eq!(alice().unwrap().failed(), Failed::Counted);
    }
    for _ in 0..1000 {
        alice().unwrap().give_back();
    }
    assert_eq!(failures(alice), (2, 60));
    let (registered, _) = failures(|| limits.registration(address("192.0.2.1")));
    assert_eq!(registered, 3);
}

#[test]
fn a_device_that_is_known_has_a_lane_of_its_own() {
    // LOG-06
    let (limits, clock) = limits();
    let (home, alice) = (address("192.0.2.1"), name("alice"));
    let mut botnet = (0..).map(|number| Some(IpAddr::from(Ipv4Addr::from_bits(number))));
    failures(|| limits.login(botnet.next().unwrap(), &alice));
    let mut names = (0..).map(|number| name(&format!("user{number}")));
    failures(|| limits.login(home, &names.next().unwrap()));
    assert_eq!(failures(|| limits.login(home, &alice)), (0, 900));
    assert_eq!(failures(|| limits.login_of_device("laptop")), (5, 60));
    assert_eq!(failures(|| limits.login_of_device("phone")), (5, 60));
    clock.advance(Duration::from_mins(1));
    limits.login_of_device("laptop").unwrap().give_back();
    assert_eq!(failures(|| limits.login_of_device("laptop")), (1, 60));
}

#[test]
fn an_address_with_many_failed_names_is_blocked_and_others_are_not() {
    // LOG-07
    let (limits, clock) = limits();
    let sprayer = address("192.0.2.1");
    for number in 0..20 {
        let failed = limits.login(sprayer, &name(&format!("user{number}"))).unwrap().failed();
        assert_eq!(failed == Failed::AddressBlocked, number == 19);
    }
    assert_eq!(failures(|| limits.login(sprayer, &name("alice"))), (0, 900));
    clock.advance(Duration::from_secs(899));
    assert_eq!(failures(|| limits.login(sprayer, &name("alice"))), (0, 1));
    assert!(limits.login(address("192.0.2.2"), &name("alice")).is_ok());
    clock.advance(Duration::from_secs(1));
    assert!(limits.login(sprayer, &name("alice")).is_ok());
}

#[test]
fn names_that_get_in_block_nobody() {
    let (limits, _clock) = limits();
    for number in 0..200 {
        limits.login(address("192.0.2.1"), &name(&format!("user{number}"))).unwrap().give_back();
    }
}

#[test]
fn registrations_are_three_and_three_an_hour() {
    let (limits, clock) = limits();
    let register = || limits.registration(address("2001:db8::1"));
    assert_eq!(failures(register), (3, 1200));
    clock.advance(Duration::from_mins(20));
    assert_eq!(failures(register), (1, 1200));
    assert!(limits.registration(address("2001:db8:0:1::1")).is_ok());
}

#[test]
fn refreshes_are_counted_when_they_fail() {
    let (limits, clock) = limits();
    let from = address("192.0.2.1");
    for _ in 0..1000 {
        limits.refresh(from).unwrap();
    }
    assert_eq!(failures(|| limits.failed_refresh(from)), (30, 2));
    assert_eq!(limits.refresh(from).unwrap_err().retry_after.as_secs(), 2);
    clock.advance(Duration::from_secs(2));
    limits.refresh(from).unwrap();
    assert_eq!(failures(|| limits.failed_refresh(from)), (1, 2));
}

#[test]
fn a_hundred_guesses_at_once_are_five() {
    // LOG-10
    let (limits, _clock) = limits();
    let passed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let attempt = limits.login(address("192.0.2.1"), &name("alice"));
                    passed.fetch_add(u64::from(attempt.is_ok()), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(passed.into_inner(), 5);
}

#[test]
fn what_comes_from_no_address_comes_from_one() {
    let (limits, _clock) = limits();
    assert_eq!(failures(|| limits.login(None, &name("alice"))), (5, 60));
    assert!(limits.login(address("192.0.2.1"), &name("alice")).is_ok());
}

#[test]
fn what_is_turned_away_is_said_once_in_a_while() {
    // LOG-09
    let (limits, clock) = limits();
    let alice = || limits.login(None, &name("alice"));
    failures(alice);
    let said = |count| Some(Excess { what: "logins", count });
    assert!((0..100).all(|_| alice().err().unwrap().excess.is_none()));
    clock.advance(Duration::from_secs(10));
    assert_eq!(alice().err().unwrap().excess, said(101));
    // Another kind speaks for itself.
    failures(|| limits.registration(None));
    assert!(limits.registration(None).err().unwrap().excess.is_none());
}

#[test]
fn limits_that_are_off_limit_nothing() {
    let limits = Limits::off();
    let from = address("192.0.2.1");
    for number in 0..1000 {
        limits.login(from, &name(&format!("user{}", number % 30))).unwrap().failed();
        drop((limits.login_of_device("laptop").unwrap(), limits.registration(from).unwrap()));
        drop(limits.failed_refresh(from).unwrap());
    }
    limits.refresh(from).unwrap();
}
