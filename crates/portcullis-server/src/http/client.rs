//! From where a request comes, as the acts are told.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};

use super::{cookies, passage::Passage};
use crate::{accounts::Client, state::AppState};

/// What a request's own parts tell.
pub(super) fn client(request: &Parts, state: &AppState) -> Client {
    let address = Passage::of(&request.extensions).and_then(Passage::address);
    let device = request.headers.get(header::USER_AGENT).and_then(|device| device.to_str().ok());
    let device_token = cookies::device(&request.headers, state).map(str::to_owned);
    Client { address, device: device.map(str::to_owned), device_token }
}

impl FromRequestParts<AppState> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(request: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(client(request, state))
    }
}
