//! What one process revokes, another refuses; and what a node does that hears nothing.

use std::{fs, process::Command, time::Duration};

use axum::http::StatusCode;
use portcullis::{Clock as _, NumericDate, Require};
use portcullis_server::{
    model::{EndReason, Revocation, RevokedToken, SessionId},
    store::{Store, sqlite::SqliteStore},
};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::{SEED_LINE, Server, TestApp, instance};

#[tokio::test]
async fn what_is_revoked_beside_the_server_is_refused_by_it() {
    let app = TestApp::new().await;
    let [by_session, by_token, untouched] =
        [app.register("alice").await, app.login("alice").await, app.login("alice").await];
    let beside = SqliteStore::open_beside(&app.database()).unwrap();
    let claims = |token: &str| app.state.jwt().verify(token).unwrap();
    let session = SessionId::new(claims(&by_session.access).session().unwrap().id);
    let now = app.clock.now();
    beside.end_session(&session, EndReason::LoggedOut, now).await.unwrap();
    app.comes_to(401, &by_session.access).await;
    app.post_as("/users/refresh", &by_session.refresh).await.says(401, "Token has been revoked");
    let jti = claims(&by_token.access).jti().unwrap().to_owned();
    beside.revoke(Revocation::Token(RevokedToken { jti, expires_at: None }), now).await.unwrap();
    app.comes_to(401, &by_token.access).await;
    assert_eq!(app.get_as("/tests/secret", &untouched.access).await.status, StatusCode::OK);

    beside.revoke(Revocation::All { before: NumericDate::from(now) }, now).await.unwrap();
    app.comes_to(401, &untouched.access).await;
    beside.close().await;
}

#[tokio::test]
async fn a_second_process_that_writes_the_file_is_heard_by_the_running_server() {
    let folder = instance(SEED_LINE);
    let server = Server::seed(folder.path());
    let alice = json!({"username": "alice", "password": "test"});
    let (_, tokens) = server.post("/users/registration", &alice);
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(server.bearer("GET", "/tests/secret", access).0, 200);
    let shell = "import sqlite3, sys\n\
                 with sqlite3.connect(sys.argv[1], timeout=10) as shell:\n    \
                 shell.execute(\"UPDATE sessions SET ended_at = 0, end_reason = 'logged_out'\")\n";
    let (_, file) = server.ready.trim_end_matches(')').split_once("store sqlite:").unwrap();
    let written = Command::new("python3").args(["-c", shell]).arg(file).status();
    assert!(written.unwrap().success());
    let revoked = (401, json!({"msg": "Token has been revoked"}));
    // A second, and what a busy machine adds.
    let heard = tokio::time::timeout(Duration::from_secs(4), async {
        let mut rhythm = tokio::time::interval(Duration::from_millis(50));
        while server.bearer("GET", "/tests/secret", access) != revoked {
            rhythm.tick().await;
        }
    });
    heard.await.expect("it hears");
    server.signal("TERM");
    assert!(server.wait().success());
}

