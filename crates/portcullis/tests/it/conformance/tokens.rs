//! The tokens of a case: minted by the library, signed by hand, or just a text, and then spoilt.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use portcullis::{Issue, ManualClock, Token};
use serde_json::{Map, Value};

use super::{case::Case, keys, setup};
use crate::common::{NOW, at, base64, unbase64};

pub(super) struct Minted {
    pub(super) text: String,
    /// The token itself, where the library made it and nobody spoilt it.
    pub(super) token: Option<Token>,
}

impl Minted {
    /// The claim `csrf`, as text.
    pub(super) fn csrf(&self) -> Option<String> {
        let payload =
            self.text.split('.').nth(1).filter(|it| self.text.matches('.').count() == 2 && !it.is_empty())?;
        let payload: Value =
            serde_json::from_slice(&BASE64.decode(payload.trim_end_matches('=')).ok()?).ok()?;
        Some(match payload.get("csrf")? {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }
}

pub(super) fn make(case: &Case<'_>, spec: &Value) -> Result<Minted, String> {
    let (text, token) = if let Some(text) = spec["literal"].as_str() {
        (text.to_owned(), None)
    } else if spec["sign"].is_object() {
        (sign(case, &spec["sign"]), None)
    } else {
        let token = mint(case, spec)?;
        (token.as_str().to_owned(), Some(token))
    };
    match spec["mutate"].as_str() {
        Some(how) => Ok(Minted { text: spoil(&text, how), token: None }),
        None => Ok(Minted { text, token }),
    }
}

/// A number of seconds, `{"seconds": n}`, which may be negative.
fn seconds(value: &Value) -> Option<i64> {
    value["seconds"].as_i64()
}

fn mint(case: &Case<'_>, spec: &Value) -> Result<Token, String> {
    let (expires, fresh) = (seconds(&spec["expires_delta"]), seconds(&spec["fresh"]));
    if !spec["expires_delta"].is_null() && expires.is_none() {
        return Err("a lifetime is a duration: a token without an end cannot be asked for".into());
    }
    if !spec["fresh"].is_null() && !spec["fresh"].is_boolean() && fresh.is_none() {
        return Err("fresh is a word or a duration".into());
    }
    // What has ended is made in the past, by a clock that stood then.
    let back = [expires, fresh].into_iter().flatten().filter(|it| *it < 0).min().map_or(0, |it| 60 - it);
    let clock = ManualClock::at(at(NOW - back));
    let overrides = spec["mint_config"].as_object().cloned().unwrap_or_default();
    let jwt = setup::minter(case, &overrides, clock)?;
    let identity = identity(case, spec)?;
    let expires = expires.map(|seconds| duration(seconds + back)).transpose()?;
    let signed = if spec["mint"] == "refresh" {
        if spec["fresh"] == Value::Bool(true) || fresh.is_some() {
            return Err("a refresh token is never fresh".into());
        }
        with_extras(case, spec, expires, jwt.refresh(identity))?.sign()
    } else {
        let mut issue = jwt.access(identity);
        if spec["fresh"] == Value::Bool(true) {
            issue = issue.fresh();
        }
        if let Some(fresh) = fresh {
            issue = issue.fresh_for(duration(fresh + back)?);
        }
        with_extras(case, spec, expires, issue)?.sign()
    };
    signed.map_err(|error| error.to_string())
}

fn duration(seconds: i64) -> Result<Duration, String> {
    u64::try_from(seconds).map(Duration::from_secs).map_err(|_| "a duration is not negative".into())
}

fn identity(case: &Case<'_>, spec: &Value) -> Result<String, String> {
    let Some(identity) = spec.get("identity") else { return Ok("username".into()) };
    let identity = match case.hook("user_identity")["field"].as_str() {
        Some(field) => match &identity[field] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        },
        None => identity.as_str().ok_or("an identity is a text")?.to_owned(),
    };
    Ok(identity)
}

/// Lifetime, claims, header members and key, of which the last three in Flask come from arguments and loaders: here they are words.
fn with_extras<'m, K>(
    case: &Case<'_>,
    spec: &Value,
    expires: Option<Duration>,
    mut issue: Issue<'m, K>,
) -> Result<Issue<'m, K>, String> {
    if let Some(expires) = expires {
        issue = issue.expires_in(expires);
    }
    let merged = |name: &str| -> Map<String, Value> {
        let (hook, given) = (case.hook(name).as_object(), spec[name].as_object());
        // 3.x: the argument takes the loader's place.
        let hook = hook.filter(|_| !(case.is_3() && given.is_some()));
        hook.into_iter().chain(given).flatten().map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    for (name, value) in merged("additional_claims") {
        issue = issue.claim(name, value);
    }
    let mut key = case.hook("encode_key").as_str();
    let mut kid = None;
    for (name, value) in merged("additional_headers") {
        match value.as_str() {
            Some(id) if name == "kid" => kid = Some(id.to_owned()),
            _ => issue = issue.header(name, value),
        }
    }
    if kid.is_some() && key.is_none() {
        key = Some("secret");
    }
    if let Some(key) = key {
        let mut key = keys::signing(case.algorithm(), key)?;
        if let Some(kid) = kid {
            key = key.with_kid(kid).map_err(|error| error.to_string())?;
        }
        issue = issue.signed_by(key);
    }
    Ok(issue)
}

