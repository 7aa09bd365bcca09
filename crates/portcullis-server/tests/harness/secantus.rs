//! A MongoDB-compatible server as a process of the harness: it is killed, and started again on its data.

use std::{
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use super::pause;

pub struct Secantus {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl Secantus {
    /// Whether one can be had on this machine.
    pub fn is_here() -> bool {
        script().arg("fetch").status().is_ok_and(|status| status.success())
    }

    /// Starts one on a free port, with no data.
    pub fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { folder: tempfile::tempdir().unwrap(), port, process: None };
        server.start_again();
        server
    }

    pub fn uri(&self, database: &str) -> String {
        format!("mongodb://127.0.0.1:{}/{database}?replicaSet=secantus&w=majority&journal=true", self.port)
    }

    /// Starts it on the data that it has, where it does not run, and waits until it answers.
    pub fn start_again(&mut self) {
        if self.process.is_some() {
            return;
        }
        let mut command = script();
        command.arg("on").arg(self.folder.path()).arg(self.port.to_string());
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.process = Some(process);
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            pause(Duration::from_millis(50));
        }
        panic!("the database does not start on {}", self.folder.path().display());
    }

    /// Kills it.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Sends a signal by its name, as `kill` knows it.
    pub fn signal(&self, name: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        let done = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Secantus {
    fn drop(&mut self) {
        self.kill();
    }
}

fn script() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/mongo"))
}
