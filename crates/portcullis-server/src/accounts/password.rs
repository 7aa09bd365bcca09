//! Changing a password: all sessions of before are over but the one that it was changed in.

use portcullis::Claims;

use super::{Accounts, AccountsError, Client, to_its_end};
use crate::model::{AuditEvent, EventKind, Password, PasswordHash, SessionId, User, UserChange, UserChanged};

impl Accounts {
    /// Changes the password of the user that a token speaks of, who shows the present one. The token's session goes
    /// on; one without a session has none to keep.
    ///
    /// Where the new password holds already it was changed by the same request before, whose answer was lost.
    ///
    /// # Errors
    /// [`AccountsError::BadCredentials`] for another password, [`AccountsError::Limited`] after too many, which two wrong
    /// ones at once are two of, [`AccountsError::SessionOver`] for a token of a session
    /// that does not live, or a part that failed: the same call again settles it.
    pub async fn change_password(
        &self,
        token: &Claims,
        present: Password,
        new: Password,
        client: &Client,
    ) -> Result<(), AccountsError> {
        for _ in 0..Self::ATTEMPTS {
            let user = self.user_of(token).await?;
            let kept = match token.session() {
                Some(session) => Some(self.living_session(&SessionId::new(session.id), &user).await?.id),
                None => None,
            };
            let lock = self.lock_rule(&user, client);
            let may = self.may_come_in(&user, lock);
            let holds = self.shows(&user, present.clone(), lock, client).await?;
            let hash = if holds && may {
                self.passwords.hash(new.clone()).await?
            } else if self.shows(&user, new.clone(), lock, client).await? && may {
                // Into itself: what was left to be ended ends.
                user.password.clone()
            } else {
                let kind = EventKind::PasswordChangeFail;
                return Err(self.not_accepted(kind, Some(&user), holds, client).await);
            };
            let event = self.own(EventKind::PasswordChange, &user.id, client);
            let event = AuditEvent { session: kept, ..event };
            match self.replace_hash(user, hash, event).await? {
                // An earlier attempt without an answer may have ended some, which then are over already and in no answer.
                UserChanged::Done { .. } => return Ok(self.revocations.catch_up().await?),
                UserChanged::NoSuchUser => return Err(AccountsError::SessionOver),
                UserChanged::NotAsExpected | UserChanged::LastAdmin => {}
            }
        }
        Err(Self::hash_keeps_changing())
    }

    /// Replaces a hash by that of another password; the session of the event goes on.
    async fn replace_hash(
        &self,
        user: User,
        new: PasswordHash,
        event: AuditEvent,
    ) -> Result<UserChanged, AccountsError> {
        let (store, revocations, audit) = (self.store.clone(), self.revocations.clone(), self.audit.clone());
        let now = self.now();
        let identity = self.identity(&user).to_owned();
        to_its_end(async move {
            // Before the epoch is raised: whoever adopts such a token has read one of the two.
            revocations.end_tokens_without_session(&identity).await?;
            let change = UserChange::Password { expected: user.password, new, keep: event.session.clone() };
            let changed = store.change_user(&user.id, &change, None, now).await?;
            if let UserChanged::Done { sessions: ended, .. } = &changed {
                Self::all_are_over(&revocations, ended);
                revocations.flask_refuses([], ended).await;
                audit.note(event.detail(&format!("{} sessions ended", ended.len())));
            }
            Ok(changed)
        })
        .await
    }
}
