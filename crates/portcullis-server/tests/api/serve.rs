//! The running program over a real socket.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    harness::{now, pause},
    support::{SEED_LINE, Server, Site, instance},
};

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[test]
fn the_flask_applications_tests_hold() {
    let folder = instance(SEED_LINE);
    let server = Server::seed(folder.path());
    let (status, tokens) =
        server.post("/users/registration", &json!({"username": "test", "password": "test"}));
    assert_eq!(status, 201);
    let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
    let (access, refresh) = (token("access_token"), token("refresh_token"));
    let secret = |authorization: &str| {
        let (status, head, body) =
            server.request("GET", "/tests/secret", &[JSON, ("Authorization", authorization)], "");
        assert_eq!(status == 401, head.to_lowercase().contains("\r\nwww-authenticate: bearer"), "{head}");
        (status, body)
    };
    let msg = |text: &str| json!({ "msg": text });

    let (status, _, body) = server.request("GET", "/tests/hello", &[JSON], "");
    assert_eq!((status, body), (200, json!({"Hello": "World!"})));
    assert_eq!(secret(&format!("Bearer {access}")), (200, json!({"Hello": "Secret!"})));
    let (status, head, body) = server.request("GET", "/tests/secret", &[JSON], "");
    assert_eq!((status, body), (401, msg("Missing Authorization Header")));
    assert!(head.to_lowercase().contains("\r\nwww-authenticate: bearer"), "{head}");
    assert_eq!(secret(&format!("Bearer {refresh}")), (422, msg("Only access tokens are allowed")));
    assert_eq!(secret(&format!("Bearer {access}extra-string")), (422, msg("Signature verification failed")));
    assert_eq!(secret("Bearer this-is-not-json-web-token"), (422, msg("Not enough segments")));
    let bad_header = msg("Bad Authorization header. Expected value 'Bearer <JWT>'");
    assert_eq!(secret("this-is-plain-text"), (422, bad_header));
    assert_eq!(secret("Bearer a.b.c"), (422, msg("Invalid header padding")));
}

#[test]
fn an_expired_token_is_refused_by_the_wall_clock() {
    let folder = instance(SEED_LINE);
    let server =
        Server::start(folder.path(), &["--profile", "testing"], &[("JWT_ACCESS_TOKEN_EXPIRES", "1")]);
    let (_, tokens) = server.post("/users/registration", &json!({"username": "test", "password": "test"}));
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let headers = [JSON, ("Authorization", bearer.as_str())];
    let mut answers = std::iter::repeat_with(|| server.request("GET", "/tests/secret", &headers, ""));
    let (status, head, body) = answers.find(|(status, ..)| *status != 200).unwrap();
    assert_eq!((status, body), (401, json!({"msg": "Token has expired"})));
    assert!(head.to_lowercase().contains("\r\nwww-authenticate: bearer error=\"invalid_token\""), "{head}");
}

#[test]
fn lengths_that_contradict_each_other_end_the_connection() {
    // HTP-06: whatever follows is not taken for a second request.
    let folder = instance(SEED_LINE);
    let server = Server::seed(folder.path());
    let both = "Host: t\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n";
    let answer = server
        .raw(format!("GET /healthz HTTP/1.1\r\n{both}GET /readyz HTTP/1.1\r\nHost: t\r\n\r\n").as_bytes());
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
}

#[test]
fn the_seeds_file_works_as_it_is_and_flask_env_names_the_profile() {
    let folder = instance(SEED_LINE);
    let server = Server::start(folder.path(), &[], &[("FLASK_ENV", "development")]);
    assert!(server.ready.contains("profile development"), "{}", server.ready);
    let store = format!("store sqlite:{}/", folder.path().canonicalize().unwrap().display());
    assert!(server.ready.contains(&store), "{}", server.ready);
    let (status, _) =
        server.post("/users/registration", &json!({"username": "test", "password": "correct horse"}));
    assert_eq!(status, 201);
}

#[test]
fn without_any_configuration_it_starts_with_a_secret_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let instance = folder.path().join("instance");
    let register = |server: &Server| {
        server.post("/users/registration", &json!({"username": "a", "password": "correct horse"}))
    };
    let server = Server::start(&instance, &[], &[]);
    let (status, tokens) = register(&server);
    assert_eq!((status, server.ready.contains("profile production")), (201, true));
    drop(server);
    let again = Server::start(&instance, &[], &[]);
    let (status, _) = again.bearer("GET", "/tests/secret", tokens["access_token"].as_str().unwrap());
    assert_eq!(status, 200, "the same secret after a restart");
    assert_eq!(register(&again).0, 409, "the same database after a restart");
}

#[test]
fn a_head_that_does_not_end_is_cut_off() {
    // HTP-03
    let folder = instance(SEED_LINE);
    let server = Server::start(folder.path(), &["--profile", "testing"], &[("HEADER_READ_TIMEOUT", "1s")]);
    let mut stream = server.connect();
    stream.write_all(b"GET /tests/hello HTTP/1.1\r\nHost: te").unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&rest));
}

