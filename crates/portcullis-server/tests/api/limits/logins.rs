//! Logins, and whatever else asks for a password.

use axum::http::{HeaderMap, Method, StatusCode};
use portcullis_server::{
    app as service,
    model::{EventKind, EventQuery},
};
use serde_json::json;
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::{
    AS_IN_PRODUCTION, ELSEWHERE, HOME, as_bearer, botnet, guesses, limited, limited_with, log_in,
    login_request, register, seconds, tokens,
};
use crate::support::{Answer, Fault, TestApp};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_guesses_at_once_are_five() {
    // LOG-10
    let app = limited().await;
    register(&app, ELSEWHERE, "alice").await;
    let mut guesses = JoinSet::new();
    for _ in 0..100 {
        let service = service(&app.state);
        guesses.spawn(async move {
            service.oneshot(login_request(HOME, "alice", "wrong")).await.unwrap().status()
        });
    }
    let statuses = guesses.join_all().await;
    let count = |wanted: StatusCode| statuses.iter().filter(|status| **status == wanted).count();
    assert_eq!((count(StatusCode::UNAUTHORIZED), count(StatusCode::TOO_MANY_REQUESTS)), (5, 95));
}

#[tokio::test]
async fn a_name_that_is_known_and_one_that_is_not_are_turned_away_alike() {
    // LOG-09
    for style in ["flask-3", "flask-4", "problem"] {
        let app = limited_with(&[("ERROR_STYLE", style)]).await;
        register(&app, ELSEWHERE, "alice").await;
        let headers = |answer: &Answer| {
            let mut headers: HeaderMap = answer.headers.clone();
            headers.remove("x-request-id").unwrap();
            headers
        };
        for tries in 0..8 {
            let known = log_in(&app, HOME, "alice", "wrong").await;
            let unknown = log_in(&app, HOME, "nobody", "wrong").await;
            let odd = log_in(&app, HOME, "no name at all", "wrong").await;
            assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
            assert_eq!((headers(&known), &unknown.body), (headers(&unknown), &odd.body));
            assert_eq!(headers(&known), headers(&odd));
            assert_eq!(known.status == StatusCode::TOO_MANY_REQUESTS, tries >= 5, "{tries}");
        }
        let answer = log_in(&app, HOME, "alice", "password").await;
        assert_eq!(answer.header("retry-after"), "60");
        let text = answer.body[if style == "problem" { "detail" } else { "msg" }].as_str();
        assert_eq!(text, Some("Too many tries: wait before the next one"), "{style}");
    }
}

#[tokio::test]
async fn the_next_try_is_let_in_after_the_time_that_was_said() {
    // LOG-09
    let app = limited().await;
    register(&app, ELSEWHERE, "alice").await;
    assert_eq!(guesses(&app, HOME, "alice").await, 5);
    let wait = seconds(&log_in(&app, HOME, "alice", "password").await);
    app.wait(wait - 1);
    assert_eq!(seconds(&log_in(&app, HOME, "alice", "password").await), 1);
    app.wait(1);
    tokens(&log_in(&app, HOME, "alice", "password").await);
}

#[tokio::test]
async fn a_success_gives_back_what_it_took_and_nothing_more() {
    let app = limited().await;
    register(&app, ELSEWHERE, "alice").await;
    for _ in 0..3 {
        log_in(&app, HOME, "alice", "wrong").await.says(401, "Wrong username or password");
    }
    for _ in 0..60 {
        tokens(&log_in(&app, HOME, "alice", "password").await);
    }
    assert_eq!(guesses(&app, HOME, "alice").await, 2);
}

