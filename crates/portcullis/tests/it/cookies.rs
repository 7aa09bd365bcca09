//! Tokens in cookies: the lines that set them, and what has to stand beside them.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, request::Builder},
    routing::any,
};
use http_body_util::BodyExt as _;
use portcullis::{
    AuthError, CookieError, Jwt, JwtConfig, JwtManager, Key, Location, ReadBody, Require, SameSite,
    SetCookies, Token,
};
use tower::ServiceExt as _;

use crate::common::{SECRET, builder, configured};

fn in_cookies() -> JwtManager {
    configured(|config| config.token_location = vec![Location::Cookies])
}

fn lines(cookies: SetCookies, token: &Token) -> Vec<String> {
    let mut headers = HeaderMap::new();
    cookies.append_to(&mut headers);
    let line = |line: &axum::http::HeaderValue| line.to_str().unwrap().replace(token.as_str(), "T");
    headers.get_all("set-cookie").iter().map(|it| line(it).replace(token.csrf().unwrap(), "C")).collect()
}

#[test]
fn cookies_are_as_safe_as_they_can_be() {
    // CSR-01
    let jwt = in_cookies();
    let token = jwt.access("alice").sign().unwrap();
    assert_eq!(
        lines(jwt.cookies().set(&token).unwrap(), &token),
        [
            "__Host-access_token_cookie=T; Secure; HttpOnly; Path=/; SameSite=Lax",
            "__Host-csrf_access_token=C; Secure; Path=/; SameSite=Lax",
        ]
    );
    let persistent = jwt.cookies().max_age(Duration::from_mins(1)).set(&token).unwrap();
    assert!(lines(persistent, &token)[0].contains("; Expires=Sun, 17 Mar 2030 17:47:40 GMT; Max-Age=60; "));
    let config = |change: fn(&mut JwtConfig)| {
        let jwt = configured(|config| {
            config.token_location = vec![Location::Cookies];
            change(config);
        });
        let token = jwt.refresh("alice").sign().unwrap();
        lines(jwt.cookies().set(&token).unwrap(), &token).swap_remove(0)
    };
    let path = config(|config| config.refresh_cookie_path = "/token".into());
    assert_eq!(path, "__Secure-refresh_token_cookie=T; Secure; HttpOnly; Path=/token; SameSite=Lax");
    let year = config(|config| config.session_cookie = false);
    assert!(year.contains("Max-Age=31540000"), "{year}");
    let flask = config(|config| drop(config.flask_cookies().clone()));
    assert_eq!(flask, "refresh_token_cookie=T; HttpOnly; Path=/");
}

