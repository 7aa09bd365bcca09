//! How cheap a password hash and how short a password may be: less starts under tests only.

use super::{
    Config, Profile,
    problem::{Findings, Origin, Problem},
    sources::Winners,
    together,
};

/// Memory in KiB and passes of argon2id that are equally strong: OWASP's Password Storage Cheat Sheet. More of either is
/// stronger.
const LEAST_ARGON2: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

/// The least rounds of PBKDF2 with SHA-256, by the same sheet. It holds beside the Flask application too: passlib reads
/// the rounds from the hash, so that more than its own 29 000 cost that application time and nothing else.
const LEAST_ROUNDS: u32 = 600_000;

/// The shortest password where it is the only thing that is asked for: the floor of ASVS 6.2.1.
const LEAST_LENGTH: usize = 8;

/// Refuses hashes that are cheap, outside tests, and short passwords in production; elsewhere those get a warning.
pub(super) fn judge(config: &Config, winners: &Winners, findings: &mut Findings) {
    if config.profile == Profile::Testing {
        return;
    }
    judge_argon2(config, winners, findings);
    let rounds = config.pbkdf2_rounds.get();
    if rounds < LEAST_ROUNDS {
        let profile = config.profile;
        let text = format!("expected at least {LEAST_ROUNDS} in the {profile} profile, found {rounds}");
        together::refuse("PASSWORD_PBKDF2_ROUNDS", &text, winners, findings);
    }
    judge_length(config, winners, findings);
}

fn judge_argon2(config: &Config, winners: &Winners, findings: &mut Findings) {
    let (memory, passes) = (config.argon2_memory_kib, config.argon2_passes);
    if LEAST_ARGON2.iter().any(|least| memory >= least.0 && passes >= least.1) {
        return;
    }
    // Told where somebody wrote something: the other one may be a default.
    let (memory_name, passes_name) = ("PASSWORD_ARGON2_MEMORY_KIB", "PASSWORD_ARGON2_PASSES");
    let (told, other) = match winners.origin(memory_name) {
        Some(Origin::Embedded { .. }) => (passes_name, memory_name),
        _ => (memory_name, passes_name),
    };
    let place = winners.origin(other).map_or("not set".to_owned(), ToString::to_string);
    let pairs = LEAST_ARGON2.map(|(memory, passes)| format!("{memory} and {passes}")).join(", ");
    let text = format!(
        "expected, together with {other} ({place}), KiB and passes of at least one of {pairs} in the {} profile, found \
         {memory} and {passes}",
        config.profile
    );
    together::refuse(told, &text, winners, findings);
}

fn judge_length(config: &Config, winners: &Winners, findings: &mut Findings) {
    const SETTING: &str = "PASSWORD_MIN_LENGTH";
    let length = config.password_min_length;
    let (true, Some(origin)) = (length < LEAST_LENGTH, winners.origin(SETTING)) else { return };
    let text = format!("a password of {length} characters can be guessed: take at least {LEAST_LENGTH}");
    let problem = Problem::of(SETTING, origin.clone(), text);
    match config.profile {
        Profile::Production => findings.problem(problem),
        Profile::Development | Profile::Testing => findings.warn(problem),
    }
}
