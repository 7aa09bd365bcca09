//! Registrations, and refreshes that fail.

use axum::http::{Method, Request, StatusCode, header};

use serde_json::json;

use super::{ELSEWHERE, HOME, as_bearer, from, limited, limited_with, log_in, register, seconds, tokens};
use crate::support::bearing;

#[tokio::test]
async fn registrations_of_an_address_are_three_and_three_an_hour() {
    // PWD-21, LOG-03
    let app = limited().await;
    register(&app, ELSEWHERE, "alice").await;
    tokens(&register(&app, HOME, "bob").await);
    register(&app, HOME, "alice").await.says(409, "The username is taken");
    tokens(&register(&app, HOME, "carol").await);
    // One whether or not the name is taken.
    assert_eq!(seconds(&register(&app, HOME, "alice").await), 1200);
    assert_eq!(seconds(&register(&app, HOME, "dave").await), 1200);
    tokens(&register(&app, ELSEWHERE, "dave").await);
    app.wait(1200);
    tokens(&register(&app, HOME, "erin").await);
    seconds(&register(&app, HOME, "frank").await);
}

#[tokio::test]
async fn a_setup_is_a_registration_and_a_wrong_secret_one_that_failed() {
    let app = limited().await;
    let body = json!({"secret": "a.b.c", "username": "root", "password": "password"});
    let set_up = async |address| {
        let request = bearing(Method::POST, "/admin/setup", None, Some(&body));
        app.send(from(address, request)).await
    };
    for _ in 0..3 {
        assert_eq!(set_up(HOME).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(seconds(&set_up(HOME).await), 1200);
    seconds(&register(&app, HOME, "bob").await);
    assert_eq!(set_up(ELSEWHERE).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn refreshes_that_fail_are_counted_and_others_are_not() {
    let app = limited_with(&[("REFRESH_REUSE_WINDOW", "0s")]).await;
    let alice = tokens(&register(&app, HOME, "alice").await);
    let bob = tokens(&register(&app, HOME, "bob").await);
    let refresh = async |token: &str| as_bearer(&app, Method::POST, "/users/refresh", token, None).await;
    let mut newest = alice.clone();
    for _ in 0..50 {
        newest = tokens(&refresh(&newest.refresh).await);
    }
    // A copy that is used again ends the session; from then on all of its tokens are void.
    let replayed = refresh(&alice.refresh).await;
    assert_eq!(replayed.status, StatusCode::UNAUTHORIZED, "{}", replayed.body);
    // Forged, of the wrong kind, void: ten of each but one.
    for _ in 0..10 {
        refresh(&format!("{}x", bob.refresh)).await;
        refresh(&bob.access).await;
    }
    for _ in 0..9 {
        assert_eq!(refresh(&newest.refresh).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(seconds(&refresh(&newest.refresh).await), 2);
    assert_eq!(seconds(&refresh(&bob.refresh).await), 2);
    let elsewhere = bearing(Method::POST, "/users/refresh", Some(&bob.refresh), None);
    let bob = tokens(&app.send(from(ELSEWHERE, elsewhere)).await);
    app.wait(2);
    tokens(&refresh(&bob.refresh).await);
}

#[tokio::test]
async fn a_refresh_without_a_token_or_caused_by_another_site_is_no_failure() {
    let app = limited_with(&[("JWT_TOKEN_LOCATION", "headers,cookies")]).await;
    let answer = register(&app, HOME, "alice").await;
    let cookies: Vec<_> =
        answer.cookies().iter().map(|line| line.split(';').next().unwrap().to_owned()).collect();
    for _ in 0..40 {
        let request = Request::post("/users/refresh").body(axum::body::Body::empty()).unwrap();
        assert_eq!(app.send(from(HOME, request)).await.status, StatusCode::UNAUTHORIZED);
        // Without the value that the page of another site cannot know.
        let request = Request::post("/users/refresh").header(header::COOKIE, cookies.join("; "));
        let answer = app.send(from(HOME, request.body(axum::body::Body::empty()).unwrap())).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.body);
    }
    let alice = tokens(&log_in(&app, HOME, "alice", "password").await);
    tokens(&as_bearer(&app, Method::POST, "/users/refresh", &alice.refresh, None).await);
}
