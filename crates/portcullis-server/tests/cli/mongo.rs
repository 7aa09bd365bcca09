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

#[test]
fn users_are_made_imported_and_disabled_beside_a_node() {
    if !is_there() {
        return;
    }
    let place = Place::new();
    let secret = "JWT_SECRET_KEY = 'a secret that all nodes share, 32 bytes'";
    let run = Run::testing().file(format!("{secret}\nMONGO_URI = '{}'\n", place.uri));
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
    if !is_there() {
        return;
    }
    let place = Place::new();
    let secret = "JWT_SECRET_KEY = 'a secret that all nodes share, 32 bytes'";
    let run = Run::testing().file(format!("{secret}\nMONGO_URI = '{}'\n", place.uri));
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
