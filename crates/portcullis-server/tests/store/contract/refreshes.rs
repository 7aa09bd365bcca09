//! Uses of refresh tokens: the rule, through the store and under haste.

use std::{sync::Arc, time::Duration};

use portcullis_server::{
    model::{EndReason, Session},
    sessions::{
        AdoptedToken, LostAnswer, RefreshPolicy,
        Verdict::{Ahead, Gone, Reissue, Repeat, Replayed, Rotate},
        adopted, decide, ended,
    },
    store::Expired,
};
use tokio::task::JoinSet;

use crate::{
    backend::Backend,
    sessions::{
        IDLE_DAYS, MANY, POLICY, STRICT, a_user, date, day, end_reason, living, new_session, open, opened,
        refresh, rotated, second, session, sid, token, using,
    },
};

pub(crate) async fn every_row_of_the_rule<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let opened = |id: &str| new_session(&user, id, second(0));
    // Parent 1, head 2, made at second 100.
    let rotated = |id: &str| decide(&opened(id), &using(token(1, "1"), "2", POLICY), second(100)).1.unwrap();
    let seen = |id: &str| Session { seen: 2, ..rotated(id) };
    let over = |id: &str| ended(&rotated(id), EndReason::LoggedOut, second(100));
    let refuse = RefreshPolicy { lost_answer: LostAnswer::Refuse, ..POLICY };
    let no_window = RefreshPolicy { reuse_window: Duration::ZERO, ..POLICY };
    let idle_end = 100 + IDLE_DAYS * 86_400;
    let rows = [
        (opened("the first head"), token(1, "1"), 29, POLICY, Repeat),
        (opened("the first head, later"), token(1, "1"), 30, POLICY, Rotate),
        (opened("older than the first"), token(0, "0"), 1, POLICY, Replayed),
        (rotated("the head"), token(2, "2"), 129, POLICY, Repeat),
        (rotated("the head, later"), token(2, "2"), 130, POLICY, Rotate),
        (rotated("the head, without a window"), token(2, "2"), 100, no_window, Rotate),
        (rotated("the parent"), token(1, "1"), 129, POLICY, Repeat),
        (seen("the parent, head seen"), token(1, "1"), 129, POLICY, Repeat),
        (rotated("the parent, later"), token(1, "1"), 130, POLICY, Reissue),
        (rotated("the parent, later, no answer is lost"), token(1, "1"), 130, refuse, Replayed),
        (seen("the parent, later, head seen"), token(1, "1"), 130, POLICY, Replayed),
        (rotated("older than the parent"), token(0, "0"), 101, POLICY, Replayed),
        (rotated("ahead"), token(3, "3"), 101, POLICY, Ahead),
        (rotated("the head's generation, another jti"), token(2, "x"), 101, POLICY, Ahead),
        (rotated("the parent's generation, another jti"), token(1, "x"), 101, POLICY, Ahead),
        (rotated("just before its end"), token(2, "2"), idle_end - 1, POLICY, Rotate),
        (rotated("after its end"), token(2, "2"), idle_end, POLICY, Gone),
        (over("ended"), token(2, "2"), 101, POLICY, Gone),
        (over("ended and replayed"), token(0, "0"), 101, POLICY, Gone),
    ];
    let mut after = Vec::new();
    for (before, presented, seconds, policy, verdict) in rows {
        let id = before.id.clone();
        open(&*store, before.clone(), MANY).await;
        let (refresh, now) = (using(presented, "next", policy), second(seconds));
        let expected = decide(&before, &refresh, now).1.unwrap_or(before);
        let refreshed = store.refresh_session(&id, &refresh, now).await.unwrap();
        assert_eq!(refreshed.verdict, verdict, "{id}");
        assert_eq!(refreshed.session.as_ref(), Some(&expected), "{id}");
        assert_eq!(refreshed.user.map(|user| user.id), Some(user.id.clone()), "{id}");
        after.push(expected);
    }
    store.close().await;

    let store = place.open().await;
    for expected in after {
        assert_eq!(session(&*store, expected.id.as_str()).await, expected);
    }
}