/// A token spelled by hand: header and payload as objects with placeholders, or as texts.
fn sign(case: &Case<'_>, spec: &Value) -> String {
    let header = match &spec["header"] {
        Value::Null => r#"{"alg":"HS256","typ":"JWT"}"#.to_owned(),
        Value::String(text) => text.clone(),
        object => object.to_string(),
    };
    let payload = match &spec["payload"] {
        Value::String(text) => text.clone(),
        Value::Object(claims) => {
            let id = setup::identity_claim(case);
            let claims = claims.iter().map(|(name, value)| {
                (if name == "$id" { id.clone() } else { name.clone() }, placeholder(value))
            });
            Value::Object(claims.collect()).to_string()
        }
        other => other.to_string(),
    };
    let named =
        serde_json::from_str::<Value>(&header).ok().and_then(|it| it["alg"].as_str().map(str::to_owned));
    let alg = spec["alg"].as_str().map(str::to_owned).or(named).unwrap_or_else(|| "HS256".into());
    let key = spec["key"].as_str().unwrap_or("secret");
    let input = format!("{}.{}", base64(header), base64(payload));
    format!("{input}.{}", base64(keys::signature(&alg, key, input.as_bytes())))
}

fn placeholder(value: &Value) -> Value {
    let now = |name: &str| value[name].as_i64().map(|offset| NOW + offset);
    if let Some(now) = now("$now") {
        now.into()
    } else if let Some(now) = now("$now_str") {
        now.to_string().into()
    } else if let Some(now) = value["$now_float"].as_f64() {
        #[expect(clippy::cast_precision_loss, reason = "seconds since the epoch have room in a float")]
        let present = NOW as f64;
        (present + now + 0.25).into()
    } else {
        value.clone()
    }
}

fn spoil(token: &str, how: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("{token}") };
    match how {
        "tamper_signature" => {
            let first = if signature.starts_with('A') { "B" } else { "A" };
            format!("{header}.{payload}.{first}{}", &signature[1..])
        }
        "tamper_payload" => {
            let mut claims: Value = serde_json::from_slice(&unbase64(payload)).unwrap();
            claims["tampered"] = true.into();
            format!("{header}.{}.{signature}", base64(claims.to_string()))
        }
        "strip_signature" => format!("{header}.{payload}."),
        "drop_signature_segment" => format!("{header}.{payload}"),
        "extra_segment" => format!("{token}.AAAA"),
        "pad_segments" => parts.iter().map(|it| format!("{it}=")).collect::<Vec<_>>().join("."),
        "append_eq" => format!("{token}="),
        _ => panic!("no such mutation: {how}"),
    }
}
