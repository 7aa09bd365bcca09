//! Changes of users beside whatever else may happen to documents: marks that were left behind, deletions that were cut
//! off, users of the Flask application.

use mongodb::bson::{Binary, Bson, DateTime, doc, oid::ObjectId, spec::BinarySubtype};
use portcullis_server::{
    model::{
        Access, AuditEvent, EventKind, EventQuery, NamePrefix, NewUser, PasswordHash, Provided, UserChange,
        UserChanged, UserId, UserQuery, UserState,
    },
    sessions::{LockPolicy, Shown, Verdict},
    store::{Creation, Opening, Store},
};

use super::{Mongo, is_there};
use crate::{
    backend::{assert_unavailable, login, new_user},
    sessions::{
        MANY, a_user, a_user_of, again, all_ended, change, date, living, new_session, opened, refresh,
        second, session, token,
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_being_taken_away_counts_as_no_other_administrator_for_a_minute() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = place.store().await;
    let users = place.collection("users").await;
    let (root, other) =
        (a_user_of(&store, Access::Admin, "root").await, a_user_of(&store, Access::Admin, "other").await);
    let mark =
        |at| doc! { "leaving": { "by": ObjectId::new(), "at": DateTime::from_system_time(second(at)) } };
    let of_other = doc! { "username": "other" };
    users.update_one(of_other.clone(), doc! { "$set": mark(100) }).await.unwrap();
    let answer = store.change_user(&root.id, &UserChange::Disable, None, second(159)).await.unwrap();
    assert!(matches!(answer, UserChanged::LastAdmin), "{answer:?}");
    let left = users.find_one(doc! { "username": "root" }).await.unwrap().unwrap();
    assert!(!left.contains_key("leaving"), "its own mark is gone with it");
    assert_eq!(again(&store, &root).await.state, UserState::Enabled);
    // Left behind by somebody who never came back, or whose clock was far ahead.
    for at in [100, 100_000] {
        users.update_one(of_other.clone(), doc! { "$set": mark(at) }).await.unwrap();
        change(&store, &root.id, UserChange::Disable, second(160)).await;
        let other = users.find_one(of_other.clone()).await.unwrap().unwrap();
        assert!(!other.contains_key("leaving"), "whoever left it cannot go on by it");
        change(&store, &root.id, UserChange::Enable, second(160)).await;
    }
    let document = users.find_one(doc! { "username": "root" }).await.unwrap().unwrap();
    assert!(!document.contains_key("leaving") && !document.contains_key("disabled"), "{document}");
    change(&store, &other.id, UserChange::Access(Access::User), second(160)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_of_the_flask_application_count() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = place.store().await;
    let users = place.collection("users").await;
    let root = a_user_of(&store, Access::Admin, "root").await;
    for (level, disabled, counts) in [
        (Bson::Int32(2), None, true),
        (Bson::Int64(2), Some(Bson::Boolean(false)), true),
        (Bson::Double(2.0), Some(Bson::Null), true),
        (Bson::Int32(1), None, false),
        (Bson::Int32(2), Some(Bson::Boolean(true)), false),
        (Bson::String("2".to_owned()), None, false),
    ] {
        let mut theirs = doc! { "username": "theirs", "password": "hash", "access": level };
        theirs.extend(disabled.map(|disabled| ("disabled".to_owned(), disabled)));
        users.insert_one(theirs.clone()).await.unwrap();
        let answer =
            store.change_user(&root.id, &UserChange::Access(Access::User), None, second(1)).await.unwrap();
        assert_eq!(matches!(answer, UserChanged::Done { .. }), counts, "{theirs}: {answer:?}");
        change(&store, &root.id, UserChange::Access(Access::Admin), second(1)).await;
        users.delete_one(doc! { "username": "theirs" }).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_was_cut_off_is_finished_by_the_same_call() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = place.store().await;
    let (users, freed) = (place.collection("users").await, place.collection("freed_names").await);
    let deletion = UserChange::Delete { name_free_at: second(1000) };
    // After its first step, and after that which keeps the name.
    for (name, name_is_kept) in [("alice", false), ("bob", true)] {
        let user = a_user(&store, name).await;
        opened(&store, &user, name, second(0)).await;
        let first = doc! { "$set": { "disabled": true, "epoch": 1_i64, "kept_session": Bson::Null } };
        users.update_one(doc! { "username": name }, first).await.unwrap();
        if name_is_kept {
            let until = DateTime::from_system_time(second(900));
            freed.insert_one(doc! { "_id": name, "until": until }).await.unwrap();
        }
        assert!(living(&store, &user, second(1)).await.is_empty(), "{name}: over by the epoch");
        let answer = store.create_user(new_user(name), None, second(1)).await.unwrap();
        assert!(matches!(answer, Creation::NameTaken), "{name}: {answer:?}");
        assert_eq!(change(&store, &user.id, deletion.clone(), second(1)).await.len(), 1, "{name}");
        assert!(users.find_one(doc! { "username": name }).await.unwrap().is_none());
        let kept = freed.find_one(doc! { "_id": name }).await.unwrap().unwrap();
        assert_eq!(kept.get_datetime("until").unwrap().to_system_time(), second(1000), "the later moment");
        assert!(kept.get_datetime("at").is_ok());
    }
    assert_eq!(all_ended(&store, date(second(1))).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_level_that_was_cut_off_is_finished_by_the_same_call() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = place.store().await;
    let user = a_user(&store, "alice").await;
    for id in ["reached", "left"] {
        opened(&store, &user, id, second(0)).await;
    }
    // After its first step, and after one of two sessions.
    let access = UserChange::Access(Access::Admin);
    change(&store, &user.id, access.clone(), second(1)).await;
    let before = new_session(&user, "left", second(0)).head;
    let as_before = doc! {
        "$set": { "generation": 1_i64, "access_jti": before.access_jti, "fresh": true },
        "$unset": { "void_access": "" },
    };
    place.collection("sessions").await.update_one(doc! { "_id": "left" }, as_before).await.unwrap();
    assert_eq!(session(&store, "left").await.void_access, 0);
    assert_eq!(change(&store, &user.id, access, second(2)).await.len(), 2);
    for (id, void) in [("reached", 2), ("left", 1)] {
        assert_eq!(session(&store, id).await.void_access, void, "{id}");
        let refreshed = refresh(&store, id, token(1, "1"), "2", second(100)).await;
        assert_eq!(refreshed.verdict, Verdict::Rotate, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_spelling_of_a_user_without_a_key_is_kept_too() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let users = place.collection("users").await;
    let store = place.store().await;
    // Made by another program since the start, so without a key yet.
    users.insert_one(doc! { "username": "Alice", "password": "hash", "access": 1 }).await.unwrap();
    let id =
        users.find_one(doc! { "username": "Alice" }).await.unwrap().unwrap().get_object_id("_id").unwrap();
    let deletion = UserChange::Delete { name_free_at: second(1000) };
    change(&store, &UserId::new(id.to_hex()), deletion, second(1)).await;
    for name in ["Alice", "alice"] {
        let answer = store.create_user(new_user(name), None, second(999)).await.unwrap();
        assert!(matches!(answer, Creation::NameTaken), "{name}: {answer:?}");
    }
    let answer = store.create_user(new_user("alice"), None, second(1000)).await.unwrap();
    assert!(matches!(answer, Creation::Created(_)), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_the_flask_application_are_listed_and_one_who_is_damaged_hides_no_other() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let users = place.collection("users").await;
    for (name, extra) in [
        ("aa", doc! {}),
        ("ab", doc! { "access": 0 }),
        ("ac", doc! { "access": 1_i64, "disabled": false }),
        ("ad", doc! { "access": 2.0, "disabled": Bson::Null }),
        ("ae", doc! { "access": 1, "disabled": true }),
        ("damaged", doc! { "access": "much" }),
        ("two words", doc! { "access": 1 }),
    ] {
        let mut theirs = doc! { "username": name, "password": "hash" };
        theirs.extend(extra);
        users.insert_one(theirs).await.unwrap();
    }
    // What is no user of anybody's.
    users.insert_one(doc! { "_id": "text", "username": "af" }).await.unwrap();
    let store = place.store().await;
    let list = async |query: UserQuery| {
        let (mut names, mut query) = (Vec::new(), query);
        loop {
            let page = store.users(&query).await.unwrap();
            names.extend(page.users.into_iter().map(|user| user.username));
            query.after = page.next;
            if query.after.is_none() {
                names.sort();
                return names;
            }
        }
    };
    for limit in [1, 2, 100] {
        let all = UserQuery { limit, ..UserQuery::default() };
        assert_eq!(list(all.clone()).await, ["aa", "ab", "ac", "ad", "ae", "two words"]);
        let level = |access| UserQuery { access: Some(access), ..all.clone() };
        assert_eq!(list(level(Access::Guest)).await, ["ab"]);
        assert_eq!(list(level(Access::User)).await, ["aa", "ac", "ae", "two words"]);
        assert_eq!(list(level(Access::Admin)).await, ["ad"]);
        let state = |state| UserQuery { state: Some(state), ..all.clone() };
        assert_eq!(list(state(UserState::Enabled)).await, ["aa", "ab", "ac", "ad", "two words"]);
        assert_eq!(list(state(UserState::Disabled)).await, ["ae"]);
        let name_prefix = Some(NamePrefix::parse("A").unwrap());
        assert_eq!(list(UserQuery { name_prefix, ..all }).await, ["aa", "ab", "ac", "ad", "ae"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_logins_are_in_two_fields_and_gone_with_the_next_success() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = place.store().await;
    let users = place.collection("users").await;
    let user = a_user(&store, "alice").await;
    // As a shell counts.
    users.update_many(doc! {}, doc! { "$set": { "failures": 4_i32 } }).await.unwrap();
    let locks = LockPolicy {
        free_failures: 4,
        first_delay: std::time::Duration::from_secs(1),
        max_delay: std::time::Duration::from_mins(15),
    };
    let event = AuditEvent::new(EventKind::LoginFail, second(1));
    store.note_failed_login(Some(&user.id), &event, Some(&locks), second(1)).await.unwrap();
    let document = users.find_one(doc! {}).await.unwrap().unwrap();
    assert!(matches!(document.get("failures"), Some(Bson::Int64(5) | Bson::Int32(5))), "{document}");
    assert_eq!(document.get_datetime("locked_until").unwrap().to_system_time(), second(2));
    let session = new_session(&user, "s", second(2));
    let answer = store.open_session(session, &Shown::by(&user), MANY, second(2)).await.unwrap();
    assert!(matches!(answer, Opening::Opened { .. }), "{answer:?}");
    let document = users.find_one(doc! {}).await.unwrap().unwrap();
    assert!(!document.contains_key("failures") && !document.contains_key("locked_until"), "{document}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_nobody_is_written_beside_the_users() {
    // LOG-02
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = place.store().await;
    let user = a_user(&store, "alice").await;
    let before = place.collection("users").await.find_one(doc! {}).await.unwrap();
    let event = AuditEvent::new(EventKind::LoginFail, second(1));
    for nobody in 0..70 {
        assert_eq!(store.note_failed_login(None, &event, None, second(1)).await.unwrap(), None, "{nobody}");
    }
    let mut written = place.collection("decoys").await.find(doc! {}).await.unwrap();
    let (mut documents, mut failures) = (0, 0);
    while written.advance().await.unwrap() {
        documents += 1;
        failures += written.deserialize_current().unwrap().get_i64("failures").unwrap();
    }
    assert_eq!(failures, 70, "as many writes as for somebody");
    assert!((2..=64).contains(&documents), "{documents}: neither one for all nor more and more of them");
    let users = place.collection("users").await;
    assert_eq!(users.count_documents(doc! {}).await.unwrap(), 1);
    assert_eq!(users.find_one(doc! {}).await.unwrap(), before);
    assert!(again(&store, &user).await.failures.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_that_was_stored_as_bytes_can_be_replaced() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = place.store().await;
    let users = place.collection("users").await;
    let new = PasswordHash::stored("$argon2id$new");
    for name in ["upgraded", "changed"] {
        let bytes = Binary { subtype: BinarySubtype::Generic, bytes: b"$2b$12$theirs".to_vec() };
        users.insert_one(doc! { "username": name, "password": bytes, "access": 1 }).await.unwrap();
        let user = store.user_by_name(&login(name)).await.unwrap().unwrap();
        assert_eq!(user.password.as_str(), "$2b$12$theirs");
        if name == "upgraded" {
            assert!(store.replace_password_hash(&user.id, &user.password, new.clone()).await.unwrap());
        } else {
            let password =
                UserChange::Password { expected: user.password.clone(), new: new.clone(), keep: None };
            change(&store, &user.id, password, second(1)).await;
        }
        assert_eq!(again(&store, &user).await.password, new, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_event_of_no_known_kind_hides_no_other() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = place.store().await;
    for (seconds, kind) in [(1, EventKind::LoginFail), (3, EventKind::LoginSuccess)] {
        store.record(&[AuditEvent::new(kind, second(seconds))]).await.unwrap();
    }
    let at = DateTime::from_system_time(second(2));
    place
        .collection("audit")
        .await
        .insert_one(doc! { "at": at, "kind": "of_a_later_version" })
        .await
        .unwrap();
    let all = EventQuery { limit: 10, ..EventQuery::default() };
    let events = store.events(&all).await.unwrap().events;
    let kinds: Vec<_> = events.iter().map(|stored| stored.event.kind).collect();
    assert_eq!(kinds, [EventKind::LoginSuccess, EventKind::LoginFail]);
    let page = store.events(&EventQuery { limit: 2, ..all.clone() }).await.unwrap();
    assert_eq!(page.events.len(), 1);
    let rest = store.events(&EventQuery { after: page.next, ..all }).await.unwrap().events;
    assert_eq!(rest, events[1..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_one_makes_the_first_administrator_and_one_that_failed_is_waited_for() {
    if !is_there() {
        return;
    }
    // PWD-13
    let place = Mongo::new();
    let (one, other) = (place.store().await, place.store().await);
    let first = |name: &str| NewUser {
        access: Access::Admin,
        provided: Provided::NobodyAdministers,
        ..new_user(name)
    };
    // A node that was cut off in the middle.
    let claims = place.collection("claims").await;
    let until = DateTime::from_system_time(second(30));
    claims.insert_one(doc! { "_id": "first_admin", "by": ObjectId::new(), "until": until }).await.unwrap();
    assert_unavailable(one.create_user(first("root"), None, second(29)).await);
    let (made, too) = tokio::join!(
        one.create_user(first("root"), None, second(31)),
        other.create_user(first("root2"), None, second(31)),
    );
    let is_made = |answer: &Result<Creation, _>| matches!(answer, Ok(Creation::Created(_)));
    assert!(is_made(&made) != is_made(&too), "{made:?} {too:?}");
    let admins = doc! { "access": i32::from(Access::Admin.level()) };
    assert_eq!(place.collection("users").await.count_documents(admins).await.unwrap(), 1);
    assert_eq!(claims.count_documents(doc! {}).await.unwrap(), 0);
}
