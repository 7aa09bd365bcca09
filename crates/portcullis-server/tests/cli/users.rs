//! `portcullis user`, without a server: who is there, what becomes of them, and what is refused.

use crate::support::{PASSWORD, Run};

fn names(run: &Run, filters: &[&str]) -> Vec<String> {
    let users = run.lines(&[&["user", "list"], filters].concat());
    users.iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_first_user_is_made_before_there_is_a_database() {
    let run = Run::testing();
    run.fails(&["user", "list"], &["there is no database", "portcullis serve makes one"]);
    assert!(!run.path("instance").exists(), "looking makes nothing");
    let said = run.run_with(&["user", "create", "alice", "--access", "admin", "--password-stdin"], PASSWORD);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert!(said.out.starts_with("alice is made, access admin, id "), "{}", said.out);
    let user = run.json(&["user", "show", "alice"]);
    assert_eq!(
        (&user["username"], &user["access"], &user["disabled"]),
        (&"alice".into(), &2.into(), &false.into())
    );
    assert!(!run.path("instance/jwt_secret").exists(), "nobody needs one yet");
}

#[test]
fn a_list_is_aligned_and_filtered_and_says_when_there_is_more() {
    let run = Run::testing();
    for (name, access) in [("alice", "admin"), ("Albert", "user"), ("bob", "guest")] {
        run.make(name, access);
    }
    run.run(&["user", "disable", "bob"]);
    let said = run.run(&["user", "list"]);
    let lines: Vec<_> = said.out.lines().collect();
    assert!(lines[0].starts_with("NAME    ACCESS  STATE     CREATED"), "{}", said.out);
    assert!(
        lines[1].starts_with("alice   admin   enabled   20")
            && lines[3].starts_with("bob     guest   disabled  20")
    );
    assert!(!said.out.contains(['\t', '\u{1b}']));
    assert_eq!(names(&run, &["--name", "AL"]), ["Albert", "alice"]);
    assert_eq!(names(&run, &["--access", "admin"]), ["alice"]);
    assert_eq!(names(&run, &["--disabled"]), ["bob"]);
    assert_eq!(names(&run, &["--enabled"]), ["alice", "Albert"]);
    assert_eq!(names(&run, &["--all"]), ["alice", "Albert", "bob"]);
    let said = run.run(&["user", "list", "--limit", "2", "--json"]);
    assert_eq!((said.code, said.json_lines().len()), (0, 2));
    assert!(said.err.contains("there are more"), "{}", said.err);
    run.fails(&["user", "list", "--name", ""], &["--name \"\" must not be empty"]);
}

#[test]
fn nothing_shows_a_hash() {
    let run = Run::testing();
    run.make("alice", "user");
    for arguments in [
        &["user", "list"][..],
        &["user", "list", "--json"],
        &["user", "show", "alice"],
        &["user", "show", "alice", "--json"],
        &["audit", "list"],
        &["audit", "list", "--json"],
    ] {
        let said = run.run(arguments);
        assert!(said.code == 0 && said.out.contains("user"), "{said:?}");
        assert!(!said.out.contains("argon2") && !said.out.contains(PASSWORD), "{said:?}");
    }
}

#[test]
fn who_is_made_has_a_name_and_a_password_that_the_policy_takes() {
    let run = Run::testing().variable("PASSWORD_COMMON", "refuse").variable("PASSWORD_MIN_LENGTH", "8");
    run.make("alice", "user");
    let create =
        |name: &str, password: &str| run.run_with(&["user", "create", name, "--password-stdin"], password);
    for (name, password, says) in [
        ("ALICE", PASSWORD, "the name \"ALICE\" is taken"),
        ("two words", PASSWORD, "the name \"two words\" must consist of letters"),
        ("", PASSWORD, "the name \"\" must not be empty"),
        ("bob", "short", "the password must be at least 8 characters long"),
        ("bob", "password1", "the password must not be one of the most used"),
        ("robert.smith", "robert.smith", "the password must not be the user name"),
        ("bob", "", "--password-stdin: there is no password"),
        ("bob", "correct horse\nbattery", "--password-stdin: there is more than one line"),
    ] {
        let said = create(name, password).failed(&[says]);
        assert!(!said.err.contains("battery") && !said.err.contains("short\""), "{}", said.err);
    }
    run.fails(&["user", "create", "bob"], &["no terminal to ask for a password", "--password-stdin"]);
    // A password is no argument.
    run.fails(&["user", "create", "bob", "--password", PASSWORD], &["unexpected argument '--password'"]);
    assert_eq!(names(&run, &[]), ["alice"]);
}

#[test]
fn every_change_shows_and_may_be_repeated() {
    let run = Run::testing();
    run.make("root", "admin");
    let id = run.make("bob", "user");
    let done = |arguments: &[&str], says: &str| {
        for _ in 0..2 {
            let said = run.run(arguments);
            assert_eq!((said.code, said.err.as_str(), said.out.trim_end()), (0, "", says), "{arguments:?}");
        }
    };
    done(&["user", "access", "bob", "guest"], "the access of bob is guest");
    done(&["user", "disable", &id], "bob is disabled, all sessions have ended");
    let user = run.json(&["user", "show", "BOB"]);
    assert_eq!(
        (&user["access"], &user["disabled"], &user["id"]),
        (&0.into(), &true.into(), &id.as_str().into())
    );
    done(&["user", "enable", "bob"], "bob is enabled");
    done(&["user", "unlock", "bob"], "the failed logins of bob are forgotten");
    let user = run.json(&["user", "access", "bob", "user"]);
    assert_eq!((&user["access"], &user["disabled"]), (&1.into(), &false.into()), "as it is now");
    for _ in 0..2 {
        let said = run.run_with(&["user", "password", "bob", "--password-stdin"], "battery staple");
        assert_eq!(
            (said.code, said.out.as_str()),
            (0, "the password of bob is changed, all sessions have ended\n")
        );
    }
    run.fails(&["user", "delete", "bob"], &["no terminal to ask", "--yes"]);
    let said = run.run(&["user", "delete", "bob", "--yes"]);
    assert_eq!((said.code, said.out.as_str()), (0, "bob is deleted, all sessions have ended\n"));
    assert_eq!(names(&run, &[]), ["root"]);
    // Tokens may live that say the name.
    let said = run.run_with(&["user", "create", "bob", "--password-stdin"], PASSWORD);
    said.failed(&["the name \"bob\" is taken", "deleted lately"]);
}

#[test]
fn nobody_takes_away_the_last_who_administers() {
    let run = Run::testing();
    run.make("root", "admin");
    for arguments in [
        &["user", "disable", "root"][..],
        &["user", "access", "root", "user"],
        &["user", "delete", "root", "--yes"],
    ] {
        run.run(arguments).failed(&["\"root\" is the only one who can administer users"]);
        let root = run.json(&["user", "show", "root"]);
        assert_eq!((&root["access"], &root["disabled"]), (&2.into(), &false.into()), "ADM-04");
    }
    run.make("other", "admin");
    assert_eq!(run.run(&["user", "disable", "root"]).code, 0);
    run.run(&["user", "disable", "other"]).failed(&["\"other\" is the only one"]);
}

#[test]
fn who_is_not_there_is_named() {
    let run = Run::testing();
    run.make("root", "admin");
    for arguments in [
        &["user", "show", "rot"][..],
        &["user", "access", "rot", "user"],
        &["user", "disable", "rot"],
        &["user", "enable", "rot"],
        &["user", "unlock", "rot"],
        &["user", "delete", "rot", "--yes"],
        &["session", "list", "rot"],
        &["session", "end", "--user", "rot"],
        &["audit", "list", "--user", "rot"],
    ] {
        let said = run.fails(arguments, &[]);
        assert_eq!(said.err, "portcullis: there is no user \"rot\"\n", "{arguments:?}");
    }
    let said = run.run_with(&["user", "password", "rot", "--password-stdin"], PASSWORD);
    said.failed(&["there is no user \"rot\""]);
    run.fails(&["session", "end", "rot"], &["there is no session \"rot\""]);
    // What acts on a terminal is written out.
    run.fails(&["user", "show", "\u{1b}[2J\u{202e}"], &["there is no user \"\\u{1b}[2J\\u{202e}\""]);
    let wrong = run.fails(&["user", "access", "root", "boss"], &["invalid value 'boss'"]);
    assert!(wrong.err.contains("[possible values: guest, user, admin]"), "{}", wrong.err);
}

#[test]
fn a_configuration_that_is_wrong_is_told_as_by_a_start() {
    let run = Run::testing().file("JWT_ACESS_TOKEN_EXPIRES = 60\n");
    run.fails(&["user", "list"], &["instance/application.cfg:1: JWT_ACESS_TOKEN_EXPIRES"]);
    let run = Run::testing();
    run.make("root", "admin");
    std::fs::write(run.path("instance/portcullis-testing.sqlite3"), "no database").unwrap();
    run.fails(&["user", "list"], &["portcullis-testing.sqlite3", "no SQLite database"]);
}
