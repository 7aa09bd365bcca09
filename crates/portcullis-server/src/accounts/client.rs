//! From where a request comes.

use std::{fmt, net::IpAddr};

/// Whoever is at the other end, as far as anybody can tell.
#[derive(Clone, Default)]
pub struct Client {
    /// The address; none for what comes over no network.
    pub address: Option<IpAddr>,
    /// What the client says that it is.
    pub device: Option<String>,
    /// The token that a login gave its device.
    pub device_token: Option<String>,
}

impl fmt::Debug for Client {
    /// Without the token: whoever has it has a limit of his own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, device, device_token: _ } = self;
        f.debug_struct("Client").field("address", address).field("device", device).finish_non_exhaustive()
    }
}
