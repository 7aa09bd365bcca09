//! Where a request comes from: the other end of its connection, unless that is a proxy which is trusted to say better.
//!
//! What a header says of it is anybody's text. It is believed from the right, where the nearest hop has written, and
//! only as far as trusted hops reach: the first address that is none of theirs is the client's, and what stands left of
//! it, which a client may have sent, is not looked at.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName, header};

use crate::state::{ForwardingHeader, Proxies};

/// Finds out where a request comes from, and takes what any hop says of that out of its headers, so that no handler can
/// believe it. Nothing for one that came over no connection, as a test's.
pub(super) fn settle(headers: &mut HeaderMap, peer: Option<IpAddr>, proxies: &Proxies) -> Option<IpAddr> {
    let address = peer.map(|peer| client_address(peer, headers, proxies));
    let said: Vec<HeaderName> = headers.keys().filter(|name| is_forwarding(name)).cloned().collect();
    for name in said {
        headers.remove(name);
    }
    address
}

/// What hops say of the one before them, besides all of `X-Forwarded-`: the standard's header, and what proxies and the
/// networks of others put there for the client's address.
const FORWARDING: [&str; 11] = [
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "client-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "forwarded",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-forwarded-for",
    "x-real-ip",
];

fn is_forwarding(name: &HeaderName) -> bool {
    // Names of headers are in small letters here.
    name.as_str().starts_with("x-forwarded-") || FORWARDING.contains(&name.as_str())
}

/// The client's address, when `peer` is at the other end.
fn client_address(peer: IpAddr, headers: &HeaderMap, proxies: &Proxies) -> IpAddr {
    let peer = peer.to_canonical();
    if !proxies.trust(peer) {
        return peer;
    }
    let (name, node): (_, fn(&str) -> Option<IpAddr>) = match proxies.header {
        ForwardingHeader::XForwardedFor => (HeaderName::from_static("x-forwarded-for"), node),
        ForwardingHeader::Forwarded => (header::FORWARDED, forwarded_for),
    };
    let fields = headers.get_all(name).iter().rev();
    let hops = fields.flat_map(|field| from_the_right(field.as_bytes(), b','));
    let mut nearest = peer;
    for hop in hops.take(MOST_HOPS) {
        // What no hop of ours writes: beyond it nothing is known.
        let Some(address) = std::str::from_utf8(hop).ok().and_then(node) else { break };
        nearest = address;
        if !proxies.trust(address) {
            break;
        }
    }
    nearest
}

/// More proxies are in nobody's way.
const MOST_HOPS: usize = 32;

/// The parts of a field from its end, without blanks around them and without empty ones. A separator between quotes is
/// none; looked at from the end, since a quote that a client has left open must not reach into what a proxy wrote. Nor is
/// a quote one that a proxy has put a backslash before (RFC 9110 section 5.6.4), as it does with a client's text.
fn from_the_right(field: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut rest, mut more) = (field, true);
    let parts = std::iter::from_fn(move || {
        if !std::mem::replace(&mut more, false) {
            return None;
        }
        let mut quoted = false;
        let at = rest.iter().enumerate().rev().find_map(|(at, byte)| {
            quoted ^= *byte == b'"' && !(quoted && is_escaped(rest, at));
            (*byte == separator && !quoted).then_some(at)
        });
        let Some((before, part)) = at.and_then(|at| rest.split_at_checked(at)) else { return Some(rest) };
        (rest, more) = (before, true);
        part.split_first().map(|(_, part)| part)
    });
    parts.map(<[u8]>::trim_ascii).filter(|part| !part.is_empty())
}

/// Whether a byte between quotes has a backslash of its own before it: of those that stand there, each two are one that is
/// meant.
fn is_escaped(field: &[u8], at: usize) -> bool {
    let before = field.get(..at).unwrap_or_default();
    before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1
}

/// The address in an element of `Forwarded` (RFC 7239): that of its one parameter `for`.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let pairs = from_the_right(element.as_bytes(), b';').filter_map(|pair| std::str::from_utf8(pair).ok());
    let mut nodes =
        pairs.filter_map(|pair| pair.split_once('=')).filter(|(name, _)| name.eq_ignore_ascii_case("for"));
    match (nodes.next(), nodes.next()) {
        (Some((_, value)), None) => node(value),
        _ => None,
    }
}

