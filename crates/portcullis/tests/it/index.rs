//! The revocation index under many hands: nothing noted is lost, and nothing is ever seen unrevoked again.

mod kinds;
mod model;
mod resized;

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use portcullis::{AuthError, Require, RevocationIndex};

use kinds::{claims, is_revoked};

use crate::common::{NOW, at, builder, manager};

#[test]
fn nothing_that_many_threads_note_is_lost() {
    let (index, start) = (RevocationIndex::new(), Barrier::new(4));
    thread::scope(|scope| {
        for thread in 0..4 {
            let (index, start) = (&index, &start);
            scope.spawn(move || {
                start.wait();
                for n in 0..5000 {
                    let own = format!("{thread}/{n}");
                    index.revoke_token(&own, Some(at(NOW + n)));
                    assert!(index.is_token_revoked(&own), "seen at once by the thread that noted it");
                    index.revoke_token(&format!("shared/{n}"), None);
                }
            });
        }
    });
    assert_eq!(index.len(), 4 * 5000 + 5000);
    for n in 0..5000 {
        assert!(index.is_token_revoked(&format!("shared/{n}")));
        assert!((0..4).all(|thread| index.is_token_revoked(&format!("{thread}/{n}"))));
    }
    assert!(!index.is_token_revoked("4/0"));
}

/// An update replaces the entry. A look-up in between must find the old one or the new one, never neither.
#[test]
fn a_token_whose_expiry_is_extended_is_never_seen_unrevoked() {
    let (index, done) = (RevocationIndex::new(), AtomicBool::new(false));
    let looked = AtomicUsize::new(0);
    index.revoke_token("a", Some(at(0)));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert!(index.is_token_revoked("a"));
                    looked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for expiry in 1..100_000 {
            index.revoke_token("a", Some(at(expiry)));
            // The table grows and is moved meanwhile.
            index.revoke_token(&expiry.to_string(), Some(at(expiry)));
        }
        while looked.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(index.len(), 100_000);
    // And the last expiry is the one that was kept through all of it.
    index.forget_expired(at(99_999));
    assert!(index.is_token_revoked("a") && index.len() == 2);
}

/// Writers raise the generation and the expiry of a session by turns, while another ends it in the end; whoever
/// looks finds it revoked from the first note on, and the refresh token never before the last.
#[test]
fn a_session_is_never_seen_half_noted() {
    let (index, done, ended) = (RevocationIndex::new(), AtomicBool::new(false), AtomicBool::new(false));
    let access = claims(&[("sid", r#""s1""#), ("gen", "1")]);
    let refresh = claims(&[("sid", r#""s1""#), ("gen", "1"), ("type", r#""refresh""#)]);
    index.revoke_access("s1", 1, Some(at(NOW)));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    assert!(is_revoked(&index, &access));
                    let must_have_ended = ended.load(Ordering::SeqCst);
                    let seen = is_revoked(&index, &refresh);
                    assert!(seen || !must_have_ended);
                }
            });
        }
        let writers = [0, 1].map(|writer| {
            let index = &index;
            scope.spawn(move || {
                for n in 0..50_000 {
                    match (n + writer) % 2 {
                        0 => index.revoke_access("s1", n, Some(at(NOW))),
                        _ => index.revoke_access("s1", 1, Some(at(NOW + i64::from(n)))),
                    }
                    index.revoke_session(&format!("{writer}/{n}"), None);
                    if n % 10_000 == 0 {
                        index.forget_expired(at(NOW));
                    }
                }
            })
        });
        assert!(!is_revoked(&index, &refresh));
        index.revoke_session("s1", None);
        ended.store(true, Ordering::SeqCst);
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::SeqCst);
    });
    assert_eq!(index.len(), 100_001);
}

