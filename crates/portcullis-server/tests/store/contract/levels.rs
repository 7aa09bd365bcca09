//! Another access level: what says the old one is void, and every session goes on with the new one.

use std::{collections::HashMap, sync::Arc, time::Duration};

use portcullis_server::{
    model::{Access, AccessTokenKind, EndReason, Revocation, Session, SessionId, User, UserChange},
    sessions::{AdoptedToken, Shown, Verdict, adopted, relevelled},
    store::{Opening, Store},
};
use tokio::task::JoinSet;

use crate::{
    backend::{Backend, EVER, streamed},
    sessions::{
        MANY, POLICY, a_user, a_user_of, again, change, living, new_session, open, opened, refresh, rotated,
        second, session, sid, token, using,
    },
};

/// Sets a level, and answers the sessions whose access tokens it made void, in order of their names.
async fn set(store: &dyn Store, user: &User, access: Access) -> Vec<Session> {
    let mut sessions = change(store, &user.id, UserChange::Access(access), second(101)).await;
    sessions.sort_by(|one, other| one.id.cmp(&other.id));
    sessions
}

pub(crate) async fn access_tokens_of_before_are_void_and_sessions_live<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let (user, other) = (a_user(&*store, "alice").await, a_user(&*store, "bob").await);
    let before = [opened(&*store, &user, "a", second(0)).await, rotated(&*store, &user, "b").await];
    opened(&*store, &user, "over", second(0)).await;
    let over = store.end_session(&sid("over"), EndReason::LoggedOut, second(1)).await.unwrap().unwrap();
    let bobs = opened(&*store, &other, "bob's", second(0)).await;
    let after = set(&*store, &user, Access::Admin).await;
    assert_eq!(after, [session(&*store, "a").await, session(&*store, "b").await]);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(after.void_access, before.head.refresh.generation);
        assert_eq!(after.head.refresh.generation, before.head.refresh.generation + 1);
        assert_eq!(after.head.refresh.jti, before.head.refresh.jti, "the refresh token stays");
        assert_ne!(after.head.access_jti, before.head.access_jti);
        assert_eq!(after.head.access, AccessTokenKind::Refreshed);
        assert_eq!(Some(after), relevelled(before).as_ref());
    }
    store.close().await;

    let store = place.open().await;
    let now = again(&*store, &user).await;
    assert_eq!((now.access, now.epoch), (Access::Admin, user.epoch));
    assert_eq!(living(&*store, &user, second(102)).await.len(), 2);
    assert_eq!((session(&*store, "over").await, session(&*store, "bob's").await), (over, bobs));
    assert_eq!(again(&*store, &other).await.access, other.access);
    let (heard, _) = streamed(&*store, None, EVER).await.unwrap();
    for expected in after {
        assert!(heard.contains(&expected.revocation().unwrap()), "{heard:?}");
    }
}

pub(crate) async fn a_refresh_goes_on_with_the_new_level<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    a_user_of(&*store, Access::Admin, "root").await;
    let user = a_user(&*store, "alice").await;
    // Presented as it was given out: the head and its parent, within the window and later.
    for (id, presented, seconds, verdict) in [
        ("head", token(2, "2"), 129, Verdict::Repeat),
        ("head, later", token(2, "2"), 130, Verdict::Rotate),
        ("parent", token(1, "1"), 129, Verdict::Repeat),
        ("parent, later", token(1, "1"), 130, Verdict::Reissue),
    ] {
        rotated(&*store, &user, id).await;
        let level = if verdict == Verdict::Repeat { Access::Guest } else { Access::Admin };
        set(&*store, &user, level).await;
        let refreshed = refresh(&*store, id, presented, "3", second(seconds)).await;
        assert_eq!(refreshed.verdict, verdict, "{id}");
        assert_eq!(refreshed.user.unwrap().access, level, "{id}");
        let session = refreshed.session.unwrap();
        assert!(session.head.refresh.generation > session.void_access, "{id}: what it gives out is good");
        assert_eq!(session, self::session(&*store, id).await);
    }
}

pub(crate) async fn the_same_level_again_costs_one_more_refresh<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    rotated(&*store, &user, "s").await;
    for round in 1..=3 {
        let after = set(&*store, &user, Access::Guest).await;
        assert_eq!(after[0].head.refresh.generation, 2 + round);
    }
    // Whoever has not come since presents what was given out first, and goes on.
    let refreshed = refresh(&*store, "s", token(2, "2"), "3", second(130)).await;
    assert_eq!(refreshed.verdict, Verdict::Rotate);
    let after = refreshed.session.unwrap();
    assert_eq!((after.parent, after.head.refresh), (Some(token(5, "2")), token(6, "3")));
    // And again, as whoever did not get the answer.
    let refreshed = refresh(&*store, "s", token(2, "2"), "x", second(140)).await;
    assert_eq!(
        (refreshed.verdict, refreshed.session.unwrap().head.refresh),
        (Verdict::Repeat, token(6, "3"))
    );
    // What is older than both is somebody's copy still.
    assert_eq!(refresh(&*store, "s", token(1, "1"), "x", second(141)).await.verdict, Verdict::Replayed);
}

