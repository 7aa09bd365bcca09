//! kill -9: what was acknowledged is there after the restart.

use serde_json::{Value, json};

use crate::support::{SEED_LINE, Server, instance};

#[test]
fn an_acknowledged_registration_and_logout_survive() {
    let folder = instance(SEED_LINE);
    let mut live = Vec::new();
    let mut ended = Vec::new();
    for round in 0..5 {
        let server = Server::seed(folder.path());
        let name = format!("user-{round}");
        let (status, tokens) =
            server.post("/users/registration", &json!({"username": name, "password": "test"}));
        assert_eq!(status, 201);
        let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
        assert_eq!(server.bearer("POST", "/users/logout", &token("refresh_token")).0, 204);
        live.push((name, token("access_token")));
        ended.push(token("refresh_token"));
        // Dropped, that is killed, at once after the answer.
    }
    let server = Server::seed(folder.path());
    for (name, access) in &live {
        assert_eq!(server.bearer("GET", "/tests/secret", access).0, 200);
        assert_eq!(server.post("/users/login", &json!({"username": name, "password": "test"})).0, 200);
        assert_eq!(server.post("/users/registration", &json!({"username": name, "password": "test"})).0, 409);
    }
    for refresh in &ended {
        // A refresh token opens nothing here; that it is revoked is seen by its order in the list of checks.
        assert_eq!(server.bearer("POST", "/users/logout", refresh).0, 204);
    }
}

#[test]
fn a_revoked_access_token_stays_revoked() {
    let folder = instance(SEED_LINE);
    let server = Server::seed(folder.path());
    let (_, tokens) = server.post("/users/registration", &json!({"username": "test", "password": "test"}));
    let access = tokens["access_token"].as_str().unwrap().to_owned();
    assert_eq!(server.bearer("POST", "/users/logout", &access), (204, Value::Null));
    drop(server);
    let server = Server::seed(folder.path());
    let revoked = json!({"msg": "Token has been revoked"});
    assert_eq!(server.bearer("GET", "/tests/secret", &access), (401, revoked));
}
