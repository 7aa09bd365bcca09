//! `POST /admin/setup`

use std::collections::BTreeSet;

use portcullis::{Key, testing::Mint};
use portcullis_server::{
    accounts::{AccountsError, By},
    model::{Access, EventKind, UserState},
};
use serde_json::{Value, json};

use super::events;
use crate::support::TestApp;

fn body(secret: &str) -> Value {
    json!({"secret": secret, "username": "root", "password": "password"})
}

const WRONG: &str = "The setup secret is wrong, used or expired";

#[tokio::test]
async fn the_first_administrator_is_made_with_a_secret_once() {
    // PWD-13, CLM-16
    let app = TestApp::new().await;
    app.register("alice").await;
    let accounts = app.state.accounts();
    let (secret, other) = (
        accounts.setup_secret(&By::operator(None)).await.unwrap(),
        accounts.setup_secret(&By::operator(None)).await.unwrap(),
    );
    assert_eq!(secret.expires_at().seconds(), 1_900_003_600);
    let made = app.post("/admin/setup", &body(secret.as_str())).await;
    assert_eq!((made.status.as_u16(), &made.body["access"]), (201, &json!(2)), "{}", made.body);
    let root = app.login("root").await;
    assert_eq!(app.get_as("/admin/users", &root.access).await.status, 200);

    app.post("/admin/setup", &body(secret.as_str())).await.says(401, WRONG);
    let another = json!({"secret": other.as_str(), "username": "root2", "password": "password"});
    app.post("/admin/setup", &another).await.says(409, "There is an administrator already");
    assert!(matches!(accounts.setup_secret(&By::operator(None)).await, Err(AccountsError::AlreadySetUp)));

    let events = events(&app).await;
    let made: Vec<_> = events.iter().filter(|it| it.event.kind == EventKind::SetupAdminCreated).collect();
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].event.subject, Some(app.id_of(&root)));
    // Used stays used, also after a restart.
    let app = app.restarted().await;
    app.post("/admin/setup", &body(secret.as_str())).await.says(401, WRONG);
}

#[tokio::test]
async fn a_secret_that_is_forged_or_expired_makes_nobody() {
    // CLM-13
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    let service = Key::hs256("a secret of the tests, 32 bytes or more").unwrap();
    let of_the_service = Mint::access("setup").sign(&service);
    let expired = app.state.accounts().setup_secret(&By::operator(None)).await.unwrap();
    app.wait(3600);
    for secret in ["", "secret", "a.b.c", &alice.access, &alice.refresh, &of_the_service, expired.as_str()] {
        app.post("/admin/setup", &body(secret)).await.says(401, WRONG);
    }
    let refused = events(&app).await;
    let refused: Vec<_> = refused.iter().filter(|it| it.event.kind == EventKind::AuthorizationFail).collect();
    assert_eq!(refused.len(), 1, "once a minute");
    assert_eq!(refused[0].event.detail.as_deref(), Some("a setup secret that is wrong, used or expired"));
    // Nor does a secret open what a token opens.
    let secret = app.state.accounts().setup_secret(&By::operator(None)).await.unwrap();
    assert_eq!(app.get_as("/tests/secret", secret.as_str()).await.status, 422);
    let answer =
        app.post("/admin/setup", &json!({"secret": 1, "username": "root", "password": "password"})).await;
    assert_eq!((answer.status.as_u16(), &answer.body["errors"]), (422, &json!({"secret": ["must be text"]})));
    app.post("/users/login", &body("")).await.says(401, "Wrong username or password");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_setups_at_once_one_makes_an_administrator() {
    let app = TestApp::new().await;
    let secret = app.state.accounts().setup_secret(&By::operator(None)).await.unwrap();
    let with = |name: &str| json!({"secret": secret.as_str(), "username": name, "password": "password"});
    let bodies = ["a", "b", "c", "d"].map(with);
    let answers = tokio::join!(
        app.post("/admin/setup", &bodies[0]),
        app.post("/admin/setup", &bodies[1]),
        app.post("/admin/setup", &bodies[2]),
        app.post("/admin/setup", &bodies[3]),
    );
    let answers = [answers.0, answers.1, answers.2, answers.3];
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    let others: BTreeSet<_> = statuses.into_iter().filter(|status| *status != 201).collect();
    assert_eq!(others, BTreeSet::from([401]));
}

#[tokio::test]
async fn where_all_administrators_are_gone_a_new_secret_makes_another() {
    let app = TestApp::new().await;
    let root = app.admin("root").await;
    // By a hand in the database: no act takes the last one away.
    let shell = rusqlite::Connection::open(app.database()).unwrap();
    shell.execute("UPDATE users SET disabled = 1", []).unwrap();
    let secret = app.state.accounts().setup_secret(&By::operator(None)).await.unwrap();
    let taken = app.post("/admin/setup", &body(secret.as_str())).await;
    taken.says(409, "The username is taken");
    let second = json!({"secret": secret.as_str(), "username": "second", "password": "password"});
    assert_eq!(app.post("/admin/setup", &second).await.status, 201);
    let by = By::operator(Some("ops"));
    let accounts = app.state.accounts();
    accounts.set_state(&by, &app.id_of(&root), UserState::Enabled).await.unwrap();
    assert_eq!(accounts.user(&app.id_of(&root)).await.unwrap().access, Access::Admin);
}
