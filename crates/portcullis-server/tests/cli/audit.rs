//! `portcullis audit list`: what was done at a terminal, and by whom.

use crate::support::{Run, account};

#[test]
fn what_is_done_at_a_terminal_is_an_event_with_the_account() {
    let run = Run::testing();
    let root = run.make("root", "admin");
    let bob = run.make("bob", "user");
    run.run(&["user", "access", "bob", "guest"]);
    run.run(&["user", "delete", "bob", "--yes"]);
    let events = run.lines(&["audit", "list"]);
    let kinds: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["user_deleted", "privilege_permissions_changed", "user_created", "user_created"],
        "the newest first"
    );
    let detail = format!("access guest; at a terminal, as {}", account());
    assert_eq!(events[1]["detail"], detail, "not as LOGNAME says");
    assert_eq!(
        (&events[1]["subject"], &events[1]["actor"]),
        (&bob.as_str().into(), &serde_json::Value::Null)
    );
    let of = |arguments: &[&str]| run.lines(&[&["audit", "list"], arguments].concat()).len();
    assert_eq!(of(&["--user", "root"]), 1);
    assert_eq!(of(&["--user", &root]), 1);
    assert_eq!(of(&["--user", &bob]), 3, "also of one who is gone, by the id");
    assert_eq!(of(&["--event", "user_created"]), 2);
    assert_eq!(of(&["--since", "1h"]), 4);
    assert_eq!(of(&["--since", "2000-01-01"]), 4);
    assert_eq!(of(&["--since", "2100-01-01T00:00:00Z"]), 0);
    let said = run.run(&["audit", "list", "--limit", "1"]);
    assert!(said.out.starts_with("WHEN ") && said.out.lines().count() == 2, "{}", said.out);
    assert!(said.err.contains("there is more"), "{}", said.err);
    let table = run.run(&["audit", "list", "--user", "root"]).out;
    let row: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().skip(1).take(4).collect();
    assert_eq!(row, ["user_created", "-", "root", "-"], "a name where there is one");
}

#[test]
fn for_whom_sudo_says_to_act_is_only_claimed() {
    let run = Run::testing().variable("SUDO_USER", "mallory; as \"root\"").variable("USER", "mallory");
    run.make("root", "admin");
    let claimed = format!(
        "access admin; at a terminal, as {}; SUDO_USER claims \"mallory; as \\\"root\\\"\"",
        account()
    );
    assert_eq!(run.json(&["audit", "list"])["detail"], claimed);
}

#[test]
fn what_did_not_happen_to_the_last_administrator_is_an_event() {
    let run = Run::testing();
    run.make("root", "admin");
    run.run(&["user", "disable", "root"]).failed(&["is the only one"]);
    let events = run.lines(&["audit", "list", "--event", "authz_fail"]);
    let detail = format!("at a terminal, as {}; user_disabled: refused, the last administrator", account());
    assert_eq!((events.len(), &events[0]["detail"]), (1, &detail.into()));
}

#[test]
fn what_is_no_event_and_no_moment_is_told() {
    let run = Run::testing();
    run.make("root", "admin");
    run.fails(&["audit", "list", "--event", "login"], &["invalid value 'login'", "authn_login_fail"]);
    run.fails(&["audit", "list", "--since", "yesterday"], &["\"yesterday\" is no moment; write 2026-11-28"]);
}
