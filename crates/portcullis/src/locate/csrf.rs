//! What has to stand beside a token in a cookie, since a browser sends cookies with requests of foreign pages.
//!
//! The value is a claim of the signed token, so it is bound to the token as a keyed hash would bind it: nobody
//! can plant a pair of his own. A request that says of itself that another site caused it (`Sec-Fetch-Site:
//! cross-site`) is refused before that. What is not done: a comparison of `Origin` with a name of ours, which
//! behind a proxy the library cannot know.

use std::borrow::Cow;

use http::{HeaderName, Method, request::Parts};

use super::form;
use crate::{AuthError, TokenKind};

/// The rules of the double submit.
#[derive(Clone, Debug)]
pub(crate) struct CsrfRules {
    pub(crate) methods: Vec<Method>,
    pub(crate) access: CsrfNames,
    pub(crate) refresh: CsrfNames,
    pub(crate) check_form: bool,
    /// Not where the cookies are meant for other sites (`SameSite=None`).
    pub(crate) refuse_cross_site: bool,
}

/// Where the value stands beside one kind of token.
#[derive(Clone, Debug)]
pub(crate) struct CsrfNames {
    pub(crate) header: HeaderName,
    pub(crate) field: String,
}

impl CsrfRules {
    /// Whether a form is searched in requests of this method.
    pub(super) fn reads_form(&self, method: &Method) -> bool {
        self.check_form && self.methods.contains(method)
    }

    /// The value beside the cookie; `None` for a method that changes nothing.
    ///
    /// # Errors
    /// [`AuthError::CsrfMissing`] when it should be there and is not, [`AuthError::CsrfMismatch`] when there
    /// are two, [`AuthError::CrossSite`].
    pub(super) fn value<'r>(
        &self,
        parts: &'r Parts,
        body: Option<&'r [u8]>,
        kind: TokenKind,
    ) -> Result<Option<Cow<'r, [u8]>>, AuthError> {
        if !self.methods.contains(&parts.method) {
            return Ok(None);
        }
        let site = parts.headers.get("sec-fetch-site");
        if self.refuse_cross_site && site.is_some_and(|site| site == "cross-site") {
            return Err(AuthError::CrossSite);
        }
        let names = match kind {
            TokenKind::Access => &self.access,
            TokenKind::Refresh => &self.refresh,
        };
        let mut values = parts.headers.get_all(&names.header).iter();
        match (values.next(), values.next()) {
            (Some(_), Some(_)) => return Err(AuthError::CsrfMismatch),
            (Some(value), None) if !value.is_empty() => return Ok(Some(Cow::Borrowed(value.as_bytes()))),
            _ => {}
        }
        let body = body.filter(|_| self.check_form && form::is_form(parts));
        let field = body.and_then(|body| form::values(body, &names.field).next());
        match field {
            Some(value) if !value.is_empty() => Ok(Some(match value {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            })),
            _ => Err(AuthError::CsrfMissing),
        }
    }
}
