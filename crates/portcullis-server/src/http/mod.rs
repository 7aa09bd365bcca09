//! HTTP: all routes and all layers, on one page.

mod admin;
mod client;
mod client_address;
mod cookies;
mod cors;
mod docs;
mod edge;
mod error;
mod extract;
mod head;
mod health;
mod hello;
mod me;
mod metrics;
mod openapi;
mod passage;
mod query;
mod rules;
mod tokens;
mod trace;
mod users;

use axum::{extract::FromRef, middleware};
use portcullis::{JwtManager, Location};

pub use edge::App;
pub use head::MAX_HEAD_BYTES;
pub use rules::{Route, Rule};

use edge::Reach;
use openapi::Document;
use rules::{ADMIN, ENDING, FRESH_ADMIN, FRESH_TOKEN, LEAVING, PUBLIC, REFRESH_TOKEN, Routes, TOKEN};

use crate::state::{AppState, Docs, Terms};

/// The service over a state: what `main` serves and what tests call.
pub fn app(state: &AppState) -> App {
    let document = Document::default();
    let routes = served(&document, state.terms());
    document.describes(routes.added());
    layered(routes, state, Reach::Everybody)
}

/// What an address of its own serves: the metrics, to whoever can reach it, and nothing else.
pub fn metrics_app(state: &AppState) -> App {
    let routes = Routes::new().get(PUBLIC, "/metrics", metrics::read_by_everybody, metrics::METRICS);
    layered(routes, state, Reach::Operators)
}

/// Every route, and who may use it.
pub fn route_table() -> Vec<Route> {
    let routes = described(routes(), &Document::default());
    routes.added().iter().map(|added| added.route.clone()).collect()
}

/// The description of all routes on some terms, an OpenAPI document in JSON for people.
pub fn openapi_document(terms: &Terms) -> String {
    let routes = served(&Document::default(), terms);
    openapi::of(routes.added(), terms).to_pretty_json().unwrap_or_default()
}

/// The routes that there are on some terms.
fn served(document: &Document, terms: &Terms) -> Routes {
    match terms.docs {
        Docs::On => described(routes(), document),
        Docs::Off => routes(),
    }
}

/// Each with its rule and its description; a handler that does not ask for what the rule says does not compile.
fn routes() -> Routes {
    Routes::new()
        // The Flask application's
        .get(PUBLIC, "/tests/hello", hello::hello, hello::HELLO)
        .get(TOKEN, "/tests/secret", hello::secret, hello::SECRET)
        .post(PUBLIC, "/users/registration", users::register, users::REGISTER)
        .post(PUBLIC, "/users/login", users::login, users::LOGIN)
        .post(LEAVING, "/users/logout", users::logout, users::LOGOUT)
        // Ours
        .post(REFRESH_TOKEN, "/users/refresh", users::refresh, users::REFRESH)
        .get(TOKEN, "/users/me", me::me, me::ME)
        .get(TOKEN, "/users/me/sessions", me::sessions, me::SESSIONS)
        .delete(ENDING, "/users/me/sessions/{id}", me::end_session, me::END_SESSION)
        .post(TOKEN, "/users/me/fresh", me::fresh, me::FRESH)
        .put(FRESH_TOKEN, "/users/me/password", me::change_password, me::CHANGE_PASSWORD)
        // For administrators: what changes something needs a password that was shown lately
        .post(PUBLIC, "/admin/setup", admin::setup::set_up, admin::setup::SET_UP)
        .get(ADMIN, "/admin/users", admin::users::list, admin::users::LIST)
        .post(FRESH_ADMIN, "/admin/users", admin::users::create, admin::users::CREATE)
        .get(ADMIN, "/admin/users/{id}", admin::users::read, admin::users::READ)
        .patch(FRESH_ADMIN, "/admin/users/{id}", admin::users::change, admin::users::CHANGE)
        .delete(FRESH_ADMIN, "/admin/users/{id}", admin::users::delete, admin::users::DELETE)
        .get(ADMIN, "/admin/users/{id}/sessions", admin::sessions::list, admin::sessions::LIST)
        .delete(FRESH_ADMIN, "/admin/users/{id}/sessions", admin::sessions::end_all, admin::sessions::END_ALL)
        .delete(
            FRESH_ADMIN,
            "/admin/users/{id}/sessions/{session}",
            admin::sessions::end,
            admin::sessions::END,
        )
        .get(ADMIN, "/admin/audit", admin::audit::list, admin::audit::LIST)
        // For those who run it
        .get(ADMIN, "/metrics", metrics::read, metrics::METRICS)
        .get(PUBLIC, "/healthz", health::alive, health::ALIVE)
        .get(PUBLIC, "/readyz", health::ready, health::READY)
}

