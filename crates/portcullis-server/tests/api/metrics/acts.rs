//! What comes of what people do: one more of just that outcome.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::json;

use super::metrics;
use crate::support::{Exposition, Fault, TestApp, legacy, signed};

/// The outcomes of a counter that are not 0.
fn outcomes(all: &Exposition, name: &str) -> BTreeMap<String, u64> {
    let prefix = format!("portcullis_{name}_total{{outcome=\"");
    let some = all.series.iter().filter(|(_, count)| **count > 0.0);
    let of = some.filter_map(|(series, count)| {
        let outcome = series.strip_prefix(&prefix)?.strip_suffix("\"}")?;
        Some((outcome.to_owned(), count.to_string().parse().unwrap()))
    });
    of.collect()
}

fn counts<const N: usize>(expected: [(&str, u64); N]) -> BTreeMap<String, u64> {
    expected.into_iter().map(|(outcome, count)| (outcome.to_owned(), count)).collect()
}

#[tokio::test]
async fn logins() {
    // OBS-07
    let (app, faulty) =
        TestApp::with_faults_and(&[("LIMIT_LOGIN_BY_NAME", "3, 1/h"), ("DEVICE_COOKIE", "false")]).await;
    app.expect_errors();
    app.register("alice").await;
    app.login("alice").await;
    let login = |name: &'static str| json!({"username": name, "password": "wrong"});
    // Operators may know what no client learns: the events tell it, and these do not.
    for name in ["alice", "nobody"] {
        app.post("/users/login", &login(name)).await.says(401, "Wrong username or password");
    }
    faulty.fail(1, Fault::Before);
    assert_eq!(app.post("/users/login", &login("alice")).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(faulty.settle().await);
    let mut tries = 0;
    while app.post("/users/login", &login("alice")).await.status != StatusCode::TOO_MANY_REQUESTS {
        tries += 1;
        assert!(tries < 10);
    }
    let all = metrics(&app);
    let logins = outcomes(&all, "logins");
    assert_eq!((logins["accepted"], logins["unavailable"], logins["limited"]), (1, 1, 1));
    let failed = all.count("audit_events", "event", "authn_login_fail");
    assert_eq!(failed.to_string(), logins["refused"].to_string());
    assert_eq!(all.count("logins", "outcome", "failed").to_string(), "0");
}

#[tokio::test]
async fn registrations_and_logouts() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    let again = json!({"username": "alice", "password": "password"});
    assert_eq!(app.post("/users/registration", &again).await.status, StatusCode::CONFLICT);
    let other = app.login("alice").await;
    app.post_as("/users/logout", &alice.access).await;
    app.post_as("/users/logout?scope=all", &other.access).await;
    app.post_as("/users/logout?scope=all", &other.access).await;
    let all = metrics(&app);
    assert_eq!(outcomes(&all, "registrations"), counts([("accepted", 1), ("refused", 1)]));
    // The last one was refused by its guard, before anybody logged out.
    assert_eq!(outcomes(&all, "logouts"), counts([("accepted", 2)]));
}

#[tokio::test]
async fn refreshes_by_the_verdict_on_the_token() {
    let app = TestApp::new().await;
    let refresh = async |token: &str| app.post_as("/users/refresh", token).await;
    let alice = app.register("alice").await;
    app.wait(60);
    let second = refresh(&alice.refresh).await.tokens();
    assert_eq!(refresh(&alice.refresh).await.header("refresh-repeat"), "concurrent");
    app.wait(60);
    let lost = refresh(&alice.refresh).await;
    assert_eq!(lost.header("refresh-repeat"), "lost-answer");
    // Whoever holds the void head shows that somebody else has a copy.
    assert_eq!(refresh(&second.refresh).await.status, StatusCode::UNAUTHORIZED);
    let expected = [("rotated", 1), ("repeated_concurrent", 1), ("repeated_lost_answer", 1), ("replayed", 1)];
    assert_eq!(outcomes(&metrics(&app), "refreshes"), counts(expected));
    assert_eq!(metrics(&app).count("audit_events", "event", "authn_token_reuse").to_string(), "1");
}

#[tokio::test]
async fn refreshes_that_were_not_judged() {
    let (app, faulty) = TestApp::with_faults_and(&[("LIMIT_REFRESH_FAILURES", "1, 1/h")]).await;
    app.expect_errors();
    let alice = app.register("alice").await;
    faulty.fail(1, Fault::Before);
    let answer = app.post_as("/users/refresh", &alice.refresh).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(faulty.settle().await);
    let all = metrics(&app);
    assert_eq!(outcomes(&all, "refreshes"), counts([("unavailable", 1)]));
    let errors = "portcullis_store_call_duration_seconds_count{method=\"refresh_session\",outcome=\"error\"}";
    assert_eq!(all.of(errors).to_string(), "1");
}

#[tokio::test]
async fn a_refresh_token_of_the_flask_application_is_adopted_once() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    let token = signed(legacy(&app, app.id_of(&alice).as_str()));
    for _ in 0..2 {
        assert_eq!(app.post_as("/users/refresh", &token).await.status, StatusCode::OK);
    }
    let all = metrics(&app);
    assert_eq!(all.of("portcullis_refresh_tokens_adopted_total").to_string(), "1");
    assert_eq!(outcomes(&all, "refreshes").values().sum::<u64>(), 2);
}
