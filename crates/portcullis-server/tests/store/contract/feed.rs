//! The feed of revocations: everything once, then what has come since.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use portcullis::NumericDate;
use portcullis_server::{
    model::{EndReason, EndedSession, Revocation, SessionId},
    sessions::Verdict,
    store::{BATCH, Expired, FeedMark, Store},
};
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    backend::{Backend, EVER, moment, streamed, token},
    sessions::{a_user, opened, refresh, rotated, second, session, sid, token as refresh_token},
};

const fn at(seconds: i64) -> NumericDate {
    NumericDate::from_seconds(seconds)
}

fn jti(name: &str, expires_at: i64) -> Revocation {
    Revocation::Token(token(name, Some(expires_at)))
}

fn access(session: &str, up_to: u32, until: i64) -> Revocation {
    Revocation::Access { session: sid(session), up_to, until: at(until) }
}

fn user(identity: &str, before: i64, until: i64) -> Revocation {
    Revocation::User { identity: identity.to_owned(), before: at(before), until: at(until) }
}

fn whole(session: &str, until: i64) -> Revocation {
    Revocation::Session(EndedSession { id: SessionId::new(session), until: at(until) })
}

const fn all(before: i64) -> Revocation {
    Revocation::All { before: at(before) }
}

async fn revoke(store: &dyn Store, revocation: &Revocation) {
    store.revoke(revocation.clone(), moment(0)).await.unwrap();
}

fn sorted(mut revocations: Vec<Revocation>) -> Vec<Revocation> {
    revocations.sort_by_key(|revocation| format!("{revocation:?}"));
    revocations
}

/// Everything, in an order of ours.
async fn everything(store: &dyn Store) -> Vec<Revocation> {
    sorted(streamed(store, None, EVER).await.unwrap().0)
}

/// What has come since a mark, each once: a feed may say a thing again. The next mark.
async fn since(store: &dyn Store, mark: FeedMark) -> (Vec<Revocation>, FeedMark) {
    let (all, next) = streamed(store, Some(mark), EVER).await.unwrap();
    let mut all = sorted(all);
    all.dedup();
    (all, next)
}

pub(crate) async fn everything_is_streamed_once<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let mut expected = vec![all(7), user("alice", 5, 100), access("s", 3, 100), whole("t", 100)];
    expected.extend((0..60).map(|n| jti(&format!("jti-{n}"), n)));
    for revocation in &expected {
        revoke(&*store, revocation).await;
    }
    assert_eq!(everything(&*store).await, sorted(expected.clone()));
    store.close().await;

    let store = place.open().await;
    assert_eq!(everything(&*store).await, sorted(expected));
}

pub(crate) async fn what_comes_after_a_mark_is_streamed_and_nothing_else<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let alice = a_user(&*store, "alice").await;
    revoke(&*store, &jti("before", 100)).await;
    let (_, mut mark) = streamed(&*store, None, EVER).await.unwrap();
    let mut heard = Vec::new();
    for n in 0..5 {
        let news = jti(&format!("jti-{n}"), 100);
        revoke(&*store, &news).await;
        let (all, next) = since(&*store, mark).await;
        assert!(all.contains(&news), "{all:?}");
        (heard, mark) = (all, next);
    }
    // A backend reads a little further back; sooner or later it is quiet again.
    assert!(!heard.is_empty());
    opened(&*store, &alice, "s", second(0)).await;
    let over = store.end_session(&sid("s"), EndReason::LoggedOut, second(1)).await.unwrap().unwrap();
    let (all, next) = since(&*store, mark).await;
    let ended = EndedSession { id: sid("s"), until: over.remembered_until() };
    assert!(all.contains(&Revocation::Session(ended)), "{all:?}");
    // Nothing happens: nothing moves.
    let (again, same) = since(&*store, next).await;
    assert!(again.iter().all(|revocation| all.contains(revocation) || heard.contains(revocation)));
    assert_eq!(same, since(&*store, next).await.1);
}

