//! Files of hostile and good tokens, each with its verdict: those in `tests/data/vectors` and those in the
//! directory that `PORTCULLIS_VECTORS` names.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use portcullis::{Algorithm, JwtManager, Key, KeySet, ManualClock, Require, jws};
use serde::Deserialize;

use crate::common::{at, unbase64};

#[derive(Deserialize)]
struct File {
    level: String,
    alg: String,
    #[serde(default)]
    now: i64,
    #[serde(default)]
    expected: Expected,
    key: serde_json::Value,
    tests: Vec<Vector>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Expected {
    iss: Option<String>,
    aud: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    leeway_max_s: u64,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    expect: String,
    encoding: String,
    token: String,
}

/// How the tokens fared.
#[derive(Debug, Default)]
struct Count {
    accepted: usize,
    refused: usize,
    wrong: Vec<String>,
    not_run: usize,
}

#[test]
fn every_vector_gets_its_verdict() {
    // JWT-40
    let mut count = Count::default();
    for path in files() {
        let text = fs::read_to_string(&path).unwrap();
        let file: File = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        run(&name, &file, &mut count);
    }
    println!(
        "vectors: {} accepted, {} refused, {} wrong, {} not run",
        count.accepted,
        count.refused,
        count.wrong.len(),
        count.not_run
    );
    assert!(count.accepted > 0 && count.refused > 0, "{count:?}");
    assert!(count.wrong.is_empty(), "{:#?}", count.wrong);
}

#[expect(clippy::disallowed_methods, reason = "the one place where these tests ask the environment")]
fn files() -> Vec<PathBuf> {
    let ours = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/vectors");
    let more = std::env::var_os("PORTCULLIS_VECTORS").map(PathBuf::from);
    let mut files: Vec<PathBuf> = [Some(ours), more]
        .into_iter()
        .flatten()
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    files
}

fn run(name: &str, file: &File, count: &mut Count) {
    let Some(keys) = keys(file) else {
        println!("{name}: {} vectors not run, no {} in this build", file.tests.len(), file.alg);
        count.not_run += file.tests.len();
        return;
    };
    // A token that the leeway may save is none of the file's, so both ends of it have to agree.
    let managers = [0, file.expected.leeway_max_s].map(|leeway| manager(file, keys.clone(), leeway));
    for vector in &file.tests {
        let verdicts = managers.each_ref().map(|jwt| holds(file, &keys, jwt, vector));
        let right = match vector.expect.as_str() {
            "ACCEPT" => verdicts.iter().all(|held| *held),
            "REJECT" => verdicts.iter().all(|held| !held),
            "NO-CRASH" => true,
            other => panic!("{name}: {}: expects {other}", vector.id),
        };
        if !right {
            count.wrong.push(format!("{name}: {} is not {}", vector.id, vector.expect));
        }
        if verdicts[0] {
            count.accepted += 1;
        } else {
            count.refused += 1;
        }
    }
}

/// The one key of a file, and the name `Ed25519` where the file is of that name; `None` where this build has
/// no such keys.
fn keys(file: &File) -> Option<KeySet> {
    let algorithm: Algorithm = match file.alg.as_str() {
        "Ed25519" => Algorithm::EdDSA,
        name => name.parse().ok()?,
    };
    if let Some(secret) = file.key["k"].as_str() {
        return Key::hmac_of_any_length(algorithm, unbase64(secret)).ok().map(KeySet::from);
    }
    #[cfg(feature = "asymmetric")]
    let keys = pair(algorithm, &file.key);
    #[cfg(not(feature = "asymmetric"))]
    let keys = None::<KeySet>?;
    Some(if file.alg == "Ed25519" { keys.accepting_ed25519_name() } else { keys })
}

#[cfg(feature = "asymmetric")]
fn pair(algorithm: Algorithm, key: &serde_json::Value) -> KeySet {
    use portcullis::VerifyingKey;
    let public = match key["public_pem"].as_str() {
        Some(pem) => VerifyingKey::from_pem(algorithm, pem).unwrap(),
        None => VerifyingKey::from_jwk_as(algorithm, key.to_string()).unwrap(),
    };
    // A file that gives its key no id says nothing of the tokens' ids.
    let named = key["kid"].is_string();
    if named { public } else { public.without_kid() }.into()
}

fn manager(file: &File, keys: KeySet, leeway: u64) -> JwtManager {
    JwtManager::builder(keys)
        .clock(Arc::new(ManualClock::at(at(file.now))))
        .configure(|config| {
            config.decode_issuer = file.expected.iss.iter().cloned().collect();
            config.decode_audience = file.expected.aud.iter().cloned().collect();
            config.decode_leeway = Duration::from_secs(leeway);
        })
        .build()
        .unwrap()
}

fn holds(file: &File, keys: &KeySet, jwt: &JwtManager, vector: &Vector) -> bool {
    let bytes = match vector.encoding.as_str() {
        "ascii" => vector.token.clone().into_bytes(),
        "base64" => {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.decode(&vector.token).unwrap()
        }
        other => panic!("{}: encoding {other}", vector.id),
    };
    // Bytes that are no text are refused by the type: nobody can hand them over.
    let Ok(token) = String::from_utf8(bytes) else {
        return false;
    };
    match file.level.as_str() {
        "jws" => return jws::verify(&token, keys).is_ok(),
        "jwt" => {}
        other => panic!("level {other}"),
    }
    let require = match file.expected.kind.as_deref() {
        None => Require::any(),
        Some("access") => Require::access(),
        Some("refresh") => Require::refresh(),
        Some(other) => panic!("a token of kind {other}"),
    };
    jwt.verify_as(&token, require).is_ok()
}