#[test]
fn a_cookie_that_browsers_would_drop_is_not_set() {
    // CSR-03
    let jwt = in_cookies();
    let long = jwt.access("alice").claim("x", "x".repeat(3000)).sign().unwrap();
    assert!(matches!(jwt.cookies().set(&long), Err(CookieError::TooLong { bytes }) if bytes > 4096));
    let token = jwt.access("alice").sign().unwrap();
    let elsewhere = jwt.cookies().domain("a.example").set(&token);
    assert_eq!(elsewhere, Err(CookieError::Domain("a.example".into())));
    let bare = configured(|_| {});
    assert_eq!(bare.cookies().set(&bare.access("a").sign().unwrap()), Err(CookieError::NoCsrf));
    assert!(bare.cookies().set(&bare.access("a").csrf().sign().unwrap()).is_ok());
    let problems = |change: fn(&mut JwtConfig)| {
        let errors = builder().configure(change).build().unwrap_err();
        errors.iter().map(|error| error.option().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(problems(|it| it.access_cookie_name = Some("a b".into())), ["JWT_ACCESS_COOKIE_NAME"]);
    assert_eq!(problems(|it| it.cookie_domain = Some("a;b".into())), ["JWT_COOKIE_DOMAIN"]);
    assert_eq!(
        problems(|it| {
            it.cookie_secure = false;
            it.cookie_samesite = Some(SameSite::None);
            it.access_cookie_name = Some("__Host-a".into());
            it.refresh_cookie_name = Some("__Secure-r".into());
            it.access_csrf_cookie_name = Some("same".into());
            it.refresh_csrf_cookie_name = Some("same".into());
            it.token_location = Vec::new();
        }),
        [
            "JWT_TOKEN_LOCATION",
            "JWT_ACCESS_COOKIE_NAME",
            "JWT_REFRESH_COOKIE_NAME",
            "JWT_ACCESS_CSRF_COOKIE_NAME",
            "JWT_COOKIE_SAMESITE"
        ]
    );
}

#[test]
fn options_are_read_by_flasks_names() {
    let config: JwtConfig = serde_json::from_value(serde_json::json!({
        "JWT_SECRET_KEY": SECRET, "JWT_TOKEN_LOCATION": "cookies", "JWT_COOKIE_SAMESITE": "strict",
        "JWT_CSRF_METHODS": ["POST"], "JWT_CSRF_CHECK_FORM": true,
    }))
    .unwrap();
    assert_eq!(
        (config.token_location, config.cookie_samesite),
        (vec![Location::Cookies], Some(SameSite::Strict))
    );
    for bad in [
        r#"{"JWT_TOKEN_LOCATION": ["banana"]}"#,
        r#"{"JWT_COOKIE_SAMESITE": "banana"}"#,
        r#"{"JWT_CSRF_METHODS": ["post"]}"#,
    ] {
        assert!(serde_json::from_str::<JwtConfig>(bad).is_err(), "{bad}");
    }
}

async fn said(jwt: &JwtManager, request: Builder) -> String {
    let app = Router::new().fallback(any(|_: Jwt| async { "in" })).with_state(jwt.clone());
    let answer = app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    format!("{status} {}", problem["detail"].as_str().unwrap_or("in"))
}

#[tokio::test]
async fn a_cookie_needs_its_value_beside_it() {
    // CSR-04, CSR-05
    let jwt = in_cookies();
    let token = jwt.access("alice").sign().unwrap();
    let csrf = token.csrf().unwrap();
    let cookie = format!("__Host-access_token_cookie={}", token.as_str());
    let post = || Request::post("/").header("cookie", &cookie);
    assert_eq!(said(&jwt, Request::get("/").header("cookie", &cookie)).await, "200 in");
    assert_eq!(said(&jwt, post()).await, "403 The CSRF token is missing");
    assert_eq!(said(&jwt, post().header("x-csrf-token", csrf)).await, "200 in");
    let mismatch = "403 The CSRF token is not the one of the cookie";
    for wrong in [b"wrong".as_slice(), "\u{e9}\u{e9}".as_bytes(), b"\xff\xfe", &csrf.as_bytes()[1..]] {
        assert_eq!(said(&jwt, post().header("x-csrf-token", wrong)).await, mismatch, "{wrong:?}");
    }
    let twice = post().header("x-csrf-token", csrf).header("x-csrf-token", csrf);
    assert_eq!(said(&jwt, twice).await, mismatch);
    let from = |site: &str| post().header("x-csrf-token", csrf).header("sec-fetch-site", site);
    assert_eq!(said(&jwt, from("cross-site")).await, "403 The request comes from another site");
    assert_eq!(said(&jwt, from("same-site")).await, "200 in");
    let other = jwt.access("mallory").sign().unwrap();
    assert_eq!(said(&jwt, post().header("x-csrf-token", other.csrf().unwrap())).await, mismatch);
}

#[tokio::test]
async fn cookies_for_other_sites_may_come_from_other_sites() {
    let jwt = configured(|config| {
        config.token_location = vec![Location::Cookies];
        config.cookie_samesite = Some(SameSite::None);
    });
    let token = jwt.access("alice").sign().unwrap();
    let request = Request::post("/")
        .header("cookie", format!("__Host-access_token_cookie={}", token.as_str()))
        .header("x-csrf-token", token.csrf().unwrap())
        .header("sec-fetch-site", "cross-site");
    assert_eq!(said(&jwt, request).await, "200 in");
}

/// The token decides, not the configuration: a header needs nothing beside it.
#[tokio::test]
async fn csrf_is_asked_for_where_the_token_came_from_a_cookie() {
    let jwt = configured(|config| config.token_location = vec![Location::Headers, Location::Cookies]);
    let token = jwt.access("alice").sign().unwrap();
    let cookie = format!("__Host-access_token_cookie={}", token.as_str());
    let both = Request::post("/").header("authorization", format!("Bearer {}", token.as_str()));
    assert_eq!(said(&jwt, both.header("cookie", &cookie)).await, "200 in");
    let route = configured(|_| {});
    let app = Router::new().fallback(|| async {}).layer(route.require().locations([Location::Cookies]));
    let request = Request::post("/").header("cookie", &cookie).body(Body::empty()).unwrap();
    assert_eq!(app.oneshot(request).await.unwrap().status(), 403);
}

#[test]
fn the_same_token_again_has_the_same_value_beside_it() {
    let (jwt, same) = (in_cookies(), in_cookies());
    let of = |jwt: &JwtManager, id: &str| jwt.refresh("alice").id(id).sign().unwrap();
    let (first, again) = (of(&jwt, "one"), of(&same, "one"));
    assert_eq!((first.as_str(), first.csrf()), (again.as_str(), again.csrf()));
    assert_eq!(first.csrf().unwrap().len(), 36);
    assert_ne!(first.csrf(), of(&jwt, "two").csrf());
    let other = JwtManager::builder(Key::hs256([7; 32]).unwrap());
    let other = other.configure(|config| config.token_location = vec![Location::Cookies]).build().unwrap();
    assert_ne!(first.csrf(), of(&other, "one").csrf(), "nobody knows it who has not the key");
}

#[tokio::test]
async fn a_form_that_was_read_before_has_the_value_in_a_field() {
    let jwt = configured(|config| {
        config.token_location = vec![Location::Cookies];
        config.csrf_check_form = true;
    });
    let token = jwt.access("alice").sign().unwrap();
    let form = |method: &str| {
        let request = Request::builder().method(method).uri("/");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        request.header("cookie", format!("__Host-access_token_cookie={}", token.as_str()))
    };
    let (mut parts, ()) = form("POST").body(()).unwrap().into_parts();
    assert!(jwt.looks_into_body(&parts));
    let missing = jwt.authenticate_request(&parts, Require::access()).await;
    assert_eq!(missing.unwrap_err(), AuthError::CsrfMissing);
    let body = format!("x=1&csrf_token={}", token.csrf().unwrap());
    parts.extensions.insert(ReadBody::new(body.as_bytes()));
    assert_eq!(jwt.authenticate_request(&parts, Require::access()).await.unwrap().identity(), "alice");
    let (parts, ()) = form("GET").body(()).unwrap().into_parts();
    assert!(!jwt.looks_into_body(&parts));
    assert!(!in_cookies().looks_into_body(&form("POST").body(()).unwrap().into_parts().0));
}
