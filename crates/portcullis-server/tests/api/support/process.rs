//! The built program, running, and what a client without manners can do to it.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Seek, Write},
    net::TcpStream,
    ops::Deref,
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::pause;

/// The seed's example line, as its `instance/application.cfg` has it.
pub const SEED_LINE: &str = "JWT_SECRET_KEY = 'jwt-secret-string-1234-!@#$'\n";

/// How long anything here may take before a test says that it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// An instance folder with an `application.cfg`.
pub fn instance(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("application.cfg"), config).unwrap();
    folder
}

/// Somebody who answers requests at an address.
pub struct Site {
    pub address: String,
}

/// A running `portcullis serve`; killed when the test is over.
pub struct Server {
    child: Child,
    site: Site,
    /// The line that it printed when it was ready.
    pub ready: String,
}

impl Server {
    /// Starts the program of an instance folder on a free port and waits until it says that it is ready.
    pub fn start(instance: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut log = tempfile::tempfile().unwrap();
        let said = log.try_clone().unwrap();
        Self::launch(program(), instance, arguments, environment, said).unwrap_or_else(|| {
            let mut text = String::new();
            log.rewind().unwrap();
            log.read_to_string(&mut text).unwrap();
            panic!("it did not get ready:\n{text}")
        })
    }

    /// The same, with its log elsewhere than among the test's output.
    pub fn start_with_log(
        instance: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
        log: impl Into<Stdio>,
    ) -> Self {
        Self::launch(program(), instance, arguments, environment, log).expect("it did not get ready")
    }

    /// The same, started by another program, which has to become it. `None` when it did not get ready.
    pub fn start_through(mut by: Command, instance: &Path, environment: &[(&str, &str)]) -> Option<Self> {
        by.arg(program().get_program());
        Self::launch(by, instance, &["--profile", "testing"], environment, Stdio::null())
    }

    /// Starts the program of an instance folder and kills it a while later, whether or not it is ready by then.
    pub fn start_and_kill(instance: &Path, environment: &[(&str, &str)], after: Duration) {
        let mut command = serving(instance, environment);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        pause(after);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// What a start says that is refused: its output and exit code.
    pub fn start_refused(instance: &Path) -> Output {
        serving(instance, &[]).output().unwrap()
    }

    fn launch(
        mut command: Command,
        instance: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
        log: impl Into<Stdio>,
    ) -> Option<Self> {
        // Nothing of this process's environment is a setting.
        command.env_clear().envs(environment.iter().copied());
        command.args(["serve", "--listen", "127.0.0.1:0", "--instance"]).arg(instance).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let url = ready.split_whitespace().find_map(|word| word.split_once("://"));
        let address = url.map(|(_, address)| address);
        let Some(address) = address.map(str::to_owned) else {
            child.wait().unwrap();
            return None;
        };
        Some(Self { site: Site { address }, ready: ready.trim_end().to_owned(), child })
    }

    /// The testing profile over the seed's line.
    pub fn seed(instance: &Path) -> Self {
        Self::start(instance, &["--profile", "testing"], &[])
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, as `kill` knows it.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(done.unwrap().success());
    }

    /// Waits for the end.
    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Deref for Server {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Site {
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Sends bytes as they are and answers with everything that comes back.
    pub fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A request with headers and a body; the answer's status, head and body.
    pub fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String, Value) {
        let mut head =
            vec![format!("{method} {path} HTTP/1.1"), "Host: test".into(), "Connection: close".into()];
        head.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
        if !body.is_empty() {
            head.push(format!("Content-Length: {}", body.len()));
        }
        let request = format!("{}\r\n\r\n{body}", head.join("\r\n"));
        let answer = self.raw(request.as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
        (status, head.to_owned(), body)
    }

    /// A JSON body to a path; the answer's status and body.
    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, _, body) =
            self.request("POST", path, &[("Content-Type", "application/json")], &body.to_string());
        (status, body)
    }

    /// A token to a path; the answer's status and body.
    pub fn bearer(&self, method: &str, path: &str, token: &str) -> (u16, Value) {
        let (status, _, body) =
            self.request(method, path, &[("Authorization", &format!("Bearer {token}"))], "");
        (status, body)
    }
}

/// The program, about to serve an instance folder in the testing profile on a free port.
fn serving(instance: &Path, environment: &[(&str, &str)]) -> Command {
    let mut command = program();
    // Nothing of this process's environment is a setting.
    command.env_clear().envs(environment.iter().copied());
    command.args(["serve", "--profile", "testing", "--listen", "127.0.0.1:0", "--instance"]).arg(instance);
    command
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
