//! Where a request comes from, over a real socket: what its headers say, and who is believed.

use serde_json::json;

use super::AS_IN_PRODUCTION;
use crate::support::{SEED_LINE, Server, instance};

/// Guesses at a password, each with headers of its own: how many were answered before one was turned away, if one was.
fn guesses(
    settings: &[(&str, &str)],
    headers: impl Fn(usize) -> Vec<(&'static str, String)>,
) -> Option<usize> {
    let folder = instance(SEED_LINE);
    let settings = [&AS_IN_PRODUCTION[..], settings].concat();
    let server = Server::start(folder.path(), &["--profile", "testing"], &settings);
    let body = json!({"username": "alice", "password": "wrong"}).to_string();
    (0..12).find(|number| {
        let own = headers(*number);
        let mut all = vec![("Content-Type", "application/json")];
        all.extend(own.iter().map(|(name, value)| (*name, value.as_str())));
        let (status, head, _) = server.request("POST", "/users/login", &all, &body);
        assert!(
            status == 401 || (status == 429 && head.to_lowercase().contains("\r\nretry-after: 60")),
            "{head}"
        );
        status == 429
    })
}

fn forged(number: usize) -> Vec<(&'static str, String)> {
    let address = format!("203.0.113.{number}");
    let node = format!("for={address}");
    vec![("X-Forwarded-For", address.clone()), ("X-Real-IP", address), ("Forwarded", node)]
}

#[test]
fn what_headers_say_changes_nothing_unless_a_trusted_proxy_says_it() {
    // LOG-12
    assert_eq!(guesses(&[], forged), Some(5));
    assert_eq!(guesses(&[("TRUSTED_PROXIES", "192.0.2.1")], forged), Some(5));
    let trusted = ("TRUSTED_PROXIES", "127.0.0.0/8");
    assert_eq!(guesses(&[trusted], forged), None);
    assert_eq!(guesses(&[trusted, ("CLIENT_ADDRESS_HEADER", "forwarded")], forged), None);
    // The one header that is configured, and in it the hop that a client cannot write.
    let first_hop = |number: usize| vec![("X-Forwarded-For", format!("203.0.113.{number}, 198.51.100.1"))];
    assert_eq!(guesses(&[trusted], first_hop), Some(5));
    let other_kind = |number: usize| vec![("Forwarded", format!("for=203.0.113.{number}"))];
    assert_eq!(guesses(&[trusted], other_kind), Some(5));
    // A client's own lines before the proxy's.
    let two_fields = |number: usize| {
        vec![
            ("X-Forwarded-For", format!("203.0.113.{number}")),
            ("X-Forwarded-For", "198.51.100.1".to_owned()),
        ]
    };
    assert_eq!(guesses(&[trusted], two_fields), Some(5));
}
