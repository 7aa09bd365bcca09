//! An open file under trouble: rows nobody can read, a lock held by others, a file that goes away.

use portcullis_server::{
    model::Revocation,
    store::{Store, StoreErrorKind},
};
use rusqlite::Connection;

use crate::backend::{
    EVER, Sqlite, assert_unavailable, login, moment, register, revoke, revoked_jtis, streamed, token,
};

/// A second program with the file open, such as an `sqlite3` shell.
fn shell(place: &Sqlite) -> Connection {
    Connection::open(place.path()).unwrap()
}

#[tokio::test]
async fn a_name_older_than_the_rules_is_found_by_its_spelling_and_blocks_it() {
    let place = Sqlite::new();
    let store = place.store();
    let insert =
        "INSERT INTO users (id, username, password, access, created_at) VALUES (?1, ?2, 'hash', 1, 0)";
    for (id, name) in [("1", "two words"), ("2", "Bob")] {
        shell(&place).execute(insert, [id, name]).unwrap();
    }
    for (id, name) in [("1", "two words"), ("2", "Bob")] {
        let user = store.user_by_name(&login(name)).await.unwrap().expect(name);
        assert_eq!(user.id.as_str(), id);
    }
    assert!(store.user_by_name(&login("Two words")).await.unwrap().is_none());
    assert!(!register(&store, "Bob").await, "two users of one spelling could not be told apart");
}

#[tokio::test]
async fn a_row_that_is_none_of_ours_is_named_and_harms_no_other() {
    let place = Sqlite::new();
    let store = place.store();
    for name in ["alice", "bob", "carol", "dave"] {
        assert!(register(&store, name).await);
    }
    shell(&place)
        .execute_batch(
            "PRAGMA ignore_check_constraints = ON;
             UPDATE users SET access = 7, id = 'the-bad-one' WHERE username = 'alice';
             UPDATE users SET password = CAST(x'ff' AS TEXT), id = 'not-text' WHERE username = 'bob';
             UPDATE users SET created_at = 9223372036854775807, id = 'no-time' WHERE username = 'carol';",
        )
        .unwrap();
    for (name, id, what) in
        [("alice", "the-bad-one", "7 is no access level"), ("bob", "not-text", "password")]
    {
        let error = store.user_by_name(&login(name)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Damaged);
        let text = error.to_string();
        assert!([id, what, "users"].iter().all(|part| text.contains(part)), "{text}");
    }
    assert!(store.user_by_name(&login("dave")).await.unwrap().is_some());
    // A time far away is odd but a time.
    assert!(store.user_by_name(&login("carol")).await.unwrap().is_some());
}

#[tokio::test]
async fn a_missing_table_is_damage_and_not_a_panic() {
    let place = Sqlite::new();
    let store = place.store();
    shell(&place).execute_batch("DROP TABLE revoked_tokens").unwrap();
    let error = store.revoke(Revocation::Token(token("jti", None)), moment(0)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Damaged, "{error}");
    assert_eq!(streamed(&store, None, EVER).await.unwrap_err().kind(), StoreErrorKind::Damaged);
    assert!(register(&store, "alice").await, "what is whole goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_another_program_writes_reads_go_on_and_writes_are_unavailable() {
    let place = Sqlite::new();
    let store = place.store();
    revoke(&store, "before", None).await;
    let shell = shell(&place);
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (write, read) = tokio::join!(
        store.revoke(Revocation::Token(token("blocked", None)), moment(0)),
        revoked_jtis(&store)
    );
    assert_unavailable(write);
    assert_eq!(read, ["before"]);
    shell.execute_batch("ROLLBACK").unwrap();
    revoke(&store, "after", None).await;
    assert_eq!(revoked_jtis(&store).await, ["after", "before"], "what was refused did not happen");
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_acknowledged_once_the_file_is_gone() {
    let place = Sqlite::new();
    let store = place.store();
    revoke(&store, "before", None).await;
    let aside = place.beside(".aside");
    std::fs::rename(place.path(), &aside).unwrap();
    let error = store.revoke(Revocation::Token(token("lost", None)), moment(0)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Damaged, "{error}");
    assert_eq!(store.ping().await.unwrap_err().kind(), StoreErrorKind::Damaged);

    std::fs::rename(&aside, place.path()).unwrap();
    revoke(&store, "after", None).await;
    assert_eq!(revoked_jtis(&store).await, ["after", "before"]);
}

#[tokio::test]
async fn nothing_is_acknowledged_once_the_file_is_cut_short() {
    let place = Sqlite::new();
    let store = place.store();
    revoke(&store, "before", None).await;
    let file = std::fs::OpenOptions::new().write(true).open(place.path()).unwrap();
    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    for _ in 0..2 {
        let error = store.revoke(Revocation::Token(token("lost", None)), moment(0)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Damaged, "{error}");
        assert!(error.to_string().contains("cut short"), "{error}");
    }
    assert_eq!(store.ping().await.unwrap_err().kind(), StoreErrorKind::Damaged);
}

#[tokio::test]
async fn a_closed_store_is_one_file() {
    let place = Sqlite::new();
    let store = place.store();
    revoke(&store, "jti", None).await;
    assert_eq!(revoked_jtis(&store).await, ["jti"]);
    store.close().await;
    assert!(!place.beside("-wal").exists());
    assert!(!place.beside("-shm").exists());
}

#[tokio::test]
async fn the_location_names_the_file() {
    let place = Sqlite::new();
    let location = place.store().location();
    assert!(location.starts_with("sqlite:") && location.ends_with("portcullis.db"), "{location}");
}
