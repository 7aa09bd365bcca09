//! Logging out: the presented token opens nothing any more, nor does any other of its session.

use portcullis::Claims;

use super::{Accounts, AccountsError, Client, outcomes::counted};
use crate::model::{EndReason, EventKind, Revocation, RevokedToken, SessionId};

impl Accounts {
    /// Ends the session of a token; a token without one is revoked by itself, with the session that it
    /// was adopted into. Doing it again, or with a token that has
    /// expired, changes nothing and succeeds.
    ///
    /// # Errors
    /// [`AccountsError::NoTokenId`] for a token with neither a session nor a `jti`; a store that failed: the token is
    /// refused here, but may hold again after a restart.
    pub async fn logout(&self, token: &Claims, client: &Client) -> Result<(), AccountsError> {
        counted(&self.outcomes.logouts, self.try_logout(token, client).await)
    }

    async fn try_logout(&self, token: &Claims, client: &Client) -> Result<(), AccountsError> {
        if let Some(session) = token.session() {
            let id = SessionId::new(session.id);
            if let Some(session) = self.revocations.end_session(&id, EndReason::LoggedOut).await? {
                let event = self.own(EventKind::TokenRevoked, &session.user, client).session(&session.id);
                self.note_seldom(event.detail("the session ended by a logout"), session.user.as_str());
                return Ok(());
            }
            // A session that the store does not know, as after a restore: the token itself can be remembered.
        }
        let jti = token.jti().ok_or(AccountsError::NoTokenId)?.to_owned();
        let entry = RevokedToken { jti, expires_at: token.expires_at() };
        self.revocations.revoke(Revocation::Token(entry)).await?;
        self.never_adopt(token).await?;
        let event = self.event(EventKind::TokenRevoked, client).detail("a token of no session");
        self.note_seldom(self.of(token, event), token.identity());
        Ok(())
    }
}
