//! The revocation list.

use std::sync::Arc;

use portcullis::NumericDate;
use portcullis_server::{
    model::Revocation,
    store::{Expired, Store},
};
use tokio::task::JoinSet;

use crate::backend::{Backend, all_revoked, moment, revoke, revoked_jtis, token};

/// Thirty million years, in seconds: every backend has dates for that.
const EON: i64 = 1_000_000_000_000_000;

pub(crate) async fn a_revocation_survives_a_restart<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    revoke(&*store, "jti-1", Some(2_000_000_000)).await;
    store.close().await;

    let store = place.open().await;
    assert_eq!(all_revoked(&*store).await, [token("jti-1", Some(2_000_000_000))]);
}

pub(crate) async fn revoking_again_changes_nothing<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    revoke(&*store, "short", Some(100)).await;
    revoke(&*store, "for good", None).await;
    revoke(&*store, "short", Some(100)).await;
    store.close().await;

    let store = place.open().await;
    let expected = [token("for good", None), token("short", Some(100))];
    assert_eq!(all_revoked(&*store).await, expected);
}

pub(crate) async fn of_two_entries_for_one_token_the_later_expiry_counts<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    for expiries in [[Some(100), Some(300)], [Some(300), Some(100)], [None, Some(100)], [Some(100), None]] {
        for expiry in expiries {
            revoke(&*store, &format!("{expiries:?}"), expiry).await;
        }
    }
    let mut kept: Vec<_> = all_revoked(&*store).await.into_iter().map(|entry| entry.expires_at).collect();
    kept.sort();
    let latest = Some(portcullis::NumericDate::from_seconds(300));
    assert_eq!(kept, [None, None, latest, latest]);
}

pub(crate) async fn one_token_revoked_by_many_at_once_is_one_entry<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let mut racers = JoinSet::new();
    for _ in 0..100 {
        let store = Arc::clone(&store);
        racers.spawn(async move { revoke(&*store, "jti", Some(100)).await });
    }
    racers.join_all().await;
    assert_eq!(all_revoked(&*store).await, [token("jti", Some(100))]);
}

pub(crate) async fn any_text_can_be_a_jti<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let long = "x".repeat(4096);
    let mut expected =
        vec!["", " ", "'; DROP TABLE users; --", "A", "a", "a\0b", "a\0c", "$jti", "日本", "😀", &long];
    for jti in &expected {
        revoke(&*store, jti, None).await;
    }
    expected.sort_unstable();
    assert_eq!(revoked_jtis(&*store).await, expected, "byte for byte");
}

pub(crate) async fn every_expiry_comes_back_as_it_was<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let expiries = [Some(-EON), Some(-1), Some(0), Some(1_900_000_000), Some(EON), None];
    let expected: Vec<_> =
        expiries.iter().enumerate().map(|(n, expiry)| token(&format!("jti-{n}"), *expiry)).collect();
    for entry in &expected {
        store.revoke(Revocation::Token(entry.clone()), moment(0)).await.unwrap();
    }
    assert_eq!(all_revoked(&*store).await, expected);
}

pub(crate) async fn an_expiry_beyond_the_calendar_is_further_than_any_in_it<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    for (jti, expiries) in [
        ("past", [Some(i64::MIN), None]),
        ("future", [Some(EON), Some(i64::MAX)]),
        ("both", [Some(i64::MIN), Some(5)]),
    ] {
        for expiry in expiries {
            revoke(&*store, jti, expiry).await;
        }
    }
    revoke(&*store, "gone", Some(i64::MIN)).await;
    let kept = all_revoked(&*store).await;
    let expiry =
        |jti| kept.iter().find(|entry| entry.jti == jti).unwrap().expires_at.map(NumericDate::seconds);
    assert!(expiry("future").unwrap() > EON && expiry("gone").unwrap() < -EON, "{kept:?}");
    assert_eq!((expiry("past"), expiry("both")), (None, Some(5)));
    assert_eq!(purge(&*store, -EON, 10).await, 1, "what has expired longest ago goes");
}

pub(crate) async fn purge_takes_what_expired_before_and_nothing_else<B: Backend>() {
    // BRR-30, DUR-16
    let place = B::fresh().await;
    let store = place.open().await;
    for (jti, expires_at) in [("before", Some(99)), ("at", Some(100)), ("after", Some(101)), ("never", None)]
    {
        revoke(&*store, jti, expires_at).await;
    }
    assert_eq!(purge(&*store, 100, 10).await, 1);
    assert_eq!(revoked_jtis(&*store).await, ["after", "at", "never"]);
    assert_eq!(purge(&*store, 100, 10).await, 0, "a second time there is nothing to do");
    assert_eq!(purge(&*store, i64::MAX, 10).await, 2);
    assert_eq!(revoked_jtis(&*store).await, ["never"], "an entry without an expiry stays");
}

pub(crate) async fn purge_stops_at_its_limit<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    for n in 0..10 {
        revoke(&*store, &format!("jti-{n}"), Some(n)).await;
    }
    assert_eq!(purge(&*store, 100, 0).await, 0);
    assert_eq!(revoked_jtis(&*store).await.len(), 10);
    let mut rounds = Vec::new();
    while rounds.last() != Some(&0) {
        rounds.push(purge(&*store, 100, 4).await);
    }
    assert_eq!(rounds, [4, 4, 2, 0]);
    assert!(revoked_jtis(&*store).await.is_empty());
}

pub(crate) async fn purged_entries_are_gone_after_a_restart<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    revoke(&*store, "old", Some(1)).await;
    revoke(&*store, "young", Some(1000)).await;
    assert_eq!(purge(&*store, 100, 10).await, 1);
    store.close().await;

    let store = place.open().await;
    assert_eq!(revoked_jtis(&*store).await, ["young"]);
    // What went can come again, for instance from another service's list.
    revoke(&*store, "old", Some(2000)).await;
    assert_eq!(revoked_jtis(&*store).await, ["old", "young"]);
}

async fn purge(store: &dyn Store, expired_before: i64, limit: usize) -> usize {
    store.purge(Expired::Revocations, NumericDate::from_seconds(expired_before), limit).await.unwrap()
}
