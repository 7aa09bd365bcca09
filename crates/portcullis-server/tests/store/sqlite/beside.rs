//! A second opener of a file that is served: what it writes is heard, and what it must not do it does not.

use std::{fs, path::Path, time::Duration};

use portcullis::NumericDate;
use portcullis_server::{
    model::EndReason,
    store::{Expired, Store, StoreErrorKind, sqlite::SqliteStore},
};
use rusqlite::Connection;

use crate::{
    backend::{EVER, Sqlite, login, register, revoke, revoked_jtis, streamed},
    sessions::{a_user, opened, second, sid},
};

fn refusal(path: &Path, words: &[&str]) {
    let error = SqliteStore::open_beside(path).err().expect("it should have been refused");
    assert_eq!(error.kind(), StoreErrorKind::Refused, "{error}");
    assert!(words.iter().all(|word| error.to_string().contains(word)), "{error}");
}

fn date_of(seconds: i64) -> NumericDate {
    NumericDate::from_seconds(seconds)
}

#[tokio::test]
async fn what_is_written_beside_a_server_is_heard_by_it() {
    let place = Sqlite::new();
    let store = place.store();
    let user = a_user(&store, "alice").await;
    opened(&store, &user, "s", second(0)).await;
    let (_, mark) = streamed(&store, None, EVER).await.unwrap();
    let (_, mark) = streamed(&store, Some(mark), EVER).await.unwrap();

    let beside = SqliteStore::open_beside(&place.path()).unwrap();
    assert!(beside.user_by_name(&login("ALICE")).await.unwrap().is_some());
    revoke(&beside, "jti", None).await;
    beside.end_session(&sid("s"), EndReason::LoggedOut, second(1)).await.unwrap().unwrap();
    let (heard, mark) = streamed(&store, Some(mark), EVER).await.unwrap();
    assert_eq!(heard.len(), 2, "{heard:?}");
    // Both go on.
    assert!(register(&store, "bob").await && register(&beside, "carol").await);
    beside.close().await;
    revoke(&store, "after", None).await;
    assert_eq!(streamed(&store, Some(mark), EVER).await.unwrap().0.len(), 1);
    assert_eq!(revoked_jtis(&store).await, ["after", "jti"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_write_at_once_lose_nothing() {
    let place = Sqlite::new();
    let store = place.store();
    let beside = SqliteStore::open_beside(&place.path()).unwrap();
    let writes = async |store: &SqliteStore, name: &str| {
        for n in 0..100 {
            revoke(store, &format!("{name} {n}"), None).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), async {
        tokio::join!(writes(&store, "served"), writes(&beside, "beside"))
    })
    .await
    .unwrap();
    assert_eq!(revoked_jtis(&store).await.len(), 200);
}

#[tokio::test]
async fn it_holds_no_lock_and_leaves_one_file() {
    let place = Sqlite::new();
    place.store().close().await;
    let beside = SqliteStore::open_beside(&place.path()).unwrap();
    let store = place.store();
    revoke(&beside, "jti", None).await;
    store.close().await;
    assert_eq!(revoked_jtis(&beside).await, ["jti"]);
    beside.close().await;
    assert!(!place.beside("-wal").exists() && !place.beside("-shm").exists());
    assert_eq!(revoked_jtis(&place.store()).await, ["jti"]);
}

#[tokio::test]
async fn it_makes_nothing_and_brings_nothing_up_to_date() {
    let place = Sqlite::new();
    refusal(&place.path(), &["there is no database", "serve"]);
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 0);
    refusal(place.folder(), &["is a directory"]);
    fs::write(place.path(), "").unwrap();
    refusal(&place.path(), &["there is no database"]);
    fs::write(place.path(), "no database at all, but some text that is long enough").unwrap();
    refusal(&place.path(), &["no SQLite database"]);
    fs::remove_file(place.path()).unwrap();

    place.store().close().await;
    let set = |pragma: &str, value: i32| {
        Connection::open(place.path()).unwrap().pragma_update(None, pragma, value).unwrap();
    };
    set("user_version", 2);
    refusal(&place.path(), &["earlier version", "schema 2", "serve"]);
    set("user_version", 99);
    refusal(&place.path(), &["newer version"]);
    set("user_version", 3);
    set("application_id", 7);
    refusal(&place.path(), &["another program"]);
}

#[tokio::test]
async fn a_log_that_was_trimmed_is_read_from_the_tables() {
    let place = Sqlite::new();
    let store = place.store();
    revoke(&store, "first", None).await;
    let (_, old) = streamed(&store, None, EVER).await.unwrap();
    for jti in ["second", "third"] {
        revoke(&store, jti, None).await;
    }
    let shell = Connection::open(place.path()).unwrap();
    shell.execute_batch("UPDATE revocation_log SET logged_at = logged_at - 7200 WHERE seq <= 2").unwrap();
    let purged = store.purge(Expired::Revocations, EVER, 100).await.unwrap();
    assert_eq!(purged, 2, "what is an hour old of the log, and nothing else");
    let (heard, mark) = streamed(&store, Some(old), EVER).await.unwrap();
    assert_eq!(heard.len(), 3, "all of it: {heard:?}");
    revoke(&store, "fourth", None).await;
    let (heard, mark) = streamed(&store, Some(mark), EVER).await.unwrap();
    assert_eq!(heard.len(), 1, "{heard:?}");
    // Trimmed to its end, and what was known goes on.
    shell.execute_batch("DELETE FROM revocation_log").unwrap();
    assert_eq!(streamed(&store, Some(mark), EVER).await.unwrap().0.len(), 0);
    assert_eq!(streamed(&store, Some(old), EVER).await.unwrap().0.len(), 4);
}

#[tokio::test]
async fn a_list_of_many_batches_is_streamed_whole_with_what_has_expired_left_out() {
    let place = Sqlite::new();
    let store = place.store();
    let (_, mark) = streamed(&store, None, EVER).await.unwrap();
    let shell = Connection::open(place.path()).unwrap();
    // In the order of names the first 50 000 have expired.
    shell
        .execute_batch(
            "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < 75000)
             INSERT INTO revoked_tokens (jti, expires_at, created_at) SELECT format('%08d', n), n, 0 FROM n",
        )
        .unwrap();
    for since in [None, Some(mark)] {
        let (left, _) = streamed(&store, since, date_of(50_000)).await.unwrap();
        assert_eq!(left.len(), 25_001);
    }
}

#[tokio::test]
async fn a_row_that_nobody_can_read_keeps_nobody_from_hearing_of_the_others() {
    let place = Sqlite::new();
    let store = place.store();
    let (_, mark) = streamed(&store, None, EVER).await.unwrap();
    let shell = Connection::open(place.path()).unwrap();
    shell
        .execute_batch(
            "PRAGMA ignore_check_constraints = ON;
             INSERT INTO revoked_tokens (jti, expires_at, created_at) VALUES (CAST(x'ff' AS TEXT), NULL, 0), ('whole', NULL, 0);
             INSERT INTO revocations VALUES ('of tomorrow', 'x', 0, NULL), ('access', 's', -1, 5);",
        )
        .unwrap();
    for since in [None, Some(mark)] {
        let (heard, _) = streamed(&store, since, EVER).await.unwrap();
        assert_eq!(heard.len(), 2, "{heard:?}");
    }
}
