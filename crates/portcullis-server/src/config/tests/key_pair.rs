//! Keys of algorithms with key pairs: given themselves or as files, and never shown.

use std::fs;

use aws_lc_rs::{
    encoding::AsDer,
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use portcullis::Secret;

use super::{GOOD, Start, shown};

/// A private key and its public one.
fn pair() -> (String, String) {
    let pair = Ed25519KeyPair::generate().unwrap();
    let pem =
        |label, der| format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der));
    (
        pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref()),
        pem("PUBLIC KEY", pair.public_key().as_der().unwrap().as_ref()),
    )
}

/// A start with `EdDSA` and `private.pem` with mode 0600.
fn with_key_file(rest: &str, key: impl AsRef<[u8]>) -> Start {
    let start =
        Start::with_file(format!("JWT_ALGORITHM = 'EdDSA'\nJWT_PRIVATE_KEY_FILE = 'private.pem'\n{rest}"));
    let path = start.folder.path().join("private.pem");
    fs::write(&path, key).unwrap();
    set_mode(&path, 0o600);
    start
}

fn set_mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;

    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn body(pem: &str) -> &str {
    pem.lines().nth(1).unwrap()
}

#[test]
fn a_key_is_given_itself_or_as_a_file_and_needs_no_secret() {
    let (private, public) = pair();
    let (config, warnings) = with_key_file("", &private).good();
    assert_eq!(config.jwt.private_key.as_ref().map(Secret::expose), Some(private.as_str()));
    assert!(config.jwt.secret_key.is_none() && warnings.is_empty(), "{warnings:?}");
    assert_eq!(
        shown(&config, "JWT_PRIVATE_KEY_FILE").split("  #").next(),
        Some("JWT_PRIVATE_KEY_FILE = \"private.pem\"")
    );
    let one_line = private.replace('\n', "\\n");
    let file = format!(
        "JWT_ALGORITHM = 'EdDSA'\nJWT_PRIVATE_KEY = \"{one_line}\"\nJWT_DECODE_ALGORITHMS = ['EdDSA', 'Ed25519']\n\
         SECRET_KEY = 'short'\nMONGO_URI = 'mongodb://db/x'\n"
    );
    let (config, warnings) = Start::with_file(file).variables(&[("JWT_PUBLIC_KEY", &public)]).good();
    assert_eq!(config.jwt.private_key.as_ref().map(Secret::expose), Some(private.as_str()));
    assert_eq!(config.jwt.public_key.as_deref(), Some(public.as_str()));
    assert!(config.jwt.secret_key.is_none() && warnings.is_empty(), "{warnings:?}");
    for name in ["JWT_PRIVATE_KEY", "JWT_PUBLIC_KEY"] {
        assert!(shown(&config, name).starts_with(&format!("{name} = \"[redacted]\"")));
    }
    assert!(!format!("{config:?}").contains(body(&private)));
}

#[test]
fn a_later_source_of_either_form_wins_and_one_gives_one() {
    let (first, second) = (pair().0, pair().0);
    let start = with_key_file("", &first).variables(&[("JWT_PRIVATE_KEY", &second)]);
    let config = start.config();
    assert_eq!(config.jwt.private_key.as_ref().map(Secret::expose), Some(second.as_str()));
    assert_eq!(shown(&config, "JWT_PRIVATE_KEY_FILE"), "# JWT_PRIVATE_KEY_FILE is not set");
    let one_line =
        format!("JWT_ALGORITHM = 'EdDSA'\nJWT_PRIVATE_KEY = \"{}\"\n", second.replace('\n', "\\n"));
    let start = Start::with_file(one_line).variables(&[("JWT_PRIVATE_KEY_FILE", "key.pem")]);
    fs::write(start.folder.path().join("key.pem"), &first).unwrap();
    assert_eq!(start.config().jwt.private_key.as_ref().map(Secret::expose), Some(first.as_str()));
    let both = with_key_file(&format!("JWT_PRIVATE_KEY = \"{}\"\n", second.replace('\n', "\\n")), &first);
    insta::assert_snapshot!(both.problems(), @"instance/application.cfg:2: JWT_PRIVATE_KEY_FILE: is given beside JWT_PRIVATE_KEY (instance/application.cfg:3): both are the key; keep one");
}

