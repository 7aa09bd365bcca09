//! Which files are opened, which are refused and in which words; a refused file is never changed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use portcullis_server::store::{
    Store, StoreError,
    StoreErrorKind::{self, Damaged, Refused},
    sqlite::SqliteStore,
};
use rusqlite::Connection;

use crate::backend::{EVER, Sqlite, register, revoke, revoked_jtis, schema_version, streamed};

/// The error of an opening that must fail, must name the file and must leave it as it was.
#[track_caller]
fn refusal(path: &Path, kind: StoreErrorKind, words: &[&str]) -> StoreError {
    let log = path.with_file_name(format!("{}-wal", path.file_name().unwrap().display()));
    let content = || (fs::read(path).ok(), fs::read(&log).ok());
    let before = content();
    let error = SqliteStore::open(path).err().expect("the file should have been refused");
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    let name = path.file_name().unwrap().to_str().unwrap();
    for word in words.iter().chain([&name]) {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
    assert!(content() == before, "the refused file or its log was changed");
    error
}

const ONE_MORE: &str =
    "INSERT INTO revoked_tokens (jti, expires_at, created_at) VALUES ('one more', NULL, 0)";

/// A closed database with some hundred pages.
async fn filled(place: &Sqlite) -> PathBuf {
    let store = place.store();
    assert!(register(&store, "alice").await);
    store.close().await;
    fill(&place.path(), 5_000);
    place.path()
}

fn fill(path: &Path, entries: u32) {
    Connection::open(path)
        .unwrap()
        .execute(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
             INSERT INTO revoked_tokens (jti, expires_at, created_at) SELECT format('%0100d', n), n, 0 FROM n",
            [entries],
        )
        .unwrap();
}

fn overwrite(path: &Path, from: usize, bytes: &[u8]) {
    let mut content = fs::read(path).unwrap();
    content[from..from + bytes.len()].copy_from_slice(bytes);
    fs::write(path, content).unwrap();
}

fn sql(path: &Path, statements: &str) {
    Connection::open(path).unwrap().execute_batch(statements).unwrap();
}

#[tokio::test]
async fn the_first_start_makes_a_file_that_only_its_owner_reads() {
    let place = Sqlite::new();
    let store = place.store();
    revoke(&store, "jti", None).await;
    for file in [place.path(), place.beside("-wal"), place.beside("-shm"), place.beside(".lock")] {
        assert!(file.exists(), "{}", file.display());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", file.display());
        }
    }
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 4, "and nothing else is left of its making");
}

#[tokio::test]
async fn what_a_crash_left_of_a_first_start_is_cleared_away() {
    let place = Sqlite::new();
    fs::write(place.beside(".unfinished"), "half a database").unwrap();
    fs::write(place.beside(".unfinished-journal"), "and its journal").unwrap();
    let store = place.store();
    revoke(&store, "jti", None).await;
    store.close().await;

    // A crash between the link and the removal of the first name: both are the database.
    fs::hard_link(place.path(), place.beside(".unfinished")).unwrap();
    let store = place.store();
    assert_eq!(revoked_jtis(&store).await, ["jti"]);
    assert!(!place.beside(".unfinished").exists() && !place.beside(".unfinished-journal").exists());
}

#[tokio::test]
async fn what_a_crash_left_in_the_log_is_brought_in() {
    let place = Sqlite::new();
    filled(&place).await;
    // So much that the file is shorter than the database in it, and every page of it is in the log.
    let double = "INSERT INTO revoked_tokens (jti, expires_at, created_at) \
                  SELECT jti || 'x', expires_at, 0 FROM revoked_tokens";
    let crashed = crashed_copy(&place, double);
    assert_eq!(revoked_jtis(&crashed.store()).await.len(), 10_000);
}

/// The files as they lie on the disk while their writer has taken nothing of its log into the database.
fn crashed_copy(place: &Sqlite, statement: &str) -> Sqlite {
    let writer = Connection::open(place.path()).unwrap();
    writer.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    writer.execute(statement, []).unwrap();
    let copy = Sqlite::new();
    for suffix in ["", "-wal"] {
        fs::copy(place.beside(suffix), copy.beside(suffix)).unwrap();
    }
    copy
}