pub(crate) async fn a_session_is_opened_for_the_level_that_was_read<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    a_user_of(&*store, Access::Admin, "root").await;
    let user = a_user(&*store, "alice").await;
    assert!(set(&*store, &user, Access::Admin).await.is_empty());
    let late = new_session(&user, "late", second(102));
    let answer = store.open_session(late, &Shown::by(&user), MANY, second(102)).await.unwrap();
    assert!(matches!(answer, Opening::UserChanged), "{answer:?}");
    assert_eq!(store.session(&sid("late")).await.unwrap(), None, "nothing of it is left");
    // One that is adopted gives nothing out yet: its first refresh looks at the user.
    let theirs = AdoptedToken { jti: "theirs", issued_at: None, expires_at: None };
    let owner = (&user.id, user.epoch);
    let session = adopted(sid("adopted"), owner, &theirs, Duration::from_hours(1), second(102));
    let answer = store.open_session(session.clone(), &Shown::by(&user), MANY, second(102)).await.unwrap();
    assert!(matches!(answer, Opening::Opened { .. }), "{answer:?}");
    // And has no access token that could be void.
    assert_eq!(set(&*store, &user, Access::User).await, []);
    assert_eq!(self::session(&*store, "adopted").await, session);
    let user = again(&*store, &user).await;
    open(&*store, new_session(&user, "new", second(103)), MANY).await;
}

/// An access token that somebody holds: its session, its generation, and the level that it says.
type Held = (SessionId, u32, Access);

/// What a login has by the time that it is answered: the level is signed before the session is opened.
async fn log_in(store: &dyn Store, user: &User, id: &str) -> Option<Held> {
    let user = again(store, user).await;
    let session = new_session(&user, id, second(100));
    let answer = store.open_session(session, &Shown::by(&user), MANY, second(100)).await.unwrap();
    matches!(answer, Opening::Opened { .. }).then(|| (sid(id), 1, user.access))
}

/// What a refresh has: the level is that of the user whom the store answers with.
async fn go_on(store: &dyn Store, id: &str, name: &str) -> Option<Held> {
    let refresh = using(token(1, "1"), name, POLICY);
    let refreshed = store.refresh_session(&sid(id), &refresh, second(100)).await.unwrap();
    let (session, user) = (refreshed.session?, refreshed.user?);
    assert!(matches!(refreshed.verdict, Verdict::Rotate | Verdict::Repeat), "{:?}", refreshed.verdict);
    Some((session.id, session.head.refresh.generation, user.access))
}

pub(crate) async fn no_access_token_of_an_earlier_level_survives_a_race<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    a_user_of(&*store, Access::Admin, "root").await;
    for round in 0..30_usize {
        let user = a_user(&*store, &format!("user{round}")).await;
        let mut held: Vec<Held> = Vec::new();
        for id in ["a", "b"] {
            opened(&*store, &user, &format!("{round}-{id}"), second(0)).await;
            held.push((sid(&format!("{round}-{id}")), 1, user.access));
        }
        let mut racers = JoinSet::new();
        for racer in 0..9 {
            let (store, user) = (Arc::clone(&store), user.clone());
            let (new, old) = (format!("{round}-{racer}"), format!("{round}-{}", ["a", "b"][racer / 2 % 2]));
            racers.spawn(async move {
                // The changes take other places among them in every round; of two the store decides which is the last.
                if racer == round % 9 || (round % 2 == 1 && racer == (round + 4) % 9) {
                    let level = if racer == round % 9 { Access::Admin } else { Access::Guest };
                    change(&*store, &user.id, UserChange::Access(level), second(100)).await;
                    return None;
                }
                if racer % 2 == 0 {
                    log_in(&*store, &user, &new).await
                } else {
                    go_on(&*store, &old, &new).await
                }
            });
        }
        held.extend(racers.join_all().await.into_iter().flatten());

        let level = again(&*store, &user).await.access;
        let (refused, _) = streamed(&*store, None, EVER).await.unwrap();
        let void: HashMap<_, _> = refused
            .into_iter()
            .filter_map(|revocation| match revocation {
                Revocation::Access { session, up_to, .. } => Some((session, up_to)),
                Revocation::Session(ended) => Some((ended.id, u32::MAX)),
                _ => None,
            })
            .collect();
        for (id, generation, says) in held {
            let up_to = void.get(&id).copied().unwrap_or(0);
            assert!(says == level || generation <= up_to, "round {round}: {id} {generation} says {says:?}");
        }
        // None of them was thrown out by it, but for those that were being opened.
        for id in ["a", "b"] {
            let refreshed = go_on(&*store, &format!("{round}-{id}"), "last").await;
            let (id, generation, says) = refreshed.unwrap();
            assert!(says == level && generation > void.get(&id).copied().unwrap_or(0), "round {round}: {id}");
        }
    }
}
