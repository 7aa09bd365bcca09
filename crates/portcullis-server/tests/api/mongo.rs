//! The running program on a MongoDB.

#[path = "../store/mongo/place.rs"]
mod place;

use serde_json::json;

use self::place::{Place, is_there};
use crate::support::{Server, instance};

const SECRET: &str = "JWT_SECRET_KEY = 'a secret that all nodes share, 32 bytes'\n";

#[test]
fn a_user_registers_logs_in_and_out_and_stays_out_after_a_kill() {
    if !is_there() {
        return;
    }
    let place = Place::new();
    let folder = instance(SECRET);
    let start = || Server::start(folder.path(), &["--profile", "testing"], &[("MONGO_URI", &place.uri)]);
    let alice = json!({"username": "Alice", "password": "correct horse"});
    let secret = (200, json!({"Hello": "Secret!"}));
    let refused = (401, json!({"msg": "Token has been revoked"}));

    let server = start();
    assert!(server.ready.contains("store mongodb://") && server.ready.contains(&place.name));
    assert_eq!(server.post("/users/registration", &alice).0, 201);
    assert_eq!(server.post("/users/registration", &alice).0, 409);
    let (status, tokens) = server.post("/users/login", &alice);
    assert_eq!(status, 200, "{tokens}");
    let token = tokens["access_token"].as_str().unwrap();
    assert_eq!(server.bearer("GET", "/tests/secret", token), secret);
    assert_eq!(server.bearer("POST", "/users/logout", token).0, 204);
    assert_eq!(server.bearer("GET", "/tests/secret", token), refused);
    // Killed, not stopped: what was acknowledged is durable.
    drop(server);

    let server = start();
    assert_eq!(server.bearer("GET", "/tests/secret", token), refused);
    let again = server.post("/users/login", &json!({"username": "ALICE", "password": "correct horse"}));
    assert_eq!(again.0, 200, "{}", again.1);
    assert_eq!(server.bearer("GET", "/tests/secret", again.1["access_token"].as_str().unwrap()), secret);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only the configuration lies there");
    server.signal("TERM");
    assert!(server.wait().success());
}
