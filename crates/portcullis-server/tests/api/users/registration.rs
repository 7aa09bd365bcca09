//! `POST /users/registration`

use axum::http::StatusCode;
use portcullis_server::{
    accounts::{AccountsError, Client},
    model::{Password, Username},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::TestApp;

const PATH: &str = "/users/registration";

#[tokio::test]
async fn a_stranger_becomes_a_user_and_is_logged_in() {
    // BRR-08
    let app = TestApp::new().await;
    let answer = app.post(PATH, &json!({"username": "test", "password": "test"})).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!((&answer.body["token_type"], &answer.body["expires_in"]), (&json!("Bearer"), &json!(900)));
    assert_eq!(app.get_as("/tests/secret", &answer.tokens().access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_token_says_who_and_what_and_nothing_more() {
    // CLM-17, BRR-09
    let app = TestApp::with(&[("JWT_IDENTITY", "username")]).await;
    let alice = app.register("alice").await;
    let claims: Value = app.state.jwt().verify(&alice.access).unwrap().custom().unwrap();
    let names: Vec<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["access", "exp", "fresh", "gen", "iat", "jti", "nbf", "sid", "sub", "type"]);
    assert_eq!(
        (&claims["sub"], &claims["access"], &claims["fresh"]),
        (&json!("alice"), &json!(1), &json!(true))
    );
    let by_id = TestApp::new().await;
    let alice = by_id.register("alice").await;
    assert_eq!(by_id.state.jwt().verify(&alice.access).unwrap().identity().len(), 36, "a UUID");
}

#[tokio::test]
async fn a_name_is_taken_in_every_spelling() {
    // PWD-14: width, case and normal form; what only looks like another by compatibility cannot be registered at all.
    let app = TestApp::new().await;
    for (registered, spellings) in [
        ("Alice", ["Alice", "alice", "ALICE", "ａｌｉｃｅ"]),
        ("jos\u{e9}", ["jose\u{301}", "JOS\u{c9}", "JOSE\u{301}", "ｊose\u{301}"]),
        ("カナ", ["ｶナ", "カﾅ", "ｶﾅ", "カナ"]),
        (
            "\u{1112}\u{1161}\u{11ab}글",
            ["\u{d55c}글", "\u{d55c}\u{ae00}", "한글", "\u{1112}\u{1161}\u{11ab}\u{ae00}"],
        ),
    ] {
        app.register(registered).await;
        for username in spellings {
            let answer = app.post(PATH, &json!({"username": username, "password": "password"})).await;
            answer.says(409, "The username is taken");
            app.login(username).await;
        }
    }
    for username in ["ⓐlice", "𝒶lice", "alicе\u{200d}", "ali\u{ad}ce", "aliⅽe", "ﬁlip", "x²"] {
        let answer = app.post(PATH, &json!({"username": username, "password": "password"})).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{username}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_in_many_spellings_one_gets_the_name() {
    // PWD-19
    let app = TestApp::new().await;
    for round in 0..10 {
        let spellings =
            [format!("jos\u{e9}{round}"), format!("JOSE\u{301}{round}"), format!("ｊos\u{e9}{round}")];
        let mut racers = JoinSet::new();
        for spelling in spellings.iter().cycle().take(12) {
            let (state, name) = (app.state.clone(), Username::parse(spelling).unwrap());
            let password = Password::parse("password").unwrap();
            racers.spawn(async move {
                state.accounts().register(name, password, &Client::default()).await.map(drop)
            });
        }
        let (won, lost): (Vec<_>, Vec<_>) = racers.join_all().await.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        assert!(lost.iter().all(|answer| matches!(answer, Err(AccountsError::NameTaken))), "{lost:?}");
        let rows = "SELECT COUNT(*) FROM users WHERE username LIKE ?1";
        let database = rusqlite::Connection::open(app.database()).unwrap();
        let count: i64 = database.query_row(rows, [format!("%{round}")], |row| row.get(0)).unwrap();
        assert_eq!(count, 1, "one row");
    }
}

#[tokio::test]
async fn every_problem_of_every_field_is_named() {
    // PWD-17
    let app = TestApp::new().await;
    for (body, username, password) in [
        (json!({}), json!(["is required"]), json!(["is required"])),
        (json!({"username": null, "password": 1}), json!(["must be text"]), json!(["must be text"])),
        (
            json!({"username": {"$ne": null}, "password": []}),
            json!(["must be text"]),
            json!(["must be text"]),
        ),
        (json!({"username": "", "password": ""}), json!(["must not be empty"]), json!(["must not be empty"])),
        (
            json!({"username": "x".repeat(65), "password": "abc"}),
            json!(["must be at most 64 characters long"]),
            json!(["must be at least 4 characters long"]),
        ),
        (
            json!({"username": "two words", "password": "x".repeat(1025)}),
            json!(["must consist of letters, digits and ASCII punctuation, without blanks"]),
            json!(["must be at most 1024 bytes long"]),
        ),
    ] {
        let answer = app.post(PATH, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        let expected = json!({
            "msg": "Some fields are missing or invalid",
            "errors": {"username": username, "password": password},
        });
        assert_eq!(answer.body, expected, "{body}");
    }
}

#[tokio::test]
async fn a_password_that_everybody_tries_first_is_refused_with_the_reason() {
    // PWD-06
    let app = TestApp::with(&[("PASSWORD_COMMON", "refuse"), ("PASSWORD_MIN_LENGTH", "8")]).await;
    let common = "must not be one of the most used passwords";
    for (username, password, problem) in [
        ("alice", "password", common),
        ("alice", "PassWord", common),
        ("alice", "ｐａｓｓｗｏｒｄ", common),
        ("margarete", "Margarete", "must not be the user name"),
        ("two words", "password", common),
    ] {
        let answer = app.post(PATH, &json!({"username": username, "password": password})).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{password}");
        assert_eq!(answer.body["errors"]["password"], json!([problem]), "{password}");
    }
    let answer = app.post(PATH, &json!({"username": "alice", "password": "correct horse"})).await;
    assert_eq!(answer.status, StatusCode::CREATED);
}

#[tokio::test]
async fn members_that_nobody_asked_for_change_nothing() {
    // PWD-18
    let app = TestApp::new().await;
    let body =
        json!({"username": "mallory", "password": "password", "access": 2, "id": "1", "role": "admin"});
    let tokens = app.post(PATH, &body).await.tokens();
    let claims: Value = app.state.jwt().verify(&tokens.access).unwrap().custom().unwrap();
    assert_eq!(claims["access"], 1);
}

#[tokio::test]
async fn it_can_be_closed() {
    // PWD-21
    let app = TestApp::with(&[("REGISTRATION", "closed")]).await;
    let answer = app.post(PATH, &json!({"username": "alice", "password": "password"})).await;
    answer.says(403, "Registration is closed");
}