#[test]
fn a_body_that_does_not_arrive_is_not_waited_for() {
    // HTP-03
    let folder = instance(SEED_LINE);
    let server = Server::start(folder.path(), &["--profile", "testing"], &[("REQUEST_TIMEOUT", "1s")]);
    let head = "POST /users/login HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    let answer = server.raw(head.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("{\"msg\":\"The body took too long to arrive\"}"), "{answer}");
}

#[test]
fn a_declared_length_over_the_limit_is_refused_before_the_body() {
    // HTP-15, HTP-01
    let folder = instance(SEED_LINE);
    let server = Server::seed(folder.path());
    let head = "POST /users/login HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 10000000000\r\n\r\n";
    let answer = server.raw(head.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[test]
fn heads_that_are_too_large_or_malformed_get_a_4xx() {
    // HTP-02, HTP-06. A head that is far too large may be hung up on before its sender can read why.
    let folder = instance(SEED_LINE);
    // Connections that stay open end soon.
    let settings = &[("HEADER_READ_TIMEOUT", "1s")];
    let server = Server::start(folder.path(), &["--profile", "testing"], settings);
    let many = "X-Many: y\r\n".repeat(200);
    for (request, statuses) in [
        (format!("GET / HTTP/1.1\r\nHost: t\r\nX: {}\r\n\r\n", "x".repeat(100_000)), &["431", ""][..]),
        (format!("GET / HTTP/1.1\r\nHost: t\r\n{many}\r\n"), &["431"]),
        ("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n".into(), &["400"]),
        ("GET / HTTP/1.1\r\nHost : t\r\n\r\n".into(), &["400"]),
        ("GET / HTTP/1.1\r\n\r\n".into(), &["400"]),
        ("GET / HTTP/1.1\r\nHost: t\r\nHost: u\r\n\r\n".into(), &["400"]),
        ("nonsense\r\n\r\n".into(), &["400"]),
    ] {
        let mut stream = server.connect();
        // The server may hang up before all of it is sent.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(statuses.contains(&status), "{:?}: {answer}", &request[..40.min(request.len())]);
    }
    let (status, _, _) = server.request("GET", "/tests/hello", &[], "");
    assert_eq!(status, 200, "honest clients go on");
}

#[test]
fn what_is_no_request_yet_is_refused_without_a_body_and_our_headers() {
    // HTP-08, HTP-16: by hyper, before there is anything that a layer could see.
    let folder = instance(SEED_LINE);
    let server = Server::seed(folder.path());
    let many = "X-Many: y\r\n".repeat(200);
    for (request, status) in
        [("nonsense\r\n\r\n", "400"), (&*format!("GET / HTTP/1.1\r\nHost: t\r\n{many}\r\n"), "431")]
    {
        let answer = server.raw(request.as_bytes());
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.ends_with("\r\n\r\n"),
            "{answer}"
        );
        assert!(!answer.contains("nosniff") && !answer.contains("x-request-id"), "{answer}");
    }
}

#[test]
fn the_log_names_requests_and_never_a_secret() {
    // OBS-02
    let folder = instance("JWT_SECRET_KEY = 'canary-secret-of-more-than-32-bytes'\n");
    let log = folder.path().join("log");
    let settings = &[("LOG_FILTER", "trace")];
    let server = Server::start_with_log(
        folder.path(),
        &["--profile", "testing"],
        settings,
        fs::File::create(&log).unwrap(),
    );
    let body = json!({"username": "alice", "password": "canary-password"});
    let (_, tokens) = server.post("/users/registration", &body);
    let access = tokens["access_token"].as_str().unwrap();
    server.post("/users/login", &body);
    server.post("/users/login", &json!({"username": "alice", "password": "canary-wrong"}));
    server.bearer("GET", "/tests/secret", access);
    server.bearer("GET", "/tests/secret", &format!("{access}x"));
    server.bearer("POST", "/users/logout", access);
    // Ended in order: then the last line has been written.
    server.signal("TERM");
    server.wait();
    let log = fs::read_to_string(log).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["route"] == "/tests/secret" && line["status"] == 200), "{log}");
    assert!(lines.iter().any(|line| line["reason"] == "the signature of the token is invalid"), "{log}");
    // OBS-06: UTC, with fractions of a second.
    let moments: Vec<_> = lines.iter().map(|line| line["timestamp"].as_str().unwrap()).collect();
    let is_utc = |moment: &str| moment.as_bytes()[19] == b'.' && moment.len() >= 24 && moment.ends_with('Z');
    assert!(moments.iter().all(|moment| is_utc(moment)), "{moments:?}");
    let ids = lines.iter().filter(|line| line["request_id"].is_string()).count();
    assert!(ids >= 6, "every request has its id: {log}");
    for secret in ["canary", access, tokens["refresh_token"].as_str().unwrap(), "$argon2id$"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[test]
fn a_client_that_only_connects_harms_nobody() {
    let folder = instance(SEED_LINE);
    let server = Server::seed(folder.path());
    let _silent: Vec<_> = (0..200).map(|_| server.connect()).collect();
    let mut stream = server.connect();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(b"GET /tests/hello HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
#[cfg(target_os = "linux")]
fn hash_workers_let_those_who_answer_go_first() {
    // PWD-12
    let folder = instance(SEED_LINE);
    let server = Server::seed(folder.path());
    let of_threads = || {
        let tasks = fs::read_dir(format!("/proc/{}/task", server.id())).unwrap();
        let stats = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("stat")).ok());
        // The name is in brackets, and niceness the 17th field behind it.
        let mut threads: Vec<(String, String)> = stats
            .map(|stat| {
                let (name, fields) = stat.split_once('(').unwrap().1.rsplit_once(')').unwrap();
                (name.to_owned(), fields.split_whitespace().nth(16).unwrap().to_owned())
            })
            .collect();
        threads.sort();
        threads
    };
    let ours = of_threads().into_iter().find(|(name, _)| name == "portcullis").unwrap().1;
    let lower = "19";
    let workers = std::thread::available_parallelism().unwrap().get();
    // A thread that has just been made names itself and is on its way there.
    let deadline = now() + Duration::from_secs(20);
    loop {
        let threads = of_threads();
        let (hashing, others): (Vec<_>, Vec<_>) =
            threads.into_iter().partition(|(name, _)| name.starts_with("hash-"));
        assert!(others.iter().all(|(_, nice)| *nice == ours), "{others:?}");
        if hashing.len() == workers && hashing.iter().all(|(_, nice)| nice == lower) {
            return;
        }
        assert!(now() < deadline, "{hashing:?}");
        pause(Duration::from_millis(5));
    }
}

#[test]
fn a_crash_writes_no_memory_to_a_disk() {
    // OBS-08
    let folder = instance(SEED_LINE);
    let server = Server::seed(folder.path());
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    let core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>(), ["0", "0", "bytes"]);
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    // OBS-09
    let folder = instance(SEED_LINE);
    // Of an address where no other test takes ports.
    let port = TcpListener::bind("127.7.7.7:0").unwrap().local_addr().unwrap().to_string();
    let settings = &[("LOG_FILTER", "trace"), ("METRICS_ADDRESS", port.as_str())];
    let unread = std::process::Stdio::piped();
    let server = Server::start_with_log(folder.path(), &["--profile", "testing"], settings, unread);
    let metrics = Site { address: port };
    let are_counted = || {
        let metrics = metrics.raw(b"GET /metrics HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
        let lost = metrics.lines().find_map(|line| line.strip_prefix("portcullis_log_lines_dropped_total "));
        lost.unwrap().trim() != "0"
    };
    for _ in 0..20 {
        for _ in 0..500 {
            assert_eq!(server.request("GET", "/tests/hello", &[], "").0, 200);
        }
        if are_counted() {
            break;
        }
    }
    assert!(are_counted(), "more lines than anybody has room for");
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn every_line_about_a_request_carries_its_id_whatever_the_filter_lets_through() {
    for filter in ["info", "warn"] {
        let folder = instance(SEED_LINE);
        let log = folder.path().join("log");
        let settings =
            &[("LOG_FILTER", filter), ("PASSWORD_QUEUE", "1"), ("PASSWORD_ARGON2_MEMORY_KIB", "65536")];
        let file = fs::File::create(&log).unwrap();
        let server = Server::start_with_log(folder.path(), &["--profile", "testing"], settings, file);
        let login = || server.post("/users/login", &json!({"username": "alice", "password": "test"}));
        std::thread::scope(|scope| (0..16).for_each(|_| drop(scope.spawn(login))));
        server.signal("TERM");
        server.wait();
        let log = fs::read_to_string(log).unwrap();
        let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let about_requests: Vec<_> = lines.filter(|line| line["status"].is_u64()).collect();
        assert!(!about_requests.is_empty(), "{log}");
        assert!(about_requests.iter().all(|line| line["request_id"].is_string()), "{log}");
        let acts: Vec<_> = log.lines().filter(|line| line.contains("authn_login_fail")).collect();
        assert!(filter == "warn" || !acts.is_empty(), "{log}");
        assert!(acts.iter().all(|line| line.contains("request_id")), "{log}");
    }
}

#[test]
fn a_second_serve_of_one_database_ends_with_2_and_the_first_goes_on() {
    let folder = instance(SEED_LINE);
    let first = Server::seed(folder.path());
    let second = Server::start_refused(folder.path());
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!((second.status.code(), second.stdout.is_empty()), (Some(2), true), "{said}");
    assert!(said.contains("another portcullis serves"), "{said}");
    let (status, ..) = first.request("GET", "/tests/hello", &[JSON], "");
    assert_eq!(status, 200);
}
