//! A copy of a served database, made while it is written: one moment of it, whole or not at all.
//!
//! By SQLite's backup API from one read transaction: writers go on beside it, and what they write is not in the copy and
//! does not make it begin again. `VACUUM INTO` would build a smaller file out of every row anew, for several times the
//! work, and could not say how far it is.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, Progress, StepResult},
};

use super::{
    create::{private_file, sync_folder},
    failure::{Failure, Place},
    inspect::{beside, refused},
    open,
};
use crate::store::StoreError;

/// How far a backup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupProgress {
    /// The pages that are copied.
    pub copied: usize,
    /// The pages of the database.
    pub pages: usize,
}

/// Pages that are copied between two words about it: 4 MiB.
const STEP: i32 = 1024;

/// Copies the database of a place to a path where there is no file yet.
pub(super) fn make(
    place: &Place,
    path: &Path,
    progress: impl FnMut(BackupProgress),
) -> Result<(), StoreError> {
    let file = path.display();
    if fs::symlink_metadata(path).is_ok() {
        return Err(refused(format!("{file} is there already; a backup never replaces a file")));
    }
    let draft = Draft::beside(path).map_err(|error| unwritable(path).caused_by(error))?;
    copy(place, &draft.0, progress).map_err(|failure| place.error(failure))?;
    let placed = File::open(&draft.0)
        .and_then(|copy| copy.sync_all())
        .and_then(|()| fs::hard_link(&draft.0, path))
        .and_then(|()| sync_folder(path));
    placed.map_err(|error| unwritable(path).caused_by(error))
}

fn unwritable(path: &Path) -> StoreError {
    refused(format!(
        "{} cannot be written; use a folder that exists, with room, on a local file system that has hard links",
        path.display()
    ))
}

/// The copy under construction; removed when it is not needed under this name any more.
struct Draft(PathBuf);

impl Draft {
    /// Refuses to share its name: another backup may be under way there.
    fn beside(path: &Path) -> io::Result<Self> {
        let draft = beside(path, ".unfinished");
        private_file(OpenOptions::new().write(true).create_new(true)).open(&draft)?;
        Ok(Self(draft))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        for suffix in ["", "-journal", "-wal", "-shm"] {
            let leftover = beside(&self.0, suffix);
            match fs::remove_file(&leftover) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    let file = leftover.display();
                    tracing::warn!(%error, %file, "what is left of a backup could not be removed");
                }
                _ => {}
            }
        }
    }
}

fn copy(place: &Place, draft: &Path, mut progress: impl FnMut(BackupProgress)) -> Result<(), Failure> {
    place.check()?;
    let from = open::reader(place.path())?;
    // The first look decides which moment is copied; until the end no later one is seen.
    from.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut to = Connection::open_with_flags(draft, flags)?;
    // Nobody needs a half copy: it has no journal, and is synced once, at the end.
    to.pragma_update_and_check(None, "journal_mode", "OFF", |_| Ok(()))?;
    to.pragma_update(None, "synchronous", "OFF")?;
    copy_pages(&from, &mut to, &mut progress)?;
    to.close().map_err(|(_, error)| error)?;
    Ok(())
}

fn copy_pages(
    from: &Connection,
    to: &mut Connection,
    progress: &mut impl FnMut(BackupProgress),
) -> Result<(), Failure> {
    let backup = Backup::new(from, to)?;
    loop {
        let step = backup.step(STEP)?;
        progress(so_far(backup.progress()));
        match step {
            StepResult::Done => return Ok(()),
            StepResult::More => {}
            // Both files are ours alone in this way.
            _ => return Err(Failure::Late),
        }
    }
}

fn so_far(progress: Progress) -> BackupProgress {
    let pages = usize::try_from(progress.pagecount).unwrap_or(0);
    let remaining = usize::try_from(progress.remaining).unwrap_or(0);
    BackupProgress { copied: pages.saturating_sub(remaining), pages }
}
