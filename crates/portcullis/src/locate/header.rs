//! A token in a header: exactly one, behind its scheme.

use http::{HeaderMap, HeaderName};

use super::Nothing;
use crate::{Absence, AuthError};

/// A header, and the scheme before the token (none: the bare token).
#[derive(Clone, Debug)]
pub(crate) struct HeaderPlace {
    pub(crate) name: HeaderName,
    /// The name as it is configured, for the texts that show it: a `HeaderName` knows lower case only.
    pub(crate) spelling: String,
    pub(crate) scheme: String,
}

impl HeaderPlace {
    /// The token in the header: `<scheme> <token>`, the scheme in any case (RFC 9110 section 11.1).
    ///
    /// A second header of the name is malformed: which of the two a proxy read is not known (RFC 9110
    /// section 5.3).
    pub(super) fn find<'h>(&self, headers: &'h HeaderMap) -> Result<&'h str, Nothing> {
        let mut values = headers.get_all(&self.name).iter();
        let value = values.next().ok_or(Absence::Header)?;
        if values.next().is_some() {
            return Err(AuthError::MalformedHeader.into());
        }
        let value = std::str::from_utf8(value.as_bytes()).ok().filter(|value| value.is_ascii());
        let value = value.ok_or(AuthError::MalformedHeader)?.trim_ascii();
        if value.is_empty() {
            return Err(Absence::Header.into());
        }
        let token = if self.scheme.is_empty() {
            value
        } else {
            let (scheme, token) = value.split_once(is_blank).unwrap_or((value, ""));
            if !scheme.eq_ignore_ascii_case(&self.scheme) {
                return Err(Absence::OtherScheme.into());
            }
            token.trim_ascii_start()
        };
        // Those that a header can have. Without an early end, and byte by byte, many are looked at at once.
        let blanks = token.bytes().fold(0, |seen, byte| seen | u8::from(matches!(byte, b' ' | b'\t')));
        if token.is_empty() || blanks > 0 { Err(AuthError::MalformedHeader.into()) } else { Ok(token) }
    }
}

fn is_blank(character: char) -> bool {
    character.is_ascii_whitespace()
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header::AUTHORIZATION};

    use super::*;

    fn find(scheme: &str, values: &[&'static str]) -> Result<String, Nothing> {
        let place =
            HeaderPlace { name: AUTHORIZATION, spelling: "Authorization".into(), scheme: scheme.into() };
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        place.find(&headers).map(str::to_owned)
    }

    #[test]
    fn one_scheme_and_one_token() {
        for good in ["Bearer t", "bearer t", "BEARER  t "] {
            assert_eq!(find("Bearer", &[good]), Ok("t".into()), "{good}");
        }
        assert_eq!(find("", &["t"]), Ok("t".into()));
    }

    #[test]
    fn anything_else_has_its_reason() {
        let malformed = || Nothing::Bad(AuthError::MalformedHeader);
        for (values, reason) in [
            (&[][..], Absence::Header.into()),
            (&["  "], Absence::Header.into()),
            (&["Basic dTpw"], Absence::OtherScheme.into()),
            (&["Bearertoken"], Absence::OtherScheme.into()),
            (&["Bearer"], malformed()),
            (&["Bearer a b"], malformed()),
            (&["Bearer a", "Bearer a"], malformed()),
        ] {
            assert_eq!(find("Bearer", values), Err(reason), "{values:?}");
        }
        assert_eq!(find("", &["a b"]), Err(malformed()));
    }
}
