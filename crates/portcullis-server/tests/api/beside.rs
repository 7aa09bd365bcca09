//! Next to the Flask application on one database: what stands in its list of revoked tokens.

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use portcullis::{NumericDate, testing::Mint};
use portcullis_server::revocations::Revocations;
use serde_json::json;

use crate::support::{TestApp, Tokens, signed};

const REFRESH: &str = "/users/refresh";

async fn beside() -> TestApp {
    TestApp::with(&[("FLASK_BESIDE", "true")]).await
}

/// What the Flask application refuses by its list.
fn refused_there(app: &TestApp) -> BTreeSet<String> {
    let database = rusqlite::Connection::open(app.database()).unwrap();
    let mut found = database.prepare("SELECT jti FROM revoked_tokens").unwrap();
    let jtis = found.query_map([], |row| row.get(0)).unwrap();
    jtis.collect::<Result<_, _>>().unwrap()
}

/// The names of tokens. They are read and not verified, which would count as a use.
fn jtis<'t>(tokens: impl IntoIterator<Item = &'t String>) -> BTreeSet<String> {
    tokens.into_iter().map(|token| jti(token)).collect()
}

fn jti(token: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    claims["jti"].as_str().unwrap().to_owned()
}

async fn refreshed(app: &TestApp, token: &str) -> Tokens {
    let answer = app.post_as(REFRESH, token).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.tokens()
}

