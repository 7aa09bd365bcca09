//! That somebody can administer users, whoever takes whom away.

use std::sync::Arc;

use portcullis_server::{
    model::{Access, NewUser, Provided, User, UserChange, UserChanged, UserQuery, UserState},
    store::{Creation, Store, StoreErrorKind},
};
use tokio::task::JoinSet;

use crate::{
    backend::{Backend, new_user},
    sessions::{a_user, a_user_of, again, change, living, opened, second},
};

/// The enabled administrators.
async fn admins(store: &dyn Store) -> Vec<User> {
    let (access, state) = (Some(Access::Admin), Some(UserState::Enabled));
    store.users(&UserQuery { access, state, limit: 100, ..UserQuery::default() }).await.unwrap().users
}

/// What takes an administrator away.
fn ways_out() -> [UserChange; 4] {
    [
        UserChange::Access(Access::User),
        UserChange::Disable,
        UserChange::Access(Access::Guest),
        UserChange::Delete { name_free_at: second(1000) },
    ]
}

pub(crate) async fn the_last_one_stays<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let root = a_user_of(&*store, Access::Admin, "root").await;
    let user = a_user(&*store, "alice").await;
    let disabled = a_user_of(&*store, Access::Admin, "disabled").await;
    opened(&*store, &root, "s", second(0)).await;
    change(&*store, &disabled.id, UserChange::Disable, second(0)).await;
    for way in ways_out() {
        let answer = store.change_user(&root.id, &way, None, second(1)).await.unwrap();
        assert!(matches!(answer, UserChanged::LastAdmin), "{way:?}: {answer:?}");
    }
    let now = again(&*store, &root).await;
    assert_eq!((now.access, now.state, now.epoch), (Access::Admin, UserState::Enabled, root.epoch));
    assert_eq!(living(&*store, &root, second(1)).await, ["s"], "nothing of it has happened");
    // Whatever leaves an administrator is done, and so is everything to those who are none.
    for change in [
        UserChange::Access(Access::Admin),
        UserChange::Enable,
        UserChange::Unlock,
        UserChange::EndSessions { keep: None },
    ] {
        self::change(&*store, &root.id, change, second(2)).await;
    }
    for way in ways_out() {
        change(&*store, &disabled.id, way.clone(), second(2)).await;
        change(&*store, &user.id, way, second(2)).await;
    }
    // With another one it is done.
    a_user_of(&*store, Access::Admin, "next").await;
    change(&*store, &root.id, UserChange::Access(Access::User), second(3)).await;
    assert_eq!(admins(&*store).await.len(), 1);
}

/// Administrators are taken away at once, round after round: at least one stays each time, and with another one each of
/// them can go.
async fn one_of_them_stays<B: Backend>(at_once: usize) {
    let place = B::fresh().await;
    let store = place.open().await;
    for round in 0..20 {
        let mut racing = Vec::new();
        for n in 0..at_once {
            racing.push(a_user_of(&*store, Access::Admin, &format!("admin{round}-{n}")).await);
        }
        // Those of the round before go, which leaves these alone.
        for admin in admins(&*store).await {
            if !racing.iter().any(|racing| racing.id == admin.id) {
                change(&*store, &admin.id, UserChange::Access(Access::User), second(0)).await;
            }
        }
        let mut racers = JoinSet::new();
        for (n, admin) in racing.iter().enumerate() {
            let (store, id) = (Arc::clone(&store), admin.id.clone());
            let way = ways_out()[(round + n) % 4].clone();
            racers.spawn(async move {
                match store.change_user(&id, &way, None, second(1)).await.unwrap() {
                    UserChanged::Done { .. } => 1,
                    UserChanged::LastAdmin => 0,
                    other => panic!("{other:?}"),
                }
            });
        }
        let gone: usize = racers.join_all().await.into_iter().sum();
        let left = admins(&*store).await;
        assert!(!left.is_empty(), "round {round}: nobody is left");
        assert_eq!(left.len(), at_once - gone, "round {round}: what is answered has happened");
        // One after the other, all but one can go.
        for admin in &left[1..] {
            change(&*store, &admin.id, UserChange::Disable, second(2)).await;
        }
    }
}

pub(crate) async fn of_two_who_go_at_once_one_stays<B: Backend>() {
    one_of_them_stays::<B>(2).await;
}

pub(crate) async fn of_three_who_go_at_once_one_stays<B: Backend>() {
    one_of_them_stays::<B>(3).await;
}

pub(crate) async fn one_who_is_taken_away_by_many_at_once_goes_once<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    a_user_of(&*store, Access::Admin, "stays").await;
    for round in 0..5 {
        let admin = a_user_of(&*store, Access::Admin, &format!("goes{round}")).await;
        let mut racers = JoinSet::new();
        for n in 0..6 {
            let (store, id, way) = (Arc::clone(&store), admin.id.clone(), ways_out()[n % 4].clone());
            racers.spawn(async move {
                let answer = store.change_user(&id, &way, None, second(1)).await.unwrap();
                assert!(matches!(answer, UserChanged::Done { .. } | UserChanged::NoSuchUser), "{answer:?}");
            });
        }
        racers.join_all().await;
        let left = admins(&*store).await;
        assert_eq!(left.iter().map(|admin| &*admin.username).collect::<Vec<_>>(), ["stays"]);
    }
}

/// Somebody who is to be made where nobody administers.
fn first(name: &str) -> NewUser {
    NewUser { access: Access::Admin, provided: Provided::NobodyAdministers, ..new_user(name) }
}

pub(crate) async fn of_many_who_would_be_the_first_one_is<B: Backend>() {
    const MANY: usize = 8;
    let place = B::fresh().await;
    let store = place.open().await;
    a_user(&*store, "alice").await;
    let disabled = NewUser { access: Access::Admin, state: UserState::Disabled, ..new_user("disabled") };
    store.create_user(disabled, None, second(0)).await.unwrap();
    // Who could not be made is in nobody's way.
    let taken = store.create_user(first("alice"), None, second(1)).await.unwrap();
    assert!(matches!(taken, Creation::NameTaken), "{taken:?}");
    let mut making = JoinSet::new();
    for name in 0..MANY {
        let store = store.clone();
        making.spawn(async move { store.create_user(first(&format!("root{name}")), None, second(1)).await });
    }
    let mut made = 0;
    for answer in making.join_all().await {
        match answer {
            Ok(Creation::Created(_)) => made += 1,
            Ok(Creation::NameTaken) => panic!("each has a name of its own"),
            Ok(Creation::SomebodyAdministers) => {}
            Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}"),
        }
    }
    assert_eq!((made, admins(&*store).await.len()), (1, 1));
    let late = store.create_user(first("late"), None, second(2)).await.unwrap();
    assert!(matches!(late, Creation::SomebodyAdministers), "{late:?}");
    a_user_of(&*store, Access::Admin, "another").await;
}
