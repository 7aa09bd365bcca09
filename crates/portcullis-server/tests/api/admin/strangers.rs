//! Nobody reads, changes or ends what is somebody else's: tried for every route, with ids swapped in path, query and body.

use std::collections::BTreeSet;

use axum::http::Method;
use portcullis_server::{Route, Rule, route_table};
use serde_json::{Value, json};

use crate::support::{TestApp, Tokens, bearing};

/// All that there is of a user, as text that no answer to somebody else may have, and as it must stay.
struct Belongings {
    texts: Vec<String>,
    all: String,
}

impl Belongings {
    async fn of(app: &TestApp, user: &Tokens) -> Self {
        let (id, session) = (app.id_of(user), app.session_of(user));
        let stored = app.state.accounts().user(&id).await.unwrap();
        let sessions = app.state.accounts().sessions_of(&id).await.unwrap();
        let all = format!("{stored:?} {} {sessions:?}", stored.password.as_str());
        Self { texts: vec![id.as_str().to_owned(), session.as_str().to_owned(), "bob".to_owned()], all }
    }
}

/// Bodies in which somebody names somebody else wherever a name could be.
fn bodies(app: &TestApp, bob: &Tokens) -> [Value; 2] {
    let members = ["id", "_id", "user", "user_id", "sub", "identity", "sid", "session", "session_id"];
    [app.id_of(bob).as_str(), app.session_of(bob).as_str()].map(|named| {
        let mut body = json!({
            "username": "mallory2", "password": "password", "new_password": "another password",
            "secret": "none", "access": 2, "disabled": true,
        });
        for member in members {
            body[member] = json!(named);
        }
        body
    })
}

/// A route's path with somebody else's ids wherever one could be.
fn paths(route: &Route, id: &str, session: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for named in [id, session] {
        let path = route.path.replace("{id}", named).replace("{session}", session);
        paths.insert(format!("{path}?user={id}&id={id}&sid={session}&scope=all"));
        paths.insert(path);
    }
    paths
}

#[tokio::test]
async fn nobody_reads_changes_or_ends_what_is_somebody_elses() {
    // ADM-02, LOG-04
    for route in route_table() {
        let app = TestApp::new().await;
        let bob = app.register("bob").await;
        app.register("mallory").await;
        let before = Belongings::of(&app, &bob).await;
        for path in paths(&route, app.id_of(&bob).as_str(), app.session_of(&bob).as_str()) {
            for body in bodies(&app, &bob) {
                // Each with a token of a session that lives: some routes end the one that asks.
                let mallory = log_in_again(&app).await;
                let token = match route.rule {
                    Rule::RefreshToken => &mallory.refresh,
                    _ => &mallory.access,
                };
                let body = (route.method != Method::GET).then_some(&body);
                let answer = app.send(bearing(route.method.clone(), &path, Some(token), body)).await;
                let said = answer.body.to_string();
                for text in &before.texts {
                    assert!(!said.contains(text.as_str()), "{route:?} {path}: {said}");
                }
            }
        }
        assert_eq!(Belongings::of(&app, &bob).await.all, before.all, "{route:?}");
        assert_eq!(app.get_as("/tests/secret", &bob.access).await.status, 200, "{route:?}");
    }
}

/// Another session of the one who tries, whichever password holds by now.
async fn log_in_again(app: &TestApp) -> Tokens {
    for password in ["password", "another password"] {
        let answer = app.post("/users/login", &json!({"username": "mallory", "password": password})).await;
        if answer.status == 200 {
            return answer.tokens();
        }
    }
    panic!("mallory is out");
}

#[tokio::test]
async fn nobody_becomes_more_by_what_a_body_says() {
    // PWD-18
    let app = TestApp::new().await;
    let more = json!({
        "username": "mallory", "password": "password", "access": 2, "role": "admin", "roles": ["admin"],
        "is_admin": true, "id": "1", "created_at": 0, "disabled": false, "epoch": 9, "failures": 0,
        "name_key": "root", "user_claims": {"access": 2},
    });
    let answer = app.post("/users/registration", &more).await;
    assert_eq!(answer.status, 201);
    let mallory = answer.tokens();
    let me = app.get_as("/users/me", &mallory.access).await.body;
    assert_eq!((&me["access"], &me["created_at"]), (&json!(1), &json!(1_900_000_000)));
    assert_eq!(app.get_as("/admin/users", &mallory.access).await.status, 403);

    let root = super::Console::of(&app).await;
    let mut more = more;
    more["username"] = json!("mallory2");
    let answer = root.post("/admin/users", &more).await;
    assert_eq!(answer.status, 422, "{}", answer.body);
    for member in ["role", "is_admin", "id", "created_at", "disabled", "epoch", "name_key"] {
        assert_eq!(answer.body["errors"][member], json!(["is not known"]));
    }
    app.post("/users/login", &json!({"username": "mallory2", "password": "password"}))
        .await
        .says(401, "Wrong username or password");
}
