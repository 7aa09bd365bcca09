//! kill -9: what was acknowledged is there after the restart.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    harness::kill::{self, Plan, StoreKind},
    support::{SEED_LINE, Server, instance},
};

/// The short form of `scripts/bench kill`.
#[test]
fn what_was_acknowledged_under_load_survives_and_nothing_comes_back() {
    let longest = Duration::from_millis(600);
    let plan = Plan { rounds: 3, seed: 5, store: StoreKind::Sqlite, rounds_of_a_life: 3, longest };
    let report = kill::run(&plan, |_| {});
    assert!(report.violations.is_empty(), "{report}\n{:#?}", report.violations);
    assert!(report.facts.values().sum::<u64>() > 50, "{report}");
}

#[test]
fn an_acknowledged_registration_and_logout_survive() {
    let folder = instance(SEED_LINE);
    let (mut live, mut ended) = (Vec::new(), Vec::new());
    for round in 0..5 {
        let server = Server::seed(folder.path());
        let body = json!({"username": format!("user-{round}"), "password": "test"});
        let (status, kept) = server.post("/users/registration", &body);
        assert_eq!(status, 201);
        let (_, given_back) = server.post("/users/login", &body);
        let access = |tokens: &Value| tokens["access_token"].as_str().unwrap().to_owned();
        live.push((body, access(&kept)));
        ended.push(access(&given_back));
        assert_eq!(server.bearer("POST", "/users/logout", &access(&given_back)), (204, Value::Null));
        // Dropped, that is killed, at once after the answer.
    }
    let server = Server::seed(folder.path());
    for (body, access) in &live {
        assert_eq!(server.bearer("GET", "/tests/secret", access).0, 200);
        assert_eq!(server.post("/users/login", body).0, 200);
        assert_eq!(server.post("/users/registration", body).0, 409);
    }
    for access in &ended {
        let revoked = json!({"msg": "Token has been revoked"});
        assert_eq!(server.bearer("GET", "/tests/secret", access), (401, revoked));
    }
}
