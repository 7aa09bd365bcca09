//! `/users/me` and what is below it.

use std::time::Duration;

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use portcullis::{Clock as _, Require};
use portcullis_server::model::UserId;
use serde_json::json;

use crate::support::{Answer, TestApp};

async fn delete_as(app: &TestApp, path: &str, token: &str) -> Answer {
    let request = Request::delete(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
    app.send(request.body(Body::empty()).unwrap()).await
}

async fn post_json_as(app: &TestApp, path: &str, token: &str, body: &serde_json::Value) -> Answer {
    let request = Request::post(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
    let request = request.header(header::CONTENT_TYPE, "application/json");
    app.send(request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn a_user_sees_who_he_is_and_no_hash() {
    // PWD-20
    let app = TestApp::new().await;
    let alice = app.register("Alice").await;
    let answer = app.get_as("/users/me", &alice.access).await;
    let id = app.state.jwt().verify(&alice.access).unwrap().identity().to_owned();
    let me = json!({"id": id, "username": "Alice", "access": 1, "created_at": 1_900_000_000});
    assert_eq!((answer.status, answer.body), (StatusCode::OK, me));
}

#[tokio::test]
async fn the_identity_may_be_the_name() {
    let app = TestApp::with(&[("JWT_IDENTITY", "username")]).await;
    let alice = app.register("Alice").await;
    assert_eq!(app.get_as("/users/me", &alice.access).await.body["username"], "Alice");
    assert_eq!(app.post_as("/users/refresh", &alice.refresh).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_stays_its_users_when_somebody_else_gets_the_name() {
    let app = TestApp::with(&[("JWT_IDENTITY", "username")]).await;
    let before = app.register("alice").await;
    let shell = rusqlite::Connection::open(app.database()).unwrap();
    shell.execute("UPDATE users SET username = 'alicia', name_key = 'alicia'", []).unwrap();
    let now = app.register("alice").await;
    assert_eq!(app.get_as("/users/me", &before.access).await.body["username"], "alicia");
    assert_eq!(app.get_as("/users/me", &now.access).await.body["username"], "alice");
    // A token without a session has nothing but the name.
    let theirs = app.state.jwt().access("alice").sign().unwrap();
    assert_eq!(app.get_as("/users/me", theirs.as_str()).await.body["username"], "alice");
}

#[tokio::test]
async fn a_user_sees_the_living_sessions_and_which_is_this_one() {
    // BRR-24
    let app = TestApp::new().await;
    let (first, _other) = (app.register("alice").await, app.register("bob").await);
    app.wait(60);
    let login = json!({"username": "alice", "password": "password"}).to_string();
    let request = Request::post("/users/login")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, "Netscape/4.0");
    let second = app.send(request.body(Body::from(login)).unwrap()).await.tokens();
    let answer = app.get_as("/users/me/sessions", &second.access).await;
    let sessions = answer.body["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0]["device"], "Netscape/4.0");
    assert_eq!((&sessions[0]["current"], &sessions[1]["current"]), (&true.into(), &false.into()));
    assert_eq!(sessions[1]["opened_at"], 1_900_000_000);

    let gone = sessions[1]["id"].as_str().unwrap();
    let path = format!("/users/me/sessions/{gone}");
    assert_eq!(delete_as(&app, &path, &second.access).await.status, StatusCode::NO_CONTENT);
    assert_eq!(delete_as(&app, &path, &second.access).await.status, StatusCode::NO_CONTENT, "again");
    app.get_as("/tests/secret", &first.access).await.says(401, "Token has been revoked");
    let left = app.get_as("/users/me/sessions", &second.access).await;
    assert_eq!(left.body["sessions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_ends_a_session_of_somebody_else() {
    // LOG-04
    let app = TestApp::new().await;
    let (alice, bob) = (app.register("alice").await, app.register("bob").await);
    delete_as(&app, &app.session_path(&bob), &alice.access).await.says(404, "There is no such session");
    for unknown in ["unknown", "%FF", "%C3%28", "..%2f", "%00"] {
        let path = format!("/users/me/sessions/{unknown}");
        delete_as(&app, &path, &alice.access).await.says(404, "There is no such session");
    }
    assert_eq!(app.get_as("/tests/secret", &bob.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_password_makes_a_fresh_access_token_of_the_same_session() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    app.wait(60);
    let stale = app.post_as("/users/refresh", &alice.refresh).await.tokens();
    let body = json!({"password": "password"});
    let answer = post_json_as(&app, "/users/me/fresh", &stale.access, &body).await;
    assert_eq!((answer.status, &answer.body["expires_in"]), (StatusCode::OK, &900.into()));
    let fresh = answer.body["access_token"].as_str().unwrap();
    let claims = app.state.jwt().verify_as(fresh, Require::access().fresh()).unwrap();
    let session = app.state.jwt().verify(&stale.access).unwrap();
    assert_eq!(claims.session(), session.session());

    let wrong = post_json_as(&app, "/users/me/fresh", &stale.access, &json!({"password": "no"})).await;
    wrong.says(401, "Wrong username or password");
    let none = post_json_as(&app, "/users/me/fresh", &stale.access, &json!({})).await;
    assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_logout_of_others_keeps_this_session_and_one_of_all_keeps_none() {
    let app = TestApp::new().await;
    let (first, second) = (app.register("alice").await, app.login("alice").await);
    let bob = app.register("bob").await;
    let status = app.post_as("/users/logout?scope=others", &second.access).await.status;
    assert_eq!(status, StatusCode::NO_CONTENT);
    app.get_as("/tests/secret", &first.access).await.says(401, "Token has been revoked");
    assert_eq!(app.post_as("/users/refresh", &second.refresh).await.status, StatusCode::OK);
    // These need a session that lives.
    let ended = app.post_as("/users/logout?scope=all", &first.access).await;
    ended.says(401, "Token has been revoked");

    assert_eq!(app.post_as("/users/logout?scope=all", &second.access).await.status, StatusCode::NO_CONTENT);
    app.get_as("/tests/secret", &second.access).await.says(401, "Token has been revoked");
    app.post_as("/users/refresh", &second.refresh).await.says(401, "Token has been revoked");
    assert_eq!(app.get_as("/tests/secret", &bob.access).await.status, StatusCode::OK);
    app.login("alice").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_of_all_whose_client_hangs_up_is_in_force_if_it_is_durable() {
    let app = TestApp::new().await;
    app.register("alice").await;
    let mut durable = 0;
    let body = json!({"username": "alice", "password": "password"});
    for millis in 0..20 {
        let alice = loop {
            // The logout of before may still be under way: it ends what is opened meanwhile.
            let answer = app.post("/users/login", &body).await;
            if answer.status == StatusCode::OK {
                break answer.tokens();
            }
        };
        let user = UserId::new(app.state.jwt().verify(&alice.access).unwrap().identity());
        // A connection that closes drops the request wherever it is.
        let logout = app.post_as("/users/logout?scope=all", &alice.access);
        drop(tokio::time::timeout(Duration::from_micros(millis * 500), logout).await);
        // What comes behind it in the writer's queue says that it is through.
        app.state.store().note_seen(&[]).await.unwrap();
        let living = app.state.store().sessions_of(&user, app.clock.now()).await.unwrap();
        let in_force = async {
            while app.get_as("/tests/secret", &alice.access).await.status == StatusCode::OK {
                tokio::task::yield_now().await;
            }
        };
        let refused = living.is_empty();
        if refused {
            tokio::time::timeout(Duration::from_secs(5), in_force).await.expect("durable, and not in force");
        }
        durable += usize::from(refused);
    }
    assert!(durable > 0);
}

#[tokio::test]
async fn an_unknown_scope_ends_nothing() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    for scope in ["?scope=everything", "?scope=", "?scope=ALL", "?Scope=all", "?scope=all&scope=others"] {
        let answer = app.post_as(&format!("/users/logout{scope}"), &alice.access).await;
        answer.says(400, "The scope of a logout is \"others\" or \"all\"");
    }
    assert_eq!(app.get_as("/tests/secret", &alice.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_fresh_token_says_nothing_of_a_pair_that_never_arrived() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    app.wait(60);
    let _lost = app.post_as("/users/refresh", &alice.refresh).await;
    let body = json!({"password": "password"});
    let fresh = post_json_as(&app, "/users/me/fresh", &alice.access, &body).await;
    let fresh = fresh.body["access_token"].as_str().unwrap().to_owned();
    assert_eq!(app.get_as("/tests/secret", &fresh).await.status, StatusCode::OK);
    app.wait(60);
    let answer = app.post_as("/users/refresh", &alice.refresh).await;
    assert_eq!((answer.status, answer.header("refresh-repeat")), (StatusCode::OK, "lost-answer"));
}

#[tokio::test]
async fn a_session_that_is_over_ends_no_other() {
    let settings = [("JWT_ACCESS_TOKEN_EXPIRES", "1h"), ("JWT_REFRESH_TOKEN_EXPIRES", "60s")];
    let app = TestApp::with(&settings).await;
    let over = app.register("alice").await;
    app.wait(61);
    let living = app.login("alice").await;
    app.post_as("/users/logout?scope=all", &over.access).await.says(401, "The session is over");
    assert_eq!(app.get_as("/tests/secret", &living.access).await.status, StatusCode::OK);
}
