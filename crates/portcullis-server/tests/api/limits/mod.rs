//! Limits: what strangers may try, and how often. On a clock that stands still, from addresses that the tests choose.

mod addresses;
mod devices;
mod logins;
mod others;

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use serde_json::{Value, json};

use crate::support::{Answer, Peer, TestApp, Tokens, bearing};

/// The limits that a service has which is not a test's.
const AS_IN_PRODUCTION: [(&str, &str); 8] = [
    ("LIMITS", "on"),
    ("LIMIT_LOGIN_BY_ADDRESS_AND_NAME", "5, 1/min"),
    ("LIMIT_LOGIN_BY_ADDRESS", "20, 20/min"),
    ("LIMIT_LOGIN_BY_NAME", "30, 60/h"),
    ("LIMIT_LOGIN_BY_DEVICE", "5, 1/min"),
    ("LIMIT_LOGIN_NAMES", "20"),
    ("LIMIT_REGISTRATION", "3, 3/h"),
    ("LIMIT_REFRESH_FAILURES", "30, 30/min"),
];

const HOME: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.1";

async fn limited() -> TestApp {
    limited_with(&[]).await
}

async fn limited_with(settings: &[(&str, &str)]) -> TestApp {
    TestApp::with(&[&AS_IN_PRODUCTION, settings].concat()).await
}

/// A request that comes from an address.
fn from(address: &str, mut request: Request<Body>) -> Request<Body> {
    request.extensions_mut().insert(Peer(address.parse().unwrap()));
    request.headers_mut().insert(header::HOST, "test".parse().unwrap());
    request
}

fn login_request(address: &str, name: &str, password: &str) -> Request<Body> {
    let body = json!({"username": name, "password": password});
    from(address, bearing(Method::POST, "/users/login", None, Some(&body)))
}

async fn log_in(app: &TestApp, address: &str, name: &str, password: &str) -> Answer {
    app.send(login_request(address, name, password)).await
}

/// Registers somebody from an address of its own.
async fn register(app: &TestApp, address: &str, name: &str) -> Answer {
    let body = json!({"username": name, "password": "password"});
    let request = from(address, bearing(Method::POST, "/users/registration", None, Some(&body)));
    app.send(request).await
}

/// The same with a token.
async fn as_bearer(app: &TestApp, method: Method, path: &str, token: &str, body: Option<&Value>) -> Answer {
    app.send(from(HOME, bearing(method, path, Some(token), body))).await
}

/// Guesses at somebody's password from an address, until one is turned away: how many were answered.
async fn guesses(app: &TestApp, address: &str, name: &str) -> usize {
    for count in 0..200 {
        let answer = log_in(app, address, name, "wrong").await;
        match answer.status {
            StatusCode::UNAUTHORIZED => {}
            StatusCode::TOO_MANY_REQUESTS => return count,
            other => panic!("{other}: {}", answer.body),
        }
    }
    panic!("there is no limit");
}

/// Guesses at somebody's password from many addresses, until the name is exhausted.
async fn botnet(app: &TestApp, name: &str) {
    for host in 0..40 {
        if log_in(app, &format!("203.0.113.{host}"), name, "wrong").await.status
            == StatusCode::TOO_MANY_REQUESTS
        {
            return;
        }
    }
    panic!("there is no limit");
}

fn seconds(answer: &Answer) -> u64 {
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{}", answer.body);
    answer.header("retry-after").parse().unwrap()
}

fn tokens(answer: &Answer) -> Tokens {
    assert!(answer.status.is_success(), "{}", answer.body);
    answer.tokens()
}
