//! A token in a cookie, read in a few lines of our own: a cookie jar decodes, merges and picks, and all that
//! is wanted here is one value of one exact name.

use http::{HeaderMap, header::COOKIE};

use super::{Nothing, Wanted};
use crate::{Absence, AuthError, TokenKind};

/// The names of the two token cookies.
#[derive(Clone, Debug)]
pub(crate) struct CookiePair {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl CookiePair {
    pub(crate) fn name(&self, kind: TokenKind) -> &str {
        match kind {
            TokenKind::Access => &self.access,
            TokenKind::Refresh => &self.refresh,
        }
    }

    /// The token cookie of the wanted kind; where either will do, the access cookie, then the refresh cookie.
    pub(super) fn find<'h>(
        &self,
        headers: &'h HeaderMap,
        wanted: Wanted,
    ) -> Result<(&'h str, TokenKind), Nothing> {
        let first = wanted.unwrap_or(TokenKind::Access);
        match self.value(headers, first) {
            Err(Nothing::Absent(_)) if wanted.is_none() => {
                let refresh = self.value(headers, TokenKind::Refresh);
                refresh.map(|token| (token, TokenKind::Refresh)).map_err(|nothing| match nothing {
                    Nothing::Absent(_) => Absence::Cookie(first).into(),
                    bad @ Nothing::Bad(_) => bad,
                })
            }
            found => found.map(|token| (token, first)),
        }
    }

    fn value<'h>(&self, headers: &'h HeaderMap, kind: TokenKind) -> Result<&'h str, Nothing> {
        let mut values = named(headers, self.name(kind));
        let value = values.next().ok_or(Absence::Cookie(kind))?;
        if values.next().is_some() {
            return Err(AuthError::RepeatedCookie(kind).into());
        }
        match std::str::from_utf8(value) {
            Ok("") => Err(Absence::Cookie(kind).into()),
            Ok(token) => Ok(token),
            // It is there, and nothing that a token can be spelled with.
            Err(_) => Err(AuthError::Jws(crate::JwsError::NotEnoughSegments).into()),
        }
    }
}

/// The values of the cookies of exactly this name, in all `Cookie` headers (HTTP/2 may split them).
///
/// A cookie without a name is none of them, whatever its value looks like: `=__Host-x=1` (RFC 6265bis
/// section 5.7).
fn named<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h [u8]> {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(move |pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (found, value) = pair.split_at_checked(equals)?;
        (found.trim_ascii() == name.as_bytes()).then(|| value.get(1..).unwrap_or_default().trim_ascii())
    })
}

/// Whether a text can be the name of a cookie (RFC 6265 section 4.1.1).
pub(crate) fn valid_name(name: &str) -> bool {
    let separators = b"()<>@,;:\\\"/[]?={}";
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && !separators.contains(&byte))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn find(wanted: Wanted, lines: &[&'static str]) -> Result<(String, TokenKind), Nothing> {
        let pair = CookiePair { access: "__Host-a".into(), refresh: "r".into() };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_static(line));
        }
        pair.find(&headers, wanted).map(|(token, kind)| (token.to_owned(), kind))
    }

    #[test]
    fn a_cookie_is_found_by_its_exact_name() {
        // CSR-10
        let (access, refresh) = (Some(TokenKind::Access), Some(TokenKind::Refresh));
        let absent = |kind| Err(Absence::Cookie(kind).into());
        assert_eq!(find(access, &["x=1; __Host-a=t=; r=u"]), Ok(("t=".into(), TokenKind::Access)));
        assert_eq!(find(refresh, &["x=1", "r=u"]), Ok(("u".into(), TokenKind::Refresh)));
        for line in ["=__Host-a=t", "__host-a=t", "x__Host-a=t", "__Host-a", "__Host-a=", "__Host-a= ; x"] {
            assert_eq!(find(access, &[line]), absent(TokenKind::Access), "{line}");
        }
    }

    #[test]
    fn two_of_one_name_are_refused() {
        // CSR-10
        let repeated = Err(Nothing::Bad(AuthError::RepeatedCookie(TokenKind::Access)));
        for lines in [&["__Host-a=t; __Host-a=t"][..], &["__Host-a=", "__Host-a=t"]] {
            assert_eq!(find(None, lines), repeated, "{lines:?}");
        }
    }

    #[test]
    fn where_either_will_do_the_access_cookie_comes_first() {
        assert_eq!(find(None, &["r=u; __Host-a=t"]), Ok(("t".into(), TokenKind::Access)));
        assert_eq!(find(None, &["r=u"]), Ok(("u".into(), TokenKind::Refresh)));
        assert_eq!(find(None, &[]), Err(Absence::Cookie(TokenKind::Access).into()));
    }
}
