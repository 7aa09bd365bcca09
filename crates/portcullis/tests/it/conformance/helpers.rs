//! The functions that Flask handlers call, by what takes their place here.

use std::time::Duration;

use axum::{
    Json,
    http::{StatusCode, request::Parts},
    response::{IntoResponse as _, Response},
};
use portcullis::{AuthError, AuthRejection, CookieError, JwtManager, Require, SetCookies, TokenKind};
use serde_json::{Value, json};

use super::tokens::Minted;

/// Calls a function on a token; its error is the answer, as it is there.
pub(super) async fn call(
    jwt: &JwtManager,
    name: &str,
    token: Option<&(String, Minted)>,
    parts: &Parts,
) -> Response {
    if name == "get_unverified_jwt_headers" {
        return (StatusCode::NOT_FOUND, Json(json!({"there is no": name}))).into_response();
    }
    match result_of(jwt, name, token.map(|(_, token)| &*token.text), parts).await {
        Ok(value) => Json(value).into_response(),
        Err(error) => AuthRejection::new(error, jwt.clone()).into_response(),
    }
}

async fn result_of(
    jwt: &JwtManager,
    name: &str,
    token: Option<&str>,
    parts: &Parts,
) -> Result<Value, AuthError> {
    let genuine = Require::any().even_revoked();
    let decode = |require| jwt.authenticate(token.unwrap_or_default(), require);
    Ok(match name {
        "verify_jwt_in_request" | "verify_jwt_in_request_optional" => {
            match jwt.authenticate_request(parts, Require::access()).await {
                Ok(claims) => json!({"r": ["HS256", claims.identity()]}),
                Err(AuthError::Missing(_)) if name.ends_with("optional") => json!({"r": null}),
                Err(error) => return Err(error),
            }
        }
        "get_jti" => json!({"r": decode(genuine).await?.jti()}),
        "get_csrf_token" => json!({"r": decode(genuine).await?.csrf()}),
        "decode_token" => json!({"identity": decode(genuine).await?.identity()}),
        "decode_token_allow_expired" => json!({"identity": decode(genuine.even_expired()).await?.identity()}),
        "decode_token_csrf_wrong" => match decode(genuine).await?.csrf() {
            Some("wrong") => json!({}),
            _ => return Err(AuthError::CsrfMismatch),
        },
        _ => json!({"there is no": name}),
    })
}

/// Calls a cookie function, `name|{"max_age":600}`.
pub(super) fn cookies(jwt: &JwtManager, call: &str, token: Option<&(String, Minted)>) -> Response {
    let (name, options) = call.split_once('|').unwrap_or((call, "{}"));
    let options: Value = serde_json::from_str(options).unwrap();
    match lines(jwt, name, &options, token.map(|(_, token)| token)) {
        Ok(lines) => (lines, Json(json!({"done": true}))).into_response(),
        Err(why) => (StatusCode::INTERNAL_SERVER_ERROR, why).into_response(),
    }
}

fn lines(
    jwt: &JwtManager,
    name: &str,
    options: &Value,
    token: Option<&Minted>,
) -> Result<SetCookies, String> {
    let mut cookies = jwt.cookies();
    if let Some(seconds) = options["max_age"].as_u64() {
        cookies = cookies.max_age(Duration::from_secs(seconds));
    }
    if let Some(domain) = options["domain"].as_str() {
        cookies = cookies.domain(domain.to_owned());
    }
    let made = match name {
        "set_access_cookies" | "set_refresh_cookies" => {
            let token = token.and_then(|it| it.token.as_ref()).ok_or("only issued tokens are set")?;
            cookies.set(token)
        }
        "unset_jwt_cookies" => cookies.unset_all(),
        "unset_access_cookies" => cookies.unset(TokenKind::Access),
        "unset_refresh_cookies" => cookies.unset(TokenKind::Refresh),
        _ => return Err(format!("there is no {name}")),
    };
    made.map_err(|error: CookieError| error.to_string())
}
