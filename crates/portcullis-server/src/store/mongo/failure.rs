//! What can go wrong at a MongoDB, and the one table that turns it into a `StoreError`.

use std::fmt;

use mongodb::{
    bson::{Bson, Document},
    error::{Error, ErrorKind, WriteFailure},
};

use crate::store::{StoreError, StoreErrorKind};

/// Why a call did not do what it should.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// The driver or the server refused.
    Driver(Box<Error>),
    /// A document holds what none of our types can be.
    Document { collection: &'static str, id: String, problem: String },
    /// The server refused one of many writes.
    Write { code: i32, said: String },
    /// Our own code panicked.
    Panicked,
    /// No place among the calls, or no answer, in time.
    Late,
    /// Another call does what only one may do at a time, or has failed doing it.
    Claimed,
    /// A cursor that this store cannot go on from.
    UnknownCursor,
    /// The store is closed.
    Closed,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Driver(Box::new(error))
    }
}

impl Failure {
    /// Whether all of a command of many writes is done; of several failures another one than a duplicate counts.
    pub(super) fn if_any(answer: &Document) -> Result<(), Self> {
        let errors = answer.get_array("writeErrors").into_iter().flatten();
        let concern = answer.get("writeConcernError");
        let failed = errors.chain(concern).filter_map(Bson::as_document).map(|error| {
            let code = error.get_i32("code").unwrap_or_default();
            (code, error.get_str("errmsg").unwrap_or("a write failed").to_owned())
        });
        match failed.min_by_key(|(code, _)| *code == DUPLICATE_KEY) {
            Some((code, said)) => Err(Self::Write { code, said }),
            None => Ok(()),
        }
    }

    /// Whether a unique index kept a write from happening: somebody was faster.
    pub(super) fn is_duplicate(&self) -> bool {
        match self {
            Self::Driver(error) => is_duplicate(error),
            Self::Write { code, .. } => *code == DUPLICATE_KEY,
            _ => false,
        }
    }
}

/// What a server calls a text that a unique index has already.
pub(super) const DUPLICATE_KEY: i32 = 11_000;

/// Whether a unique index kept a write from happening.
fn is_duplicate(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Write(WriteFailure::WriteError(refused)) if refused.code == DUPLICATE_KEY)
}

/// The database as errors and people name it: its URL without credentials.
#[derive(Clone, Debug)]
pub(super) struct Place(String);

impl Place {
    /// The place of a text that holds no credentials.
    pub(super) fn new(shown: String) -> Self {
        Self(shown)
    }

    /// The failure of a call as callers and the log see it.
    pub(super) fn error(&self, failure: Failure) -> StoreError {
        let unavailable = |message: String| StoreError::new(StoreErrorKind::Unavailable, message);
        match failure {
            Failure::Driver(error) => self.driver_error(&error),
            Failure::Document { collection, id, problem } => StoreError::new(
                StoreErrorKind::Unreadable,
                format!(
                    "{self}: the document {id} of {collection} cannot be read: {problem}; repair or delete it"
                ),
            ),
            Failure::Write { code, said } => {
                unavailable(format!("{self} cannot be used now")).caused_by(format!("{said} (code {code})"))
            }
            Failure::Panicked => unavailable(format!("{self}: a call failed by a defect of this program")),
            Failure::Late => unavailable(format!("{self} did not answer in time")),
            Failure::Claimed => unavailable("another node does the same, or was cut off doing it".to_owned()),
            Failure::UnknownCursor => StoreError::unknown_cursor(),
            Failure::Closed => unavailable(format!("{self} is closed")),
        }
    }

    /// The failure of a start: a store that cannot be opened as configured.
    pub(super) fn refusal(&self, failure: Failure) -> StoreError {
        let refused = |message: String| StoreError::new(StoreErrorKind::Refused, message);
        match failure {
            Failure::Driver(error) => {
                let message = match &*error.kind {
                    ErrorKind::Authentication { .. } => {
                        format!("{self} does not accept the name and the password of the URL")
                    }
                    ErrorKind::Command(_) | ErrorKind::Write(_) => {
                        format!("{self} refuses what a start needs")
                    }
                    _ => format!("{self} cannot be reached; is it running, and reachable from here?"),
                };
                refused(message).caused_by(said(&error))
            }
            Failure::Late => {
                refused(format!("{self} does not answer; is it a MongoDB, running and reachable from here?"))
            }
            other => self.error(other),
        }
    }

    /// What a server says may pass, whatever it is: it is another program, with administrators of its own.
    fn driver_error(&self, error: &Error) -> StoreError {
        let (kind, message) = match &*error.kind {
            ErrorKind::Shutdown => (StoreErrorKind::Unavailable, format!("{self} is closed")),
            ErrorKind::Bson(_) => (
                StoreErrorKind::Damaged,
                format!("{self} answered with what cannot be read: has another program changed the data?"),
            ),
            ErrorKind::Authentication { .. } => (
                StoreErrorKind::Unavailable,
                format!("{self} does not accept the name and the password of the URL any more"),
            ),
            _ => (StoreErrorKind::Unavailable, format!("{self} cannot be used now")),
        };
        StoreError::new(kind, message).caused_by(said(error))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the driver has to say, without the server's whole reply, which would repeat documents in the log.
pub(super) fn said(error: &Error) -> String {
    match &*error.kind {
        ErrorKind::InvalidArgument { message, .. } => message.clone(),
        kind => kind.to_string(),
    }
}
