//! Connections that want to be many, or for ever.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    harness::{now, pause},
    support::{SEED_LINE, Server, instance},
};

const HELLO: &[u8] = b"GET /tests/hello HTTP/1.1\r\nHost: t\r\n\r\n";

fn server(settings: &[(&str, &str)]) -> (TempDir, Server) {
    let folder = instance(SEED_LINE);
    let server = Server::start(folder.path(), &["--profile", "testing"], settings);
    (folder, server)
}

/// Whether a request on a connection is answered, to its end.
fn is_served(stream: &mut TcpStream) -> bool {
    let (mut answer, mut byte) = (Vec::new(), [0]);
    if stream.write_all(HELLO).is_err() {
        return false;
    }
    while !answer.ends_with(b"World!\"}") {
        if stream.read_exact(&mut byte).is_err() {
            return false;
        }
        answer.push(byte[0]);
    }
    answer.starts_with(b"HTTP/1.1 200")
}

/// Waits until the other side closes a connection, and for how long at most.
fn is_closed_within(stream: &mut TcpStream, patience: Duration) -> bool {
    let deadline = now() + patience;
    stream.set_read_timeout(Some(patience)).unwrap();
    let mut rest = [0; 4096];
    loop {
        match stream.read(&mut rest) {
            Ok(0) => return true,
            Err(error) => return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            Ok(_) if now() > deadline => return false,
            Ok(_) => {}
        }
    }
}

#[test]
fn one_connection_too_many_is_closed_and_the_others_go_on() {
    // HTP-04
    let (_folder, server) = server(&[("MAX_CONNECTIONS", "3")]);
    let mut held: Vec<_> = (0..3).map(|_| server.connect()).collect();
    assert!(held.iter_mut().all(is_served));
    assert!(!is_served(&mut server.connect()), "a fourth one");
    assert!(held.iter_mut().all(is_served), "those that are open go on");
    drop(held.pop());
    let deadline = now() + Duration::from_secs(10);
    while !is_served(&mut server.connect()) {
        assert!(now() < deadline, "the place of one that has gone is free again");
        pause(Duration::from_millis(10));
    }
}

#[test]
fn a_thousand_half_open_ones_keep_nobody_out_and_have_an_end() {
    // HTP-03, HTP-04
    let (_folder, server) = server(&[("HEADER_READ_TIMEOUT", "1s")]);
    let mut half: Vec<_> = (0..1000).map(|_| server.connect()).collect();
    for stream in &mut half {
        stream.write_all(b"GET /tests/hello HTTP/1.1\r\nHost: t\r\nX-Slow: ").unwrap();
    }
    assert!(is_served(&mut server.connect()), "an honest client among them");
    assert!(half.iter_mut().all(|stream| is_closed_within(stream, Duration::from_secs(10))));
}

#[test]
fn who_was_let_in_is_asked_again_and_answers_come_in_their_order() {
    // HTP-14
    let (_folder, server) = server(&[]);
    let (_, tokens) = server.post("/users/registration", &json!({"username": "test", "password": "test"}));
    let ask = |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nHost: t\r\n{more}\r\n");
    let bearer = format!("Authorization: Bearer {}\r\n", tokens["access_token"].as_str().unwrap());
    let all = [
        ask("/tests/secret", &bearer),
        ask("/tests/secret", ""),
        ask("/nope", &bearer),
        ask("/users/me", ""),
        ask("/tests/secret", &format!("Connection: close\r\n{bearer}")),
    ];
    let answers = server.raw(all.concat().as_bytes());
    let statuses: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "401", "404", "401", "200"], "{answers}");
}

#[test]
fn one_that_says_nothing_more_is_closed() {
    // HTP-03
    let (_folder, server) = server(&[("HEADER_READ_TIMEOUT", "1s")]);
    let mut stream = server.connect();
    assert!(is_served(&mut stream));
    assert!(is_closed_within(&mut stream, Duration::from_secs(10)));
}

#[test]
fn who_does_not_read_the_answers_is_not_waited_for() {
    // HTP-03: answers fill what the system holds for a connection, and then nothing moves.
    let (_folder, server) = server(&[("REQUEST_TIMEOUT", "1s"), ("HEADER_READ_TIMEOUT", "1s")]);
    let mut stream = server.connect();
    stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    let many = HELLO.repeat(1000);
    while stream.write_all(&many).is_ok() {}
    let deadline = now() + Duration::from_secs(20);
    // Closed while much was unread: the next write is refused, where it only blocked before.
    while !matches!(stream.write(HELLO), Err(error) if error.kind() != ErrorKind::WouldBlock) {
        assert!(now() < deadline);
        pause(Duration::from_millis(50));
    }
}
