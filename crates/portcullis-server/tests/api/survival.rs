//! kill -9: what was acknowledged is there after the restart.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    harness::{
        kill::{self, Plan, StoreKind},
        now,
    },
    support::{SEED_LINE, Server, instance},
};

/// The short form of `scripts/bench kill`.
#[test]
fn what_was_acknowledged_under_load_survives_and_nothing_comes_back() {
    // DUR-04
    let longest = Duration::from_millis(600);
    let plan = Plan { rounds: 3, seed: 5, store: StoreKind::Sqlite, rounds_of_a_life: 3, longest };
    let report = kill::run(&plan, |_| {});
    assert!(report.violations.is_empty(), "{report}\n{:#?}", report.violations);
    assert!(report.facts.values().sum::<u64>() > 10, "{report}");
}

#[test]
fn an_acknowledged_registration_and_logout_survive() {
    let folder = instance(SEED_LINE);
    let (mut live, mut ended) = (Vec::new(), Vec::new());
    for round in 0..5 {
        let server = Server::seed(folder.path());
        let body = json!({"username": format!("user-{round}"), "password": "test"});
        let (status, kept) = server.post("/users/registration", &body);
        assert_eq!(status, 201);
        let (_, given_back) = server.post("/users/login", &body);
        let access = |tokens: &Value| tokens["access_token"].as_str().unwrap().to_owned();
        live.push((body, access(&kept)));
        ended.push(access(&given_back));
        assert_eq!(server.bearer("POST", "/users/logout", &access(&given_back)), (204, Value::Null));
        // Dropped, that is killed, at once after the answer.
    }
    let server = Server::seed(folder.path());
    for (body, access) in &live {
        assert_eq!(server.bearer("GET", "/tests/secret", access).0, 200);
        assert_eq!(server.post("/users/login", body).0, 200);
        assert_eq!(server.post("/users/registration", body).0, 409);
    }
    for access in &ended {
        let revoked = json!({"msg": "Token has been revoked"});
        assert_eq!(server.bearer("GET", "/tests/secret", access), (401, revoked));
    }
}

/// D11: a start that is killed at one of many moments, and then one that is not. `kept` is asked after each of them.
fn torn_starts(prepare: impl Fn(&Path), mut kept: impl FnMut(&Path)) {
    let whole = instance("");
    prepare(whole.path());
    let began = now();
    drop(Server::start(whole.path(), &["--profile", "testing"], &[]));
    let a_start = now() - began;
    for part in 0..25 {
        let folder = instance("");
        prepare(folder.path());
        // A little further each time, and beyond the end.
        Server::start_and_kill(folder.path(), &[], a_start * part / 22);
        kept(folder.path());
        let server = Server::start(folder.path(), &["--profile", "testing"], &[]);
        let body = json!({"username": "somebody", "password": "test"});
        assert_eq!(server.post("/users/registration", &body).0, 201);
        drop(server);
        kept(folder.path());
    }
}

fn database(folder: &Path) -> PathBuf {
    folder.join("portcullis-testing.sqlite3")
}

#[test]
fn a_first_start_that_was_killed_is_begun_again_with_the_same_secret() {
    let mut known: Option<(PathBuf, Vec<u8>)> = None;
    let mut torn = 0;
    let kept = |folder: &Path| {
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
        let is_secret = |path: &PathBuf| path.file_name().is_some_and(|name| name == "jwt_secret");
        let Some(path) = files.into_iter().find(is_secret) else {
            torn += 1;
            return;
        };
        let secret = fs::read(&path).unwrap();
        assert!(secret.len() >= 32, "whole or not there");
        if let Some((of, before)) = known.replace((path.clone(), secret.clone())) {
            assert!(of != path || before == secret, "never a second secret");
        }
    };
    torn_starts(|_| {}, kept);
    assert!(torn > 0, "some were killed before there was one");
}

#[test]
fn a_migration_that_was_killed_is_begun_again_with_all_that_was_there() {
    let of_the_first_schema = |folder: &Path| {
        let file = Connection::open(database(folder)).unwrap();
        file.pragma_update(None, "application_id", i32::from_be_bytes(*b"prtc")).unwrap();
        file.execute_batch(include_str!(
            "../../src/store/sqlite/migrations/0001_users_and_revoked_tokens.sql"
        ))
        .unwrap();
        file.pragma_update(None, "user_version", 1).unwrap();
        file.execute_batch("INSERT INTO users VALUES ('id', 'Alice', 'alice', 'hash', 2, 1900000000000)")
            .unwrap();
    };
    let (mut old, mut new) = (0, 0);
    torn_starts(of_the_first_schema, |folder| {
        let file = Connection::open(database(folder)).unwrap();
        let version: i64 = file.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        let has_epoch = file.prepare("SELECT epoch FROM users").is_ok();
        assert_eq!(has_epoch, version > 1, "a migration is there with its number, or neither is");
        let name: String =
            file.query_row("SELECT username FROM users WHERE id = 'id'", [], |row| row.get(0)).unwrap();
        assert_eq!(name, "Alice");
        *if version > 1 { &mut new } else { &mut old } += 1;
    });
    assert!(old > 0 && new > 0, "killed before and after: {old}, {new}");
}
