//! From where a request comes.

use std::net::IpAddr;

/// Whoever is at the other end, as far as anybody can tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The address; none for what comes over no network.
    pub address: Option<IpAddr>,
    /// What the client says that it is.
    pub device: Option<String>,
}
