//! A case's options and hooks as a manager of ours.

use std::sync::Arc;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use portcullis::{
    Check, Claims, ErrorClass, JwtConfig, JwtManager, JwtManagerBuilder, KeySet, ManualClock, Refused,
    Revocation, TokenKind, Verdict,
};
use serde_json::{Map, Value, json};

use super::{case::Case, keys};

pub(super) fn identity_claim(case: &Case<'_>) -> String {
    let default = if case.is_3() { "identity" } else { "sub" };
    case.config().get("JWT_IDENTITY_CLAIM").and_then(Value::as_str).unwrap_or(default).to_owned()
}

/// The manager of a case, or why there can be none.
pub(super) fn manager(case: &Case<'_>, clock: ManualClock) -> Result<JwtManager, String> {
    let config = options(case, &Map::new())?;
    let builder = match decode_keys(case)? {
        Some(keys) => JwtManager::builder(keys).configure(|ours| *ours = config),
        None => JwtManager::from_config(config).map_err(|error| error.to_string())?,
    };
    with_hooks(case, builder).clock(Arc::new(clock)).build().map_err(|error| error.to_string())
}

/// What mints the case's tokens: by the keys of its configuration, whatever hooks verify by.
pub(super) fn minter(
    case: &Case<'_>,
    overrides: &Map<String, Value>,
    clock: ManualClock,
) -> Result<JwtManager, String> {
    let builder = JwtManager::from_config(options(case, overrides)?).map_err(|error| error.to_string())?;
    builder.clock(Arc::new(clock)).build().map_err(|error| error.to_string())
}

fn options(case: &Case<'_>, overrides: &Map<String, Value>) -> Result<JwtConfig, String> {
    let mut config = case.config();
    config.extend(overrides.clone());
    let mut options = flask_options(case);
    // Flask's own secret stands in for ours.
    let flasks = config.remove("SECRET_KEY");
    if config.get("JWT_SECRET_KEY").is_some_and(Value::is_null)
        && let Some(secret) = flasks
    {
        config.insert("JWT_SECRET_KEY".into(), secret);
    }
    // 3.x says which kinds a hook is asked about; here the hook sees the kind.
    config.remove("JWT_BLACKLIST_TOKEN_CHECKS");
    for (name, value) in config {
        let key = value.as_str().is_some_and(|text| text.starts_with("$key:"));
        let value = match &value["seconds"] {
            _ if key => keys::text(value.as_str().unwrap()).into(),
            Value::Null => value,
            seconds => seconds.clone(),
        };
        options.insert(name, value);
    }
    serde_json::from_value(Value::Object(options)).map_err(|error| error.to_string())
}

/// Flask-JWT-Extended's defaults, where ours are stricter.
fn flask_options(case: &Case<'_>) -> Map<String, Value> {
    let mut options = json!({
        "ERROR_STYLE": case.style.name(),
        "JWT_REQUIRED_CLAIMS": [],
        "JWT_SECRET_KEY": keys::text("secret"),
        "JWT_IDENTITY_CLAIM": identity_claim(case),
        "JWT_COOKIE_SECURE": false,
        "JWT_COOKIE_SAMESITE": null,
        "JWT_ACCESS_COOKIE_NAME": "access_token_cookie",
        "JWT_REFRESH_COOKIE_NAME": "refresh_token_cookie",
        "JWT_ACCESS_CSRF_COOKIE_NAME": "csrf_access_token",
        "JWT_REFRESH_CSRF_COOKIE_NAME": "csrf_refresh_token",
    });
    if case.is_3() {
        options["JWT_USER_CLAIMS"] = "user_claims".into();
    } else {
        options["JWT_CSRF_CLAIM"] = "always".into();
    }
    options.as_object().cloned().unwrap()
}

