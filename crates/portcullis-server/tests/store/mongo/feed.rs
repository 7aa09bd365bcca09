//! The feed on documents that others wrote, on clocks that were set, and by a change stream.

use std::time::Duration;

use mongodb::{
    Client,
    bson::{Bson, DateTime, Document, doc, oid::ObjectId},
};
use portcullis::NumericDate;
use portcullis_server::{
    model::{EndReason, EndedSession, Revocation, RevokedToken},
    sessions::Verdict,
    store::{Expired, Seen, Store, Watch},
};

use super::{Mongo, is_there};
use crate::{
    backend::{EVER, moment, revoke, streamed},
    sessions::{a_user, opened, refresh, rotated, second, sid, token},
};

fn theirs(jti: &str) -> Document {
    doc! { "jti": jti, "created_at": DateTime::from_millis(1_554_120_000_123) }
}

fn for_good(jti: &str) -> Revocation {
    Revocation::Token(RevokedToken { jti: jti.to_owned(), expires_at: None })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_wrote_gets_a_stamp_and_keeps_everything_else() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let revoked = place.collection("revoked_tokens").await;
    revoked.insert_one(theirs("before the start")).await.unwrap();
    let store = place.store().await;
    let (all, mut mark) = streamed(&store, None, EVER).await.unwrap();
    assert_eq!(all, [for_good("before the start")]);
    // More than are taken at once.
    revoked.insert_many((0..2500).map(|n| theirs(&format!("jti-{n}")))).await.unwrap();
    let mut odd = theirs("of an odd shape");
    odd.extend(doc! { "at": Bson::Null, "expires_at": "never", "note": "kept" });
    revoked.insert_many([odd, doc! { "jti": 7 }, doc! { "jti": "bare" }]).await.unwrap();
    let heard;
    (heard, mark) = streamed(&store, Some(mark), EVER).await.unwrap();
    for jti in ["jti-0", "jti-2499", "of an odd shape", "bare"] {
        assert!(heard.contains(&for_good(jti)), "{jti}");
    }
    assert_eq!(revoked.count_documents(doc! { "at": { "$type": "date" } }).await.unwrap(), 2504);
    let kept = revoked.find_one(doc! { "jti": "of an odd shape" }).await.unwrap().unwrap();
    assert_eq!(kept.get_str("note").unwrap(), "kept");
    assert_eq!(kept.get_str("expires_at").unwrap(), "never");
    assert_eq!(kept.get_datetime("created_at").unwrap().timestamp_millis(), 1_554_120_000_123);
    // By the server's own program, with no date at all.
    let shell = place.collection("revocations").await;
    let before = DateTime::from_millis(1_900_000_000_000);
    shell.insert_one(doc! { "_id": ObjectId::new(), "user": "alice", "before": before }).await.unwrap();
    shell.insert_many([doc! { "all": true, "before": before }, doc! { "sid": "s" }]).await.unwrap();
    shell.insert_many([doc! { "sid": "t", "generation": 3 }, doc! { "user": "nobody" }]).await.unwrap();
    let (heard, _) = streamed(&store, Some(mark), EVER).await.unwrap();
    let (before, until) = (NumericDate::from_seconds(1_900_000_000), Revocation::NEVER);
    for expected in [
        Revocation::User { identity: "alice".into(), before, until },
        Revocation::All { before },
        Revocation::Session(EndedSession { id: sid("s"), until }),
        Revocation::Access { session: sid("t"), up_to: 3, until },
    ] {
        assert!(heard.contains(&expected), "{expected:?}");
    }
    store.purge(Expired::Revocations, NumericDate::from_seconds(i64::MAX), 10_000).await.unwrap();
    assert_eq!(revoked.count_documents(doc! {}).await.unwrap(), 2504, "theirs are never deleted");
    assert_eq!(shell.count_documents(doc! {}).await.unwrap(), 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stamp_of_a_clock_that_was_wrong_loses_nothing() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = place.store().await;
    let revoked = place.collection("revoked_tokens").await;
    let (_, mark) = streamed(&store, None, EVER).await.unwrap();
    // Written while the server's clock was an hour ahead; since then it has been set right.
    let mut ahead = theirs("ahead");
    ahead.insert("at", DateTime::from_millis(DateTime::now().timestamp_millis() + 3_600_000));
    revoked.insert_one(ahead).await.unwrap();
    let (_, mark) = streamed(&store, Some(mark), EVER).await.unwrap();
    revoke(&store, "now", None).await;
    let (heard, _) = streamed(&store, Some(mark), EVER).await.unwrap();
    assert_eq!(heard, [for_good("now")], "the mark has not followed it into the future");
    let (mut all, _) = streamed(&store, None, EVER).await.unwrap();
    all.sort_by_key(|revocation| format!("{revocation:?}"));
    assert_eq!(all, [for_good("ahead"), for_good("now")]);
}

/// The next batch that a stream tells.
async fn told(watch: &mut Watch) -> Vec<Revocation> {
    let batch = tokio::time::timeout(Duration::from_secs(10), watch.recv()).await.expect("it tells");
    batch.expect("it goes on").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_stream_tells_of_what_is_refused_and_of_nothing_else() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = place.store().await;
    let Some(mut watch) = store.watch().await.unwrap() else {
        super::place::say("SKIPPED: change streams; this MongoDB is no replica set");
        return;
    };
    let user = a_user(&store, "alice").await;
    rotated(&store, &user, "s").await;
    opened(&store, &user, "t", second(0)).await;
    store.note_seen(&[Seen { session: sid("t"), generation: 1, at: moment(7) }]).await.unwrap();
    // The first that is told is the first that matters.
    let reissued = refresh(&store, "s", token(1, "1"), "3", second(200)).await;
    assert_eq!(reissued.verdict, Verdict::Reissue);
    assert_eq!(told(&mut watch).await, [reissued.session.unwrap().revocation().unwrap()]);
    let ended = store.end_session(&sid("t"), EndReason::LoggedOut, second(300)).await.unwrap().unwrap();
    assert_eq!(told(&mut watch).await, [ended.revocation().unwrap()]);
    place.collection("revoked_tokens").await.insert_one(theirs("theirs")).await.unwrap();
    assert_eq!(told(&mut watch).await, [for_good("theirs")]);
    let all = Revocation::All { before: NumericDate::from_seconds(5) };
    store.revoke(all.clone(), moment(0)).await.unwrap();
    assert_eq!(told(&mut watch).await, [all]);
    store.close().await;
    let end = tokio::time::timeout(Duration::from_secs(10), watch.recv()).await.expect("it ends");
    assert!(end.is_none_or(|end| end.is_err()));
}

/// The forms of the polls' look-ups; on a list of millions each of them comes five times a second.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_poll_asks_for_is_found_by_an_index() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = place.store().await;
    revoke(&store, "jti", None).await;
    let database = Client::with_uri_str(&place.0.uri).await.unwrap().database(&place.0.name);
    let now = DateTime::now();
    for collection in ["revoked_tokens", "revocations", "sessions"] {
        for filter in [doc! { "at": null }, doc! { "at": { "$gt": now, "$lte": now } }] {
            let find = doc! { "find": collection, "filter": &filter };
            let plan =
                database.run_command(doc! { "explain": find, "verbosity": "queryPlanner" }).await.unwrap();
            let plan = plan.get_document("queryPlanner").unwrap().get_document("winningPlan").unwrap();
            let plan = plan.to_string();
            assert!(plan.contains("IXSCAN") && !plan.contains("COLLSCAN"), "{collection} {filter}: {plan}");
        }
    }
}
