//! The Flask application under gunicorn, over a MongoDB of its own.

use std::{
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::json;

use crate::harness::{client::Client, pause, secantus::Secantus};

pub struct Flask {
    child: Child,
    pub address: String,
    /// An access token of somebody's.
    pub token: String,
    _database: Secantus,
}

impl Flask {
    /// Starts it with as many workers as gunicorn's documentation asks for. `None`, and said, where it or its database
    /// cannot be had on this machine.
    pub fn start(secret: &str) -> Option<Self> {
        if !gunicorn().exists() || !Secantus::is_here() {
            println!("SKIPPED: Flask, which needs scripts/flask and scripts/mongo to have run");
            return None;
        }
        let database = Secantus::start();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let workers = 2 * std::thread::available_parallelism().unwrap().get() + 1;
        let application = format!("seed:create_app({secret:?}, {:?}, 'id')", database.uri("flask"));
        let child = Command::new(gunicorn())
            .arg("--chdir")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flask"))
            .args(["--bind", &address, "--workers", &workers.to_string(), "--log-level", "error"])
            .arg(application)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut flask = Self { child, address, token: String::new(), _database: database };
        flask.token = flask.register();
        Some(flask)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn register(&self) -> String {
        for _ in 0..600 {
            if TcpStream::connect(&self.address).is_ok() {
                let body = json!({"username": "somebody", "password": "correct horse"});
                let reply = Client::of(&self.address).post("/users/registration", &body);
                return reply.expect("Flask answers").text("access_token");
            }
            pause(Duration::from_millis(50));
        }
        panic!("gunicorn does not start on {}", self.address);
    }
}

impl Drop for Flask {
    /// Asked to go, since it ends its workers then; killed, it would leave them.
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

fn gunicorn() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/flask/3.18.1/bin/gunicorn")
}