pub(crate) async fn every_kind_comes_back_as_it_was<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let (_, mark) = streamed(&*store, None, EVER).await.unwrap();
    let forever = Revocation::NEVER.seconds();
    let expected = vec![
        all(1_900_000_000),
        user("'日本' \"😀\" \0$a.b", 1, 2),
        user("", -1, forever),
        access("a\0b", u32::MAX, 1_900_000_000),
        access("a", 1, forever),
        whole("a", forever),
        Revocation::Token(token("for good", None)),
        jti("a", 0),
    ];
    for revocation in &expected {
        revoke(&*store, revocation).await;
    }
    assert_eq!(everything(&*store).await, sorted(expected.clone()));
    assert_eq!(since(&*store, mark).await.0, sorted(expected));
}

pub(crate) async fn of_two_entries_the_one_that_says_more_counts<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let forever = Revocation::NEVER.seconds();
    for (less, more, both) in [
        (access("a", 3, 200), access("a", 9, 100), access("a", 9, 200)),
        (user("u", 3, forever), user("u", 9, 100), user("u", 9, forever)),
        (all(3), all(9), all(9)),
        (whole("w", 3), whole("w", 9), whole("w", 9)),
    ] {
        let mut racers = JoinSet::new();
        for n in 0..20 {
            let (store, revocation) = (Arc::clone(&store), if n % 2 == 0 { &less } else { &more }.clone());
            racers.spawn(async move { store.revoke(revocation, moment(0)).await.unwrap() });
        }
        racers.join_all().await;
        let found = everything(&*store).await;
        assert!(found.contains(&both), "{found:?}");
    }
    assert_eq!(everything(&*store).await.len(), 4);
}

pub(crate) async fn what_has_expired_is_left_out<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let (_, mark) = streamed(&*store, None, EVER).await.unwrap();
    for until in [99, 100, 101] {
        revoke(&*store, &jti(&format!("{until}"), until)).await;
        revoke(&*store, &access(&format!("{until}"), 1, until)).await;
        revoke(&*store, &user(&format!("{until}"), 1, until)).await;
    }
    revoke(&*store, &all(1)).await;
    for mark in [None, Some(mark)] {
        let (left, _) = streamed(&*store, mark, at(100)).await.unwrap();
        assert_eq!(left.iter().filter(|left| left.until() == Some(at(99))).count(), 0, "{left:?}");
        assert_eq!(left.len(), 7, "{left:?}");
    }
}

pub(crate) async fn the_access_tokens_of_a_void_head_are_void_after_a_restart<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let alice = a_user(&*store, "alice").await;
    rotated(&*store, &alice, "s").await;
    let (_, mark) = streamed(&*store, None, EVER).await.unwrap();
    let reissued = refresh(&*store, "s", refresh_token(1, "1"), "3", second(200)).await;
    assert_eq!(reissued.verdict, Verdict::Reissue);
    let now = reissued.session.unwrap();
    assert_eq!((now.void_access, now.head.refresh.generation), (2, 3));
    let void = Revocation::Access { session: sid("s"), up_to: 2, until: now.remembered_until() };
    assert_eq!(now.revocation().as_ref(), Some(&void));
    assert_eq!(since(&*store, mark).await.0, std::slice::from_ref(&void));
    store.close().await;

    let store = place.open().await;
    assert_eq!(everything(&*store).await, std::slice::from_ref(&void));
    // The session goes on, and what was void stays so.
    let rotated = refresh(&*store, "s", refresh_token(3, "3"), "4", second(300)).await;
    assert_eq!((rotated.verdict, rotated.session.unwrap().void_access), (Verdict::Rotate, 2));
    assert_eq!(everything(&*store).await, [void]);
    // At its end all of it is.
    store.end_session(&sid("s"), EndReason::LoggedOut, second(400)).await.unwrap();
    assert_eq!(everything(&*store).await, [session(&*store, "s").await.revocation().unwrap()]);
}

pub(crate) async fn a_session_that_is_refreshed_is_no_news<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let alice = a_user(&*store, "alice").await;
    let (_, mark) = streamed(&*store, None, EVER).await.unwrap();
    rotated(&*store, &alice, "s").await;
    assert_eq!(since(&*store, mark).await.0, []);
    assert_eq!(everything(&*store).await, []);
}

