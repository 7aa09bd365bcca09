//! The error table: what a client is told for each reason, in each of the three styles.

mod claims;
mod taken_over;

use std::sync::Arc;

use axum::{Router, body::Body, http::Request, routing::get};
use http_body_util::BodyExt as _;
use portcullis::{Claims, ErrorStyle, FreshJwt, Jwt, JwtManager, RefreshJwt, Revocation, Verdict};
use tower::ServiceExt as _;

use crate::common::{base64, builder, claims, mint, mint_with};

/// Knows tokens by their name.
struct List;

impl Revocation for List {
    fn check(&self, claims: &Claims) -> Verdict {
        match claims.jti() {
            Some("revoked") => Verdict::Revoked,
            Some("unknown") => Verdict::Ask(Box::pin(async { Err("nobody answers".into()) })),
            _ => Verdict::Live,
        }
    }
}

fn strict(style: ErrorStyle) -> JwtManager {
    let builder = builder().revocation(Arc::new(List)).configure(|config| {
        config.error_style = style;
        config.decode_audience = vec!["api".into()];
        config.decode_issuer = vec!["us".into()];
    });
    builder.build().unwrap()
}

/// What an answer says: status, text, challenge.
type Said = (u16, String, Option<String>);

async fn ask(jwt: &JwtManager, path: &str, headers: &[(&str, &str)]) -> Said {
    let app: Router = Router::new()
        .route("/jwt", get(|_: Jwt| async {}))
        .route("/fresh", get(|_: FreshJwt| async {}))
        .route("/refresh", get(|_: RefreshJwt| async {}))
        .with_state(jwt.clone());
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (status, challenge, media_type) =
        (response.status().as_u16(), header("www-authenticate"), header("content-type"));
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let (member, expected) = match jwt.error_format().style() {
        ErrorStyle::Problem => ("detail", "application/problem+json"),
        _ => ("msg", "application/json"),
    };
    assert_eq!(media_type.as_deref(), Some(expected));
    (status, body[member].as_str().unwrap().to_owned(), challenge)
}

/// A reason: how it comes about, then status and text in `flask-3`, `flask-4` and `problem`.
type Row = (&'static str, String, (u16, &'static str), (u16, &'static str), (u16, &'static str));

async fn check(rows: Vec<Row>) {
    for (path, authorization, flask_3, flask_4, problem) in rows {
        for (style, (status, text)) in
            [(ErrorStyle::Flask3, flask_3), (ErrorStyle::Flask4, flask_4), (ErrorStyle::Problem, problem)]
        {
            let said = ask(&strict(style), path, &[("authorization", &authorization)]).await;
            assert_eq!((said.0, &*said.1), (status, text), "{style:?}: {authorization}");
            check_challenge(&said, &authorization);
        }
    }
}

