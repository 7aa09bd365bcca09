//! Changing a password: all sessions of before are over but the one that it was changed in.

use portcullis::{Claims, Token};

use super::{Accounts, AccountsError, Client, failures::NotAccepted, to_its_end};
use crate::model::{AuditEvent, EventKind, Password, PasswordHash, SessionId, User, UserChange, UserChanged};

impl Accounts {
    /// Changes the password of the user that a token speaks of, who shows the present one. The token's session goes
    /// on; one without a session has none to keep.
    ///
    /// Where the new password holds already it was changed by the same request before, whose answer was lost. Else both
    /// are failures, since both were looked at.
    ///
    /// Answers the token by which the client's device is known from now on, where the session goes on.
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
    ) -> Result<Option<Token>, AccountsError> {
        for _ in 0..Self::ATTEMPTS {
            let user = self.user_of(token).await?;
            let kept = match token.session() {
                Some(session) => Some(self.living_session(&SessionId::new(session.id), &user).await?.id),
                None => None,
            };
            let known_by = self.known_by(Some(&user), kept.as_ref(), client);
            let hash = match self.shows(&user, present.clone(), &known_by, client).await? {
                Ok(()) => self.passwords.hash(new.clone()).await?,
                Err(why) => match self.shows(&user, new.clone(), &known_by, client).await {
                    // Into itself: what was left to be ended ends.
                    Ok(Ok(())) => user.password.clone(),
                    other => {
                        let said = self.no_change(&user, why, client).await;
                        let Err(why) = other? else { return Err(said) };
                        return Err(self.no_change(&user, why, client).await);
                    }
                },
            };
            let event = self.own(EventKind::PasswordChange, &user.id, client);
            let goes_on = kept.is_some();
            let event = AuditEvent { session: kept, ..event };
            match self.replace_hash(user, hash, event).await? {
                UserChanged::Done { user, .. } => {
                    // An earlier attempt without an answer may have ended some, which then are over already and in no answer.
                    self.revocations.catch_up().await?;
                    return if goes_on { self.device_token(&user, client) } else { Ok(None) };
                }
                UserChanged::NoSuchUser => return Err(AccountsError::SessionOver),
                UserChanged::NotAsExpected | UserChanged::LastAdmin => {}
            }
        }
        Err(Self::hash_keeps_changing())
    }

    /// Notes that one of two passwords was not accepted.
    async fn no_change(&self, user: &User, why: NotAccepted, client: &Client) -> AccountsError {
        self.not_accepted(EventKind::PasswordChangeFail, Some(user), why, client).await
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
