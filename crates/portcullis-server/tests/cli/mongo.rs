//! The command line on a MongoDB that nodes share.

#[path = "../store/mongo/place.rs"]
mod place;

use std::fs;

use serde_json::json;

use self::place::{Place, is_there};
use crate::{
    beside::is_refused_soon,
    support::{PASSWORD, Run, Server},
};

const SECRET: &str = "JWT_SECRET_KEY = 'a secret that all nodes share, 32 bytes'";

/// A database of its own, and a program that is configured for it; none where there is no server.
fn on_a_database() -> Option<(Place, Run)> {
    let place = is_there().then(Place::new)?;
    let run = Run::testing().file(format!("{SECRET}\nMONGO_URI = '{}'\n", place.uri));
    Some((place, run))
}

#[test]
fn users_are_made_imported_and_disabled_beside_a_node() {
    let Some((_place, run)) = on_a_database() else { return };
    run.make("root", "admin");
    let rows: Vec<_> = (0..100)
        .map(|row| {
            let disabled = row == 7;
            let hash = "$2b$04$KnUOUDdopyVxlDa2W.he4ekjsmBslDJCl6uAgWLPTk8k.TXp2wDKa";
            let row = json!({"username": format!("user{row}"), "password_hash": hash, "disabled": disabled,
                "created_at": "2019-04-01T12:00:00Z"});
            format!("{row}\n")
        })
        .collect();
    fs::write(run.path("users.jsonl"), rows.concat()).unwrap();
    let said = run.run(&["user", "import", "users.jsonl"]);
    assert_eq!((said.code, said.out.as_str()), (0, "100 taken, 0 not\n"), "{}", said.err);
    let user = run.json(&["user", "show", "user7"]);
    assert_eq!((&user["disabled"], &user["created_at"]), (&true.into(), &1_554_120_000.into()));
    assert_eq!(run.lines(&["user", "list", "--all"]).len(), 101);

    let server: Server = run.serve();
    let (status, pair) = server.post("/users/login", &json!({"username": "user1", "password": PASSWORD}));
    assert_eq!(status, 200, "{pair}");
    let said = run.run(&["user", "disable", "user1"]);
    assert_eq!(said.code, 0, "{}", said.err);
    is_refused_soon(&server, pair["access_token"].as_str().unwrap());
    run.fails(&["user", "disable", "root"], &["\"root\" is the only one"]);
}

/// What a database holds, as the server tells a stranger.
fn contents(place: &Place) -> Vec<(String, Vec<String>, Vec<String>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let database = mongodb::Client::with_uri_str(&place.uri).await.unwrap().database(&place.name);
        let mut contents = Vec::new();
        for name in database.list_collection_names().await.unwrap() {
            let collection = database.collection::<mongodb::bson::Document>(&name);
            let (mut found, mut documents) =
                (collection.find(mongodb::bson::doc! {}).await.unwrap(), Vec::new());
            while found.advance().await.unwrap() {
                documents.push(found.deserialize_current().unwrap().to_string());
            }
            documents.sort();
            contents.push((name, documents, collection.list_index_names().await.unwrap()));
        }
        contents.sort();
        contents
    })
}

#[test]
fn what_only_looks_writes_nothing_and_a_mistyped_name_is_no_database() {
    let Some((place, run)) = on_a_database() else { return };
    fs::write(run.path("users.jsonl"), "{\"username\":\"bob\",\"password\":\"battery staple\"}\n").unwrap();
    let looks: [&[&str]; 5] = [
        &["user", "list"],
        &["user", "show", "alice"],
        &["session", "list", "alice"],
        &["audit", "list"],
        &["user", "import", "users.jsonl", "--dry-run"],
    ];
    for arguments in looks.iter().copied().chain([&["user", "disable", "alice"][..]]) {
        let said = run.run(arguments);
        match arguments {
            // It would make one.
            ["user", "import", ..] => assert_eq!(said.code, 0, "{}", said.err),
            _ => drop(said.failed(&["there is no database at"])),
        }
        assert_eq!(contents(&place), [], "{arguments:?}");
    }
    // A Flask application's, which no node of ours has served yet.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let database = mongodb::Client::with_uri_str(&place.uri).await.unwrap().database(&place.name);
        let now = mongodb::bson::DateTime::now();
        let alice =
            mongodb::bson::doc! { "username": "alice", "password": "x", "access": 1, "created_at": now };
        database.collection("users").insert_one(alice).await.unwrap();
        let token = mongodb::bson::doc! { "jti": "theirs", "created_at": now };
        database.collection("revoked_tokens").insert_one(token).await.unwrap();
    });
    let before = contents(&place);
    for arguments in looks {
        let said = run.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {}", said.err);
    }
    assert_eq!(run.run_with(&["token", "check"], "a.b.c").code, 1);
    assert_eq!(contents(&place), before);
}

#[test]
fn what_a_mongorestore_brings_back_is_refused_on_every_node_within_seconds() {
    // DUR-15
    let Some((_place, run)) = on_a_database() else { return };
    run.make("root", "admin");
    let nodes = [run.serve(), run.serve()];
    let login = |node: &Server| node.post("/users/login", &json!({"username": "root", "password": PASSWORD}));
    let (status, pair) = login(&nodes[0]);
    assert_eq!(status, 200, "{pair}");
    run.fails(&["backup", "backup.db"], &["mongodump", "portcullis restore --after-mongorestore"]);
    run.fails(&["restore", "backup.db", "--yes"], &["mongorestore", "--after-mongorestore"]);
    run.fails(&["restore", "--after-mongorestore"], &["--yes"]);
    let ended = run.json(&["restore", "--after-mongorestore", "--yes"]);
    assert!(ended["revoked_before"].is_i64(), "{ended}");
    for node in &nodes {
        is_refused_soon(node, pair["access_token"].as_str().unwrap());
        assert_eq!(node.bearer("POST", "/users/refresh", pair["refresh_token"].as_str().unwrap()).0, 401);
    }
    assert_eq!(run.lines(&["session", "list", "root"]).len(), 0);
    assert_eq!(run.lines(&["audit", "list", "--event", "store_restored"]).len(), 1);
    // A node's clock may have been ahead by as much as a minute.
    let (status, pair) = login(&nodes[1]);
    assert_eq!(status, 200, "{pair}");
    assert_eq!(nodes[1].bearer("GET", "/tests/secret", pair["access_token"].as_str().unwrap()).0, 401);
}

#[test]
fn the_doctor_sees_what_a_database_lacks_and_makes_nothing() {
    let Some((_place, run)) = on_a_database() else { return };
    for _ in 0..2 {
        let said = run.run(&["doctor"]);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        assert!(said.out.contains("warn  indexes: there is none yet on users.name_key, "), "{}", said.out);
        assert!(said.out.contains("warn  administrators: none of 0 users"), "{}", said.out);
    }
    run.make("root", "admin");
    let _server = run.serve();
    let said = run.run(&["doctor"]);
    assert_eq!(said.code, 0, "{}", said.out);
    for text in [
        "ok    indexes: all ",
        "ok    administrators: one",
        "ok    names: every user",
        "ok    clock: this machine's",
    ] {
        assert!(said.out.contains(text), "{text}: {}", said.out);
    }
    let away = Run::testing().file(format!("{SECRET}\nMONGO_URI = 'mongodb://127.0.0.1:1/nobody'\n"));
    let said = away.run(&["doctor"]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(
        said.out.contains("fail  database: mongodb://127.0.0.1:1/nobody cannot be reached"),
        "{}",
        said.out
    );
}
