//! The description of the API: that it is whole, that it is the one in the repository, and that it tells what a
//! configuration does. That it tells the truth every answer shows that a test here sees (`support/contract.rs`).

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use axum::http::{HeaderMap, Method, StatusCode};
use portcullis_server::{openapi_document, route_table};
use serde_json::{Value, json};

use crate::support::{Answer, Contract, TestApp, instance};

/// The document of a service with settings.
async fn document(settings: &[(&str, &str)]) -> Value {
    let app = TestApp::with(settings).await;
    let answer = app.get("/openapi.json").await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    answer.body
}

/// The operations of a document, by method and path.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    });
    operations.collect()
}

fn statuses<'d>(document: &'d Value, operation: &str) -> Vec<&'d String> {
    let operations = operations(document);
    let (_, operation) = operations.into_iter().find(|(name, _)| name == operation).unwrap();
    operation["responses"].as_object().unwrap().keys().collect()
}

#[tokio::test]
async fn it_has_every_route_and_nothing_else() {
    let document = document(&[]).await;
    let described: BTreeSet<_> = operations(&document).into_iter().map(|(name, _)| name).collect();
    let routes = route_table().into_iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(described, routes);
}

#[tokio::test]
async fn every_operation_has_a_name_of_its_own_and_a_group() {
    let document = document(&[]).await;
    let operations = operations(&document);
    let groups: Vec<_> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    let mut names = BTreeSet::new();
    for (operation, described) in &operations {
        assert!(names.insert(described["operationId"].as_str().unwrap()), "{operation}");
        assert!(!described["summary"].as_str().unwrap().is_empty(), "{operation}");
        assert!(groups.contains(&&described["tags"][0]), "{operation}");
    }
}

#[tokio::test]
async fn it_is_the_same_that_the_command_line_prints() {
    let app = TestApp::with(&[("ERROR_STYLE", "problem")]).await;
    let printed: Value = serde_json::from_str(&openapi_document(app.state.terms())).unwrap();
    assert_eq!(app.get("/openapi.json").await.body, printed);
}

#[tokio::test]
#[should_panic(expected = "POST /users/login says nothing of 418")]
async fn an_answer_that_it_does_not_have_ends_a_test() {
    let app = TestApp::new().await;
    let answer = Answer { status: StatusCode::IM_A_TEAPOT, headers: HeaderMap::new(), body: Value::Null };
    Contract::of(app.state.terms()).hold(&Method::POST, "/users/login", &answer);
}

#[tokio::test]
#[should_panic(expected = "GET /users/me 200 application/json is not as described")]
async fn so_does_a_member_that_it_does_not_have() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    let mut answer = app.get_as("/users/me", &alice.access).await;
    answer.body["password_hash"] = json!("$argon2id$");
    Contract::of(app.state.terms()).hold(&Method::GET, "/users/me", &answer);
}

#[tokio::test]
async fn the_page_in_the_repository_is_that_of_the_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let present = fs::read_to_string(&path).unwrap_or_default();
    let folder = instance("");
    let program = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .env_clear()
        .args(["openapi", "--instance"])
        .arg(folder.path())
        .output()
        .unwrap();
    let expected = String::from_utf8(program.stdout).unwrap();
    if present != expected {
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi.json");
        fs::write(&made, expected).unwrap();
        panic!("the API has changed; take over the new page: cp {} docs/openapi.json", made.display());
    }
}

#[tokio::test]
async fn it_tells_the_style_of_refusals() {
    let unknown = "/components/responses/Unauthorized/content";
    for (style, media_type, members) in [
        ("flask-3", "application/json", vec!["errors", "msg"]),
        ("flask-4", "application/json", vec!["errors", "msg"]),
        ("problem", "application/problem+json", vec!["detail", "errors", "status", "title", "type"]),
    ] {
        let document = document(&[("ERROR_STYLE", style)]).await;
        let content = document.pointer(unknown).unwrap().as_object().unwrap();
        assert_eq!(content.keys().collect::<Vec<_>>(), [media_type], "{style}");
        let body = &document["components"]["schemas"]["Refusal"]["properties"];
        assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), members, "{style}");
        let has_422 = statuses(&document, "GET /tests/secret").contains(&&"422".to_owned());
        assert_eq!(has_422, style != "problem", "a token that is none");
    }
}

#[tokio::test]
async fn it_tells_where_tokens_are() {
    let schemes = |document: &Value| {
        let schemes = document["components"]["securitySchemes"].as_object().unwrap().clone();
        schemes.into_iter().map(|(name, scheme)| format!("{name} {}", scheme["in"])).collect::<Vec<_>>()
    };
    let of_refresh = |document: &Value| document["paths"]["/users/refresh"]["post"]["security"].clone();
    let headers = document(&[]).await;
    assert_eq!(schemes(&headers), ["accessToken null", "freshAccessToken null", "refreshToken null"]);
    assert_eq!(of_refresh(&headers), json!([{"refreshToken": []}]));
    let cookies = document(&[("JWT_TOKEN_LOCATION", "cookies")]).await;
    assert_eq!(of_refresh(&cookies), json!([{"refreshTokenCookie": [], "refreshTokenCsrf": []}]));
    let pair = &cookies["components"]["schemas"]["TokenPair"]["properties"];
    assert_eq!(pair["access_token"], Value::Null, "no script gets one");
    assert!(pair["csrf_access_token"].is_object());
}

#[tokio::test]
async fn it_tells_whether_strangers_may_register_and_what_limits_there_are() {
    let registration = "POST /users/registration";
    let open = document(&[]).await;
    assert!(statuses(&open, registration).contains(&&"201".to_owned()));
    assert!(statuses(&open, registration).contains(&&"429".to_owned()));
    let closed = document(&[("REGISTRATION", "closed")]).await;
    assert!(!statuses(&closed, registration).contains(&&"201".to_owned()));
    assert!(statuses(&closed, registration).contains(&&"403".to_owned()));
    let unlimited = document(&[("LIMITS", "off")]).await;
    assert!(!statuses(&unlimited, registration).contains(&&"429".to_owned()));
    let password = |document: &Value| {
        let body = "/paths/~1users~1registration/post/requestBody/content/application~1json/schema";
        document.pointer(body).unwrap()["properties"]["password"]["minLength"].clone()
    };
    assert_eq!(password(&document(&[("PASSWORD_MIN_LENGTH", "15")]).await), 15);
}
