//! A backup that takes the place of the database, with everything refused that was given out before.
//!
//! What was revoked after the backup is not in it. So the copy that is put in place refuses every token of before, and it
//! does so before it has the database's name: a crash at any moment leaves the old database, or the restored one as it
//! should be, or, where the old one was damaged already, none, which a start refuses.

use std::{
    fs::{self, File, OpenOptions},
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use portcullis::NumericDate;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::{
    audit, backup,
    create::{self, private_file, sync_folder},
    failure::{Failure, Place},
    inspect::{self, Found, beside, refused},
    open::{self, ServingLock},
    revocations, schema,
};
use crate::{
    model::{AuditEvent, Revocation},
    store::{BackupProgress, RestoreFacts, StoreError},
};

/// A backup that was checked and copied beside the database, which nobody else can open meanwhile. Nothing is changed yet.
pub struct Restore {
    path: PathBuf,
    copy: Copy,
    place: Place,
    present: Present,
    facts: RestoreFacts,
    lock: ServingLock,
}

/// The copy of the backup; what is left of it is removed.
struct Copy {
    of: PathBuf,
    connection: Option<Connection>,
}

impl Drop for Copy {
    fn drop(&mut self) {
        drop(self.connection.take());
        create::remove_leftovers(&self.of);
    }
}

/// What is at the database's place.
enum Present {
    /// A database, and nobody but this connection can open it.
    Held(Connection),
    /// Nothing, or what SQLite cannot open.
    Unusable,
}

impl Restore {
    /// Takes the lock, checks the backup and copies it.
    pub(in crate::store) fn prepare(
        path: &Path,
        from: &Path,
        progress: impl FnMut(BackupProgress) -> ControlFlow<()>,
    ) -> Result<Self, StoreError> {
        let path = open::resolve(path)?;
        inspect::refuse_other_kinds(&path)?;
        let backup = check_backup(from, &path)?;
        let lock = open::lock(&path)?;
        create::remove_leftovers(&path);
        let present = hold(&path)?;
        let copied = create::draft(&path);
        let unwritable = |error: io::Error| unwritable(&path).caused_by(error);
        private_file(OpenOptions::new().write(true).create_new(true)).open(&copied).map_err(unwritable)?;
        let mut copy = Copy { of: path.clone(), connection: None };
        let connection = copy.connection.insert(backup::copy_of(&backup, &copied, progress)?);
        schema::migrate(connection, schema::MIGRATIONS).map_err(|error| backup.error(error.into()))?;
        let mut facts = facts(connection).map_err(|failure| backup.error(failure))?;
        if let Present::Held(present) = &present {
            // One of an earlier version may not have all that is asked for, and then says nothing.
            facts.clock_shown = facts.clock_shown.max(clock_shown(present).unwrap_or_default());
        }
        Ok(Self { place: Place::of(copied), path, copy, present, facts, lock })
    }

    /// What is known of the backup.
    pub fn facts(&self) -> &RestoreFacts {
        &self.facts
    }

    /// Puts the backup in the place of the database. It refuses every token that was issued up to `before`, all sessions
    /// in it are over, and it has the event. Answers where the database of before is now, if there was one; `date` ends the
    /// name of that one.
    ///
    /// # Errors
    /// [`StoreError`] when it may not be durable. The database of before is in its place then, or beside it.
    pub fn put_in_place(
        mut self,
        before: NumericDate,
        event: &AuditEvent,
        date: &str,
    ) -> Result<Option<PathBuf>, StoreError> {
        let connection = self.copy.connection.take();
        let sealed = connection.ok_or(Failure::Closed).and_then(|connection| seal(connection, before, event));
        sealed.map_err(|failure| self.place.error(failure))?;
        let copy = self.place.path();
        let owned =
            File::open(copy).and_then(|file| file.sync_all()).and_then(|()| same_owner(&self.path, copy));
        owned.map_err(|error| unwritable(&self.path).caused_by(error))?;
        let kept = self.keep(date)?;
        self.lock.note_that_one_is_made(&self.path)?;
        let placed = fs::rename(copy, &self.path).and_then(|()| sync_folder(&self.path));
        placed.map_err(|error| unwritable(&self.path).caused_by(error))?;
        Ok(kept)
    }

    /// Gives the present database another name, a second one as long as the first still leads to it.
    fn keep(&self, date: &str) -> Result<Option<PathBuf>, StoreError> {
        let dated = beside(&beside(&self.path, create::KEPT), date);
        let others = (2..).map(|number| beside(&dated, &format!("-{number}")));
        let mut names = std::iter::once(dated.clone()).chain(others);
        let kept = names.find(|name| fs::symlink_metadata(name).is_err()).unwrap_or(dated);
        let kept = kept.as_path();
        let moved = match &self.present {
            Present::Held(connection) => {
                // Whole in its one file from here on: the log beside it would be taken for the new one's.
                take_log_in(connection).map_err(|failure| Place::of(self.path.clone()).error(failure))?;
                fs::hard_link(&self.path, kept).map(|()| true)
            }
            Present::Unusable => set_aside(&self.path, kept),
        };
        let moved = moved.and_then(|moved| sync_folder(&self.path).map(|()| moved));
        let moved = moved.map_err(|error| {
            let message = format!("the database of before cannot be kept as {}", kept.display());
            refused(message).caused_by(error)
        })?;
        Ok(moved.then(|| kept.to_owned()))
    }
}

fn check_backup(from: &Path, path: &Path) -> Result<Place, StoreError> {
    let file = from.display();
    if fs::symlink_metadata(from).is_err() {
        return Err(refused(format!("there is no file {file}")));
    }
    inspect::refuse_other_kinds(from)?;
    let place = Place::of(open::resolve(from)?);
    if place.is_at(path) {
        return Err(refused(format!("{file} is the database itself; name a backup")));
    }
    match inspect::inspect(place.path())? {
        Found::Ours { .. } => Ok(place),
        Found::Nothing => Err(refused(format!("there is no file {file}"))),
    }
}

/// Opens the present database so that nobody else can.
fn hold(path: &Path) -> Result<Present, StoreError> {
    if fs::metadata(path).is_err() {
        return Ok(Present::Unusable);
    }
    let held = open::writer(path).and_then(|connection| {
        // In this mode whatever lock is taken stays: that of a log as well as that of a transaction.
        connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
        connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
        Ok(connection)
    });
    let failure = match held {
        Ok(connection) => return Ok(Present::Held(connection)),
        Err(failure) => failure,
    };
    let code = match &failure {
        Failure::Sqlite(error) => error.sqlite_error_code(),
        _ => None,
    };
    let file = path.display();
    match code {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Ok(Present::Unusable),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Err(refused(format!(
            "another command or program has {file} open; end that one first, and nothing else may begin meanwhile"
        ))),
        _ => Err(Place::of(path.to_owned()).error(failure)),
    }
}

fn take_log_in(connection: &Connection) -> Result<(), Failure> {
    let mode: String =
        connection.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))?;
    if mode == "delete" { Ok(()) } else { Err(Failure::NoLog { mode }) }
}

