//! Refresh tokens that the Flask application gave out, which know no sessions.

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use portcullis::{NumericDate, testing::Mint};
use portcullis_server::{
    model::{Revocation, RevokedToken},
    store::Expired,
};
use serde_json::json;

use crate::support::{Answer, TestApp, Tokens, legacy, signed};

const REFRESH: &str = "/users/refresh";
const LOGOUT: &str = "/users/logout";
const DAY: i64 = 86_400;

fn now(app: &TestApp) -> i64 {
    NumericDate::from(app.state.clock().now()).seconds()
}

/// As 3.18 makes it.
fn legacy_of_3(app: &TestApp, identity: impl Into<serde_json::Value>) -> Mint {
    legacy(app, "").without("sub").without("fresh").without("csrf").claim("identity", identity.into())
}

/// Somebody with an account here, by the id.
async fn id_of_new_user(app: &TestApp, username: &str) -> String {
    let tokens = app.register(username).await;
    app.state.jwt().verify(&tokens.access).unwrap().identity().to_owned()
}

async fn refreshed(app: &TestApp, token: &str) -> Tokens {
    let answer = app.post_as(REFRESH, token).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.tokens()
}

async fn post_json_as(app: &TestApp, path: &str, token: &str, body: &serde_json::Value) -> Answer {
    let request = Request::post(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
    let request = request.header(header::CONTENT_TYPE, "application/json");
    app.send(request.body(Body::from(body.to_string())).unwrap()).await
}

fn is_over(answer: &Answer) {
    answer.says(401, "Token has been revoked");
}

#[tokio::test]
async fn it_becomes_a_session_that_goes_on_by_the_rule() {
    let app = TestApp::new().await;
    let alice = id_of_new_user(&app, "alice").await;
    for token in [signed(legacy(&app, &alice)), signed(legacy_of_3(&app, alice.as_str()))] {
        let answer = app.post_as(REFRESH, &token).await;
        assert_eq!((answer.status, answer.header("refresh-repeat")), (StatusCode::OK, ""), "{}", answer.body);
        let first = answer.tokens();
        // A retry within the window: the same pair.
        let answer = app.post_as(REFRESH, &token).await;
        assert_eq!(answer.header("refresh-repeat"), "concurrent");
        assert_eq!(answer.tokens().refresh, first.refresh);
        // Later: the answer was lost.
        app.wait(60);
        let answer = app.post_as(REFRESH, &token).await;
        assert_eq!(answer.header("refresh-repeat"), "lost-answer");
        let second = answer.tokens();
        is_over(&app.get_as("/tests/secret", &first.access).await);
        app.wait(60);
        let third = refreshed(&app, &second.refresh).await;
        let claims = app.state.jwt().verify(&third.access).unwrap();
        assert_eq!((claims.identity(), claims.freshness()), (alice.as_str(), portcullis::Freshness::Stale));
        let session = claims.session().unwrap();
        assert_eq!((session.id.len(), session.generation), (22, 3));
        // After that it is a copy of somebody's.
        app.wait(60);
        is_over(&app.post_as(REFRESH, &token).await);
        is_over(&app.post_as(REFRESH, &third.refresh).await);
        is_over(&app.get_as("/tests/secret", &third.access).await);
        is_over(&app.post_as(REFRESH, &token).await);
    }
}

#[tokio::test]
async fn one_that_was_given_out_a_moment_ago_is_no_repeat() {
    let app = TestApp::new().await;
    let alice = id_of_new_user(&app, "alice").await;
    let token = signed(legacy(&app, &alice).claim("iat", now(&app)).claim("nbf", now(&app)));
    let first = refreshed(&app, &token).await;
    assert_ne!(first.refresh, token);
    assert_eq!(app.state.jwt().verify(&first.access).unwrap().session().unwrap().generation, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_uses_at_once_all_get_one_pair() {
    for uses in [10, 100] {
        let app = TestApp::new().await;
        let alice = id_of_new_user(&app, "alice").await;
        let token = signed(legacy(&app, &alice));
        let answers = app.at_once(uses, REFRESH, &token).await;
        let pairs: BTreeSet<_> =
            answers.iter().map(|answer| (answer.tokens().access, answer.tokens().refresh)).collect();
        let rotated = answers.iter().filter(|answer| answer.header("refresh-repeat").is_empty()).count();
        assert_eq!((pairs.len(), rotated), (1, 1), "{uses} uses");
        let listed = app.get_as("/users/me/sessions", &answers[0].tokens().access).await;
        assert_eq!(listed.body["sessions"].as_array().unwrap().len(), 2, "the registration's and this one");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_patience_one_of_many_uses_at_once_succeeds() {
    let app = TestApp::with(&[("REFRESH_REUSE_WINDOW", "0"), ("REFRESH_LOST_ANSWER", "refuse")]).await;
    let alice = id_of_new_user(&app, "alice").await;
    let answers = app.at_once(100, REFRESH, &signed(legacy(&app, &alice))).await;
    let (done, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == StatusCode::OK);
    assert_eq!((done.len(), refused.len()), (1, 99));
    refused.into_iter().for_each(is_over);
}

#[tokio::test]
async fn what_the_flask_application_has_revoked_is_refused() {
    let mut app = TestApp::new().await;
    let alice = id_of_new_user(&app, "alice").await;
    let token = signed(legacy(&app, &alice).claim("jti", "revoked there"));
    let entry = RevokedToken { jti: "revoked there".into(), expires_at: None };
    // As a node finds it at its start.
    app.state.store().revoke(Revocation::Token(entry), app.state.clock().now()).await.unwrap();
    app.restart().await;
    is_over(&app.post_as(REFRESH, &token).await);
}

#[tokio::test]
async fn a_logout_with_it_is_for_good_before_and_after() {
    let mut app = TestApp::new().await;
    let alice = id_of_new_user(&app, "alice").await;
    let unused = signed(legacy(&app, &alice));
    let used = signed(legacy(&app, &alice));
    let pair = refreshed(&app, &used).await;
    for _ in 0..2 {
        for token in [&unused, &used] {
            assert_eq!(app.post_as(LOGOUT, token).await.status, StatusCode::NO_CONTENT);
            is_over(&app.post_as(REFRESH, token).await);
        }
    }
    is_over(&app.get_as("/tests/secret", &pair.access).await);
    is_over(&app.post_as(REFRESH, &pair.refresh).await);
    app.restart().await;
    for token in [&unused, &used, &pair.refresh] {
        is_over(&app.post_as(REFRESH, token).await);
    }
    is_over(&app.get_as("/tests/secret", &pair.access).await);
}

#[tokio::test]
async fn a_logout_ends_no_other_session() {
    let app = TestApp::with(&[("SESSIONS_PER_USER", "1")]).await;
    let tokens = app.register("alice").await;
    let alice = app.state.jwt().verify(&tokens.access).unwrap().identity().to_owned();
    assert_eq!(app.post_as(LOGOUT, &signed(legacy(&app, &alice))).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.get_as("/tests/secret", &tokens.access).await.status, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_that_races_a_refresh_leaves_nothing_alive() {
    let app = TestApp::new().await;
    let alice = id_of_new_user(&app, "alice").await;
    for round in 0..20 {
        let token = signed(legacy(&app, &alice));
        let uses = app.at_once(4, REFRESH, &token);
        let logout = app.at_once(1, LOGOUT, &token);
        let (uses, logout) = if round % 2 == 0 {
            tokio::join!(uses, logout)
        } else {
            let (l, u) = tokio::join!(logout, uses);
            (u, l)
        };
        assert_eq!(logout[0].status, StatusCode::NO_CONTENT);
        for answer in uses.iter().filter(|answer| answer.status == StatusCode::OK) {
            is_over(&app.get_as("/tests/secret", &answer.tokens().access).await);
            is_over(&app.post_as(REFRESH, &answer.tokens().refresh).await);
        }
        is_over(&app.post_as(REFRESH, &token).await);
    }
}

#[tokio::test]
async fn it_can_be_refused() {
    let app = TestApp::with(&[("LEGACY_REFRESH", "refuse")]).await;
    let alice = id_of_new_user(&app, "alice").await;
    let token = signed(legacy(&app, &alice));
    is_over(&app.post_as(REFRESH, &token).await);
    assert_eq!(app.post_as(LOGOUT, &token).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn the_user_is_found_by_the_rule_for_identities() {
    let app = TestApp::with(&[("JWT_IDENTITY", "username")]).await;
    app.register("Alice").await;
    for token in [signed(legacy(&app, "Alice")), signed(legacy_of_3(&app, "Alice"))] {
        let pair = refreshed(&app, &token).await;
        assert_eq!(app.state.jwt().verify(&pair.access).unwrap().identity(), "Alice");
    }
    // Nobody's, another spelling's, whose user may have been another, and what is no name.
    for identity in ["bob", "alice", "", "\u{0}", &"x".repeat(5000)] {
        is_over(&app.post_as(REFRESH, &signed(legacy(&app, identity))).await);
    }
    is_over(&app.post_as(REFRESH, &signed(legacy_of_3(&app, 42))).await);
    for identity in [json!({"id": 1}), json!(["Alice"]), json!(true), json!(null), json!(1.5)] {
        let answer = app.post_as(REFRESH, &signed(legacy_of_3(&app, identity.clone()))).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{identity}: {}", answer.body);
    }
}

#[tokio::test]
async fn two_tokens_of_one_name_are_one_users() {
    let app = TestApp::new().await;
    let (alice, bob) = (id_of_new_user(&app, "alice").await, id_of_new_user(&app, "bob").await);
    let token = |identity| signed(legacy(&app, identity).claim("jti", "the same"));
    let pair = refreshed(&app, &token(&alice)).await;
    is_over(&app.post_as(REFRESH, &token(&bob)).await);
    assert_eq!(app.get_as("/tests/secret", &pair.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn it_is_never_adopted_again_while_it_lives() {
    let settings = [("SESSION_MAX_AGE", "1h"), ("JWT_REQUIRED_CLAIMS", "jti,type")];
    let mut app = TestApp::with(&settings).await;
    let alice = id_of_new_user(&app, "alice").await;
    let year = signed(legacy(&app, &alice).claim("exp", now(&app) + 365 * DAY));
    let for_good = signed(legacy(&app, &alice).without("exp"));
    let far = signed(legacy(&app, &alice).claim("exp", 1_i64 << 52));
    for token in [&year, &for_good, &far] {
        let pair = refreshed(&app, token).await;
        app.wait(60);
        refreshed(&app, &pair.refresh).await;
    }
    app.wait(300 * 86_400);
    let before = NumericDate::from_seconds(now(&app) - DAY);
    app.state.store().purge(Expired::Sessions, before, 1000).await.unwrap();
    app.restart().await;
    for token in [&year, &for_good, &far] {
        is_over(&app.post_as(REFRESH, token).await);
    }
}

#[tokio::test]
async fn all_sessions_end_with_the_adopted_ones() {
    let app = TestApp::new().await;
    let tokens = app.register("alice").await;
    let alice = app.state.jwt().verify(&tokens.access).unwrap().identity().to_owned();
    let token = signed(legacy(&app, &alice));
    let pair = refreshed(&app, &token).await;
    let answer = app.post_as("/users/logout?scope=all", &pair.access).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    for token in [&pair.refresh, &token, &tokens.refresh] {
        is_over(&app.post_as(REFRESH, token).await);
    }
}

#[tokio::test]
async fn an_access_token_of_the_flask_application_opens_what_needs_no_session() {
    let app = TestApp::new().await;
    let alice = id_of_new_user(&app, "alice").await;
    let now = now(&app);
    let access = |identity: &str| Mint::access(identity).claim("iat", now).claim("exp", now + 900);
    let of_3 = access("").without("sub").claim("identity", alice.as_str());
    for token in [signed(access(&alice)), signed(of_3)] {
        assert_eq!(app.get_as("/tests/secret", &token).await.status, StatusCode::OK);
        assert_eq!(app.get_as("/users/me", &token).await.body["username"], "alice");
        let sessions = app.get_as("/users/me/sessions", &token).await;
        assert_eq!(sessions.body["sessions"][0]["current"], false, "{}", sessions.body);
        app.post_as(REFRESH, &token).await.says(422, "Only refresh tokens are allowed");
        // These are of a session's tokens.
        app.post_as("/users/logout?scope=all", &token).await.says(401, "The session is over");
        let fresh = post_json_as(&app, "/users/me/fresh", &token, &json!({"password": "password"})).await;
        fresh.says(401, "The session is over");
        assert_eq!(app.post_as(LOGOUT, &token).await.status, StatusCode::NO_CONTENT);
        is_over(&app.get_as("/tests/secret", &token).await);
    }
}

#[tokio::test]
async fn tokens_that_never_expire_stay_ended_with_all_others() {
    let mut app = TestApp::with(&[("JWT_REQUIRED_CLAIMS", "jti,type")]).await;
    let tokens = app.register("alice").await;
    let alice = app.state.jwt().verify(&tokens.access).unwrap().identity().to_owned();
    let refresh = signed(legacy(&app, &alice).without("exp"));
    let access = signed(Mint::access(alice.as_str()).claim("iat", now(&app) - 60).without("exp"));
    assert_eq!(app.get_as("/tests/secret", &access).await.status, StatusCode::OK);
    let answer = app.post_as("/users/logout?scope=all", &tokens.access).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    is_over(&app.get_as("/tests/secret", &access).await);
    app.wait(92 * 86_400);
    let before = NumericDate::from_seconds(now(&app) - DAY);
    app.state.store().purge(Expired::Revocations, before, 1000).await.unwrap();
    app.restart().await;
    is_over(&app.get_as("/tests/secret", &access).await);
    is_over(&app.post_as(REFRESH, &refresh).await);
}

#[tokio::test]
async fn a_number_is_nobodys_name() {
    let app = TestApp::with(&[("JWT_IDENTITY", "username")]).await;
    app.register("42").await;
    is_over(&app.post_as(REFRESH, &signed(legacy_of_3(&app, 42))).await);
    let access = Mint::access("").without("sub").claim("identity", 42);
    let access = signed(access.claim("iat", now(&app)).claim("exp", now(&app) + 900));
    app.get_as("/users/me", &access).await.says(401, "The session is over");
}

#[tokio::test]
async fn one_that_lives_longer_than_ours_stays_over_after_a_logout_of_all() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    let identity = app.state.jwt().verify(&alice.access).unwrap().identity().to_owned();
    let token = signed(legacy(&app, &identity).claim("exp", now(&app) + 365 * DAY));
    let logout = app.post_as("/users/logout?scope=all", &alice.access).await;
    assert_eq!(logout.status, StatusCode::NO_CONTENT);
    is_over(&app.post_as(REFRESH, &token).await);
    app.wait(92 * 86_400);
    let app = app.restarted().await;
    is_over(&app.post_as(REFRESH, &token).await);
}
