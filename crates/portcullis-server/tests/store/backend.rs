//! What the contract needs of a backend, and the helpers that its tests share.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use portcullis::NumericDate;
use portcullis_server::{
    model::{Access, LoginName, NewUser, PasswordHash, Revocation, RevokedToken, Username},
    store::{Creation, FeedMark, Store, StoreError, StoreErrorKind, sqlite::SqliteStore},
};
use tempfile::TempDir;
use tokio::sync::mpsc;

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

    /// Lets another program revoke a token for good and end a session, as its own hands would.
    async fn another_program_revokes(&self, jti: &str, session: &str);
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

    /// A second process, with no code of ours.
    async fn another_program_revokes(&self, jti: &str, session: &str) {
        let program = "import sqlite3, sys\n\
                       with sqlite3.connect(sys.argv[1], timeout=10) as shell:\n    \
                       shell.execute('INSERT INTO revoked_tokens (jti, created_at) VALUES (?, 0)', [sys.argv[2]])\n    \
                       shell.execute(\"UPDATE sessions SET ended_at = 0, end_reason = 'logged_out' WHERE id = ?\", [sys.argv[3]])\n";
        let mut python = std::process::Command::new("python3");
        python.args(["-c", program]).arg(self.path()).args([jti, session]);
        assert!(python.status().unwrap().success());
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
    let hash = PasswordHash::stored(format!("$argon2id$of-{name}"));
    NewUser::new(Username::parse(name).unwrap(), hash, Access::User)
}

pub(crate) fn login(name: &str) -> LoginName {
    LoginName::parse(name).unwrap()
}

/// Registers a name and says whether it was free.
pub(crate) async fn register(store: &dyn Store, name: &str) -> bool {
    match store.create_user(new_user(name), None, moment(0)).await.unwrap() {
        Creation::Created(_) => true,
        Creation::NameTaken => false,
        Creation::SomebodyAdministers => panic!("nobody was to administer"),
    }
}

pub(crate) fn token(jti: &str, expires_at: Option<i64>) -> RevokedToken {
    RevokedToken { jti: jti.to_owned(), expires_at: expires_at.map(NumericDate::from_seconds) }
}

pub(crate) async fn revoke(store: &dyn Store, jti: &str, expires_at: Option<i64>) {
    store.revoke(Revocation::Token(token(jti, expires_at)), moment(0)).await.unwrap();
}

/// What a store streams since a mark, of what has not expired at a moment, and the mark after it.
pub(crate) async fn streamed(
    store: &dyn Store,
    since: Option<FeedMark>,
    remembered_at: NumericDate,
) -> Result<(Vec<Revocation>, FeedMark), StoreError> {
    let (sender, mut batches) = mpsc::channel(1);
    let gather = async {
        let mut all = Vec::new();
        while let Some(batch) = batches.recv().await {
            all.extend(batch);
        }
        all
    };
    let (mark, all) = tokio::join!(store.revocations(since, remembered_at, sender), gather);
    Ok((all, mark?))
}

/// The beginning of time, at which nothing has expired.
pub(crate) const EVER: NumericDate = NumericDate::from_seconds(i64::MIN);

/// All revoked tokens in order of `jti`, each once: another program may have written one twice.
pub(crate) async fn all_revoked(store: &dyn Store) -> Vec<RevokedToken> {
    let mut all: BTreeMap<String, Option<NumericDate>> = BTreeMap::new();
    for revocation in streamed(store, None, EVER).await.unwrap().0 {
        let Revocation::Token(RevokedToken { jti, expires_at }) = revocation else { continue };
        let known = all.entry(jti).or_insert(expires_at);
        *known = (*known).zip(expires_at).map(|(one, other)| one.max(other));
    }
    all.into_iter().map(|(jti, expires_at)| RevokedToken { jti, expires_at }).collect()
}

pub(crate) async fn revoked_jtis(store: &dyn Store) -> Vec<String> {
    all_revoked(store).await.into_iter().map(|token| token.jti).collect()
}

#[track_caller]
pub(crate) fn assert_unavailable<T>(answer: Result<T, StoreError>) {
    let error = answer.err().expect("the store should not have answered");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
}
