//! What is asked at a terminal: passwords that are typed twice and never shown, and whether to delete.

use std::process::Command;

use crate::support::{PASSWORD, Run, Said};

/// Runs a program at a terminal of its own, waits for each question and types the answer.
const TERMINAL: &str = r#"
import os, pty, sys, termios, time
command, environment, talk = sys.argv[1].split("\n"), sys.argv[2].split("\n"), sys.argv[3:]
child, terminal = pty.fork()
if child == 0:
    os.execve(command[0], command, dict(it.split("=", 1) for it in environment))
seen = b""
def read():
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
while talk:
    question, answer, talk = talk[0].encode(), talk[1].encode(), talk[2:]
    at = len(seen)
    while question not in seen[at:]:
        more = read()
        if not more:
            sys.exit("no question " + repr(question) + " in " + repr(seen))
        seen += more
    # A password is typed when it is not shown any more.
    while question.endswith(b": ") and termios.tcgetattr(terminal)[3] & termios.ECHO:
        time.sleep(0.01)
    os.write(terminal, answer + b"\n")
while True:
    more = read()
    if not more:
        break
    seen += more
sys.stdout.buffer.write(seen)
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status))
"#;

fn talk(run: &Run, arguments: &[&str], talk: &[&str]) -> Said {
    let command = [&[env!("CARGO_BIN_EXE_portcullis")], arguments].concat().join("\n");
    let environment: Vec<_> =
        run.environment().iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut python = Command::new("python3");
    python.args(["-c", TERMINAL, &command, &environment.join("\n")]).args(talk).current_dir(run.path("."));
    run.said(&python.output().unwrap())
}

#[test]
fn a_password_is_typed_twice_and_not_shown() {
    let run = Run::testing();
    let create = ["user", "create", "alice"];
    let said = talk(
        &run,
        &create,
        &["New password of alice: ", PASSWORD, "New password of alice, again: ", "battery staple"],
    );
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.out.contains("the two passwords are not the same"), "{said:?}");
    assert_eq!(run.lines(&["user", "list"]).len(), 0);
    let said = talk(
        &run,
        &create,
        &["New password of alice: ", PASSWORD, "New password of alice, again: ", PASSWORD],
    );
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("alice is made") && !said.out.contains(PASSWORD), "{said:?}");
}

#[test]
fn who_is_to_be_deleted_is_asked_about() {
    let run = Run::testing();
    let id = run.make("bob", "user");
    let delete = ["user", "delete", "bob"];
    let question = format!("Delete bob (id {id}, access user) for good, with all sessions? [y/N] ");
    for no in ["", "n", "maybe"] {
        let said = talk(&run, &delete, &[&question, no]);
        assert!(said.code == 2 && said.out.contains("bob was not deleted"), "{said:?}");
    }
    let said = talk(&run, &delete, &[&question, "y"]);
    assert!(said.code == 0 && said.out.contains("bob is deleted"), "{said:?}");
    assert_eq!(run.lines(&["user", "list"]).len(), 0);
}

#[test]
fn an_import_shows_how_far_it_is() {
    let run = Run::testing().variable("TERM", "xterm");
    let row = |row| format!("{{\"username\":\"user{row}\",\"password\":\"{PASSWORD}\"}}\n");
    let rows = (0..200).map(row).collect::<Vec<_>>().concat();
    std::fs::write(run.path("users.jsonl"), rows).unwrap();
    let said = talk(&run, &["user", "import", "users.jsonl"], &[]);
    assert!(said.code == 0 && said.out.contains("200 taken, 0 not"), "{said:?}");
    assert!(said.out.contains('%'), "a bar: {said:?}");
}

#[test]
fn what_takes_the_place_of_the_database_is_asked_about() {
    let run = Run::testing().variable("TERM", "xterm");
    run.make("alice", "admin");
    let said = talk(&run, &["backup", "backup.db"], &[]);
    assert!(said.code == 0 && said.out.contains('%'), "a bar: {said:?}");
    run.make("bob", "user");
    let restore = ["restore", "backup.db"];
    let question = "in the place of the database? Everybody has to log in again. [y/N] ";
    let said = talk(&run, &restore, &[question, "n"]);
    assert!(said.code == 2 && said.out.contains("nothing was changed"), "{said:?}");
    assert!(said.out.contains("Put backup.db (1 user, of 20"), "{said:?}");
    assert_eq!(run.lines(&["user", "list"]).len(), 2);
    let said = talk(&run, &restore, &[question, "y"]);
    assert!(said.code == 0 && said.out.contains("the one of before is "), "{said:?}");
    assert_eq!(run.lines(&["user", "list"]).len(), 1);
}
