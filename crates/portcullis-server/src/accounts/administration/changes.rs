//! The acts of administrators that change something: each has its event before anybody hears that it was done.

use std::time::{Duration, SystemTime};

use super::{Accounts, AccountsError, By, unsettled};
use crate::{
    accounts::to_its_end,
    model::{
        Access, AuditEvent, EndReason, EventKind, NewUser, Password, Session, SessionId, User, UserChange,
        UserChanged, UserId, UserQuery, UserState, Username,
    },
    store::Creation,
};

impl Accounts {
    /// How long the name of a deleted user is kept beyond the longest life of a token: no clock is further off, nor any
    /// leeway longer.
    const NAME_KEPT_LONGER: Duration = Duration::from_mins(10);

    /// Makes a user, who can log in at once. Registration may be closed: this is how users are made then.
    ///
    /// The same call again, after an outcome that was not known, finds the name taken.
    ///
    /// # Errors
    /// [`AccountsError::NameTaken`], or a part that failed.
    pub async fn create_user(
        &self,
        by: &By,
        username: Username,
        password: Password,
        access: Access,
    ) -> Result<User, AccountsError> {
        let user = NewUser::new(username, self.passwords.hash(password).await?, access);
        self.add_user(by, user, &format!("access {}", access.name())).await
    }

    /// Makes a user, and writes the event with what there is to say.
    pub(super) async fn add_user(&self, by: &By, user: NewUser, said: &str) -> Result<User, AccountsError> {
        let event = self.act(by, EventKind::UserCreated, Some(said));
        let (store, audit, now) = (self.store.clone(), self.audit.clone(), self.now());
        to_its_end(async move {
            match store.create_user(user, Some(&event), now).await {
                Ok(Creation::Created(user)) => {
                    audit.say(&event.about(&user.id));
                    Ok(user)
                }
                Ok(Creation::NameTaken) => Err(AccountsError::NameTaken),
                Ok(Creation::SomebodyAdministers) => Err(AccountsError::AlreadySetUp),
                Err(error) => {
                    audit.note(unsettled(event));
                    Err(error.into())
                }
            }
        })
        .await
    }

    /// Gives a user another access level. The user's access tokens are void, and sessions go on with the new level.
    ///
    /// # Errors
    /// [`AccountsError::NoSuchUser`]; [`AccountsError::LastAdmin`] where nobody else could administer users; a part that
    /// failed: the same call again settles it.
    pub async fn set_access(&self, by: &By, id: &UserId, access: Access) -> Result<User, AccountsError> {
        let event = self.act(by, EventKind::PermissionsChanged, Some(&format!("access {}", access.name())));
        self.change_to(id, UserChange::Access(access), event).await
    }

    /// Disables or enables a user. One that is disabled has no session, and cannot log in.
    ///
    /// # Errors
    /// Those of [`set_access`](Self::set_access).
    pub async fn set_state(&self, by: &By, id: &UserId, state: UserState) -> Result<User, AccountsError> {
        let (change, kind) = match state {
            UserState::Disabled => (UserChange::Disable, EventKind::UserDisabled),
            UserState::Enabled => (UserChange::Enable, EventKind::UserEnabled),
        };
        self.change_to(id, change, self.act(by, kind, None)).await
    }

    /// Forgets the failed logins of a user, and with them a lock.
    ///
    /// # Errors
    /// Those of [`set_access`](Self::set_access).
    pub async fn unlock(&self, by: &By, id: &UserId) -> Result<User, AccountsError> {
        self.change_to(id, UserChange::Unlock, self.act(by, EventKind::UserUpdated, Some("unlocked"))).await
    }

    /// Deletes a user, whose sessions end. Nobody else can have the name as long as a token may live that says it.
    ///
    /// The same call again finds no such user.
    ///
    /// # Errors
    /// Those of [`set_access`](Self::set_access).
    pub async fn delete_user(&self, by: &By, id: &UserId) -> Result<User, AccountsError> {
        let change = UserChange::Delete { name_free_at: self.name_free_at() };
        self.change_to(id, change, self.act(by, EventKind::UserDeleted, None)).await
    }

    /// Gives a user another password, for whoever runs the program: all sessions end.
    ///
    /// # Errors
    /// Those of [`set_access`](Self::set_access).
    pub async fn set_password(
        &self,
        by: &By,
        id: &UserId,
        password: Password,
    ) -> Result<User, AccountsError> {
        let new = self.passwords.hash(password).await?;
        for _ in 0..Self::ATTEMPTS {
            let expected = self.user(id).await?.password;
            let change = UserChange::Password { expected, new: new.clone(), keep: None };
            match self.change(id, change, self.act(by, EventKind::PasswordChange, None)).await? {
                UserChanged::NotAsExpected => {}
                settled => return changed(settled),
            }
        }
        Err(Self::hash_keeps_changing())
    }

    /// Ends one session of a user; one that has ended stays so.
    ///
    /// # Errors
    /// [`AccountsError::NoSuchUser`], [`AccountsError::NoSuchSession`] where the user has no such session, or a part that
    /// failed: the same call again settles it.
    pub async fn end_session_of(&self, by: &By, user: &UserId, id: &SessionId) -> Result<(), AccountsError> {
        let user = self.user(user).await?;
        let session = self.store.session(id).await?;
        if session.is_none_or(|session| session.user != user.id) {
            return Err(AccountsError::NoSuchSession);
        }
        let event = self.act(by, EventKind::SessionEnded, None).about(&user.id).session(id);
        let (revocations, audit, id) = (self.revocations.clone(), self.audit.clone(), id.clone());
        to_its_end(async move {
            if let Err(error) = revocations.end_session(&id, EndReason::LoggedOut).await {
                audit.note(unsettled(event));
                return Err(error.into());
            }
            Ok(audit.record(event).await?)
        })
        .await
    }

