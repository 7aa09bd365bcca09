//! What the program says when it cannot start, and what `portcullis config` says without starting.

use std::{fs, net::TcpListener, path::Path, process::Command};

use portcullis_server::store::sqlite::SqliteStore;

use crate::support::Run;

#[test]
fn wrong_words_are_told_with_the_right_ones() {
    for (arguments, says) in [
        (&[][..], "Usage: portcullis"),
        (&["serv"], "some similar subcommands exist: 'user', 'serve'"),
        (&["serve", "--listn", "x"], "a similar argument exists: '--listen'"),
        (&["config"], "Usage: portcullis config"),
    ] {
        let said = Run::new().run(arguments);
        assert_eq!(said.code, 2, "{arguments:?}");
        assert!(said.err.contains(says), "{}", said.err);
    }
}

#[test]
fn config_check_is_quiet_about_what_is_right() {
    let said = Run::new().variable("FLASK_ENV", "development").run(&["config", "check"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert_eq!(said.out, "the configuration is right (profile development)\n");
}

#[test]
fn config_check_tells_every_problem_with_its_origin() {
    let run = Run::new()
        .file("JWT_SECRET_KEY = 'jwt-secret-string-1234-!@#$'\nJWT_ACESS_TOKEN_EXPIRES = 60\nPASSWORD_QUEUE = \"many\"\n")
        .variable("BODY_LIMIT", "big");
    let said = run.run(&["config", "check"]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    for text in [
        "instance/application.cfg:1: JWT_SECRET_KEY",
        "instance/application.cfg:2: JWT_ACESS_TOKEN_EXPIRES",
        "JWT_ACCESS_TOKEN_EXPIRES",
        "instance/application.cfg:3: PASSWORD_QUEUE",
        "variable BODY_LIMIT",
    ] {
        assert!(said.err.contains(text), "{text:?} is not in:\n{}", said.err);
    }
    assert!(!said.err.contains("1234-!@#$"), "{}", said.err);
}

#[test]
fn config_show_has_values_origins_and_no_secret() {
    let run = Run::new()
        .file("JWT_SECRET_KEY = 'a secret that nobody may see, ever'\nBODY_LIMIT = 1024\n")
        .variable("LOG_FILTER", "debug");
    let said = run.run(&["config", "show"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    for line in [
        "JWT_SECRET_KEY = \"[redacted]\"  # instance/application.cfg:1",
        "BODY_LIMIT = 1024  # instance/application.cfg:2",
        "LOG_FILTER = \"debug\"  # variable LOG_FILTER",
        "JWT_ALGORITHM = \"HS256\"  # default.toml:",
    ] {
        assert!(said.out.contains(line), "{line:?} is not in:\n{}", said.out);
    }
    assert!(!said.out.contains("nobody may see"));
}

#[test]
fn a_reader_who_has_gone_is_no_failure_and_a_full_disk_is_one() {
    let show = format!("{} config show", env!("CARGO_BIN_EXE_portcullis"));
    let bash =
        |command: String| Command::new("bash").args(["-o", "pipefail", "-c", &command]).output().unwrap();
    let gone = bash(format!("{{ sleep 0.2; {show}; }} | true"));
    assert!(gone.status.success() && gone.stderr.is_empty(), "{}", String::from_utf8_lossy(&gone.stderr));
    let full = bash(format!("{show} > /dev/full"));
    let said = String::from_utf8(full.stderr).unwrap();
    assert!(full.status.code() == Some(2) && said.contains("standard output"), "{said}");
}

#[test]
fn looking_makes_nothing() {
    let run = Run::new();
    run.run(&["config", "check"]);
    run.run(&["config", "show"]);
    assert!(!run.path("instance").exists());
}

#[test]
fn profiles() {
    Run::new().refused(
        &["--profile", "prod"],
        &["Check --profile", "\"prod\"", "development, testing or production"],
    );
    Run::new().variable("PORTCULLIS_ENV", "prod").refused(&[], &["Check PORTCULLIS_ENV"]);
    Run::new().variable("FLASK_ENV", "staging").refused(&[], &["Check FLASK_ENV"]);
}

#[test]
fn secrets_that_must_not_sign_in_production() {
    // KEY-11
    let example = "JWT_SECRET_KEY = 'jwt-secret-string-1234-!@#$'\n";
    let said = Run::new()
        .file(example)
        .refused(&[], &["application.cfg:1: JWT_SECRET_KEY", "example", "openssl rand"]);
    assert!(!said.err.contains("1234-!@#$"), "{}", said.err);
    let short = "JWT_SECRET_KEY = 'only thirty-one bytes of secret'\n";
    Run::new()
        .file(short)
        .refused(&[], &["application.cfg:1", "31 bytes", "at least 32", "JWT_SECRET_KEYS_PREVIOUS"]);
}

#[cfg(feature = "mongo")]
#[test]
fn a_mongodb_that_nobody_answers_for_is_waited_for_and_then_named() {
    // DUR-08
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let secret = "JWT_SECRET_KEY = 'a secret that all nodes share, 32 bytes'";
    let run = Run::new().file(format!("{secret}\nMONGO_URI = 'mongodb://me:hunter2@{free}/x'\n"));
    let address = free.to_string();
    let said =
        run.refused(&[], &["mongodb://me:[redacted]@", &address, "cannot be reached", "trying for 10 s"]);
    assert!(!said.err.contains("hunter2"), "{}", said.err);
}

#[cfg(feature = "mongo")]
#[test]
fn a_mongodb_needs_a_secret_that_all_nodes_share() {
    for (name, value) in
        [("MONGO_URI", "mongodb://db:27017/flask_api_demo"), ("DATABASE_URL", "mongodb://root:hunter2@db/x")]
    {
        let run = Run::new().variable(name, value);
        let said = run.refused(&[], &["JWT_SECRET_KEY is missing", "all nodes must share one"]);
        assert!(!said.err.contains("hunter2"), "{}", said.err);
        assert!(!run.path("instance").exists(), "nothing is made by a start that fails");
    }
}

#[cfg(not(feature = "mongo"))]
#[test]
fn a_program_without_the_mongodb_store_says_so() {
    for (name, value) in
        [("MONGO_URI", "mongodb://db:27017/flask_api_demo"), ("DATABASE_URL", "mongodb://root:hunter2@db/x")]
    {
        let run = Run::new().variable(name, value);
        let said = run.refused(&[], &[name, "built without the MongoDB store"]);
        assert!(!said.err.contains("hunter2"), "{}", said.err);
    }
}

#[test]
fn files_that_cannot_be_read() {
    Run::new().file("JWT_SECRET_KEY = 'abc").refused(&[], &["application.cfg:1"]);
    Run::new().file([b'A', b' ', 0xff]).refused(&[], &["application.cfg:1", "UTF-8"]);
    let run = Run::new();
    fs::create_dir_all(run.path("instance/application.cfg")).unwrap();
    run.refused(&[], &["application.cfg", "is a folder"]);
}

#[test]
fn a_port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = Run::new();
    let said = run.run(&["serve", "--listen", &address]);
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains(&format!("cannot listen on {address}")) && said.err.contains("in use"),
        "{}",
        said.err
    );
    assert!(!run.path("instance").exists(), "nothing is made by a start that fails");
}

#[test]
fn an_instance_folder_that_cannot_be() {
    let run = Run::new();
    fs::write(run.path("instance"), "a file").unwrap();
    run.refused(&[], &["instance"]);
}

#[test]
fn databases_that_are_not_a_whole_one_of_ours() {
    // DUR-07
    let run = Run::new();
    let database = run.path("instance/portcullis.sqlite3");
    fs::create_dir_all(run.path("instance")).unwrap();
    for (content, says) in [
        (&b""[..], "is empty"),
        (
            b"this is no database at all, but a text of some length, so that its head is long enough to read",
            "portcullis.sqlite3",
        ),
    ] {
        fs::write(&database, content).unwrap();
        run.refused(&[], &["portcullis.sqlite3", says]);
        assert_eq!(fs::read(&database).unwrap(), content, "the file stays as it is");
    }
    fs::remove_file(&database).unwrap();
    sqlite(&database, "CREATE TABLE notes (text); PRAGMA user_version = 1;");
    run.refused(&[], &["portcullis.sqlite3", "database of another program"]);
    fs::remove_file(&database).unwrap();
    SqliteStore::open(&database).unwrap();
    sqlite(&database, "PRAGMA user_version = 99;");
    run.refused(&[], &["portcullis.sqlite3", "newer version of portcullis (schema 99"]);
}

fn sqlite(file: &Path, sql: &str) {
    rusqlite::Connection::open(file).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_log_filter_that_is_none() {
    Run::new().variable("LOG_FILTER", "loud=very").refused(&[], &["LOG_FILTER"]);
    Run::new().variable("LOG_FILTER", "inof").refused(&[], &["LOG_FILTER", "names no level"]);
}

#[test]
fn config_check_says_what_serve_would_say() {
    for (file, says) in [
        (
            "LOG_FILTER = 'loud=very'\n",
            "instance/application.cfg:1: LOG_FILTER: \"loud=very\" is not a filter",
        ),
        ("LOG_FILTER = 'inof'\n", "instance/application.cfg:1: LOG_FILTER: \"inof\" names no level"),
        (
            "JWT_SECRET_KEY = 'a secret that all nodes share, 32 bytes'\nMONGO_URI = 'mongodb://me:hunter2@db/x?w=-7'\n",
            "instance/application.cfg:2: MONGO_URI: mongodb://me:[redacted]@db/x?w=-7: ",
        ),
        ("JWT_IDENTITY_CLAIM = 'exp'\n", "instance/application.cfg:1: JWT_IDENTITY_CLAIM: "),
        (
            "SECRET_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ'\n",
            "instance/application.cfg:1: SECRET_KEY: ",
        ),
    ] {
        let run = Run::new().file(file);
        let said = run.run(&["config", "check"]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{file}");
        assert!(
            said.err.contains(says) && said.err.lines().count() == 2,
            "{says:?} is not in:\n{}",
            said.err
        );
        run.refused(&[], &[]);
    }
}
