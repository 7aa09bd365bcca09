//! The extractors in a router: what each lets through, and what a refused client is told.

mod hook;
mod kept;
mod users;

use std::{error::Error as _, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{Method, Request, Response, header},
    routing::any,
};
use http_body_util::BodyExt as _;
use insta::assert_snapshot;
use portcullis::{AnyJwt, AuthError, Claims, FreshJwt, Jwt, JwtManager, RefreshJwt, RevocationIndex};
use tower::ServiceExt as _;

use crate::common::{HEADER, NOW, at, builder, claims, clock, manager, mint_with, token};

fn app(jwt: JwtManager) -> Router {
    fn who(claims: Option<&Claims>) -> String {
        claims.map_or("nobody", Claims::identity).to_owned()
    }
    Router::new()
        .route("/jwt", any(|jwt: Jwt| async move { who(Some(&jwt)) }))
        .route("/fresh", any(|jwt: FreshJwt| async move { who(Some(&jwt)) }))
        .route("/refresh", any(|jwt: RefreshJwt| async move { who(Some(&jwt)) }))
        .route("/any", any(|jwt: AnyJwt| async move { who(Some(&jwt)) }))
        .route("/optional/jwt", any(|jwt: Option<Jwt>| async move { who(jwt.as_deref()) }))
        .route("/optional/fresh", any(|jwt: Option<FreshJwt>| async move { who(jwt.as_deref()) }))
        .route("/optional/refresh", any(|jwt: Option<RefreshJwt>| async move { who(jwt.as_deref()) }))
        .route("/optional/any", any(|jwt: Option<AnyJwt>| async move { who(jwt.as_deref()) }))
        .with_state(jwt)
}

/// Sends a request with these Authorization headers.
async fn send(app: Router, method: Method, path: &str, authorization: &[&str]) -> Response<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for value in authorization {
        request = request.header(header::AUTHORIZATION, *value);
    }
    app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

/// The whole answer: status, the headers that matter, body.
async fn whole(response: Response<Body>) -> String {
    let mut text = response.status().to_string();
    for name in [header::CONTENT_TYPE, header::WWW_AUTHENTICATE, header::RETRY_AFTER] {
        for value in response.headers().get_all(&name) {
            text = text + "\n" + name.as_str() + ": " + value.to_str().unwrap();
        }
    }
    let body = response.into_body().collect().await.unwrap().to_bytes();
    text + "\n" + std::str::from_utf8(&body).unwrap()
}

/// The answer in a line: the status and the identity, or the status and the reason.
async fn line(response: Response<Body>) -> String {
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let said = match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(problem) => problem["detail"].as_str().unwrap().to_owned(),
        Err(_) => String::from_utf8(body.to_vec()).unwrap(),
    };
    format!("{status} {said}")
}

/// What kept a hook from answering, as a layer around the routes finds it.
fn cause_of(response: &Response<Body>) -> String {
    let error: &AuthError = response.extensions().get().unwrap();
    error.source().unwrap().to_string()
}

/// Neither a header nor the body of an answer has a text.
async fn assert_silent(response: Response<Body>, text: &str) {
    let headers = format!("{:?}", response.headers());
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(!headers.contains(text), "{headers}");
    assert!(!body.windows(text.len()).any(|part| part == text.as_bytes()), "{body:?}");
}

/// Every credential that a guard may meet, a line each.
async fn verdicts(path: &str) -> String {
    let revoked = Arc::new(RevocationIndex::new());
    let jwt = builder().revocation(revoked.clone()).build().unwrap();
    let bearer = |token: &str| format!("Bearer {token}");
    let access = bearer(jwt.access("alice").sign().unwrap().as_str());
    let fresh = bearer(jwt.access("alice").fresh().sign().unwrap().as_str());
    let refresh = bearer(jwt.refresh("alice").sign().unwrap().as_str());
    let logged_out = jwt.access("alice").fresh().sign().unwrap();
    revoked.revoke_token(logged_out.jti(), Some(logged_out.expires_at()));
    let (logged_out, expired) = (bearer(logged_out.as_str()), bearer(&token(&[("exp", "1900000000")])));
    let forged = bearer(&mint_with("HS256", b"another secret", HEADER, &claims(&[])));
    let rows: [(&str, &[&str]); 13] = [
        ("nothing", &[]),
        ("empty header", &[""]),
        ("other scheme", &["Basic dTpw"]),
        ("scheme alone", &["Bearer"]),
        ("two tokens", &["Bearer a b"]),
        ("two headers", &[&access, &access]),
        ("no token", &["Bearer anything"]),
        ("forged", &[&forged]),
        ("access", &[&access]),
        ("fresh access", &[&fresh]),
        ("refresh", &[&refresh]),
        ("expired", &[&expired]),
        ("revoked", &[&logged_out]),
    ];
    let mut lines = Vec::new();
    for (what, authorization) in rows {
        let answer = send(app(jwt.clone()), Method::GET, path, authorization).await;
        lines.push(format!("{what:<12}  {}", line(answer).await));
    }
    lines.join("\n")
}

