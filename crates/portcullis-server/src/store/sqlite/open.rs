//! From a path to an open database: the lock, the checks in their order, the connections and their settings.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, MAIN_DB, OpenFlags, config::DbConfig};

use super::{
    create,
    failure::{Failure, Place},
    inspect::{self, Found, beside, cut_short, refused},
    schema,
};
use crate::store::{StoreError, StoreErrorKind};

/// A file up to this size is read whole at the start: about 10 ms.
const CHECKED_WHOLE: u64 = 8 << 20;

/// The log's size at rest; SQLite empties it every 4 MB of new pages.
const LOG_KEPT: i64 = 8 << 20;

/// How long SQLite waits for another process, such as an `sqlite3` shell: less than a caller does.
const BUSY: Duration = Duration::from_millis(1500);

/// A database that is open for writing.
pub(super) struct Opened {
    pub(super) place: Place,
    pub(super) connection: Connection,
    /// Held by the one who serves the file.
    pub(super) lock: Option<ServingLock>,
}

/// Held by the one process that serves a file; the system lets go of it however the process ends.
///
/// The lock's file also remembers that a database was made beside it: where that one is gone, a new and empty one
/// would bring back every revoked token and lose every user without a word.
pub(super) struct ServingLock {
    file: File,
}

const MADE: &[u8] = b"a database was made beside this file\n";

impl ServingLock {
    fn refuse_if_one_was_made(&self, path: &Path) -> Result<(), StoreError> {
        if self.file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            return Ok(());
        }
        let (file, lock) = (path.display(), beside(path, ".lock"));
        Err(refused(format!(
            "{file} was made once and is gone; put it back, or remove {} to begin with an empty one",
            lock.display()
        )))
    }

    pub(super) fn note_that_one_is_made(&self, path: &Path) -> Result<(), StoreError> {
        let noted = self.file.metadata().and_then(|metadata| {
            if metadata.len() > 0 {
                Ok(())
            } else {
                (&self.file).write_all(MADE).and_then(|()| self.file.sync_all())
            }
        });
        noted.map_err(|error| {
            let message = format!("{} cannot be written; is its disk full?", beside(path, ".lock").display());
            refused(message).caused_by(error)
        })
    }
}

/// Takes the lock, makes the file if there is none, and opens it if it is a whole one of ours.
pub(super) fn for_serving(path: &Path) -> Result<Opened, StoreError> {
    let path = resolve(path)?;
    inspect::refuse_other_kinds(&path)?;
    let lock = lock(&path)?;
    create::remove_leftovers(&path);
    let mut found = inspect::inspect(&path)?;
    if found == Found::Nothing {
        lock.refuse_if_one_was_made(&path)?;
        create::create(&path)?;
        found = inspect::inspect(&path)?;
    }
    lock.note_that_one_is_made(&path)?;
    let unfinished_log = matches!(found, Found::Ours { unfinished_log: true });
    let place = Place::of(path);
    let failed = |failure| place.error(failure);
    let mut connection = writer(place.path()).map_err(failed)?;
    // A file that is refused stays as it is, its log included.
    keep_log(&connection, unfinished_log).map_err(failed)?;
    check(&connection, &place, unfinished_log)?;
    keep_log(&connection, false).map_err(failed)?;
    update(&mut connection).map_err(failed)?;
    check_tables(&connection, &place)?;
    Ok(Opened { place, connection, lock: Some(lock) })
}

