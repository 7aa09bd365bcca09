//! Sessions: opening, looking, what was seen of them, forgetting.

use std::{sync::Arc, time::Duration};

use portcullis::NumericDate;
use portcullis_server::{
    model::{AccessId, AccessTokenKind, EndReason, Ended, Head, Session, UserId},
    sessions::Shown,
    store::{Expired, Opening, Seen, Store},
};
use tokio::task::JoinSet;

use crate::{
    backend::{Backend, login, moment},
    sessions::{
        DAYS, IDLE_DAYS, MANY, a_user, date, day, end_reason, end_sessions, ids, living, new_session, open,
        opened, rotated, second, session, sid, token,
    },
};

pub(crate) async fn a_user_is_found_by_the_id<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    for name in ["alice", "bob"] {
        let user = a_user(&*store, name).await;
        let found = store.user_by_id(&user.id).await.unwrap().expect(name);
        assert_eq!((found.username.as_str(), &found.id, found.epoch), (name, &user.id, 0));
        let by_name = store.user_by_name(&login(name)).await.unwrap().expect(name);
        assert_eq!((by_name.id, by_name.epoch), (found.id, 0));
        assert_eq!((found.password, found.access), (user.password, user.access));
        assert_eq!(found.created_at, user.created_at);
    }
    for id in ["", "alice", "000000000000000000000000", "' OR 1=1 --"] {
        assert!(store.user_by_id(&UserId::new(id)).await.unwrap().is_none(), "{id:?}");
    }
}

pub(crate) async fn every_field_survives_a_restart<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let seconds = NumericDate::from_seconds;
    let full = Session {
        head: Head {
            refresh: token(u32::MAX, "of the head"),
            access_jti: "access".to_owned(),
            made_at: moment(1),
            issued_at: seconds(1_900_000_002),
            access_expires_at: seconds(1_900_000_003),
            refresh_expires_at: seconds(1_900_000_004),
            access: AccessTokenKind::Refreshed,
        },
        parent: Some(token(u32::MAX - 1, "of the parent")),
        seen: u32::MAX - 2,
        void_access: u32::MAX - 3,
        opened_at: moment(5),
        last_used: moment(6),
        ends_at: seconds(1_900_000_007),
        adopted_until: Some(Session::FOR_GOOD),
        access_tokens: Some(vec![AccessId {
            jti: "'日本' \"".to_owned(),
            expires_at: seconds(1_900_000_003),
        }]),
        device: Some("'日本' \"😀\"".to_owned()),
        ..new_session(&user, "full", moment(0))
    };
    let mut expected = vec![new_session(&user, "plain", moment(7)), full];
    for (n, reason) in EndReason::ALL.into_iter().enumerate() {
        let ended = Some(Ended { at: moment(8), reason });
        expected.push(Session { ended, ..new_session(&user, &format!("ended {n}"), moment(0)) });
    }
    for session in &expected {
        open(&*store, session.clone(), MANY).await;
    }
    store.close().await;

    let store = place.open().await;
    for expected in expected {
        assert_eq!(session(&*store, expected.id.as_str()).await, expected);
    }
    assert_eq!(store.session(&sid("nobody's")).await.unwrap(), None);
}

pub(crate) async fn a_session_of_nobody_or_of_another_epoch_is_refused<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let nobodys = Session { user: UserId::new("nobody"), ..new_session(&user, "nobody's", second(0)) };
    let early = Session { epoch: -1, ..new_session(&user, "early", second(0)) };
    let late = Session { epoch: 1, ..new_session(&user, "late", second(0)) };
    for refused in [nobodys, early, late] {
        let id = refused.id.clone();
        let answer = store.open_session(refused, &Shown::by(&user), MANY, second(0)).await.unwrap();
        assert!(matches!(answer, Opening::Refused), "{id}: {answer:?}");
        assert_eq!(store.session(&id).await.unwrap(), None, "nothing of it is left");
    }
    // Read before all sessions were ended, opened behind it.
    end_sessions(&*store, &user.id, None, second(1)).await;
    let stale = new_session(&user, "stale", second(2));
    let answer = store.open_session(stale, &Shown::by(&user), MANY, second(2)).await.unwrap();
    assert!(matches!(answer, Opening::Refused), "{answer:?}");
    let user = store.user_by_id(&user.id).await.unwrap().unwrap();
    opened(&*store, &user, "fresh", second(3)).await;
    assert_eq!(living(&*store, &user, second(3)).await, ["fresh"]);
}