#[tokio::test]
async fn jwt_lets_access_tokens_through() {
    assert_snapshot!(verdicts("/jwt").await, @r"
    nothing       401 No token was sent
    empty header  401 No token was sent
    other scheme  401 The authorization header has another scheme
    scheme alone  400 The authorization header must be one scheme and one token
    two tokens    400 The authorization header must be one scheme and one token
    two headers   400 The authorization header must be one scheme and one token
    no token      401 The token is malformed
    forged        401 The signature of the token is invalid
    access        200 alice
    fresh access  200 alice
    refresh       401 An access token is required
    expired       401 The token has expired
    revoked       401 The token has been revoked
    ");
}

#[tokio::test]
async fn fresh_jwt_asks_for_a_password_shown_lately() {
    assert_snapshot!(verdicts("/fresh").await, @r"
    nothing       401 No token was sent
    empty header  401 No token was sent
    other scheme  401 The authorization header has another scheme
    scheme alone  400 The authorization header must be one scheme and one token
    two tokens    400 The authorization header must be one scheme and one token
    two headers   400 The authorization header must be one scheme and one token
    no token      401 The token is malformed
    forged        401 The signature of the token is invalid
    access        401 A fresh token is required
    fresh access  200 alice
    refresh       401 An access token is required
    expired       401 The token has expired
    revoked       401 The token has been revoked
    ");
}

#[tokio::test]
async fn refresh_jwt_lets_refresh_tokens_through() {
    assert_snapshot!(verdicts("/refresh").await, @r"
    nothing       401 No token was sent
    empty header  401 No token was sent
    other scheme  401 The authorization header has another scheme
    scheme alone  400 The authorization header must be one scheme and one token
    two tokens    400 The authorization header must be one scheme and one token
    two headers   400 The authorization header must be one scheme and one token
    no token      401 The token is malformed
    forged        401 The signature of the token is invalid
    access        401 A refresh token is required
    fresh access  401 A refresh token is required
    refresh       200 alice
    expired       401 The token has expired
    revoked       401 A refresh token is required
    ");
}

#[tokio::test]
async fn any_jwt_lets_both_kinds_through() {
    assert_snapshot!(verdicts("/any").await, @r"
    nothing       401 No token was sent
    empty header  401 No token was sent
    other scheme  401 The authorization header has another scheme
    scheme alone  400 The authorization header must be one scheme and one token
    two tokens    400 The authorization header must be one scheme and one token
    two headers   400 The authorization header must be one scheme and one token
    no token      401 The token is malformed
    forged        401 The signature of the token is invalid
    access        200 alice
    fresh access  200 alice
    refresh       200 alice
    expired       401 The token has expired
    revoked       401 The token has been revoked
    ");
}

/// Nothing sent, and a credential of another scheme, is nobody. Whatever else differs from the guard that is
/// not optional would be a bad token let through.
#[tokio::test]
async fn an_optional_guard_differs_only_where_nothing_was_sent() {
    for guard in ["jwt", "fresh", "refresh", "any"] {
        let strict = verdicts(&format!("/{guard}")).await;
        let optional = verdicts(&format!("/optional/{guard}")).await;
        let expected: Vec<String> = strict
            .lines()
            .map(|line| match line.split_once("  401 ") {
                Some((what, "No token was sent" | "The authorization header has another scheme")) => {
                    format!("{what}  200 nobody")
                }
                _ => line.to_owned(),
            })
            .collect();
        assert_eq!(expected.iter().filter(|line| line.ends_with("nobody")).count(), 3);
        assert_eq!(optional.lines().collect::<Vec<_>>(), expected, "{guard}");
    }
}

#[tokio::test]
async fn a_refusal_is_a_problem_document_with_a_challenge() {
    // BRR-01, BRR-02
    let jwt = manager();
    let get = |authorization| send(app(jwt.clone()), Method::GET, "/jwt", authorization);
    assert_snapshot!(whole(get(&[]).await).await, @r#"
    401 Unauthorized
    content-type: application/problem+json
    www-authenticate: Bearer
    {"type":"about:blank","title":"Unauthorized","status":401,"detail":"No token was sent"}
    "#);
    assert_snapshot!(whole(get(&["Bearer"]).await).await, @r#"
    400 Bad Request
    content-type: application/problem+json
    www-authenticate: Bearer error="invalid_request", error_description="The authorization header must be one scheme and one token"
    {"type":"about:blank","title":"Bad Request","status":400,"detail":"The authorization header must be one scheme and one token"}
    "#);
    assert_snapshot!(whole(get(&["Bearer a.b.c"]).await).await, @r#"
    401 Unauthorized
    content-type: application/problem+json
    www-authenticate: Bearer error="invalid_token", error_description="The token is malformed"
    {"type":"about:blank","title":"Unauthorized","status":401,"detail":"The token is malformed"}
    "#);
    let stale = format!("Bearer {}", jwt.access("alice").sign().unwrap().as_str());
    let fresh_asked = send(app(jwt.clone()), Method::GET, "/fresh", &[&stale]).await;
    assert_snapshot!(whole(fresh_asked).await, @r#"
    401 Unauthorized
    content-type: application/problem+json
    www-authenticate: Bearer error="insufficient_user_authentication", error_description="A fresh token is required"
    {"type":"about:blank","title":"Unauthorized","status":401,"detail":"A fresh token is required"}
    "#);
}

#[tokio::test]
async fn the_scheme_is_taken_in_any_case() {
    // BRR-04
    let jwt = manager();
    let token = jwt.access("alice").sign().unwrap();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let authorization = format!("{scheme} {}", token.as_str());
        let answer = send(app(jwt.clone()), Method::GET, "/jwt", &[&authorization]).await;
        assert_eq!(line(answer).await, "200 alice", "{scheme}");
    }
}

#[tokio::test]
async fn a_list_in_one_header_is_refused() {
    // BRR-07
    let jwt = manager();
    let token = jwt.access("alice").sign().unwrap().into_string();
    for list in [
        format!("Bearer {token}, Bearer {token}"),
        format!("Bearer {token},Bearer {token}"),
        format!("Bearer {token},"),
        format!("Bearer {token}, Basic dTpw"),
        format!("Basic dTpw, Bearer {token}"),
    ] {
        let answer = send(app(jwt.clone()), Method::GET, "/jwt", &[&list]).await;
        assert!(answer.status().is_client_error(), "{list}");
    }
}

#[tokio::test]
async fn a_token_in_the_query_or_a_cookie_is_not_looked_for() {
    // BRR-05
    let jwt = manager();
    let token = jwt.access("alice").sign().unwrap().into_string();
    let request = Request::get(format!("/jwt?jwt={token}&access_token={token}"))
        .header(header::COOKIE, format!("access_token_cookie={token}"));
    let answer = app(jwt).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(line(answer).await, "401 No token was sent");
}

#[tokio::test]
async fn a_guard_asks_whatever_the_method() {
    let jwt = manager();
    for method in [Method::OPTIONS, Method::HEAD, Method::POST, Method::DELETE, Method::TRACE] {
        let answer = send(app(jwt.clone()), method.clone(), "/jwt", &[]).await;
        assert_eq!(answer.status(), 401, "{method}");
    }
}

#[tokio::test]
async fn fresh_for_a_time_lasts_to_the_end_of_its_last_second() {
    let clock = clock();
    let jwt = builder().clock(Arc::new(clock.clone())).build().unwrap();
    let token = jwt.access("alice").fresh_for(Duration::from_mins(1)).sign().unwrap();
    let authorization = format!("Bearer {}", token.as_str());
    for (seconds, said) in [
        (0, "200 alice"),
        (60, "200 alice"),
        (61, "401 A fresh token is required"),
        (899, "401 A fresh token is required"),
        (900, "401 The token has expired"),
    ] {
        clock.step_to(at(NOW + seconds));
        let answer = send(app(jwt.clone()), Method::GET, "/fresh", &[&authorization]).await;
        assert_eq!(line(answer).await, said, "after {seconds} s");
    }
}

#[tokio::test]
async fn another_header_without_a_scheme() {
    let jwt = builder()
        .configure(|config| {
            config.header_name = "X-Token".into();
            config.header_type = String::new();
        })
        .build()
        .unwrap();
    let token = jwt.access("alice").sign().unwrap().into_string();
    let send = |value: String| {
        let request = Request::get("/jwt").header("x-token", value).body(Body::empty()).unwrap();
        app(jwt.clone()).oneshot(request)
    };
    assert_eq!(line(send(token.clone()).await.unwrap()).await, "200 alice");
    assert_eq!(send(format!("Bearer {token}")).await.unwrap().status(), 400);
}
