//! Answers of the server that are none: connections that end, errors that pass, writes of which nobody is sure.
//!
//! One test, since a server has one such fault at a time; it is for the connections of one name only.

use std::time::Duration;

use mongodb::{
    Client,
    bson::{Document, doc},
    error::Error,
};
use portcullis::NumericDate;
use portcullis_server::{
    model::{AuditEvent, EventKind, EventQuery, Revocation, UserChange},
    store::{Expired, FlaskNews, Store, mongo::MongoStore},
};

use super::{
    Mongo,
    place::{Place, is_there, say},
    url,
};
use crate::backend::{
    EVER, assert_unavailable, login, moment, new_user, register, revoke, revoked_jtis, streamed, token,
};

/// The name under which the store of these tests connects.
const APP: &str = "faulty";

/// Lets the server fail the next `times` of some commands; what it does then is in `how`.
async fn fail(place: &Place, times: i32, commands: &[&str], how: Document) {
    let mut data = doc! { "failCommands": commands, "appName": APP };
    data.extend(how);
    let point = doc! { "configureFailPoint": "failCommand", "mode": { "times": times }, "data": data };
    admin(place, point).await.unwrap();
}

async fn admin(place: &Place, command: Document) -> Result<(), Error> {
    let client = Client::with_uri_str(&place.uri).await.unwrap();
    client.database("admin").run_command(command).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_that_passes_is_hidden_and_any_other_is_unavailable() {
    // DUR-01
    if !is_there() {
        return;
    }
    let Mongo(place) = Mongo::new();
    let off = doc! { "configureFailPoint": "failCommand", "mode": "off" };
    if let Err(error) = admin(&place, off).await {
        say(&format!("SKIPPED: faults of a MongoDB; this one is not started for tests: {error}"));
        return;
    }
    let options = if place.uri.contains('?') { '&' } else { '?' };
    let url = url(&format!("{}{options}appName={APP}", place.uri));
    let store = MongoStore::open(&url, Duration::from_secs(10)).await.unwrap();
    let dropped = doc! { "closeConnection": true };
    let passing = doc! { "errorCode": 6, "errorLabels": ["RetryableWriteError"] };
    let (insert, update, find) = (["insert"], ["update"], ["find"]);

    // Once: tried again by the driver, and done once.
    fail(&place, 1, &insert, dropped.clone()).await;
    assert!(register(&store, "alice").await);
    fail(&place, 1, &update, passing.clone()).await;
    revoke(&store, "jti-1", Some(100)).await;
    fail(&place, 1, &find, dropped.clone()).await;
    assert!(store.user_by_name(&login("alice")).await.unwrap().is_some());

    // Twice: nobody can say, and the same call again settles it.
    fail(&place, 2, &insert, dropped.clone()).await;
    assert_unavailable(store.create_user(new_user("bob"), None, moment(0)).await);
    fail(&place, 2, &update, passing).await;
    assert_unavailable(store.revoke(Revocation::Token(token("jti-2", None)), moment(0)).await);
    revoke(&store, "jti-2", None).await;
    fail(&place, 2, &find, dropped).await;
    assert_unavailable(streamed(&store, None, EVER).await);

    // Written, but not on the disks of a majority: no acknowledgement.
    let unsure = doc! { "writeConcernError": { "code": 64, "errmsg": "waiting for replication timed out" } };
    fail(&place, 1, &update, unsure.clone()).await;
    assert_unavailable(store.revoke(Revocation::Token(token("jti-3", None)), moment(0)).await);
    let told = [token("jti-3", Some(300))];
    fail(&place, 1, &update, unsure.clone()).await;
    assert_unavailable(store.tell_flask(FlaskNews::Tokens(&told), moment(0)).await);
    fail(&place, 1, &insert, unsure).await;
    assert_unavailable(store.create_user(new_user("carol"), None, moment(0)).await);

    // What may have been done has its event, which stands there before it.
    let alice = store.user_by_name(&login("alice")).await.unwrap().unwrap();
    let event = AuditEvent::new(EventKind::UserDisabled, moment(0)).about(&alice.id);
    fail(&place, 1, &update, doc! { "errorCode": 50 }).await;
    let changed = store.change_user(&alice.id, &UserChange::Disable, Some(&event), moment(0)).await;
    assert_unavailable(changed);
    let kept = store.events(&EventQuery { limit: 9, ..EventQuery::default() }).await.unwrap().events;
    assert_eq!(kept.into_iter().map(|stored| stored.event).collect::<Vec<_>>(), [event]);

    // An answer that comes too late is none.
    fail(&place, 1, &update, doc! { "blockConnection": true, "blockTimeMS": 4000 }).await;
    assert_unavailable(store.revoke(Revocation::Token(token("jti-4", None)), moment(0)).await);
    fail(&place, 1, &["delete"], doc! { "errorCode": 50 }).await;
    assert_unavailable(store.purge(Expired::Revocations, NumericDate::from_seconds(200), 10).await);
    assert_eq!(revoked_jtis(&store).await[..2], ["jti-1", "jti-2"], "what was acknowledged is there");

    // What a server says that stands alone, or knows no streams: it is asked instead.
    for code in [40_573, 115] {
        fail(&place, 1, &["aggregate"], doc! { "errorCode": code }).await;
        assert!(store.watch().await.unwrap().is_none(), "{code}");
    }
    fail(&place, 1, &["aggregate"], doc! { "errorCode": 50 }).await;
    assert_unavailable(store.watch().await);
}
