//! What can go wrong at a served file, and the one table that turns it into a `StoreError`.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use rusqlite::ErrorCode;

use crate::store::{StoreError, StoreErrorKind};

/// Why an act did not happen; cheap to copy, because everybody of a group that failed gets the same one.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// SQLite refused.
    Sqlite(Arc<rusqlite::Error>),
    /// A row holds what none of our types can be.
    Row { table: &'static str, id: String, problem: String },
    /// The file cannot have a write-ahead log: its file system or another process does not let it.
    NoLog { mode: String },
    /// Somebody cut the file short: what is written now would be lost with it.
    CutShort,
    /// Somebody moved, replaced or deleted the file: what is written now would be lost.
    Moved,
    /// The code of an act, ours, panicked.
    Panicked,
    /// No place in the queue, or no answer, in time.
    Late,
    /// A cursor that this store cannot go on from.
    UnknownCursor,
    /// The store is closed.
    Closed,
    /// Whoever asked for it wants it no more.
    Stopped,
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(Arc::new(error))
    }
}

/// The served file, as errors name it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    path: Arc<Path>,
    identity: Option<(u64, u64)>,
    /// How long the file was found at most. It never gets shorter by itself: nothing here vacuums it.
    longest: Arc<AtomicU64>,
}

impl Place {
    /// The file of a path, as it is now.
    pub(super) fn of(path: PathBuf) -> Self {
        let (identity, length) = identity(&path);
        Self { path: path.into(), identity, longest: Arc::new(length.into()) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether another path leads to the same file, by whatever name.
    pub(super) fn is_at(&self, other: &Path) -> bool {
        self.identity.is_some() && identity(other).0 == self.identity
    }

    /// Whether the path still leads to the file that was opened, and to all of it.
    ///
    /// SQLite would go on writing to a deleted file without a word, or to the log beside one that was cut short, and every
    /// answer would be a lie.
    pub(super) fn check(&self) -> Result<(), Failure> {
        // Before the look: while this looks, another thread may find the file grown.
        let longest = self.longest.load(Ordering::Relaxed);
        let (identity, length) = identity(&self.path);
        if identity != self.identity {
            return Err(Failure::Moved);
        }
        if length < longest {
            return Err(Failure::CutShort);
        }
        self.longest.fetch_max(length, Ordering::Relaxed);
        Ok(())
    }

    /// The failure as callers and the log see it.
    pub(super) fn error(&self, failure: Failure) -> StoreError {
        let file = self.path.display();
        match failure {
            Failure::Sqlite(error) => self.sqlite_error(error),
            Failure::Row { table, id, problem } => StoreError::new(
                StoreErrorKind::Damaged,
                format!(
                    "{file}: the row {id:?} of {table} cannot be read: {problem}; repair or delete that row"
                ),
            ),
            Failure::NoLog { mode } => StoreError::new(
                StoreErrorKind::Refused,
                format!(
                    "{file} cannot be put into write-ahead mode and stays in mode {mode:?}; use a local file \
                     system and close other programs that have the file open"
                ),
            ),
            Failure::Moved => StoreError::new(
                StoreErrorKind::Damaged,
                format!(
                    "{file} was moved, replaced or deleted while it was served; nothing is written any more: \
                     stop the server, put the right file back and start again"
                ),
            ),
            Failure::CutShort => StoreError::new(
                StoreErrorKind::Damaged,
                format!(
                    "{file} was cut short while it was served; nothing is written any more: stop the server, put a \
                     backup in its place unless a VACUUM did it, and start again"
                ),
            ),
            Failure::Panicked => StoreError::new(
                StoreErrorKind::Unavailable,
                format!("{file}: an act failed by a defect of this program and was undone"),
            ),
            Failure::Late => StoreError::new(
                StoreErrorKind::Unavailable,
                format!("{file} did not answer in time; is its disk overloaded?"),
            ),
            Failure::UnknownCursor => StoreError::unknown_cursor(),
            Failure::Closed => StoreError::new(StoreErrorKind::Unavailable, format!("{file} is closed")),
            Failure::Stopped => {
                StoreError::new(StoreErrorKind::Unavailable, format!("the copy of {file} was stopped"))
            }
        }
    }

    fn sqlite_error(&self, error: Arc<rusqlite::Error>) -> StoreError {
        let file = self.path.display();
        let (kind, message) = match error.sqlite_error_code() {
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::PermissionDenied
                | ErrorCode::OutOfMemory
                | ErrorCode::OperationInterrupted
                | ErrorCode::OperationAborted
                | ErrorCode::FileLockingProtocolFailed,
            ) => (StoreErrorKind::Unavailable, format!("{file} cannot be used now: {error}")),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => (
                StoreErrorKind::Damaged,
                format!("{file} is damaged ({error}): stop the server, keep the file and restore a backup"),
            ),
            // A missing table or column: the schema is not what the migrations made.
            _ => (
                StoreErrorKind::Damaged,
                format!(
                    "{file} does not behave as our schema should ({error}): has another program changed it?"
                ),
            ),
        };
        StoreError::new(kind, message).caused_by(error)
    }
}

/// Which file a path leads to, and how long that is.
#[cfg(unix)]
fn identity(path: &Path) -> (Option<(u64, u64)>, u64) {
    use std::os::unix::fs::MetadataExt;
    match std::fs::metadata(path) {
        Ok(metadata) => (Some((metadata.dev(), metadata.ino())), metadata.len()),
        Err(_) => (None, 0),
    }
}

/// Elsewhere an open file cannot be deleted or replaced.
#[cfg(not(unix))]
fn identity(path: &Path) -> (Option<(u64, u64)>, u64) {
    (None, std::fs::metadata(path).map_or(0, |metadata| metadata.len()))
}