/// A fresh access token, for the password.
async fn fresh(app: &TestApp, access: &str) -> String {
    let request = Request::post("/users/me/fresh").header(header::AUTHORIZATION, format!("Bearer {access}"));
    let request = request.header(header::CONTENT_TYPE, "application/json");
    let body = Body::from(json!({"password": "password"}).to_string());
    let answer = app.send(request.body(body).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_replaced_refresh_token_is_refused_there_and_goes_by_the_rule_here() {
    let app = beside().await;
    let first = app.register("alice").await;
    app.wait(60);
    let second = refreshed(&app, &first.refresh).await;
    assert_eq!(refused_there(&app), jtis([&first.refresh]));
    // Also after the list was read again, as at a start.
    let mut app = app;
    app.restart().await;
    assert_eq!(refreshed(&app, &first.refresh).await.refresh, second.refresh, "a retry within the window");
    app.wait(60);
    let third = refreshed(&app, &first.refresh).await;
    assert_eq!(refused_there(&app), jtis([&first.refresh, &second.refresh, &second.access]));
    // What was void ends the session here, which a mere list would not.
    app.post_as(REFRESH, &second.refresh).await.says(401, "Token has been revoked");
    app.get_as("/tests/secret", &third.access).await.says(401, "Token has been revoked");
    assert!(refused_there(&app).is_superset(&jtis([&third.refresh, &third.access])));
}

#[tokio::test]
async fn every_token_of_an_ended_session_is_refused_there() {
    let app = beside().await;
    for scope in ["", "?scope=all"] {
        let first = if scope.is_empty() { app.register("alice").await } else { app.login("alice").await };
        // Right after a login the pair is given out again, with an access token of its own.
        let again = refreshed(&app, &first.refresh).await;
        let fresh = fresh(&app, &again.access).await;
        app.wait(60);
        let second = refreshed(&app, &first.refresh).await;
        let before = refused_there(&app);
        assert!(before.contains(&jti(&first.refresh)) && !before.contains(&jti(&second.refresh)));
        let answer = app.post_as(&format!("/users/logout{scope}"), &second.access).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        let all = [&first.access, &first.refresh, &again.access, &fresh, &second.access, &second.refresh];
        assert!(refused_there(&app).is_superset(&jtis(all)), "{scope}");
    }
}

#[tokio::test]
async fn a_displaced_session_is_refused_there() {
    let app = TestApp::with(&[("FLASK_BESIDE", "true"), ("SESSIONS_PER_USER", "1")]).await;
    let first = app.register("alice").await;
    app.wait(1);
    let second = app.login("alice").await;
    assert_eq!(refused_there(&app), jtis([&first.access, &first.refresh]));
    assert_eq!(app.get_as("/tests/secret", &second.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_adopted_token_is_refused_there_and_goes_by_the_rule_here() {
    let app = beside().await;
    let alice = app.register("alice").await;
    let alice = app.state.jwt().verify(&alice.access).unwrap().identity().to_owned();
    let now = NumericDate::from(app.state.clock().now()).seconds();
    let legacy = Mint::refresh(alice).claim("iat", now - 60).claim("exp", now + 1000);
    let legacy = signed(legacy);
    let first = refreshed(&app, &legacy).await;
    assert_eq!(refused_there(&app), jtis([&legacy]));
    assert_eq!(refreshed(&app, &legacy).await.refresh, first.refresh);
    assert_eq!(app.post_as("/users/logout", &first.access).await.status, StatusCode::NO_CONTENT);
    assert_eq!(refused_there(&app), jtis([&legacy, &first.access, &first.refresh]));
}

#[tokio::test]
async fn sessions_of_before_are_told_of_from_their_next_refresh_on() {
    let mut app = TestApp::new().await;
    let first = app.register("alice").await;
    app.restart_with(&[("FLASK_BESIDE", "true")]).await;
    app.wait(60);
    let second = refreshed(&app, &first.refresh).await;
    assert_eq!(app.post_as("/users/logout", &second.access).await.status, StatusCode::NO_CONTENT);
    assert_eq!(refused_there(&app), jtis([&first.refresh, &second.access, &second.refresh]));
}

#[tokio::test]
async fn what_could_not_be_told_is_told_after_a_start() {
    let mut app = beside().await;
    let tokens = app.register("alice").await;
    let session = app.state.jwt().verify(&tokens.access).unwrap().session().unwrap().id.to_owned();
    // Ended, and nobody told: the process was killed in between.
    let (id, reason) =
        (portcullis_server::model::SessionId::new(session), portcullis_server::model::EndReason::LoggedOut);
    app.state.store().end_session(&id, reason, app.state.clock().now()).await.unwrap();
    assert_eq!(refused_there(&app), BTreeSet::new());
    app.restart().await;
    let mut rhythm = tokio::time::interval(std::time::Duration::from_millis(10));
    let told = async {
        while refused_there(&app) != jtis([&tokens.access, &tokens.refresh]) {
            rhythm.tick().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), told).await.expect("it is told");
}

#[tokio::test]
async fn without_it_nothing_is_written_for_anybody() {
    let app = TestApp::new().await;
    let first = app.register("alice").await;
    app.wait(60);
    let second = refreshed(&app, &first.refresh).await;
    fresh(&app, &second.access).await;
    assert_eq!(app.post_as("/users/logout", &second.access).await.status, StatusCode::NO_CONTENT);
    assert_eq!(refused_there(&app), BTreeSet::new());
    let database = rusqlite::Connection::open(app.database()).unwrap();
    let kept = "SELECT count(*) FROM sessions WHERE access_tokens IS NOT NULL";
    assert_eq!(database.query_row(kept, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

#[tokio::test]
async fn a_session_of_before_is_told_of_when_it_ends_without_another_refresh() {
    for end in ["/users/logout", "/users/logout?scope=all", "password"] {
        let mut app = TestApp::new().await;
        let first = app.register("alice").await;
        app.restart_with(&[("FLASK_BESIDE", "true")]).await;
        if end == "password" {
            let other = app.login("alice").await;
            let request = Request::put("/users/me/password")
                .header(header::AUTHORIZATION, format!("Bearer {}", other.access))
                .header(header::CONTENT_TYPE, "application/json");
            let body = json!({"password": "password", "new_password": "another one"}).to_string();
            let answer = app.send(request.body(Body::from(body)).unwrap()).await;
            assert_eq!(answer.status, StatusCode::NO_CONTENT);
        } else {
            assert_eq!(app.post_as(end, &first.access).await.status, StatusCode::NO_CONTENT);
        }
        let refused = refused_there(&app);
        assert!(refused.is_superset(&jtis([&first.access, &first.refresh])), "{end}: {refused:?}");
    }
}

#[tokio::test]
async fn a_replaced_token_of_which_nobody_was_told_is_refused_there_after_the_next_refresh() {
    let app = beside().await;
    let first = app.register("alice").await;
    let claims = app.state.jwt().verify(&first.access).unwrap();
    let id = portcullis_server::model::SessionId::new(claims.session().unwrap().id);
    app.wait(60);
    // The use is durable, and the process was killed before it told.
    let now = app.state.clock().now();
    let use_of_it = portcullis_server::sessions::Refresh {
        presented: portcullis_server::model::RefreshId { generation: 1, jti: jti(&first.refresh) },
        seen: 0,
        next: portcullis_server::model::NextHead {
            refresh_jti: "lost refresh".to_owned(),
            access_jti: "lost access".to_owned(),
            issued_by: NumericDate::from(now),
            access_lifetime: std::time::Duration::from_mins(15),
            refresh_lifetime: std::time::Duration::from_mins(150),
        },
        policy: app.state.accounts().policy().refresh,
    };
    app.state.store().refresh_session(&id, &use_of_it, now).await.unwrap();
    // The client tries again, and goes on.
    let second = refreshed(&app, &first.refresh).await;
    app.wait(60);
    let third = refreshed(&app, &second.refresh).await;
    assert_eq!(app.post_as("/users/logout", &third.access).await.status, StatusCode::NO_CONTENT);
    assert!(refused_there(&app).is_superset(&jtis([&first.refresh, &second.refresh, &third.refresh])));
}

#[tokio::test]
async fn what_was_logged_out_there_is_not_reissued_to_who_has_an_older_token() {
    let app = beside().await;
    let first = app.register("alice").await;
    app.wait(60);
    // Its access token is used there alone, and its owner logs out there.
    let second = refreshed(&app, &first.refresh).await;
    let database = rusqlite::Connection::open(app.database()).unwrap();
    for token in [&second.access, &second.refresh] {
        let sql = "INSERT INTO revoked_tokens (jti, created_at) VALUES (?1, 0)";
        database.execute(sql, [jti(token)]).unwrap();
    }
    // Heard, though nobody has shown anything of that pair here.
    let mut polls = tokio::time::interval(Revocations::POLL_EVERY);
    for _ in 0..3 {
        polls.tick().await;
    }
    app.wait(60);
    app.post_as(REFRESH, &first.refresh).await.says(401, "Token has been revoked");
}
