//! Files that would hide a setting, show a secret, or keep the program busy.

use super::Start;

const SECRET: &str = "hidden-hidden-hidden-hidden-hidden";

#[test]
fn a_line_without_effect_hides_no_setting() {
    for line in [
        "DEBUG = True; JWT_SECRET_KEY = 'VALUE'",
        "DEBUG = [1, 2]; JWT_SECRET_KEY = 'VALUE'",
        "DEBUG = [True; JWT_SECRET_KEY = 'VALUE']",
        "TESTING = JWT_SECRET_KEY = 'VALUE'",
        "TESTING = [0][0] = JWT_SECRET_KEY = 'VALUE'",
        "TESTING = True, JWT_SECRET_KEY = 'VALUE'",
        "TESTING = (JWT_SECRET_KEY := 'VALUE')",
        "TESTING = (x := 'VALUE')",
        "TESTING = f'{(x := 1)}'",
        "TESTING = dict(\n  JWT_SECRET_KEY = 'VALUE',\n)",
        "TESTING = (]\nx = 'VALUE'\n[)",
        "TESTING = ) (\nx = 'VALUE'\n",
        "TESTING = \\\nREGISTRATION = 'closed'",
        "TESTING = 'a\\'; JWT_SECRET_KEY = 'VALUE'",
    ] {
        let problems = Start::with_file(line.replace("VALUE", SECRET)).problems();
        let about = "instance/application.cfg:1: ";
        assert!(problems.starts_with(about) && !problems.contains("hidden"), "{line}\n{problems}");
    }
    for line in [
        "DEBUG = 'a; b = c'  # ; JWT_SECRET_KEY = 'x'",
        "PERMANENT_SESSION_LIFETIME = timedelta(days=31, hours=1)",
        "MONGO_OPTIONS = {'a': [1, (2, 3)], 'b': dict(c=4)}",
        "TESTING = 'it\\'s'",
    ] {
        assert_eq!(Start::with_file(line).good().1.len(), 1, "{line}");
    }
    insta::assert_snapshot!(Start::with_file("TESTING = REGISTRATION = 'closed'\nDEBUG = \\\n").problems(), @r#"
    instance/application.cfg:1: TESTING: a ; or a second = may set another name: give each setting a line of its own
    instance/application.cfg:2: DEBUG: goes on behind a backslash: write it in one line
    "#);
}

#[test]
fn a_line_that_may_hold_a_secret_is_not_repeated() {
    for line in [
        "LISTEN = '127.0.0.1:1', JWT_SECRET_KEY = 'SECRET'",
        "LISTEN = JWT_SECRET_KEY = 'SECRET'",
        "LISTEN = '127.0.0.1:1'; password = 'SECRET'",
        "LISTEN = '127.0.0.1:1, SECRET_KEY = 'SECRET'",
        "LISTEN = '127.0.0.1:1, SECRET_KEY = ' 'SECRET'",
        "LISTEN = \"127.0.0.1:1, JWT_SECRET_KEY = 'SECRET'\"",
        "LISTEN = 'mongodb://u:SECRET@h'",
        "BODY_LIMIT = 'MONGO_URI SECRET'",
        "REGISTRATION = u'JWT_SECRET_KEY=SECRET'",
        "MONGO_URI = 'mongodb://u:SECRET'",
        "MONGO_URI = u'mongodb://u:SECRET'",
        "DATABASE_URL = ('mongodb://u:SECRET/db')",
    ] {
        let problems = Start::with_file(line.replace("SECRET'", &format!("{SECRET}'"))).problems();
        assert!(!problems.contains("hidden"), "{line}\n{problems}");
    }
    insta::assert_snapshot!(
        Start::with_file("LISTEN = '127.0.0.1:1', JWT_SECRET_KEY = 'x'\nREGISTRATION = JWT_SECRET_KEY = 'x'\n\
            ERROR_STYLE = 'SECRET_KEY'\n")
        .problems(), @"
    instance/application.cfg:1: LISTEN: a tuple is Python: TOML writes lists, in [ ]
            LISTEN = …
        give each setting a line of its own
    instance/application.cfg:2: REGISTRATION: a second = sets another name as well: one setting a line
            REGISTRATION = …
        give each setting a line of its own
    instance/application.cfg:3: ERROR_STYLE: a text that a secret may be part of is not one of flask-3, flask-4, problem
    ");
}

#[test]
fn what_is_repeated_is_short() {
    let long = "x".repeat(1000);
    for line in [
        format!("LISTEN = '{long}'"),
        format!("LISTEN = {long}"),
        format!("LISTEN = '{long}"),
        format!("LISTEN = u'{long}'"),
        format!("JWT_ENCODE_NBF = [{}]", "1,".repeat(1000)),
        format!("{} = 1", long.to_uppercase()),
    ] {
        let problems = Start::with_file(&line).problems();
        assert!(problems.len() < 700 && problems.contains('…'), "{problems}");
    }
    let problems = Start::without_file().variables(&[("PORTCULLIS_ENV", &long)]).problems();
    assert!(problems.len() < 300, "{problems}");
}

#[test]
fn a_file_of_another_kind_is_read_once_and_told_in_short() {
    const MOST: usize = 256 * 1024;
    let many = |piece: &str| piece.repeat((MOST - 64) / piece.len());
    for text in [
        format!("LISTEN = {}", many("\"a\" ")),
        format!("LISTEN = {}", many("(")),
        format!("LISTEN = {}", many("[")),
        format!("LISTEN = {}{}", many("[").split_at(MOST / 2).0, many("]").split_at(MOST / 2 - 64).0),
        format!("LISTEN = ({}", many("\n")),
        format!("LISTEN = ({}", many("A\n")),
        format!("LISTEN = {}", many("1*")),
        many("A\n"),
        many("AB=\n"),
        many("A=1\n"),
        many("LISTEN=\n"),
        many("'"),
        many("'a"),
        many("LISTEN='\n"),
        many("\"\"\"\\"),
        many("A"),
    ] {
        let problems = Start::with_file(&text).problems();
        let start: String = text.chars().take(20).collect();
        assert!(problems.len() < 30_000 && problems.lines().count() <= 301, "{start}: {}", problems.len());
    }
    Start::with_file(format!("DEBUG = {}", many("\"a\" "))).config();
    let warnings = Start::with_file(many("DEBUG=1\n")).good().1;
    assert!(
        warnings.len() == 1 && warnings[0].ends_with(" more") && warnings[0].len() < 3000,
        "{warnings:?}"
    );
    let many = Start::with_file("A\n".repeat(103)).problems();
    assert!(many.lines().count() == 101 && many.ends_with("\nand 3 more"), "{many}");
    assert_eq!(
        Start::with_file(vec![b'#'; MOST + 1]).problems(),
        "instance/application.cfg: is larger than 256 KiB: a configuration takes a few; is it the right file?"
    );
}