/// An address as hops write it: bare, in quotes, in brackets, with a port. Those that have no address (`unknown`) or
/// hide it (`_gazonk`) name nobody.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let address = if let Some(text) = text.strip_prefix('[') {
        let (address, port) = text.split_once(']')?;
        if !(port.is_empty() || port.strip_prefix(':').is_some_and(is_port)) {
            return None;
        }
        IpAddr::V6(address.parse::<Ipv6Addr>().ok()?)
    } else if let Ok(address) = text.parse() {
        address
    } else {
        let (address, port) = text.rsplit_once(':')?;
        IpAddr::V4(address.parse().ok().filter(|_| is_port(port))?)
    };
    Some(address.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn proxies(header: ForwardingHeader) -> Proxies {
        let trusted = ["10.0.0.0/8", "192.0.2.7/32", "2001:db8:aaaa::/48"];
        Proxies { trusted: trusted.iter().map(|net| net.parse().unwrap()).collect(), header }
    }

    /// The address that a trusted peer's fields stand for.
    fn by(header: ForwardingHeader, fields: &[&str]) -> String {
        let name = match header {
            ForwardingHeader::XForwardedFor => "x-forwarded-for",
            ForwardingHeader::Forwarded => "forwarded",
        };
        let name = HeaderName::from_static(name);
        let values = fields.iter().map(|field| HeaderValue::from_bytes(field.as_bytes()).unwrap());
        let headers = values.map(|value| (name.clone(), value)).collect();
        client_address("10.0.0.1".parse().unwrap(), &headers, &proxies(header)).to_string()
    }

    #[test]
    fn the_first_hop_from_the_right_that_is_not_trusted_is_the_client() {
        // LOG-12
        for (fields, client) in [
            (&[][..], "10.0.0.1"),
            (&["203.0.113.9"], "203.0.113.9"),
            (&["198.51.100.1, 203.0.113.9"], "203.0.113.9"),
            (&["198.51.100.1, 203.0.113.9, 10.1.2.3"], "203.0.113.9"),
            (&["198.51.100.1", "203.0.113.9", "192.0.2.7,10.1.2.3"], "203.0.113.9"),
            (&["203.0.113.9,2001:db8:aaaa::5"], "203.0.113.9"),
            // All of them are ours: the farthest is as far as is known.
            (&["10.9.9.9, 10.1.2.3"], "10.9.9.9"),
            // What cannot be read ends the way at the hop before.
            (&["203.0.113.9, junk, 10.1.2.3"], "10.1.2.3"),
            (&["203.0.113.9, unknown"], "10.0.0.1"),
            (&["203.0.113.9, 10.1.2.300, 10.1.2.3"], "10.1.2.3"),
            (&["203.0.113.9, 010.1.2.3"], "10.0.0.1"),
            (&["203.0.113.9 10.1.2.3"], "10.0.0.1"),
            // Empty members of a list are none (RFC 9110 section 5.6.1).
            (&["203.0.113.9, , 10.1.2.3,"], "203.0.113.9"),
            (&["", "203.0.113.9", ""], "203.0.113.9"),
            // Spellings.
            (&["203.0.113.9:4711"], "203.0.113.9"),
            (&["::ffff:203.0.113.9"], "203.0.113.9"),
            (&["203.0.113.9, ::ffff:10.1.2.3"], "203.0.113.9"),
            (&["[2001:db8::1]:443"], "2001:db8::1"),
            (&["[2001:db8::1]"], "2001:db8::1"),
            (&["2001:DB8:0::1"], "2001:db8::1"),
            (&["\"203.0.113.9\""], "203.0.113.9"),
            (&["203.0.113.9:"], "10.0.0.1"),
            (&["203.0.113.9:99999999"], "10.0.0.1"),
            (&["[203.0.113.9]"], "10.0.0.1"),
            (&["[2001:db8::1]443"], "10.0.0.1"),
            (&["[2001:db8::1"], "10.0.0.1"),
            (&["fe80::1%eth0"], "10.0.0.1"),
            (&["\"203.0.113.9"], "10.0.0.1"),
            (&["é"], "10.0.0.1"),
        ] {
            assert_eq!(by(ForwardingHeader::XForwardedFor, fields), client, "{fields:?}");
        }
    }

    #[test]
    fn the_standard_header_is_read_by_its_own_rules() {
        // LOG-12, with the examples of RFC 7239.
        for (fields, client) in [
            (&["for=203.0.113.9"][..], "203.0.113.9"),
            (&["For=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
            (&["for=203.0.113.60;proto=http;by=203.0.113.43"], "203.0.113.60"),
            (&["proto=https; FOR=\"203.0.113.60:80\" ;host=\"a;b,c\""], "203.0.113.60"),
            (&["for=198.51.100.17, for=203.0.113.9;by=\"[::1]:80\", for=10.1.2.3"], "203.0.113.9"),
            (&["for=198.51.100.17", "for=203.0.113.9"], "203.0.113.9"),
            (&["for=\"_gazonk\""], "10.0.0.1"),
            (&["for=203.0.113.9, for=_SEVKISEK, for=10.1.2.3"], "10.1.2.3"),
            (&["for=unknown"], "10.0.0.1"),
            (&["203.0.113.9"], "10.0.0.1"),
            (&["by=203.0.113.9"], "10.0.0.1"),
            (&["for=203.0.113.9;for=198.51.100.17"], "10.0.0.1"),
            // A quote that a client left open, or a client's that is closed by a proxy's.
            (&["for=\"198.51.100.17, for=203.0.113.9"], "203.0.113.9"),
            (&["for=\"198.51.100.17, for=\"[2001:db8::1]\""], "2001:db8::1"),
            (&["\\\"\\, for=\"203.0.113.9:80\""], "203.0.113.9"),
            // A client's text that a proxy has quoted.
            (&[r#"for=203.0.113.9;host="a\", for=6.6.6.6;x=\"b""#], "203.0.113.9"),
            (&[r#"for=198.51.100.17, for=203.0.113.9;host="a\\\", for=6.6.6.6;x=\"b\\""#], "203.0.113.9"),
            (&[r#"host="\\";for=203.0.113.9"#], "203.0.113.9"),
        ] {
            assert_eq!(by(ForwardingHeader::Forwarded, fields), client, "{fields:?}");
        }
    }

    #[test]
    fn who_is_not_trusted_is_the_client_whatever_is_said() {
        // LOG-12
        for peer in ["203.0.113.5", "192.0.2.8", "2001:db8:bbbb::1", "::ffff:203.0.113.5"] {
            let peer: IpAddr = peer.parse().unwrap();
            let says = |name| (HeaderName::from_static(name), HeaderValue::from_static("198.51.100.1"));
            let headers = ["x-forwarded-for", "x-real-ip"].map(says).into_iter().collect();
            for header in [ForwardingHeader::XForwardedFor, ForwardingHeader::Forwarded] {
                assert_eq!(client_address(peer, &headers, &proxies(header)), peer.to_canonical());
            }
        }
        // Nor is the other kind of header looked at.
        let headers =
            HeaderMap::from_iter([(header::FORWARDED, HeaderValue::from_static("for=203.0.113.9"))]);
        let peer = "10.0.0.1".parse().unwrap();
        assert_eq!(client_address(peer, &headers, &proxies(ForwardingHeader::XForwardedFor)), peer);
    }

    #[test]
    fn what_hops_say_is_gone_from_the_request() {
        // LOG-12
        let said = |names: &[&'static str]| -> HeaderMap {
            let names = names.iter().map(|name| HeaderName::from_bytes(name.as_bytes()).unwrap());
            names.map(|name| (name, HeaderValue::from_static("203.0.113.9"))).collect()
        };
        let names = ["host", "x-forwarded-for", "X-Forwarded-Host", "X-Forwarded-Anything", "Forwarded"];
        let mut headers = said(&[&names, &FORWARDING[..]].concat());
        let address = settle(&mut headers, None, &proxies(ForwardingHeader::XForwardedFor));
        assert_eq!(address, None);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["host"]);
        let mut headers = said(&["x-forwarded-for"]);
        let peer = Some([10, 0, 0, 1].into());
        let address = settle(&mut headers, peer, &proxies(ForwardingHeader::XForwardedFor));
        assert_eq!(address, "203.0.113.9".parse().ok());
        assert_eq!(headers.len(), 0);
    }

    proptest! {
        #[test]
        fn nothing_that_a_client_sends_changes_what_its_proxy_wrote(
            text in prop_oneof![".{0,60}", "[\",;\\\\ for=0-9.:\\[\\]_]{0,60}"],
            one_field in any::<bool>(),
        ) {
            // LOG-12
            if let Ok(sent) = HeaderValue::from_bytes(text.as_bytes()) {
                let sent = sent.as_bytes();
                let wrote = [
                    (ForwardingHeader::XForwardedFor, "203.0.113.9, 10.1.2.3"),
                    (ForwardingHeader::Forwarded, "for=\"203.0.113.9:80\";proto=http, for=10.1.2.3"),
                ];
                for (header, wrote) in wrote {
                    let sent = String::from_utf8_lossy(sent);
                    let fields = if one_field { vec![format!("{sent}, {wrote}")] } else { vec![sent.into(), wrote.into()] };
                    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
                    prop_assert_eq!(by(header, &fields), "203.0.113.9");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_that_a_proxy_quotes_of_a_client_changes_what_it_wrote(
            sent in "[\",;\\\\ for=0-9.:]{0,40}",
            host in prop_oneof!["[ -~]{0,40}", "[\",;\\\\ for=6.]{0,40}"],
            last in any::<bool>(),
        ) {
            // LOG-12
            let host = host.replace('\\', r"\\").replace('"', "\\\"");
            let wrote = if last {
                format!("for=203.0.113.9;host=\"{host}\"")
            } else {
                format!("host=\"{host}\";for=203.0.113.9")
            };
            for fields in [vec![format!("{sent}, {wrote}")], vec![sent.clone(), wrote.clone()]] {
                let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
                prop_assert_eq!(by(ForwardingHeader::Forwarded, &fields), "203.0.113.9");
            }
        }
    }

    #[test]
    fn a_field_of_commas_is_work_for_as_many_hops_as_anybody_has() {
        let hops = ["10.1.2.3"; MOST_HOPS + 5].join(",");
        assert_eq!(by(ForwardingHeader::XForwardedFor, &[&format!("203.0.113.9,{hops}")]), "10.1.2.3");
        assert_eq!(by(ForwardingHeader::XForwardedFor, &[&",".repeat(30_000)]), "10.0.0.1");
    }
}
