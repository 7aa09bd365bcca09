//! Logging in with a hash that another program wrote, and what becomes of it.

use std::{collections::BTreeMap, fs, time::Duration};

use axum::http::StatusCode;
use portcullis_server::{
    model::{Access, LoginName, NewUser, PasswordHash, User, Username},
    store::Creation,
};
use serde_json::{Value, json};

use crate::support::{Answer, SEED_LINE, Server, TestApp, instance};

/// Of "correct horse", by passlib 1.7.4.
const PASSLIB: &str =
    "$pbkdf2-sha256$1000$YYxRKkUopTTGGOMcY0wpRQ$2.oxvmFH6QhfzIHkfgpDMs4T0JYx3NqyD4MMoiBvTZ8";

/// A user with a hash as somebody else wrote it.
async fn user_with(app: &TestApp, username: &str, hash: &str) -> User {
    let (username, password) = (Username::parse(username).unwrap(), PasswordHash::stored(hash));
    let user = NewUser::new(username, password, Access::User);
    match app.state.store().create_user(user, None, app.state.clock().now()).await.unwrap() {
        Creation::Created(user) => user,
        other => panic!("{other:?}"),
    }
}

async fn login(app: &TestApp, username: &str, password: &str) -> Answer {
    app.post("/users/login", &json!({"username": username, "password": password})).await
}

async fn hash_of(app: &TestApp, username: &str) -> String {
    let name = LoginName::parse(username).unwrap();
    app.state.store().user_by_name(&name).await.unwrap().unwrap().password.as_str().to_owned()
}

