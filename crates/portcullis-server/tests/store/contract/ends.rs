//! The end of sessions: one, all of a user, and the list of those that ended.

use std::{sync::Arc, time::Duration};

use portcullis_server::{
    model::{EndReason, Ended, EndedSession, Session, SessionId, UserChange, UserChanged, UserId},
    sessions::{Shown, Verdict},
    store::{Expired, Opening},
};
use tokio::task::JoinSet;

use crate::{
    backend::Backend,
    sessions::{
        DAYS, MANY, POLICY, a_user, all_ended, date, end_reason, end_sessions, ids, living, new_session,
        open, opened, refresh, second, session, sid, token, using,
    },
};

pub(crate) async fn an_end_is_durable_and_its_first_reason_stays<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let before = opened(&*store, &user, "s", second(0)).await;
    opened(&*store, &user, "another", second(1)).await;
    let over = store.end_session(&sid("s"), EndReason::LoggedOut, second(5)).await.unwrap();
    let ended = Some(Ended { at: second(5), reason: EndReason::LoggedOut });
    let expected = Session { ended, ..before };
    assert_eq!(over.as_ref(), Some(&expected));
    assert_eq!(living(&*store, &user, second(5)).await, ["another"]);
    store.close().await;

    let store = place.open().await;
    assert_eq!(session(&*store, "s").await, expected);
    for reason in EndReason::ALL {
        let again = store.end_session(&sid("s"), reason, second(9)).await.unwrap();
        assert_eq!(again.as_ref(), Some(&expected), "{reason:?}");
    }
    let refreshed = refresh(&*store, "s", token(1, "1"), "2", second(9)).await;
    assert_eq!((refreshed.verdict, refreshed.session), (Verdict::Gone, Some(expected)));
}

pub(crate) async fn what_is_not_there_does_not_end<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let nobody = UserId::new("nobody");
    assert_eq!(store.end_session(&sid("s"), EndReason::LoggedOut, second(0)).await.unwrap(), None);
    for keep in [None, Some(sid("s"))] {
        let answer =
            store.change_user(&nobody, &UserChange::EndSessions { keep }, None, second(0)).await.unwrap();
        assert!(matches!(answer, UserChanged::NoSuchUser), "{answer:?}");
    }
    assert_eq!(store.session(&sid("s")).await.unwrap(), None);
    assert!(all_ended(&*store, date(second(0))).await.is_empty());
}

pub(crate) async fn of_many_ends_at_once_one_stands<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    opened(&*store, &user, "s", second(0)).await;
    let mut racers = JoinSet::new();
    for n in 0..40 {
        let store = Arc::clone(&store);
        let reason = EndReason::ALL[n % EndReason::ALL.len()];
        racers.spawn(async move { store.end_session(&sid("s"), reason, second(n as u64)).await.unwrap() });
    }
    let answers = racers.join_all().await;
    let over = session(&*store, "s").await;
    assert!(over.ended.is_some());
    assert!(answers.into_iter().all(|answer| answer.as_ref() == Some(&over)));
}

pub(crate) async fn all_sessions_of_a_user_end_and_nobody_elses<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let (user, other) = (a_user(&*store, "alice").await, a_user(&*store, "bob").await);
    for id in ["a", "b", "c"] {
        opened(&*store, &user, id, second(0)).await;
    }
    opened(&*store, &other, "bob's", second(0)).await;
    store.end_session(&sid("c"), EndReason::LoggedOut, second(1)).await.unwrap();
    let now = second(2) + Duration::from_nanos(123_456_789);
    let mut over = end_sessions(&*store, &user.id, None, now).await;
    over.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(over, [session(&*store, "a").await, session(&*store, "b").await]);
    assert!(over.iter().all(|session| end_reason(session) == Some(EndReason::Epoch)));
    store.close().await;

    let store = place.open().await;
    assert!(living(&*store, &user, second(2)).await.is_empty());
    assert_eq!(living(&*store, &other, second(2)).await, ["bob's"]);
    assert_eq!(end_reason(&session(&*store, "c").await), Some(EndReason::LoggedOut));
    let epoch = async |user: &UserId| store.user_by_id(user).await.unwrap().unwrap().epoch;
    assert!(epoch(&user.id).await > user.epoch, "those that are being opened are of an earlier one");
    assert_eq!(epoch(&other.id).await, other.epoch);
    let refreshed = refresh(&*store, "a", token(1, "1"), "2", second(3)).await;
    assert_eq!(refreshed.verdict, Verdict::Gone);
    assert_eq!(refreshed.user.unwrap().epoch, epoch(&user.id).await, "the user as it is now");
    assert!(end_sessions(&*store, &user.id, None, second(4)).await.is_empty(), "nothing is left");
}

