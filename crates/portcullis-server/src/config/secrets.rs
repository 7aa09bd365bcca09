//! Which signing secrets may be used: none that is published, none that can be guessed.

use std::collections::BTreeSet;

use portcullis::{Algorithm, Secret};

use super::{
    DatabaseUrl, Profile,
    problem::{Findings, Problem},
    settings::Draft,
    sources::Winners,
};

/// The secret that the Flask application's example shows to everyone.
const EXAMPLE: &str = "jwt-secret-string-1234-!@#$";

/// The fewest different bytes of a secret: a random one of 32 digits has nearly always more.
const LEAST_DISTINCT: usize = 6;

/// The fewest bytes of an earlier secret beside a key pair: what HS256, the shortest, takes of one that signs.
const LEAST_BESIDE_A_PAIR: usize = Algorithm::HS256.min_secret_bytes();

const WAY_OUT: &str = "make one with `openssl rand -base64 48`; \
    tokens signed with the present one stay valid when that moves to JWT_SECRET_KEYS_PREVIOUS";

/// Settles which secret signs, and refuses or warns of a bad one. With a key pair none does; earlier ones may verify
/// beside it.
pub(super) fn judge(draft: &mut Draft, winners: &Winners, findings: &mut Findings) {
    let fallback = draft.fallback_secret.take();
    let jwt = &mut draft.config.jwt;
    if !jwt.algorithm.is_symmetric() {
        warn_of_previous(&jwt.secret_keys_previous, LEAST_BESIDE_A_PAIR, winners, findings);
        return;
    }
    let name = if jwt.secret_key.is_some() { "JWT_SECRET_KEY" } else { "SECRET_KEY" };
    jwt.secret_key = jwt.secret_key.take().or(fallback);

    let least = jwt.algorithm.min_secret_bytes();
    let short = |secret: &Secret| secret.expose().len() < least;
    let fault = match &jwt.secret_key {
        Some(secret) if is_example(secret) => Some("is the example that everyone can read".to_owned()),
        Some(secret) if short(secret) => {
            Some(format!("has {} bytes: {} takes at least {least}", secret.expose().len(), jwt.algorithm))
        }
        _ => None,
    };
    jwt.accept_short_secret =
        draft.config.profile != Profile::Production && jwt.secret_key.as_ref().is_some_and(short);
    let monotonous = fault.is_none() && jwt.secret_key.as_ref().is_some_and(is_monotonous);
    if let (true, Some(origin)) = (monotonous, winners.origin(name)) {
        // Long enough by the rule; whether it is random nobody can tell.
        let text = format!("can be guessed: it has fewer than {LEAST_DISTINCT} different bytes; {WAY_OUT}");
        findings.warn(Problem::of(name, origin.clone(), text));
    }
    if let (Some(fault), Some(origin)) = (fault, winners.origin(name)) {
        let problem = Problem::of(name, origin.clone(), format!("{fault}; {WAY_OUT}"));
        match draft.config.profile {
            Profile::Production => findings.problem(problem),
            Profile::Development | Profile::Testing => findings.warn(problem),
        }
    }

    warn_of_previous(&jwt.secret_keys_previous, least, winners, findings);

    // Another algorithm may need no secret.
    let refused = |problem: &Problem| {
        ["JWT_SECRET_KEY", "SECRET_KEY", "JWT_ALGORITHM"].iter().any(|name| problem.concerns(name))
    };
    let given = jwt.secret_key.is_some() || findings.problems.iter().any(refused);
    if !given && matches!(draft.config.database, DatabaseUrl::Mongo(_)) {
        findings.problem(Problem::general(
            "JWT_SECRET_KEY is missing: with MongoDB all nodes must share one; \
             make it with `openssl rand -base64 48` and give it to each",
        ));
    }
}

/// Says how many of the secrets that verify only can be guessed: those are allowed, and a risk while they are there.
fn warn_of_previous(secrets: &[Secret], least: usize, winners: &Winners, findings: &mut Findings) {
    let guessable =
        |secret: &&Secret| secret.expose().len() < least || is_example(secret) || is_monotonous(secret);
    let weak = secrets.iter().filter(guessable).count();
    if let (1.., Some(origin)) = (weak, winners.origin("JWT_SECRET_KEYS_PREVIOUS")) {
        let text = format!(
            "{weak} of them can be guessed (under {least} bytes, of few different ones, or published): who does can make tokens until it is taken out"
        );
        findings.warn(Problem::of("JWT_SECRET_KEYS_PREVIOUS", origin.clone(), text));
    }
}

/// Whether it is the example, also with blanks around it that make it long enough.
fn is_example(secret: &Secret) -> bool {
    secret.expose().trim_matches(|c: char| c.is_whitespace() || c.is_control()) == EXAMPLE
}

/// Whether it is long by repetition only.
fn is_monotonous(secret: &Secret) -> bool {
    secret.expose().bytes().collect::<BTreeSet<u8>>().len() < LEAST_DISTINCT
}
