//! From where a request comes: whoever is at the other end of the connection, and what it says that it is.

use std::{convert::Infallible, net::SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{header, request::Parts},
};

use crate::{accounts::Client, state::AppState};

/// What a request's own parts tell.
pub(super) fn client(request: &Parts) -> Client {
    let peer = request.extensions.get::<ConnectInfo<SocketAddr>>();
    let device = request.headers.get(header::USER_AGENT).and_then(|device| device.to_str().ok());
    Client { address: peer.map(|ConnectInfo(peer)| peer.ip()), device: device.map(str::to_owned) }
}

impl FromRequestParts<AppState> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(request: &mut Parts, _: &AppState) -> Result<Self, Infallible> {
        Ok(client(request))
    }
}
