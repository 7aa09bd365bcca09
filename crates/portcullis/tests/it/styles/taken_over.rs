//! What clients of a Flask application are used to hear: its answers, its names in the texts.

use axum::{Router, body::Body, http::Request, routing::get};
use http_body_util::BodyExt as _;
use portcullis::{ErrorStyle, Jwt};
use tower::ServiceExt as _;

use super::ask;
use crate::common::{builder, configured, mint};

/// The refusals of the application that this library's server takes over; what it answers where the token is
/// right is its handlers' own.
#[tokio::test]
async fn the_seed_applications_answers() {
    let jwt = configured(|config| config.error_style = ErrorStyle::Flask3);
    // A token as 3.18.1 wrote it.
    let of_3_18 = |kind: &str, exp: i64| {
        let claims = format!(
            r#"{{"iat":1899999990,"nbf":1899999990,"jti":"6c1f9d0e-98a5-4dbb-9f64-0a1f1f0a6f3e","exp":{exp},"identity":"test","fresh":false,"type":"{kind}"}}"#
        );
        mint(r#"{"typ":"JWT","alg":"HS256"}"#, claims)
    };
    let access = of_3_18("access", 1_900_000_890);
    assert_eq!(jwt.verify(&access).unwrap().identity(), "test");
    for (authorization, status, text) in [
        (None, 401, "Missing Authorization Header"),
        (
            Some(format!("Bearer {}", of_3_18("refresh", 1_902_591_990))),
            422,
            "Only access tokens are allowed",
        ),
        (Some(format!("Bearer {access}extra-string")), 422, "Signature verification failed"),
        (Some("Bearer this-is-not-json-web-token".into()), 422, "Not enough segments"),
        (Some("this-is-plain-text".into()), 422, "Bad Authorization header. Expected value 'Bearer <JWT>'"),
        (Some(format!("Bearer {}", of_3_18("access", 1_900_000_000))), 401, "Token has expired"),
        (Some("Bearer a.b.c".into()), 422, "Invalid header padding"),
    ] {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(authorization.as_deref().map(|value| ("authorization", value)));
        let said = ask(&jwt, "/jwt", &headers).await;
        assert_eq!((said.0, &*said.1), (status, text), "{authorization:?}");
        assert_eq!(said.2.is_some(), status == 401, "{authorization:?}");
    }
}

#[tokio::test]
async fn texts_name_the_header_and_the_scheme_as_they_are_configured() {
    let jwt = |style, name: &str, scheme: &str| {
        builder()
            .configure(|config| {
                config.error_style = style;
                config.header_name = name.into();
                config.header_type = scheme.into();
            })
            .build()
            .unwrap()
    };
    for style in [ErrorStyle::Flask3, ErrorStyle::Flask4] {
        let said = ask(&jwt(style, "X-Auth-Token", "JWT"), "/jwt", &[("authorization", "Bearer a")]).await;
        assert_eq!(said, (401, "Missing X-Auth-Token Header".into(), Some("JWT".into())));
    }
    for (style, scheme, value, expected) in [
        (ErrorStyle::Flask3, "JWT", "JWT", (422, "Bad Foo header. Expected value 'JWT <JWT>'")),
        (ErrorStyle::Flask4, "JWT", "JWT", (422, "Bad Foo header. Expected 'Foo: JWT <JWT>'")),
        (
            ErrorStyle::Flask4,
            "JWT",
            "B a",
            (401, "Missing 'JWT' type in 'Foo' header. Expected 'Foo: JWT <JWT>'"),
        ),
        (ErrorStyle::Flask3, "", "a b", (422, "Bad Foo header. Expected value '<JWT>'")),
        (ErrorStyle::Flask4, "", "a b", (422, "Bad Foo header. Expected 'Foo: <JWT>'")),
    ] {
        let said = ask(&jwt(style, "Foo", scheme), "/jwt", &[("foo", value)]).await;
        assert_eq!((said.0, &*said.1), expected, "{style:?}, {value}");
    }
}

#[tokio::test]
async fn the_member_that_carries_the_text_can_be_named() {
    let jwt = builder()
        .configure(|config| {
            config.error_style = ErrorStyle::Flask4;
            config.error_message_key = "message".into();
        })
        .build()
        .unwrap();
    let app: Router = Router::new().route("/", get(|_: Jwt| async {})).with_state(jwt);
    let answer = app.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "{\"message\":\"Missing Authorization Header\"}\n");
}
