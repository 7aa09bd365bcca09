//! The instance folder: where the secret lives that is made when none was given.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use portcullis::Secret;

/// A secret of the instance folder, and whether this start has made it.
pub struct InstanceSecret {
    /// The secret itself.
    pub secret: Secret,
    /// Where it lies.
    pub path: PathBuf,
    /// Whether it is new.
    pub made: bool,
}

/// A secret that could be neither read nor made.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct InstanceError {
    path: String,
    problem: String,
}

/// The file's name in the instance folder.
const FILE: &str = "jwt_secret";

/// More than a secret's file ever has.
const MAX_BYTES: u64 = 1024;

const NOT_WHOLE: &str = "is not a whole secret; restore it from a backup, or remove it and all tokens end";

/// How much randomness a secret has: twice what HS256 asks for, enough for HS512.
const RANDOM_BYTES: usize = 64;

/// Creates the instance folder if it is not there.
///
/// # Errors
/// [`InstanceError`] when it cannot be made.
pub fn create_folder(folder: &Path) -> Result<(), InstanceError> {
    fs::create_dir_all(folder)
        .map_err(|error| problem(folder, format!("the instance folder cannot be made: {error}")))
}

/// Reads the folder's secret, or makes it: once, with mode 0600, and never in place of another.
///
/// The file appears whole or not at all; of two processes that start at once one makes it and both use it.
///
/// # Errors
/// [`InstanceError`] when the file cannot be read or written, is empty, or is no text.
pub fn secret(folder: &Path) -> Result<InstanceSecret, InstanceError> {
    let path = secret_file(folder);
    let mut made = false;
    // Again where another start removed our draft in between.
    for _ in 0..3 {
        if let Some(secret) = read(&path)? {
            remove_drafts(folder);
            return Ok(InstanceSecret { secret, path, made });
        }
        made = make(&path).map_err(|error| problem(&path, format!("a secret cannot be made: {error}")))?;
    }
    Err(problem(&path, "does not stay where it is made; does something else remove it?"))
}

/// Reads the folder's secret, `None` where none was made yet.
///
/// # Errors
/// Those of [`secret`] for a file that is there.
pub fn secret_if_made(folder: &Path) -> Result<Option<Secret>, InstanceError> {
    read(&secret_file(folder))
}

/// Where the folder's secret lies, or will.
pub fn secret_file(folder: &Path) -> PathBuf {
    folder.join(FILE)
}

impl InstanceError {
    /// No secret can be made up.
    pub(crate) fn without_random_bytes() -> Self {
        Self { path: "the system".to_owned(), problem: "gave no random bytes".to_owned() }
    }
}

fn read(path: &Path) -> Result<Option<Secret>, InstanceError> {
    let unreadable = |error| problem(path, format!("the secret cannot be read: {error}"));
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound && path.is_symlink() => {
            return Err(problem(path, "is a link to nothing; put the secret there, or remove the link"));
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
        // What is no small file is not opened: it may never end, or never begin.
        Ok(found) if !found.is_file() || found.len() > MAX_BYTES => return Err(problem(path, NOT_WHOLE)),
        Ok(_) => {}
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let secret = text.trim();
    // One byte less than was written is a damaged file: signing with it would be another secret, silently.
    if !STANDARD.decode(secret).is_ok_and(|bytes| bytes.len() == RANDOM_BYTES) {
        return Err(problem(path, NOT_WHOLE));
    }
    warn_if_readable_by_others(path);
    Ok(Some(Secret::new(secret)))
}

/// Removes what starts that were cut off have left. One that is still at work makes another.
fn remove_drafts(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_draft = |path: &PathBuf| {
        path.extension() == Some("draft".as_ref())
            && path.file_stem().is_some_and(|stem| stem.to_string_lossy().starts_with(FILE))
    };
    for draft in entries.map(|entry| entry.path()).filter(is_draft) {
        let _ = fs::remove_file(draft);
    }
}

/// Writes a new secret beside its place and links it there, which fails where a file is already.
fn make(path: &Path) -> io::Result<bool> {
    let (mut random, mut name) = ([0; RANDOM_BYTES], [0; 8]);
    let filled = getrandom::fill(&mut random).and_then(|()| getrandom::fill(&mut name));
    filled.map_err(|_| io::Error::other("the system gave no random bytes"))?;
    // A name of its own: process ids are the same in two containers that share the folder.
    let draft = path.with_extension(format!("{:016x}.draft", u64::from_ne_bytes(name)));
    let written = write_private(&draft, STANDARD.encode(random).as_bytes());
    let linked = written.and_then(|()| fs::hard_link(&draft, path));
    let _ = fs::remove_file(&draft);
    match linked {
        Ok(()) => sync_folder(path).map(|()| true),
        Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::NotFound) => Ok(false),
        Err(error) => Err(error),
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// A new name is durable when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}

#[cfg(unix)]
fn warn_if_readable_by_others(path: &Path) {
    use std::os::unix::fs::PermissionsExt;

    let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode() & 0o777);
    if mode & 0o077 != 0 {
        let path = path.display();
        tracing::warn!(%path, "{path} can be read by others (mode {mode:o}); run chmod 600 on it");
    }
}

#[cfg(not(unix))]
fn warn_if_readable_by_others(_: &Path) {}

fn problem(path: &Path, problem: impl Into<String>) -> InstanceError {
    InstanceError { path: path.display().to_string(), problem: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_kept() {
        // KEY-11
        let folder = tempfile::tempdir().unwrap();
        let first = secret(folder.path()).unwrap();
        let second = secret(folder.path()).unwrap();
        assert!(first.made && !second.made);
        assert_eq!(first.secret.expose(), second.secret.expose());
        assert!(first.secret.expose().len() >= 64, "long enough for HS512");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn of_many_that_start_at_once_all_have_one_secret() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let secrets: Vec<_> = std::thread::scope(|scope| {
                let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| secret(folder.path()).unwrap())).collect();
                starts.into_iter().map(|start| start.join().unwrap()).collect()
            });
            assert_eq!(secrets.iter().filter(|it| it.made).count(), 1);
            let first = secrets[0].secret.expose();
            assert!(secrets.iter().all(|it| it.secret.expose() == first));
        }
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_it() {
        // KEY-09
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = secret(folder.path()).unwrap().path;
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_an_earlier_start_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("jwt_secret.4711.draft"), "half").unwrap();
        secret(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        for (target, says) in [("/dev/zero", "not a whole secret"), ("/nowhere/at/all", "a link to nothing")]
        {
            std::os::unix::fs::symlink(target, &path).unwrap();
            let error = secret(folder.path()).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
            fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn a_damaged_secret_is_no_other_secret() {
        let folder = tempfile::tempdir().unwrap();
        let made = secret(folder.path()).unwrap();
        let shorter = |by: usize| made.secret.expose().chars().skip(by).collect::<String>();
        for damaged in [String::new(), "\n".into(), shorter(1), shorter(4), "not base64 at all".into()] {
            fs::write(&made.path, damaged).unwrap();
            let error = secret(folder.path()).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains("jwt_secret") && error.contains("restore"), "{error}");
        }
    }
}