/// Of everything that two threads note of a user at once, the latest counts.
#[test]
fn what_many_threads_note_of_one_thing_adds_up() {
    for _ in 0..200 {
        let (index, start) = (RevocationIndex::new(), Barrier::new(3));
        thread::scope(|scope| {
            for note in [
                (|index| {
                    index.revoke_access("s1", 7, Some(at(1)));
                    index.revoke_user("alice", at(NOW), Some(at(1)));
                }) as fn(&RevocationIndex),
                |index| {
                    index.revoke_access("s1", 1, Some(at(9)));
                    index.revoke_user("alice", at(0), Some(at(9)));
                },
                |index| {
                    index.revoke_all(at(NOW - 1));
                    index.revoke_all(at(3));
                },
            ] {
                let (index, start) = (&index, &start);
                scope.spawn(move || {
                    start.wait();
                    note(index);
                });
            }
        });
        index.forget_expired(at(9));
        assert_eq!(index.len(), 3);
        assert!(is_revoked(&index, &claims(&[("sid", r#""s1""#), ("gen", "7")])));
        assert!(!is_revoked(&index, &claims(&[("sid", r#""s1""#), ("gen", "8")])));
        assert!(is_revoked(&index, &claims(&[])));
        assert!(is_revoked(&index, &claims(&[("sub", r#""bob""#), ("iat", "1899999999")])));
        assert!(!is_revoked(&index, &claims(&[("sub", r#""bob""#)])));
    }
}

#[test]
fn forgetting_beside_readers_and_writers_takes_only_the_expired() {
    let index = RevocationIndex::new();
    for n in 0..10_000 {
        index.revoke_token(&format!("kept/{n}"), Some(at(1000)));
        index.revoke_token(&format!("over/{n}"), Some(at(999)));
    }
    thread::scope(|scope| {
        scope.spawn(|| index.forget_expired(at(1000)));
        scope.spawn(|| {
            for n in 0..10_000 {
                assert!(index.is_token_revoked(&format!("kept/{n}")));
            }
        });
        scope.spawn(|| {
            for n in 0..10_000 {
                index.revoke_token(&format!("new/{n}"), Some(at(1000)));
            }
        });
    });
    index.forget_expired(at(1000));
    assert_eq!(index.len(), 20_000);
    assert!(!index.is_token_revoked("over/0") && index.is_token_revoked("new/9999"));
}

#[test]
fn an_entry_outlives_its_token_within_the_leeway() {
    // CLM-21: what has been forgotten must not come back.
    let revoked = Arc::new(RevocationIndex::new());
    let clock = crate::common::clock();
    let jwt = builder()
        .revocation(revoked.clone())
        .clock(Arc::new(clock.clone()))
        .configure(|config| config.decode_leeway = std::time::Duration::from_mins(5))
        .build()
        .unwrap();
    let token = jwt.access("alice").sign().unwrap();
    revoked.revoke_token(token.jti(), Some(token.expires_at()));
    for second in [0, 899, 900, 1199] {
        clock.step_to(at(NOW + second));
        revoked.forget_expired(at(NOW + second).minus(jwt.leeway()));
        assert_eq!(jwt.verify(token.as_str()).unwrap_err(), AuthError::Revoked, "after {second} s");
    }
    clock.step_to(at(NOW + 1201));
    revoked.forget_expired(at(NOW + 1201).minus(jwt.leeway()));
    assert_eq!(jwt.verify(token.as_str()).unwrap_err(), AuthError::Expired);
    assert!(revoked.is_empty());
}

#[test]
fn a_logout_can_be_repeated() {
    let revoked = Arc::new(RevocationIndex::new());
    let jwt = builder().revocation(revoked.clone()).build().unwrap();
    let token = jwt.refresh("alice").sign().unwrap();
    let logout = Require::any().even_revoked().even_expired();
    for _ in 0..2 {
        let claims = jwt.verify_as(token.as_str(), logout).unwrap();
        revoked.revoke_token(claims.jti().unwrap(), claims.expires_at());
    }
    assert_eq!(jwt.verify_as(token.as_str(), Require::refresh()).unwrap_err(), AuthError::Revoked);
    assert_eq!(revoked.len(), 1);
    // Late is no reason to fail; forged is.
    let late = crate::common::token(&[("exp", "1")]);
    assert!(manager().verify_as(&late, logout).is_ok());
    assert!(manager().verify_as(&(late + "A"), logout).is_err());
}
