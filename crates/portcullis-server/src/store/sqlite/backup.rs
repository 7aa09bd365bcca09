//! A copy of a served database, made while it is written: one moment of it, whole or not at all.
//!
//! By SQLite's backup API from one read transaction: writers go on beside it, and what they write is not in the copy and
//! does not make it begin again. `VACUUM INTO` would build a smaller file out of every row anew, for several times the
//! work, and could not say how far it is.

use std::{
    fs::{self, File, OpenOptions},
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};
use tempfile::TempDir;

use super::{
    create::{folder_of, private_file, sync_folder},
    failure::{Failure, Place},
    inspect::{self, beside, refused},
    open,
};
use crate::store::{BackupProgress, Existing, StoreError};

/// Pages that are copied between two words about it: 4 MiB.
const STEP: i32 = 1024;

/// The place of a database that may be copied, whoever serves it and whatever version of ours it is of.
pub(super) fn place_of(path: &Path) -> Result<Place, StoreError> {
    if fs::metadata(path).map_or(0, |metadata| metadata.len()) == 0 {
        return Err(refused(format!("there is no database at {}", path.display())));
    }
    let path = open::resolve(path)?;
    inspect::refuse_other_kinds(&path)?;
    Ok(Place::of(path))
}

/// Copies the database of a place to a path; answers how large the copy is.
pub(super) fn make(
    place: &Place,
    path: &Path,
    existing: Existing,
    progress: impl FnMut(BackupProgress) -> ControlFlow<()>,
) -> Result<u64, StoreError> {
    refuse_taken(place, path, existing)?;
    let unwritable = |error: io::Error| unwritable(path).caused_by(error);
    let draft = Draft::beside(path).map_err(unwritable)?;
    copy_of(place, &draft.file, progress)?.close().map_err(|(_, error)| place.error(error.into()))?;
    let synced = File::open(&draft.file).and_then(|copy| {
        copy.sync_all()?;
        Ok(copy.metadata()?.len())
    });
    let bytes = synced.map_err(unwritable)?;
    let placed = match existing {
        // Fails where a file has come meanwhile.
        Existing::Kept => fs::hard_link(&draft.file, path),
        Existing::Replaced => fs::rename(&draft.file, path),
    };
    placed.and_then(|()| sync_folder(path)).map_err(unwritable)?;
    Ok(bytes)
}

/// Copies the database of a place into an empty file: one that needs no log beside it, checked from its first page to its
/// last.
pub(super) fn copy_of(
    place: &Place,
    to: &Path,
    mut progress: impl FnMut(BackupProgress) -> ControlFlow<()>,
) -> Result<Connection, StoreError> {
    let failed = |failure| place.error(failure);
    place.check().map_err(failed)?;
    let from = open::reader(place.path()).map_err(failed)?;
    open::check_copied(&from, place)?;
    let copy = copy(&from, to, &mut progress).map_err(failed)?;
    open::check_every_page(&copy, place)?;
    Ok(copy)
}

fn copy(
    from: &Connection,
    to: &Path,
    progress: &mut impl FnMut(BackupProgress) -> ControlFlow<()>,
) -> Result<Connection, Failure> {
    // The first look decides which moment is copied; until the end no later one is seen.
    from.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(to, flags)?;
    copy.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
    // Nobody needs a half copy: it has no journal, and is synced once, at the end.
    copy.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
    copy.pragma_update(None, "synchronous", "OFF")?;
    copy_pages(from, &mut copy, progress)?;
    // What was copied says that there is a log. Without one the file can be read anywhere, also where nobody can write.
    copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    Ok(copy)
}

fn copy_pages(
    from: &Connection,
    to: &mut Connection,
    progress: &mut impl FnMut(BackupProgress) -> ControlFlow<()>,
) -> Result<(), Failure> {
    let page: i64 = from.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let bytes = |pages: i32| u64::from(pages.max(0).unsigned_abs()) * page.unsigned_abs();
    let backup = Backup::new(from, to)?;
    loop {
        let step = backup.step(STEP)?;
        let so_far = backup.progress();
        let (whole, left) = (bytes(so_far.pagecount), bytes(so_far.remaining));
        if progress(BackupProgress { copied: whole.saturating_sub(left), whole }).is_break() {
            return Err(Failure::Stopped);
        }
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // Both files are ours alone in this way.
            _ => return Err(Failure::Late),
        }
    }
}

fn refuse_taken(place: &Place, path: &Path, existing: Existing) -> Result<(), StoreError> {
    let file = path.display();
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    if existing == Existing::Kept {
        return Err(refused(format!(
            "{file} is there already; name another file, or say --force to replace it"
        )));
    }
    if metadata.is_dir() {
        return Err(refused(format!("{file} is a directory; name a file in it")));
    }
    // By their names: what is replaced is a name.
    let resolved = fs::canonicalize(folder_of(path));
    let name = resolved.ok().zip(path.file_name()).map(|(folder, name)| folder.join(name));
    let served = ["", "-wal", "-shm", "-journal", ".lock"].map(|suffix| beside(place.path(), suffix));
    // And by another name of the same file, which must not even be opened: closing it would drop SQLite's locks.
    if name.is_some_and(|name| served.contains(&name)) || place.is_at(path) {
        return Err(refused(format!("{file} belongs to the database itself; name another file")));
    }
    // Nothing else is ever there by the doing of a backup: a secret, a configuration and a device are not replaced by one.
    if !metadata.is_file() || !inspect::begins_as_a_database(path) {
        return Err(refused(format!(
            "{file} is no SQLite database, which alone is replaced; name another file"
        )));
    }
    Ok(())
}

fn unwritable(path: &Path) -> StoreError {
    refused(format!(
        "{} cannot be written; use a folder that exists, with room, on a local file system that has hard links",
        path.display()
    ))
}

/// The copy under construction, in a folder of its own with whatever SQLite lays beside it; removed with that.
struct Draft {
    file: PathBuf,
    _folder: TempDir,
}

impl Draft {
    fn beside(path: &Path) -> io::Result<Self> {
        let mut folder = tempfile::Builder::new();
        folder.prefix(".portcullis-backup-");
        #[cfg(unix)]
        folder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = folder.tempdir_in(folder_of(path))?;
        let file = folder.path().join("unfinished");
        private_file(OpenOptions::new().write(true).create_new(true)).open(&file)?;
        Ok(Self { file, _folder: folder })
    }
}
