//! What the parts know: the store, the hash workers, the revocation list, the audit trail, the program's state.

use axum::http::StatusCode;

use super::metrics;
use crate::support::{Exposition, Fault, TestApp};

/// A value as people read it.
fn value(all: &Exposition, series: &str) -> String {
    assert!(all.series.contains_key(series), "{series} is there");
    all.of(series).to_string()
}

#[tokio::test]
async fn calls_of_the_store_by_method_and_outcome() {
    let (app, faulty) = TestApp::with_faults().await;
    app.expect_errors();
    let alice = app.register("alice").await;
    let me = async || app.get_as("/users/me", &alice.access).await.status;
    let count = |outcome: &str| {
        let labels = format!("method=\"user_by_id\",outcome=\"{outcome}\"");
        format!("portcullis_store_call_duration_seconds_count{{{labels}}}")
    };
    assert!(!metrics(&app).series.contains_key(&count("ok")), "what nobody called is not there");
    assert_eq!(me().await, StatusCode::OK);
    let before = metrics(&app);
    assert_eq!((value(&before, &count("ok")), value(&before, &count("error"))), ("1".into(), "0".into()));
    faulty.fail(1, Fault::Before);
    assert_eq!(me().await, StatusCode::SERVICE_UNAVAILABLE);
    let after = metrics(&app);
    assert_eq!((value(&after, &count("ok")), value(&after, &count("error"))), ("1".into(), "1".into()));
}

#[tokio::test]
async fn hashes_are_timed_and_nobody_waits_when_all_is_done() {
    let app = TestApp::new().await;
    app.register("alice").await;
    app.login("alice").await;
    let all = metrics(&app);
    // One for the registration, one for the login.
    assert_eq!(value(&all, "portcullis_password_hash_duration_seconds_count"), "2");
    for name in ["hashes_waiting", "hashes_running", "hashes_turned_away_total"] {
        assert_eq!(value(&all, &format!("portcullis_password_{name}")), "0", "{name}");
    }
}

#[tokio::test]
async fn the_revocation_list_its_age_and_its_hearing() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    assert_eq!(value(&metrics(&app), "portcullis_revocation_entries"), "0");
    app.post_as("/users/logout", &alice.access).await;
    let all = metrics(&app);
    assert_eq!(value(&all, "portcullis_revocation_entries"), "1");
    assert_eq!(value(&all, "portcullis_revocation_hearing{state=\"good\"}"), "1");
    assert_eq!(value(&all, "portcullis_revocation_hearing{state=\"lost\"}"), "0");
    assert_eq!(value(&all, "portcullis_ready"), "1");
    assert!(all.of("portcullis_revocation_age_seconds") < 1.0);
    app.state.close().await;
    app.wait(100);
    let all = metrics(&app);
    assert_eq!(value(&all, "portcullis_revocation_age_seconds"), "100");
    assert_eq!(value(&all, "portcullis_ready"), "0");
}

#[tokio::test]
async fn audit_events_that_wait_and_those_that_are_written() {
    let app = TestApp::new().await;
    app.register("alice").await;
    app.login("alice").await;
    app.state.close().await;
    let all = metrics(&app);
    assert_eq!(value(&all, "portcullis_audit_events_waiting"), "0");
    assert_eq!(value(&all, "portcullis_audit_events_dropped_total"), "0");
    // The user's own event was written with the user.
    assert_eq!(value(&all, "portcullis_audit_events_written_total"), "2");
    for (event, count) in [("user_created", "1"), ("session_created", "1"), ("authn_login_success", "1")] {
        assert_eq!(all.count("audit_events", "event", event).to_string(), count, "{event}");
    }
}

#[tokio::test]
async fn what_runs_and_since_when() {
    let app = TestApp::new().await;
    let all = metrics(&app);
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(value(&all, &format!("portcullis_build_info{{version=\"{version}\"}}")), "1");
    assert_eq!(value(&all, "portcullis_process_start_time_seconds"), "1900000000");
}
