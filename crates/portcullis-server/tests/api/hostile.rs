//! Requests that no honest client sends: each is answered by a 4xx, or hung up on, within two seconds, and honest clients
//! notice nothing.

use std::{
    io::{Read, Write},
    thread,
    time::Duration,
};

use axum::http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    harness::{client::Client, now, resident_kib},
    support::{SEED_LINE, Server, TestApp, instance},
};

const SOON: Duration = Duration::from_secs(2);

/// What a connection says, and what that is. None of it has an honest answer.
type Hostile = (&'static str, Vec<u8>);

const GET: &str = "GET /tests/secret HTTP/1.1";

fn with(what: &'static str, line: &str, headers: &str) -> Hostile {
    (what, format!("{line}\r\nHost: t\r\nConnection: close\r\n{headers}\r\n").into_bytes())
}

fn body(what: &'static str, headers: &str, body: &[u8]) -> Hostile {
    let headers = format!("Content-Type: application/json\r\n{headers}");
    let (_, mut request) = with(what, "POST /users/login HTTP/1.1", &headers);
    request.extend_from_slice(body);
    (what, request)
}

fn sized(what: &'static str, text: &str) -> Hostile {
    body(what, &format!("Content-Length: {}\r\n", text.len()), text.as_bytes())
}

fn requests() -> Vec<Hostile> {
    [framings(), heads(), spellings(), sizes(), bodies()].concat()
}

/// HTP-06: where a body ends, so that a proxy and we could read it differently.
fn framings() -> Vec<Hostile> {
    vec![
        body("two framings", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
        body("chunked twice", "Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"),
        body(
            "chunked by two headers",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            b"0\r\n\r\n",
        ),
        body("compressed", "Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
        body("two lengths", "Content-Length: 2\r\nContent-Length: 3\r\n", b"{}"),
        body("two lengths in one", "Content-Length: 2, 3\r\n", b"{}"),
        body("a signed length", "Content-Length: +2\r\n", b"{}"),
        body("a negative length", "Content-Length: -2\r\n", b"{}"),
        body("a length in hexadecimal", "Content-Length: 0x2\r\n", b"{}"),
        body("a length that is too large for any number", "Content-Length: 99999999999999999999\r\n", b"{}"),
        body("an unknown coding", "Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
        body("a coding behind another", "Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"),
        body("a coding with a tab before it", "Transfer-Encoding:\x0bchunked\r\n", b"0\r\n\r\n"),
        body("a chunk's size that is none", "Transfer-Encoding: chunked\r\n", b"zz\r\n{}\r\n0\r\n\r\n"),
        body(
            "a chunk's size that is too large",
            "Transfer-Encoding: chunked\r\n",
            b"fffffffffffffffff\r\n{}",
        ),
    ]
}

/// HTP-06: heads that are none.
fn heads() -> Vec<Hostile> {
    vec![
        with("a folded header", GET, "X-Folded: a\r\n b\r\n"),
        with("a space before a colon", GET, "X-Space : a\r\n"),
        with("a header without a name", GET, ": a\r\n"),
        with("a header without a colon", GET, "nonsense\r\n"),
        ("a lone carriage return", b"GET /tests/secret HTTP/1.1\rHost: t\r\n\r\n".to_vec()),
        ("NUL in a header", b"GET /tests/secret HTTP/1.1\r\nHost: t\r\nX: a\0b\r\n\r\n".to_vec()),
        ("NUL in the address", b"GET /tests/\0 HTTP/1.1\r\nHost: t\r\n\r\n".to_vec()),
        (
            "bytes that are no text in the address",
            b"GET /\xff\xfe HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n".to_vec(),
        ),
        ("no version", b"GET /tests/secret\r\n\r\n".to_vec()),
        ("a version that there is not", b"GET /tests/secret HTTP/9.9\r\nHost: t\r\n\r\n".to_vec()),
        ("HTTP/2 without being asked", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        ("TLS on a port without it", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(20)),
        ("no host", b"GET /tests/secret HTTP/1.1\r\nConnection: close\r\n\r\n".to_vec()),
        with("two hosts", GET, "Host: u\r\n"),
        ("a host with a path", b"GET /tests/secret HTTP/1.1\r\nHost: t/u\r\n\r\n".to_vec()),
        ("a host with a user", b"GET /tests/secret HTTP/1.1\r\nHost: u@t\r\n\r\n".to_vec()),
        ("two hosts in one field", b"GET /tests/secret HTTP/1.1\r\nHost: t u\r\n\r\n".to_vec()),
        ("a host of no ASCII", b"GET /tests/secret HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n".to_vec()),
    ]
}

/// HTP-07, HTP-12, HTP-13: no method, no spelling of a path and no header gets past a guard.
fn spellings() -> Vec<Hostile> {
    vec![
        with("TRACE", "TRACE /tests/hello HTTP/1.1", ""),
        with("CONNECT", "CONNECT t:80 HTTP/1.1", ""),
        with("a method in small letters", "get /tests/hello HTTP/1.1", ""),
        with("a method that nobody knows", "FROBNICATE /tests/hello HTTP/1.1", ""),
        with("two slashes", "GET //tests/secret HTTP/1.1", ""),
        with("a dot", "GET /./tests/secret HTTP/1.1", ""),
        with("two dots", "GET /tests/hello/../secret HTTP/1.1", ""),
        with("an encoded dot", "GET /tests/%2e/secret HTTP/1.1", ""),
        with("an encoded slash", "GET /tests%2fsecret HTTP/1.1", ""),
        with("an encoded letter", "GET /tests/%73ecret HTTP/1.1", ""),
        with("capitals", "GET /TESTS/SECRET HTTP/1.1", ""),
        with("a slash at the end", "GET /tests/secret/ HTTP/1.1", ""),
        with("a parameter", "GET /tests/secret;a=b HTTP/1.1", ""),
        with("a fragment", "GET /tests/secret#hello HTTP/1.1", ""),
        with("somebody else's address", "GET http://other.example/tests/secret HTTP/1.1", ""),
        with(
            "headers of a proxy that knows the user",
            GET,
            "X-User: admin\r\nX-Forwarded-User: admin\r\nRemote-User: admin\r\n",
        ),
        with("another method by a header", "GET /users/logout HTTP/1.1", "X-HTTP-Method-Override: POST\r\n"),
    ]
}

/// HTP-01, HTP-02: more than anybody needs.
fn sizes() -> Vec<Hostile> {
    vec![
        with("20 000 headers", GET, &"X-Many: y\r\n".repeat(20_000)),
        with("a header of 8 MB", GET, &format!("X-Long: {}\r\n", "x".repeat(8 << 20))),
        with("an address of 1 MB", &format!("GET /{} HTTP/1.1", "a".repeat(1 << 20)), ""),
        with("a million dots", GET, &format!("Authorization: Bearer {}\r\n", ".".repeat(1_000_000))),
        body("10 GB are announced", "Content-Length: 10000000000\r\n", b"{"),
        body(
            "chunks without an end",
            "Transfer-Encoding: chunked\r\n",
            &b"400\r\n".iter().copied().chain([b' '; 1024]).chain(*b"\r\n").collect::<Vec<_>>().repeat(64),
        ),
    ]
}

/// PWD-17: bodies that are no object of texts.
fn bodies() -> Vec<Hostile> {
    vec![
        sized("lists in lists, 7 000 deep", &"[".repeat(7_000)),
        sized("objects in objects", &"{\"a\":".repeat(3_000)),
        sized("half of a surrogate pair", r#"{"username":"\ud800","password":"correct horse"}"#),
        sized("one member twice", r#"{"username":"a","username":"b","password":"correct horse"}"#),
        sized("a number beyond all", r#"{"username":1e999999,"password":"correct horse"}"#),
        sized("a list for the object", r#"[{"username":"alice","password":"correct horse"}]"#),
        sized("text behind the object", r#"{"username":"alice","password":"correct horse"}{}"#),
        sized("bytes before the object", "\u{feff}{\"username\":\"alice\",\"password\":\"correct horse\"}"),
        sized("an operator of a database", r#"{"username":{"$gt":""},"password":{"$ne":null}}"#),
    ]
}

/// What came back, and how soon: the status, or nothing where the connection was closed.
fn sent(server: &Server, request: &[u8]) -> (Option<u16>, Duration) {
    let began = now();
    let mut stream = server.connect();
    stream.set_read_timeout(Some(2 * SOON)).unwrap();
    stream.set_write_timeout(Some(2 * SOON)).unwrap();
    // It may hang up before all of it is sent.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let status = answer.get(9..12).and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
    (status, now() - began)
}

fn server() -> (TempDir, Server) {
    let folder = instance(SEED_LINE);
    // What is never finished is given up in time, too.
    let settings = &[("HEADER_READ_TIMEOUT", "1s"), ("REQUEST_TIMEOUT", "1s")];
    let server = Server::start(folder.path(), &["--profile", "testing"], settings);
    (folder, server)
}

#[test]
fn each_is_refused_or_hung_up_on_within_two_seconds() {
    // HTP-06, HTP-12, HTP-13
    let (_folder, server) = server();
    for (what, request) in requests() {
        let (status, took) = sent(&server, &request);
        assert!(status.is_none_or(|status| (400..500).contains(&status)), "{what}: {status:?}");
        assert!(took < SOON, "{what}: {took:?}");
    }
    assert_eq!(server.request("GET", "/tests/hello", &[], "").0, 200);
}

#[test]
fn eight_at_once_harm_no_honest_client_and_take_no_memory() {
    let (_folder, server) = server();
    let requests = requests();
    for (_, request) in &requests {
        sent(&server, request);
    }
    let before = resident_kib(server.id());
    thread::scope(|scope| {
        for turn in 0..8 {
            let (server, requests) = (&server, &requests);
            scope.spawn(move || {
                let (first, last) = requests.split_at(turn * 7 % requests.len());
                last.iter().chain(first).for_each(|(_, request)| _ = sent(server, request));
            });
        }
        let mut honest = Client::of(&server.address);
        for _ in 0..200 {
            assert_eq!(honest.get("/tests/hello", "").unwrap().status, 200);
        }
    });
    let more = resident_kib(server.id()).saturating_sub(before);
    assert!(more < 32 * 1024, "{more} KiB more");
}

#[tokio::test]
async fn every_type_in_every_field_is_refused() {
    // PWD-17, PWD-18
    let app = TestApp::new().await;
    let (admin, alice) = (app.admin("root").await, app.register("alice").await);
    let user = format!("/admin/users/{}", app.id_of(&alice).as_str());
    let fields: [(Method, &str, Option<&str>, &[&str]); 8] = [
        (Method::POST, "/users/registration", None, &["username", "password"]),
        (Method::POST, "/users/login", None, &["username", "password"]),
        (Method::POST, "/users/me/fresh", Some(&alice.access), &["password"]),
        (Method::PUT, "/users/me/password", Some(&alice.access), &["password", "new_password"]),
        (Method::POST, "/admin/setup", None, &["secret", "username", "password"]),
        (Method::POST, "/admin/users", Some(&admin.access), &["username", "password", "access"]),
        (Method::PATCH, &user, Some(&admin.access), &["access"]),
        (Method::PATCH, &user, Some(&admin.access), &["disabled"]),
    ];
    for (method, path, token, names) in fields {
        for name in names {
            for value in [
                json!(null),
                json!(-1),
                json!(1.5),
                json!(u64::MAX),
                json!([]),
                json!(["admin"]),
                json!({}),
                json!({"$gt": ""}),
                json!(""),
                json!("\u{0}"),
                json!("x".repeat(5000)),
            ] {
                let good = json!({"username": "mallory", "password": "correct horse", "new_password": "battery staple",
                    "access": 1, "disabled": false, "secret": "x"});
                let mut body: Value =
                    names.iter().map(|name| ((*name).to_owned(), good[name].clone())).collect();
                body[name] = value.clone();
                let answer = match token {
                    Some(token) => app.request(method.clone(), path, token, Some(&body)).await,
                    None => app.post(path, &body).await,
                };
                let status = answer.status.as_u16();
                assert!((400..500).contains(&status), "{method} {path} {name} {value}: {status}");
            }
        }
    }
    // Nothing has come of any of them.
    let me = app.get_as("/users/me", &alice.access).await;
    assert_eq!((me.status.as_u16(), &me.body["access"]), (200, &json!(1)), "{}", me.body);
}
