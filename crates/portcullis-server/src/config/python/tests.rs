//! What Python reads differently, line by line.

use super::{super::settings::Setting, *};

/// The explanation of a statement; none when it is read.
fn explained(text: &str) -> Option<String> {
    let statements = statements(text);
    let [statement] = statements.as_slice() else { panic!("{text}: {} statements", statements.len()) };
    let Shape::Assignment { name, .. } = statement.shape() else {
        return Some(explain_statement(statement));
    };
    explain(Setting::named(name).unwrap(), statement)
}

#[test]
fn what_both_read_alike_is_read() {
    for text in [
        "JWT_SECRET_KEY = 'jwt-secret-string-1234-!@#$'  # a remark",
        r#"JWT_SECRET_KEY = "it's \\ \" \n \t \r \b \f \u00e9 \U0001F600 \x41""#,
        "JWT_DECODE_AUDIENCE = [\n  'a', # first\n  \"b\",\n]",
        "BODY_LIMIT = 1_000",
        "BODY_LIMIT = 0xff",
        "JWT_ENCODE_NBF = true",
        "JWT_DECODE_LEEWAY = -5",
        "  LOG_FILTER=''",
        "LOG_FILTER = 'a = b; c # d'",
    ] {
        assert_eq!(explained(text), None, "{text}");
    }
}

