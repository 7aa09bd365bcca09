//! A password that is not accepted: counted, and answered alike whatever the reason is.

use super::{Accounts, AccountsError, Client, to_its_end};
use crate::{
    model::{AuditEvent, EventKind, Password, User, UserState},
    passwords::Checked,
    sessions::LockRule,
};

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

    /// Whether whoever shows the right password of a user may be here: the one question of every act that gives a token
    /// for a password.
    pub(super) fn may_come_in(&self, user: &User, lock: LockRule) -> bool {
        user.state == UserState::Enabled && !self.is_locked(user, lock)
    }

    fn is_locked(&self, user: &User, lock: LockRule) -> bool {
        lock == LockRule::Respected && user.failures.lock_at(self.now())
    }

    /// Notes that a password was not accepted and counts the failure. What whoever showed it hears is the same for every
    /// reason, and comes after the same work.
    pub(super) async fn not_accepted(
        &self,
        kind: EventKind,
        user: Option<&User>,
        held: bool,
        client: &Client,
    ) -> AccountsError {
        let now = self.now();
        let is_locked = user.is_some_and(|user| self.is_locked(user, self.lock_rule(user, client)));
        let (kind, why) = match user {
            None => (kind, "unknown name"),
            Some(_) if is_locked => (EventKind::LoginFailMax, "locked"),
            Some(_) if held => (kind, "disabled"),
            Some(_) => (kind, "wrong password"),
        };
        let event = self.event(kind, client).detail(why);
        let event = AuditEvent { subject: user.map(|user| user.id.clone()), ..event };
        // What is tried during a lock does not count: whoever goes on guessing would keep the owner out for good.
        let counted = user.filter(|_| !held && !is_locked).map(|user| user.id.clone());
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
