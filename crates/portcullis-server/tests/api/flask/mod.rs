//! Tokens between this service and Flask-JWT-Extended, by its real packages of 2019 and of today.

#[cfg(feature = "mongo")]
mod beside;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::{Server, instance};

const SECRET: &str = "a secret of both sides, 32 bytes or more";

/// The interpreter that has a version of the package; `scripts/flask` makes it.
fn python(version: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/flask");
    let python = root.join(version).join("bin/python");
    assert!(python.exists(), "{} is missing: run scripts/flask once", python.display());
    python
}

/// Runs the small Flask application of these tests.
fn flask(version: &str, arguments: &[&str]) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flask/application.py");
    let mut command = Command::new(python(version));
    let out = command.arg(script).arg(SECRET).args(arguments).stderr(Stdio::inherit()).output().unwrap();
    assert!(out.status.success(), "{version} {arguments:?}");
    serde_json::from_slice(&out.stdout).unwrap()
}

fn server(settings: &[(&str, &str)]) -> (tempfile::TempDir, Server) {
    let folder = instance(&format!("JWT_SECRET_KEY = '{SECRET}'\n"));
    let server = Server::start(folder.path(), &["--profile", "testing"], settings);
    (folder, server)
}

#[test]
fn their_tokens_are_accepted_here_with_nothing_else_configured() {
    let (_folder, server) = server(&[]);
    for version in ["3.18.1", "4.7.4"] {
        let tokens = flask(version, &["mint", "alice"]);
        let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
        let (access, refresh) = (token("access"), token("refresh"));
        assert_eq!(
            server.bearer("GET", "/tests/secret", &access),
            (200, json!({"Hello": "Secret!"})),
            "{version}"
        );
        let refused = server.bearer("GET", "/tests/secret", &refresh);
        assert_eq!(refused, (422, json!({"msg": "Only access tokens are allowed"})), "{version}");
        assert_eq!(server.bearer("POST", "/users/logout", &access).0, 204, "{version}");
        assert_eq!(server.bearer("GET", "/tests/secret", &access).0, 401, "{version}");
    }
}

#[test]
fn our_tokens_are_accepted_there() {
    for (version, settings) in [("4.7.4", &[][..]), ("3.18.1", &[("JWT_IDENTITY_CLAIM", "identity")][..])] {
        let (_folder, server) = server(&[settings, &[("JWT_IDENTITY", "username")]].concat());
        let (_, tokens) =
            server.post("/users/registration", &json!({"username": "alice", "password": "test"}));
        let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
        let (access, refresh) = (token("access_token"), token("refresh_token"));
        let alice = |status: u16| json!({"status": status, "body": {"identity": "alice"}});
        assert_eq!(flask(version, &["present", "access", &access]), alice(200), "{version}");
        assert_eq!(flask(version, &["present", "fresh", &access]), alice(200), "{version}");
        assert_eq!(flask(version, &["present", "refresh", &refresh]), alice(200), "{version}");
        assert_eq!(flask(version, &["present", "refresh", &access])["status"], 422, "{version}");
    }
}
