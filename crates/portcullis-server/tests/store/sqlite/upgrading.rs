//! Files of earlier versions are taken over with all that is in them.

use std::{fs, ops::ControlFlow, time::SystemTime};

use portcullis::NumericDate;
use portcullis_server::{
    config::DatabaseUrl,
    model::{AuditEvent, EventKind, UserState},
    sessions::Verdict,
    store::{Existing, Store, prepare_restore, sqlite::SqliteStore},
};
use rusqlite::Connection;

use crate::{
    backend::{Sqlite, all_revoked, login, register, schema_version, token as revoked},
    sessions::{MANY, living, new_session, open, refresh, second, session, token},
};

/// A file as the first schema's version has left it.
fn of_the_first_schema(place: &Sqlite) {
    let connection = Connection::open(place.path()).unwrap();
    connection.pragma_update(None, "application_id", i32::from_be_bytes(*b"prtc")).unwrap();
    connection
        .execute_batch(include_str!("../../../src/store/sqlite/migrations/0001_users_and_revoked_tokens.sql"))
        .unwrap();
    connection.pragma_update(None, "user_version", 1).unwrap();
    connection
        .execute_batch(
            "INSERT INTO users VALUES ('id-1', 'Alice', 'alice', 'hash', 2, 1900000000000);
             INSERT INTO users VALUES ('id-2', 'two words', NULL, 'hash', 1, 1900000000000);
             INSERT INTO revoked_tokens VALUES ('jti', 2000000000, 1900000000000);",
        )
        .unwrap();
}

#[tokio::test]
async fn a_file_of_the_first_schema_gets_sessions_and_keeps_what_it_has() {
    let place = Sqlite::new();
    of_the_first_schema(&place);
    for round in 0..2 {
        let store = place.store();
        for (name, id) in [("ALICE", "id-1"), ("two words", "id-2")] {
            let user = store.user_by_name(&login(name)).await.unwrap().expect(name);
            assert_eq!((user.id.as_str(), user.epoch, user.state), (id, 0, UserState::Enabled));
            open(&store, new_session(&user, id, second(0)), MANY).await;
            assert_eq!(living(&store, &user, second(0)).await, [id]);
        }
        assert_eq!(all_revoked(&store).await, [revoked("jti", Some(2_000_000_000))]);
        assert_eq!(register(&store, "bob").await, round == 0);
        store.close().await;
    }
    let store = place.store();
    assert_eq!(refresh(&store, "id-1", token(1, "1"), "2", second(100)).await.verdict, Verdict::Rotate);
    assert_eq!(session(&store, "id-1").await.head.refresh, token(2, "2"));
    drop(store);
    let new = Sqlite::new();
    drop(new.store());
    assert_eq!(schema_version(&place.path()), schema_version(&new.path()));
}

#[tokio::test]
async fn a_file_of_the_first_schema_is_copied_as_it_is_and_restored_up_to_date() {
    let (old, new) = (Sqlite::new(), Sqlite::new());
    of_the_first_schema(&old);
    let before = fs::read(old.path()).unwrap();
    let copy = old.path().with_extension("backup");
    SqliteStore::backup(&old.path(), &copy, Existing::Kept, |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(fs::read(old.path()).unwrap(), before);
    assert_eq!(schema_version(&copy), 1, "what an older program can restore");

    let restore =
        prepare_restore(&DatabaseUrl::Sqlite(new.path()), &copy, |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(restore.facts().users, 2);
    let event = AuditEvent::new(EventKind::StoreRestored, SystemTime::UNIX_EPOCH);
    let moment = NumericDate::from_seconds(1_900_000_500);
    assert_eq!(restore.put_in_place(moment, &event, "today").unwrap(), None);
    let store = new.store();
    let database = Connection::open(new.path()).unwrap();
    let all = "SELECT bound FROM revocations WHERE kind = 'all' AND expires_at IS NULL";
    let bound: i64 = database.query_row(all, [], |row| row.get(0)).unwrap();
    assert_eq!(bound, moment.seconds(), "every token of before, for good");
    let alice = store.user_by_name(&login("alice")).await.unwrap().unwrap();
    assert_eq!((alice.id.as_str(), alice.epoch), ("id-1", 1), "every session is over");
}
