//! The origins whose pages may call the service, as browsers write them.

use http::Uri;

use super::{
    echo,
    value::{Refusal, Value},
};

/// Exact origins, each once. `*` and `null` are none: the first would be everybody, the second anybody who likes.
pub(super) fn origins(value: &Value) -> Result<Vec<String>, Refusal> {
    let mut origins = Vec::new();
    for text in value.texts()? {
        let origin = origin(&text).ok_or_else(|| {
            format!(
                "expected an origin as browsers send it, as https://app.example or http://localhost:3000, found {}",
                echo::found_text(&text)
            )
        })?;
        if !origins.contains(&origin) {
            origins.push(origin);
        }
    }
    Ok(origins)
}

/// `scheme://host` or `scheme://host:port` in small letters, without a port that the scheme has anyway.
fn origin(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let uri: Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let usual = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return None,
    };
    let host = authority.host();
    let origin = match authority.port() {
        Some(port) if port.as_u16() != usual => format!("{scheme}://{host}:{}", port.as_u16()),
        _ => format!("{scheme}://{host}"),
    };
    // Nothing else in it: no path, no name before the host, no pattern.
    let is_whole = text == origin || text == format!("{origin}:{usual}");
    (is_whole && !host.is_empty() && !host.contains('*')).then_some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        for (text, origin_of_it) in [
            ("https://app.example", Some("https://app.example")),
            ("HTTPS://App.Example", Some("https://app.example")),
            ("https://app.example:443", Some("https://app.example")),
            ("http://localhost:3000", Some("http://localhost:3000")),
            ("http://[::1]:3000", Some("http://[::1]:3000")),
            ("*", None),
            ("null", None),
            ("app.example", None),
            ("https://*.example", None),
            ("https://app.example/", None),
            ("https://app.example/path", None),
            ("https://user@app.example", None),
            ("https://app.example:443:1", None),
            ("ftp://app.example", None),
            ("https://", None),
        ] {
            assert_eq!(origin(text).as_deref(), origin_of_it, "{text}");
        }
    }
}
