//! A password that is not accepted: counted, and answered alike whatever the reason is.

use super::{Accounts, AccountsError, Client, to_its_end};
use crate::{
    model::{AuditEvent, EventKind, Password, User, UserState},
    passwords::Checked,
    sessions::LockRule,
};

/// Why somebody who showed a password is not let in. The event says it, and nobody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAccepted {
    /// Nobody has the name.
    UnknownName,
    /// It is another one.
    WrongPassword,
    /// Too many have failed: it may be the right one or not.
    Locked,
    /// It is the right one, and its user may not be here.
    Disabled,
    /// It was the right one, and the user is another one by now, or gone.
    Changed,
}

impl NotAccepted {
    /// What the event says.
    fn said(self) -> &'static str {
        match self {
            Self::UnknownName => "unknown name",
            Self::WrongPassword => "wrong password",
            Self::Locked => "locked",
            Self::Disabled => "disabled",
            Self::Changed => "the account has changed meanwhile",
        }
    }
}

impl Accounts {
    /// Whether a password is a user's. For nobody it is never, after the same work. That a hash cannot be verified is an
    /// event: its user gets in only with a new one.
    pub(super) async fn is_password_of(
        &self,
        user: Option<&User>,
        password: Password,
        client: &Client,
    ) -> Result<bool, AccountsError> {
        let checked = self.passwords.check(password, user.map(|user| &user.password)).await?;
        if let (Checked::Unusable(problem), Some(user)) = (checked, user) {
            let event = self.event(EventKind::PasswordHashUnusable, client).about(&user.id);
            self.audit.note(event.detail(&format!("the stored hash is {problem}")));
        }
        Ok(checked == Checked::Right)
    }

    /// Who is let in by a password that is a user's or not: the one question of every act that gives a token for one.
    pub(super) fn judge<'u>(
        &self,
        user: Option<&'u User>,
        holds: bool,
        lock: LockRule,
    ) -> Result<&'u User, NotAccepted> {
        let user = user.ok_or(NotAccepted::UnknownName)?;
        if lock == LockRule::Respected && user.failures.lock_at(self.now()) {
            return Err(NotAccepted::Locked);
        }
        match user.state {
            _ if !holds => Err(NotAccepted::WrongPassword),
            UserState::Disabled => Err(NotAccepted::Disabled),
            UserState::Enabled => Ok(user),
        }
    }

    /// Notes that a password was not accepted and counts the failure. What whoever showed it hears is the same for every
    /// reason, and comes after the same work.
    pub(super) async fn not_accepted(
        &self,
        kind: EventKind,
        user: Option<&User>,
        why: NotAccepted,
        client: &Client,
    ) -> AccountsError {
        let now = self.now();
        let kind = if why == NotAccepted::Locked { EventKind::LoginFailMax } else { kind };
        let event = self.event(kind, client).detail(why.said());
        let event = AuditEvent { subject: user.map(|user| user.id.clone()), ..event };
        // What is tried during a lock does not count: whoever goes on guessing would keep the owner out for good.
        let counted = user.filter(|_| why == NotAccepted::WrongPassword).map(|user| user.id.clone());
        let (store, audit, policy) = (self.store.clone(), self.audit.clone(), self.policy.lock);
        // Also for a client that hangs up in time.
        let noted = to_its_end(async move {
            audit.say(&event);
            let failures = store.note_failed_login(counted.as_ref(), &event, policy.as_ref(), now).await?;
            if let Some(failures) = failures.filter(|failures| failures.lock_at(now)) {
                let said = format!("{} failed in a row", failures.count);
                audit.note(AuditEvent { kind: EventKind::LoginLock, ..event }.detail(&said));
            }
            Ok::<_, AccountsError>(())
        });
        noted.await.err().unwrap_or(AccountsError::BadCredentials)
    }
}