pub(crate) async fn one_session_can_be_kept<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    for id in ["a", "b", "kept"] {
        opened(&*store, &user, id, second(0)).await;
    }
    let mut over = ids(end_sessions(&*store, &user.id, Some(&sid("kept")), second(1)).await);
    over.sort();
    assert_eq!(over, [sid("a"), sid("b")]);
    // The same call again, and once more: it is kept through every epoch.
    for _ in 0..2 {
        let over = end_sessions(&*store, &user.id, Some(&sid("kept")), second(2)).await;
        assert!(over.is_empty(), "{over:?}");
    }
    store.close().await;

    let store = place.open().await;
    assert_eq!(living(&*store, &user, second(2)).await, ["kept"]);
    let user = store.user_by_id(&user.id).await.unwrap().unwrap();
    assert_eq!(session(&*store, "kept").await.epoch, user.epoch);
    assert_eq!(refresh(&*store, "kept", token(1, "1"), "2", second(100)).await.verdict, Verdict::Rotate);
    opened(&*store, &user, "new", second(100)).await;
    assert_eq!(ids(end_sessions(&*store, &user.id, Some(&sid("new")), second(101)).await), [sid("kept")]);
    assert_eq!(living(&*store, &user, second(101)).await, ["new"]);
}

pub(crate) async fn only_a_living_session_of_the_user_is_kept<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let (user, other) = (a_user(&*store, "alice").await, a_user(&*store, "bob").await);
    let bobs = opened(&*store, &other, "bob's", second(0)).await;
    opened(&*store, &user, "over", second(0)).await;
    let over = store.end_session(&sid("over"), EndReason::LoggedOut, second(1)).await.unwrap().unwrap();
    for (round, except) in ["bob's", "over", "nobody's"].into_iter().enumerate() {
        let user = store.user_by_id(&user.id).await.unwrap().unwrap();
        let id = format!("alice's {round}");
        opened(&*store, &user, &id, second(2)).await;
        let ended = end_sessions(&*store, &user.id, Some(&sid(except)), second(3)).await;
        assert_eq!(ids(ended), [sid(&id)], "but for {except}");
    }
    assert_eq!(session(&*store, "over").await, over, "it does not wake");
    assert_eq!(session(&*store, "bob's").await, bobs);
    assert_eq!(living(&*store, &other, second(3)).await, ["bob's"]);
}

