//! A disk without a byte left, under the running program (D6): what has to be written is turned away, everything else
//! goes on, and with room again all goes on.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::PathBuf,
    process::Command,
    time::Duration,
};

use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    harness::{
        client::{Client, Reply},
        now,
    },
    support::Server,
};

/// A server whose instance folder is a small disk of its own, which goes with the process.
struct OnASmallDisk {
    server: Server,
    _folder: TempDir,
    /// The disk as this process reaches it.
    disk: PathBuf,
}

impl OnASmallDisk {
    /// `None` where this machine lets nobody mount one, which it says.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        if !mounted(&folder).arg("true").status().is_ok_and(|status| status.success()) {
            let _ = writeln!(
                io::stderr(),
                "SKIPPED: a full disk; nobody may mount one here (unshare --map-root-user)"
            );
            return None;
        }
        let settings =
            [("JWT_SECRET_KEY", "a secret of the tests, 32 bytes or more"), ("REFRESH_REUSE_WINDOW", "0")];
        let server = Server::start_through(mounted(&folder), folder.path(), &settings).expect("a small disk");
        let inside = folder.path().strip_prefix("/").unwrap();
        let disk = PathBuf::from(format!("/proc/{}/root", server.id())).join(inside);
        Some(Self { server, _folder: folder, disk })
    }

    fn ballast(&self) -> PathBuf {
        self.disk.join("ballast")
    }

    fn fill(&self) {
        let mut ballast = File::options().create(true).append(true).open(self.ballast()).unwrap();
        for block in [4096, 1] {
            while ballast
                .write_all(&vec![0; block])
                .inspect_err(|error| assert_eq!(error.kind(), ErrorKind::StorageFull))
                .is_ok()
            {}
        }
    }

    /// The file as another program finds it.
    fn is_whole(&self) -> bool {
        let file = Connection::open(self.disk.join("portcullis-testing.sqlite3")).unwrap();
        let found: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        found == "ok"
    }
}

/// A small disk in a namespace in which an ordinary user may mount one; then what is to be run on it.
fn mounted(folder: &TempDir) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c"]);
    command.arg("mount -t tmpfs -o size=2m tmpfs \"$0\" && exec \"$@\"").arg(folder.path());
    command
}

fn credentials(name: &str) -> Value {
    json!({"username": name, "password": "correct horse"})
}

fn register(client: &mut Client, name: &str) -> Reply {
    client.post("/users/registration", &credentials(name)).expect(name)
}

#[test]
fn a_full_disk_turns_writes_away_and_nothing_else() {
    // DUR-06
    let Some(small) = OnASmallDisk::start() else {
        use std::io::Write as _;
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: a full disk; nobody may mount one here (unshare --map-root-user)"
        );
        return;
    };
    let mut client = Client::of(&small.server.address);
    let alice = register(&mut client, "alice");
    let (access, refresh) = (alice.text("access_token"), alice.text("refresh_token"));
    let ended = client.post("/users/login", &credentials("alice")).unwrap();

    small.fill();
    // What room the log still has is used up first.
    let mut registered = Vec::new();
    let turned_away = loop {
        small.fill();
        let name = format!("user-{}", registered.len());
        let reply = register(&mut client, &name);
        if reply.status != 201 {
            break reply;
        }
        registered.push(name);
    };
    for _ in 0..3 {
        small.fill();
        let began = now();
        let writes = [
            register(&mut client, "bob"),
            client.post("/users/login", &credentials("alice")).unwrap(),
            client.post_as("/users/refresh", &refresh).unwrap(),
            client.post_as("/users/logout", &ended.text("access_token")).unwrap(),
        ];
        for reply in writes.iter().chain([&turned_away]) {
            assert_eq!((reply.status, reply.retry_after), (503, true), "{}", reply.body);
        }
        assert!(now() - began < Duration::from_secs(4 * 2));
        assert_eq!(client.get("/tests/secret", &access).unwrap().status, 200);
        assert_eq!(client.get("/users/me", &access).unwrap().body["username"], "alice");
        assert_eq!(client.get("/tests/secret", &ended.text("access_token")).unwrap().status, 401);
    }

    fs::remove_file(small.ballast()).unwrap();
    assert_eq!(client.post_as("/users/refresh", &refresh).unwrap().status, 200);
    assert_eq!(client.post_as("/users/logout", &ended.text("access_token")).unwrap().status, 204);
    assert_eq!(register(&mut client, "bob").status, 201);
    for name in registered.iter().map(String::as_str).chain(["alice", "bob"]) {
        assert_eq!(client.post("/users/login", &credentials(name)).unwrap().status, 200, "{name}");
    }
    assert!(small.is_whole());
}
