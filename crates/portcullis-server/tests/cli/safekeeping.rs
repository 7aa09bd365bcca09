//! Backups beside a server, and restores that bring back nothing that was revoked (DUR-15).

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use portcullis::{Clock, NumericDate, SystemClock};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    harness::pause,
    support::{PASSWORD, Run, Server},
};

const DATABASE: &str = "instance/portcullis-testing.sqlite3";

fn login(server: &Server, name: &str) -> Value {
    let (status, pair) = server.post("/users/login", &json!({"username": name, "password": PASSWORD}));
    assert_eq!(status, 200, "{pair}");
    pair
}

fn is_accepted(server: &Server, pair: &Value) -> bool {
    server.bearer("GET", "/tests/secret", pair["access_token"].as_str().unwrap()).0 == 200
}

fn register(server: &Server, name: &str) -> u16 {
    server.post("/users/registration", &json!({"username": name, "password": PASSWORD})).0
}

/// An instance with alice, a backup of it, and a server's pair of alice from after the backup.
fn with_backup() -> (Run, Value) {
    let run = Run::testing().variable("LIMITS", "off");
    run.make("alice", "admin");
    let server = run.serve();
    let said = run.run(&["backup", "backup.db"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    let pair = login(&server, "alice");
    assert!(is_accepted(&server, &pair));
    (run, pair)
}

fn other_names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let usual = ["portcullis-testing.sqlite3", "portcullis-testing.sqlite3.lock", "jwt_secret"];
    let mut names: Vec<_> = names.filter(|name| !usual.contains(&name.as_str())).collect();
    names.sort();
    names
}

/// Where the database of before a restore is.
fn kept(run: &Run, restored: &Value) -> PathBuf {
    let folder = run.path(".").canonicalize().unwrap();
    restored["kept"].as_str().unwrap().replace("<folder>", folder.to_str().unwrap()).into()
}

#[test]
fn a_backup_under_writes_is_restored_whole_and_nobody_is_logged_in() {
    let run = Run::testing().variable("LIMITS", "off");
    run.make("alice", "admin");
    let server = run.serve();
    let before = login(&server, "alice");
    let over = AtomicBool::new(false);
    let registered = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let (server, over) = (&server, &over);
                scope.spawn(move || {
                    let count = (0..).take_while(|_| !over.load(Ordering::SeqCst));
                    count.filter(|n| register(server, &format!("user{writer}-{n}")) == 201).count()
                })
            })
            .collect();
        pause(Duration::from_millis(200));
        for round in 0..5 {
            let made = run.json(&["backup", &format!("backup-{round}.db")]);
            assert!(made["bytes"].as_u64() > Some(0), "{made}");
        }
        over.store(true, Ordering::SeqCst);
        writers.into_iter().map(|writer| writer.join().unwrap()).sum::<usize>()
    });
    // Of after the backup: the file has never heard of this session, nor of what became of the other one.
    let after = login(&server, "alice");
    let refresh = before["refresh_token"].as_str().unwrap();
    assert_eq!(server.bearer("POST", "/users/logout", refresh).0, 204);
    server.signal("TERM");
    assert!(server.wait().success());

    let restored = run.json(&["restore", "backup-4.db", "--yes"]);
    let users = restored["users"].as_u64().unwrap();
    assert!(users >= 1 && users <= registered as u64 + 1, "{restored}");
    let kept = kept(&run, &restored);
    let kept = kept.to_str().unwrap();
    assert!(kept.contains("portcullis-testing.sqlite3.before-restore-20"), "{kept}");
    let whole = |path: &Path| -> String {
        Connection::open(path).unwrap().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(whole(Path::new(kept)), "ok");
    assert_eq!(whole(&run.path(DATABASE)), "ok");

    let server = run.serve();
    for pair in [&before, &after] {
        assert!(!is_accepted(&server, pair), "DUR-15: revoked, or unknown to the backup");
        assert_eq!(server.bearer("POST", "/users/refresh", pair["refresh_token"].as_str().unwrap()).0, 401);
    }
    assert_eq!(run.lines(&["session", "list", "alice"]).len(), 0);
    let pair = login(&server, "alice");
    assert!(is_accepted(&server, &pair), "at once");
    let events = run.lines(&["audit", "list", "--event", "store_restored"]);
    assert_eq!(events.len(), 1);
    let detail = events[0]["detail"].as_str().unwrap();
    assert!(detail.contains("backup-4.db") && detail.contains("at a terminal, as uid "), "{detail}");
}