/// Moves what nobody can open, and the log that belongs to it; answers whether there was more than that.
fn set_aside(path: &Path, kept: &Path) -> io::Result<bool> {
    let mut moved = false;
    // The log first: without the file it is no danger to another one.
    for suffix in ["-wal", "-journal", "-shm", ""] {
        match fs::rename(beside(path, suffix), beside(kept, suffix)) {
            Ok(()) => moved = suffix.is_empty(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(moved)
}

/// Writes into the copy what makes it safe to serve, and closes it as a file that is served.
fn seal(mut connection: Connection, before: NumericDate, event: &AuditEvent) -> Result<(), Failure> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    revocations::revoke(&transaction, &Revocation::All { before }, event.at)?;
    // All sessions are over by it. To end each by itself would make an entry of every one in every list.
    transaction.execute("UPDATE users SET epoch = epoch + 1", [])?;
    audit::insert(&transaction, event)?;
    transaction.commit()?;
    open::use_log(&connection)?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(())
}

fn facts(connection: &Connection) -> Result<RestoreFacts, Failure> {
    let users: i64 =
        connection
            .query_row("SELECT count(*) FROM users WHERE name_free_at IS NULL", [], |row| row.get(0))?;
    let shown = clock_shown(connection)?;
    Ok(RestoreFacts { users: users.unsigned_abs(), written: shown, clock_shown: shown })
}

/// The latest moment of those that were written by a clock here: tokens may say it too.
pub(super) fn clock_shown(connection: &Connection) -> Result<Option<NumericDate>, Failure> {
    let sql = "SELECT max(at) FROM (SELECT max(at) / 1000 AS at FROM audit UNION ALL \
               SELECT max(max(issued_at, made_at / 1000, last_used / 1000, ifnull(ended_at, 0) / 1000)) FROM sessions \
               UNION ALL SELECT max(created_at) / 1000 FROM users)";
    let latest: Option<i64> = connection.query_row(sql, [], |row| row.get(0))?;
    Ok(latest.map(NumericDate::from_seconds))
}

/// Whoever serves the database must be able to open what takes its place, also where root has restored it.
#[cfg(unix)]
fn same_owner(path: &Path, copy: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, chown};
    let owner = |path: &Path| fs::metadata(path).map(|metadata| (metadata.uid(), metadata.gid()));
    match (owner(path), owner(copy)) {
        (Ok(present), Ok(new)) if present != new => chown(copy, Some(present.0), Some(present.1)),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
fn same_owner(_: &Path, _: &Path) -> io::Result<()> {
    Ok(())
}

fn unwritable(path: &Path) -> StoreError {
    let file = path.display();
    refused(format!("{file} cannot be replaced; is its folder writable, and its disk not full?"))
}
