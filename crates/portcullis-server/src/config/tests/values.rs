//! Values of single settings: what they mean, and those that no setting takes.

use portcullis::{Location, SameSite};

use super::{ClientAddressHeader, Start};

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
fn metrics_have_an_address_of_their_own_only_where_one_is_given() {
    let start = |text| Start::without_file().flag("METRICS_ADDRESS", "METRICS_ADDRESS", text);
    assert_eq!(start("").config().metrics_address, None);
    for (address, is_warned) in [("127.0.0.1:9464", false), ("10.0.0.7:9464", false), ("0.0.0.0:9464", true)]
    {
        let (config, warnings) = start(address).good();
        assert_eq!(config.metrics_address.unwrap().to_string(), address);
        let warned = warnings.iter().any(|it| it.contains("METRICS_ADDRESS"));
        assert_eq!(warned, is_warned, "{address}: {warnings:?}");
    }
    let problems = start("127.0.0.1:5000").problems();
    assert!(problems.contains("METRICS_ADDRESS: is LISTEN too"), "{problems}");
    let problems = start("metrics.example:9464").problems();
    assert!(problems.starts_with("METRICS_ADDRESS: expected an address and a port"), "{problems}");
}

#[test]
fn proxies_are_addresses_and_networks() {
    // LOG-12
    let trusted = |start: Start| {
        let trusted = start.config().trusted_proxies;
        trusted.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(trusted(Start::without_file()), "");
    let list = "TRUSTED_PROXIES = ['10.0.0.0/8', '::1', '::ffff:192.0.2.1', '::ffff:192.0.2.0/120']\n";
    assert_eq!(trusted(Start::with_file(list)), "10.0.0.0/8 ::1/128 192.0.2.1/32 192.0.2.0/24");
    let variable = |text| Start::with_file(list).variables(&[("TRUSTED_PROXIES", text)]);
    assert_eq!(trusted(variable("10.0.0.1, 2001:db8::/32")), "10.0.0.1/32 2001:db8::/32");
    for (entry, says) in [
        ("proxy.internal", "as \"10.0.0.0/8\" or \"::1\", found \"proxy.internal\""),
        ("10.0.0.0/33", "as \"10.0.0.0/8\" or \"::1\""),
        ("10.0.0.1:80", "as \"10.0.0.0/8\" or \"::1\""),
        ("", "an entry of the list is empty"),
        ("10.1.2.3/8", "write 10.1.2.3 or 10.0.0.0/8"),
    ] {
        let problems = Start::with_file(format!("TRUSTED_PROXIES = ['{entry}']\n")).problems();
        assert!(problems.contains(says), "{entry}: {problems}");
    }
    let (_, warnings) = Start::with_file("TRUSTED_PROXIES = '0.0.0.0/0'\n").good();
    assert!(warnings.iter().any(|warning| warning.contains("can say that a request comes from anywhere")));
    let header = |text: &str| Start::with_file(text).config().client_address_header;
    assert_eq!(header("CLIENT_ADDRESS_HEADER = 'forwarded'\n"), ClientAddressHeader::Forwarded);
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
        ("JWT_HEADER_NAME", "X-Forwarded-Access-Token"),
        ("JWT_HEADER_NAME", "Forwarded"),
        ("JWT_HEADER_NAME", "X-Real-IP"),
    ] {
        let problems = Start::with_file(format!("{setting} = '{name}'\n")).problems();
        let says = format!("instance/application.cfg:1: {setting}: ");
        assert!(problems.starts_with(&says) && problems.contains(name), "{problems}");
    }
    let others =
        "JWT_IDENTITY_CLAIM = 'identity'\nJWT_ERROR_MESSAGE_KEY = 'error'\nJWT_HEADER_NAME = 'X-Token'\n";
    Start::with_file(others).config();
}

#[test]
fn the_places_of_tokens_are_what_flask_calls_them() {
    let config = |text: &str| Start::with_file(text).config().jwt;
    let all = "JWT_TOKEN_LOCATION = ['cookies', 'headers', 'json', 'query_string']\n";
    let order = [Location::Cookies, Location::Headers, Location::Json, Location::QueryString];
    assert_eq!(config(all).token_location, order);
    assert_eq!(config("JWT_TOKEN_LOCATION = 'cookies'\n").token_location, [Location::Cookies]);
    let jwt = config(
        "JWT_COOKIE_SAMESITE = 'strict'\nJWT_SESSION_COOKIE = false\nJWT_CSRF_METHODS = ['POST']\n\
         JWT_REFRESH_COOKIE_PATH = '/users/refresh'\nJWT_COOKIE_DOMAIN = 'example.com'\n",
    );
    assert_eq!((jwt.cookie_samesite, jwt.session_cookie), (Some(SameSite::Strict), false));
    assert_eq!((jwt.csrf_methods.len(), jwt.refresh_cookie_path.as_str()), (1, "/users/refresh"));
    assert_eq!(jwt.cookie_domain.as_deref(), Some("example.com"));
    assert_eq!(config("JWT_COOKIE_SAMESITE = 'unset'\n").cookie_samesite, None);
    for (line, says) in [
        ("JWT_TOKEN_LOCATION = ['headers', 'headers']", "and each once"),
        ("JWT_TOKEN_LOCATION = ['Cookies']", "\"Cookies\" is none of"),
        ("JWT_COOKIE_SAMESITE = 'Loose'", "\"Loose\" is not one of"),
        ("JWT_COOKIE_SAMESITE = 'None'\nJWT_COOKIE_SECURE = false", "with JWT_COOKIE_SECURE only"),
        ("JWT_CSRF_METHODS = 'post'", "\"post\" is no method"),
        ("JWT_ACCESS_COOKIE_PATH = 'users'", "begins with a slash"),
        ("JWT_ACCESS_COOKIE_NAME = 'a b'", "not a cookie name"),
        (
            "JWT_ACCESS_COOKIE_NAME = 'refresh'\nJWT_REFRESH_COOKIE_NAME = 'refresh'",
            "two cookies of one name",
        ),
        ("JWT_ACCESS_CSRF_HEADER_NAME = 'Cookie'", "has another job"),
    ] {
        let problems = Start::with_file(format!("{line}\n")).problems();
        assert!(problems.contains(says), "{line}: {problems}");
    }
}

#[test]
fn places_that_protect_less_than_they_could_are_warned_of() {
    let warnings = |text: &str| Start::with_file(format!("{text}\n")).good().1.join("\n");
    for (line, says) in [
        ("JWT_TOKEN_LOCATION = ['headers', 'query_string']", "tokens in addresses"),
        ("JWT_TOKEN_LOCATION = 'cookies'\nJWT_COOKIE_CSRF_PROTECT = false", "any page can"),
        ("JWT_TOKEN_LOCATION = 'cookies'\nJWT_CSRF_METHODS = ['POST']", "any page can"),
        ("JWT_TOKEN_LOCATION = 'cookies'\nJWT_COOKIE_SECURE = false", "over http too"),
    ] {
        let warning = warnings(line);
        assert!(warning.contains(says) && warning.lines().count() == 1, "{line}: {warning}");
    }
    for harmless in
        ["JWT_TOKEN_LOCATION = 'cookies'", "JWT_COOKIE_SECURE = false", "JWT_CSRF_METHODS = ['POST']"]
    {
        assert_eq!(warnings(harmless), "", "{harmless}");
    }
}
