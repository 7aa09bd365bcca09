//! The layer in front of whole routers: preflights, places, bodies, permissions.

use axum::{
    Router,
    body::Body,
    http::{Method, Request},
    routing::any,
};
use http_body_util::{BodyExt as _, Full};
use portcullis::{JwtManager, Location, Permission, RequireLayer};
use tower::{Layer as _, ServiceExt as _};

use crate::common::{builder, configured, manager};

fn app<K: 'static>(layer: &RequireLayer<K>) -> Router {
    Router::new().fallback(any(|body: String| async move { format!("in {body}") })).layer(layer.clone())
}

async fn said(app: Router, request: Request<Body>) -> (u16, String) {
    let answer = app.oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn status<K: 'static>(layer: &RequireLayer<K>, request: axum::http::request::Builder) -> u16 {
    said(app(layer), request.body(Body::empty()).unwrap()).await.0
}

fn bearer<K>(issue: portcullis::Issue<'_, K>) -> String {
    format!("Bearer {}", issue.sign().unwrap().as_str())
}

#[tokio::test]
async fn a_true_preflight_passes_and_nothing_else() {
    let layer = manager().require();
    let preflight = |method| Request::builder().method(method).header("origin", "https://a.example");
    let asks = |request: axum::http::request::Builder| request.header("access-control-request-method", "PUT");
    assert_eq!(status(&layer, asks(preflight(Method::OPTIONS))).await, 200);
    assert_eq!(status(&layer, preflight(Method::OPTIONS)).await, 401);
    assert_eq!(status(&layer, asks(Request::options("/"))).await, 401);
    assert_eq!(status(&layer, asks(preflight(Method::GET))).await, 401);
}

#[tokio::test]
async fn its_words_say_what_it_asks_for() {
    let jwt = manager();
    let get = |authorization: &str| Request::get("/").header("authorization", authorization);
    let (stale, fresh) = (bearer(jwt.access("a")), bearer(jwt.access("a").fresh()));
    let refresh = bearer(jwt.refresh("a"));
    assert_eq!(status(&jwt.require(), get(&stale)).await, 200);
    assert_eq!(status(&jwt.require(), get(&refresh)).await, 401);
    assert_eq!(status(&jwt.require().fresh(), get(&stale)).await, 401);
    assert_eq!(status(&jwt.require().fresh(), get(&fresh)).await, 200);
    assert_eq!(status(&jwt.require().refresh(), get(&stale)).await, 401);
    assert_eq!(status(&jwt.require().refresh(), get(&refresh)).await, 200);
    assert_eq!(status(&jwt.require().any_kind(), get(&refresh)).await, 200);
    assert_eq!(status(&jwt.require().optional(), Request::get("/")).await, 200);
    assert_eq!(status(&jwt.require().optional(), get("Basic dTpw")).await, 200);
    assert_eq!(status(&jwt.require().optional(), get("Bearer x")).await, 401);
    assert_eq!(status(&jwt.require().optional().role("admin"), Request::get("/")).await, 401);
    assert_eq!(status(&jwt.require().locations([]), get(&stale)).await, 401);
}

