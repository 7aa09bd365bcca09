//! Files of hostile and good tokens, each with its verdict: those in `tests/data/vectors` and those in the
//! directory that `PORTCULLIS_VECTORS` names.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use portcullis::{Algorithm, AuthError, JwtManager, Key, ManualClock, Require};
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
    let Ok(algorithm) = file.alg.parse::<Algorithm>() else {
        println!("{name}: {} vectors not run, no {} yet", file.tests.len(), file.alg);
        count.not_run += file.tests.len();
        return;
    };
    // A token that the leeway may save is none of the file's, so both ends of it have to agree.
    let managers = [0, file.expected.leeway_max_s].map(|leeway| manager(file, algorithm, leeway));
    for vector in &file.tests {
        let verdicts = managers.each_ref().map(|jwt| holds(file, jwt, vector));
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

fn manager(file: &File, algorithm: Algorithm, leeway: u64) -> JwtManager {
    let secret = unbase64(file.key["k"].as_str().expect("an octet key"));
    JwtManager::builder(Key::hmac_of_any_length(algorithm, secret).unwrap())
        .clock(Arc::new(ManualClock::at(at(file.now))))
        .configure(|config| {
            config.decode_issuer = file.expected.iss.iter().cloned().collect();
            config.decode_audience = file.expected.aud.iter().cloned().collect();
            config.decode_leeway = Duration::from_secs(leeway);
        })
        .build()
        .unwrap()
}

fn holds(file: &File, jwt: &JwtManager, vector: &Vector) -> bool {
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
    let require = match file.expected.kind.as_deref() {
        None => Require::any(),
        Some("access") => Require::access(),
        Some("refresh") => Require::refresh(),
        Some(other) => panic!("a token of kind {other}"),
    };
    let verdict = jwt.verify_as(&token, require);
    match file.level.as_str() {
        "jwt" => verdict.is_ok(),
        // The payload need not be claims; what counts is that the refusal, if any, speaks of nothing else.
        "jws" => verdict.err().is_none_or(|error| speaks_of_claims(&error)),
        other => panic!("level {other}"),
    }
}

fn speaks_of_claims(error: &AuthError) -> bool {
    matches!(
        error,
        AuthError::PayloadJson
            | AuthError::PayloadNotObject
            | AuthError::ClaimType(_)
            | AuthError::MissingClaim(_)
            | AuthError::IssuedInFuture
            | AuthError::NotYetValid
            | AuthError::Expired
            | AuthError::AccessRequired
            | AuthError::RefreshRequired
    )
}
