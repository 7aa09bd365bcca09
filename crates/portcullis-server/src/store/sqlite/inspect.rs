//! What the bytes of a file say before SQLite opens it.
//!
//! Only while no connection is open: closing any handle of a file drops the locks that SQLite holds on it.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use super::schema::APPLICATION_ID;
use crate::store::{StoreError, StoreErrorKind};

/// The bytes of a database's header, and where in it stands what (<https://www.sqlite.org/fileformat2.html>).
const HEADER: usize = 100;
const MAGIC: &[u8] = b"SQLite format 3\0";
const PAGE_SIZE: usize = 16;
const CHANGE_COUNTER: usize = 24;
const PAGE_COUNT: usize = 28;
const APPLICATION: usize = 68;
const COUNT_VALID_FOR: usize = 92;

/// Whether there is a database at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Ours {
        /// A log lies beside it that SQLite has yet to bring in: the header may be older than the data.
        unfinished_log: bool,
    },
}

/// Refuses what cannot be a database at all. Before the lock, which would be laid beside it.
pub(super) fn refuse_other_kinds(path: &Path) -> Result<(), StoreError> {
    let file = path.display();
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            Err(refused(format!("{file} is a directory; name a file in it")))
        }
        Ok(metadata) if !metadata.is_file() => {
            Err(refused(format!("{file} is no regular file; name another one")))
        }
        _ => Ok(()),
    }
}

/// Looks at the path and refuses everything that is not a whole file of ours, or nothing at all.
pub(super) fn inspect(path: &Path) -> Result<Found, StoreError> {
    let file = path.display();
    let Ok(metadata) = fs::metadata(path) else {
        return nothing(path);
    };
    if metadata.len() == 0 {
        return Err(refused(format!(
            "{file} is empty; a database of ours never is, so it may be what is left of an old one: restore a \
             backup, or delete the file to begin with an empty database"
        )));
    }
    let header = header(path)?;
    let unfinished_log = is_filled(&beside(path, "-wal"));
    check_owner(path, &header)?;
    if !unfinished_log {
        check_length(path, &header, metadata.len())?;
    }
    Ok(Found::Ours { unfinished_log })
}

/// The path of a file that belongs to the database: SQLite appends to the whole name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// No file may be a first start, or the loss of an old one.
fn nothing(path: &Path) -> Result<Found, StoreError> {
    let file = path.display();
    match fs::symlink_metadata(path) {
        Ok(_) => {
            return Err(refused(format!(
                "{file} is a link to a file that is not there; repair or delete it"
            )));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(refused(format!("{file} cannot be looked at")).caused_by(error)),
    }
    for log in ["-wal", "-journal"].map(|suffix| beside(path, suffix)) {
        if is_filled(&log) {
            return Err(refused(format!(
                "{file} is missing, but its log {} is there: bring the file back from where it was moved to or \
                 from a backup, or move the log away to begin with an empty database",
                log.display()
            )));
        }
    }
    Ok(Found::Nothing)
}

fn header(path: &Path) -> Result<Vec<u8>, StoreError> {
    let mut header = Vec::with_capacity(HEADER);
    File::open(path).and_then(|file| file.take(HEADER as u64).read_to_end(&mut header)).map_err(|error| {
        let message = format!("{} cannot be read; does it belong to this user?", path.display());
        refused(message).caused_by(error)
    })?;
    Ok(header)
}

/// Whether a file has the first bytes of every SQLite database, whosever it is.
pub(super) fn begins_as_a_database(path: &Path) -> bool {
    header(path).is_ok_and(|header| header.starts_with(MAGIC))
}

fn check_owner(path: &Path, header: &[u8]) -> Result<(), StoreError> {
    let file = path.display();
    if !header.starts_with(MAGIC) {
        return Err(refused(format!(
            "{file} is not an SQLite database; name the right file, or restore a backup if it once was one"
        )));
    }
    let owner =
        number(header, APPLICATION).ok_or_else(|| cut_short(path, HEADER as u64, header.len() as u64))?;
    if owner.cast_signed() != APPLICATION_ID {
        return Err(foreign(path, owner));
    }
    Ok(())
}

/// The error for another program's database.
pub(super) fn foreign(path: &Path, owner: u32) -> StoreError {
    refused(format!(
        "{} is an SQLite database of another program (application id {owner:#010x}, ours is {APPLICATION_ID:#010x}); \
         name another file",
        path.display()
    ))
}

fn check_length(path: &Path, header: &[u8], length: u64) -> Result<(), StoreError> {
    // The count is of use only when the last writer set it; every SQLite since 3.7.0 does.
    let counted = number(header, CHANGE_COUNTER) == number(header, COUNT_VALID_FOR);
    let pages = number(header, PAGE_COUNT).unwrap_or_default();
    let whole = u64::from(pages) * page_size(header);
    if counted && length < whole {
        return Err(cut_short(path, whole, length));
    }
    Ok(())
}

/// The error for a file that lacks its end.
pub(super) fn cut_short(path: &Path, whole: u64, length: u64) -> StoreError {
    let message = format!(
        "{} is cut short: {length} bytes of {whole} are left; keep it aside and restore a backup",
        path.display()
    );
    StoreError::new(StoreErrorKind::Damaged, message)
}

pub(super) fn refused(message: String) -> StoreError {
    StoreError::new(StoreErrorKind::Refused, message)
}

fn is_filled(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
}

fn number(header: &[u8], at: usize) -> Option<u32> {
    let bytes = header.get(at..at + 4)?;
    bytes.try_into().ok().map(u32::from_be_bytes)
}

/// Two bytes, in which 1 stands for the 65 536 that does not fit.
fn page_size(header: &[u8]) -> u64 {
    let bytes = header.get(PAGE_SIZE..PAGE_SIZE + 2).and_then(|bytes| bytes.try_into().ok());
    match bytes.map(u16::from_be_bytes) {
        Some(1) => 65_536,
        Some(size) => u64::from(size),
        None => 0,
    }
}