pub(crate) async fn no_session_of_an_earlier_epoch_lives_after_a_race<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    for round in 0..60_usize {
        let user = a_user(&*store, &format!("user{round}")).await;
        let named = |id: &str| format!("{round}-{id}");
        for id in ["a", "b"] {
            opened(&*store, &user, &named(id), second(0)).await;
        }
        let kept = (round % 2 == 1).then(|| sid(&named("b")));
        let mut racers = JoinSet::new();
        for racer in 0..9 {
            let (store, user) = (Arc::clone(&store), user.clone());
            let (id, kept) = (format!("{round}-{racer}"), kept.clone());
            let refreshed = sid(&named(if racer % 2 == 0 { "a" } else { "b" }));
            // The end takes another place among them in every round.
            let role = if racer == round % 9 { 2 } else { racer % 2 };
            racers.spawn(async move {
                match role {
                    0 => {
                        let user = store.user_by_id(&user.id).await.unwrap().unwrap();
                        let session = new_session(&user, &id, second(100));
                        let answer =
                            store.open_session(session, &Shown::by(&user), MANY, second(100)).await.unwrap();
                        matches!(answer, Opening::Opened { .. }).then_some(sid(&id))
                    }
                    1 => {
                        let refresh = using(token(1, "1"), &id, POLICY);
                        store.refresh_session(&refreshed, &refresh, second(100)).await.unwrap();
                        None
                    }
                    _ => {
                        end_sessions(&*store, &user.id, kept.as_ref(), second(100)).await;
                        None
                    }
                }
            });
        }
        let opened: Vec<SessionId> = racers.join_all().await.into_iter().flatten().collect();

        let now = store.user_by_id(&user.id).await.unwrap().unwrap();
        assert!(now.epoch > user.epoch);
        let living = store.sessions_of(&user.id, second(101)).await.unwrap();
        assert!(living.iter().all(|session| session.epoch == now.epoch), "round {round}: {living:?}");
        let known = (0..9).map(|racer| sid(&format!("{round}-{racer}")));
        for id in known.chain([sid(&named("a")), sid(&named("b"))]) {
            let lives = living.iter().any(|session| session.id == id);
            match store.session(&id).await.unwrap() {
                Some(session) if session.epoch == now.epoch => assert!(lives, "round {round}: {session:?}"),
                Some(session) => assert!(session.ended.is_some(), "round {round}: {session:?}"),
                None => assert!(!opened.contains(&id), "round {round}: {id} was opened"),
            }
        }
        assert_eq!(living.iter().any(|session| Some(&session.id) == kept.as_ref()), kept.is_some());
        assert!(!living.iter().any(|session| session.id == sid(&named("a"))));
    }
}

pub(crate) async fn the_list_has_every_end_once<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let mut expected = Vec::new();
    for n in 0..60 {
        // Every third one lives.
        let (id, at) = (format!("s{}", n * 37 % 60), second(n));
        let session = opened(&*store, &user, &id, at).await;
        if n % 3 > 0 {
            store.end_session(&sid(&id), EndReason::LoggedOut, at).await.unwrap();
            expected.push(EndedSession { id: session.id.clone(), until: session.remembered_until() });
        }
    }
    expected.sort_by(|one, other| one.id.cmp(&other.id));
    let at = date(second(100));
    assert_eq!(all_ended(&*store, at).await, expected);
    store.close().await;

    let store = place.open().await;
    assert_eq!(all_ended(&*store, at).await, expected);
}

pub(crate) async fn the_list_has_every_reason_and_nothing_that_has_expired<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let end = DAYS * 86_400;
    for (n, id) in ["displaced", "epoch", "logged out", "replayed"].into_iter().enumerate() {
        opened(&*store, &user, id, second(n as u64)).await;
    }
    assert!(all_ended(&*store, date(second(4))).await.is_empty(), "none has ended");
    store.end_session(&sid("logged out"), EndReason::LoggedOut, second(4)).await.unwrap();
    let replayed = refresh(&*store, "replayed", token(0, "0"), "2", second(4)).await;
    assert_eq!(replayed.verdict, Verdict::Replayed);
    assert_eq!(open(&*store, new_session(&user, "last", second(5)), 2).await, [sid("displaced")]);
    end_sessions(&*store, &user.id, Some(&sid("last")), second(6)).await;

    let all = ["displaced", "epoch", "logged out", "replayed"];
    for (at, listed) in
        [(6, &all[..]), (end, &all), (end + 1, &all[1..]), (end + 3, &all[3..]), (end + 4, &[])]
    {
        let ended = all_ended(&*store, date(second(at))).await;
        let ids: Vec<_> = ended.iter().map(|ended| ended.id.as_str()).collect();
        assert_eq!(ids, listed, "at second {at}");
    }
    store.purge(Expired::Sessions, date(second(end + 1)), MANY).await.unwrap();
    let ids: Vec<_> = all_ended(&*store, date(second(6))).await;
    assert_eq!(ids.len(), 3, "what is purged is on no list: {ids:?}");
}