    /// Ends all sessions of a user, who can log in again.
    ///
    /// # Errors
    /// Those of [`set_access`](Self::set_access).
    pub async fn end_sessions_of(&self, by: &By, id: &UserId) -> Result<User, AccountsError> {
        let event = self.act(by, EventKind::SessionEnded, Some("all sessions"));
        self.change_to(id, UserChange::EndSessions { keep: None }, event).await
    }

    async fn change_to(
        &self,
        id: &UserId,
        change: UserChange,
        event: AuditEvent,
    ) -> Result<User, AccountsError> {
        changed(self.change(id, change, event).await?)
    }

    /// Changes a user; that nobody else could administer is an event, once in a while.
    async fn change(
        &self,
        id: &UserId,
        change: UserChange,
        event: AuditEvent,
    ) -> Result<UserChanged, AccountsError> {
        let refused = AuditEvent { kind: EventKind::AuthorizationFail, ..event.clone().about(id) };
        let refused = refused.and(&format!("{}: refused, the last administrator", event.kind.name()));
        let changed = self.try_to_change(id, change, event).await?;
        if matches!(changed, UserChanged::LastAdmin) {
            let whose = refused.actor.as_ref().map(|actor| actor.as_str().to_owned()).unwrap_or_default();
            self.note_seldom(refused, &whose);
        }
        Ok(changed)
    }

    /// What becomes of the sessions is in force on this node before anybody hears of it.
    async fn try_to_change(
        &self,
        id: &UserId,
        change: UserChange,
        event: AuditEvent,
    ) -> Result<UserChanged, AccountsError> {
        let user = self.store.user_by_id(id).await?;
        if let Some(user) = &user
            && !self.may_lose(user, &change).await?
        {
            return Ok(UserChanged::LastAdmin);
        }
        // Not where there is no such user: any text can be asked for, and such an entry stays for good.
        let identity = user.filter(|_| ends_sessions(&change)).map(|user| self.identity(&user).to_owned());
        let (store, revocations, audit) = (self.store.clone(), self.revocations.clone(), self.audit.clone());
        let (id, event, now) = (id.clone(), event.about(id), self.now());
        to_its_end(async move {
            if let Some(identity) = identity {
                // Before the epoch is raised: whoever adopts such a token has read one of the two.
                revocations.end_tokens_without_session(&identity).await?;
            }
            let changed = match store.change_user(&id, &change, Some(&event), now).await {
                Ok(changed) => changed,
                Err(error) => {
                    audit.note(unsettled(event));
                    return Err(error.into());
                }
            };
            if let UserChanged::Done { sessions, .. } = &changed {
                Self::all_are_over(&revocations, sessions);
                let void: Vec<_> = living(sessions).flat_map(Session::void_access_tokens).collect();
                revocations.flask_refuses(revocations.void_there(&void), sessions).await;
                audit.say(&event);
            }
            if matches!(changed, UserChanged::Done { .. } | UserChanged::NoSuchUser) {
                // An earlier attempt without an answer may have ended some, which then are over already and in no answer.
                revocations.catch_up().await?;
            }
            Ok(changed)
        })
        .await
    }

    /// Asks early whether somebody else could administer users still, so that whoever may not be changed loses nothing.
    /// The store asks again, when it counts.
    async fn may_lose(&self, user: &User, change: &UserChange) -> Result<bool, AccountsError> {
        if !change.takes_away_from(user) {
            return Ok(true);
        }
        let (access, state) = (Some(Access::Admin), Some(UserState::Enabled));
        let admins = self.store.users(&UserQuery { access, state, limit: 2, ..UserQuery::default() }).await?;
        Ok(admins.users.iter().any(|admin| admin.id != user.id))
    }

    fn name_free_at(&self) -> SystemTime {
        let policy = &self.policy;
        let lives = policy.access_lifetime.max(policy.refresh_lifetime).max(policy.session_max_age);
        let now = self.now();
        now.checked_add(lives.saturating_add(Self::NAME_KEPT_LONGER)).unwrap_or(now)
    }
}

/// The user after a change that was made.
fn changed(changed: UserChanged) -> Result<User, AccountsError> {
    match changed {
        UserChanged::Done { user, .. } => Ok(user),
        UserChanged::LastAdmin => Err(AccountsError::LastAdmin),
        UserChanged::NoSuchUser => Err(AccountsError::NoSuchUser),
        UserChanged::NotAsExpected => Err(Accounts::hash_keeps_changing()),
    }
}

/// Whether a user's sessions end by a change, and with them what is of no session.
fn ends_sessions(change: &UserChange) -> bool {
    change.ends_all() || matches!(change, UserChange::Password { .. })
}

/// The sessions that go on, of which only access tokens are void.
fn living(sessions: &[Session]) -> impl Iterator<Item = &Session> {
    sessions.iter().filter(|session| session.ended.is_none())
}
