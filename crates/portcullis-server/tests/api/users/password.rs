//! `PUT /users/me/password`

use std::time::Duration;

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use portcullis::Clock as _;
use portcullis_server::{
    accounts::{AccountsError, Client},
    model::{LoginName, Password, UserChange, UserId},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{Answer, TestApp};

async fn put_as(app: &TestApp, token: &str, body: &Value) -> Answer {
    let request = Request::put("/users/me/password").header(header::AUTHORIZATION, format!("Bearer {token}"));
    let request = request.header(header::CONTENT_TYPE, "application/json");
    app.send(request.body(Body::from(body.to_string())).unwrap()).await
}

fn change(present: &str, new: &str) -> Value {
    json!({"password": present, "new_password": new})
}

async fn login(app: &TestApp, password: &str) -> Answer {
    app.post("/users/login", &json!({"username": "alice", "password": password})).await
}

#[tokio::test]
async fn the_new_password_holds_and_this_session_goes_on_alone() {
    // BRR-24, CSR-08
    let app = TestApp::new().await;
    let (other, this, bob) =
        (app.register("alice").await, app.login("alice").await, app.register("bob").await);
    let answer = put_as(&app, &this.access, &change("password", "new password")).await;
    assert_eq!((answer.status, &answer.body), (StatusCode::NO_CONTENT, &Value::Null));
    login(&app, "password").await.says(401, "Wrong username or password");
    assert_eq!(login(&app, "new password").await.status, StatusCode::OK);

    app.get_as("/tests/secret", &other.access).await.says(401, "Token has been revoked");
    app.post_as("/users/refresh", &other.refresh).await.says(401, "Token has been revoked");
    for token in [&this.access, &bob.access] {
        assert_eq!(app.get_as("/tests/secret", token).await.status, StatusCode::OK);
    }
    app.wait(60);
    let next = app.post_as("/users/refresh", &this.refresh).await.tokens();
    assert_eq!(app.get_as("/tests/secret", &next.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_change_is_repeated_after_an_answer_that_was_lost() {
    let app = TestApp::new().await;
    let this = app.register("alice").await;
    let body = change("password", "new password");
    assert_eq!(put_as(&app, &this.access, &body).await.status, StatusCode::NO_CONTENT);
    let since = login(&app, "new password").await.tokens();
    for _ in 0..2 {
        assert_eq!(put_as(&app, &this.access, &body).await.status, StatusCode::NO_CONTENT);
    }
    for token in [&this.access, &since.access] {
        assert_eq!(app.get_as("/tests/secret", token).await.status, StatusCode::OK, "nothing ended again");
    }
    // Only where the token's session lives.
    assert_eq!(app.post_as("/users/logout", &this.access).await.status, StatusCode::NO_CONTENT);
    put_as(&app, &this.access, &body).await.says(401, "Token has been revoked");
}

#[tokio::test]
async fn who_does_not_know_the_present_password_changes_nothing() {
    // PWD-08
    let app = TestApp::new().await;
    let (other, this) = (app.register("alice").await, app.login("alice").await);
    let answer = put_as(&app, &this.access, &change("passwort", "new password")).await;
    answer.says(401, "Wrong username or password");
    assert!(answer.header("www-authenticate").starts_with("Bearer"));
    for token in [&other.access, &this.access] {
        assert_eq!(app.get_as("/tests/secret", token).await.status, StatusCode::OK);
    }
    assert_eq!(login(&app, "password").await.status, StatusCode::OK);
    login(&app, "new password").await.says(401, "Wrong username or password");
}

#[tokio::test]
async fn both_passwords_that_were_looked_at_count() {
    // LOG-05
    let app = TestApp::new().await;
    let this = app.register("alice").await;
    let failures = async || app.state.accounts().user(&app.id_of(&this)).await.unwrap().failures.count;
    put_as(&app, &this.access, &change("wrong", "another")).await.says(401, "Wrong username or password");
    assert_eq!(failures().await, 2);
    // Who repeats a change that was made has shown the right one.
    for _ in 0..2 {
        let answer = put_as(&app, &this.access, &change("password", "new password")).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        assert_eq!(failures().await, 0, "another password forgets what was tried at the one before");
    }
}

#[tokio::test]
async fn it_takes_a_fresh_access_token() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    app.wait(60);
    let stale = app.post_as("/users/refresh", &alice.refresh).await.tokens();
    let body = change("password", "new password");
    put_as(&app, &stale.access, &body).await.says(401, "Fresh token required");
    put_as(&app, &stale.refresh, &body).await.says(422, "Only access tokens are allowed");
    // Said before anything of the body is.
    put_as(&app, &stale.access, &json!([])).await.says(401, "Fresh token required");
    assert_eq!(login(&app, "password").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_wrong_with_a_field_is_said_by_its_name() {
    // PWD-01, PWD-02, PWD-04
    let app = TestApp::new().await;
    let this = app.register("alice").await;
    let long = "x".repeat(1025);
    for (body, password, new_password) in [
        (json!({}), "is required", "is required"),
        (json!({"password": 7, "new_password": null}), "must be text", "must be text"),
        (change("", "abc"), "must not be empty", "must be at least 4 characters long"),
        (change(&long, &long), "must be at most 1024 bytes long", "must be at most 1024 bytes long"),
    ] {
        let answer = put_as(&app, &this.access, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        let errors = json!({"password": [password], "new_password": [new_password]});
        assert_eq!(answer.body["errors"], errors);
    }
    // As at a registration: nothing is trimmed or folded.
    assert_eq!(put_as(&app, &this.access, &change("password", "  ä ")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(login(&app, "  a\u{308} ").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_new_password_is_none_that_everybody_tries_first() {
    // PWD-06
    let mut app = TestApp::new().await;
    let this = app.register("Margarete").await;
    app.restart_with(&[("PASSWORD_COMMON", "refuse")]).await;
    for (new, problem) in [
        ("iloveyou", "must not be one of the most used passwords"),
        ("margarete", "must not be the user name"),
    ] {
        let answer = put_as(&app, &this.access, &change("password", new)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(answer.body["errors"], json!({"new_password": [problem]}));
    }
    // Who has one already gets in with it, and to another.
    app.login("margarete").await;
    let answer = put_as(&app, &this.access, &change("password", "correct horse")).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_token_without_a_session_keeps_none() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    let id = app.state.jwt().verify(&alice.access).unwrap().identity().to_owned();
    let theirs = app.state.jwt().access(id).fresh().sign().unwrap();
    let answer = put_as(&app, theirs.as_str(), &change("password", "new password")).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    for over in [alice.access.as_str(), theirs.as_str()] {
        app.get_as("/tests/secret", over).await.says(401, "Token has been revoked");
    }
    assert_eq!(login(&app, "new password").await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_changes_at_once_one_is_made() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    let claims = app.state.jwt().verify(&alice.access).unwrap();
    let mut racers = JoinSet::new();
    for n in 0..16 {
        let (state, claims) = (app.state.clone(), claims.clone());
        racers.spawn(async move {
            let parse = |text: &str| Password::parse(text).unwrap();
            let new = format!("new password {n}");
            match state
                .accounts()
                .change_password(&claims, parse("password"), parse(&new), &Client::default())
                .await
            {
                Ok(_) => Some(new),
                Err(AccountsError::BadCredentials) => None,
                Err(error) => panic!("{error}"),
            }
        });
    }
    let made: Vec<_> = racers.join_all().await.into_iter().flatten().collect();
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(app.get_as("/tests/secret", &alice.access).await.status, StatusCode::OK);
    // The others have shown a password that was not the user's any more, and locked the account for a while.
    app.wait(15 * 60);
    assert_eq!(login(&app, &made[0]).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_login_with_the_old_password_outlives_a_change() {
    let app = TestApp::new().await;
    for round in 0..10 {
        let name = format!("alice{round}");
        let this = app.register(&name).await;
        let mut logins = JoinSet::new();
        for _ in 0..8 {
            let (state, name) = (app.state.clone(), name.clone());
            logins.spawn(async move {
                let name = LoginName::parse(&name).unwrap();
                let pair = state
                    .accounts()
                    .login(name, Password::parse("password").unwrap(), &Client::default())
                    .await;
                pair.ok().map(|it| (it.pair.access.into_string(), it.pair.refresh.into_string()))
            });
        }
        let changed = put_as(&app, &this.access, &change("password", "new password")).await;
        assert_eq!(changed.status, StatusCode::NO_CONTENT);
        for (access, refresh) in logins.join_all().await.into_iter().flatten() {
            app.get_as("/tests/secret", &access).await.says(401, "Token has been revoked");
            app.post_as("/users/refresh", &refresh).await.says(401, "Token has been revoked");
        }
        assert_eq!(app.get_as("/tests/secret", &this.access).await.status, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hash_that_is_renewed_during_a_login_does_not_refuse_it() {
    // Dear enough that most of them wait for a worker when the hash changes.
    let app = TestApp::with(&[("PASSWORD_ARGON2_MEMORY_KIB", "16384")]).await;
    for name in ["alice", "bob"] {
        app.register(name).await;
    }
    let (alice, parse) = (LoginName::parse("alice").unwrap(), |text| Password::parse(text).unwrap());
    let mut logins = JoinSet::new();
    for _ in 0..16 {
        let (state, name) = (app.state.clone(), alice.clone());
        logins.spawn(async move {
            state.accounts().login(name, parse("password"), &Client::default()).await.map(drop)
        });
    }
    // Those who asked before have their user by now.
    app.state.store().user_by_name(&alice).await.unwrap();
    let renewed = "UPDATE users SET password = (SELECT password FROM users WHERE username = 'bob') \
                   WHERE username = 'alice'";
    rusqlite::Connection::open(app.database()).unwrap().execute(renewed, []).unwrap();
    for answer in logins.join_all().await {
        answer.expect("the same password under another hash");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_whose_client_hangs_up_is_in_force_if_it_is_durable() {
    let app = TestApp::new().await;
    let mut durable = 0;
    for round in 0..20_u32 {
        let name = format!("alice{round}");
        let (other, this) = (app.register(&name).await, app.login(&name).await);
        let user = UserId::new(app.state.jwt().verify(&this.access).unwrap().identity());
        let body = change("password", "new password");
        // A connection that closes drops the request wherever it is.
        let request = put_as(&app, &this.access, &body);
        drop(tokio::time::timeout(Duration::from_micros(u64::from(round) * 200), request).await);
        // What comes behind it in the writer's queue says that it is through.
        app.state.store().note_seen(&[]).await.unwrap();
        let living = app.state.store().sessions_of(&user, app.clock.now()).await.unwrap();
        if living.len() > 1 {
            continue;
        }
        durable += 1;
        let in_force = async {
            while app.get_as("/tests/secret", &other.access).await.status == StatusCode::OK {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), in_force).await.expect("durable, and not in force");
    }
    assert!(durable > 0);
}

#[tokio::test]
async fn a_disabled_user_is_told_what_a_stranger_is_told() {
    // BRR-26, BRR-27, LOG-01
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    let id = app.state.jwt().verify(&alice.access).unwrap().identity().to_owned();
    let theirs = app.state.jwt().access(id.as_str()).fresh().sign().unwrap();
    let user = UserId::new(id);
    app.state.store().change_user(&user, &UserChange::Disable, None, app.clock.now()).await.unwrap();
    let stranger = app.post("/users/login", &json!({"username": "nobody", "password": "password"})).await;
    let disabled = login(&app, "password").await;
    assert_eq!((disabled.status, disabled.body), (stranger.status, stranger.body));
    app.post_as("/users/refresh", &alice.refresh).await.says(401, "Token has been revoked");
    app.get_as("/users/me", theirs.as_str()).await.says(401, "The session is over");
    put_as(&app, theirs.as_str(), &change("password", "new password")).await.says(401, "The session is over");

    app.state.store().change_user(&user, &UserChange::Enable, None, app.clock.now()).await.unwrap();
    app.post_as("/users/refresh", &alice.refresh).await.says(401, "Token has been revoked");
    assert_eq!(login(&app, "password").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_change_that_is_repeated_ends_the_others_here_when_it_is_answered() {
    let (app, faulty) = TestApp::with_faults().await;
    app.expect_errors();
    let this = app.register("alice").await;
    let other = app.login("alice").await;
    let body = change("password", "new password");
    // The user twice, the session, what ends the tokens of no session, and the change.
    faulty.fail(5, crate::support::Fault::After);
    assert_eq!(put_as(&app, &this.access, &body).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(faulty.settle().await);
    assert_eq!(put_as(&app, &this.access, &body).await.status, StatusCode::NO_CONTENT);
    app.get_as("/tests/secret", &other.access).await.says(401, "Token has been revoked");
}
