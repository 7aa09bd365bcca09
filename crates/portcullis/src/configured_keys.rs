//! The keys that a configuration names, and whether its list of algorithms is theirs.

use crate::{Algorithm, JwtConfig, JwtConfigError, Key, KeyError, KeySet, Secret, VerifyingKey};

/// The keys of a configuration, or everything that is wrong with them.
pub(crate) fn of(config: &JwtConfig) -> Result<KeySet, Vec<JwtConfigError>> {
    let mut set = if config.algorithm.is_symmetric() { secrets(config)? } else { pair(config)? };
    if config.decode_algorithms.iter().any(|name| name == "Ed25519") {
        set = set.accepting_ed25519_name();
    }
    Ok(set)
}

fn secrets(config: &JwtConfig) -> Result<KeySet, Vec<JwtConfigError>> {
    let mut problems = Vec::new();
    let signing = signing_secret(config).map_err(|problem| problems.push(problem));
    let previous = previous_secrets(config, config.algorithm, &mut problems);
    match signing {
        Ok(key) if problems.is_empty() => Ok(previous.into_iter().fold(KeySet::new(key), KeySet::and)),
        _ => Err(problems),
    }
}

/// The secrets that verify only, as keys of an algorithm.
fn previous_secrets(
    config: &JwtConfig,
    algorithm: Algorithm,
    problems: &mut Vec<JwtConfigError>,
) -> Vec<Key> {
    let mut keys = Vec::new();
    for secret in &config.secret_keys_previous {
        match Key::hmac_of_any_length(algorithm, secret.expose()) {
            Ok(key) => keys.push(key),
            Err(error) => {
                problems.push(JwtConfigError::new("JWT_SECRET_KEYS_PREVIOUS", error.to_string()));
            }
        }
    }
    keys
}

/// The algorithm of the earlier secrets beside a key pair: the one that the list of accepted ones names. It is said
/// and never guessed: what it is decides which tokens a secret verifies.
fn algorithm_of_previous(config: &JwtConfig) -> Result<Algorithm, &'static str> {
    let named = config.decode_algorithms.iter().filter_map(|name| name.parse().ok());
    let mut named: Vec<Algorithm> = named.filter(|algorithm: &Algorithm| algorithm.is_symmetric()).collect();
    named.dedup();
    match named.as_slice() {
        [one] => Ok(*one),
        [] => Err("beside a key pair the algorithm of the earlier secrets has to be said: name it in \
             JWT_DECODE_ALGORITHMS, as HS256"),
        _ => Err("JWT_DECODE_ALGORITHMS names more than one algorithm with secrets: a key has one algorithm"),
    }
}

fn signing_secret(config: &JwtConfig) -> Result<Key, JwtConfigError> {
    let problem = |text: String| JwtConfigError::new("JWT_SECRET_KEY", text);
    let Some(secret) = &config.secret_key else {
        return Err(problem(format!("{} needs a secret", config.algorithm)));
    };
    let key = if config.accept_short_secret { Key::hmac_of_any_length } else { Key::hmac };
    key(config.algorithm, secret.expose()).map_err(|error| problem(error.to_string()))
}

/// A secret beside a key pair is left alone: it is the application's for other things. Earlier ones verify the tokens
/// that are out since before the pair.
fn pair(config: &JwtConfig) -> Result<KeySet, Vec<JwtConfigError>> {
    let algorithm = config.algorithm;
    let mut problems = Vec::new();
    let mut problem = |option, text: String| problems.push(JwtConfigError::new(option, text));
    let private = config.private_key.as_ref().map(Secret::expose).map(|text| private_key(algorithm, text));
    let public = config.public_key.as_deref().map(|text| public_key(algorithm, text));
    if let Some(Err(error)) = &private {
        problem("JWT_PRIVATE_KEY", error.to_string());
    }
    if let Some(Err(error)) = &public {
        problem("JWT_PUBLIC_KEY", error.to_string());
    }
    if private.is_none() && public.is_none() {
        problem(
            "JWT_PRIVATE_KEY",
            format!("{algorithm} needs a private key, or a public one to verify only"),
        );
    }
    let set = match (private, public) {
        (Some(Ok(private)), Some(Ok(public))) if !is_half_of(&public, &private) => {
            problem("JWT_PUBLIC_KEY", "is not the other half of JWT_PRIVATE_KEY".into());
            None
        }
        (Some(Ok(private)), _) => Some(KeySet::new(private)),
        (None, Some(Ok(public))) => Some(KeySet::from(public)),
        _ => None,
    };
    let previous = match algorithm_of_previous(config) {
        _ if config.secret_keys_previous.is_empty() => Vec::new(),
        Ok(algorithm) => previous_secrets(config, algorithm, &mut problems),
        Err(text) => {
            problems.push(JwtConfigError::new("JWT_SECRET_KEYS_PREVIOUS", text));
            Vec::new()
        }
    };
    let set = set.filter(|_| problems.is_empty()).ok_or(problems)?;
    Ok(previous.into_iter().fold(set, KeySet::and))
}

#[cfg(feature = "asymmetric")]
fn private_key(algorithm: Algorithm, text: &str) -> Result<Key, KeyError> {
    if is_json(text) { Key::from_jwk_as(algorithm, text) } else { Key::from_pem(algorithm, text) }
}

#[cfg(feature = "asymmetric")]
fn public_key(algorithm: Algorithm, text: &str) -> Result<VerifyingKey, KeyError> {
    if is_json(text) {
        VerifyingKey::from_jwk_as(algorithm, text)
    } else {
        VerifyingKey::from_pem(algorithm, text)
    }
}

#[cfg(feature = "asymmetric")]
fn is_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

#[cfg(feature = "asymmetric")]
fn is_half_of(public: &VerifyingKey, private: &Key) -> bool {
    public.thumbprint() == private.verifying().thumbprint()
}

#[cfg(not(feature = "asymmetric"))]
fn private_key(algorithm: Algorithm, _: &str) -> Result<Key, KeyError> {
    Err(KeyError::NotBuilt(algorithm))
}

#[cfg(not(feature = "asymmetric"))]
fn public_key(algorithm: Algorithm, _: &str) -> Result<VerifyingKey, KeyError> {
    Err(KeyError::NotBuilt(algorithm))
}

#[cfg(not(feature = "asymmetric"))]
fn is_half_of(_: &VerifyingKey, _: &Key) -> bool {
    true
}

/// What is wrong with the list of accepted algorithms: it has to be that of the keys.
pub(crate) fn decode_algorithms(config: &JwtConfig, keys: &KeySet) -> Vec<JwtConfigError> {
    let listed = &config.decode_algorithms;
    if listed.is_empty() {
        return Vec::new();
    }
    let problem = |text: String| JwtConfigError::new("JWT_DECODE_ALGORITHMS", text);
    let algorithm = |name: &String| if name == "Ed25519" { Ok(Algorithm::EdDSA) } else { name.parse() };
    let without_key = listed.iter().filter(|name| !algorithm(name).is_ok_and(|it| keys.has_algorithm(it)));
    let foreign =
        without_key.map(|name| problem(format!("there is no key for {name:?}: a key has one algorithm")));
    let mut missing: Vec<_> = keys
        .iter()
        .map(VerifyingKey::algorithm)
        .filter(|it| *it != config.algorithm && !listed.iter().any(|name| algorithm(name) == Ok(*it)))
        .collect();
    missing.dedup();
    let missing = missing.into_iter().map(|it| problem(format!("leaves out {it}, which a key has")));
    foreign.chain(missing).collect()
}