pub(crate) async fn a_token_of_no_session_is_gone<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let refreshed = refresh(&*store, "nobody's", token(1, "1"), "2", second(0)).await;
    assert_eq!((refreshed.verdict, refreshed.session), (Gone, None));
    assert!(refreshed.user.is_none());
    assert_eq!(store.session(&sid("nobody's")).await.unwrap(), None);
}

pub(crate) async fn what_is_answered_is_what_is_stored<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    opened(&*store, &user, "s", second(0)).await;
    // Finer than any store keeps a time.
    let now = second(100) + Duration::from_nanos(123_456_789);
    let refreshed = refresh(&*store, "s", token(1, "1"), "2", now).await;
    assert_eq!(refreshed.verdict, Rotate);
    assert_eq!(refreshed.session, Some(session(&*store, "s").await));
    let over = store.end_session(&sid("s"), EndReason::LoggedOut, now).await.unwrap();
    assert_eq!(over, Some(session(&*store, "s").await));
}

pub(crate) async fn many_uses_of_one_token_give_one_pair<B: Backend>() {
    // BRR-12
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    opened(&*store, &user, "s", second(0)).await;
    let mut tabs = JoinSet::new();
    for n in 0..100 {
        let store = Arc::clone(&store);
        tabs.spawn(
            async move { refresh(&*store, "s", token(1, "1"), &format!("of {n}"), second(100)).await },
        );
    }
    let answers = tabs.join_all().await;
    let head = session(&*store, "s").await.head;
    assert_eq!(head.refresh.generation, 2);
    for answer in &answers {
        assert!(matches!(answer.verdict, Rotate | Repeat), "{:?}", answer.verdict);
        assert_eq!(answer.session.as_ref().unwrap().head, head, "every tab holds the same pair");
    }
    assert_eq!(answers.iter().filter(|answer| answer.verdict == Rotate).count(), 1);
}

pub(crate) async fn without_a_window_one_use_of_many_gets_a_pair<B: Backend>() {
    // DUR-02
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    opened(&*store, &user, "s", second(0)).await;
    let mut racers = JoinSet::new();
    for n in 0..100 {
        let store = Arc::clone(&store);
        racers.spawn(async move {
            let refresh = using(token(1, "1"), &format!("of {n}"), STRICT);
            store.refresh_session(&sid("s"), &refresh, second(100)).await.unwrap().verdict
        });
    }
    let verdicts = racers.join_all().await;
    let count = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count();
    assert_eq!(count(Rotate), 1, "{verdicts:?}");
    assert_eq!(count(Rotate) + count(Replayed) + count(Gone), 100, "{verdicts:?}");
    assert_eq!(end_reason(&session(&*store, "s").await), Some(EndReason::Replayed));
}

pub(crate) async fn the_same_use_again_finds_its_own_pair<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    opened(&*store, &user, "s", second(0)).await;
    let use_of = using(token(1, "1"), "2", STRICT);
    let mut calls = JoinSet::new();
    for _ in 0..20 {
        let (store, use_of) = (Arc::clone(&store), use_of.clone());
        calls.spawn(async move { store.refresh_session(&sid("s"), &use_of, second(100)).await.unwrap() });
    }
    let expected = calls.join_all().await;
    store.close().await;

    let store = place.open().await;
    let after = session(&*store, "s").await;
    assert_eq!((after.head.refresh.clone(), after.ended), (token(2, "2"), None));
    for answer in expected {
        assert_eq!((answer.verdict, answer.session), (Rotate, Some(after.clone())));
    }
    let again = store.refresh_session(&sid("s"), &use_of, second(1000)).await.unwrap();
    assert_eq!((again.verdict, again.session), (Rotate, Some(after)));
    // Once the session has ended, the answer is that.
    store.end_session(&sid("s"), EndReason::LoggedOut, second(1001)).await.unwrap();
    let again = store.refresh_session(&sid("s"), &use_of, second(1002)).await.unwrap();
    assert_eq!(again.verdict, Gone);
}

