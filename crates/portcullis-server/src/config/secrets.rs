//! Which signing secrets may be used: none that is published, none that can be guessed.

use portcullis::Secret;

use super::{
    DatabaseUrl, Profile,
    problem::{Findings, Problem},
    settings::Draft,
    sources::Winners,
};

/// The secret that the Flask application's example shows to everyone.
const EXAMPLE: &str = "jwt-secret-string-1234-!@#$";

const WAY_OUT: &str = "make one with `openssl rand -base64 48`; \
    tokens signed with the present one stay valid when that moves to JWT_SECRET_KEYS_PREVIOUS";

/// Settles which secret signs, and refuses or warns of a bad one.
pub(super) fn judge(draft: &mut Draft, winners: &Winners, findings: &mut Findings) {
    let fallback = draft.fallback_secret.take();
    let jwt = &mut draft.config.jwt;
    let name = if jwt.secret_key.is_some() { "JWT_SECRET_KEY" } else { "SECRET_KEY" };
    jwt.secret_key = jwt.secret_key.take().or(fallback);

    let least = jwt.algorithm.min_secret_bytes();
    let short = |secret: &Secret| secret.expose().len() < least;
    let example = |secret: &Secret| secret.expose() == EXAMPLE;
    let fault = match &jwt.secret_key {
        Some(secret) if example(secret) => Some("is the example that everyone can read".to_owned()),
        Some(secret) if short(secret) => {
            Some(format!("has {} bytes: {} takes at least {least}", secret.expose().len(), jwt.algorithm))
        }
        _ => None,
    };
    jwt.accept_short_secret =
        draft.config.profile != Profile::Production && jwt.secret_key.as_ref().is_some_and(short);
    if let (Some(fault), Some(origin)) = (fault, winners.origin(name)) {
        let problem = Problem::of(name, origin.clone(), format!("{fault}; {WAY_OUT}"));
        match draft.config.profile {
            Profile::Production => findings.problem(problem),
            Profile::Development | Profile::Testing => findings.warn(problem),
        }
    }

    let weak = jwt.secret_keys_previous.iter().filter(|secret| short(secret) || example(secret)).count();
    if let (1.., Some(origin)) = (weak, winners.origin("JWT_SECRET_KEYS_PREVIOUS")) {
        let text = format!(
            "{weak} of them can be guessed (under {least} bytes, or published): who does can make tokens until it is taken out"
        );
        findings.warn(Problem::of("JWT_SECRET_KEYS_PREVIOUS", origin.clone(), text));
    }

    let refused = |problem: &Problem| problem.concerns("JWT_SECRET_KEY") || problem.concerns("SECRET_KEY");
    let given = jwt.secret_key.is_some() || findings.problems.iter().any(refused);
    if !given && matches!(draft.config.database, DatabaseUrl::Mongo(_)) {
        findings.problem(Problem::general(
            "JWT_SECRET_KEY is missing: with MongoDB all nodes must share one; \
             make it with `openssl rand -base64 48` and give it to each",
        ));
    }
}