/// With those that tell of them all, which a setting takes away.
fn described(routes: Routes, document: &Document) -> Routes {
    routes
        .get(PUBLIC, "/openapi.json", document.handler(), openapi::DOCUMENT)
        .get(PUBLIC, "/docs", docs::page, docs::PAGE)
        .get(PUBLIC, "/docs/docs.css", docs::style, docs::LOOKS)
        .get(PUBLIC, "/docs/icon.svg", docs::icon, docs::ICON)
        .get(PUBLIC, "/docs/{script}", docs::script, docs::CODE)
}

/// The routes behind all that happens to every request: the edge is one service that does in one pass what many layers would,
/// each for the price of moving and boxing the request once more.
fn layered(routes: Routes, state: &AppState, reach: Reach) -> App {
    let routes = routes.into_router().fallback(error::not_found);
    // Looks for tokens in bodies, where a configuration says so; the guards see none.
    let routes = if state.jwt().locations() == [Location::Headers] {
        routes
    } else {
        routes.layer(middleware::from_fn_with_state(state.clone(), extract::search_body))
    };
    App::new(routes.with_state(state.clone()), state, reach)
}

impl FromRef<AppState> for JwtManager {
    fn from_ref(state: &AppState) -> Self {
        state.jwt().clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{body::Body, http::Request, http::StatusCode};
    use http_body_util::BodyExt;
    use portcullis::SystemClock;
    use tower::ServiceExt;

    use super::*;
    use crate::config::{self, Sources};

    async fn defect(_: rules::Public) {
        panic!("canary");
    }

    async fn hang(_: rules::Public) {
        std::future::pending::<()>().await;
    }

    async fn answer(path: &str, settings: &[(&str, &str)]) -> (StatusCode, String) {
        let (status, body, _) = answer_and_state(path, settings).await;
        (status, body)
    }

    async fn answer_and_state(path: &str, settings: &[(&str, &str)]) -> (StatusCode, String, AppState) {
        let instance = tempfile::tempdir().unwrap();
        let sources = Sources {
            instance: instance.path().to_owned(),
            profile: Some("testing".to_owned()),
            environment: settings.iter().copied().collect(),
            command_line: Vec::new(),
        };
        let (config, _) = config::load(&sources).unwrap();
        let state = AppState::open(&config, Arc::new(SystemClock)).await.unwrap();
        let routes = routes().get(PUBLIC, "/defect", defect, openapi::DOCUMENT).get(
            PUBLIC,
            "/hang",
            hang,
            openapi::DOCUMENT,
        );
        let request = Request::get(path).header("host", "test").body(Body::empty()).unwrap();
        let response = layered(routes, &state, Reach::Everybody).oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.into()).unwrap(), state)
    }

    #[tokio::test]
    async fn a_panic_is_a_500_that_tells_nothing() {
        // HTP-18, HTP-11, OBS-08
        let (status, body, state) = answer_and_state("/defect", &[]).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(body, "{\"msg\":\"Something went wrong here\"}\n");
        let metrics = state.metrics().text().unwrap();
        assert!(metrics.contains("portcullis_http_panics_total 1\n"), "OBS-07: {metrics}");
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_is_a_503() {
        let (status, _) = answer("/hang", &[("REQUEST_TIMEOUT", "1s")]).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }
}