pub(crate) async fn opening_the_same_session_again_changes_nothing<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let first = new_session(&user, "first", second(0));
    assert!(open(&*store, first.clone(), 2).await.is_empty());
    opened(&*store, &user, "second", second(1)).await;
    assert!(open(&*store, first.clone(), 2).await.is_empty());
    assert_eq!(living(&*store, &user, second(1)).await, ["second", "first"]);

    let after = rotated(&*store, &user, "rotated").await;
    open(&*store, new_session(&user, "rotated", second(0)), MANY).await;
    assert_eq!(session(&*store, "rotated").await, after, "what happened since stays");
    let over = store.end_session(&first.id, EndReason::LoggedOut, second(2)).await.unwrap().unwrap();
    open(&*store, first, MANY).await;
    assert_eq!(session(&*store, "first").await, over, "it does not wake");
}

pub(crate) async fn one_session_opened_by_many_at_once_is_one<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let mut racers = JoinSet::new();
    for _ in 0..50 {
        let (store, session) = (Arc::clone(&store), new_session(&user, "one", second(0)));
        racers.spawn(async move { open(&*store, session, 1).await });
    }
    assert!(racers.join_all().await.into_iter().all(|displaced| displaced.is_empty()));
    assert_eq!(living(&*store, &user, second(0)).await, ["one"]);
}

pub(crate) async fn the_least_recently_used_are_displaced<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let (user, other) = (a_user(&*store, "alice").await, a_user(&*store, "bob").await);
    opened(&*store, &other, "bob's", second(0)).await;
    for (id, at) in [("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5)] {
        opened(&*store, &user, id, second(at)).await;
    }
    // Neither one that has ended nor one that is over counts.
    store.end_session(&sid("e"), EndReason::LoggedOut, second(6)).await.unwrap();
    let short = Session { ends_at: date(second(7)), ..new_session(&user, "short", second(5)) };
    open(&*store, short, MANY).await;
    let seen = Seen { session: sid("a"), generation: 1, at: second(8) };
    store.note_seen(&[seen]).await.unwrap();
    assert_eq!(living(&*store, &user, second(10)).await, ["a", "d", "c", "b"]);

    assert!(open(&*store, new_session(&user, "f", second(10)), 5).await.is_empty(), "five may live");
    let mut displaced = open(&*store, new_session(&user, "g", second(11)), 4).await;
    displaced.sort();
    assert_eq!(displaced, [sid("b"), sid("c")]);
    assert_eq!(living(&*store, &user, second(11)).await, ["g", "f", "a", "d"]);
    for id in displaced {
        let over = session(&*store, id.as_str()).await;
        assert_eq!(over.ended, Some(Ended { at: second(11), reason: EndReason::Displaced }));
    }
    assert_eq!(end_reason(&session(&*store, "e").await), Some(EndReason::LoggedOut));
    assert_eq!(end_reason(&session(&*store, "short").await), None);
    assert_eq!(living(&*store, &other, second(11)).await, ["bob's"], "nobody else's");
}

pub(crate) async fn the_new_one_is_never_displaced<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    opened(&*store, &user, "of the future", second(1000)).await;
    // The clock was set back: by its last use it is the oldest.
    assert_eq!(open(&*store, new_session(&user, "new", second(0)), 1).await, [sid("of the future")]);
    assert_eq!(open(&*store, new_session(&user, "newer", second(1)), 0).await, [sid("new")]);
    assert_eq!(living(&*store, &user, second(1)).await, ["newer"]);
}

pub(crate) async fn many_opened_at_once_are_at_most_as_many_as_may_live<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let mut racers = JoinSet::new();
    for n in 0..60 {
        let (store, session) = (Arc::clone(&store), new_session(&user, &format!("s{n}"), second(n)));
        racers.spawn(async move { open(&*store, session, 3).await });
    }
    let displaced = racers.join_all().await.concat();
    let living = living(&*store, &user, second(60)).await;
    assert!((1..=3).contains(&living.len()), "{living:?}");
    for n in 0..60 {
        let session = session(&*store, &format!("s{n}")).await;
        assert_eq!(session.ended.is_none(), living.contains(&session.id.to_string()), "{session:?}");
        assert_eq!(session.ended.is_some(), displaced.contains(&session.id), "somebody was told");
    }
}