#[tokio::test]
async fn a_node_that_hears_nothing_is_degraded_then_refuses_to_guess_and_recovers_by_itself() {
    // BRR-10
    let app = TestApp::with(&[("REVOCATION_MAX_STALENESS", "60s")]).await;
    app.expect_errors();
    let (alice, ended) = (app.register("alice").await, app.login("alice").await);
    app.post_as("/users/logout", &ended.access).await;
    // The store answers, and its feed cannot be read.
    let shell = Connection::open(app.database()).unwrap();
    shell.execute_batch("ALTER TABLE revocation_log RENAME TO taken_away").unwrap();
    let ready = async |expected: (u16, Value)| {
        let mut rhythm = tokio::time::interval(Duration::from_millis(5));
        loop {
            rhythm.tick().await;
            let answer = app.get("/readyz").await;
            if (answer.status.as_u16(), &answer.body) == (expected.0, &expected.1) {
                break;
            }
        }
    };
    let soon = Duration::from_secs(10);
    let degraded = ready((200, json!({"status": "ready", "degraded": "revocations"})));
    tokio::time::timeout(soon, degraded).await.expect("it says so");
    assert_eq!(app.get_as("/tests/secret", &alice.access).await.status, StatusCode::OK);

    app.wait(61);
    app.comes_to(503, &alice.access).await;
    let answer = app.get_as("/tests/secret", &alice.access).await;
    assert_eq!(answer.header("retry-after"), "1");
    answer.says(503, "Tokens cannot be checked at the moment");
    assert_eq!(app.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    // What is known stays known, what needs no token goes on, and a logout is taken.
    app.get_as("/tests/secret", &ended.access).await.says(401, "Token has been revoked");
    assert_eq!(app.get("/tests/hello").await.status, StatusCode::OK);
    assert_eq!(app.post_as("/users/logout", &ended.access).await.status, StatusCode::NO_CONTENT);

    shell.execute_batch("ALTER TABLE taken_away RENAME TO revocation_log").unwrap();
    app.comes_to(200, &alice.access).await;
    tokio::time::timeout(soon, ready((200, json!({"status": "ready"})))).await.expect("it is well again");
}

#[cfg(unix)]
#[tokio::test]
async fn a_file_that_goes_away_and_comes_back_is_heard_again() {
    let app = TestApp::new().await;
    app.expect_errors();
    let alice = app.register("alice").await;
    let aside = app.database().with_extension("aside");
    fs::rename(app.database(), &aside).unwrap();
    app.wait(301);
    app.comes_to(503, &alice.access).await;
    fs::rename(&aside, app.database()).unwrap();
    app.comes_to(200, &alice.access).await;
}

#[tokio::test]
async fn a_logout_of_several_sessions_ends_the_tokens_that_are_of_none() {
    for scope in ["others", "all"] {
        let app = TestApp::new().await;
        let (alice, bob) = (app.register("alice").await, app.register("bob").await);
        let identity = |token: &str| app.state.jwt().verify(token).unwrap().identity().to_owned();
        // As another application with the same secret gives them out.
        let theirs = app.state.jwt().access(identity(&alice.access)).sign().unwrap();
        let refresh = app.state.jwt().refresh(identity(&alice.access)).sign().unwrap();
        let bobs = app.state.jwt().access(identity(&bob.access)).sign().unwrap();
        assert_eq!(app.get_as("/tests/secret", theirs.as_str()).await.status, StatusCode::OK);
        let logout = app.post_as(&format!("/users/logout?scope={scope}"), &alice.access).await;
        assert_eq!(logout.status, StatusCode::NO_CONTENT);
        app.get_as("/tests/secret", theirs.as_str()).await.says(401, "Token has been revoked");
        let checked = app.state.jwt().verify_as(refresh.as_str(), Require::refresh());
        assert_eq!(checked.unwrap_err(), portcullis::AuthError::Revoked);
        assert_eq!(app.get_as("/tests/secret", bobs.as_str()).await.status, StatusCode::OK);
        let own = app.get_as("/tests/secret", &alice.access).await.status;
        assert_eq!(own == StatusCode::OK, scope == "others");
        // What is given out after it holds.
        app.wait(61);
        let later = app.state.jwt().access(identity(&bob.access)).sign().unwrap();
        assert_eq!(app.get_as("/tests/secret", later.as_str()).await.status, StatusCode::OK);
        let later = app.state.jwt().access(identity_of(&app, "alice").await).sign().unwrap();
        assert_eq!(app.get_as("/tests/secret", later.as_str()).await.status, StatusCode::OK);
    }
}

async fn identity_of(app: &TestApp, name: &str) -> String {
    let tokens = app.login(name).await;
    app.state.jwt().verify(&tokens.access).unwrap().identity().to_owned()
}
