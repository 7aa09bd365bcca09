//! From where a request comes, as the acts are told.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};

use super::client_address::ClientAddress;
use crate::{accounts::Client, state::AppState};

/// What a request's own parts tell.
pub(super) fn client(request: &Parts) -> Client {
    let ClientAddress(address) = ClientAddress::of(&request.extensions);
    let device = request.headers.get(header::USER_AGENT).and_then(|device| device.to_str().ok());
    Client { address, device: device.map(str::to_owned) }
}

impl FromRequestParts<AppState> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(request: &mut Parts, _: &AppState) -> Result<Self, Infallible> {
        Ok(client(request))
    }
}