/// Opens a whole file of ours as it is, whether or not another process serves it: nothing is made or brought up to date.
pub(super) fn without_serving(path: &Path) -> Result<Opened, StoreError> {
    let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
    if length == 0 {
        let file = path.display();
        return Err(refused(format!("there is no database at {file}; portcullis serve makes one")));
    }
    let path = resolve(path)?;
    inspect::refuse_other_kinds(&path)?;
    let file = path.display();
    let place = Place::of(path.clone());
    // Never by its bytes: closing that handle would drop the locks of a store that serves it in this very process.
    let connection = writer(place.path()).and_then(|connection| {
        let owner = owner(&connection)?;
        Ok((connection, owner))
    });
    let (connection, owner) = connection.map_err(|failure| {
        let message = format!("{file} is no SQLite database that can be opened; name the right file");
        refused(message).caused_by(place.error(failure))
    })?;
    if owner != schema::APPLICATION_ID {
        return Err(inspect::foreign(&path, owner.cast_unsigned()));
    }
    let (version, known) = check_usable(&connection, &place)?;
    if version < known {
        return Err(refused(format!(
            "{file} is from an earlier version of portcullis (schema {version}, this one works with {known}); start \
             portcullis serve of this version, which brings it up to date"
        )));
    }
    if length <= CHECKED_WHOLE {
        check_whole(&connection, &place)?;
    }
    check_tables(&connection, &place)?;
    Ok(Opened { place, connection, lock: None })
}

/// Whether what is read is ours, of a version that is known: what a copy of it would be.
pub(super) fn check_copied(connection: &Connection, place: &Place) -> Result<(), StoreError> {
    let owner = owner(connection).map_err(|error| place.error(error.into()))?;
    if owner != schema::APPLICATION_ID {
        return Err(inspect::foreign(place.path(), owner.cast_unsigned()));
    }
    check_version(connection, place).map(drop)
}

/// Reads everything, indexes too, of a copy of a place's file.
pub(super) fn check_every_page(copy: &Connection, place: &Place) -> Result<(), StoreError> {
    check_by(copy, place, "PRAGMA integrity_check(1)")?;
    let (version, known) = check_version(copy, place)?;
    if version == known { check_tables(copy, place) } else { Ok(()) }
}

/// A connection that cannot write.
pub(super) fn reader(path: &Path) -> Result<Connection, Failure> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

/// Puts the file into write-ahead mode: readers and the writer do not wait for each other.
pub(super) fn use_log(connection: &Connection) -> Result<(), Failure> {
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode == "wal" { Ok(()) } else { Err(Failure::NoLog { mode }) }
}

/// One name for one file, however it is spelled or linked: the lock goes by the name.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, StoreError> {
    let file = path.display();
    if let Ok(known) = fs::canonicalize(path) {
        return Ok(known);
    }
    let name = path.file_name().ok_or_else(|| refused(format!("{file} names no file")))?;
    let known = fs::canonicalize(create::folder_of(path)).map_err(|error| {
        let message = format!("the folder of {file} is not there or cannot be entered; create it first");
        refused(message).caused_by(error)
    })?;
    Ok(known.join(name))
}

pub(super) fn lock(path: &Path) -> Result<ServingLock, StoreError> {
    let (file, lock) = (path.display(), beside(path, ".lock"));
    let mut options = OpenOptions::new();
    let options = create::private_file(options.read(true).write(true).create(true).truncate(false));
    let handle = options.open(&lock).map_err(|error| {
        let message = format!("{} cannot be opened; is the folder of {file} writable?", lock.display());
        refused(message).caused_by(error)
    })?;
    match handle.try_lock() {
        Ok(()) => Ok(ServingLock { file: handle }),
        Err(TryLockError::WouldBlock) => Err(refused(format!(
            "another portcullis serves {file}; stop that one, or give this one a file of its own"
        ))),
        Err(TryLockError::Error(error)) => {
            let message = format!("{} cannot be locked; use a local file system", lock.display());
            Err(refused(message).caused_by(error))
        }
    }
}

pub(super) fn writer(path: &Path) -> Result<Connection, Failure> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // An answer means that the disk has it. NORMAL would be ten times as fast and lose the last commits with
    // the power.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A log that grew during a long read elsewhere gives its space back.
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_KEPT, |_| Ok(()))?;
    Ok(connection)
}

