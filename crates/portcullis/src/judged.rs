//! How far a token could be judged from memory, and who has to be waited for.

use crate::{AuthError, Working, verified::Asked};

/// A token that nothing speaks against so far.
pub(crate) enum Judged {
    /// It has passed; these hooks were asked.
    Passed(Asked),
    /// A hook has to ask somebody first.
    Waits(Question),
}

/// A hook at work, and what was asked before it.
pub(crate) struct Question {
    pub(crate) hook: Hook,
    pub(crate) asking: Working<bool>,
    pub(crate) asked: Asked,
}

/// Who was asked.
#[derive(Clone, Copy)]
pub(crate) enum Hook {
    /// Whether the token is revoked.
    Revocation,
    /// Whether the application finds it fine.
    OwnCheck,
}

impl Question {
    /// Waits for the hook; says what has been asked now.
    pub(crate) async fn answered(self) -> Result<Asked, AuthError> {
        let Self { hook, asking, asked } = self;
        match (hook, asking.await.map_err(AuthError::unavailable)?) {
            (Hook::Revocation, false) => Ok(Asked { revocation: true, ..asked }),
            (Hook::Revocation, true) => Err(AuthError::Revoked),
            (Hook::OwnCheck, true) => Ok(Asked { own_check: true, ..asked }),
            (Hook::OwnCheck, false) => Err(AuthError::ClaimsRefused),
        }
    }
}