#[test]
fn a_python_value_is_shown_with_its_form_in_toml() {
    let form = |text: &str| explained(text).unwrap().rsplit("\n    ").next().unwrap().to_owned();
    assert_eq!(form("JWT_ENCODE_NBF = True"), "JWT_ENCODE_NBF = true");
    assert_eq!(form("JWT_ACCESS_TOKEN_EXPIRES = 15 * 60"), "JWT_ACCESS_TOKEN_EXPIRES = 900");
    assert_eq!(form("JWT_ACCESS_TOKEN_EXPIRES = timedelta(minutes=15)"), "JWT_ACCESS_TOKEN_EXPIRES = 900");
    assert_eq!(
        form("JWT_REFRESH_TOKEN_EXPIRES = datetime.timedelta(30, hours=1)"),
        "JWT_REFRESH_TOKEN_EXPIRES = 2595600"
    );
    assert_eq!(form("JWT_TOKEN_LOCATION = ('headers',)"), "JWT_TOKEN_LOCATION = [\"headers\"]");
    assert_eq!(form("JWT_DECODE_AUDIENCE = 'a', 'b'"), "JWT_DECODE_AUDIENCE = [\"a\", \"b\"]");
    assert_eq!(form(r"LOG_FILTER = 'a\\b\d\x41\101'"), r#"LOG_FILTER = "a\\b\\dAA""#);
    assert_eq!(form("LOG_FILTER = ('in'\n  'fo')"), "LOG_FILTER = \"info\"");
    assert_eq!(form("LOG_FILTER = u'info'"), "LOG_FILTER = \"info\"");
    assert_eq!(form(r"LOG_FILTER = r'a\b'"), r#"LOG_FILTER = "a\\b""#);
}

fn all_explained(statements: &[&str]) -> String {
    let texts: Vec<_> = statements.iter().map(|text| explained(text).unwrap()).collect();
    let texts = texts.join("\n--\n");
    assert!(!texts.contains("hidden") && !texts.contains("den\"") && !texts.contains("hid\\"));
    texts
}

#[test]
fn explanations_of_values_that_may_be_shown() {
    let texts = all_explained(&[
        "JWT_ENCODE_NBF = True",
        "JWT_IDENTITY_CLAIM = None",
        "JWT_ACCESS_TOKEN_EXPIRES = False",
        "JWT_ACCESS_TOKEN_EXPIRES = a + 1",
        "JWT_ACCESS_TOKEN_EXPIRES = 15 * 60  # a quarter",
        "LOG_FILTER = 'info'; JWT_SECRET_KEY = 'hidden'",
        "LOG_FILTER = \"\"\"info\nJWT_SECRET_KEY = 'hidden'\n\"\"\"",
    ]);
    insta::assert_snapshot!(texts, @r#"
    True is Python: TOML writes true
        JWT_ENCODE_NBF = True
    write
        JWT_ENCODE_NBF = true
    --
    None is Python: TOML has no such value
        JWT_IDENTITY_CLAIM = None
    leave the line out: that is TOML's None
    --
    False is Python: TOML writes false
        JWT_ACCESS_TOKEN_EXPIRES = False
    and as false it is refused: a token always expires: give seconds (900) or a text such as "15m"
    --
    an expression is Python: TOML has values only
        JWT_ACCESS_TOKEN_EXPIRES = a + 1
    write the value itself
    --
    an expression is Python: TOML has values only
        JWT_ACCESS_TOKEN_EXPIRES = 15 * 60 …
    write
        JWT_ACCESS_TOKEN_EXPIRES = 900
    --
    a semicolon is Python: one setting a line
        LOG_FILTER = …
    give each setting a line of its own
    --
    three quotes: Python keeps the first line break, TOML drops it
        LOG_FILTER = …
    give each setting a line of its own
    "#);
}

#[test]
fn explanations_of_secrets_never_show_them() {
    let texts = all_explained(&[
        r"JWT_SECRET_KEY = 'hid\den'",
        r#"JWT_SECRET_KEY = "hid\den""#,
        "JWT_SECRET_KEY = b'hidden'",
        "JWT_SECRET_KEY = 'hid' 'den'",
        "JWT_SECRET_KEY = os.environ['hidden']",
        "JWT_SECRET_KEY = 'hidden",
        "JWT_SECRET_KEYS_PREVIOUS = ('hidden', 'hidden')",
        "DATABASE_URL = 'mongodb://me:hidden@' + 'h'",
        "DATABASE_URL = u'mongodb://me:hidden@h'",
        "SECRET_KEY =",
    ]);
    insta::assert_snapshot!(texts, @r#"
    a backslash inside '…' is an escape in Python and itself in TOML
        JWT_SECRET_KEY = [redacted]
    write it inside "…", and double every backslash that is meant as one
        JWT_SECRET_KEY = "[redacted]"
    --
    the escape \d is not the same in Python and in TOML
        JWT_SECRET_KEY = [redacted]
    write it inside "…", and double every backslash that is meant as one
        JWT_SECRET_KEY = "[redacted]"
    --
    letters before a quote are Python
        JWT_SECRET_KEY = [redacted]
    write one text inside "…"
        JWT_SECRET_KEY = "[redacted]"
    --
    texts side by side are one text in Python and an error in TOML
        JWT_SECRET_KEY = [redacted]
    write one text inside "…"
        JWT_SECRET_KEY = "[redacted]"
    --
    reading the environment is Python
        JWT_SECRET_KEY = [redacted]
    take the line out and set the environment variable of the setting's name, or write the value
        JWT_SECRET_KEY = "[redacted]"
    --
    the text that ' begins does not end
        JWT_SECRET_KEY = [redacted]
    --
    a tuple is Python: TOML writes lists, in [ ]
        JWT_SECRET_KEYS_PREVIOUS = [redacted]
    write it as a list
        JWT_SECRET_KEYS_PREVIOUS = ["[redacted]", "[redacted]"]
    --
    an expression is Python: TOML has values only
        DATABASE_URL = [redacted]
    write the value itself
        DATABASE_URL = "[redacted]"
    --
    letters before a quote are Python
        DATABASE_URL = [redacted]
    write one text inside "…"
        DATABASE_URL = "mongodb://me:[redacted]@h"
    --
    no value stands after the =
        SECRET_KEY = [redacted]
    "#);
}

#[test]
fn explanations_of_lines_that_set_nothing_show_their_first_word_at_most() {
    let texts = all_explained(&[
        "import os",
        "if 'hidden':",
        "[section]",
        "app.config = 'hidden'",
        "'hidden'",
        "LISTEN: str = 'hidden'",
        "hidden",
    ]);
    insta::assert_snapshot!(texts, @r#"
    `import` is Python: take the line out and write values as they are, as `NAME = 900`
    --
    `if` is Python: take it out; write each setting once, as `NAME = "value"`
    --
    sections are not used here: take the line out; all settings are in one list
    --
    names have no dots here: write `NAME = value`
    --
    a text that no name stands before: write `NAME = value`, and remarks after a #
    --
    a type after the name is Python: write `LISTEN = value`
    --
    is not a line of the form `NAME = value`
    "#);
}

#[test]
fn every_difference_is_found() {
    use Difference as D;
    for (value, expected) in [
        ("2026-01-01", D::Date),
        ("2026-01-01T00:00:00Z", D::Date),
        ("inf", D::NotFinite),
        ("-nan", D::NotFinite),
        ("010", D::Number),
        ("1.", D::Number),
        ("1+1", D::Expression),
        ("1 - 1", D::Expression),
        ("{'a': 1}", D::Table),
        ("{a = 1}", D::Table),
        ("['a' 'b']", D::Adjacent),
        ("['a\\d']", D::Backslash),
        ("'it\\'s'", D::Backslash),
        ("'''a'''", D::Triple),
        ("f\"a\"", D::Prefix),
        ("['a'", D::Unclosed("[")),
        ("\"a", D::Unclosed("\"")),
        ("'''a", D::Unclosed("'''")),
        ("('a')", D::Expression),
        ("('a', 'b')", D::Tuple),
        ("'a',", D::Tuple),
        ("'%s' % x", D::Expression),
        ("'a'.lower()", D::Expression),
        ("not True", D::Expression),
        ("'a' \\", D::Expression),
        ("os.getenv('A')", D::Environment),
        ("None", D::Constant("None")),
    ] {
        let text = format!("X = {value}");
        let statements = statements(&text);
        let Shape::Assignment { value, .. } = statements[0].shape() else { panic!("{text}") };
        assert_eq!(difference(value), Some(expected), "{text}");
    }
    for escape in ['a', 'v', '0', '1', 'N', 'e', '\'', 'd', '!'] {
        let text = format!("X = \"\\{escape}\"");
        let statements = statements(&text);
        let Shape::Assignment { value, .. } = statements[0].shape() else { panic!("{text}") };
        assert_eq!(difference(value), Some(D::Escape(format!("\\{escape}"))), "{text}");
    }
}

#[test]
fn one_bad_statement_leaves_the_others_alone() {
    let text = "A = 'open\nB = [1,\nC = 2\nD = \"\"\"x\n\ny\"\"\"\nE = 3\n";
    let lines: Vec<_> = statements(text).iter().map(|statement| statement.line).collect();
    assert_eq!(lines, [1, 2, 3, 4, 7]);
}
