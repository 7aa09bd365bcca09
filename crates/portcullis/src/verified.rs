//! A token that was verified in a request, and what is kept of it for those who ask again.

use std::{ops::Deref, sync::Arc};

use base64::Engine as _;
use http::Extensions;
use serde::de::DeserializeOwned;

use crate::{Claims, ClaimsError, JwtManager, Location, TokenKind, jws::BASE64};

/// A genuine token of a request: its claims, its header, and where it was.
#[derive(Clone, Debug)]
pub struct Verified {
    claims: Claims,
    /// The first segment, decoded only for who asks.
    header: Box<str>,
    location: Option<Location>,
}

impl Verified {
    pub(crate) fn new(claims: Claims, token: &str, location: Option<Location>) -> Self {
        let header = token.split('.').next().unwrap_or_default().into();
        Self { claims, header, location }
    }

    /// The claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Where the token was.
    pub fn location(&self) -> Option<Location> {
        self.location
    }

    /// The token's header as a type of your own, for members that its issuer put there.
    ///
    /// # Errors
    /// [`ClaimsError`] when the header is not of this type.
    pub fn header<T: DeserializeOwned>(&self) -> Result<T, ClaimsError> {
        let bytes = BASE64.decode(&*self.header).unwrap_or_default();
        serde_json::from_slice(&bytes).map_err(ClaimsError)
    }

    pub(crate) fn into_claims(self) -> Claims {
        self.claims
    }
}

impl Deref for Verified {
    type Target = Claims;

    fn deref(&self) -> &Claims {
        &self.claims
    }
}

/// The hooks that were asked about a token and had nothing against it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) revocation: bool,
    pub(crate) own_check: bool,
}

/// What was verified in a request, an entry for each manager that did: nearly always one.
#[derive(Clone)]
pub(crate) struct Kept {
    first: Entry,
    others: Vec<Entry>,
}

/// A verified token with the manager that it belongs to: another manager's means nothing.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) jwt: JwtManager,
    pub(crate) token: Arc<Verified>,
    pub(crate) asked: Asked,
}

impl Entry {
    /// Whether a guard for this kind would have found this token. Cookies are named by kind, so that one
    /// request may carry both; elsewhere there is one token for all guards.
    fn is_for(&self, kind: Option<TokenKind>) -> bool {
        self.token.location != Some(Location::Cookies) || kind.is_none_or(|kind| kind == self.token.kind())
    }
}

impl Kept {
    /// The token that a manager verified before in this request, for a guard of this kind and, where it has
    /// places of its own, in one of them.
    pub(crate) fn of(
        extensions: &Extensions,
        jwt: &JwtManager,
        kind: Option<TokenKind>,
        order: Option<&[Location]>,
    ) -> Option<Entry> {
        let Self { first, others } = extensions.get()?;
        let is_in = |location: Option<Location>| {
            order.is_none_or(|order| location.is_some_and(|location| order.contains(&location)))
        };
        let fits = |entry: &&Entry| entry.jwt.is(jwt) && entry.is_for(kind) && is_in(entry.token.location);
        std::iter::once(first).chain(others).find(fits).cloned()
    }

    /// Keeps a token, in place of what is known of the same one.
    pub(crate) fn keep(extensions: &mut Extensions, entry: Entry) {
        let Some(Self { first, others }) = extensions.get_mut() else {
            extensions.insert(Self { first: entry, others: Vec::new() });
            return;
        };
        let same = |known: &&mut Entry| Arc::ptr_eq(&known.token, &entry.token);
        match std::iter::once(first).chain(others.iter_mut()).find(same) {
            Some(known) => *known = entry,
            None => others.push(entry),
        }
    }
}