/// Settings for every connection; none of them touches the file.
fn connect(path: &Path, access: OpenFlags) -> Result<Connection, Failure> {
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Small: the system's page cache holds the file already. A map would turn a failed read into a signal.
    connection.pragma_update(None, "cache_size", -2048)?;
    connection.pragma_update_and_check(None, "mmap_size", 0, |_| Ok(()))?;
    Ok(connection)
}

/// Whether closing the connection leaves the log alone, instead of taking it into the file.
fn keep_log(connection: &Connection, keep: bool) -> Result<(), Failure> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)?;
    Ok(())
}

/// Whether the file can be written and is of a version that is known; answers its version and the newest one.
fn check_usable(connection: &Connection, place: &Place) -> Result<(usize, usize), StoreError> {
    let file = place.path().display();
    let failed = |error: rusqlite::Error| place.error(error.into());
    if connection.is_readonly(MAIN_DB).map_err(failed)? {
        return Err(refused(format!("{file} cannot be written; does it belong to this user?")));
    }
    check_version(connection, place)
}

/// Whether the file is of a version that is known; answers its version and the newest one.
fn check_version(connection: &Connection, place: &Place) -> Result<(usize, usize), StoreError> {
    let file = place.path().display();
    let version = schema::version(connection).map_err(|error| place.error(error.into()))?;
    let known = schema::MIGRATIONS.len();
    if version > known {
        return Err(refused(format!(
            "{file} is from a newer version of portcullis (schema {version}, this one knows up to {known}); \
             install that version, or restore a backup from before the upgrade"
        )));
    }
    Ok((version, known))
}

/// What only SQLite can tell, before anything is written.
fn check(connection: &Connection, place: &Place, unfinished_log: bool) -> Result<(), StoreError> {
    check_usable(connection, place)?;
    let length = fs::metadata(place.path()).map_or(0, |metadata| metadata.len());
    let whole = size(connection).map_err(|error| place.error(error.into()))?;
    // A crash while the log was taken in may leave the file short and all its pages in the log. Without a log
    // there is no such excuse; with one, reading everything tells.
    if length < whole && !unfinished_log {
        return Err(cut_short(place.path(), whole, length));
    }
    if length < whole || length <= CHECKED_WHOLE {
        check_whole(connection, place)?;
    }
    Ok(())
}

/// A file of ours has our tables, whatever its number says.
fn check_tables(connection: &Connection, place: &Place) -> Result<(), StoreError> {
    match schema::missing_table(connection).map_err(|error| place.error(error.into()))? {
        None => Ok(()),
        Some(table) => {
            let file = place.path().display();
            let message = format!("{file} lacks its table {table}; keep it aside and restore a backup");
            Err(StoreError::new(StoreErrorKind::Damaged, message))
        }
    }
}

fn owner(connection: &Connection) -> rusqlite::Result<i32> {
    connection.pragma_query_value(None, "application_id", |row| row.get(0))
}

fn size(connection: &Connection) -> rusqlite::Result<u64> {
    let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    Ok(pages.saturating_mul(page).unsigned_abs())
}

fn check_whole(connection: &Connection, place: &Place) -> Result<(), StoreError> {
    check_by(connection, place, "PRAGMA quick_check(1)")
}

fn check_by(connection: &Connection, place: &Place, pragma: &str) -> Result<(), StoreError> {
    let found: String =
        connection.query_row(pragma, [], |row| row.get(0)).map_err(|error| place.error(error.into()))?;
    if found == "ok" {
        return Ok(());
    }
    let message = format!(
        "{} is damaged ({}); keep it aside and restore a backup",
        place.path().display(),
        found.replace('\n', " ")
    );
    Err(StoreError::new(StoreErrorKind::Damaged, message))
}

/// Brings a file that passed its checks up to date.
fn update(connection: &mut Connection) -> Result<(), Failure> {
    use_log(connection)?;
    schema::migrate(connection, schema::MIGRATIONS)?;
    Ok(())
}
