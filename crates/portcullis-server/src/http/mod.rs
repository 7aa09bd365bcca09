//! HTTP: all routes and all layers, on one page.

mod client_address;
mod cookies;
mod error;
mod extract;
mod health;
mod hello;
mod me;
mod trace;
mod users;

use axum::{
    Router,
    extract::FromRef,
    middleware,
    routing::{delete, get, post, put},
};
use portcullis::{JwtManager, Location};
use tower_http::catch_panic::CatchPanicLayer;

pub use trace::MAX_HEAD_BYTES;

use crate::state::AppState;

/// The service over a state: what `main` serves and what tests call.
pub fn app(state: AppState) -> Router {
    layered(routes(), state)
}

fn routes() -> Router<AppState> {
    Router::new()
        // The Flask application's
        .route("/tests/hello", get(hello::hello))
        .route("/tests/secret", get(hello::secret))
        .route("/users/registration", post(users::register))
        .route("/users/login", post(users::login))
        .route("/users/logout", post(users::logout))
        // Ours
        .route("/users/refresh", post(users::refresh))
        .route("/users/me", get(me::me))
        .route("/users/me/sessions", get(me::sessions))
        .route("/users/me/sessions/{id}", delete(me::end_session))
        .route("/users/me/fresh", post(me::fresh))
        .route("/users/me/password", put(me::change_password))
        // For those who run it
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
}

/// The layers, from the inside out: what is listed last sees a request first.
fn layered(routes: Router<AppState>, state: AppState) -> Router {
    // Looks for tokens in bodies, where a configuration says so; the guards see none.
    let routes = if state.jwt().locations() == [Location::Headers] {
        routes
    } else {
        routes.layer(middleware::from_fn_with_state(state.clone(), extract::search_body))
    };
    routes
        // A defect ends one request, not the connection or the process.
        .layer(CatchPanicLayer::custom(trace::panicked))
        // Names the request, finds out where it comes from, bounds its time, writes refusals in the configured
        // style, sets the headers that every answer has, and logs one line: outermost, so that no answer escapes it.
        .layer(middleware::from_fn_with_state(state.clone(), trace::edge))
        .with_state(state)
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

    async fn defect() {
        panic!("canary");
    }

    async fn answer(path: &str, settings: &[(&str, &str)]) -> (StatusCode, String) {
        let instance = tempfile::tempdir().unwrap();
        let sources = Sources {
            instance: instance.path().to_owned(),
            profile: Some("testing".to_owned()),
            environment: settings.iter().copied().collect(),
            command_line: Vec::new(),
        };
        let (config, _) = config::load(&sources).unwrap();
        let state = AppState::open(&config, Arc::new(SystemClock)).await.unwrap();
        let routes = routes().route("/defect", get(defect)).route("/hang", get(std::future::pending::<()>));
        let request = Request::get(path).header("host", "test").body(Body::empty()).unwrap();
        let response = layered(routes, state).oneshot(request).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.into()).unwrap())
    }

    #[tokio::test]
    async fn a_panic_is_a_500_that_tells_nothing() {
        // HTP-18
        let (status, body) = answer("/defect", &[]).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(body, "{\"msg\":\"Something went wrong here\"}\n");
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_is_a_503() {
        let (status, _) = answer("/hang", &[("REQUEST_TIMEOUT", "1s")]).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }
}
