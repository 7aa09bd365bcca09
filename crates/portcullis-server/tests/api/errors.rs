//! What every route answers to requests that are wrong in the same way.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use serde_json::json;

use crate::support::TestApp;

const LOGIN: &str = "/users/login";

#[tokio::test]
async fn unknown_routes_and_methods() {
    // HTP-07, HTP-12
    let app = TestApp::new().await;
    for path in [
        "/",
        "/nope",
        "/tests",
        "/tests/secret/",
        "//tests/secret",
        "/tests//secret",
        "/TESTS/secret",
        "/tests/%73ecret/x",
    ] {
        app.get(path).await.says(404, "There is nothing at this address");
    }
    let answer = app.method(Method::DELETE, "/users/login").await;
    answer.says(405, "This address does not take this method");
    assert_eq!(answer.header("allow"), "POST");
    for method in [Method::TRACE, Method::from_bytes(b"BREW").unwrap()] {
        let answer = app.method(method, "/tests/hello").await;
        assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD"));
    }
}

#[tokio::test]
async fn a_head_is_what_a_get_would_have_been_without_its_body() {
    // HTP-07
    let app = TestApp::new().await;
    let (get, head) = (app.get("/tests/hello").await, app.method(Method::HEAD, "/tests/hello").await);
    assert_eq!((head.status, &head.body), (StatusCode::OK, &serde_json::Value::Null));
    assert!(get.headers.keys().all(|name| head.headers.contains_key(name)), "{:?}", head.headers);
    assert_eq!(app.method(Method::HEAD, "/tests/secret").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn bodies_that_are_no_json_objects() {
    let app = TestApp::new().await;
    for body in ["", "{", "{'username': 1}", "{} {}", "nul", "{\"username\": \"\\ud800\"}"] {
        app.post_bytes(LOGIN, "application/json", body).await.says(400, "The body is not valid JSON");
    }
    app.post_bytes(LOGIN, "application/json", vec![b'{', 0xff, b'}'])
        .await
        .says(400, "The body is not valid JSON");
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    app.post_bytes(LOGIN, "application/json", deep).await.says(400, "The body is not valid JSON");
    for body in ["[]", "1", "null", "\"text\"", "[{}]"] {
        app.post_bytes(LOGIN, "application/json", body).await.says(422, "The body must be a JSON object");
    }
}

#[tokio::test]
async fn media_types() {
    // CSR-11
    let app = TestApp::new().await;
    for media_type in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "application/jsonx"]
    {
        let answer = app.post_bytes(LOGIN, media_type, "{}").await;
        answer.says(415, "The body must be JSON, with the header Content-Type: application/json");
    }
    for media_type in ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"] {
        let answer = app.post_bytes(LOGIN, media_type, "{}").await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{media_type}");
    }
}

