//! Marked secrets on every way through the service, with all of the log on: none of them comes out where it should not
//! (OBS-02).

use std::{collections::BTreeSet, fs, process::Command};

use portcullis_server::{Route, Rule, route_table};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Server, instance};

/// In every secret that somebody types, and in what strangers send where one would be.
const MARK: &str = "canary";

const PASSWORD: &str = "canary-password";
const NEXT_PASSWORD: &str = "canary-next-password";
const ADMIN_PASSWORD: &str = "canary-of-the-admin";
const SECRET: &str = "canary-secret-of-the-service-00000000";

/// A running service with its log, and all that must not be found in it.
struct Watched {
    folder: TempDir,
    server: Server,
    secrets: BTreeSet<String>,
}

impl Watched {
    fn start() -> Self {
        let folder = instance(&format!("JWT_SECRET_KEY = '{SECRET}'\n"));
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let settings = &[("LOG_FILTER", "trace"), ("LIMITS", "off"), ("REFRESH_REUSE_WINDOW", "0")];
        let server = Server::start_with_log(folder.path(), &["--profile", "testing"], settings, log);
        // Hashes, wherever they would come from.
        let hashes = ["$argon2", "$pbkdf2"].map(str::to_owned);
        Self { folder, server, secrets: [MARK.to_owned()].into_iter().chain(hashes).collect() }
    }

