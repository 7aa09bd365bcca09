//! The first creation: the database is built whole beside its place and appears there in one step.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};

use super::{
    failure::Place,
    inspect::{beside, refused},
    open, schema,
};
use crate::store::StoreError;

/// Makes an empty database at a path where there is none.
///
/// If one appears there meanwhile, that one stays. A crash at any moment leaves the whole file or none.
/// Only under the serving lock: the file under construction has a fixed name.
pub(super) fn create(path: &Path) -> Result<(), StoreError> {
    let draft = draft(path);
    let made = build(&draft).map_err(|error| {
        let file = path.display();
        let message = format!("{file} cannot be created; is its folder writable and its disk not full?");
        refused(message).caused_by(error)
    });
    let placed = made.and_then(|()| place(&draft, path));
    remove_leftovers(path);
    placed
}

/// Removes what a creation or a restore that was cut off has left.
pub(super) fn remove_leftovers(path: &Path) {
    remove_second_names(path);
    let draft = draft(path);
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let leftover = beside(&draft, suffix);
        match fs::remove_file(&leftover) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let file = leftover.display();
                tracing::warn!(%error, %file, "an unfinished database could not be removed; it is of no use");
            }
            _ => {}
        }
    }
}

/// What stands between the name of a database and the date, where a restore has kept it.
pub(crate) const KEPT: &str = ".before-restore-";

/// A restore that was cut off may have given the database the name of a kept one, and not yet taken its own away. SQLite
/// must not be led to one file by two names.
fn remove_second_names(path: &Path) {
    let kept = beside(path, KEPT);
    let (Some(folder), Some(begins)) = (path.parent(), kept.file_name()) else { return };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_kept = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(begins.as_encoded_bytes());
    let place = Place::of(path.to_owned());
    for entry in entries.filter(|entry| is_kept(&entry.file_name()) && place.is_at(&entry.path())) {
        let _ = fs::remove_file(entry.path());
    }
}

/// Beside the place, so that it is on the same file system.
pub(super) fn draft(path: &Path) -> PathBuf {
    beside(path, ".unfinished")
}

fn build(draft: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    private_file(OpenOptions::new().write(true).create_new(true)).open(draft)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(draft, flags)?;
    connection.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
    schema::migrate(&mut connection, schema::MIGRATIONS)?;
    // Last: until here all went into the file itself, so that no log has to be taken in, which may fail unseen.
    let place = Place::of(draft.to_owned());
    open::use_log(&connection).map_err(|failure| place.error(failure))?;
    connection.close().map_err(|(_, error)| error)?;
    File::open(draft)?.sync_all()?;
    Ok(())
}

/// A link, not a rename: it fails where a rename would put the new file over an old one.
fn place(draft: &Path, path: &Path) -> Result<(), StoreError> {
    let linked = match fs::hard_link(draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    };
    linked.and_then(|()| sync_folder(path)).map_err(|error| {
        let message = format!(
            "{} cannot be put in its place; use a folder on a local file system that has hard links",
            path.display()
        );
        refused(message).caused_by(error)
    })
}

/// Options for a file that only its owner may read: it holds password hashes. SQLite gives its log the same mode.
#[cfg(unix)]
pub(super) fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.mode(0o600)
}

/// Options for a file that has the rights of its folder.
#[cfg(not(unix))]
pub(super) fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// The folder of a file, also of one that is named alone.
pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A new name is durable when its folder is.
#[cfg(unix)]
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// Elsewhere folders cannot be synced; the file system's journal has to do.
#[cfg(not(unix))]
pub(super) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
