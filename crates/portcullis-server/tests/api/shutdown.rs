//! SIGTERM and SIGINT: what was accepted is answered, and nobody holds the end up.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::json;

use crate::{
    harness::stop,
    support::{SEED_LINE, Server, instance},
};

#[test]
fn both_signals_end_it_in_order() {
    for signal in ["TERM", "INT"] {
        let folder = instance(SEED_LINE);
        let server = Server::seed(folder.path());
        let database = server.ready.rsplit("sqlite:").next().unwrap().trim_end_matches(')').to_owned();
        server.post("/users/registration", &json!({"username": "test", "password": "test"}));
        server.signal(signal);
        assert_eq!(server.wait().code(), Some(0), "{signal}");
        assert!(!std::path::Path::new(&format!("{database}-wal")).exists(), "the store was closed");
    }
}

#[test]
fn a_half_sent_request_does_not_hold_the_end_up() {
    let folder = instance(SEED_LINE);
    let server = Server::start(folder.path(), &["--profile", "testing"], &[("SHUTDOWN_GRACE", "1s")]);
    let mut half = server.connect();
    half.write_all(b"GET /tests/hello HTTP/1.1\r\nHost: te").unwrap();
    let mut no_body = server.connect();
    no_body
        .write_all(b"POST /users/login HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n")
        .unwrap();
    // An answer on a third connection: the first two have been accepted before.
    assert_eq!(server.request("GET", "/healthz", &[], "").0, 200);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn a_request_under_way_is_answered() {
    // DUR-13
    let folder = instance(SEED_LINE);
    let server = Server::seed(folder.path());
    let body = json!({"username": "test", "password": "test"}).to_string();
    let mut stream = server.connect();
    let head = format!(
        "POST /users/registration HTTP/1.1\r\nHost: t\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(server.request("GET", "/healthz", &[], "").0, 200);
    let address = server.address.clone();
    server.signal("TERM");
    // Accepted before the signal, finished after it: the listener is gone, the request is not.
    while TcpStream::connect(&address).is_ok() {}
    stream.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn the_second_signal_ends_it_at_once() {
    let folder = instance(SEED_LINE);
    let server = Server::start(folder.path(), &["--profile", "testing"], &[("SHUTDOWN_GRACE", "60s")]);
    let mut half = server.connect();
    half.write_all(b"GET /tests/hello HTTP/1.1\r\nHost: te").unwrap();
    assert_eq!(server.request("GET", "/healthz", &[], "").0, 200);
    let address = server.address.clone();
    server.signal("TERM");
    while TcpStream::connect(&address).is_ok() {}
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn while_the_notice_lasts_requests_are_answered_and_sent_elsewhere() {
    // DUR-13
    // D7: a proxy that watches /readyz has time to see it.
    let folder = instance(SEED_LINE);
    let server = Server::start(folder.path(), &["--profile", "testing"], &[("SHUTDOWN_NOTICE", "3s")]);
    let keep_alive = b"GET /tests/hello HTTP/1.1\r\nHost: t\r\n\r\n";
    let mut kept = server.connect();
    server.signal("TERM");
    while server.request("GET", "/readyz", &[], "").0 == 200 {}
    assert_eq!(server.request("GET", "/readyz", &[], "").0, 503);
    kept.write_all(keep_alive).unwrap();
    let mut answer = String::new();
    kept.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.to_lowercase().contains("connection: close"),
        "{answer}"
    );
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn at_five_hundred_requests_a_second_none_is_left_without_an_answer() {
    // D7; `scripts/bench stop` does it a hundred times.
    let report = stop::run(8, 7);
    assert!(report.faults.is_empty(), "{report}: {:?}", report.faults);
    assert!(report.answered_while_stopping > 0, "{report}");
}