    /// Sends a request with a token and a body; the answer's status and body, which shows nothing that was typed.
    fn ask(&mut self, method: &str, path: &str, token: &str, body: &str) -> (u16, Value) {
        let authorization =
            if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{authorization}Cookie: \
             access_token_cookie={MARK}; refresh_token_cookie={MARK}\r\nX-CSRF-TOKEN: {MARK}\r\nX-Api-Key: {MARK}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = self.server.raw(request.as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(!answer.contains(MARK) && !answer.contains("$argon2"), "{method} {path}: {answer}");
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        // Tokens belong into the answers that give them out, and nowhere else.
        let tokens = ["access_token", "refresh_token"].map(|name| body[name].as_str());
        self.secrets.extend(tokens.into_iter().flatten().map(str::to_owned));
        (status, body)
    }

    fn post(&mut self, path: &str, body: &Value) -> (u16, Value) {
        self.ask("POST", path, "", &body.to_string())
    }

    /// The first administrator, by a secret that the command line made: a fresh access token.
    fn admin(&mut self) -> String {
        let setup = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .env_clear()
            .args(["setup", "--profile", "testing", "--instance"])
            .arg(self.folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8(setup.stdout).unwrap();
        let secret = said.split_whitespace().max_by_key(|word| word.len()).unwrap().to_owned();
        assert!(secret.len() > 30, "{said}");
        self.secrets.insert(secret.clone());
        let admin = json!({"secret": secret, "username": "root", "password": ADMIN_PASSWORD});
        assert_eq!(self.post("/admin/setup", &admin).0, 201);
        // It holds once.
        assert_eq!(self.post("/admin/setup", &admin).0, 401);
        let login = json!({"username": "root", "password": ADMIN_PASSWORD});
        text(&self.post("/users/login", &login).1, "access_token")
    }

    /// Ends in order, so that the last line has been written; the log.
    fn ended(self) -> (String, BTreeSet<String>) {
        self.server.signal("TERM");
        assert_eq!(self.server.wait().code(), Some(0));
        (fs::read_to_string(self.folder.path().join("log")).unwrap(), self.secrets)
    }
}

fn text(body: &Value, member: &str) -> String {
    body[member].as_str().unwrap_or_else(|| panic!("no {member} in {body}")).to_owned()
}

/// A life of a user: every act done well and badly.
fn live(watched: &mut Watched) -> Value {
    let alice = json!({"username": "alice", "password": PASSWORD});
    assert_eq!(watched.post("/users/registration", &alice).0, 201);
    assert_eq!(watched.post("/users/registration", &alice).0, 409);
    assert_eq!(
        watched.post("/users/registration", &json!({"username": "canary name", "password": PASSWORD})).0,
        422
    );
    let (_, tokens) = watched.post("/users/login", &alice);
    // A password in the wrong field is a secret too.
    for (name, password) in [("alice", "canary-wrong"), ("canary-unknown", PASSWORD), (PASSWORD, "alice")] {
        let login = json!({"username": name, "password": password});
        assert_eq!(watched.post("/users/login", &login).0, 401);
    }
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    let fresh = json!({"password": PASSWORD}).to_string();
    let (status, fresh) = watched.ask("POST", "/users/me/fresh", &access, &fresh);
    assert_eq!(status, 200);
    let change = json!({"password": PASSWORD, "new_password": NEXT_PASSWORD}).to_string();
    for expected in [204, 204, 401] {
        let body =
            if expected == 401 { change.replace(NEXT_PASSWORD, "canary-third") } else { change.clone() };
        let (status, body) = watched.ask("PUT", "/users/me/password", &text(&fresh, "access_token"), &body);
        assert_eq!(status, expected, "{body}");
    }
    let (_, next) = watched.ask("POST", "/users/refresh", &refresh, "");
    let (_, last) = watched.ask("POST", "/users/refresh", &text(&next, "refresh_token"), "");
    // A copy, which ends the session.
    watched.ask("POST", "/users/refresh", &refresh, "");
    watched.ask("POST", "/users/logout", &text(&last, "access_token"), "");
    let (_, tokens) = watched.post("/users/login", &json!({"username": "alice", "password": NEXT_PASSWORD}));
    tokens
}

/// Every route, by everybody, with what it takes and what it does not.
fn every_route(watched: &mut Watched, user: &Value, admin: &str) {
    let (access, refresh) = (text(user, "access_token"), text(user, "refresh_token"));
    let forged = format!("{access}{MARK}");
    let (_, me) = watched.ask("GET", "/users/me", &access, "");
    let id = text(&me, "id");
    let bodies = [
        String::new(),
        format!("{{\"password\": \"{MARK}"),
        json!([MARK]).to_string(),
        json!({"username": [MARK], "password": {"a": MARK}, "access": MARK}).to_string(),
        json!({"username": "bob", "password": PASSWORD, "secret": MARK, "new_password": PASSWORD})
            .to_string(),
    ];
    // What ends things comes last.
    let mut routes: Vec<Route> = route_table();
    routes.sort_by_key(|route| (route.rule == Rule::EndingToken, route.method == "DELETE"));
    for token in ["", MARK, &forged, &refresh, &access, admin] {
        for body in &bodies {
            for route in &routes {
                let path = route.path.replace("{id}", &id).replace("{session}", MARK);
                for path in [format!("{path}?token={MARK}&scope={MARK}"), path] {
                    let (status, answer) = watched.ask(route.method.as_str(), &path, token, body);
                    assert!(status < 500, "{} {path}: {answer}", route.method);
                }
            }
        }
    }
}

/// A store that another program holds: 503, and its cause in the log.
fn without_a_store(watched: &mut Watched, user: &Value) {
    let file = watched.folder.path().join("portcullis-testing.sqlite3");
    let database = Connection::open(file).unwrap();
    database.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let login = json!({"username": "alice", "password": NEXT_PASSWORD});
    assert_eq!(watched.post("/users/login", &login).0, 503);
    let (status, _) = watched.ask("POST", "/users/refresh", &text(user, "refresh_token"), "");
    assert_eq!(status, 503);
}

#[test]
fn no_secret_is_in_the_log_the_metrics_the_audit_events_or_an_answer_that_does_not_give_it_out() {
    let mut watched = Watched::start();
    let admin = watched.admin();
    let user = live(&mut watched);
    without_a_store(&mut watched, &user);
    every_route(&mut watched, &user, &admin);
    let login = json!({"username": "root", "password": ADMIN_PASSWORD});
    let admin = text(&watched.post("/users/login", &login).1, "access_token");
    let shown = ["/metrics", "/admin/audit?limit=200"].map(|path| {
        let head = format!("GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n");
        let answer = watched.server.raw(format!("{head}Authorization: Bearer {admin}\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    });
    let (log, secrets) = watched.ended();
    let lines_of = |level: &str| log.matches(&format!("\"level\":\"{level}\"")).count();
    let lines = ["WARN", "INFO", "DEBUG"].map(lines_of);
    assert!(lines[0] > 0 && lines[1] > 500 && lines[2] > 200, "all of the log is on: {lines:?}");
    assert!(secrets.len() > 12, "tokens were noted");
    let everything = [log].into_iter().chain(shown);
    for text in everything {
        for secret in &secrets {
            let line = text.lines().find(|line| line.contains(secret.as_str()));
            assert!(line.is_none(), "{secret} is in {}", line.unwrap_or_default());
        }
    }
}