/// The hash after the one that was there: nobody waits for it at the login.
async fn hash_after(app: &TestApp, username: &str, before: &str) -> String {
    let changed = async {
        let mut rhythm = tokio::time::interval(Duration::from_millis(5));
        loop {
            rhythm.tick().await;
            let hash = hash_of(app, username).await;
            if hash != before {
                return hash;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), changed).await.expect("the hash is replaced")
}

#[tokio::test]
async fn a_passlib_hash_logs_in_and_is_replaced_by_ours() {
    let app = TestApp::new().await;
    let alice = user_with(&app, "alice", PASSLIB).await;
    assert_eq!(login(&app, "alice", "wrong").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(hash_of(&app, "alice").await, PASSLIB, "for the right password only");
    let tokens = login(&app, "alice", "correct horse").await.tokens();
    let new = hash_after(&app, "alice", PASSLIB).await;
    assert!(new.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{new}");
    assert_eq!(login(&app, "alice", "correct horse").await.status, StatusCode::OK);
    assert_eq!(login(&app, "alice", "wrong").await.status, StatusCode::UNAUTHORIZED);
    // It is the same password: no session ends by it.
    assert_eq!(app.get_as("/tests/secret", &tokens.access).await.status, StatusCode::OK);
    let epoch = app.state.store().user_by_id(&alice.id).await.unwrap().unwrap().epoch;
    assert_eq!(epoch, alice.epoch);
}

/// What `tests/data/foreign_hashes.py` wrote, by the programs that people come from.
const WRITTEN_ELSEWHERE: &str = include_str!("../../data/foreign_hashes.json");

#[tokio::test]
async fn whatever_wrote_a_hash_its_user_logs_in_and_has_a_new_one() {
    // PWD-10
    let app = TestApp::new().await;
    let rows: Vec<BTreeMap<String, String>> = serde_json::from_str(WRITTEN_ELSEWHERE).unwrap();
    assert_eq!(rows.len(), 18);
    // They cost what they cost there: half of them at a time.
    let (some, others) = rows.split_at(rows.len() / 2);
    let all_of = async |rows: &[BTreeMap<String, String>]| {
        for row in rows {
            logs_in_and_is_upgraded(&app, row).await;
        }
    };
    tokio::join!(all_of(some), all_of(others));
}

async fn logs_in_and_is_upgraded(app: &TestApp, row: &BTreeMap<String, String>) {
    let [writer, password, hash] = ["writer", "password", "hash"].map(|name| row[name].as_str());
    let name = writer.replace(' ', "-");
    user_with(app, &name, hash).await;
    let longer = format!("{password} ");
    assert_eq!(login(app, &name, &longer).await.status, StatusCode::UNAUTHORIZED, "{writer}");
    assert_eq!(login(app, &name, password).await.status, StatusCode::OK, "{writer}");
    // A dearer hash of the present scheme stays: nothing is ever made cheaper.
    if hash.starts_with("$argon2id$") {
        assert_eq!(login(app, &name, password).await.status, StatusCode::OK, "{writer}");
        assert_eq!(hash_of(app, &name).await, hash, "{writer}");
        return;
    }
    let new = hash_after(app, &name, hash).await;
    assert!(new.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{writer}: {new}");
    assert_eq!(login(app, &name, password).await.status, StatusCode::OK, "{writer}, with the new hash");
    assert_eq!(login(app, &name, &longer).await.status, StatusCode::UNAUTHORIZED, "{writer}");
}

#[tokio::test]
async fn a_scheme_can_be_chosen_and_left_again() {
    let settings = [("PASSWORD_SCHEME", "pbkdf2_sha256"), ("PASSWORD_PBKDF2_ROUNDS", "2000")];
    let app = TestApp::with(&settings).await;
    app.register("bob").await;
    assert!(hash_of(&app, "bob").await.starts_with("$pbkdf2-sha256$2000$"));
    app.login("bob").await;
    // Fewer rounds than now, and what was ours: both are written anew.
    user_with(&app, "alice", PASSLIB).await;
    assert_eq!(login(&app, "alice", "correct horse").await.status, StatusCode::OK);
    assert!(hash_after(&app, "alice", PASSLIB).await.starts_with("$pbkdf2-sha256$2000$"));
    let argon2 = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    user_with(&app, "carol", argon2).await;
    assert_eq!(login(&app, "carol", "password").await.status, StatusCode::OK);
    assert!(hash_after(&app, "carol", argon2).await.starts_with("$pbkdf2-sha256$2000$"));
}

#[tokio::test]
async fn without_upgrades_a_hash_stays() {
    let app = TestApp::with(&[("PASSWORD_UPGRADE", "false")]).await;
    user_with(&app, "alice", PASSLIB).await;
    for _ in 0..3 {
        assert_eq!(login(&app, "alice", "correct horse").await.status, StatusCode::OK);
    }
    assert_eq!(hash_of(&app, "alice").await, PASSLIB);
}

/// Nothing, no hash, a cut one, one above each cap, and one of nobody.
const UNUSABLE: [&str; 8] = [
    "",
    "correct horse",
    "$pbkdf2-sha256$1000$YYxRKkUopTTGGOMcY0wpRQ$2.oxvmFH6Qhf",
    "$pbkdf2-sha256$99999999999$YYxRKkUopTTGGOMcY0wpRQ$2.oxvmFH6QhfzIHkfgpDMs4T0JYx3NqyD4MMoiBvTZ8",
    "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    "$2b$31$KnUOUDdopyVxlDa2W.he4ekjsmBslDJCl6uAgWLPTk8k.TXp2wDKa",
    "scrypt:1048576:8:1$fJlU0kG2C9O4uFyY$d5a8",
    "$unknown$x",
];

#[tokio::test]
async fn a_hash_that_cannot_be_verified_is_a_wrong_password() {
    let app = TestApp::new().await;
    let wrong = login(&app, "nobody", "correct horse").await;
    for (number, hash) in UNUSABLE.into_iter().enumerate() {
        let name = format!("user{number}");
        user_with(&app, &name, hash).await;
        let answer = login(&app, &name, "correct horse").await;
        assert_eq!((answer.status, &answer.body), (wrong.status, &wrong.body), "{hash}");
        assert_eq!(hash_of(&app, &name).await, hash);
    }
}

#[test]
fn a_hash_that_cannot_be_verified_leaves_an_event_that_shows_nothing_of_it() {
    // PWD-11
    let folder = instance(SEED_LINE);
    let log = folder.path().join("log");
    let file = fs::File::create(&log).unwrap();
    let server = Server::start_with_log(folder.path(), &["--profile", "testing"], &[], file);
    let database = rusqlite::Connection::open(folder.path().join("portcullis-testing.sqlite3")).unwrap();
    for (number, hash) in UNUSABLE.iter().enumerate() {
        let insert = "INSERT INTO users (id, username, name_key, password, access, created_at) \
                      VALUES (?1, ?1, ?1, ?2, 1, 0)";
        let name = format!("user{number}");
        database.execute(insert, [&name, *hash]).unwrap();
        assert_eq!(
            server.post("/users/login", &json!({"username": name, "password": "correct horse"})).0,
            401
        );
    }
    server.signal("TERM");
    server.wait();
    let log = fs::read_to_string(log).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_event = |line: &&Value| line["event"] == "password_hash_unusable";
    let told: Vec<_> =
        lines.iter().filter(of_event).map(|line| (&line["subject"], &line["detail"])).collect();
    let problems = [
        "of an unknown scheme",
        "of an unknown scheme",
        "damaged",
        "above the caps",
        "above the caps",
        "above the caps",
        "above the caps",
        "of an unknown scheme",
    ];
    let said = |n: usize, why| (json!(format!("user{n}")), json!(format!("the stored hash is {why}")));
    let expected: Vec<_> = (0..).zip(problems).map(|(n, why)| said(n, why)).collect();
    assert_eq!(told, expected.iter().map(|(user, problem)| (user, problem)).collect::<Vec<_>>());
    for part in ["YYxRKkUopTTGGOMcY0wpRQ", "nf65EOgLrQMR", "$unknown$"] {
        assert!(!log.contains(part), "{log}");
    }
}