#[test]
fn a_folder_is_no_database_and_is_not_made() {
    let place = Sqlite::new();
    refusal(place.folder(), Refused, &["is a directory"]);
    refusal(&place.folder().join("none").join("x.db"), Refused, &["the folder of", "create it first"]);
    assert!(!place.folder().join("none").exists());
    assert_eq!(fs::read_dir(place.folder()).unwrap().count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_place_where_no_file_can_be_is_refused() {
    refusal(Path::new("/dev/null"), Refused, &["is no regular file"]);
    refusal(Path::new("/proc/portcullis.db"), Refused, &["is the folder of", "writable"]);
}

#[test]
fn an_empty_file_is_not_taken_for_a_new_one() {
    let place = Sqlite::new();
    fs::write(place.path(), "").unwrap();
    refusal(&place.path(), Refused, &["is empty", "restore a backup", "delete the file"]);
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let place = Sqlite::new();
    for content in ["x", "SQLite format 2\0", &"notes\n".repeat(10_000)] {
        fs::write(place.path(), content).unwrap();
        refusal(&place.path(), Refused, &["is not an SQLite database"]);
    }
}

#[tokio::test]
async fn another_programs_database_is_refused() {
    let place = Sqlite::new();
    sql(&place.path(), "CREATE TABLE users (name TEXT)");
    refusal(&place.path(), Refused, &["of another program"]);
    sql(&place.path(), "PRAGMA application_id = 252006674");
    refusal(&place.path(), Refused, &["of another program"]);
}

#[tokio::test]
async fn a_newer_versions_database_is_refused() {
    let place = Sqlite::new();
    let path = filled(&place).await;
    let known = schema_version(&path);
    sql(&path, "PRAGMA user_version = 70");
    refusal(&path, Refused, &["newer version of portcullis", "schema 70", &format!("knows up to {known}")]);
    sql(&path, "PRAGMA user_version = -1");
    refusal(&path, Refused, &["newer version of portcullis"]);
    sql(&path, &format!("PRAGMA user_version = {known}"));
    // Known from the log only, as after a crash of that version.
    let crashed = crashed_copy(&place, "PRAGMA user_version = 80");
    refusal(&crashed.path(), Refused, &["newer version of portcullis", "schema 80"]);

    sql(&path, &format!("PRAGMA user_version = {known}"));
    assert_eq!(revoked_jtis(&place.store()).await.len(), 5_000);
}

#[tokio::test]
async fn a_file_that_is_cut_short_is_refused_wherever_it_is_cut() {
    let place = Sqlite::new();
    let path = filled(&place).await;
    let whole = fs::read(&path).unwrap();
    let lengths = [50, 100, 4096, 4097, whole.len() / 2, whole.len() - 4096, whole.len() - 1];
    for length in lengths {
        fs::write(&path, &whole[..length]).unwrap();
        refusal(&path, Damaged, &["is cut short", "restore a backup"]);
    }
}

#[tokio::test]
async fn a_file_that_is_cut_short_is_refused_with_a_log_as_well() {
    let place = Sqlite::new();
    filled(&place).await;
    let crashed = crashed_copy(&place, ONE_MORE);
    let whole = fs::read(crashed.path()).unwrap();
    fs::write(crashed.path(), &whole[..whole.len() / 2]).unwrap();
    refusal(&crashed.path(), Damaged, &["is damaged", "restore a backup"]);
}

#[tokio::test]
async fn damage_in_the_middle_is_found_at_the_start() {
    // DUR-07
    let place = Sqlite::new();
    let path = filled(&place).await;
    let whole = fs::read(&path).unwrap();
    for page in [1, 3, whole.len() / 4096 / 2, whole.len() / 4096 - 1] {
        overwrite(&path, page * 4096, &[0xff; 4096]);
        refusal(&path, Damaged, &["is damaged", "restore a backup"]);
        fs::write(&path, &whole).unwrap();
    }
    // The tree of the schema itself, behind the header that still looks well.
    overwrite(&path, 100, &[0xff; 1000]);
    refusal(&path, Damaged, &["is damaged"]);
    fs::write(&path, &whole).unwrap();
    assert_eq!(revoked_jtis(&place.store()).await.len(), 5_000);
}

#[tokio::test]
async fn damage_in_a_large_file_is_found_by_the_call_that_meets_it() {
    let place = Sqlite::new();
    place.store().close().await;
    fill(&place.path(), 100_000);
    let length = fs::metadata(place.path()).unwrap().len();
    assert!(length > 8 << 20, "the file of {length} bytes is small enough to be checked whole");
    let middle = usize::try_from(length).unwrap() / 4096 / 2;
    // A few pages: the table and its index, which the call does not read, grow side by side.
    overwrite(&place.path(), middle * 4096, &[0xff; 4 * 4096]);

    let store = place.store();
    let error = streamed(&store, None, EVER).await.unwrap_err();
    assert_eq!(error.kind(), Damaged, "{error}");
    assert!(error.to_string().contains("restore a backup"), "{error}");
    assert!(register(&store, "alice").await, "what is whole goes on");
}

#[tokio::test]
async fn a_database_that_is_gone_is_not_made_anew() {
    let place = Sqlite::new();
    let path = filled(&place).await;
    let aside = path.with_extension("aside");
    fs::rename(&path, &aside).unwrap();
    let lock = format!("{}.lock", path.file_name().unwrap().display());
    refusal(&path, Refused, &["is gone", &lock]);
    assert!(!path.exists());
    fs::rename(&aside, &path).unwrap();
    assert!(SqliteStore::open(&path).is_ok());
}

#[tokio::test]
async fn a_database_without_one_of_its_tables_is_damaged() {
    let place = Sqlite::new();
    let path = filled(&place).await;
    sql(&path, "DROP TABLE users");
    let error = SqliteStore::open(&path).err().unwrap();
    assert_eq!(error.kind(), Damaged);
    assert!(error.to_string().contains("its table users"), "{error}");
}

#[tokio::test]
async fn a_log_without_its_database_is_no_first_start() {
    let place = Sqlite::new();
    filled(&place).await;
    let crashed = crashed_copy(&place, ONE_MORE);
    fs::remove_file(crashed.path()).unwrap();
    refusal(&crashed.path(), Refused, &["is missing", "portcullis.db-wal"]);
    assert!(!crashed.path().exists() && crashed.beside("-wal").exists());
}

#[tokio::test]
async fn a_second_server_of_one_file_is_refused_until_the_first_has_closed_it() {
    let place = Sqlite::new();
    let first = place.store();
    let again = "another portcullis serves";
    refused_while_served(&place.path(), again);
    // By another way to the same file, too.
    refused_while_served(&place.folder().join(".").join("portcullis.db"), again);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(place.path(), place.folder().join("link.db")).unwrap();
        refused_while_served(&place.folder().join("link.db"), again);
    }
    revoke(&first, "the first one goes on", None).await;
    first.close().await;
    let second = place.store();
    refused_while_served(&place.path(), again);
    drop(second);
    assert_eq!(revoked_jtis(&place.store()).await, ["the first one goes on"]);
}

/// Not by [`refusal`], which reads the file: closing that handle would drop the locks of the store that serves it.
#[track_caller]
fn refused_while_served(path: &Path, words: &str) {
    let error = SqliteStore::open(path).err().expect("the second one should have been refused");
    assert_eq!(error.kind(), Refused);
    assert!(error.to_string().contains(words), "{error}");
}

#[cfg(unix)]
#[test]
fn a_link_to_nothing_is_refused() {
    let place = Sqlite::new();
    std::os::unix::fs::symlink(place.folder().join("gone.db"), place.path()).unwrap();
    refusal(&place.path(), Refused, &["is a link to a file that is not there"]);
}
