//! TLS of the service's own: what it speaks, and a certificate that changes while connections are open.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    sync::Arc,
    time::Duration,
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName},
    version::{TLS12, TLS13},
};

use crate::{
    harness::{now, pause},
    support::{SEED_LINE, Server, instance},
};

const FILES: &[(&str, &str)] = &[("TLS_CERT", "cert.pem"), ("TLS_KEY", "key.pem")];
const HELLO: &[u8] = b"GET /tests/hello HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Writes a new certificate and its key into an instance folder.
fn certify(folder: &Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    // The key first: whoever sees the new certificate finds its key.
    fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    fs::write(folder.join("cert.pem"), cert.pem()).unwrap();
    cert.der().clone()
}

type Secured = StreamOwned<ClientConnection, TcpStream>;

/// A connection of a client that trusts one certificate.
fn connect(
    server: &Server,
    trusted: &CertificateDer<'static>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Secured {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), server.connect())
}

/// The head of an answer, if there is one.
fn answer(stream: &mut Secured) -> Option<String> {
    stream.write_all(HELLO).ok()?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"{\"Hello\":\"World!\"}") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        answer.push(byte[0]);
    }
    Some(String::from_utf8(answer).unwrap())
}

#[test]
fn both_present_versions_are_spoken_and_answers_say_that_it_is_https() {
    // HTP-09, HTP-17
    let folder = instance(SEED_LINE);
    let trusted = certify(folder.path());
    let server = Server::start(folder.path(), &["--profile", "testing"], FILES);
    assert!(server.ready.contains("https://127.0.0.1:"), "{}", server.ready);
    for version in [&TLS12, &TLS13] {
        let answer = answer(&mut connect(&server, &trusted, &[version])).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("strict-transport-security: max-age=63072000"), "{answer}");
    }
    let plain = server.raw(HELLO);
    assert!(!plain.contains("HTTP/1.1 200"), "{plain}");
}

#[test]
fn a_new_certificate_is_taken_up_while_connections_go_on() {
    // HTP-17
    let folder = instance(SEED_LINE);
    let old = certify(folder.path());
    let server = Server::start(folder.path(), &["--profile", "testing"], FILES);
    let mut open = connect(&server, &old, &[&TLS13]);
    assert!(answer(&mut open).is_some());
    fs::write(folder.path().join("cert.pem"), "damaged").unwrap();
    server.signal("HUP");
    pause(Duration::from_millis(200));
    assert!(answer(&mut connect(&server, &old, &[&TLS13])).is_some(), "what cannot be used changes nothing");
    let new = certify(folder.path());
    server.signal("HUP");
    let deadline = now() + Duration::from_secs(10);
    while answer(&mut connect(&server, &new, &[&TLS13])).is_none() {
        assert!(now() < deadline);
        pause(Duration::from_millis(20));
    }
    assert!(answer(&mut open).is_some(), "a connection of before");
    assert!(answer(&mut connect(&server, &old, &[&TLS13])).is_none());
}

#[test]
fn a_certificate_that_cannot_be_used_is_named_before_anything_is_made() {
    let folder = instance(&format!("{SEED_LINE}TLS_CERT = 'cert.pem'\nTLS_KEY = 'key.pem'\n"));
    let said = String::from_utf8(Server::start_refused(folder.path()).stderr).unwrap();
    assert!(said.contains("TLS_CERT") && said.contains("cert.pem"), "{said}");
    certify(folder.path());
    fs::write(folder.path().join("key.pem"), "").unwrap();
    let said = String::from_utf8(Server::start_refused(folder.path()).stderr).unwrap();
    assert!(said.contains("TLS_KEY") && said.contains("key.pem"), "{said}");
    fs::write(folder.path().join("application.cfg"), format!("{SEED_LINE}TLS_KEY = 'key.pem'\n")).unwrap();
    let said = String::from_utf8(Server::start_refused(folder.path()).stderr).unwrap();
    assert!(said.contains("needs its certificate: set TLS_CERT"), "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "no database, no secret");
}
