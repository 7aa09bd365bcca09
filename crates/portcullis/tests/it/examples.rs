//! The examples do what they say, and the docs show all of them.

#[expect(dead_code, reason = "the tests call `app`, not `main`")]
#[path = "../../examples/cookies.rs"]
mod cookies;
#[expect(dead_code, reason = "the tests call `app`, not `main`")]
#[path = "../../examples/custom_errors.rs"]
mod custom_errors;
#[expect(dead_code, reason = "the tests call `app`, not `main`")]
#[path = "../../examples/refresh.rs"]
mod refresh;
#[expect(dead_code, reason = "the tests call `app`, not `main`")]
#[path = "../../examples/revocation.rs"]
mod revocation;
#[expect(dead_code, reason = "the tests call `app`, not `main`")]
#[path = "../../examples/roles.rs"]
mod roles;
#[expect(dead_code, reason = "the tests call `app`, not `main`")]
#[path = "../../examples/simple.rs"]
mod simple;

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode, header::SET_COOKIE},
};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::common::SECRET;

struct Answer {
    status: StatusCode,
    cookies: Vec<String>,
    body: String,
}

impl Answer {
    fn member(&self, name: &str) -> String {
        serde_json::from_str::<Value>(&self.body).unwrap()[name].as_str().unwrap().to_owned()
    }
}

async fn ask(app: &Router, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = app.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let status = answer.status();
    let lines = answer.headers().get_all(SET_COOKIE).iter();
    let cookies = lines.map(|line| line.to_str().unwrap().to_owned()).collect();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    Answer { status, cookies, body: String::from_utf8(body.to_vec()).unwrap() }
}

async fn with(app: &Router, method: Method, path: &str, token: &str) -> Answer {
    ask(app, method, path, &[("authorization", &format!("Bearer {token}"))], "").await
}

#[tokio::test]
async fn simple_logs_in_and_is_let_in() {
    let app = simple::app(SECRET).unwrap();
    let login =
        |body: &'static str| ask(&app, Method::POST, "/login", &[("content-type", "application/json")], body);
    assert_eq!(login(r#"{"username":"test","password":"x"}"#).await.status, 401);
    let token = login(r#"{"username":"test","password":"test"}"#).await.member("access_token");
    assert_eq!(with(&app, Method::GET, "/protected", &token).await.body, r#"{"logged_in_as":"test"}"#);
    assert_eq!(ask(&app, Method::GET, "/protected", &[], "").await.status, 401);
    assert!(simple::app("short").is_err());
}

#[tokio::test]
async fn refresh_gives_tokens_that_are_not_fresh() {
    let app = refresh::app(SECRET).unwrap();
    let login = ask(&app, Method::POST, "/login", &[], "").await;
    let (access, refresh) = (login.member("access_token"), login.member("refresh_token"));
    assert_eq!(with(&app, Method::POST, "/password", &access).await.status, 200);
    let access = with(&app, Method::POST, "/refresh", &refresh).await.member("access_token");
    assert_eq!(with(&app, Method::GET, "/profile", &access).await.body, "profile of alice");
    assert_eq!(with(&app, Method::POST, "/password", &access).await.status, 401);
}

#[tokio::test]
async fn cookies_are_set_used_and_taken_away() {
    let app = cookies::app(SECRET).unwrap();
    let pairs = ask(&app, Method::POST, "/login", &[], "").await.cookies;
    let value = |line: &String| line.split(';').next().unwrap().to_owned();
    let (cookie, csrf) = (value(&pairs[0]), value(&pairs[1]));
    let csrf = csrf.split_once('=').unwrap().1;
    let page = |method, headers: Vec<(&'static str, String)>| {
        let app = app.clone();
        async move {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
            ask(&app, method, "/page", &headers, "").await
        }
    };
    assert_eq!(page(Method::GET, vec![("cookie", cookie.clone())]).await.body, "read by alice");
    assert_eq!(page(Method::POST, vec![("cookie", cookie.clone())]).await.status, 403);
    let written = page(Method::POST, vec![("cookie", cookie), ("x-csrf-token", csrf.to_owned())]).await;
    assert_eq!(written.body, "written by alice");
    assert_eq!(ask(&app, Method::POST, "/logout", &[], "").await.cookies.len(), 4);
}

#[tokio::test]
async fn revocation_ends_a_token() {
    let app = revocation::app(SECRET).unwrap();
    let token = ask(&app, Method::POST, "/login", &[], "").await.body;
    assert_eq!(with(&app, Method::GET, "/protected", &token).await.body, "hello alice");
    assert_eq!(with(&app, Method::DELETE, "/logout", &token).await.status, 204);
    assert_eq!(with(&app, Method::GET, "/protected", &token).await.status, 401);
}

#[tokio::test]
async fn roles_open_what_they_are_for() {
    let app = roles::app(SECRET).unwrap();
    for (role, status) in [("admin", 200), ("user", 403)] {
        let token = ask(&app, Method::POST, &format!("/login/{role}"), &[], "").await.body;
        assert!(
            with(&app, Method::GET, "/whoami", &token).await.body.starts_with(&format!("alice is {role}"))
        );
        assert_eq!(with(&app, Method::GET, "/admin/users", &token).await.status, status);
        assert_eq!(with(&app, Method::DELETE, "/log", &token).await.status, status);
    }
}

#[tokio::test]
async fn errors_are_told_in_the_applications_words() {
    let app = custom_errors::app(SECRET).unwrap();
    let nothing = ask(&app, Method::GET, "/protected", &[], "").await;
    assert_eq!((nothing.status, nothing.member("error")), (StatusCode::UNAUTHORIZED, "login".into()));
    // The example's clock is the machine's, for which the tests' present lies far ahead.
    let expired = crate::common::token(&[("iat", "1500000000"), ("exp", "1500000900")]);
    assert_eq!(with(&app, Method::GET, "/protected", &expired).await.member("error"), "expired");
    assert_eq!(with(&app, Method::GET, "/protected", "x").await.member("title"), "Unauthorized");
}

#[test]
fn every_example_has_its_page() {
    let crate_folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = std::fs::read_to_string(crate_folder.join("src/examples.rs")).unwrap();
    for example in std::fs::read_dir(crate_folder.join("examples")).unwrap() {
        let name = example.unwrap().file_name().into_string().unwrap();
        assert!(pages.contains(&format!("include_str!(\"../examples/{name}\")")), "{name}");
    }
}
