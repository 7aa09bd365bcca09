//! A note that was made is seen from then on, also while the table that it lies in grows and shrinks.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use portcullis::{Claims, RevocationIndex};

use super::kinds::{claims, is_revoked};
use crate::common::at;

const SESSIONS: usize = 6000;

/// How many other notes are made for each session that ends, so that it ends at every stage of many resizes.
const OTHERS: usize = 60;

/// How many other notes are made until they are forgotten: enough for the table to double several times.
const WAVE: usize = 15_000;

/// What has expired by [`FORGOTTEN`], and what lasts.
const SOON: i64 = 1;
const FORGOTTEN: i64 = 2;
const LATE: i64 = 3;

fn name(session: usize) -> String {
    format!("s{session}")
}

/// The entry of each session is there from the start and is changed in place, which a reader must not miss because
/// the entry is being moved.
#[test]
fn a_session_that_has_ended_is_never_seen_live_while_the_table_is_resized() {
    let index = RevocationIndex::new();
    let refresh: Vec<Claims> = (0..SESSIONS)
        .map(|session| {
            let sid = format!("{:?}", name(session));
            claims(&[("sid", &sid), ("gen", "5"), ("type", r#""refresh""#)])
        })
        .collect();
    for session in 0..SESSIONS {
        index.revoke_access(&name(session), 3, Some(at(LATE)));
    }
    assert!(!refresh.iter().any(|claims| is_revoked(&index, claims)));

    let (done, others, over) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for reader in 0..2 {
            let (index, refresh, done, over) = (&index, &refresh, &done, &over);
            scope.spawn(move || {
                let mut place = reader * SESSIONS / 2;
                while !over.load(Ordering::Acquire) {
                    let ended = &refresh[..done.load(Ordering::Acquire)];
                    // The last ones may be on their way right now; the earlier ones have been moved since.
                    let last = ended.iter().rev().take(8);
                    let earlier = ended.iter().skip(place).take(100);
                    for claims in last.chain(earlier) {
                        assert!(is_revoked(index, claims), "{:?} of {}", claims.session(), ended.len());
                    }
                    place = if place + 100 < ended.len() { place + 100 } else { 0 };
                }
            });
        }
        for inserter in 0..2 {
            let (index, others, over) = (&index, &others, &over);
            scope.spawn(move || {
                while !over.load(Ordering::Acquire) {
                    for n in 0..WAVE {
                        index.revoke_token(&format!("{inserter}/{n}"), Some(at(SOON)));
                        others.fetch_add(1, Ordering::Relaxed);
                    }
                    index.forget_expired(at(FORGOTTEN));
                }
            });
        }
        for session in 0..SESSIONS {
            while others.load(Ordering::Relaxed) < session * OTHERS {
                thread::yield_now();
            }
            index.revoke_session(&name(session), Some(at(LATE)));
            done.store(session + 1, Ordering::Release);
        }
        over.store(true, Ordering::Release);
    });
    assert!(refresh.iter().all(|claims| is_revoked(&index, claims)));
    index.forget_expired(at(FORGOTTEN));
    assert_eq!(index.len(), SESSIONS);
}
