//! What the contract needs of a backend, and the helpers that its tests share.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use portcullis::NumericDate;
use portcullis_server::{
    model::{Access, LoginName, NewUser, PasswordHash, RevokedToken, Username},
    store::{Creation, Store, StoreError, StoreErrorKind, sqlite::SqliteStore},
};
use tempfile::TempDir;

/// A place for data that can be opened again and again; its data goes with the value.
pub(crate) trait Backend {
    /// Whether there is such a backend here; where not, what is skipped has been said.
    fn is_there() -> bool {
        true
    }

    /// A place where nothing has been written yet.
    async fn fresh() -> Self;

    /// Opens the store of the place; only one at a time.
    async fn open(&self) -> Arc<dyn Store>;
}

/// A database file in a folder of its own.
pub(crate) struct Sqlite {
    folder: TempDir,
}

impl Sqlite {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder().join("portcullis.db")
    }

    pub(crate) fn beside(&self, suffix: &str) -> PathBuf {
        self.folder().join(format!("portcullis.db{suffix}"))
    }

    pub(crate) fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.path()).unwrap()
    }
}

impl Backend for Sqlite {
    async fn fresh() -> Self {
        Self::new()
    }

    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.store())
    }
}

/// How many migrations a file has.
pub(crate) fn schema_version(path: &Path) -> i64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row("SELECT user_version FROM pragma_user_version", [], |row| row.get(0)).unwrap()
}

/// A moment of the tests' own time.
pub(crate) fn moment(millis: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(1_900_000_000_000 + millis)
}

pub(crate) fn new_user(name: &str) -> NewUser {
    NewUser {
        username: Username::parse(name).unwrap(),
        password: PasswordHash::stored(format!("$argon2id$of-{name}")),
        access: Access::User,
    }
}

pub(crate) fn login(name: &str) -> LoginName {
    LoginName::parse(name).unwrap()
}

/// Registers a name and says whether it was free.
pub(crate) async fn register(store: &dyn Store, name: &str) -> bool {
    match store.create_user(new_user(name), moment(0)).await.unwrap() {
        Creation::Created(_) => true,
        Creation::NameTaken => false,
    }
}

pub(crate) fn token(jti: &str, expires_at: Option<i64>) -> RevokedToken {
    RevokedToken { jti: jti.to_owned(), expires_at: expires_at.map(NumericDate::from_seconds) }
}

pub(crate) async fn revoke(store: &dyn Store, jti: &str, expires_at: Option<i64>) {
    store.revoke_token(token(jti, expires_at), moment(0)).await.unwrap();
}

/// The whole revocation list, a page at a time.
pub(crate) async fn all_revoked(store: &dyn Store, page: usize) -> Vec<RevokedToken> {
    let mut all: Vec<RevokedToken> = Vec::new();
    loop {
        let after = all.last().map(|token| token.jti.clone());
        let next = store.revoked_tokens(after.as_deref(), page).await.unwrap();
        assert!(next.len() <= page, "a page has {} of {page}", next.len());
        if next.is_empty() {
            return all;
        }
        all.extend(next);
    }
}

pub(crate) async fn revoked_jtis(store: &dyn Store) -> Vec<String> {
    all_revoked(store, 1000).await.into_iter().map(|token| token.jti).collect()
}

#[track_caller]
pub(crate) fn assert_unavailable<T>(answer: Result<T, StoreError>) {
    let error = answer.err().expect("the store should not have answered");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
}
