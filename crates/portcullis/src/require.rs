//! What a guard asks of a token.

use crate::TokenKind;

/// What a guard asks of a token beyond being genuine.
///
/// ```
/// use portcullis::Require;
///
/// const CHANGE_PASSWORD: Require = Require::access().fresh();
/// const LOG_OUT: Require = Require::any().even_revoked().even_expired();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Require {
    pub(crate) kind: Option<TokenKind>,
    pub(crate) fresh: bool,
    pub(crate) expired_too: bool,
    pub(crate) revoked_too: bool,
}

impl Require {
    /// An access token.
    pub const fn access() -> Self {
        Self { kind: Some(TokenKind::Access), ..Self::any() }
    }

    /// A refresh token.
    pub const fn refresh() -> Self {
        Self { kind: Some(TokenKind::Refresh), ..Self::any() }
    }

    /// A token of either kind.
    pub const fn any() -> Self {
        Self { kind: None, fresh: false, expired_too: false, revoked_too: false }
    }

    /// And fresh: the password was shown lately. No refresh token is that, whatever it says.
    pub const fn fresh(self) -> Self {
        Self { fresh: true, ..self }
    }

    /// Even if it has expired: for a logout, which must not fail for being late.
    pub const fn even_expired(self) -> Self {
        Self { expired_too: true, ..self }
    }

    /// Even if it has been revoked: for a logout, which may be repeated.
    pub const fn even_revoked(self) -> Self {
        Self { revoked_too: true, ..self }
    }
}
