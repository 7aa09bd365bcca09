//! A look at a database file that changes nothing: not by a lock, nor by a log that is laid beside it.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use portcullis::NumericDate;
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{Access, access, statvfs};

use super::{
    create::folder_of,
    failure::{Failure, Place},
    inspect::{self, Found, beside},
    open, restore, schema,
};
use crate::store::{Finding, StoreError, StoreErrorKind};

const DATABASE: &str = "database";

/// A file up to this size is read whole: some seconds.
const READ_WHOLE: u64 = 1 << 30;

/// Less room than this, and a write may fail soon.
const NO_ROOM: u64 = 32 << 20;

/// How far the clock may be behind what it has shown before.
const SET_BACK: Duration = Duration::from_mins(1);

/// What there is to find at a path.
pub(in crate::store) fn examine(path: &Path, now: SystemTime) -> Vec<Finding> {
    let found = inspect::refuse_other_kinds(path).and_then(|()| inspect::inspect(path));
    let mut findings = match found {
        Err(error) => vec![failed(&error)],
        Ok(Found::Nothing) => vec![missing(path)],
        Ok(Found::Ours { .. }) => {
            let mut findings = rights(path);
            match contents(path, now) {
                Ok(more) => findings.extend(more),
                Err(failure) => {
                    findings.push(failed(&Place::of(path.to_owned()).error(failure)));
                }
            }
            findings
        }
    };
    findings.extend(room(path));
    findings
}

fn failed(error: &StoreError) -> Finding {
    let todo = match error.kind() {
        StoreErrorKind::Damaged | StoreErrorKind::Unreadable => {
            "stop the server, keep the file and restore a backup: portcullis restore FILE"
        }
        StoreErrorKind::Unavailable => {
            "run this as the user of the server, and look whether another program has the file open"
        }
        StoreErrorKind::Refused | StoreErrorKind::UnknownCursor => {
            "portcullis serve refuses it too: do what is said here"
        }
    };
    Finding::failed(DATABASE, error, todo)
}

fn missing(path: &Path) -> Finding {
    let file = path.display();
    if fs::metadata(beside(path, ".lock")).is_ok_and(|lock| lock.len() > 0) {
        return Finding::fail(
            DATABASE,
            format!("{file} was made once and is gone"),
            "put it back, or restore a backup: portcullis restore FILE",
        );
    }
    Finding::warn(
        DATABASE,
        format!("there is none at {file} yet"),
        "portcullis serve makes it at its first start; if there should be one, look at --instance and DATABASE_URL",
    )
}

/// Whether this user may write what a server writes.
fn rights(path: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    let logs = ["-wal", "-shm", ".lock"].map(|suffix| beside(path, suffix));
    let there = std::iter::once(path.to_owned()).chain(logs.into_iter().filter(|file| file.exists()));
    let files = there.chain([folder_of(path).to_owned()]);
    let locked: Vec<_> = files
        .filter(|file| access(file, Access::READ_OK | Access::WRITE_OK).is_err())
        .map(|file| file.display().to_string())
        .collect();
    if !locked.is_empty() {
        findings.push(Finding::fail(
            DATABASE,
            format!("this user cannot write {}", locked.join(", ")),
            "run this as the user of the server; if this is that user, give it the files with chown",
        ));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode() & 0o777);
        if mode & 0o077 != 0 {
            let file = path.display();
            let what = format!("{file} has password hashes in it, and others may open it (mode {mode:o})");
            findings.push(Finding::warn(DATABASE, what, format!("chmod 600 {file}")));
        }
    }
    findings
}