#[tokio::test]
async fn bodies_over_the_limit() {
    // HTP-01
    let app = TestApp::new().await;
    let body = |length: usize| json!({"username": "x".repeat(length - 15)}).to_string();
    let (just, over) = (body(16 * 1024), body(16 * 1024 + 1));
    assert_eq!((just.len(), over.len()), (16 * 1024, 16 * 1024 + 1));
    assert_eq!(
        app.post_bytes(LOGIN, "application/json", just).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let answer = app.post_bytes(LOGIN, "application/json", over).await;
    answer.says(413, "The body is too large");
    assert_eq!(answer.header("connection"), "close");
}

#[tokio::test]
async fn heads_over_the_limit() {
    // HTP-02
    let app = TestApp::new().await;
    let sized = |bytes: usize| {
        Request::get("/tests/hello").header("x", "x".repeat(bytes)).body(Body::empty()).unwrap()
    };
    assert_eq!(app.send(sized(30_000)).await.status, StatusCode::OK);
    let answer = app.send(sized(33_000)).await;
    answer.says(431, "The request has too many or too large headers");
}

#[tokio::test]
async fn a_connection_with_an_unread_body_is_closed_and_one_without_is_kept() {
    // HTP-15
    let app = TestApp::new().await;
    for (path, media_type) in
        [("/nope", "application/json"), ("/users/logout", "application/json"), (LOGIN, "text/plain")]
    {
        let answer = app.post_bytes(path, media_type, "{}").await;
        assert_eq!(answer.header("connection"), "close", "{path} {}", answer.status);
    }
    for body in ["{}", "{", "[]"] {
        let answer = app.post_bytes(LOGIN, "application/json", body).await;
        assert_eq!(answer.header("connection"), "", "{}", answer.status);
    }
    assert_eq!(app.get("/nope").await.header("connection"), "");
}

#[tokio::test]
async fn each_has_its_form_in_the_problem_style() {
    // HTP-16
    let app = TestApp::with(&[("ERROR_STYLE", "problem")]).await;
    let answer = app.post(LOGIN, &json!({"username": "a"})).await;
    assert_eq!(answer.header("content-type"), "application/problem+json");
    insta::assert_json_snapshot!(answer.body, @r#"
    {
      "detail": "Some fields are missing or invalid",
      "errors": {
        "password": [
          "is required"
        ]
      },
      "status": 422,
      "title": "Unprocessable Entity",
      "type": "about:blank"
    }
    "#);
}

#[tokio::test]
async fn every_answer_has_the_headers_of_an_api() {
    // HTP-08, HTP-11, HTP-16, BRR-01, OBS-05
    let app = TestApp::new().await;
    app.expect_errors();
    let post = |media: &'static str, body: &'static str| app.post_bytes(LOGIN, media, body);
    app.register("alice").await;
    let mut answers = vec![
        app.get("/tests/hello").await,
        app.get("/nope").await,
        app.get("/tests/secret").await,
        app.method(Method::PUT, LOGIN).await,
        post("application/json", "{").await,
        post("application/json", "{}").await,
        post("text/plain", "{}").await,
        app.post(LOGIN, &json!({"username": "alice", "password": "wrong"})).await,
        app.post_bytes(LOGIN, "application/json", vec![b' '; 20_000]).await,
        app.post("/users/registration", &json!({"username": "alice", "password": "password"})).await,
    ];
    app.state.store().close().await;
    answers.push(app.post(LOGIN, &json!({"username": "alice", "password": "wrong"})).await);
    let limited = TestApp::with(&[("LIMITS", "on"), ("LIMIT_REGISTRATION", "1, 1/h")]).await;
    limited.register("alice").await;
    let again = json!({"username": "bob", "password": "password"});
    answers.push(limited.post("/users/registration", &again).await);
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(statuses, [200, 404, 401, 405, 400, 422, 415, 401, 413, 409, 503, 429]);
    for answer in &answers {
        for (name, value) in [
            ("content-type", "application/json"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("strict-transport-security", ""),
        ] {
            assert_eq!(answer.header(name), value, "{} {name}", answer.status);
        }
        assert_eq!(answer.header("x-request-id").len(), 36);
        assert_eq!(answer.header("server"), "");
        assert!(answer.body["msg"].is_string() || answer.status == StatusCode::OK, "{}", answer.body);
        assert_eq!(
            answer.status == StatusCode::UNAUTHORIZED,
            answer.headers.contains_key("www-authenticate")
        );
    }
}

#[tokio::test]
async fn a_request_id_is_ours_whatever_the_client_sends() {
    // OBS-05
    let app = TestApp::new().await;
    let request =
        Request::get("/tests/hello").header("x-request-id", "chosen\u{e9}").body(Body::empty()).unwrap();
    let answer = app.send(request).await;
    assert!(uuid::Uuid::try_parse(answer.header("x-request-id")).is_ok());
}

#[tokio::test]
async fn a_token_is_not_taken_from_the_address() {
    // BRR-05
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    let answer = app.get(&format!("/tests/secret?jwt={0}&access_token={0}", alice.access)).await;
    answer.says(401, "Missing Authorization Header");
}

#[tokio::test]
async fn two_authorization_headers_are_one_too_many() {
    // BRR-07
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    let bearer = format!("Bearer {}", alice.access);
    let request = Request::get("/tests/secret")
        .header(header::AUTHORIZATION, &bearer)
        .header(header::AUTHORIZATION, &bearer);
    let answer = app.send(request.body(Body::empty()).unwrap()).await;
    answer.says(422, "Bad Authorization header. Expected value 'Bearer <JWT>'");
}

#[tokio::test]
async fn a_member_that_stands_twice_is_neither_of_the_two() {
    let app = TestApp::new().await;
    app.register("alice").await;
    for body in [
        r#"{"username":"bob","username":"alice","password":"password"}"#,
        r#"{"username":"bob","\u0075sername":"alice","password":"password"}"#,
        r#"{"username":"alice","password":"password","other":1,"other":1}"#,
    ] {
        let answer = app.post_bytes(LOGIN, "application/json", body).await;
        answer.says(422, "The body has a member twice");
    }
    let nested = r#"{"username":"alice","password":"password","other":{"a":1,"a":2}}"#;
    assert_eq!(app.post_bytes(LOGIN, "application/json", nested).await.status, StatusCode::OK);
}