/// BRR-01 to BRR-03: every 401 has one challenge, of a fixed set of ASCII texts.
fn check_challenge((status, _, challenge): &Said, authorization: &str) {
    match (status, challenge.as_deref()) {
        (401, Some("Bearer")) => assert!(!authorization.starts_with("Bearer "), "{authorization}"),
        (401, Some(challenge)) => {
            let code = challenge.strip_prefix("Bearer error=\"").unwrap().split('"').next().unwrap();
            assert!(["invalid_token", "insufficient_user_authentication"].contains(&code), "{challenge}");
            assert!(challenge.is_ascii() && !challenge.contains('\\'), "{challenge}");
            assert_eq!(challenge.matches('"').count(), 4, "{challenge}");
        }
        (400, Some(challenge)) => assert!(challenge.starts_with(r#"Bearer error="invalid_request""#)),
        (422 | 503, None) => {}
        other => panic!("{authorization}: {other:?}"),
    }
}

/// A token for the audience and from the issuer, with these changes.
fn bearer(changes: &[(&str, &str)]) -> String {
    format!("Bearer {}", mint(r#"{"alg":"HS256"}"#, payload(changes)))
}

fn payload(changes: &[(&str, &str)]) -> String {
    let usual = [("aud", r#""api""#), ("iss", r#""us""#)];
    let usual = usual.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    claims(&changes.iter().chain(usual).copied().collect::<Vec<_>>())
}

fn with_header(header: &str) -> String {
    format!("Bearer {}", mint(header, payload(&[])))
}

#[tokio::test]
async fn reasons_before_there_is_a_token() {
    let bad_3 = (422, "Bad Authorization header. Expected value 'Bearer <JWT>'");
    let bad_4 = (422, "Bad Authorization header. Expected 'Authorization: Bearer <JWT>'");
    let other_4 =
        (401, "Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'");
    let other = (401, "The authorization header has another scheme");
    let missing = (401, "Missing Authorization Header");
    let malformed = (400, "The authorization header must be one scheme and one token");
    check(vec![
        ("/jwt", String::new(), missing, missing, (401, "No token was sent")),
        ("/jwt", "Basic dTpw".into(), bad_3, other_4, other),
        ("/jwt", "this-is-plain-text".into(), bad_3, other_4, other),
        ("/jwt", "Bearer".into(), bad_3, bad_4, malformed),
        ("/jwt", "Bearer a b".into(), bad_3, bad_4, malformed),
    ])
    .await;
}

#[tokio::test]
async fn reasons_in_the_form_of_a_token() {
    // JWT-22, BRR-02
    // Of these the two Flask styles differ in one text.
    let row = |authorization: String, flask: &'static str, problem: &'static str| -> Row {
        ("/jwt", authorization, (422, flask), (422, flask), (401, problem))
    };
    let malformed = "The token is malformed";
    let algorithm = "The algorithm of the token is not allowed";
    let extension = "The token needs an extension that is not supported";
    let foreign = "The token is of another type";
    let segments = |header: &str, rest: &str| format!("Bearer {}.{rest}", base64(header));
    let good = bearer(&[]);
    let no_alg = with_header(r#"{"typ":"JWT"}"#);
    check(vec![
        row("Bearer a".into(), "Not enough segments", malformed),
        row("Bearer a.b.c".into(), "Invalid header padding", malformed),
        row(segments("{}", "b.AAAA"), "Invalid payload padding", malformed),
        row(format!("{good}.AAAA"), "Invalid payload padding", malformed),
        row(segments("{}", "AAAA.c"), "Invalid crypto padding", malformed),
        row(segments("x", "AAAA.AAAA"), "Invalid header string: not valid JSON", malformed),
        row(segments("[]", "AAAA.AAAA"), "Invalid header string: must be a json object", malformed),
        row(with_header(r#"{"alg":"HS256","kid":1}"#), "Key ID header parameter must be a string", malformed),
        row(with_header(r#"{"alg":"HS256","crit":["x"]}"#), "Unsupported critical extension: x", extension),
        row(
            with_header(r#"{"alg":"HS256","crit":[]}"#),
            "Invalid 'crit' header: must be a non-empty list",
            extension,
        ),
        row(with_header(r#"{"alg":"HS256","typ":"x"}"#), foreign, foreign),
        row(with_header(r#"{"alg":"none"}"#), "The specified alg value is not allowed", algorithm),
        (
            "/jwt",
            no_alg,
            (422, "The specified alg value is not allowed"),
            (422, "Algorithm not specified"),
            (401, algorithm),
        ),
        row(format!("Bearer {}", "x".repeat(8193)), "The token is too long", "The token is too long"),
        row(
            format!("Bearer {}", mint_with("HS256", b"another", r#"{"alg":"HS256"}"#, &payload(&[]))),
            "Signature verification failed",
            "The signature of the token is invalid",
        ),
        row(
            good.rsplit_once('.').unwrap().0.to_owned() + ".",
            "Signature verification failed",
            "The signature of the token is invalid",
        ),
        row(
            format!("Bearer {}", mint(r#"{"alg":"HS256"}"#, "x")),
            "Invalid payload string: not valid JSON",
            malformed,
        ),
        row(
            format!("Bearer {}", mint(r#"{"alg":"HS256"}"#, "[]")),
            "Invalid payload string: must be a json object",
            malformed,
        ),
    ])
    .await;
}
