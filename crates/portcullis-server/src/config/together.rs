//! What only shows when settings are taken together: what the library refuses, and what would refuse its own tokens.

use portcullis::{Algorithm, JwtConfig, JwtConfigError, JwtManager, JwtManagerBuilder, Secret};

use super::{
    Config, PasswordScheme, names,
    problem::{Findings, Problem},
    settings::Draft,
    sources::Winners,
};

/// Finds what would keep the service from starting, or every token that it makes from being accepted.
pub(super) fn judge(jwt: &JwtConfig, winners: &Winners, findings: &mut Findings) {
    for error in refused_by_the_library(jwt) {
        refuse(error.option(), error.problem(), winners, findings);
    }
    let named = |made: &[String], accepted: &[String]| made.iter().any(|name| accepted.contains(name));
    let issuer = jwt.encode_issuer.as_slice();
    for (decode, accepted, encode, made) in [
        ("JWT_DECODE_AUDIENCE", &jwt.decode_audience, "JWT_ENCODE_AUDIENCE", jwt.encode_audience.as_slice()),
        ("JWT_DECODE_ISSUER", &jwt.decode_issuer, "JWT_ENCODE_ISSUER", issuer),
    ] {
        let unknown = findings.problems.iter().any(|problem| problem.concerns(encode));
        if unknown || accepted.is_empty() || named(made, accepted) {
            continue;
        }
        let place = winners.origin(encode).map_or("not set".to_owned(), ToString::to_string);
        let text = format!(
            "every token made here would be refused here: {encode} ({place}) names none of these; give it one of \
             them, or leave {decode} out"
        );
        refuse(decode, &text, winners, findings);
    }
}

/// Finds what the Flask application could not read of what is written beside it.
pub(super) fn judge_beside(draft: &Draft, winners: &Winners, findings: &mut Findings) {
    if !draft.config.flask_beside {
        return;
    }
    let place = winners.origin("FLASK_BESIDE").map_or("not set".to_owned(), ToString::to_string);
    if draft.password_scheme == Some(PasswordScheme::Argon2id) {
        let text = format!(
            "\"argon2id\" contradicts FLASK_BESIDE ({place}): the Flask application reads pbkdf2_sha256 alone; leave \
             one of them out"
        );
        refuse("PASSWORD_SCHEME", &text, winners, findings);
    }
    if draft.password_upgrade == Some(true) {
        let text = format!(
            "true contradicts FLASK_BESIDE ({place}), under which the Flask application's hashes stay; leave one of \
             them out"
        );
        refuse("PASSWORD_UPGRADE", &text, winners, findings);
    }
}

/// Finds a lock that could not grow.
pub(super) fn judge_lock(config: &Config, winners: &Winners, findings: &mut Findings) {
    if config.lock_first_delay > config.lock_max_delay {
        let place = winners.origin("LOCK_FIRST_DELAY").map_or("not set".to_owned(), ToString::to_string);
        let (first, most) = (config.lock_first_delay.as_secs(), config.lock_max_delay.as_secs());
        let text = format!("{most} s are less than the {first} s of LOCK_FIRST_DELAY ({place})");
        refuse("LOCK_MAX_DELAY", &text, winners, findings);
    }
}

/// Finds a certificate without its key, and a key without its certificate.
pub(super) fn judge_tls(config: &Config, winners: &Winners, findings: &mut Findings) {
    let missing = match (&config.tls_cert, &config.tls_key) {
        (Some(_), None) => ("TLS_CERT", "needs its private key: set TLS_KEY"),
        (None, Some(_)) => ("TLS_KEY", "needs its certificate: set TLS_CERT"),
        _ => return,
    };
    refuse(missing.0, missing.1, winners, findings);
}

/// A problem of a setting, unless it has one already.
pub(super) fn refuse(setting: &str, text: &str, winners: &Winners, findings: &mut Findings) {
    // Who gave the other name of the same thing is told of that.
    let other = match setting {
        "JWT_SECRET_KEY" => "SECRET_KEY",
        name => names::twin(name).unwrap_or(name),
    };
    if findings.problems.iter().any(|problem| problem.concerns(setting) || problem.concerns(other)) {
        return;
    }
    let given = [setting, other].into_iter().find_map(|name| Some((name, winners.origin(name)?)));
    findings.problem(match given {
        Some((name, origin)) => Problem::of(name, origin.clone(), text),
        None => Problem::general(format!("{setting}: {text}")),
    });
}

/// What the library says to a manager of these options: of its keys, and, with another key, of all the others.
fn refused_by_the_library(jwt: &JwtConfig) -> Vec<JwtConfigError> {
    // As long as the longest hash. It signs nothing.
    let throw_away = || Some(Secret::new("0".repeat(64)));
    let keys = JwtConfig {
        secret_key: jwt.secret_key.clone().or_else(throw_away),
        // How long it must be depends on the profile and has been judged.
        accept_short_secret: true,
        ..jwt.clone()
    };
    let options = JwtConfig {
        algorithm: Algorithm::HS256,
        decode_algorithms: Vec::new(),
        secret_key: throw_away(),
        secret_keys_previous: Vec::new(),
        ..jwt.clone()
    };
    // What both say is told once, as a setting has one problem.
    let keys = JwtManager::from_config(keys).and_then(JwtManagerBuilder::build).err();
    let options = JwtManager::from_config(options).and_then(JwtManagerBuilder::build).err();
    keys.iter().chain(options.iter()).flat_map(|errors| errors.iter().cloned()).collect()
}
