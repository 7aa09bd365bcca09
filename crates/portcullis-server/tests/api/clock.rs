//! A clock that is set wrong by an hour or a day, either way, and set right again (D9).
//!
//! Whoever reads a token goes by his own clock. What was ended stays so, whatever a clock says; what was not ended is not
//! lost over a clock that was wrong for a while.

use axum::http::StatusCode;
use portcullis::NumericDate;

use crate::support::{Answer, TestApp, Tokens};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

const STEPS: [i64; 4] = [-DAY, -HOUR, HOUR, DAY];

/// Long enough for a step of an hour, too short for one of a day.
const REFRESH_LIFETIME: i64 = 12 * HOUR;

const START: i64 = 1_900_000_000;

async fn service() -> TestApp {
    TestApp::with(&[("JWT_REFRESH_TOKEN_EXPIRES", "12h")]).await
}

/// Sets the clock as far from the right time; 0 sets it right.
fn off_by(app: &TestApp, seconds: i64) {
    app.clock.step_to(NumericDate::from_seconds(START + seconds));
}

async fn shown(app: &TestApp, tokens: &Tokens) -> Answer {
    app.get_as("/tests/secret", &tokens.access).await
}

async fn refreshed(app: &TestApp, tokens: &Tokens) -> Answer {
    app.post_as("/users/refresh", &tokens.refresh).await
}

#[tokio::test]
async fn a_token_is_good_between_its_times_by_the_clock_of_whoever_reads_it() {
    let app = service().await;
    let alice = app.register("alice").await;
    for step in STEPS {
        off_by(&app, step);
        let (access, refresh) = (shown(&app, &alice).await, refreshed(&app, &alice).await);
        if step < 0 {
            access.says(422, "The token is not yet valid (iat)");
            refresh.says(422, "The token is not yet valid (iat)");
        } else {
            access.says(401, "Token has expired");
            assert_eq!(refresh.status == StatusCode::OK, step < REFRESH_LIFETIME, "{step}");
        }
        off_by(&app, 0);
        assert_eq!(shown(&app, &alice).await.status, StatusCode::OK, "{step}");
    }
}

#[tokio::test]
async fn a_session_goes_on_when_the_clock_is_right_again() {
    for step in STEPS {
        let app = service().await;
        let alice = app.register("alice").await;
        off_by(&app, step);
        refreshed(&app, &alice).await;
        // Under the wrong clock people go on: what they get then is good then.
        let meanwhile = app.login("alice").await;
        assert_eq!(shown(&app, &meanwhile).await.status, StatusCode::OK, "{step}");
        let app = app.restarted().await;
        assert_eq!(shown(&app, &meanwhile).await.status, StatusCode::OK, "{step}");
        off_by(&app, 60);
        let app = app.restarted().await;
        assert_eq!(shown(&app, &alice).await.status, StatusCode::OK, "{step}");
        assert_eq!(refreshed(&app, &alice).await.status, StatusCode::OK, "{step}");
    }
}

#[tokio::test]
async fn what_was_ended_stays_so() {
    // CLM-21, DUR-17
    for step in STEPS {
        let app = service().await;
        let out = app.register("alice").await;
        let late_out = app.login("alice").await;
        let alone = app.state.jwt().access("alice").sign().unwrap().into_string();
        assert_eq!(app.post_as("/users/logout", &alone).await.status, StatusCode::NO_CONTENT);
        assert_eq!(app.post_as("/users/logout", &out.access).await.status, StatusCode::NO_CONTENT);
        off_by(&app, step);
        // One that has expired is genuine; one that is not good yet is none.
        let late = app.post_as("/users/logout", &late_out.access).await.status;
        assert_eq!(late == StatusCode::NO_CONTENT, step > 0, "{step}");
        let app = app.restarted().await;
        off_by(&app, 0);
        let app = app.restarted().await;
        app.get_as("/tests/secret", &alone).await.says(401, "Token has been revoked");
        shown(&app, &out).await.says(401, "Token has been revoked");
        refreshed(&app, &out).await.says(401, "Token has been revoked");
        let refused = shown(&app, &late_out).await.status == StatusCode::UNAUTHORIZED;
        assert_eq!(refused, step > 0, "{step}");
    }
}

#[tokio::test]
async fn a_start_under_a_clock_that_is_days_off_loses_nothing() {
    // DUR-17
    let app = service().await;
    let alice = app.register("alice").await;
    let alone = app.state.jwt().access("alice").sign().unwrap().into_string();
    assert_eq!(app.post_as("/users/logout", &alone).await.status, StatusCode::NO_CONTENT);
    off_by(&app, 3650 * DAY);
    let app = app.restarted().await;
    // All jobs have had their first round under that clock.
    let mut rounds = tokio::time::interval(portcullis_server::revocations::Revocations::POLL_EVERY);
    for _ in 0..3 {
        rounds.tick().await;
    }
    off_by(&app, 60);
    let app = app.restarted().await;
    app.get_as("/tests/secret", &alone).await.says(401, "Token has been revoked");
    assert_eq!(refreshed(&app, &alice).await.status, StatusCode::OK);
}