/// The keys that a hook verifies by, in place of those of the configuration.
fn decode_keys(case: &Case<'_>) -> Result<Option<KeySet>, String> {
    let key = |name: &Value| keys::verifying(case.algorithm(), name.as_str().unwrap());
    if case.hook("decode_key").is_string() {
        return Ok(Some(key(case.hook("decode_key"))?.into()));
    }
    let Some(by_kid) = case.hook("decode_key_by_kid").as_object() else { return Ok(None) };
    let with_kid = |(kid, name)| key(name)?.with_kid(kid).map_err(|error| error.to_string());
    by_kid.iter().map(with_kid).collect::<Result<Vec<_>, _>>().map(|keys| Some(KeySet::verify_only(keys)))
}

fn with_hooks(case: &Case<'_>, mut builder: JwtManagerBuilder) -> JwtManagerBuilder {
    if !case.hook("blocklist").is_null() {
        let checks = case.config().get("JWT_BLACKLIST_TOKEN_CHECKS").cloned();
        builder = builder.revocation(Arc::new(Blocklist { rule: case.hook("blocklist").clone(), checks }));
    }
    // What Python takes for true.
    let verification = case.recorded["setup"]["hooks"].get("token_verification");
    let fine = |it: &Value| !it.is_null() && *it != false && *it != 0 && *it != "";
    if let Some(fine) = verification.map(fine) {
        builder = builder.check_claims(move |_: &Claims| if fine { Check::Pass } else { Check::Fail });
    }
    let hooks = case.recorded["setup"]["hooks"].clone();
    if hooks.as_object().is_some_and(|hooks| hooks.keys().any(|name| name.ends_with("_response"))) {
        builder = builder.render_error(move |refused: &Refused<'_>| render(&hooks, refused));
    }
    builder
}

struct Blocklist {
    rule: Value,
    checks: Option<Value>,
}

impl Revocation for Blocklist {
    fn check(&self, claims: &Claims) -> Verdict {
        let kind = claims.kind();
        let asked = self.checks.as_ref().and_then(Value::as_array);
        let asked = asked.is_none_or(|kinds| kinds.iter().any(|it| it == kind.name()));
        let revoked = match &self.rule {
            Value::Bool(revoked) => *revoked,
            Value::String(only) if only == "access_only" => kind == TokenKind::Access,
            Value::String(only) if only == "refresh_only" => kind == TokenKind::Refresh,
            rule => rule["jti"].as_array().into_iter().flatten().any(|jti| jti.as_str() == claims.jti()),
        };
        if asked && revoked { Verdict::Revoked } else { Verdict::Live }
    }
}

/// The case's own answer to a class of refusals.
fn render(hooks: &Value, refused: &Refused<'_>) -> Option<Response> {
    let name = match refused.error.class() {
        ErrorClass::Unauthorized => "unauthorized_response",
        ErrorClass::Invalid => "invalid_response",
        ErrorClass::Expired => "expired_response",
        ErrorClass::NeedsFresh => "needs_fresh_response",
        ErrorClass::Revoked => "revoked_response",
        ErrorClass::VerificationFailed => "token_verification_failed_response",
        ErrorClass::UserLookup => "user_lookup_error_response",
        _ => return None,
    };
    let own = hooks.get(name)?;
    let status = StatusCode::from_u16(u16::try_from(own["status"].as_u64()?).ok()?).ok()?;
    let token = refused.token;
    let payload: Value = token.and_then(|token| token.custom().ok()).unwrap_or_default();
    let header: Value = token.and_then(|token| token.header().ok()).unwrap_or_default();
    let mut body = own["body"].clone();
    for value in body.as_object_mut().into_iter().flat_map(|members| members.values_mut()) {
        let Some(text) = value.as_str().map(str::to_owned) else { continue };
        if text == "$error" {
            *value = refused.text.into();
        } else if let Some(claim) = text.strip_prefix("$payload.") {
            *value = payload[claim].clone();
        } else if let Some(member) = text.strip_prefix("$header.") {
            *value = header[member].clone();
        }
    }
    Some((status, Json(body)).into_response())
}
