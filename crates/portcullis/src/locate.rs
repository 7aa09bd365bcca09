//! Finding THE token of a request: exactly one, where it is expected, or a reason why there is none.

use http::{HeaderMap, HeaderName};

use crate::error::AuthError;

/// Where a manager looks: a header, and the scheme before the token (none: the bare token).
#[derive(Clone, Debug)]
pub(crate) struct HeaderLocation {
    pub(crate) name: HeaderName,
    /// The name as it is configured, for the texts that show it: a `HeaderName` knows lower case only.
    pub(crate) spelling: String,
    pub(crate) scheme: String,
}

impl HeaderLocation {
    /// The token in the header: `<scheme> <token>`, the scheme in any case (RFC 9110 section 11.1).
    ///
    /// # Errors
    /// [`AuthError::MissingHeader`], [`AuthError::OtherScheme`], and [`AuthError::MalformedHeader`], which a
    /// second header of the name is too: which of the two a proxy read is not known (RFC 9110 section 5.3).
    pub(crate) fn find<'h>(&self, headers: &'h HeaderMap) -> Result<&'h str, AuthError> {
        let mut values = headers.get_all(&self.name).iter();
        let value = values.next().ok_or(AuthError::MissingHeader)?;
        if values.next().is_some() {
            return Err(AuthError::MalformedHeader);
        }
        let value = value.to_str().map_err(|_| AuthError::MalformedHeader)?;
        if value.trim().is_empty() {
            return Err(AuthError::MissingHeader);
        }
        let mut words = value.split_ascii_whitespace();
        if !self.scheme.is_empty() {
            let scheme = words.next().unwrap_or_default();
            if !scheme.eq_ignore_ascii_case(&self.scheme) {
                return Err(AuthError::OtherScheme);
            }
        }
        match (words.next(), words.next()) {
            (Some(token), None) => Ok(token),
            _ => Err(AuthError::MalformedHeader),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header::AUTHORIZATION};

    use super::*;

    fn find(scheme: &str, values: &[&'static str]) -> Result<String, AuthError> {
        let location =
            HeaderLocation { name: AUTHORIZATION, spelling: "Authorization".into(), scheme: scheme.into() };
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        location.find(&headers).map(str::to_owned)
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
        for (values, error) in [
            (&[][..], AuthError::MissingHeader),
            (&["  "], AuthError::MissingHeader),
            (&["Basic dTpw"], AuthError::OtherScheme),
            (&["Bearertoken"], AuthError::OtherScheme),
            (&["Bearer"], AuthError::MalformedHeader),
            (&["Bearer a b"], AuthError::MalformedHeader),
            (&["Bearer a", "Bearer a"], AuthError::MalformedHeader),
        ] {
            assert_eq!(find("Bearer", values), Err(error), "{values:?}");
        }
        assert_eq!(find("", &["a b"]), Err(AuthError::MalformedHeader));
    }
}
