//! The proxies in front of the service, and the header in which they say where a request comes from.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::{
    echo,
    problem::{Findings, Problem},
    sources::Winners,
    value::{Refusal, Value},
};

/// The header in which proxies say where a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAddressHeader {
    /// `X-Forwarded-For`, as nearly all write it.
    XForwardedFor,
    /// `Forwarded`, the standard's (RFC 7239).
    Forwarded,
}

pub(super) const HEADERS: &[(&str, ClientAddressHeader)] =
    &[("x-forwarded-for", ClientAddressHeader::XForwardedFor), ("forwarded", ClientAddressHeader::Forwarded)];

/// Addresses and networks. Names are not resolved: who answers for a name may change, and with it who is believed.
pub(super) fn networks(value: &Value) -> Result<Vec<IpNet>, Refusal> {
    value.texts()?.iter().map(|text| network(text)).collect()
}

fn network(text: &str) -> Result<IpNet, Refusal> {
    let address = || text.parse().ok().map(|address: IpAddr| IpNet::from(address.to_canonical()));
    let network = text.parse().ok().or_else(address).ok_or_else(|| {
        let found = echo::found_text(text);
        format!("expected addresses and networks, as \"10.0.0.0/8\" or \"::1\", found {found}")
    })?;
    if network != network.trunc() {
        return Err(format!(
            "{network} is an address in a network: write {} or {}",
            network.addr(),
            network.trunc()
        ));
    }
    Ok(as_ipv4(network))
}

/// Peers of IPv4 are known by their addresses of IPv4, also where a listener of IPv6 writes them as its own.
fn as_ipv4(network: IpNet) -> IpNet {
    let IpNet::V6(mapped) = network else { return network };
    let (address, prefix) = (mapped.addr().to_ipv4_mapped(), mapped.prefix_len().checked_sub(96));
    let ipv4 = address.zip(prefix).and_then(|(address, prefix)| Ipv4Net::new(address, prefix).ok());
    ipv4.map_or(network, IpNet::V4)
}

/// Warns of those who trust everybody.
pub(super) fn judge(trusted: &[IpNet], winners: &Winners, findings: &mut Findings) {
    let everybody = trusted.iter().any(|network| network.prefix_len() == 0);
    if let Some(origin) = winners.origin("TRUSTED_PROXIES").filter(|_| everybody) {
        let text =
            "every address is trusted: whoever reaches this port can say that a request comes from anywhere";
        findings.warn(Problem::of("TRUSTED_PROXIES", origin.clone(), text));
    }
}
