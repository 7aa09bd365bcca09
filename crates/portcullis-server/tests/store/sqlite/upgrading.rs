//! Files of earlier versions are taken over with all that is in them.

use portcullis_server::{model::UserState, sessions::Verdict, store::Store};
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
