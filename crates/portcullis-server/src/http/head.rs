//! Heads of requests that no route should see.

use axum::{
    extract::Request,
    http::{HeaderValue, StatusCode, Version, header},
};

use super::error::Refusal;

/// The largest head of a request, address and headers together: 32 KiB. Four of the longest tokens fit into it.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;

/// What is wrong with a head: it is too large, has codings that nobody here undoes (RFC 9112 section 6.1), or not the one
/// `Host` that HTTP/1.1 asks for (section 3.2).
pub(super) fn malformed(request: &Request) -> Option<Refusal> {
    if head_bytes(request) > MAX_HEAD_BYTES {
        let text = "The request has too many or too large headers";
        return Some(Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text));
    }
    // What is coded otherwise was read as if it were not, and a proxy may read it in another way.
    let mut codings = request.headers().get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked = |coding: &HeaderValue| coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    if codings.next().is_some_and(|coding| !is_chunked(coding)) || codings.next().is_some() {
        let text = "The only Transfer-Encoding is chunked, once";
        return Some(Refusal::new(StatusCode::BAD_REQUEST, text));
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let is_missing = first.is_none() && request.version() == Version::HTTP_11;
    if is_missing || second.is_some() || first.is_some_and(|host| !is_host(host)) {
        return Some(Refusal::new(
            StatusCode::BAD_REQUEST,
            "The request must have one Host header, of a host",
        ));
    }
    None
}

/// Whether there is nothing in a value that no host and port of a URI can have (RFC 3986 section 3.2.2): what a proxy takes
/// for another host, or for the end of one, is not let through.
fn is_host(value: &HeaderValue) -> bool {
    let is_of_hosts = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%:[]".contains(byte);
    value.as_bytes().iter().all(is_of_hosts)
}

/// The size of a request's address and headers. The connection's read buffer bounds it only roughly.
fn head_bytes(request: &Request) -> usize {
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    let path = request.uri().path_and_query().map_or(0, |path| path.as_str().len());
    headers.sum::<usize>() + path
}
