//! The indexes after a start.

use std::{collections::BTreeSet, time::Duration};

use mongodb::{
    IndexModel,
    bson::{Document, doc},
    options::IndexOptions,
};
use portcullis_server::store::{StoreErrorKind, mongo::MongoStore};

use super::{Mongo, is_there};

async fn names(place: &Mongo, collection: &str) -> BTreeSet<String> {
    place.collection(collection).await.list_index_names().await.unwrap().into_iter().collect()
}

fn index(keys: Document, options: IndexOptions) -> IndexModel {
    IndexModel::builder().keys(keys).options(options).build()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_that_start_at_once_make_one_set_of_indexes() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let starts: Vec<_> = (0..8)
        .map(|_| {
            let url = place.url();
            tokio::spawn(async move { MongoStore::open(&url, Duration::from_secs(10)).await.map(drop) })
        })
        .collect();
    for start in starts {
        start.await.unwrap().unwrap();
    }
    let set = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    assert_eq!(
        names(&place, "users").await,
        set(&["_id_", "name_key_1", "username_1", "access_1__id_1", "disabled_1__id_1"])
    );
    assert_eq!(names(&place, "revoked_tokens").await, set(&["_id_", "jti_1", "at_1", "expires_at_1"]));
    assert_eq!(names(&place, "revocations").await, set(&["_id_", "at_1", "expires_at_1"]));
    assert_eq!(
        names(&place, "sessions").await,
        set(&["_id_", "user_1", "at_1", "remembered_until_1", "ended_at_1"])
    );
    // Each order in which events are read, whatever is wanted of them.
    let audit =
        ["_id_", "at_-1__id_-1", "kind_1_at_-1__id_-1", "actor_1_at_-1__id_-1", "subject_1_at_-1__id_-1"];
    assert_eq!(names(&place, "audit").await, set(&audit));
    assert_eq!(names(&place, "freed_names").await, set(&["_id_", "until_1"]));
    let mut keys = place.collection("users").await.list_indexes().await.unwrap();
    let mut unique = Vec::new();
    while keys.advance().await.unwrap() {
        let index = keys.deserialize_current().unwrap();
        let options = index.options.unwrap();
        unique.extend(
            (options.unique == Some(true)).then_some((index.keys, options.partial_filter_expression)),
        );
    }
    assert_eq!(unique, [(doc! { "name_key": 1 }, Some(doc! { "name_key": { "$type": "string" } }))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_serves_under_another_name_is_taken() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let revoked = place.collection("revoked_tokens").await;
    let named = IndexOptions::builder().name("mine".to_owned()).unique(true).build();
    revoked.create_index(index(doc! { "jti": 1 }, named)).await.unwrap();
    // One of two fields serves the other way round as well, and not by halves.
    let named = IndexOptions::builder().name("theirs".to_owned()).build();
    let audit = place.collection("audit").await;
    audit.create_index(index(doc! { "at": 1, "_id": 1 }, named)).await.unwrap();
    let store = place.store().await;
    // Somebody's unique index lets no entry of ours stand beside theirs, and theirs is for good.
    revoked.insert_one(doc! { "jti": "theirs" }).await.unwrap();
    crate::backend::revoke(&store, "theirs", Some(100)).await;
    crate::backend::revoke(&store, "ours", Some(100)).await;
    crate::backend::revoke(&store, "ours", Some(200)).await;
    let expected = [crate::backend::token("ours", Some(200)), crate::backend::token("theirs", None)];
    assert_eq!(crate::backend::all_revoked(&store).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_in_the_way_is_named() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let users = place.collection("users").await;
    users.create_index(index(doc! { "name_key": 1 }, IndexOptions::default())).await.unwrap();
    let error = MongoStore::open(&place.url(), Duration::from_secs(10)).await.err().unwrap();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    let text = error.to_string();
    assert!(text.contains("users.name_key") && text.contains("drop"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_users_of_one_key_keep_a_start_from_happening() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let users = place.collection("users").await;
    for name in ["a", "b"] {
        users.insert_one(doc! { "username": name, "name_key": "a" }).await.unwrap();
    }
    let error = MongoStore::open(&place.url(), Duration::from_secs(10)).await.err().unwrap();
    let text = error.to_string();
    assert!(text.contains("users.name_key") && text.contains("same text"), "{text}");
}
