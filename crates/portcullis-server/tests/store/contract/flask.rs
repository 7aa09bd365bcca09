//! What another application on the same store has to refuse.

use std::{collections::BTreeSet, sync::Arc};

use portcullis::NumericDate;
use portcullis_server::{
    model::{AccessId, EndReason, Session, User},
    sessions::Verdict,
    store::{Expired, FlaskNews, Store, UNTOLD_AT_ONCE},
};
use tokio::task::JoinSet;

use crate::{
    backend::{Backend, moment, revoke, revoked_jtis, token as entry},
    sessions::{MANY, a_user, date, end_sessions, new_session, open, refresh, second, session, sid, token},
};

fn access(jti: &str, ends: u64) -> AccessId {
    AccessId { jti: jti.to_owned(), expires_at: date(second(ends)) }
}

/// A session that keeps its access tokens, opened at second 0.
async fn keeping(store: &dyn Store, user: &User, id: &str) {
    open(store, new_session(user, id, second(0)).keeping_access_tokens(), MANY).await;
}

/// How many entries there are in all, which are gone after this.
async fn entries(store: &dyn Store) -> usize {
    let far = NumericDate::from_seconds(250_000_000_000);
    store.purge(Expired::Revocations, far, 100_000).await.unwrap()
}

fn kept(session: &Session) -> Vec<&str> {
    session.access_tokens.iter().flatten().map(|token| token.jti.as_str()).collect()
}

pub(crate) async fn what_it_is_told_is_not_on_the_list<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    revoke(&*store, "ours", Some(2_000_000_000)).await;
    let told = ["theirs", "ours", "both"].map(|jti| entry(jti, Some(2_000_000_001)));
    for _ in 0..2 {
        assert_eq!(store.tell_flask(FlaskNews::Tokens(&told), moment(0)).await.unwrap(), 0);
    }
    assert_eq!(revoked_jtis(&*store).await, ["ours"], "what was there for us stays so");
    revoke(&*store, "both", Some(1_950_000_000)).await;
    assert_eq!(revoked_jtis(&*store).await, ["both", "ours"]);
    store.close().await;

    let store = place.open().await;
    assert_eq!(revoked_jtis(&*store).await, ["both", "ours"]);
    let before = |seconds| NumericDate::from_seconds(seconds);
    let purged = store.purge(Expired::Revocations, before(2_000_000_001), 10).await.unwrap();
    assert_eq!(purged, 0, "the later end counts");
    assert_eq!(store.purge(Expired::Revocations, before(2_000_000_002), 10).await.unwrap(), 3);
}

pub(crate) async fn it_is_told_once_of_every_ended_session_that_kept_its_tokens<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    open(&*store, new_session(&user, "keeps none", second(0)), MANY).await;
    for id in ["logged out", "lives", "epoch"] {
        keeping(&*store, &user, id).await;
    }
    assert_eq!(store.tell_flask(FlaskNews::EndedSessions, second(1)).await.unwrap(), 0, "all of them live");
    let mut refreshed = refresh(&*store, "logged out", token(1, "1"), "2", second(100)).await;
    let replaced = refreshed.replaced.pop().unwrap();
    assert_eq!(
        (replaced.jti.as_str(), replaced.expires_at),
        ("refresh 1", Some(session(&*store, "lives").await.head.refresh_expires_at))
    );
    store.end_session(&sid("logged out"), EndReason::LoggedOut, second(101)).await.unwrap();
    store.close().await;

    // As after a crash between the end and the telling.
    let store = place.open().await;
    assert_eq!(kept(&session(&*store, "logged out").await), ["access 1", "access 2"]);
    assert_eq!(store.tell_flask(FlaskNews::EndedSessions, second(102)).await.unwrap(), 1);
    assert_eq!(store.tell_flask(FlaskNews::EndedSessions, second(103)).await.unwrap(), 0);
    assert_eq!(session(&*store, "logged out").await.access_tokens, None);
    assert_eq!(revoked_jtis(&*store).await, [""; 0]);
    // Two access tokens, the head and its parent.
    assert_eq!(entries(&*store).await, 4);

    end_sessions(&*store, &user.id, Some(&sid("lives")), second(104)).await;
    assert_eq!(
        store.tell_flask(FlaskNews::EndedSessions, second(105)).await.unwrap(),
        1,
        "that of the epoch"
    );
    let lives = session(&*store, "lives").await;
    assert_eq!((lives.ended, kept(&lives)), (None, vec!["access 1"]));
}

