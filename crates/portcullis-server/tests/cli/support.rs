//! The program, run in a folder of its own, and a server beside it.

#![allow(dead_code, reason = "the program as a process is shared with the tests of the API")]

#[path = "../api/support/process.rs"]
mod process;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

pub use self::process::Server;

/// The password of everybody here.
pub const PASSWORD: &str = "correct horse";

/// The account of these tests, as an event has it.
pub fn account() -> String {
    let of = |what: &str| {
        let said = Command::new("id").arg(what).output().unwrap();
        String::from_utf8(said.stdout).unwrap().trim().to_owned()
    };
    format!("uid {} ({})", of("-u"), of("-un"))
}

/// Runs the program in a folder of its own.
pub struct Run {
    folder: TempDir,
    environment: Vec<(&'static str, &'static str)>,
}

impl Run {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// In the testing profile, whose hashes are cheap, by somebody whose account has a name.
    pub fn testing() -> Self {
        Self::new().variable("FLASK_ENV", "testing").variable("LOGNAME", "olga")
    }

    /// With an `application.cfg`.
    pub fn file(self, text: impl AsRef<[u8]>) -> Self {
        fs::create_dir_all(self.path("instance")).unwrap();
        fs::write(self.path("instance/application.cfg"), text).unwrap();
        self
    }

    pub fn variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    pub fn environment(&self) -> &[(&'static str, &'static str)] {
        &self.environment
    }

    /// The files of the instance folder but the lock, with their contents.
    pub fn files(&self) -> Vec<(PathBuf, Option<Vec<u8>>)> {
        let entries = fs::read_dir(self.path("instance")).into_iter().flatten();
        let paths = entries
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension() != Some("lock".as_ref()));
        let mut files: Vec<_> = paths.map(|path| (path.clone(), fs::read(&path).ok())).collect();
        files.sort();
        files
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// The program with its arguments, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.prepared(Command::new(env!("CARGO_BIN_EXE_portcullis")), arguments)
    }

    /// The program as something else starts it, in the same place.
    pub fn prepared(&self, mut command: Command, arguments: &[&str]) -> Command {
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.environment.iter().copied());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Said {
        self.said(&self.command(arguments).stdin(Stdio::null()).output().unwrap())
    }

    /// With something to read at its standard input.
    pub fn run_with(&self, arguments: &[&str], input: impl AsRef<[u8]>) -> Said {
        let mut command = self.command(arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Who refuses to read is what is tested.
        let _ = child.stdin.take().unwrap().write_all(input.as_ref());
        self.said(&child.wait_with_output().unwrap())
    }

    pub fn said(&self, output: &Output) -> Said {
        Said::from(output, self.folder.path())
    }

    /// What a command that has to succeed answers, line by line.
    pub fn lines(&self, arguments: &[&str]) -> Vec<Value> {
        let said = self.run(&[arguments, &["--json"]].concat());
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{arguments:?}");
        said.json_lines()
    }

    /// The one document that a command answers with.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut lines = self.lines(arguments);
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.remove(0)
    }

    /// Makes a user with the usual password; answers the id.
    pub fn make(&self, name: &str, access: &str) -> String {
        let arguments = ["user", "create", name, "--access", access, "--password-stdin", "--json"];
        let said = self.run_with(&arguments, PASSWORD);
        assert_eq!(said.code, 0, "{}", said.err);
        said.json_lines()[0]["id"].as_str().unwrap().to_owned()
    }

    /// A server of this instance.
    pub fn serve(&self) -> Server {
        Server::start(&self.path("instance"), &[], &self.environment)
    }

    /// The command must end with code 2 and say this, and leave every file as it was: not for beside a server, which writes
    /// by itself.
    pub fn fails(&self, arguments: &[&str], says: &[&str]) -> Said {
        let before = self.files();
        let said = self.run(arguments);
        assert_eq!(self.files(), before, "{}", said.err);
        said.failed(says)
    }

    /// `serve` must end with code 2 and say this, and leave every file as it was; only its lock may be new.
    pub fn refused(&self, arguments: &[&str], says: &[&str]) -> Said {
        self.fails(&[&["serve", "--listen", "127.0.0.1:0"], arguments].concat(), says)
    }
}

/// What the program said, and its exit code.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    fn from(output: &Output, folder: &Path) -> Self {
        let text = |bytes: &[u8]| {
            let folder = folder.canonicalize().unwrap();
            String::from_utf8(bytes.to_vec()).unwrap().replace(folder.to_str().unwrap(), "<folder>")
        };
        Self { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// It did nothing, and said why.
    pub fn failed(self, says: &[&str]) -> Self {
        assert_eq!((self.code, self.out.as_str()), (2, ""), "{}", self.err);
        for text in says {
            assert!(self.err.contains(text), "{text:?} is not in:\n{}", self.err);
        }
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self
    }

    pub fn json_lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
