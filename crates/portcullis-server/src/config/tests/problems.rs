//! What is refused, what is warned of, and what is left alone.

use std::{ffi::OsString, fs, os::unix::ffi::OsStringExt};

use super::{super::DatabaseUrl, GOOD, Start, shown};

#[test]
fn every_problem_of_every_source_at_once() {
    let start = Start::with_file(
        "LISTEN = 5000\nJWT_SECRET = 'abc'\nJWT_ALGORITHM = 'ES256K'\nJWT_SECRET_KEY = 12345678\nlog_filter = 'x'\n\
         JWT_ACCESS_TOKEN_EXPIRES = 0\nJWT_TOKEN_LOCATION = ['headers', 'body']\nLISTEN = '[::1]:80'\n\
         JWT_DECODE_LEEWAY = 301\nFOO = 1\n",
    )
    .variables(&[
        ("PORTCULLIS_ENV", "prod"),
        ("DATABASE_URL", "postgres://me:a-word@h/db"),
        ("JWT_SECRET_KYE", "hidden"),
        ("JWT_SECRET_KEYS_PREVIOUS", "hidden,too"),
        ("JWT_SECRET_KEY", ""),
        ("REQUEST_TIMEOUT", "never"),
    ])
    .flag("LISTEN", "--listen", "db:5000");
    let problems = start.problems();
    assert!(!problems.contains("hidden") && !problems.contains("a-word") && !problems.contains("12345678"));
    insta::assert_snapshot!(problems, @r#"
    Check PORTCULLIS_ENV: "prod" is not a profile; expected development, testing or production
    instance/application.cfg:1: LISTEN: expected a text in quotes, found a whole number
    instance/application.cfg:2: JWT_SECRET is no setting; did you mean JWT_SECRET_KEY?
    instance/application.cfg:3: JWT_ALGORITHM: expected one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, found "ES256K"
    instance/application.cfg:4: JWT_SECRET_KEY: expected a text, found a whole number: write the secret in quotes, as "[redacted]"
    instance/application.cfg:5: log_filter is no setting (names are upper case, Flask ignores others); did you mean LOG_FILTER?
    instance/application.cfg:6: JWT_ACCESS_TOKEN_EXPIRES: a lifetime of zero is not "for ever": give at least one second, found 0
    instance/application.cfg:7: JWT_TOKEN_LOCATION: "body" is none of headers, cookies, json and query_string
    instance/application.cfg:8: LISTEN: stands twice, first at instance/application.cfg:1; Python takes the last: keep one
    instance/application.cfg:9: JWT_DECODE_LEEWAY: expected 0 to 300 seconds, as a number (10) or with a unit ("10s", "2m"), found 301
    instance/application.cfg:10: FOO is no setting
    variable JWT_SECRET_KEY: is empty: give it a value or unset it
    variable JWT_SECRET_KYE: is no setting; did you mean JWT_SECRET_KEY?
    variable DATABASE_URL: postgres: is no database that portcullis knows; expected sqlite: and a path, or a mongodb: URL
    variable JWT_SECRET_KEYS_PREVIOUS: expected a TOML list of texts, as ['one', "two"]: commas alone do not part secrets
    variable REQUEST_TIMEOUT: expected 1 to 3600 seconds, as a number (10) or with a unit ("10s", "2m"), found "never"
    --listen: expected an address and a port, as 127.0.0.1:5000 or [::1]:5000, or a port alone (names other than localhost are not resolved), found "db:5000"
    "#);
}

#[test]
fn two_names_of_the_database_agree_within_a_source_and_the_later_source_wins() {
    let secret = ("JWT_SECRET_KEY", GOOD);
    let mongo = "mongodb://me:a-word@db:27017/flask_api_demo";
    let start = Start::with_file("DATABASE_URL = 'sqlite:x.db'\n").variables(&[("MONGO_URI", mongo), secret]);
    let config = start.config();
    assert!(matches!(&config.database, DatabaseUrl::Mongo(url) if url.expose() == mongo));
    assert!(!format!("{config:?}").contains("a-word") && !format!("{config:?}").contains(GOOD));
    assert_eq!(shown(&config, "DATABASE_URL"), "# DATABASE_URL is not set");
    assert_eq!(
        shown(&config, "MONGO_URI"),
        "MONGO_URI = \"mongodb://me:[redacted]@db:27017/flask_api_demo\"  # variable MONGO_URI"
    );
    assert_eq!(
        shown(&config, "JWT_SECRET_KEY"),
        "JWT_SECRET_KEY = \"[redacted]\"  # variable JWT_SECRET_KEY"
    );
    let file = format!("MONGO_URI = '{mongo}'\n");
    let start = Start::with_file(&file).variables(&[("DATABASE_URL", "sqlite:x.db")]);
    assert!(matches!(start.config().database, DatabaseUrl::Sqlite(_)));
    let both = format!("{file}DATABASE_URL = 'mongodb://db/other'\nJWT_SECRET_KEY = '{GOOD}'\n");
    insta::assert_snapshot!(Start::with_file(both).problems(), @r#"instance/application.cfg:1: MONGO_URI: disagrees with DATABASE_URL (instance/application.cfg:2): both name the database; keep one"#);
    let agree = format!("{file}DATABASE_URL = '{mongo}'\nJWT_SECRET_KEY = '{GOOD}'\n");
    assert!(matches!(Start::with_file(agree).config().database, DatabaseUrl::Mongo(_)));
    insta::assert_snapshot!(Start::with_file(file).problems(), @r#"JWT_SECRET_KEY is missing: with MongoDB all nodes must share one; make it with `openssl rand -base64 48` and give it to each"#);
}

#[test]
fn flask_names_get_one_warning() {
    let start =
        Start::with_file("DEBUG = True\nJWT_VERIFY_SUB = True\nJWT_HEADER_TYPE = 'JWT'\nTESTING = a + b\n")
            .variables(&[
                ("JWT_CSRF_HEADER_NAME", "X-CSRF"),
                ("TESTING", "1"),
                ("JWT_BLACKLIST_ENABLED", "1"),
            ]);
    insta::assert_snapshot!(start.good().1.join("\n"), @r#"
    instance/application.cfg:1: these names of Flask have no effect here: DEBUG (line 1), JWT_VERIFY_SUB (line 2), TESTING (line 4)
    environment: these names of Flask have no effect here: JWT_BLACKLIST_ENABLED, JWT_CSRF_HEADER_NAME
    "#);
}

#[test]
fn other_programs_variables_are_theirs() {
    let names = "LANG HOME LOGNAME PATH USER SHELL HOSTNAME TERM PWD OLDPWD LS_COLORS SHLVL TZ EDITOR PAGER MAIL \
        DISPLAY LC_ALL LISTEN_FDS LISTEN_PID LISTEN_FDNAMES LOG_LEVEL LOG_FILE LOG_DIR RUST_LOG PORT \
        HOST ENV DEBUG TESTING FLASK_APP FLASK_DEBUG FLASK_RUN_PORT SECRET_KEY_BASE AWS_SECRET_KEY \
        AWS_SECRET_ACCESS_KEY MONGO_HOST DATABASE_HOST DATABASE_NAME REDIS_URL PYTHONPATH VIRTUAL_ENV \
        CARGO_HOME INVOCATION_ID JOURNAL_STREAM KUBERNETES_SERVICE_HOST http_proxy NO_PROXY _";
    let variables: Vec<_> = names.split_whitespace().map(|name| (name, "x")).collect();
    assert_eq!(Start::without_file().variables(&variables).good().1, Vec::<String>::new());
    for name in [
        "FLASK_ENVS",
        "DATABASE_URI",
        "MONGODB_URI",
        "PORTCULIS_ENV",
        "SECRET_KEYS",
        "MONGO_URL",
        "LISTENS",
        "JWT_SECRET",
        "JWT_X",
    ] {
        let problems = Start::without_file().variables(&[(name, "hidden")]).problems();
        assert!(
            problems.starts_with(&format!("variable {name}: is no setting")) && !problems.contains("hidden")
        );
    }
}

#[test]
fn a_variable_with_our_prefix_that_nothing_reads_is_told() {
    let start = Start::without_file().variables(&[
        ("PORTCULLIS_LISTEN", "hidden"),
        ("PORTCULLIS_SECRET", "hidden"),
        ("PORTCULLIS_TEST_X", "1"),
        ("PORTCULLIS_VECTORS", "1"),
        ("PORTCULLIS_ENV", "production"),
    ]);
    insta::assert_snapshot!(start.good().1.join("\n"), @"
    variable PORTCULLIS_LISTEN: has no effect: LISTEN is the name
    variable PORTCULLIS_SECRET: has no effect: it is no name of portcullis
    ");
}

#[test]
fn a_value_that_is_not_utf8_matters_in_our_names_only() {
    let bytes = || OsString::from_vec(vec![b'a', 0xff]);
    let mut start = Start::without_file();
    start.sources.environment =
        [("LANG".into(), bytes()), ("JWT_SECRET_KEY".into(), bytes())].into_iter().collect();
    assert_eq!(start.problems(), "variable JWT_SECRET_KEY: its value is not UTF-8");
}

#[test]
fn a_bad_file_gets_one_clear_message() {
    let problems = |bytes: &[u8]| Start::with_file(bytes).problems();
    insta::assert_snapshot!(problems(b"\nJWT_SECRET_KEY = 'abc"), @r#"
    instance/application.cfg:2: JWT_SECRET_KEY: the text that ' begins does not end
            JWT_SECRET_KEY = [redacted]
    "#);
    insta::assert_snapshot!(problems(b"DEBUG = true\nJWT_SECRET_KEY = '\xe9'\n"), @r#"instance/application.cfg:2: is not UTF-8: save the file as UTF-8"#);
    insta::assert_snapshot!(problems(b"JWT_DECODE_AUDIENCE = ['a',\nJWT_SECRET_KEY = 'abc'\n"), @r#"
    instance/application.cfg:1: JWT_DECODE_AUDIENCE: the [ is not closed
            JWT_DECODE_AUDIENCE = ['a',
    instance/application.cfg:2: JWT_SECRET_KEY: has 3 bytes: HS256 takes at least 32; make one with `openssl rand -base64 48`; tokens signed with the present one stay valid when that moves to JWT_SECRET_KEYS_PREVIOUS
    "#);
    let folder = Start::without_file();
    fs::create_dir(folder.folder.path().join("application.cfg")).unwrap();
    insta::assert_snapshot!(folder.problems(), @r#"instance/application.cfg: is a folder; expected a file"#);
    let windows = format!("\u{feff}JWT_SECRET_KEY = '{GOOD}'\r\nPASSWORD_QUEUE = 7\r\n");
    let config = Start::with_file(windows).config();
    assert_eq!((config.jwt.secret_key.unwrap().expose(), config.hash_queue), (GOOD, 7));
}

#[test]
fn what_would_hide_other_lines_is_refused() {
    let problems = |text: &str| Start::with_file(text).problems();
    assert_eq!(
        problems("LOG_FILTER = 'info'\n# a remark\rLISTEN = '[::]:1'\n"),
        "instance/application.cfg:2: a carriage return stands alone: end lines in a line feed"
    );
    assert_eq!(
        problems("DEBUG = 'true\nSESSION_COOKIE_PATH = ['/',\nLOG_FILTER = 'info'\n"),
        "instance/application.cfg:1: DEBUG: its text does not end\n\
         instance/application.cfg:2: SESSION_COOKIE_PATH: its brackets do not close"
    );
    let list = Start::without_file().variables(&[("JWT_REQUIRED_CLAIMS", "['exp']")]);
    assert_eq!(
        list.problems(),
        "variable JWT_REQUIRED_CLAIMS: write the entries with commas between them, without brackets and quotes"
    );
}

#[test]
fn a_refused_secret_is_not_missing_as_well() {
    let start = Start::with_file("JWT_SECRET_KEY = 12345678\nMONGO_URI = 'mongodb://db/x'\n");
    assert_eq!(start.problems().lines().count(), 1, "{}", start.problems());
}

#[test]
fn the_rest_of_a_broken_secret_is_not_taken_for_a_name_and_shown() {
    let start = Start::with_file("JWT_SECRET_KEY = \"c2VjcmV0\nZGVmZw==\"\n");
    assert_eq!(
        start.problems(),
        "instance/application.cfg:1: JWT_SECRET_KEY: the text that \" begins does not end\n        \
         JWT_SECRET_KEY = [redacted]\n\
         instance/application.cfg:2: the name before the = is no setting (names are upper case, Flask ignores others)"
    );
}
