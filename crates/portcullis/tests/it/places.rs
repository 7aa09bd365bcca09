//! Where tokens are looked for: whatever a stranger sends there gets an answer, and the first place decides.

use axum::extract::FromRequestParts as _;
use axum::{
    Router,
    body::Body,
    http::{HeaderValue, Request, Uri},
    routing,
};
use http_body_util::BodyExt as _;
use portcullis::{AuthError, Jwt, JwtManager, Location, ReadBody, Require};
use proptest::prelude::*;
use tower::ServiceExt as _;

use crate::common::configured;

const ALL: [Location; 4] = [Location::Cookies, Location::Headers, Location::QueryString, Location::Json];

fn everywhere(order: [Location; 4]) -> JwtManager {
    configured(|config| {
        config.token_location = order.to_vec();
        config.csrf_check_form = true;
        config.query_string_value_prefix = "t:".into();
    })
}

fn app(jwt: &JwtManager) -> Router {
    let name = |jwt: Jwt| async move { jwt.location().unwrap().name() };
    Router::new().fallback(routing::any(name)).layer(jwt.require()).with_state(jwt.clone())
}

async fn said(app: Router, request: Request<Body>) -> (u16, String) {
    let answer = app.oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// A request with a token in every place.
fn full(jwt: &JwtManager) -> Request<Body> {
    let token = jwt.access("alice").sign().unwrap();
    let text = token.as_str();
    Request::post(format!("/?jwt=t%3A{text}"))
        .header("authorization", format!("Bearer {text}"))
        .header("cookie", format!("a=b; __Host-access_token_cookie={text}"))
        .header("x-csrf-token", token.csrf().unwrap())
        .header("content-type", "application/json")
        .body(Body::from(format!(r#"{{"access_token":"{text}"}}"#)))
        .unwrap()
}

#[tokio::test]
async fn the_first_place_that_has_a_token_decides() {
    // BRR-06
    for first in 0..4 {
        let mut order = ALL;
        order.swap(0, first);
        let jwt = everywhere(order);
        assert_eq!(said(app(&jwt), full(&jwt)).await, (200, order[0].name().to_owned()));
        let (mut parts, body) = full(&jwt).into_parts();
        match order[0] {
            Location::Headers => {
                *parts.headers.get_mut("authorization").unwrap() = HeaderValue::from_static("Bearer x");
            }
            Location::Cookies => {
                *parts.headers.get_mut("cookie").unwrap() =
                    HeaderValue::from_static("__Host-access_token_cookie=x");
            }
            Location::QueryString => parts.uri = Uri::from_static("/?jwt=t:x"),
            Location::Json => {}
        }
        let body = if order[0] == Location::Json { Body::from(r#"{"access_token":"x"}"#) } else { body };
        let (status, _) = said(app(&jwt), Request::from_parts(parts, body)).await;
        assert_eq!(status, 401, "a bad token in {} does not fall through", order[0]);
    }
}

#[tokio::test]
async fn what_is_there_twice_or_without_its_prefix_is_a_bad_request() {
    let jwt = everywhere(ALL);
    for (uri, cookie) in [
        ("/?jwt=t:a&jwt=t:a", "a=b"),
        ("/?jwt=a", "a=b"),
        ("/", "__Host-access_token_cookie=a; __Host-access_token_cookie=a"),
    ] {
        let request = Request::get(uri).header("cookie", cookie).body(Body::empty()).unwrap();
        assert_eq!(said(app(&jwt), request).await.0, 400, "{uri} {cookie}");
    }
}

proptest! {
    /// Bytes of any kind, in every place, get an answer that is no token's.
    #[test]
    fn anything_in_any_place_is_answered(
        header in proptest::collection::vec(any::<u8>(), 0..40),
        cookie in proptest::collection::vec(any::<u8>(), 0..40),
        csrf in proptest::collection::vec(any::<u8>(), 0..40),
        query in "[!-~]{0,40}",
        body in proptest::collection::vec(any::<u8>(), 0..60),
        kind in 0..3_usize,
    ) {
        let media_type = ["application/json", "application/x-www-form-urlencoded", "text/plain"][kind];
        let cookie = [b"__Host-access_token_cookie=".as_slice(), &cookie].concat();
        let mut request = Request::post(format!("/?jwt={}", query.replace('#', "%"))).header("content-type", media_type);
        for (name, value) in [("authorization", header), ("cookie", cookie), ("x-csrf-token", csrf)] {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request = request.header(name, value);
            }
        }
        if let Ok(request) = request.body(Body::from(body)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (status, _) = runtime.block_on(said(app(&everywhere(ALL)), request));
            prop_assert!([400, 401, 403].contains(&status), "{}", status);
        }
    }
}

#[tokio::test]
async fn a_body_that_was_read_before_is_searched_without_the_layer() {
    let jwt = configured(|config| config.token_location = vec![Location::Headers, Location::Json]);
    assert_eq!(jwt.locations(), [Location::Headers, Location::Json]);
    let (access, refresh) = (jwt.access("alice").sign().unwrap(), jwt.refresh("alice").sign().unwrap());
    let post = Request::post("/").header("content-type", "application/json");
    let (mut parts, ()) = post.body(()).unwrap().into_parts();
    assert!(jwt.looks_into_body(&parts));
    let absent = jwt.authenticate_request(&parts, Require::access()).await.unwrap_err();
    assert!(matches!(absent, AuthError::Missing(_)));
    let body =
        format!(r#"{{"access_token": "{}", "refresh_token": "{}"}}"#, access.as_str(), refresh.as_str());
    parts.extensions.insert(ReadBody::new(body.as_bytes()));
    for (require, jti) in [
        (Require::access(), access.jti()),
        (Require::refresh(), refresh.jti()),
        (Require::any(), access.jti()),
    ] {
        assert_eq!(jwt.authenticate_request(&parts, require).await.unwrap().jti(), Some(jti));
    }
    let guard = Jwt::<portcullis::Unread>::from_request_parts(&mut parts, &jwt).await.unwrap();
    assert_eq!(guard.location(), Some(Location::Json));
    // A body of another type is none, whatever is in it.
    let (mut parts, ()) = Request::post("/").body(()).unwrap().into_parts();
    assert!(!jwt.looks_into_body(&parts));
    parts.extensions.insert(ReadBody::new(body.as_bytes()));
    let absent = jwt.authenticate_request(&parts, Require::access()).await.unwrap_err();
    assert!(matches!(absent, AuthError::Missing(_)));
}