pub(crate) async fn a_list_has_what_lives_in_the_order_of_use<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let (user, other) = (a_user(&*store, "alice").await, a_user(&*store, "bob").await);
    for (id, at) in [("old", 1), ("new", 3), ("middle", 2), ("ended", 4)] {
        opened(&*store, &user, id, second(at)).await;
    }
    store.end_session(&sid("ended"), EndReason::LoggedOut, second(5)).await.unwrap();
    let listed = store.sessions_of(&user.id, second(5)).await.unwrap();
    assert_eq!(listed.first(), Some(&session(&*store, "new").await));
    assert_eq!(ids(listed), [sid("new"), sid("middle"), sid("old")]);
    assert!(living(&*store, &other, second(5)).await.is_empty());
    assert!(store.sessions_of(&UserId::new("nobody"), second(5)).await.unwrap().is_empty());

    // For want of use, to the second.
    let last = day(IDLE_DAYS) + Duration::from_millis(1999);
    assert_eq!(living(&*store, &user, last).await, ["new", "middle"]);
    assert!(living(&*store, &user, day(DAYS)).await.is_empty());
    assert_eq!(living(&*store, &user, second(5)).await.len(), 3, "asking ends nothing");
}

pub(crate) async fn what_was_seen_only_rises<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    for id in ["a", "b"] {
        opened(&*store, &user, id, second(10)).await;
    }
    let seen = |id: &str, generation, at| Seen { session: sid(id), generation, at: second(at) };
    store.note_seen(&[]).await.unwrap();
    for (news, expected) in [
        (vec![seen("a", 2, 20), seen("nobody's", 9, 90), seen("b", 1, 30)], [(2, 20), (1, 30)]),
        (vec![seen("a", 1, 15)], [(2, 20), (1, 30)]),
        (vec![seen("a", 1, 40), seen("b", 3, 5)], [(2, 40), (3, 30)]),
        (vec![seen("a", 5, 50), seen("a", 4, 60), seen("a", 3, 55)], [(5, 60), (3, 30)]),
        (vec![seen("a", 5, 60), seen("b", 3, 30)], [(5, 60), (3, 30)]),
    ] {
        store.note_seen(&news).await.unwrap();
        for (id, (generation, at)) in ["a", "b"].into_iter().zip(expected) {
            let expected =
                Session { seen: generation, last_used: second(at), ..new_session(&user, id, second(10)) };
            assert_eq!(session(&*store, id).await, expected, "after {news:?}");
        }
    }
    assert_eq!(store.session(&sid("nobody's")).await.unwrap(), None);
}

pub(crate) async fn purge_takes_what_expired_before_and_nothing_else<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let ends = |id: &str, at| Session { ends_at: date(second(at)), ..new_session(&user, id, second(0)) };
    // Its refresh token and its access token count as well, should they live longer than the session.
    let head = |mut session: Session, refresh, access| {
        session.head.refresh_expires_at = date(second(refresh));
        session.head.access_expires_at = date(second(access));
        session
    };
    for session in [
        head(ends("before", 99), 99, 99),
        head(ends("ended before", 99), 50, 50),
        head(ends("at", 100), 100, 50),
        head(ends("after", 101), 50, 50),
        head(ends("by its refresh token", 50), 101, 50),
        head(ends("by its access token", 50), 50, 101),
    ] {
        open(&*store, session, MANY).await;
    }
    store.end_session(&sid("ended before"), EndReason::LoggedOut, second(1)).await.unwrap();
    assert_eq!(purge(&*store, 100, 10).await, 2);
    assert_eq!(purge(&*store, 100, 10).await, 0, "a second time there is nothing to do");
    for id in ["before", "ended before"] {
        assert_eq!(store.session(&sid(id)).await.unwrap(), None);
    }
    for id in ["at", "after", "by its refresh token", "by its access token"] {
        session(&*store, id).await;
    }
    assert_eq!(purge(&*store, 102, 10).await, 4);
}

pub(crate) async fn purge_stops_at_its_limit<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    for n in 0..10 {
        opened(&*store, &user, &format!("s{n}"), second(n)).await;
    }
    let all = DAYS * 86_400 + 100;
    assert_eq!(purge(&*store, all, 0).await, 0);
    let mut rounds = Vec::new();
    while rounds.last() != Some(&0) {
        rounds.push(purge(&*store, all, 4).await);
    }
    assert_eq!(rounds, [4, 4, 2, 0]);
}

async fn purge(store: &dyn Store, before: u64, limit: usize) -> usize {
    store.purge(Expired::Sessions, date(second(before)), limit).await.unwrap()
}

pub(crate) async fn one_that_has_ended_before_it_is_opened_only_takes_its_name<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    opened(&*store, &user, "living", second(0)).await;
    let ended = Some(Ended { at: second(1), reason: EndReason::LoggedOut });
    let tomb = Session { ended, ..new_session(&user, "tomb", second(1)) };
    assert!(open(&*store, tomb.clone(), 1).await.is_empty(), "nobody has to go for it");
    assert!(open(&*store, new_session(&user, "tomb", second(2)), 1).await.is_empty());
    assert_eq!(session(&*store, "tomb").await, tomb);
    assert_eq!(living(&*store, &user, second(2)).await, ["living"]);
}
