//! The table of routes: who may use which, tried with each of them.

use std::fs;

use axum::http::{Method, StatusCode};
use portcullis_server::{
    Route, Rule,
    accounts::By,
    model::{Access, UserState},
    route_table,
};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, Tokens, bearing};

/// A body that every route would take, so that nothing but its rule can refuse a request.
fn body() -> Value {
    json!({"username": "somebody", "password": "password", "new_password": "another password", "access": 1})
}

/// The body of a route of administrators, which takes no member that it does not know.
fn body_of(route: &Route) -> Option<Value> {
    let is_admin = matches!(route.rule, Rule::Admin | Rule::FreshAdmin);
    match (&route.method, is_admin) {
        (&Method::GET | &Method::DELETE, _) => None,
        (&Method::PATCH, _) => Some(json!({"access": 0})),
        (_, true) => Some(json!({"username": "somebody", "password": "password"})),
        (_, false) => Some(body()),
    }
}

/// A request to a route about a user and one of the user's sessions.
async fn ask(app: &TestApp, route: &Route, token: Option<&str>, about: &Tokens) -> Answer {
    let path = route.path.replace("{session}", app.session_of(about).as_str());
    let id = if path.contains("/users/me/") {
        app.session_of(about).as_str().to_owned()
    } else {
        app.id_of(about).as_str().to_owned()
    };
    let path = path.replace("{id}", &id);
    app.send(bearing(route.method.clone(), &path, token, body_of(route).as_ref())).await
}

fn routes(wanted: impl Fn(Rule) -> bool) -> Vec<Route> {
    let routes: Vec<_> = route_table().into_iter().filter(|route| wanted(route.rule)).collect();
    assert!(!routes.is_empty());
    routes
}

fn of_admins(rule: Rule) -> bool {
    matches!(rule, Rule::Admin | Rule::FreshAdmin)
}

/// Whether somebody is as he was, and may still do what he could.
async fn is_untouched(app: &TestApp, user: &Tokens) {
    let state = app.state.accounts().user(&app.id_of(user)).await.unwrap();
    assert_eq!((state.access, state.state), (Access::User, UserState::Enabled));
    assert_eq!(app.get_as("/tests/secret", &user.access).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_route_that_is_not_public_refuses_whoever_shows_no_token() {
    // ADM-01
    let app = TestApp::new().await;
    let bob = app.register("bob").await;
    for route in routes(|rule| rule != Rule::Public) {
        let answer = ask(&app, &route, None, &bob).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{route:?}");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "BRR-01 {route:?}");
    }
    is_untouched(&app, &bob).await;
}

#[tokio::test]
async fn a_route_of_administrators_refuses_everybody_else() {
    // ADM-01, BRR-02
    let app = TestApp::new().await;
    let bob = app.register("bob").await;
    let guest = app.register("guest").await;
    app.set_access(&guest, Access::Guest).await;
    let guest = app.login("guest").await;
    let user = app.register("user").await;
    for route in routes(of_admins) {
        for who in [&guest, &user] {
            let answer = ask(&app, &route, Some(&who.access), &bob).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{route:?}");
            assert!(answer.header("www-authenticate").contains("insufficient_scope"), "{route:?}");
        }
        let refresh = ask(&app, &route, Some(&user.refresh), &bob).await;
        assert_eq!(refresh.status, StatusCode::UNPROCESSABLE_ENTITY, "a refresh token: {route:?}");
    }
    is_untouched(&app, &bob).await;
}

#[tokio::test]
async fn an_administrator_is_one_by_what_the_store_says_now() {
    // ADM-01, CLM-19
    let app = TestApp::new().await;
    let bob = app.register("bob").await;
    let _first = app.admin("root").await;
    let demoted = app.admin("demoted").await;
    let id = app.id_of(&demoted);
    // Not of a session, so that no end of one reaches it.
    let stale = app.state.jwt().access(id.as_str()).claim("access", 2).fresh().sign().unwrap();
    let disabled = app.admin("disabled").await;
    let of_disabled = app.id_of(&disabled);
    let also_stale = app.state.jwt().access(of_disabled.as_str()).claim("access", 2).fresh();
    let also_stale =
        also_stale.issued_at(portcullis::NumericDate::from_seconds(1_900_000_000)).sign().unwrap();
    app.set_access(&demoted, Access::User).await;
    let by = By::operator(None);
    app.state.accounts().set_state(&by, &of_disabled, UserState::Disabled).await.unwrap();
    for route in routes(of_admins) {
        let gone = ask(&app, &route, Some(&demoted.access), &bob).await;
        gone.says(401, "Token has been revoked");
        let gone = ask(&app, &route, Some(&disabled.access), &bob).await;
        gone.says(401, "Token has been revoked");
        let answer = ask(&app, &route, Some(stale.as_str()), &bob).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "by the token alone: {route:?}");
        let answer = ask(&app, &route, Some(also_stale.as_str()), &bob).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "disabled: {route:?}");
    }
    is_untouched(&app, &bob).await;
}

#[tokio::test]
async fn a_level_is_an_integer_and_nothing_that_looks_like_one() {
    // ADM-03
    let app = TestApp::new().await;
    let root = app.admin("root").await;
    let id = app.id_of(&root);
    let bob = app.register("bob").await;
    let levels =
        [json!("2"), json!([2]), json!(2.5), json!("admin"), json!(true), json!({"$gte": 2}), json!(null)];
    for level in levels {
        let token = app.state.jwt().access(id.as_str()).claim("access", &level).fresh().sign().unwrap();
        for route in routes(of_admins) {
            let answer = ask(&app, &route, Some(token.as_str()), &bob).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{level} {route:?}");
        }
    }
    is_untouched(&app, &bob).await;
}

#[tokio::test]
async fn what_changes_something_needs_a_password_that_was_shown_lately() {
    // ADM-06
    let app = TestApp::new().await;
    let bob = app.register("bob").await;
    let root = app.admin("root").await;
    app.wait(60);
    let stale = app.post_as("/users/refresh", &root.refresh).await.tokens();
    for route in routes(|rule| rule == Rule::FreshAdmin) {
        ask(&app, &route, Some(&stale.access), &bob).await.says(401, "Fresh token required");
    }
    is_untouched(&app, &bob).await;
    for route in routes(|rule| rule == Rule::Admin) {
        assert_eq!(ask(&app, &route, Some(&stale.access), &bob).await.status, StatusCode::OK, "{route:?}");
    }
}

#[test]
fn the_page_of_the_api_has_every_route() {
    // LOG-16, SUP-06
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/http-api.md")).unwrap();
    for route in route_table() {
        let row = format!("| `{} {}`", route.method, route.path);
        assert!(page.contains(&row), "{row} is not in docs/http-api.md");
    }
}
