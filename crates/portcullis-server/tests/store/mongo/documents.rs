//! Documents that the Flask application wrote, and ours beside them.

use std::time::Duration;

use mongodb::bson::{Binary, Bson, DateTime, Document, doc, oid::ObjectId, spec::BinarySubtype};
use portcullis_server::{
    model::{Access, UserState},
    store::{Expired, Store, StoreErrorKind},
};

use super::{Mongo, is_there};
use crate::backend::{all_revoked, login, moment, new_user, register, revoke, token};

/// A hash as passlib writes it.
const PASSLIB: &str =
    "$pbkdf2-sha256$29000$N2YMIWQsBWBMae09x1jrPQ$1t8iyB2A.WF/Z5JZv.lfCIhXXN33N23OSgQYThBYRfk";

/// A user as the Flask application inserts one.
fn flask_user(username: &str, access: impl Into<Bson>) -> Document {
    doc! { "username": username, "password": PASSLIB, "access": access.into(), "created_at": naive() }
}

/// `datetime.now()` as pymongo writes it: the local time, taken for UTC.
fn naive() -> DateTime {
    DateTime::from_millis(1_554_120_000_123)
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_the_flask_application_are_found_with_every_field() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let users = place.collection("users").await;
    let levels = [
        (Bson::Int32(0), Access::Guest),
        (Bson::Int32(1), Access::User),
        (Bson::Int64(2), Access::Admin),
        (Bson::Double(2.0), Access::Admin),
    ];
    for (n, (stored, _)) in levels.iter().enumerate() {
        users.insert_one(flask_user(&format!("User{n}"), stored.clone())).await.unwrap();
    }
    let store = place.store().await;
    for (n, (_, access)) in levels.into_iter().enumerate() {
        let name = format!("User{n}");
        let user = store.user_by_name(&login(&name)).await.unwrap().expect(&name);
        assert_eq!((user.username, user.access), (name.clone(), access));
        assert_eq!(user.password.as_str(), PASSLIB);
        assert_eq!(user.created_at, naive().to_system_time());
        let id = users.find_one(doc! { "username": &name }).await.unwrap().unwrap();
        assert_eq!(user.id.as_str(), id.get_object_id("_id").unwrap().to_hex());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_found_by_the_spelling_and_from_then_on_by_the_key() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let users = place.collection("users").await;
    let mut document = flask_user("Alice", 1);
    document.extend(doc! { "email": "alice@example.org", "roles": ["a", { "b": 1 }], "age": 7_i64 });
    let store = place.store().await;
    users.insert_one(document.clone()).await.unwrap();
    assert!(store.user_by_name(&login("ALICE")).await.unwrap().is_none(), "nobody knows the key yet");
    assert!(store.user_by_name(&login("Alice")).await.unwrap().is_some());
    // Nobody has waited for the key.
    let known = async { while store.user_by_name(&login("ALICE")).await.unwrap().is_none() {} };
    tokio::time::timeout(Duration::from_secs(10), known).await.expect("the key is there");
    assert!(!register(&store, "alice").await, "the name is taken");

    let mut found = users.find_one(doc! { "username": "Alice" }).await.unwrap().unwrap();
    assert_eq!(found.remove("name_key"), Some(Bson::String("alice".into())));
    assert!(found.remove("_id").is_some());
    assert_eq!(found, document, "nothing else of it has changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_cannot_be_told_apart_both_log_in_by_their_spelling() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let users = place.collection("users").await;
    for name in ["Bob", "bob", "two words"] {
        users.insert_one(flask_user(name, 1)).await.unwrap();
    }
    let store = place.store().await;
    for name in ["bob", "Bob", "two words", "bob", "Bob"] {
        assert_eq!(store.user_by_name(&login(name)).await.unwrap().expect(name).username, name);
    }
    assert_eq!(
        store.user_by_name(&login("BOB")).await.unwrap().unwrap().username,
        "Bob",
        "the oldest has the key"
    );
    let keys: Vec<_> =
        ["bob", "Bob", "two words"].into_iter().map(|name| doc! { "username": name }).collect();
    let mut with_key = Vec::new();
    for name in keys {
        with_key.push(users.find_one(name).await.unwrap().unwrap().contains_key("name_key"));
    }
    assert_eq!(with_key, [false, true, false]);
    for name in ["bob", "Bob", "BOB"] {
        assert!(!register(&store, name).await, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_of_another_program_blocks_every_spelling_from_the_start() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let users = place.collection("users").await;
    let many = (0..2500).map(|n| flask_user(&format!("User{n}"), 1));
    users.insert_many(many.chain([doc! { "username": 7 }, doc! {}])).await.unwrap();
    let store = place.store().await;
    for name in ["user0", "USER999", "User1000", "uSER2499", "\u{ff35}ser1001"] {
        assert!(!register(&store, name).await, "{name}");
        assert!(store.user_by_name(&login(name)).await.unwrap().is_some(), "{name}");
    }
    assert_eq!(users.count_documents(doc! { "name_key": { "$exists": true } }).await.unwrap(), 2500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spelling_blocks_its_registration_before_anybody_has_the_key() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = place.store().await;
    place.collection("users").await.insert_one(flask_user("Alice", 1)).await.unwrap();
    assert!(!register(&store, "Alice").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_that_is_none_is_named_and_the_others_get_in() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let users = place.collection("users").await;
    let id = ObjectId::new();
    users
        .insert_one(doc! { "_id": id, "username": "mallory", "password": 7, "access": "all" })
        .await
        .unwrap();
    users.insert_one(doc! { "username": "no hash", "password": Bson::Null }).await.unwrap();
    let bytes = Binary { subtype: BinarySubtype::Generic, bytes: PASSLIB.into() };
    users.insert_one(doc! { "username": "bytes", "password": bytes }).await.unwrap();
    users.insert_one(flask_user("root", 9)).await.unwrap();
    users.insert_one(doc! { "username": "bare", "password": PASSLIB }).await.unwrap();
    let mut unclear = flask_user("unclear", 1);
    unclear.insert("disabled", "no");
    users.insert_one(unclear).await.unwrap();
    let store = place.store().await;
    for name in ["mallory", "root", "unclear"] {
        let error = store.user_by_name(&login(name)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unreadable, "{error}");
    }
    let error = store.user_by_name(&login("mallory")).await.unwrap_err().to_string();
    assert!(error.contains(&id.to_hex()) && error.contains("users") && error.contains("access"), "{error}");
    for (name, hash) in [("no hash", ""), ("bytes", PASSLIB)] {
        assert_eq!(store.user_by_name(&login(name)).await.unwrap().unwrap().password.as_str(), hash);
    }
    // What the application's schema gives a default is not missing.
    let bare = store.user_by_name(&login("bare")).await.unwrap().unwrap();
    assert_eq!((bare.access, bare.state), (Access::User, UserState::Enabled));
    let age = DateTime::now().to_system_time().duration_since(bare.created_at).unwrap_or_default();
    assert!(age.as_secs() < 3600, "the id says when: {age:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_write_is_what_the_flask_application_reads() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = place.store().await;
    assert!(register(&store, "Alice").await);
    revoke(&store, "jti-1", Some(2_000_000_000)).await;
    revoke(&store, "jti-2", None).await;
    let user = place.collection("users").await.find_one(doc! { "username": "Alice" }).await.unwrap().unwrap();
    assert!(matches!(user.get("_id"), Some(Bson::ObjectId(_))));
    assert_eq!(user.get_str("password").unwrap(), new_user("Alice").password.as_str());
    assert_eq!(user.get_i32("access").unwrap(), 1);
    assert_eq!(user.get_datetime("created_at").unwrap().to_system_time(), moment(0));
    assert_eq!(user.get_str("name_key").unwrap(), "alice");

    let revoked = place.collection("revoked_tokens").await;
    let entry = revoked.find_one(doc! { "jti": "jti-1" }).await.unwrap().unwrap();
    assert!(matches!(entry.get("_id"), Some(Bson::ObjectId(_))));
    assert_eq!(entry.get_datetime("created_at").unwrap().to_system_time(), moment(0));
    assert_eq!(entry.get_datetime("expires_at").unwrap().timestamp_millis(), 2_000_000_000_000);
    let stamped = entry.get_datetime("at").unwrap().timestamp_millis();
    assert!(
        (DateTime::now().timestamp_millis() - stamped).abs() < 60_000,
        "by the server's clock, not by ours"
    );
    let for_good = revoked.find_one(doc! { "jti": "jti-2" }).await.unwrap().unwrap();
    assert_eq!(for_good.get("expires_at"), Some(&Bson::MaxKey));
}

#[tokio::test(flavor = "multi_thread")]
async fn their_revocations_count_once_and_for_good() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let revoked = place.collection("revoked_tokens").await;
    let theirs = |jti: &str| doc! { "jti": jti, "created_at": naive() };
    for jti in ["b", "a", "b", "b", "c"] {
        revoked.insert_one(theirs(jti)).await.unwrap();
    }
    // No token has such a jti.
    revoked.insert_one(doc! { "jti": 7, "created_at": naive() }).await.unwrap();
    revoked.insert_one(doc! { "created_at": naive() }).await.unwrap();
    let store = place.store().await;
    // An entry of ours for the same token makes theirs no shorter.
    revoke(&store, "c", Some(100)).await;
    revoke(&store, "d", Some(100)).await;
    let expected = [token("a", None), token("b", None), token("c", None), token("d", Some(100))];
    assert_eq!(all_revoked(&store).await, expected);
    let purged =
        store.purge(Expired::Revocations, portcullis::NumericDate::from_seconds(200), 100).await.unwrap();
    assert_eq!(purged, 2, "ours");
    assert_eq!(all_revoked(&store).await, expected[..3]);
    assert_eq!(revoked.count_documents(doc! {}).await.unwrap(), 7, "theirs are never deleted");
}