#[test]
fn a_missing_private_key_is_a_problem_with_a_way_out() {
    insta::assert_snapshot!(Start::with_file("JWT_ALGORITHM = 'EdDSA'\n").problems(), @r#"instance/application.cfg:1: JWT_PRIVATE_KEY: is missing: EdDSA signs with it; make one in the instance folder with `openssl genpkey -algorithm ED25519 -out jwt_private.pem` and write JWT_PRIVATE_KEY_FILE = "jwt_private.pem""#);
    let public = pair().1;
    let alone = Start::without_file().variables(&[("JWT_ALGORITHM", "PS384"), ("JWT_SECRET_KEY", "short")]);
    insta::assert_snapshot!(alone.problems(), @r#"variable JWT_ALGORITHM: JWT_PRIVATE_KEY: is missing: PS384 signs with it; make one in the instance folder with `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out jwt_private.pem` and write JWT_PRIVATE_KEY_FILE = "jwt_private.pem""#);
    let alone = Start::without_file().variables(&[("JWT_ALGORITHM", "EdDSA"), ("JWT_PUBLIC_KEY", &public)]);
    assert!(alone.problems().contains("JWT_PRIVATE_KEY: is missing"));
}

#[test]
fn a_key_file_that_cannot_be_one_is_a_problem_of_its_line() {
    let problem = |key: &[u8]| with_key_file("", key).problems();
    let file = "instance/application.cfg:2: JWT_PRIVATE_KEY_FILE: ";
    for (key, says) in [
        (&b"\xff\x00"[..], "instance/private.pem is not UTF-8: expected PEM or a JWK"),
        (b"\n", "instance/private.pem is empty"),
        (&vec![b'a'; 64 * 1024 + 1], "instance/private.pem is larger than 64 KiB"),
        (b"hidden", "this is no PEM key"),
        (pair().1.as_bytes(), "this is a public key"),
    ] {
        let problem = problem(key);
        assert!(problem.starts_with(&format!("{file}{says}")), "{problem}");
        assert!(problem.lines().count() == 1 && !problem.contains("hidden"), "{problem}");
    }
    for path in ["nowhere.pem", "."] {
        let problems = Start::with_file(format!("\nJWT_PRIVATE_KEY_FILE = '{path}'\n")).problems();
        assert!(problems.starts_with(&format!("{file}instance/{path}")), "{problems}");
    }
    let device = Start::without_file().variables(&[("JWT_PUBLIC_KEY_FILE", "/dev/zero")]);
    assert_eq!(device.problems(), "variable JWT_PUBLIC_KEY_FILE: /dev/zero is no regular file");
}

#[test]
fn a_private_key_that_others_can_read_is_warned_of() {
    // KEY-09
    let start = with_key_file("", pair().0);
    set_mode(&start.folder.path().join("private.pem"), 0o640);
    insta::assert_snapshot!(start.good().1.join("\n"), @"instance/application.cfg:2: JWT_PRIVATE_KEY_FILE: instance/private.pem can be read by others (mode 640); run chmod 600 on it");
}

#[test]
fn keys_that_do_not_go_together_are_refused() {
    let ((private, _), (_, public)) = (pair(), pair());
    let start = with_key_file("", &private).variables(&[("JWT_PUBLIC_KEY", &public)]);
    assert_eq!(start.problems(), "variable JWT_PUBLIC_KEY: is not the other half of JWT_PRIVATE_KEY");
    let start = with_key_file("", &private).variables(&[("JWT_PUBLIC_KEY", &private)]);
    assert!(start.problems().starts_with("variable JWT_PUBLIC_KEY: holds a private key"));
    let start = with_key_file("JWT_DECODE_ALGORITHMS = ['HS256']\nJWT_IDENTITY_CLAIM = 'exp'\n", &private);
    insta::assert_snapshot!(start.problems(), @r#"
    instance/application.cfg:4: JWT_IDENTITY_CLAIM: the identity needs a claim of its own
    instance/application.cfg:3: JWT_DECODE_ALGORITHMS: there is no key for "HS256": a key has one algorithm
    "#);
    let start =
        with_key_file("JWT_SECRET_KEYS_PREVIOUS = ['short']\nJWT_DECODE_ALGORITHMS = 'none'\n", private);
    let problems = start.problems();
    assert!(problems.contains("JWT_SECRET_KEYS_PREVIOUS: beside a key pair"), "{problems}");
    assert!(problems.contains("expected some of HS256") && problems.contains("found \"none\""), "{problems}");
}

#[test]
fn earlier_secrets_beside_a_key_pair_are_taken_with_their_algorithm_and_warned_of() {
    let file = "JWT_SECRET_KEYS_PREVIOUS = ['short']\nJWT_DECODE_ALGORITHMS = ['HS256']\n";
    let (_, warnings) = with_key_file(file, pair().0).good();
    insta::assert_snapshot!(warnings.join("\n"), @"instance/application.cfg:3: JWT_SECRET_KEYS_PREVIOUS: 1 of them can be guessed (under 32 bytes, of few different ones, or published): who does can make tokens until it is taken out");
    let (_, public) = pair();
    let public = public.replace('\n', " ");
    let file = format!("JWT_SECRET_KEYS_PREVIOUS = ['{public}']\nJWT_DECODE_ALGORITHMS = ['HS256']\n");
    let problems = with_key_file(&file, pair().0).problems();
    assert!(problems.contains("JWT_SECRET_KEYS_PREVIOUS: the secret looks like a key file"), "{problems}");
}

#[test]
fn a_key_beside_a_secret_has_no_effect_and_that_is_said() {
    let start = Start::with_file(format!("JWT_SECRET_KEY = '{GOOD}'\nJWT_DECODE_ALGORITHMS = ['HS256']\n"))
        .variables(&[("JWT_PUBLIC_KEY", &pair().1)]);
    insta::assert_snapshot!(start.good().1.join("\n"), @"variable JWT_PUBLIC_KEY: has no effect: HS256 takes a secret; to sign with a key pair set JWT_ALGORITHM to the key's, as EdDSA or RS256");
}

#[test]
fn a_key_of_several_lines_is_shown_the_way_to_its_file() {
    let private = pair().0;
    let triple = format!("JWT_ALGORITHM = 'EdDSA'\nJWT_PRIVATE_KEY = \"\"\"{private}\"\"\"\n");
    let problems = Start::with_file(triple).problems();
    insta::assert_snapshot!(problems, @r#"
    instance/application.cfg:2: JWT_PRIVATE_KEY: three quotes: Python keeps the first line break, TOML drops it
            JWT_PRIVATE_KEY = [redacted]
        a key of several lines goes into a file of its own, and here its path from the instance folder:
            JWT_PRIVATE_KEY_FILE = "key.pem"
        or into one line inside "…", with \n for each end of a line
    "#);
    for value in [format!("'''{private}'''"), format!("'{private}'"), "open('hidden').read()".to_owned()] {
        for name in ["JWT_PRIVATE_KEY", "JWT_PUBLIC_KEY"] {
            let problems = Start::with_file(format!("{name} = {value}\n")).problems();
            assert!(problems.contains(&format!("{name}_FILE = \"key.pem\"")), "{problems}");
            assert!(!problems.contains(body(&private)) && !problems.contains("hidden"), "{problems}");
        }
    }
}

#[test]
fn a_key_in_place_of_its_path_is_not_repeated() {
    let private = pair().0;
    let (one_line, body) = (private.replace('\n', "\\n"), body(&private));
    for value in [format!("\"{one_line}\""), format!("'{body}'"), format!("u\"{one_line}\"")] {
        let problems = Start::with_file(format!("JWT_PRIVATE_KEY_FILE = {value}\n")).problems();
        assert!(!problems.contains(body), "{problems}");
    }
    let python = Start::with_file("JWT_PRIVATE_KEY_FILE = u'key.pem'\n").problems();
    assert!(python.ends_with("JWT_PRIVATE_KEY_FILE = \"key.pem\""), "{python}");
}
