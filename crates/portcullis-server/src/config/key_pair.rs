//! The key pair of an algorithm that has one: its files read, and what is missing or has no effect.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use portcullis::{Algorithm, Secret};
use zeroize::Zeroizing;

use super::{
    echo,
    problem::{Findings, Problem},
    settings::Draft,
    sources::Winners,
    value::{Refusal, Value},
};

/// The largest file that is read; an RSA key of 8192 bits has a tenth of it.
const MAX_BYTES: usize = 64 * 1024;

const PRIVATE: &str = "JWT_PRIVATE_KEY";
const PRIVATE_FILE: &str = "JWT_PRIVATE_KEY_FILE";
const PUBLIC_FILE: &str = "JWT_PUBLIC_KEY_FILE";

/// Reads the files that won, refuses an algorithm without its key, and warns of keys that nothing uses.
pub(super) fn judge(draft: &mut Draft, winners: &Winners, findings: &mut Findings) {
    if let Some(text) = from_file(draft.private_key_file.as_deref(), PRIVATE_FILE, draft, winners, findings) {
        draft.config.jwt.private_key = Some(Secret::new(text.as_str()));
    }
    let public = from_file(draft.public_key_file.as_deref(), PUBLIC_FILE, draft, winners, findings);
    match public.map(|text| public_text(&text)) {
        Some(Ok(text)) => draft.config.jwt.public_key = Some(text),
        Some(Err(refusal)) => refuse(PUBLIC_FILE, refusal, winners, findings),
        None => {}
    }
    let jwt = &draft.config.jwt;
    let algorithm = jwt.algorithm;
    if algorithm.is_symmetric() {
        without_effect(algorithm, winners, findings);
        return;
    }
    let refused = |problem: &Problem| problem.concerns(PRIVATE) || problem.concerns(PRIVATE_FILE);
    let given = jwt.private_key.is_some() || findings.problems.iter().any(refused);
    if let (false, Some(origin)) = (given, winners.origin("JWT_ALGORITHM")) {
        let text = format!(
            "is missing: {algorithm} signs with it; make one in the instance folder with \
             `openssl genpkey {} -out jwt_private.pem` and write {PRIVATE_FILE} = \"jwt_private.pem\"",
            recipe(algorithm)
        );
        findings.problem(Problem::of(PRIVATE, origin.clone(), text));
    }
}

/// What `openssl genpkey` makes a key for the algorithm of.
fn recipe(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::EdDSA => "-algorithm ED25519",
        Algorithm::ES256 => "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
        Algorithm::ES384 => "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
        Algorithm::ES512 => "-algorithm EC -pkeyopt ec_paramgen_curve:P-521",
        _ => "-algorithm RSA -pkeyopt rsa_keygen_bits:3072",
    }
}

/// A key beside an algorithm with secrets is mostly one whose algorithm was forgotten.
fn without_effect(algorithm: Algorithm, winners: &Winners, findings: &mut Findings) {
    for name in [PRIVATE, PRIVATE_FILE, "JWT_PUBLIC_KEY", PUBLIC_FILE] {
        if let Some(origin) = winners.origin(name) {
            let text = format!(
                "has no effect: {algorithm} takes a secret; to sign with a key pair set JWT_ALGORITHM to the key's, \
                 as EdDSA or RS256"
            );
            findings.warn(Problem::of(name, origin.clone(), text));
        }
    }
}

/// The text of a setting's file; what is wrong with it becomes a problem of the setting.
fn from_file(
    path: Option<&Path>,
    setting: &str,
    draft: &Draft,
    winners: &Winners,
    findings: &mut Findings,
) -> Option<Zeroizing<String>> {
    let path = draft.config.instance.join(path?);
    let shown = echo::cut(&path.display().to_string());
    match text_of(&path) {
        Ok(text) => {
            let mode = if setting == PRIVATE_FILE { open_mode(&path) } else { None };
            if let (Some(mode), Some(origin)) = (mode, winners.origin(setting)) {
                let text = format!("{shown} can be read by others (mode {mode:o}); run chmod 600 on it");
                findings.warn(Problem::of(setting, origin.clone(), text));
            }
            Some(text)
        }
        Err(why) => {
            refuse(setting, format!("{shown} {why}"), winners, findings);
            None
        }
    }
}

fn refuse(setting: &str, text: String, winners: &Winners, findings: &mut Findings) {
    if let Some(origin) = winners.origin(setting) {
        findings.problem(Problem::of(setting, origin.clone(), text));
    }
}

fn text_of(path: &Path) -> Result<Zeroizing<String>, Refusal> {
    let cannot = |error: io::Error| format!("cannot be read: {error}");
    let metadata = fs::metadata(path).map_err(cannot)?;
    // What is no small file is not opened: it may never end, or never begin.
    if metadata.is_dir() {
        return Err("is a folder; expected a key file".into());
    }
    if !metadata.is_file() {
        return Err("is no regular file".into());
    }
    let too_large = || "is larger than 64 KiB: a key takes a few; is it the right file?".to_owned();
    if metadata.len() > MAX_BYTES as u64 {
        return Err(too_large());
    }
    // With room for all of it at once, so that no part of a key stays where a smaller buffer was.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * MAX_BYTES));
    let file = File::open(path).map_err(cannot)?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() > MAX_BYTES {
        return Err(too_large());
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) if text.trim().is_empty() => Err("is empty".into()),
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => {
            Err("is not UTF-8: expected PEM or a JWK; `openssl pkey -inform DER` makes PEM of DER".into())
        }
    }
}

/// The mode of a file that others than its owner may use.
#[cfg(unix)]
fn open_mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;

    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn open_mode(_: &Path) -> Option<u32> {
    None
}

/// The path of a key file. A key that got there is not repeated as the name of a file that does not exist.
pub(super) fn path(value: &Value) -> Result<String, Refusal> {
    let text = value.words()?;
    let base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
    let body = text.starts_with('M') && text.len() >= 40 && text.bytes().all(base64);
    if body || text.contains("-----") || text.contains(['{', '\n']) {
        return Err("looks like a key; expected the path of its file, and a key goes into the setting \
                    without _FILE"
            .into());
    }
    Ok(text)
}

/// The text of a public key. A private one would verify too, but lie about where it may be read.
pub(super) fn public_text(text: &str) -> Result<String, Refusal> {
    const WAY_OUT: &str = "holds a private key; `openssl pkey -in jwt_private.pem -pubout` makes the public one, \
        which may be left out beside JWT_PRIVATE_KEY";
    let jwk = serde_json::from_str::<serde_json::Map<_, _>>(text).is_ok_and(|jwk| jwk.contains_key("d"));
    if jwk || text.contains("PRIVATE KEY") { Err(WAY_OUT.into()) } else { Ok(text.to_owned()) }
}
