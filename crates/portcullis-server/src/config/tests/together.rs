//! What a start would refuse although every setting by itself can be read.

use super::{
    super::{PasswordScheme, check},
    GOOD, Start,
};

const PEM: &str = "-----BEGIN PUBLIC KEY-----\\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A";

#[test]
fn what_the_library_refuses_is_a_problem_of_the_setting() {
    for claim in ["exp", "jti", "iss", "aud", "iat", "nbf", "type", "fresh"] {
        let problems = Start::with_file(format!("\nJWT_IDENTITY_CLAIM = '{claim}'\n")).problems();
        assert_eq!(
            problems,
            "instance/application.cfg:2: JWT_IDENTITY_CLAIM: the identity needs a claim of its own"
        );
    }
    for secret in [
        PEM,
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ someone",
        "{\\\"kty\\\":\\\"RSA\\\",\\\"n\\\":\\\"0vx7agoebGcQSuuPiLJXZptN\\\"}",
    ] {
        for profile in ["production", "development"] {
            for name in ["JWT_SECRET_KEY", "SECRET_KEY"] {
                let start = Start::with_file(format!("{name} = \"{secret}\"\n")).profile(profile);
                let problems = start.problems();
                let says = format!("instance/application.cfg:1: {name}: the secret looks like a key file");
                assert!(problems.starts_with(&says) && problems.lines().count() == 1, "{problems}");
            }
        }
        let previous =
            format!("JWT_SECRET_KEYS_PREVIOUS = [\"{secret}\", \"{secret}\"]\nJWT_IDENTITY_CLAIM = 'exp'\n");
        let problems = Start::with_file(previous).problems();
        let says = "instance/application.cfg:1: JWT_SECRET_KEYS_PREVIOUS: the secret looks like a key file";
        assert!(problems.starts_with(says) && problems.lines().count() == 2, "{problems}");
    }
}

#[test]
fn what_was_refused_already_is_told_once() {
    let short =
        Start::with_file("JWT_SECRET_KEY = 'short'\nJWT_HEADER_NAME = 'a b'\nJWT_IDENTITY_CLAIM = 'sid'\n");
    assert_eq!(short.problems().lines().count(), 3, "{}", short.problems());
}

#[test]
fn tokens_that_would_be_refused_by_who_made_them() {
    let start = Start::with_file("JWT_DECODE_AUDIENCE = ['a', 'b']\nJWT_DECODE_ISSUER = 'here'\n");
    let default = include_str!("../../../config/default.toml");
    let line = default.lines().position(|line| line.starts_with("JWT_ENCODE_AUDIENCE")).unwrap() + 1;
    assert_eq!(
        start.problems(),
        format!(
            "instance/application.cfg:1: JWT_DECODE_AUDIENCE: every token made here would be refused here: \
             JWT_ENCODE_AUDIENCE (default.toml:{line}) names none of these; give it one of them, or leave \
             JWT_DECODE_AUDIENCE out\n\
             instance/application.cfg:2: JWT_DECODE_ISSUER: every token made here would be refused here: \
             JWT_ENCODE_ISSUER (not set) names none of these; give it one of them, or leave JWT_DECODE_ISSUER out"
        )
    );
    let start = start.variables(&[("JWT_ENCODE_AUDIENCE", "c"), ("JWT_ENCODE_ISSUER", "Here")]);
    let problems = start.problems();
    assert!(
        problems.contains("(variable JWT_ENCODE_AUDIENCE)")
            && problems.contains("(variable JWT_ENCODE_ISSUER)")
    );
    start.variables(&[("JWT_ENCODE_AUDIENCE", "c,b"), ("JWT_ENCODE_ISSUER", "here")]).config();
}

#[test]
fn what_others_find_is_told_with_the_rest_and_with_its_origin() {
    let start = Start::with_file(format!(
        "MONGO_URI = 'mongodb://db/x'\nJWT_SECRET_KEY = '{GOOD}'\nLOG_FILTER = 'x'\nBODY_LIMIT = 1\n"
    ));
    let others = |_: &_| vec![("DATABASE_URL", "is not there".into()), ("LOG_FILTER", "is none".into())];
    insta::assert_snapshot!(start.relative(&check(&start.sources, others).unwrap_err()), @"
    instance/application.cfg:4: BODY_LIMIT: expected a whole number from 256 to 16777216, found 1
    instance/application.cfg:1: MONGO_URI: is not there
    instance/application.cfg:3: LOG_FILTER: is none
    ");
}

#[test]
fn what_the_flask_application_could_not_read_is_not_written_beside_it() {
    let start = Start::with_file("PASSWORD_SCHEME = 'argon2id'\nPASSWORD_UPGRADE = true\n");
    let start = start.variables(&[("FLASK_BESIDE", "True")]);
    insta::assert_snapshot!(start.problems(), @r#"
    instance/application.cfg:1: PASSWORD_SCHEME: "argon2id" contradicts FLASK_BESIDE (variable FLASK_BESIDE): the Flask application reads pbkdf2_sha256 alone; leave one of them out
    instance/application.cfg:2: PASSWORD_UPGRADE: true contradicts FLASK_BESIDE (variable FLASK_BESIDE), under which the Flask application's hashes stay; leave one of them out
    "#);
    let config = Start::with_file("FLASK_BESIDE = true\n").config();
    assert_eq!((config.password_scheme, config.password_upgrade), (PasswordScheme::Pbkdf2Sha256, false));
    let same = "FLASK_BESIDE = true\nPASSWORD_SCHEME = 'pbkdf2_sha256'\nPASSWORD_UPGRADE = false\n";
    Start::with_file(same).config();
    let config = Start::without_file().config();
    assert_eq!((config.password_scheme, config.password_upgrade), (PasswordScheme::Argon2id, true));
    let config = Start::with_file("PASSWORD_SCHEME = 'pbkdf2_sha256'\n").config();
    assert_eq!((config.password_scheme, config.password_upgrade), (PasswordScheme::Pbkdf2Sha256, true));
}
