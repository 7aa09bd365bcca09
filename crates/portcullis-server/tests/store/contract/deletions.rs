//! Deleted users: gone from everywhere at once, with every session, and their names kept for a while.

use std::sync::Arc;

use portcullis_server::{
    model::{EndReason, PasswordHash, User, UserChange, UserChanged, UserQuery},
    sessions::{Shown, Verdict},
    store::{Creation, Expired, Opening, Store},
};
use tokio::task::JoinSet;

use crate::{
    backend::{Backend, login, moment, new_user},
    sessions::{
        MANY, POLICY, a_user, again, all_ended, change, date, day, end_reason, ids, living, new_session,
        opened, refresh, second, session, sid, token, using,
    },
};

/// When the names of these tests are free again, in seconds.
const FREE: u64 = 1000;

fn deletion() -> UserChange {
    UserChange::Delete { name_free_at: second(FREE) }
}

/// Registers a name at a moment; `None` where it was not free.
async fn register_at(store: &dyn Store, name: &str, seconds: u64) -> Option<User> {
    match store.create_user(new_user(name), None, second(seconds)).await.unwrap() {
        Creation::Created(user) => Some(user),
        Creation::NameTaken => None,
        Creation::SomebodyAdministers => panic!("nobody was to administer"),
    }
}

async fn names(store: &dyn Store) -> Vec<String> {
    let page = store.users(&UserQuery { limit: 100, ..UserQuery::default() }).await.unwrap();
    page.users.into_iter().map(|user| user.username).collect()
}

pub(crate) async fn a_deleted_user_is_gone_with_every_session<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let (user, other) = (a_user(&*store, "Alice").await, a_user(&*store, "bob").await);
    for id in ["a", "b", "over"] {
        opened(&*store, &user, id, second(0)).await;
    }
    opened(&*store, &other, "bob's", second(0)).await;
    store.end_session(&sid("over"), EndReason::LoggedOut, second(0)).await.unwrap();
    let answer = store.change_user(&user.id, &deletion(), None, second(1)).await.unwrap();
    let UserChanged::Done { user: was, sessions } = answer else { panic!("{answer:?}") };
    assert_eq!((was.username, was.password), (user.username.clone(), user.password.clone()), "as it was");
    assert!(sessions.iter().all(|session| end_reason(session) == Some(EndReason::Epoch)));
    let mut ended = ids(sessions);
    ended.sort();
    assert_eq!(ended, [sid("a"), sid("b")]);
    store.close().await;

    let store = place.open().await;
    assert!(store.user_by_id(&user.id).await.unwrap().is_none());
    for spelling in ["Alice", "alice", "ＡＬＩＣＥ"] {
        assert!(store.user_by_name(&login(spelling)).await.unwrap().is_none(), "{spelling}");
    }
    assert_eq!(names(&*store).await, ["bob"]);
    assert!(living(&*store, &user, second(1)).await.is_empty());
    let refreshed = refresh(&*store, "a", token(1, "1"), "2", second(1)).await;
    assert_eq!((refreshed.verdict, refreshed.user.map(|user| user.id)), (Verdict::Gone, None));
    let late = new_session(&user, "late", second(1));
    let answer = store.open_session(late, &Shown::by(&user), MANY, second(1)).await.unwrap();
    assert!(matches!(answer, Opening::Refused), "{answer:?}");
    let new = PasswordHash::stored("$argon2id$new");
    assert!(!store.replace_password_hash(&user.id, &user.password, new).await.unwrap());
    assert!(!store.replace_password_hash(&user.id, &PasswordHash::stored(""), user.password).await.unwrap());
    assert_eq!(all_ended(&*store, date(second(1))).await.len(), 3, "every end is remembered");
    assert_eq!(living(&*store, &other, second(1)).await, ["bob's"]);
}

pub(crate) async fn the_same_deletion_again_finds_nobody_and_no_session<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    opened(&*store, &user, "s", second(0)).await;
    change(&*store, &user.id, deletion(), second(1)).await;
    for again in [
        deletion(),
        UserChange::Enable,
        UserChange::Disable,
        UserChange::Unlock,
        UserChange::EndSessions { keep: Some(sid("s")) },
        UserChange::Password { expected: user.password.clone(), new: user.password.clone(), keep: None },
    ] {
        let answer = store.change_user(&user.id, &again, None, second(2)).await.unwrap();
        assert!(matches!(answer, UserChanged::NoSuchUser), "{again:?}: {answer:?}");
    }
    assert_eq!(end_reason(&session(&*store, "s").await), Some(EndReason::Epoch));
    assert!(store.user_by_id(&user.id).await.unwrap().is_none());
}

