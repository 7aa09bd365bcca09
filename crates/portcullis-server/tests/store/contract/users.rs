//! Registration and lookup.

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use portcullis_server::{
    model::{Access, NewUser, PasswordHash, UserId, UserState},
    store::Creation,
};
use tokio::task::JoinSet;

use crate::backend::{Backend, login, moment, new_user, register};

const SPELLINGS: [&str; 4] = ["Alice", "alice", "ALICE", "ａｌｉｃｅ"];

pub(crate) async fn a_registered_user_is_found_by_every_spelling<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    assert!(register(&*store, "Alice").await);
    for spelling in SPELLINGS {
        let user = store.user_by_name(&login(spelling)).await.unwrap().expect(spelling);
        assert_eq!(user.username, "Alice", "as it was registered, whatever was typed");
    }
}

pub(crate) async fn a_name_that_nobody_has_finds_nobody<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    assert!(register(&*store, "alice").await);
    for name in ["alic", "alicee", "two words", "a%", "alice\0", "' OR 1=1 --", "{\"$gt\": \"\"}"] {
        assert!(store.user_by_name(&login(name)).await.unwrap().is_none(), "{name:?}");
    }
}

pub(crate) async fn a_taken_name_is_refused_in_every_spelling<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    assert!(register(&*store, "Alice").await);
    for spelling in SPELLINGS {
        assert!(!register(&*store, spelling).await, "{spelling} was registered a second time");
    }
    let user = store.user_by_name(&login("alice")).await.unwrap().unwrap();
    assert_eq!(user.password, new_user("Alice").password, "the first registration stands");
}

pub(crate) async fn of_many_registrations_at_once_exactly_one_is_made<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let mut racers = JoinSet::new();
    for racer in 0..100 {
        let store = Arc::clone(&store);
        racers.spawn(async move { register(&*store, SPELLINGS[racer % SPELLINGS.len()]).await });
    }
    let made = racers.join_all().await.into_iter().filter(|made| *made).count();
    assert_eq!(made, 1);
}

pub(crate) async fn different_names_at_once_are_all_made<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let mut racers = JoinSet::new();
    for racer in 0..100 {
        let store = Arc::clone(&store);
        racers.spawn(async move { register(&*store, &format!("user{racer}")).await });
    }
    assert!(racers.join_all().await.into_iter().all(|made| made));
    for racer in 0..100 {
        let name = login(&format!("USER{racer}"));
        assert!(store.user_by_name(&name).await.unwrap().is_some(), "{name:?}");
    }
}

pub(crate) async fn every_field_survives_a_restart<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let mut made = Vec::new();
    for (name, access, millis) in
        [("gast", Access::Guest, 1), ("Uschi", Access::User, 2), ("root", Access::Admin, 3)]
    {
        let user = NewUser { access, ..new_user(name) };
        let Creation::Created(user) = store.create_user(user, None, moment(millis)).await.unwrap() else {
            panic!("{name} should have been free");
        };
        assert_eq!((user.username.as_str(), user.access, user.created_at), (name, access, moment(millis)));
        made.push(user);
    }
    // One who was a user elsewhere, before there was a portcullis, and was disabled there.
    let since = UNIX_EPOCH - Duration::from_millis(1500);
    let user = NewUser { created_at: Some(since), state: UserState::Disabled, ..new_user("old") };
    let Creation::Created(user) = store.create_user(user, None, moment(4)).await.unwrap() else { panic!() };
    assert_eq!((user.created_at, user.state), (since, UserState::Disabled));
    made.push(user);
    store.close().await;

    let store = place.open().await;
    for expected in made {
        let user = store.user_by_name(&login(&expected.username)).await.unwrap().unwrap();
        assert_eq!(user.id, expected.id);
        assert_eq!(user.username, expected.username);
        assert_eq!(user.password, expected.password);
        assert_eq!(user.access, expected.access);
        assert_eq!(user.created_at, expected.created_at);
        assert_eq!(user.state, expected.state);
    }
}

pub(crate) async fn an_id_is_never_given_twice<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let mut ids = HashSet::new();
    for index in 0..200 {
        // One moment for all: the time alone must not make the id.
        let answer = store.create_user(new_user(&format!("user{index}")), None, moment(0)).await.unwrap();
        let Creation::Created(user) = answer else { panic!("user{index} should have been free") };
        assert!(ids.insert(user.id), "the id of user{index} is somebody else's");
    }
}

pub(crate) async fn a_hash_is_replaced_if_it_is_the_expected_one<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    assert!(register(&*store, "alice").await && register(&*store, "bob").await);
    let alice = store.user_by_name(&login("alice")).await.unwrap().unwrap();
    let new = PasswordHash::stored("$argon2id$new");
    let replace = |id: UserId, expected: PasswordHash| {
        let (store, new) = (Arc::clone(&store), new.clone());
        async move { store.replace_password_hash(&id, &expected, new).await.unwrap() }
    };
    assert!(!replace(alice.id.clone(), new.clone()).await, "another one is there");
    assert!(!replace(UserId::new("nobody"), alice.password.clone()).await);
    assert!(replace(alice.id.clone(), alice.password.clone()).await);
    assert!(!replace(alice.id.clone(), alice.password.clone()).await, "it is gone");
    store.close().await;

    let store = place.open().await;
    let found = store.user_by_id(&alice.id).await.unwrap().unwrap();
    assert_eq!((found.password, found.username, found.epoch), (new, alice.username, alice.epoch));
    let bob = store.user_by_name(&login("bob")).await.unwrap().unwrap();
    assert_eq!(bob.password, new_user("bob").password);
}

pub(crate) async fn of_many_replacements_at_once_one_is_made<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    assert!(register(&*store, "alice").await);
    let alice = store.user_by_name(&login("alice")).await.unwrap().unwrap();
    let mut racers = JoinSet::new();
    for racer in 0..20 {
        let (store, alice) = (Arc::clone(&store), alice.clone());
        racers.spawn(async move {
            let new = PasswordHash::stored(format!("$argon2id$by-{racer}"));
            let made = store.replace_password_hash(&alice.id, &alice.password, new.clone()).await.unwrap();
            made.then_some(new)
        });
    }
    let made: Vec<_> = racers.join_all().await.into_iter().flatten().collect();
    let found = store.user_by_id(&alice.id).await.unwrap().unwrap();
    assert_eq!(made, [found.password]);
}