pub(crate) async fn every_way_to_end_is_told<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    keeping(&*store, &user, "replayed").await;
    refresh(&*store, "replayed", token(1, "1"), "2", second(100)).await;
    refresh(&*store, "replayed", token(2, "2"), "3", second(200)).await;
    let replayed = refresh(&*store, "replayed", token(1, "1"), "4", second(300)).await;
    assert_eq!(replayed.verdict, Verdict::Replayed);
    assert_eq!(store.tell_flask(FlaskNews::EndedSessions, second(300)).await.unwrap(), 1);

    keeping(&*store, &user, "displaced").await;
    let next = new_session(&user, "next", second(301)).keeping_access_tokens();
    assert_eq!(open(&*store, next, 1).await, [sid("displaced")]);
    assert_eq!(store.tell_flask(FlaskNews::EndedSessions, second(301)).await.unwrap(), 1);
}

pub(crate) async fn of_many_ended_sessions_all_are_told_in_the_end<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let sessions = UNTOLD_AT_ONCE + 20;
    for number in 0..sessions {
        keeping(&*store, &user, &format!("session {number}")).await;
    }
    end_sessions(&*store, &user.id, None, second(1)).await;
    assert_eq!(store.tell_flask(FlaskNews::EndedSessions, second(2)).await.unwrap(), UNTOLD_AT_ONCE);
    assert_eq!(store.tell_flask(FlaskNews::EndedSessions, second(2)).await.unwrap(), 20);
    assert_eq!(store.tell_flask(FlaskNews::EndedSessions, second(2)).await.unwrap(), 0);
}

pub(crate) async fn an_access_token_is_noted_while_its_session_lives<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    // One of before anybody had to be told.
    open(&*store, new_session(&user, "plain", second(0)), MANY).await;
    assert!(store.note_access_token(&sid("plain"), access("late", 900), second(1)).await.unwrap());
    assert_eq!(kept(&session(&*store, "plain").await), ["late"]);
    refresh(&*store, "plain", token(1, "1"), "2", second(100)).await;
    assert_eq!(kept(&session(&*store, "plain").await), ["late", "access 2"]);
    // What has expired is dropped with the next pair.
    refresh(&*store, "plain", token(2, "2"), "3", second(901)).await;
    assert_eq!(kept(&session(&*store, "plain").await), ["access 2", "access 3"]);

    for number in 0..Session::ACCESS_TOKENS {
        let token = access(&number.to_string(), 9000);
        assert!(store.note_access_token(&sid("plain"), token, second(902)).await.unwrap());
    }
    let full = session(&*store, "plain").await;
    assert_eq!((kept(&full).len(), kept(&full)[0]), (Session::ACCESS_TOKENS, "0"), "the newest are kept");

    store.end_session(&sid("plain"), EndReason::LoggedOut, second(903)).await.unwrap();
    for id in ["plain", "nobody's"] {
        assert!(!store.note_access_token(&sid(id), access("x", 9000), second(904)).await.unwrap());
    }
    assert_eq!(session(&*store, "plain").await.access_tokens, full.access_tokens);
}

pub(crate) async fn one_access_token_noted_by_many_is_kept_once<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    keeping(&*store, &user, "s").await;
    let mut racers = JoinSet::new();
    for _ in 0..=Session::ACCESS_TOKENS {
        let store = Arc::clone(&store);
        racers.spawn(async move {
            assert!(store.note_access_token(&sid("s"), access("same", 9000), second(1)).await.unwrap());
        });
    }
    racers.join_all().await;
    assert_eq!(kept(&session(&*store, "s").await), ["access 1", "same"], "it pushes nothing out");
}

pub(crate) async fn tokens_noted_while_others_refresh_are_all_kept<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    keeping(&*store, &user, "busy").await;
    let mut racers = JoinSet::new();
    for number in 0..10 {
        let store = Arc::clone(&store);
        racers.spawn(async move {
            let token = access(&format!("noted {number}"), 9000);
            assert!(store.note_access_token(&sid("busy"), token, second(100)).await.unwrap());
        });
    }
    for generation in 1..=5 {
        let (presented, next) = (token(generation, &generation.to_string()), (generation + 1).to_string());
        let at = second(100 * u64::from(generation));
        let refreshed = refresh(&*store, "busy", presented, &next, at).await;
        assert_eq!(refreshed.verdict, Verdict::Rotate);
    }
    racers.join_all().await;
    let busy = session(&*store, "busy").await;
    let expected: BTreeSet<_> = (0..10)
        .map(|number| format!("noted {number}"))
        .chain((1..=6).map(|number| format!("access {number}")))
        .collect();
    assert_eq!(kept(&busy).into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), expected);
}