pub(crate) async fn what_is_written_while_all_is_streamed_is_not_lost<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    for n in 0..80 {
        revoke(&*store, &jti(&format!("before {n}"), 100)).await;
    }
    let writer = {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for n in 0..80 {
                revoke(&*store, &jti(&format!("meanwhile {n}"), 100)).await;
            }
        })
    };
    // Again and again, so that every moment is met.
    let mut marks = Vec::new();
    while !writer.is_finished() {
        let (first, mark) = streamed(&*store, None, EVER).await.unwrap();
        marks.push((first, mark));
    }
    writer.await.unwrap();
    let complete: BTreeSet<_> = everything(&*store).await.iter().map(|it| format!("{it:?}")).collect();
    assert_eq!(complete.len(), 160);
    // Some of them: each costs a poll of everything that followed.
    let every = marks.len().div_ceil(20).max(1);
    for (first, mark) in marks.into_iter().step_by(every) {
        let (then, _) = since(&*store, mark).await;
        let heard: BTreeSet<_> = first.iter().chain(&then).map(|it| format!("{it:?}")).collect();
        assert_eq!(heard, complete);
    }
}

pub(crate) async fn a_mark_of_another_life_means_everything<B: Backend>() {
    let place = B::fresh().await;
    let another = B::fresh().await;
    let other = another.open().await;
    for n in 0..20 {
        revoke(&*other, &jti(&format!("other {n}"), 100)).await;
    }
    let (_, foreign) = streamed(&*other, None, EVER).await.unwrap();
    let store = place.open().await;
    revoke(&*store, &jti("ours", 100)).await;
    let (all, mark) = since(&*store, foreign).await;
    assert_eq!(all, [jti("ours", 100)]);
    revoke(&*store, &jti("next", 100)).await;
    assert!(since(&*store, mark).await.0.contains(&jti("next", 100)));
}

pub(crate) async fn a_listener_that_goes_away_ends_the_stream<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    for n in 0..20 {
        revoke(&*store, &jti(&format!("jti-{n}"), 100)).await;
    }
    let (sender, gone) = mpsc::channel(1);
    drop(gone);
    let ended = tokio::time::timeout(Duration::from_secs(10), store.revocations(None, EVER, sender)).await;
    ended.expect("it ended").unwrap_err();
    assert_eq!(everything(&*store).await.len(), 20);
    const { assert!(BATCH >= 1000, "a batch is worth its way") };
}

pub(crate) async fn purge_takes_every_kind_that_has_expired<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    for until in [99, 100] {
        revoke(&*store, &access(&format!("{until}"), 1, until)).await;
        revoke(&*store, &user(&format!("{until}"), 1, until)).await;
        revoke(&*store, &whole(&format!("{until}"), until)).await;
        revoke(&*store, &jti(&format!("{until}"), until)).await;
    }
    for for_good in [all(1), user("for good", 1, Revocation::NEVER.seconds())] {
        revoke(&*store, &for_good).await;
    }
    assert_eq!(store.purge(Expired::Revocations, at(100), 3).await.unwrap(), 3);
    assert_eq!(store.purge(Expired::Revocations, at(100), 3).await.unwrap(), 1);
    assert_eq!(store.purge(Expired::Revocations, at(100), 3).await.unwrap(), 0);
    let left = everything(&*store).await;
    assert!(left.len() == 6 && left.iter().all(|left| left.until() != Some(at(99))), "{left:?}");
    store.purge(Expired::Revocations, at(i64::MAX), 100).await.unwrap();
    assert_eq!(everything(&*store).await.len(), 2, "what is for good stays");
}

pub(crate) async fn what_others_write_is_heard<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let alice = a_user(&*store, "alice").await;
    for id in ["a", "b"] {
        opened(&*store, &alice, id, second(0)).await;
    }
    let (_, mark) = streamed(&*store, None, EVER).await.unwrap();
    // Nothing has been written since: the next poll has to notice that somebody else does.
    let (_, mark) = since(&*store, mark).await;
    place.another_program_revokes("theirs", "a").await;
    let (all, mark) = since(&*store, mark).await;
    let ended = EndedSession { id: sid("a"), until: session(&*store, "a").await.remembered_until() };
    let expected = sorted(vec![Revocation::Token(token("theirs", None)), Revocation::Session(ended)]);
    assert_eq!(all, expected);
    place.another_program_revokes("theirs too", "b").await;
    let (all, _) = since(&*store, mark).await;
    assert!(all.contains(&Revocation::Token(token("theirs too", None))), "{all:?}");
    assert_eq!(everything(&*store).await.len(), 4);
}
