//! Which secrets may sign, and what a hash must cost.

use super::{GOOD, Start};

#[test]
fn the_example_of_the_flask_application_works_unchanged_outside_production() {
    let file = "JWT_SECRET_KEY = 'jwt-secret-string-1234-!@#$'\n";
    let (config, warnings) = Start::with_file(file).variables(&[("FLASK_ENV", "development")]).good();
    assert_eq!(config.jwt.secret_key.unwrap().expose(), "jwt-secret-string-1234-!@#$");
    assert!(config.jwt.accept_short_secret);
    insta::assert_snapshot!(warnings.join("\n"), @r#"instance/application.cfg:1: JWT_SECRET_KEY: is the example that everyone can read; make one with `openssl rand -base64 48`; tokens signed with the present one stay valid when that moves to JWT_SECRET_KEYS_PREVIOUS"#);
    insta::assert_snapshot!(Start::with_file(file).problems(), @r#"instance/application.cfg:1: JWT_SECRET_KEY: is the example that everyone can read; make one with `openssl rand -base64 48`; tokens signed with the present one stay valid when that moves to JWT_SECRET_KEYS_PREVIOUS"#);
}

#[test]
fn signing_secrets_are_as_long_as_the_hash() {
    let file = format!("JWT_SECRET_KEY = '{GOOD}'\n");
    assert_eq!(Start::with_file(&file).config().jwt.secret_key.unwrap().expose(), GOOD);
    let long = Start::with_file(file).variables(&[("JWT_ALGORITHM", "HS512")]);
    insta::assert_snapshot!(long.problems(), @r#"instance/application.cfg:1: JWT_SECRET_KEY: has 32 bytes: HS512 takes at least 64; make one with `openssl rand -base64 48`; tokens signed with the present one stay valid when that moves to JWT_SECRET_KEYS_PREVIOUS"#);
    let short = Start::with_file("SECRET_KEY = 'short'\n");
    insta::assert_snapshot!(short.problems(), @r#"instance/application.cfg:1: SECRET_KEY: has 5 bytes: HS256 takes at least 32; make one with `openssl rand -base64 48`; tokens signed with the present one stay valid when that moves to JWT_SECRET_KEYS_PREVIOUS"#);
    let (config, warnings) = Start::with_file("JWT_SECRET_KEYS_PREVIOUS = ['short']\n").good();
    assert_eq!((config.jwt.secret_keys_previous.len(), config.jwt.accept_short_secret), (1, false));
    insta::assert_snapshot!(warnings.join("\n"), @r#"instance/application.cfg:1: JWT_SECRET_KEYS_PREVIOUS: 1 of them can be guessed (under 32 bytes, of few different ones, or published): who does can make tokens until it is taken out"#);
}

#[test]
fn a_long_secret_that_can_be_guessed_is_warned_of() {
    let secret = "a".repeat(64);
    for profile in ["production", "development"] {
        let start = Start::without_file().variables(&[("JWT_SECRET_KEY", &secret)]);
        let (config, warnings) = start.profile(profile).good();
        assert_eq!(config.jwt.secret_key.unwrap().expose(), secret);
        let says = "variable JWT_SECRET_KEY: can be guessed: it has fewer than 6 different bytes";
        assert!(warnings.len() == 1 && warnings[0].starts_with(says), "{warnings:?}");
    }
    let digits = "31415926535897932384626433832795";
    Start::without_file().variables(&[("JWT_SECRET_KEY", digits)]).config();
}

#[test]
fn blanks_around_the_example_make_no_secret_of_it() {
    let padded = "jwt-secret-string-1234-!@#$".to_owned() + &" ".repeat(40);
    let problems = Start::without_file().variables(&[("JWT_SECRET_KEY", &padded)]).problems();
    assert!(problems.contains("is the example that everyone can read"), "{problems}");
}

#[test]
fn secret_key_is_the_fallback_whatever_its_rank() {
    let file = format!("JWT_SECRET_KEY = '{GOOD}'\n");
    let other = "fedcba9876543210fedcba9876543210";
    let config = Start::with_file(file).variables(&[("SECRET_KEY", other)]).config();
    assert_eq!(config.jwt.secret_key.unwrap().expose(), GOOD);
    let config = Start::without_file().variables(&[("SECRET_KEY", other)]).config();
    assert_eq!(config.jwt.secret_key.unwrap().expose(), other);
}
