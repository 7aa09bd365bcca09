//! Changing a password: all sessions of before are over but the one that it was changed in.

use portcullis::Claims;

use super::{Accounts, AccountsError, to_its_end};
use crate::{
    model::{Password, PasswordHash, SessionId, User, UserChange, UserChanged},
    revocations::Revocations,
};

impl Accounts {
    /// Changes the password of the user that a token speaks of, who shows the present one. The token's session goes
    /// on; one without a session has none to keep.
    ///
    /// Where the new password holds already it was changed by the same request before, whose answer was lost.
    ///
    /// # Errors
    /// [`AccountsError::BadCredentials`] for another password, [`AccountsError::SessionOver`] for a token of a session
    /// that does not live, or a part that failed: the same call again settles it.
    pub async fn change_password(
        &self,
        token: &Claims,
        present: Password,
        new: Password,
    ) -> Result<(), AccountsError> {
        for _ in 0..Self::ATTEMPTS {
            let user = self.user_of(token).await?;
            let kept = match token.session() {
                Some(session) => Some(self.living_session(&SessionId::new(session.id), &user).await?.id),
                None => None,
            };
            let hash = if self.passwords.check(present.clone(), Some(&user.password)).await? {
                self.passwords.hash(new.clone()).await?
            } else if self.passwords.check(new.clone(), Some(&user.password)).await? {
                // Into itself: what was left to be ended ends.
                user.password.clone()
            } else {
                tracing::info!(user = user.id.as_str(), "a password was not the user's");
                return Err(AccountsError::BadCredentials);
            };
            match self.replace_hash(user, hash, kept).await? {
                // An earlier attempt without an answer may have ended some, which then are over already and in no answer.
                UserChanged::Done { .. } => return Ok(self.revocations.poll().await?),
                UserChanged::NoSuchUser => return Err(AccountsError::SessionOver),
                UserChanged::NotAsExpected | UserChanged::LastAdmin => {}
            }
        }
        Err(Self::hash_keeps_changing())
    }

    async fn replace_hash(
        &self,
        user: User,
        new: PasswordHash,
        kept: Option<SessionId>,
    ) -> Result<UserChanged, AccountsError> {
        let (store, revocations, now) = (self.store.clone(), self.revocations.clone(), self.now());
        let identity = self.identity(&user).to_owned();
        to_its_end(async move {
            // Before the epoch is raised: whoever adopts such a token has read one of the two.
            revocations.end_tokens_without_session(&identity).await?;
            let change = UserChange::Password { expected: user.password, new, keep: kept };
            let changed = store.change_user(&user.id, &change, now).await?;
            if let UserChanged::Done { sessions: ended, .. } = &changed {
                Self::all_are_over(&revocations, ended);
                revocations.flask_refuses(Revocations::kept_by_none(ended)).await;
                let count = ended.len();
                tracing::info!(
                    user = user.id.as_str(),
                    count,
                    "a password was changed, {count} sessions ended"
                );
            }
            Ok(changed)
        })
        .await
    }
}
