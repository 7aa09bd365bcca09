//! Logging out: the presented token opens nothing any more.

use portcullis::Claims;

use super::{Accounts, AccountsError};
use crate::model::RevokedToken;

impl Accounts {
    /// Revokes a token. Revoking it again, or one that has expired, changes nothing and succeeds.
    ///
    /// # Errors
    /// [`AccountsError::NoTokenId`] for a token without `jti`; a store that failed: the token is refused here, but may hold again
    /// after a restart.
    pub async fn logout(&self, token: &Claims) -> Result<(), AccountsError> {
        let jti = token.jti().ok_or(AccountsError::NoTokenId)?.to_owned();
        let entry = RevokedToken { jti, expires_at: token.expires_at() };
        self.revocations.revoke(entry).await?;
        tracing::info!(jti = token.jti(), "a token was revoked");
        Ok(())
    }
}