pub(crate) async fn a_void_head_ends_the_session_for_good<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    rotated(&*store, &user, "s").await;
    let reissued = refresh(&*store, "s", token(1, "1"), "3", second(200)).await;
    assert_eq!(reissued.verdict, Reissue);
    assert_eq!(reissued.session.unwrap().head.refresh, token(3, "3"));
    let replayed = refresh(&*store, "s", token(2, "2"), "4", second(201)).await;
    assert_eq!(replayed.verdict, Replayed);
    assert_eq!(end_reason(&replayed.session.unwrap()), Some(EndReason::Replayed));
    store.close().await;

    let store = place.open().await;
    assert!(living(&*store, &user, second(202)).await.is_empty());
    for presented in [token(1, "1"), token(2, "2"), token(3, "3"), token(4, "4")] {
        let refreshed = refresh(&*store, "s", presented, "5", second(202)).await;
        assert_eq!(refreshed.verdict, Gone);
    }
    assert_eq!(session(&*store, "s").await.head.refresh, token(3, "3"));
}

pub(crate) async fn a_clock_that_steps_back_counts_as_one_that_stands<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let before = rotated(&*store, &user, "s").await;
    for presented in [token(1, "1"), token(2, "2")] {
        let refreshed = refresh(&*store, "s", presented, "3", second(0)).await;
        assert_eq!((refreshed.verdict, refreshed.session.unwrap().head), (Repeat, before.head.clone()));
    }
    assert_eq!(living(&*store, &user, second(0)).await, ["s"]);
    let strict = using(token(2, "2"), "3", STRICT);
    let refreshed = store.refresh_session(&sid("s"), &strict, second(0)).await.unwrap();
    assert_eq!(refreshed.verdict, Rotate, "it makes no window of none");
    assert_eq!(refreshed.session, Some(session(&*store, "s").await));
}

pub(crate) async fn a_restart_in_between_changes_nothing<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let before = rotated(&*store, &user, "s").await;
    store.close().await;

    let store = place.open().await;
    for presented in [token(1, "1"), token(2, "2")] {
        let refreshed = refresh(&*store, "s", presented, "3", second(110)).await;
        assert_eq!((refreshed.verdict, refreshed.session.unwrap().head), (Repeat, before.head.clone()));
    }
    store.close().await;

    let store = place.open().await;
    let refreshed = refresh(&*store, "s", token(1, "1"), "3", second(130)).await;
    assert_eq!(refreshed.verdict, Replayed, "the head was seen before");
}

pub(crate) async fn a_session_goes_on_until_its_absolute_end<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let first = opened(&*store, &user, "s", day(0)).await;
    for (days, generation) in [(29, 1), (58, 2), (87, 3)] {
        let (presented, name) = (token(generation, &generation.to_string()), (generation + 1).to_string());
        let refreshed = refresh(&*store, "s", presented, &name, day(days)).await;
        assert_eq!(refreshed.verdict, Rotate, "day {days}");
    }
    let last = session(&*store, "s").await;
    assert_eq!((last.head.refresh_expires_at, last.ends_at), (first.ends_at, first.ends_at));
    assert_eq!(living(&*store, &user, day(89)).await, ["s"]);
    assert!(living(&*store, &user, day(90)).await.is_empty());
    assert_eq!(refresh(&*store, "s", token(4, "4"), "5", day(90)).await.verdict, Gone);
}

pub(crate) async fn an_adopted_session_is_opened_once_and_goes_on<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let theirs = AdoptedToken { jti: "refresh theirs", issued_at: None, expires_at: None };
    let (owner, age) = ((&user.id, user.epoch), Duration::from_hours(24));
    let session_of = |at| adopted(sid("adopted"), owner, &theirs, age, second(at));
    for at in 0..3 {
        open(&*store, session_of(at), MANY).await;
        let refreshed = refresh(&*store, "adopted", token(0, "theirs"), &at.to_string(), second(at)).await;
        assert_eq!(refreshed.verdict, if at == 0 { Rotate } else { Repeat });
    }
    let found = session(&*store, "adopted").await;
    assert_eq!((found.head.refresh, found.parent), (token(1, "0"), Some(token(0, "theirs"))));
    store.end_session(&sid("adopted"), EndReason::LoggedOut, second(5)).await.unwrap();
    // Long after it would have ended by itself.
    assert_eq!(store.purge(Expired::Sessions, date(day(1000)), 10).await.unwrap(), 0);
    open(&*store, session_of(86_400 * 1000), MANY).await;
    let gone = refresh(&*store, "adopted", token(0, "theirs"), "9", day(1000)).await;
    assert_eq!(gone.verdict, Gone);
}
