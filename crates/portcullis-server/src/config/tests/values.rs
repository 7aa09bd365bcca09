//! Values of single settings: what they mean, and those that no setting takes.

use super::Start;

#[test]
fn a_port_alone_and_localhost_are_the_loopback_address() {
    for (text, address) in [
        ("5000", "127.0.0.1:5000"),
        ("0", "127.0.0.1:0"),
        ("localhost:5000", "127.0.0.1:5000"),
        ("[::1]:80", "[::1]:80"),
    ] {
        let start = Start::without_file().flag("LISTEN", "--listen", text);
        assert_eq!(start.config().listen.to_string(), address);
        let start = Start::with_file(format!("LISTEN = \"{text}\"\n"));
        assert_eq!(start.config().listen.to_string(), address);
    }
    for text in ["", "+5000", "65536", "localhost", "localhost:", "localhost:http", "db:5000", ":5000", "::1"]
    {
        let problems = Start::without_file().flag("LISTEN", "--listen", text).problems();
        assert!(problems.starts_with("--listen: expected an address and a port"), "{text}: {problems}");
    }
}

#[test]
fn a_notice_of_zero_is_none_and_a_minute_the_longest() {
    let seconds = |text| Start::with_file(text).config().shutdown_notice.as_secs();
    assert_eq!(
        (seconds(""), seconds("SHUTDOWN_NOTICE = 0\n"), seconds("SHUTDOWN_NOTICE = '1m'\n")),
        (1, 0, 60)
    );
    assert!(Start::with_file("SHUTDOWN_NOTICE = 61\n").problems().contains("expected 0 to 60 seconds"));
}

#[test]
fn names_that_something_else_has() {
    for (setting, name) in [
        ("JWT_IDENTITY_CLAIM", "access"),
        ("JWT_IDENTITY_CLAIM", "csrf"),
        ("JWT_IDENTITY_CLAIM", "sid"),
        ("JWT_IDENTITY_CLAIM", "gen"),
        ("JWT_ERROR_MESSAGE_KEY", "errors"),
        ("JWT_HEADER_NAME", "Host"),
        ("JWT_HEADER_NAME", "content-length"),
        ("JWT_HEADER_NAME", "Content-Type"),
        ("JWT_HEADER_NAME", "Transfer-Encoding"),
        ("JWT_HEADER_NAME", "Connection"),
        ("JWT_HEADER_NAME", "Cookie"),
    ] {
        let problems = Start::with_file(format!("{setting} = '{name}'\n")).problems();
        let says = format!("instance/application.cfg:1: {setting}: ");
        assert!(problems.starts_with(&says) && problems.contains(name), "{problems}");
    }
    let others =
        "JWT_IDENTITY_CLAIM = 'identity'\nJWT_ERROR_MESSAGE_KEY = 'error'\nJWT_HEADER_NAME = 'X-Token'\n";
    Start::with_file(others).config();
}
