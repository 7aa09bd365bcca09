//! `METRICS_ADDRESS`, over a real socket: the metrics are there, nothing else is, and to the very end of a stop.

use std::{
    fs::File,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    time::Duration,
};

use serde_json::json;
use tempfile::TempDir;

use crate::{
    harness::{now, pause},
    support::{Exposition, SEED_LINE, Server, Site, instance},
};

const SCRAPE: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";

/// A server with metrics on an address of their own, which its log names.
fn server(settings: &[(&str, &str)]) -> (TempDir, Server, Site) {
    let folder = instance(SEED_LINE);
    let path = folder.path().join("log");
    let settings =
        [&[("METRICS_ADDRESS", "127.0.0.1:0"), ("LOG_FILTER", "info"), ("LOG_FORMAT", "text")], settings];
    let log = File::create(&path).unwrap();
    let server = Server::start_with_log(folder.path(), &["--profile", "testing"], &settings.concat(), log);
    let address = address_in(&path);
    (folder, server, Site { address })
}

fn address_in(log: &Path) -> String {
    let deadline = now() + Duration::from_secs(10);
    loop {
        let text = std::fs::read_to_string(log).unwrap();
        if let Some((address, _)) =
            text.split_once("the metrics are at http://").and_then(|(_, rest)| rest.split_once("/metrics"))
        {
            return address.to_owned();
        }
        assert!(now() < deadline, "the log names no address:\n{text}");
        pause(Duration::from_millis(10));
    }
}

fn scrape(site: &Site) -> Exposition {
    let answer = site.raw(SCRAPE);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("application/openmetrics-text; version=1.0.0; charset=utf-8"), "{head}");
    Exposition::parse(body)
}

#[test]
fn it_serves_the_metrics_and_nothing_else() {
    // ADM-09
    let (_folder, server, metrics) = server(&[]);
    let login = json!({"username": "test", "password": "wrong"});
    assert_eq!(server.post("/users/login", &login).0, 401);
    let all = scrape(&metrics);
    assert_eq!(all.count("logins", "outcome", "refused").to_string(), "1");
    assert!(all.of("portcullis_connections_limit") > 0.0);
    assert!(all.of("portcullis_process_start_time_seconds") > 1.7e9);
    for (method, path) in
        [("POST", "/users/login"), ("GET", "/tests/hello"), ("GET", "/healthz"), ("GET", "/admin/users")]
    {
        assert_eq!(metrics.request(method, path, &[], "").0, 404, "{method} {path}");
    }
    assert_eq!(metrics.request("POST", "/metrics", &[], "").0, 405);
    assert_eq!(server.request("GET", "/metrics", &[], "").0, 401, "there it takes an administrator");
    assert!(!server.ready.contains("metrics"), "{}", server.ready);
}

#[test]
fn connections_are_counted_there_and_bounded_here() {
    // HTP-04
    let (_folder, server, metrics) = server(&[("MAX_CONNECTIONS", "2")]);
    let hello = b"GET /tests/hello HTTP/1.1\r\nHost: t\r\n\r\n";
    let held: Vec<_> = (0..4)
        .map(|_| {
            let mut stream = server.connect();
            stream.write_all(hello).unwrap();
            stream
        })
        .collect();
    let deadline = now() + Duration::from_secs(10);
    while scrape(&metrics).of("portcullis_connections_turned_away_total") < 2.0 {
        assert!(now() < deadline);
        pause(Duration::from_millis(10));
    }
    let all = scrape(&metrics);
    assert_eq!(all.of("portcullis_connections_open").to_string(), "2");
    assert_eq!(all.of("portcullis_connections_limit").to_string(), "2");
    drop(held);
    // Those who only hold connections there keep nobody out of the service.
    let idle: Vec<_> = (0..40).map(|_| metrics.connect()).collect();
    let deadline = now() + Duration::from_secs(10);
    while !is_answered(&server) {
        assert!(now() < deadline);
    }
    drop(idle);
}

/// Whether there is room for one more: a connection too many is closed, whatever of it was read.
fn is_answered(site: &Site) -> bool {
    let (mut stream, mut answer) = (site.connect(), String::new());
    let asked = stream.write_all(b"GET /tests/hello HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}

#[test]
fn a_port_in_use_is_found_before_anything_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("instance");
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.env_clear().env("METRICS_ADDRESS", &address);
    command.args(["serve", "--listen", "127.0.0.1:0", "--instance"]).arg(&made);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains(&format!("cannot listen on {address}")), "{said}");
    assert!(said.contains("METRICS_ADDRESS"), "{said}");
    assert!(!made.exists(), "no instance, no secret, no database");
}

#[test]
fn the_end_of_a_stop_can_be_read() {
    // D7
    let (_folder, server, metrics) = server(&[("SHUTDOWN_GRACE", "60s")]);
    let mut half = server.connect();
    half.write_all(b"GET /tests/hello HTTP/1.1\r\nHost: te").unwrap();
    assert_eq!(server.request("GET", "/healthz", &[], "").0, 200);
    assert_eq!(scrape(&metrics).of("portcullis_ready").to_string(), "1");
    server.signal("TERM");
    let address = server.address.clone();
    let deadline = now() + Duration::from_secs(10);
    while TcpStream::connect(&address).is_ok() {
        assert!(now() < deadline);
    }
    assert_eq!(scrape(&metrics).of("portcullis_ready").to_string(), "0");
    // The half request holds it up; what else was taken is let go of.
    while scrape(&metrics).of("portcullis_connections_open").to_string() != "1" {
        assert!(now() < deadline);
    }
    drop(half);
    assert_eq!(server.wait().code(), Some(0));
    assert!(TcpStream::connect(&metrics.address).is_err());
}
