//! The one error of every backend.

use std::{error::Error, fmt};

/// What a caller can do about a [`StoreError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store does not answer, is busy, full or closed: the same call may succeed later.
    Unavailable,
    /// The data cannot be trusted: only a person can help.
    Damaged,
    /// One document holds what none of our types can be, as others may write it: only a person can help with that one, and
    /// nothing is wrong with the others.
    Unreadable,
    /// The cursor of a list is of another one, or no store of this kind gave it out.
    UnknownCursor,
    /// The store cannot be opened as configured: another program's, a newer version's, in use, or unreachable.
    Refused,
}

/// A store that could not do what it was asked, with the reason for the log.
///
/// The text is for operators and never reaches a client.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// A list cannot go on from where it was asked to.
    pub(super) fn unknown_cursor() -> Self {
        Self::new(StoreErrorKind::UnknownCursor, "this store gave out no such cursor for such a list")
    }

    /// An error of a kind, with a text that names the thing and, where there is one, the way out.
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Adds the backend's own error as the cause.
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What a caller can do about it.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