pub(crate) async fn the_name_is_kept_until_its_moment_and_free_from_then_on<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "Alice").await;
    opened(&*store, &user, "old", second(0)).await;
    change(&*store, &user.id, deletion(), second(1)).await;
    store.close().await;

    let store = place.open().await;
    for spelling in ["Alice", "alice", "ＡＬＩＣＥ"] {
        for seconds in [1, FREE - 1] {
            assert!(register_at(&*store, spelling, seconds).await.is_none(), "{spelling} at {seconds}");
        }
    }
    assert!(register_at(&*store, "alicia", 1).await.is_some(), "no other name is");
    let new = register_at(&*store, "alice", FREE).await.expect("it is free");
    assert_ne!(new.id, user.id);
    assert!(register_at(&*store, "Alice", FREE + 1).await.is_none(), "and then taken");
    assert_eq!(store.user_by_name(&login("Alice")).await.unwrap().unwrap().id, new.id);
    assert!(living(&*store, &new, second(FREE)).await.is_empty());
    assert_eq!(refresh(&*store, "old", token(1, "1"), "2", second(FREE)).await.verdict, Verdict::Gone);
    assert_eq!(again(&*store, &new).await.password, new.password);
    // The next who has it is deleted like the first.
    opened(&*store, &new, "new", second(FREE)).await;
    let until = UserChange::Delete { name_free_at: second(2 * FREE) };
    assert_eq!(ids(change(&*store, &new.id, until, second(FREE + 1)).await), [sid("new")]);
    assert!(register_at(&*store, "alice", 2 * FREE - 1).await.is_none());
    assert!(register_at(&*store, "alice", 2 * FREE).await.is_some());
}

pub(crate) async fn no_session_lives_after_a_race_with_a_deletion<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    for round in 0..27_usize {
        let user = a_user(&*store, &format!("user{round}")).await;
        for id in ["a", "b"] {
            opened(&*store, &user, &format!("{round}-{id}"), second(0)).await;
        }
        let mut racers = JoinSet::new();
        for racer in 0..9 {
            let (store, user) = (Arc::clone(&store), user.clone());
            let (new, old) =
                (format!("{round}-{racer}"), sid(&format!("{round}-{}", ["a", "b"][racer / 2 % 2])));
            let role = if racer == round % 9 { 2 } else { racer % 2 };
            racers.spawn(async move {
                match role {
                    0 => {
                        // As it was read before.
                        let session = new_session(&user, &new, second(100));
                        store.open_session(session, &Shown::by(&user), MANY, second(100)).await.unwrap();
                    }
                    1 => {
                        let refresh = using(token(1, "1"), &new, POLICY);
                        store.refresh_session(&old, &refresh, second(100)).await.unwrap();
                    }
                    _ => drop(change(&*store, &user.id, deletion(), second(100)).await),
                }
            });
        }
        racers.join_all().await;
        assert!(store.user_by_id(&user.id).await.unwrap().is_none());
        assert!(living(&*store, &user, second(101)).await.is_empty(), "round {round}");
        let all = (0..9).map(|racer| format!("{round}-{racer}"));
        for id in all.chain(["a", "b"].map(|id| format!("{round}-{id}"))) {
            let over = store.session(&sid(&id)).await.unwrap();
            assert!(over.is_none_or(|session| session.ended.is_some()), "round {round}: {id}");
        }
    }
}

pub(crate) async fn nobody_gets_the_name_in_a_race_with_a_deletion<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    for round in 0..10 {
        let name = format!("user{round}");
        let user = a_user(&*store, &name).await;
        let mut racers = JoinSet::new();
        for racer in 0..12 {
            let (store, user, name) = (Arc::clone(&store), user.clone(), name.clone());
            racers.spawn(async move {
                if racer % 4 == round % 4 {
                    let answer = store.change_user(&user.id, &deletion(), None, second(1)).await.unwrap();
                    assert!(matches!(answer, UserChanged::Done { .. } | UserChanged::NoSuchUser));
                } else {
                    assert!(register_at(&*store, &name, 1).await.is_none(), "{name}");
                }
            });
        }
        racers.join_all().await;
        assert!(store.user_by_name(&login(&name)).await.unwrap().is_none());
        assert!(register_at(&*store, &name, 2).await.is_none());
    }
    assert!(names(&*store).await.is_empty());
}

pub(crate) async fn what_is_left_is_purged_when_the_name_is_free<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let stays = a_user(&*store, "stays").await;
    for n in 0..10 {
        let user = a_user(&*store, &format!("user{n}")).await;
        opened(&*store, &user, &format!("s{n}"), second(0)).await;
        change(&*store, &user.id, deletion(), second(1)).await;
    }
    // Their sessions first, which are remembered for longer.
    assert_eq!(store.purge(Expired::Sessions, date(day(1000)), 100).await.unwrap(), 10);
    let purge = |before, limit| store.purge(Expired::Users, date(second(before)), limit);
    assert_eq!(purge(FREE, 100).await.unwrap(), 0, "free from then on");
    assert_eq!(purge(FREE + 1, 0).await.unwrap(), 0);
    for expected in [4, 4, 2, 0] {
        assert_eq!(purge(FREE + 1, 4).await.unwrap(), expected);
    }
    assert_eq!(names(&*store).await, ["stays"]);
    assert_eq!(again(&*store, &stays).await.password, stays.password);
    assert_eq!(store.purge(Expired::Users, date(moment(u64::from(u32::MAX))), 100).await.unwrap(), 0);
    assert!(register_at(&*store, "user0", FREE).await.is_some());
}
