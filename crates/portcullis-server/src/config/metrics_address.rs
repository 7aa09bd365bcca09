//! The address at which the metrics are read without a token, and who can reach that.

use std::net::{IpAddr, SocketAddr};

use super::{
    problem::{Findings, Problem},
    sources::Winners,
    together::refuse,
};

/// Warns of one that more than a machine or an inner network can reach, and refuses the one where the service is.
pub(super) fn judge(
    address: Option<SocketAddr>,
    service: SocketAddr,
    winners: &Winners,
    findings: &mut Findings,
) {
    if address == Some(service) && service.port() != 0 {
        let text = "is LISTEN too, and a port takes one of them; choose another";
        refuse("METRICS_ADDRESS", text, winners, findings);
    }
    let is_open = address.is_some_and(|address| !is_inner(address.ip()));
    if let Some(origin) = winners.origin("METRICS_ADDRESS").filter(|_| is_open) {
        let text = "whoever reaches it reads how many log in and what fails, without a token: use a loopback address or \
                    one of an inner network";
        findings.warn(Problem::of("METRICS_ADDRESS", origin.clone(), text));
    }
}

/// Whether an address is of this machine alone, or of a network that the internet has no way into (RFC 1918, RFC 3927,
/// RFC 4193, RFC 4291). All addresses at once are not.
fn is_inner(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inner_address_is_of_this_machine_or_a_private_network() {
        for address in
            ["127.0.0.1", "::1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.0.1", "fd00::1", "fe80::1"]
        {
            assert!(is_inner(address.parse().unwrap()), "{address}");
        }
        for address in ["0.0.0.0", "::", "::ffff:0.0.0.0", "172.32.0.1", "203.0.113.1", "2001:db8::1"] {
            assert!(!is_inner(address.parse().unwrap()), "{address}");
        }
    }
}
