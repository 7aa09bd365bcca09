//! `portcullis doctor`: what it says of good and of bad instances, and that it changes none.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use portcullis::{Clock, NumericDate, SystemClock};
use rusqlite::Connection;
use serde_json::Value;

use crate::support::{Run, Said};

const DATABASE: &str = "instance/portcullis-testing.sqlite3";

/// Runs it; not a byte may change, nor a file come or go.
fn doctor(run: &Run) -> Said {
    let before = run.files();
    let said = run.run(&["doctor"]);
    assert_eq!(run.files(), before, "{}", said.out);
    assert_eq!(said.err, "");
    said
}

fn has(said: &Said, code: i32, lines: &[&str]) {
    assert_eq!(said.code, code, "{}", said.out);
    for line in lines {
        assert!(said.out.contains(line), "{line:?} is not in:\n{}", said.out);
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// An instance as it should be.
fn healthy() -> Run {
    let run = Run::testing();
    run.make("alice", "admin");
    drop(run.run(&["setup"]));
    run
}

#[test]
fn before_the_first_start_nothing_is_wrong_and_nothing_is_made() {
    let run = Run::new();
    let said = doctor(&run);
    has(
        &said,
        0,
        &[
            "ok    configuration: it can be read (profile production, instance instance)\n",
            "warn  secret: there is none yet at instance/jwt_secret\n      -> portcullis serve makes one",
            "warn  database: there is none at instance/portcullis.sqlite3 yet\n",
            "ok    clock: it is 20",
            "warn  proxies: only this machine reaches 127.0.0.1:5000, and no proxy is trusted",
        ],
    );
    assert!(!run.path("instance").exists());
}

#[test]
fn a_healthy_instance_is_said_to_be_beside_a_server_and_without() {
    let run = healthy();
    let whole = ["ok    database: ", " is whole (0 MiB, schema ", "ok    administrators: one", " 0 failed\n"];
    has(&doctor(&run), 0, &whole);
    let server = run.serve();
    let said = run.run(&["doctor"]);
    has(&said, 0, &whole);
    assert!(!said.out.contains("warn  secret"), "{}", said.out);
    drop(server);
    // Killed, with a log that was not taken in.
    has(&run.run(&["doctor"]), 0, &whole);
    let findings = run.run(&["doctor", "--json"]).json_lines();
    assert!(findings.iter().all(|it| it["about"].is_string() && it["what"].is_string()), "{findings:?}");
    let database = findings.iter().find(|it| it["about"] == "database").unwrap();
    assert_eq!((&database["level"], &database["todo"]), (&"ok".into(), &Value::Null));
}

#[test]
fn every_problem_of_the_configuration_is_told() {
    let run = Run::new().file("BODY_LIMIT = 'big'\nJWT_SECRET_KEY = 'jwt-secret-string-1234-!@#$'\n");
    let said = doctor(&run);
    has(
        &said,
        1,
        &["fail  configuration: instance/application.cfg:1: BODY_LIMIT", "application.cfg:2: JWT_SECRET_KEY"],
    );
    assert!(said.out.contains(" 2 failed\n") && !said.out.contains("jwt-secret-string"), "{}", said.out);
}

#[test]
fn files_that_others_may_open_or_replace_are_told() {
    // KEY-09
    let run = healthy();
    for file in ["instance/jwt_secret", DATABASE] {
        set_mode(&run.path(file), 0o644);
    }
    set_mode(&run.path("instance"), 0o777);
    has(
        &doctor(&run),
        1,
        &[
            "warn  secret: instance/jwt_secret signs every token, and others may open it (mode 644)\n",
            "      -> chmod 600 instance/jwt_secret\n",
            "warn  database: instance/portcullis-testing.sqlite3 has password hashes in it",
            "fail  instance: others may replace what is in instance (mode 777), the secret too\n",
        ],
    );
    fs::write(run.path("instance/jwt_secret"), "half").unwrap();
    has(&doctor(&run), 1, &["fail  secret: instance/jwt_secret: is not a whole secret"]);
}

#[test]
fn a_database_that_is_damaged_gone_or_of_another_version_is_told() {
    // DUR-07
    let run = healthy();
    let whole = fs::read(run.path(DATABASE)).unwrap();
    let mut damaged = whole.clone();
    damaged.chunks_mut(4096).skip(1).for_each(|page| page[..64].fill(0xa5));
    for (bytes, says) in [
        (&whole[..whole.len() / 2], "is cut short"),
        (&damaged, "is damaged"),
        (b"no database", "is not an SQLite database"),
        (b"", "is empty"),
    ] {
        fs::write(run.path(DATABASE), bytes).unwrap();
        has(&doctor(&run), 1, &["fail  database: ", says, "restore a backup"]);
    }
    for (version, code, says) in [(99, 1, "newer version"), (3, 0, "earlier version")] {
        fs::write(run.path(DATABASE), &whole).unwrap();
        Connection::open(run.path(DATABASE)).unwrap().pragma_update(None, "user_version", version).unwrap();
        has(&doctor(&run), code, &[says]);
    }
    fs::write(run.path(DATABASE), &whole).unwrap();
    drop(run.serve());
    for log in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(run.path(&format!("{DATABASE}{log}")));
    }
    has(&doctor(&run), 1, &["was made once and is gone\n      -> put it back, or restore a backup"]);
}

#[test]
fn a_clock_that_was_set_back_is_told() {
    // DUR-17
    let run = healthy();
    let ahead = NumericDate::from(SystemClock.now()).seconds() + 7200;
    let database = Connection::open(run.path(DATABASE)).unwrap();
    database.execute("INSERT INTO audit (at, kind) VALUES (?1, 'user_updated')", [ahead * 1000]).unwrap();
    drop(database);
    has(
        &doctor(&run),
        1,
        &["fail  clock: the database was written 7", " s later than this machine's clock shows"],
    );
}

#[test]
fn what_is_in_front_and_what_strangers_may_try_is_told() {
    let secret = "JWT_SECRET_KEY = 'k8x0Jm2Qy5vZ3nB7cT1rW6pL4sD9fHaG'\n";
    for (more, says) in [
        (
            "CLIENT_ADDRESS_HEADER = 'forwarded'\n",
            "warn  proxies: CLIENT_ADDRESS_HEADER is set, and TRUSTED_PROXIES is empty",
        ),
        (
            "LISTEN = '0.0.0.0:5000'\n",
            "warn  proxies: 0.0.0.0:5000 can be reached from elsewhere, without TLS",
        ),
        ("LIMITS = 'off'\n", "warn  limits: nobody counts"),
        ("TRUSTED_PROXIES = ['0.0.0.0/0']\n", "warn  configuration: "),
        ("TRUSTED_PROXIES = ['10.0.0.1']\n", "ok    proxies: 1 are trusted"),
    ] {
        let run = Run::new().file(format!("{secret}{more}"));
        set_mode(&run.path("instance/application.cfg"), 0o600);
        has(&doctor(&run), 0, &[says, "ok    secret: the configured one has 32 bytes"]);
    }
    let run = Run::testing().file("LISTEN = '0.0.0.0:5000'\n");
    has(
        &doctor(&run),
        0,
        &["warn  network: 0.0.0.0:5000 can be reached from elsewhere, with the settings of testing"],
    );
}
