//! Showing a password, and changing it: all sessions of before are over but the one that it was changed in.

use portcullis::Claims;

use super::{Accounts, AccountsError, to_its_end};
use crate::{
    model::{Password, PasswordHash, SessionId, User, UserChange, UserChanged},
    passwords::Checked,
};

impl Accounts {
    /// Whether a password is a user's. For nobody it is never, after the same work. A hash that cannot be verified is
    /// told to whoever reads the log: its user gets in only with a new one.
    pub(super) async fn is_password_of(
        &self,
        user: Option<&User>,
        password: Password,
    ) -> Result<bool, AccountsError> {
        let checked = self.passwords.check(password, user.map(|user| &user.password)).await?;
        if let (Checked::Unusable(problem), Some(user)) = (checked, user) {
            tracing::warn!(
                event = "password_hash_unusable",
                user = user.id.as_str(),
                %problem,
                "a stored password hash cannot be verified, it is {problem}: a login is refused"
            );
        }
        Ok(checked == Checked::Right)
    }

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
            let hash = if self.is_password_of(Some(&user), present.clone()).await? {
                self.passwords.hash(new.clone()).await?
            } else if self.is_password_of(Some(&user), new.clone()).await? {
                // Into itself: what was left to be ended ends.
                user.password.clone()
            } else {
                tracing::info!(user = user.id.as_str(), "a password was not the user's");
                return Err(AccountsError::BadCredentials);
            };
            match self.replace_hash(user, hash, kept).await? {
                // An earlier attempt without an answer may have ended some, which then are over already and in no answer.
                UserChanged::Done { .. } => return Ok(self.revocations.catch_up().await?),
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
                revocations.flask_refuses([], ended).await;
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
