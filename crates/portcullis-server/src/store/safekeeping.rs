//! Backups and what comes after them: how a copy is made, and how a restored one forgets nothing that was revoked since.

use std::{ops::ControlFlow, path::Path};

use portcullis::NumericDate;
use tokio::task::spawn_blocking;

use super::{
    StoreError, StoreErrorKind, file_of,
    sqlite::{Restore, SqliteStore},
};
use crate::config::DatabaseUrl;

/// How far a copy is, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupProgress {
    /// What is copied.
    pub copied: u64,
    /// What there is.
    pub whole: u64,
}

/// What becomes of a file that has a backup's name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and no backup is made.
    Kept,
    /// The backup takes its place when it is whole.
    Replaced,
}

/// What is known of a backup that is about to take the place of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoreFacts {
    /// The users in it.
    pub users: u64,
    /// The latest moment that it tells of.
    pub written: Option<NumericDate>,
    /// The latest moment that it or the database of before tells of: some clock here has shown that.
    pub clock_shown: Option<NumericDate>,
}

/// Copies the database of a URL, as it is at one moment, into a file that only its owner may read, whether or not it is
/// served. Answers how many bytes it has. The file appears when it is whole and checked.
///
/// `progress` is told after every 4 MiB, and may end it.
///
/// # Errors
/// [`StoreErrorKind::Refused`] where there is nothing of ours to copy, the path is taken or cannot be written, and for a
/// database that has tools of its own for that; [`StoreErrorKind::Damaged`] when it does not hold together.
pub async fn backup(
    url: &DatabaseUrl,
    to: &Path,
    existing: Existing,
    progress: impl FnMut(BackupProgress) -> ControlFlow<()> + Send + 'static,
) -> Result<u64, StoreError> {
    let Some(path) = file_of(url) else {
        return Err(of_a_server(
            "portcullis makes no backups of a MongoDB, whose own tools do: run mongodump --uri=URL --gzip --archive=FILE; \
             after a mongorestore run portcullis restore --after-mongorestore, which ends all sessions",
        ));
    };
    let (path, to) = (path.to_owned(), to.to_owned());
    let copying = spawn_blocking(move || SqliteStore::backup(&path, &to, existing, progress));
    copying.await.unwrap_or_else(|error| {
        Err(StoreError::new(StoreErrorKind::Unavailable, "the copy failed by a defect").caused_by(error))
    })
}

/// Takes the database of a URL out of service and checks a backup that is to take its place; nothing is changed until
/// [`Restore::put_in_place`]. Blocks meanwhile.
///
/// # Errors
/// [`StoreErrorKind::Refused`] while anybody has the database open, for a file that is no backup of ours or of a newer
/// version, and for a database that has tools of its own; [`StoreErrorKind::Damaged`] for a file that does not hold
/// together.
pub fn prepare_restore(
    url: &DatabaseUrl,
    from: &Path,
    progress: impl FnMut(BackupProgress) -> ControlFlow<()>,
) -> Result<Restore, StoreError> {
    let Some(path) = file_of(url) else {
        return Err(of_a_server(
            "a MongoDB is restored by its own tools: stop all nodes, run mongorestore, then portcullis restore \
             --after-mongorestore, and start the nodes again",
        ));
    };
    Restore::prepare(path, from, progress)
}

fn of_a_server(text: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Refused, text)
}
