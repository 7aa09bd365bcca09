//! Pages of other origins that may call the service (CORS): none, unless they are listed.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::{edge::REQUEST_ID, users::REFRESH_REPEAT};
use crate::state::AppState;

/// How long a browser may go by what it was told: what is taken off the list has to be off soon.
const REMEMBERED: Duration = Duration::from_mins(10);

/// What tells the pages of the listed origins that they may; none where none is listed.
pub(super) fn layer(state: &AppState) -> Option<CorsLayer> {
    let web = state.web();
    let origins: Vec<HeaderValue> = web.origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    if origins.is_empty() {
        return None;
    }
    let headers = web.request_headers.iter().filter_map(|name| HeaderName::try_from(name).ok());
    let layer = CorsLayer::new()
        // Compared whole and by the byte.
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(headers.chain([header::CONTENT_TYPE]).collect::<Vec<_>>())
        .expose_headers([header::RETRY_AFTER, header::WWW_AUTHENTICATE, REFRESH_REPEAT, REQUEST_ID])
        .allow_credentials(web.cookies)
        .max_age(REMEMBERED);
    Some(layer)
}