fn contents(path: &Path, now: SystemTime) -> Result<Vec<Finding>, Failure> {
    let file = path.display();
    let (log, shared) = (beside(path, "-wal"), beside(path, "-shm"));
    let has_log = fs::metadata(&log).is_ok_and(|log| log.len() > 0);
    if has_log && !shared.exists() {
        let what = format!("{} was never taken into {file}: it was not looked into", log.display());
        let todo = "portcullis serve takes it in; if it is of another file, move it away";
        return Ok(vec![Finding::warn(DATABASE, what, todo)]);
    }
    let connection = if shared.exists() { open::reader(path)? } else { unshared(path)? };
    let (version, known) = (schema::version(&connection)?, schema::MIGRATIONS.len());
    if version > known {
        let what = format!(
            "{file} is from a newer version of portcullis (schema {version}, this one knows {known})"
        );
        let todo = "install that version, or restore a backup from before the upgrade";
        return Ok(vec![Finding::fail(DATABASE, what, todo)]);
    }
    if version < known {
        let what = format!("{file} is from an earlier version of portcullis (schema {version} of {known})");
        let todo = "make a backup with portcullis backup FILE; portcullis serve brings it up to date then";
        return Ok(vec![Finding::warn(DATABASE, what, todo)]);
    }
    let mut findings = vec![whole(path, &connection)?];
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get(0)).map(i64::unsigned_abs);
    let users = count("SELECT count(*) FROM users WHERE name_free_at IS NULL")?;
    let admins =
        count("SELECT count(*) FROM users WHERE access = 2 AND disabled = 0 AND name_free_at IS NULL")?;
    findings.push(Finding::of_admins(admins, users));
    let shown = restore::clock_shown(&connection)?;
    if let Some(shown) = shown.filter(|shown| *shown > NumericDate::from(now).plus(SET_BACK)) {
        let ahead = shown.seconds().abs_diff(NumericDate::from(now).seconds());
        findings.push(Finding::fail(
            "clock",
            format!("the database was written {ahead} s later than this machine's clock shows"),
            "set the clock right; if it was ahead before, give the instance another secret: tokens of then live longer",
        ));
    }
    Ok(findings)
}

fn whole(path: &Path, connection: &Connection) -> Result<Finding, Failure> {
    let (file, length) = (path.display(), fs::metadata(path).map_or(0, |metadata| metadata.len()));
    if let Some(table) = schema::missing_table(connection)? {
        let todo = "keep it aside and restore a backup: portcullis restore FILE";
        return Ok(Finding::fail(DATABASE, format!("{file} lacks its table {table}"), todo));
    }
    let mebibytes = length >> 20;
    if length > READ_WHOLE {
        let what = format!("{file} can be read; of its {mebibytes} MiB not all was");
        return Ok(Finding::ok(DATABASE, format!("{what}, portcullis backup does")));
    }
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        let what = format!("{file} is damaged ({})", found.replace('\n', " "));
        let todo = "stop the server, keep the file aside and restore a backup: portcullis restore FILE";
        return Ok(Finding::fail(DATABASE, what, todo));
    }
    Ok(Finding::ok(
        DATABASE,
        format!("{file} is whole ({mebibytes} MiB, schema {})", schema::MIGRATIONS.len()),
    ))
}

/// Opens a file that nobody has open. In the usual way SQLite would lay a log and its index beside it.
fn unshared(path: &Path) -> Result<Connection, Failure> {
    let mut name = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(byte) {
            name.push(char::from(*byte));
        } else {
            let _ = write!(name, "%{byte:02x}");
        }
    }
    name.push_str("?immutable=1");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(name, flags)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

/// How much the disk still takes.
fn room(path: &Path) -> Option<Finding> {
    let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
    let disk = statvfs(folder_of(path)).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let (folder, mebibytes) = (folder_of(path).display(), free >> 20);
    let what = format!("{mebibytes} MiB are free in {folder}");
    let todo = "make room: without it logins and logouts answer 503, and go on when there is some again";
    Some(match free {
        _ if free < NO_ROOM => Finding::fail("disk", what, todo),
        // The log, a step of the schema, and a copy beside it.
        _ if free < length.saturating_mul(2).max(8 * NO_ROOM) => Finding::warn("disk", what, todo),
        _ => Finding::ok("disk", what),
    })
}