#[test]
fn a_backup_replaces_only_what_it_is_told_to() {
    let run = Run::testing();
    run.fails(&["backup", "backup.db"], &["there is no database at"]);
    run.make("alice", "user");
    let said = run.run(&["backup", "backup.db"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with("backup.db is a whole copy of the database, "), "{}", said.out);
    let first = fs::read(run.path("backup.db")).unwrap();
    assert_eq!(first[18..20], [1, 1], "it is read without a log beside it");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(run.path("backup.db")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    run.make("bob", "user");
    run.fails(&["backup", "backup.db"], &["backup.db is there already", "--force"]);
    assert_eq!(fs::read(run.path("backup.db")).unwrap(), first);
    assert_eq!(run.run(&["backup", "backup.db", "--force"]).code, 0);
    assert_ne!(fs::read(run.path("backup.db")).unwrap(), first);
    for own in ["", "-wal", ".lock"] {
        let path = format!("{DATABASE}{own}");
        fs::OpenOptions::new().create(true).append(true).open(run.path(&path)).unwrap();
        run.fails(&["backup", &path, "--force"], &["belongs to the database itself"]);
    }
    // By another name too.
    fs::hard_link(run.path(DATABASE), run.path("linked")).unwrap();
    run.fails(&["backup", "linked", "--force"], &["belongs to the database itself"]);
    fs::remove_file(run.path("linked")).unwrap();
    // What a backup has not made it does not replace.
    for (name, text) in [("jwt_secret", "a secret"), ("notes.txt", "notes"), ("empty", "")] {
        std::fs::write(run.path(name), text).unwrap();
        let path = run.path(name).display().to_string();
        run.fails(&["backup", &path, "--force"], &["is no SQLite database"]);
        assert_eq!(std::fs::read_to_string(run.path(name)).unwrap(), text);
        std::fs::remove_file(run.path(name)).unwrap();
    }
    run.fails(&["backup", "/dev/null", "--force"], &["is no SQLite database"]);
    run.fails(&["backup", "nowhere/backup.db"], &["cannot be written"]);
    let beside: Vec<_> = fs::read_dir(run.path(".")).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(beside.len(), 2, "no draft is left: {beside:?}");
}

#[test]
fn nothing_is_restored_beside_a_server_or_another_command() {
    let (run, _) = with_backup();
    let server = run.serve();
    let said = run.run(&["restore", "backup.db", "--yes"]);
    said.failed(&["nothing was changed", "another portcullis serves"]);
    drop(server);
    let other = Connection::open(run.path(DATABASE)).unwrap();
    other.execute_batch("BEGIN; SELECT count(*) FROM users").unwrap();
    let said = run.run(&["restore", "backup.db", "--yes"]);
    said.failed(&["nothing was changed", "another command or program has", "open"]);
    drop(other);
    assert!(
        other_names(&run.path("instance"))
            .iter()
            .all(|name| name.ends_with("-wal") || name.ends_with("-shm"))
    );
    run.fails(&["restore", "backup.db"], &["there is no terminal to ask", "--yes"]);
}

#[test]
fn what_is_no_whole_backup_of_ours_is_refused_and_nothing_is_changed() {
    // DUR-07
    let (run, _) = with_backup();
    run.lines(&["user", "list"]);
    let whole = fs::read(run.path("backup.db")).unwrap();
    let cases: [(&str, Vec<u8>, &str); 4] = [
        ("empty", Vec::new(), "empty"),
        ("short", whole[..whole.len() / 2].to_vec(), "cut short"),
        ("text", b"username,password\n".repeat(500), "not an SQLite database"),
        ("damaged", damaged(&whole), "damaged"),
    ];
    for (name, bytes, says) in cases {
        fs::write(run.path(name), bytes).unwrap();
        run.fails(&["restore", name, "--yes"], &["nothing was changed", says]);
    }
    fs::write(run.path("newer"), &whole).unwrap();
    Connection::open(run.path("newer")).unwrap().pragma_update(None, "user_version", 99).unwrap();
    run.fails(&["restore", "newer", "--yes"], &["nothing was changed", "newer version"]);
    run.fails(&["restore", "nowhere", "--yes"], &["nothing was changed", "there is no file"]);
    run.fails(&["restore", DATABASE, "--yes"], &["nothing was changed", "the database itself"]);
    run.fails(&["restore", "instance", "--yes"], &["nothing was changed", "is a directory"]);
}

/// Every page but the first overwritten in its middle.
fn damaged(whole: &[u8]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for page in bytes.chunks_mut(4096).skip(1) {
        page[..64].fill(0xa5);
    }
    bytes
}

#[test]
fn a_backup_is_restored_where_there_is_no_database_or_a_damaged_one() {
    let (run, _) = with_backup();
    fs::remove_file(run.path(DATABASE)).unwrap();
    run.refused(&[], &["is missing, but its log"]);
    let restored = run.json(&["restore", "backup.db", "--yes"]);
    assert_eq!((&restored["kept"], &restored["users"]), (&Value::Null, &1.into()));
    login(&run.serve(), "alice");

    fs::write(run.path(DATABASE), b"no database at all, but long enough to be one".repeat(100)).unwrap();
    let kept = kept(&run, &run.json(&["restore", "backup.db", "--yes"]));
    assert!(fs::read(kept).unwrap().starts_with(b"no database"));
    login(&run.serve(), "alice");
}

#[test]
fn tokens_of_a_clock_that_was_ahead_do_not_outlive_a_restore() {
    let (run, _) = with_backup();
    let now = NumericDate::from(SystemClock.now()).seconds();
    let ahead = |seconds: i64| {
        let database = Connection::open(run.path(DATABASE)).unwrap();
        let sql = "INSERT INTO audit (at, kind) VALUES (?1, 'user_updated')";
        database.execute(sql, [(now + seconds) * 1000]).unwrap();
    };
    ahead(30);
    let restored = run.json(&["restore", "backup.db", "--yes"]);
    assert_eq!(restored["revoked_before"], now + 30, "so late a token may have been issued");
    ahead(3600);
    run.fails(&["restore", "backup.db", "--yes"], &["set the clock", "--trust-clock"]);
    let restored = run.json(&["restore", "backup.db", "--yes", "--trust-clock"]);
    assert!(restored["revoked_before"].as_i64() < Some(now + 3000), "{restored}");
}

#[test]
fn a_restore_that_is_killed_leaves_the_old_database_or_the_restored_one() {
    // DUR-04
    let (run, pair) = with_backup();
    run.make("late", "user");
    let state: Vec<_> = run.files();
    let mut restored = 0;
    for round in 0..16_u64 {
        for name in other_names(&run.path("instance")) {
            fs::remove_file(run.path("instance").join(name)).unwrap();
        }
        for (path, bytes) in &state {
            fs::write(path, bytes.as_ref().unwrap()).unwrap();
        }
        let mut command = run.command(&["restore", "backup.db", "--yes"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        pause(Duration::from_millis(4 * round));
        child.kill().unwrap();
        child.wait().unwrap();

        let server = run.serve();
        let old = run.run(&["user", "show", "late"]).code == 0;
        assert_eq!(is_accepted(&server, &pair), old, "round {round}");
        login(&server, "alice");
        drop(server);
        let left = other_names(&run.path("instance"));
        assert!(left.iter().all(|name| !name.ends_with(".unfinished")), "{left:?}");
        let kept = left.iter().any(|name| name.contains(".before-restore-"));
        assert_eq!(kept, !old, "round {round}: {left:?}");
        restored += u32::from(!old);
    }
    assert!(restored > 0, "some were not killed too early");
}