#[tokio::test]
async fn what_a_store_that_does_not_answer_turned_away_takes_nothing() {
    let (app, faulty) = TestApp::with_faults_and(&AS_IN_PRODUCTION).await;
    app.expect_errors();
    register(&app, HOME, "alice").await;
    for tries in 0..40 {
        // The look-up, or the session.
        faulty.fail(1 + tries % 2, Fault::Before);
        let answer = log_in(&app, HOME, "alice", "password").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    tokens(&log_in(&app, HOME, "alice", "password").await);
}

#[tokio::test]
async fn a_lock_is_no_way_to_find_out_a_password() {
    // LOG-06: while an account is locked, right and wrong passwords are limited alike.
    let app = limited().await;
    register(&app, ELSEWHERE, "alice").await;
    for host in 0..8 {
        log_in(&app, &format!("203.0.113.{host}"), "alice", "wrong").await;
    }
    for _ in 0..5 {
        log_in(&app, HOME, "alice", "password").await.says(401, "Wrong username or password");
    }
    seconds(&log_in(&app, HOME, "alice", "password").await);
}

#[tokio::test]
async fn a_name_is_limited_from_everywhere_and_spraying_blocks_an_address() {
    // LOG-07, LOG-08
    let app = limited().await;
    register(&app, ELSEWHERE, "alice").await;
    register(&app, ELSEWHERE, "bob").await;
    botnet(&app, "alice").await;
    assert_eq!(seconds(&log_in(&app, HOME, "alice", "password").await), 60);
    tokens(&log_in(&app, HOME, "bob", "password").await);
    for number in 0..20 {
        let answer = log_in(&app, "192.0.2.66", &format!("user{number}"), "password").await;
        answer.says(401, "Wrong username or password");
    }
    assert_eq!(seconds(&log_in(&app, "192.0.2.66", "bob", "password").await), 900);
    tokens(&log_in(&app, HOME, "bob", "password").await);
    app.wait(900);
    tokens(&log_in(&app, "192.0.2.66", "bob", "password").await);
}

#[tokio::test]
async fn addresses_of_one_network_of_ipv6_are_one() {
    // LOG-11
    let app = limited().await;
    for host in 1..=5 {
        log_in(&app, &format!("2001:db8:0:1::{host}"), "alice", "wrong")
            .await
            .says(401, "Wrong username or password");
    }
    seconds(&log_in(&app, "2001:db8:0:1:ffff::1", "alice", "wrong").await);
    log_in(&app, "2001:db8:0:2::1", "alice", "wrong").await.says(401, "Wrong username or password");
}

#[tokio::test]
async fn every_act_that_asks_for_a_password_has_the_same_limit() {
    // PWD-08, BRR-27
    let app = limited().await;
    let alice = tokens(&register(&app, ELSEWHERE, "alice").await);
    let (fresh, change) = ("/users/me/fresh", "/users/me/password");
    let wrong = json!({"password": "wrong"});
    let two_wrong = json!({"password": "wrong", "new_password": "a new password"});
    for _ in 0..3 {
        as_bearer(&app, Method::POST, fresh, &alice.access, Some(&wrong))
            .await
            .says(401, "Wrong username or password");
    }
    // Two passwords are looked at here, and two are taken.
    let answer = as_bearer(&app, Method::PUT, change, &alice.access, Some(&two_wrong)).await;
    answer.says(401, "Wrong username or password");
    let right = json!({"password": "password"});
    assert_eq!(seconds(&as_bearer(&app, Method::POST, fresh, &alice.access, Some(&right)).await), 60);
    let right = json!({"password": "password", "new_password": "a new password"});
    assert_eq!(seconds(&as_bearer(&app, Method::PUT, change, &alice.access, Some(&right)).await), 60);
    app.wait(60);
    let answer = as_bearer(&app, Method::PUT, change, &alice.access, Some(&right)).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.body);
}

#[tokio::test]
async fn limits_that_are_off_let_all_through() {
    let app = limited_with(&[("LIMITS", "off")]).await;
    for number in 0..10 {
        tokens(&register(&app, HOME, &format!("user{number}")).await);
    }
    for number in 0..60 {
        let name = format!("user{}", number % 30);
        log_in(&app, HOME, &name, "wrong").await.says(401, "Wrong username or password");
    }
    for _ in 0..20 {
        log_in(&app, HOME, "user1", "wrong").await.says(401, "Wrong username or password");
    }
    // Nor is an account locked.
    tokens(&log_in(&app, HOME, "user1", "password").await);
}

#[tokio::test]
async fn who_turns_limits_off_turns_off_the_locks_that_there_are() {
    let mut app = limited().await;
    register(&app, HOME, "alice").await;
    botnet(&app, "alice").await;
    app.restart_with(&[&AS_IN_PRODUCTION[..], &[("LIMITS", "off")]].concat()).await;
    let answer = log_in(&app, HOME, "alice", "password").await;
    tokens(&answer);
    assert_eq!(answer.cookies(), Vec::<String>::new(), "there is nothing to let a device past");
}

#[tokio::test]
async fn what_is_turned_away_is_an_event_once_in_a_while_and_names_nobody() {
    // LOG-09
    let app = limited().await;
    guesses(&app, HOME, "a canary name").await;
    for _ in 0..50 {
        log_in(&app, HOME, "a canary name", "wrong").await;
    }
    app.wait(10);
    log_in(&app, HOME, "a canary name", "wrong").await;
    let kind = Some(EventKind::RateLimitExceeded);
    let query = EventQuery { kind, limit: 100, ..EventQuery::default() };
    let events = app.state.accounts().events(&query).await.unwrap().events;
    let said: Vec<_> = events.iter().rev().map(|stored| stored.event.detail.clone().unwrap()).collect();
    let says = |count: u32| {
        format!("{count} logins turned away since this was said last, of this address and others")
    };
    assert_eq!(said, [says(1), says(51)]);
    assert!(events.iter().all(|stored| stored.event.address == HOME.parse().ok()));
}
