//! `GET /metrics`: every count is of something that was done, and nothing that a stranger makes up is in it.

mod acts;
mod address;
mod page;
mod parts;

use axum::http::{Method, StatusCode};
use portcullis_server::model::Access;
use serde_json::json;

use crate::support::{Exposition, TestApp};

/// What the service says of itself now.
fn metrics(app: &TestApp) -> Exposition {
    Exposition::parse(&app.state.metrics().text().unwrap())
}

#[tokio::test]
async fn they_are_for_administrators() {
    // ADM-01
    let app = TestApp::new().await;
    let root = app.admin("root").await;
    let user = app.register("user").await;
    assert_eq!(app.get("/metrics").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.get_as("/metrics", &user.access).await.status, StatusCode::FORBIDDEN);
    let answer = app.get_as("/metrics", &root.access).await;
    assert_eq!(answer.status, StatusCode::OK);
    let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!((answer.header("content-type"), answer.header("cache-control")), (openmetrics, "no-store"));
    let all = Exposition::parse(answer.body.as_str().unwrap());
    assert!(all.families.keys().all(|name| name.starts_with("portcullis_")), "{:?}", all.families);
    for method in [Method::POST, Method::DELETE] {
        assert_eq!(app.method(method, "/metrics").await.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn requests_are_counted_by_method_route_and_status() {
    let app = TestApp::new().await;
    let alice = app.register("alice").await;
    app.get("/tests/hello").await;
    app.get("/tests/hello").await;
    app.get_as("/tests/secret", &alice.access).await;
    app.get("/tests/secret").await;
    app.method(Method::DELETE, "/users/login").await;
    app.request(Method::DELETE, &app.session_path(&alice), &alice.access, None).await;
    let all = metrics(&app);
    for (method, route, status, count) in [
        ("GET", "/tests/hello", "200", 2.0),
        ("GET", "/tests/secret", "200", 1.0),
        ("GET", "/tests/secret", "401", 1.0),
        ("DELETE", "/users/login", "405", 1.0),
        ("DELETE", "/users/me/sessions/{id}", "204", 1.0),
        ("POST", "/users/registration", "201", 1.0),
    ] {
        let labels = format!("method=\"{method}\",route=\"{route}\"");
        let series = format!("portcullis_http_requests_total{{{labels},status=\"{status}\"}}");
        assert_eq!(all.of(&series).total_cmp(&count), std::cmp::Ordering::Equal, "{series}: {all:?}");
        assert!(all.of(&format!("portcullis_http_request_duration_seconds_count{{{labels}}}")) >= count);
    }
    let answered: f64 = app_sum(&all, "portcullis_http_requests_total");
    assert_eq!(answered.total_cmp(&7.0), std::cmp::Ordering::Equal);
    let in_flight = all.of("portcullis_http_requests_in_flight");
    assert_eq!(in_flight.total_cmp(&0.0), std::cmp::Ordering::Equal, "none is being answered");
}

/// All series of a name together.
fn app_sum(all: &Exposition, name: &str) -> f64 {
    all.series
        .iter()
        .filter(|(series, _)| series.split('{').next() == Some(name))
        .map(|(_, value)| value)
        .sum()
}

#[tokio::test]
async fn no_stranger_adds_a_series() {
    // OBS-07
    let app = TestApp::new().await;
    app.get("/strange").await;
    app.method(Method::from_bytes(b"STRANGE").unwrap(), "/strange").await;
    app.method(Method::from_bytes(b"STRANGE").unwrap(), "/tests/hello").await;
    app.get("/admin/users/strange").await;
    let before: Vec<_> = metrics(&app).series.into_keys().collect();
    for n in 0..100 {
        app.get(&format!("/canary{n}")).await;
        app.get(&format!("/admin/users/canary{n}")).await;
        app.get(&format!("/tests/hello?canary{n}=canary{n}")).await;
        let method = Method::from_bytes(format!("CANARY{n}").as_bytes()).unwrap();
        app.method(method.clone(), &format!("/canary{n}")).await;
        app.method(method, "/tests/hello").await;
    }
    let after = metrics(&app);
    let hello = "method=\"GET\",route=\"/tests/hello\"";
    let new: Vec<_> = after.series.keys().filter(|name| !before.contains(name)).collect();
    assert!(new.iter().all(|name| name.contains(hello)), "{new:?}");
    let unknown = "portcullis_http_requests_total{method=\"other\",route=\"unknown\",status=\"404\"}";
    assert_eq!(after.of(unknown).total_cmp(&101.0), std::cmp::Ordering::Equal);
}

#[tokio::test]
async fn nothing_of_a_person_or_a_token_is_in_them() {
    // OBS-02, OBS-07
    let app = TestApp::new().await;
    let tokens = app.register("canaryname").await;
    app.set_access(&tokens, Access::Admin).await;
    let tokens = app.login("canaryname").await;
    app.post("/users/login", &json!({"username": "canaryname", "password": "canary password"})).await;
    app.post("/users/login", &json!({"username": "canary-unknown", "password": "canary password"})).await;
    app.get_as("/tests/secret", "canary.canary.canary").await;
    app.post_as("/users/refresh", &tokens.refresh).await;
    app.get_as(&format!("/admin/users/{}", app.id_of(&tokens).as_str()), &tokens.access).await;
    let text = app.get_as("/metrics", &tokens.access).await.body.as_str().unwrap().to_owned();
    let location = app.state.store().location();
    for secret in [
        "canary",
        "password_of",
        "eyJ",
        app.id_of(&tokens).as_str(),
        app.session_of(&tokens).as_str(),
        tokens.access.as_str(),
        location.as_str(),
        "192.0.2.1",
        "127.0.0.1",
    ] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
}
