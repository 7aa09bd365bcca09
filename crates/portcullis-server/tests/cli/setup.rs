//! `portcullis setup`: the first administrator is made from elsewhere.

use serde_json::json;

use crate::support::{PASSWORD, Run};

#[test]
fn a_secret_makes_the_first_administrator_once() {
    let run = Run::testing();
    let said = run.run(&["setup"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let secret = said.out.trim_end();
    assert!(!secret.contains(char::is_whitespace), "the secret alone: {}", said.out);
    for text in ["once, until 20", "in 59 minutes", "curl http://127.0.0.1:5000/admin/setup", "--data @-\n"] {
        let text_in_an_hour = text.replace("in 59 minutes", "in 1 hour");
        assert!(said.err.contains(text) || said.err.contains(&text_in_an_hour), "{text:?}: {}", said.err);
    }
    assert!(!said.err.contains(secret));
    let issued = run.json(&["audit", "list", "--event", "setup_secret_issued"]);
    assert!(issued["detail"].as_str().unwrap().contains("at a terminal"), "{issued}");
    // Before the first start, and after it: by the same secret of the instance.
    let server = run.serve();
    let json = run.json(&["setup"]);
    assert!(json["expires_at"].is_i64() && json["secret"] != secret, "{json}");
    let body = |secret: &str, name: &str| json!({"secret": secret, "username": name, "password": PASSWORD});
    assert_eq!(server.post("/admin/setup", &body("no secret", "alice")).0, 401);
    let (status, user) = server.post("/admin/setup", &body(secret, "alice"));
    assert_eq!((status, &user["access"]), (201, &2.into()), "{user}");
    assert_eq!(run.json(&["user", "show", "alice"])["access"], 2);
    assert_eq!(server.post("/admin/setup", &body(secret, "bob")).0, 401, "once");
    run.run(&["setup"]).failed(&["there is an administrator already", "portcullis user create"]);
}