#[tokio::test]
async fn a_permission_that_is_lacking_is_403() {
    // BRR-02, ADM-03
    let jwt = manager();
    let admin = jwt.require().role("admin");
    let level = jwt.require().claim_at_least("access", 2);
    let either = jwt.require().permit(Permission::role("admin").or(Permission::at_least("access", 2)));
    let get = |issue| Request::get("/").header("authorization", bearer(issue));
    let with_role = |role: serde_json::Value| get(jwt.access("a").claim("role", role));
    assert_eq!(status(&admin, with_role("admin".into())).await, 200);
    assert_eq!(status(&admin, with_role(["user", "admin"].as_slice().into())).await, 200);
    assert_eq!(status(&admin, get(jwt.access("a").claim("roles", ["admin"]))).await, 200);
    for other in [
        "Admin".into(),
        "admin,user".into(),
        " admin".into(),
        true.into(),
        serde_json::json!([["admin"]]),
        serde_json::json!(["admin", 1]),
        serde_json::json!({"admin": true}),
    ] {
        assert_eq!(status(&admin, with_role(other)).await, 403);
    }
    for (access, expected) in [(1.into(), 403), (2.into(), 200), (3.into(), 200), ("2".into(), 403)] {
        let access: serde_json::Value = access;
        assert_eq!(status(&level, get(jwt.access("a").claim("access", access.clone()))).await, expected);
        assert_eq!(status(&either, get(jwt.access("a").claim("access", access))).await, expected);
    }
    let refused = app(&admin).oneshot(get(jwt.access("a")).body(Body::empty()).unwrap()).await.unwrap();
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap();
    assert!(challenge.contains(r#"error="insufficient_scope""#), "{challenge}");
}

fn json(jwt: &JwtManager, padding: usize) -> (String, Request<Body>) {
    let token = jwt.refresh("alice").sign().unwrap().into_string();
    let body = format!(r#"{{"x":"{}","refresh_token":"{token}"}}"#, "x".repeat(padding));
    let request = Request::post("/").header("content-type", "application/json; charset=utf-8");
    (body.clone(), request.body(Body::from(body)).unwrap())
}

#[tokio::test]
async fn a_body_is_read_within_a_limit_and_handed_on() {
    let jwt = configured(|config| config.token_location = vec![Location::Headers, Location::Json]);
    let layer = jwt.require().refresh().json_body(2000);
    let (body, request) = json(&jwt, 0);
    assert_eq!(said(app(&layer), request).await, (200, format!("in {body}")));
    assert_eq!(said(app(&layer), json(&jwt, 2000).1).await.0, 413);
    // What is no JSON is nobody's business here.
    let text = Request::post("/").header("authorization", bearer(jwt.refresh("alice")));
    let long = "x".repeat(3000);
    let answer = said(app(&layer), text.body(Body::from(long.clone())).unwrap()).await;
    assert_eq!(answer, (200, format!("in {long}")));
}

#[tokio::test]
async fn trailers_go_on_with_the_body() {
    let jwt = configured(|config| config.token_location = vec![Location::Json]);
    let inner = tower::service_fn(|request: Request<Body>| async move {
        let body = request.into_body().collect().await.unwrap();
        let trailer = body.trailers().unwrap()["x-sum"].to_str().unwrap().to_owned();
        Ok::<_, std::convert::Infallible>(axum::response::Response::new(Body::from(trailer)))
    });
    let (body, request) = json(&jwt, 0);
    let trailers = [("x-sum".parse().unwrap(), "7".parse().unwrap())].into_iter().collect();
    let body = Full::new(axum::body::Bytes::from(body)).with_trailers(std::future::ready(Some(Ok(trailers))));
    let request = request.map(|_| Body::new(body));
    let answer = jwt.require().refresh().layer(inner).oneshot(request).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "7");
}

#[tokio::test]
async fn a_member_that_is_no_text_is_refused() {
    let jwt = builder().configure(|config| config.token_location = vec![Location::Json]).build().unwrap();
    for (body, expected) in [(r#"{"access_token":5}"#, 400), ("[1]", 401), ("", 401), ("{\"a", 401)] {
        let request = Request::post("/").header("content-type", "application/json");
        let (status, _) = said(app(&jwt.require()), request.body(Body::from(body)).unwrap()).await;
        assert_eq!(status, expected, "{body}");
    }
}

#[tokio::test]
async fn a_layer_with_places_of_its_own_reads_the_body_whatever_another_found() {
    let jwt = manager();
    let inner = jwt.require().any_kind().locations([Location::Json]);
    let app = app(&inner).layer(jwt.require());
    let authorization = bearer(jwt.access("alice"));
    let (body, request) = json(&jwt, 0);
    let (mut parts, sent) = request.into_parts();
    parts.headers.insert("authorization", authorization.parse().unwrap());
    let request = Request::from_parts(parts, sent);
    assert_eq!(said(app, request).await, (200, format!("in {body}")));
}
