//! HTTP: all routes and all layers, on one page.

mod error;
mod extract;
mod health;
mod hello;
mod trace;
mod users;

use axum::{
    Router,
    extract::FromRef,
    middleware,
    routing::{get, post},
};
use portcullis::JwtManager;
use tower_http::catch_panic::CatchPanicLayer;

pub use trace::MAX_HEAD_BYTES;

use crate::state::AppState;

/// The service over a state: what `main` serves and what tests call.
pub fn app(state: AppState) -> Router {
    let routes = Router::new()
        // The Flask application's
        .route("/tests/hello", get(hello::hello))
        .route("/tests/secret", get(hello::secret))
        .route("/users/registration", post(users::register))
        .route("/users/login", post(users::login))
        .route("/users/logout", post(users::logout))
        // For those who run it
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed);

    // From the inside out: what is listed last sees a request first.
    routes
        // A defect ends one request, not the connection or the process.
        .layer(CatchPanicLayer::custom(trace::panicked))
        // Names the request, bounds its time, writes refusals in the configured style, sets the headers that
        // every answer has, and logs one line: outermost, so that no answer escapes it.
        .layer(middleware::from_fn_with_state(state.clone(), trace::edge))
        .with_state(state)
}

impl FromRef<AppState> for JwtManager {
    fn from_ref(state: &AppState) -> Self {
        state.jwt().clone()
    }
}
