//! Logging in: a name and a password become a session and its first pair of tokens.

use portcullis::Token;

use super::{
    Accounts, AccountsError, Client, TokenPair, failures::NotAccepted, outcomes::counted, to_its_end,
};
use crate::{
    model::{AuditEvent, EventKind, LoginName, Password, Session, SessionId, User},
    sessions::{self, LockRule, Shown},
    store::{Opening, StoreErrorKind},
};

/// What a login or a registration hands out.
#[derive(Debug)]
pub struct LoggedIn {
    /// The pair of tokens.
    pub pair: TokenPair,
    /// The token by which the client's device is known from now on, unless it is already.
    pub device: Option<Token>,
}

impl Accounts {
    /// Logs a user in.
    ///
    /// An unknown name costs the same work as a wrong password, and so does a user who is disabled or locked, so that neither
    /// answer nor time tells which names exist.
    ///
    /// # Errors
    /// [`AccountsError::BadCredentials`], [`AccountsError::Limited`], or a part that failed.
    pub async fn login(
        &self,
        name: LoginName,
        password: Password,
        client: &Client,
    ) -> Result<LoggedIn, AccountsError> {
        counted(&self.outcomes.logins, self.login_within_limits(&name, password, client).await)
    }

    async fn login_within_limits(
        &self,
        name: &LoginName,
        password: Password,
        client: &Client,
    ) -> Result<LoggedIn, AccountsError> {
        let attempt = self.attempt(name, client).await?;
        let outcome = self.try_login(name, password, client).await;
        self.settle(attempt, matches!(outcome, Err(AccountsError::BadCredentials)), client);
        outcome
    }

    async fn try_login(
        &self,
        name: &LoginName,
        password: Password,
        client: &Client,
    ) -> Result<LoggedIn, AccountsError> {
        for _ in 0..Self::ATTEMPTS {
            let user = self.user_to_log_in(name).await?;
            let holds = self.is_password_of(user.as_ref(), password.clone(), client).await?;
            let lock = self.lock_rule(&self.known_by(user.as_ref(), None, client));
            let user = match self.judge(user.as_ref(), holds, lock) {
                Ok(user) => user,
                Err(why) => {
                    return Err(self.not_accepted(EventKind::LoginFail, user.as_ref(), why, client).await);
                }
            };
            let kind = match user.failures.count {
                0 => EventKind::LoginSuccess,
                _ => EventKind::LoginSuccessAfterFail,
            };
            let why = match self.open_session(user, kind, lock, client).await? {
                Ok(pair) => {
                    let device = self.device_token(user, client)?;
                    self.upgrade_hash(user.clone(), password);
                    return Ok(LoggedIn { pair, device });
                }
                Err(NotOpened::UserChanged) => continue,
                Err(NotOpened::Locked) => NotAccepted::Locked,
                Err(NotOpened::Refused) => NotAccepted::Changed,
            };
            return Err(self.not_accepted(EventKind::LoginFail, Some(user), why, client).await);
        }
        Err(Self::hash_keeps_changing())
    }

    /// The user of a name. One whose document cannot be read is nobody to whoever tries to log in: an error at once would tell
    /// a stranger that there is the name. The log names the document.
    pub(super) async fn user_to_log_in(&self, name: &LoginName) -> Result<Option<User>, AccountsError> {
        match self.store.user_by_name(name).await {
            Err(error) if error.kind() == StoreErrorKind::Unreadable => {
                tracing::warn!(%error, "a user cannot log in: {error}");
                Ok(None)
            }
            user => Ok(user?),
        }
    }

    /// Has an outdated hash replaced, which nobody waits for. What does not come of it is left to the next login.
    fn upgrade_hash(&self, user: User, password: Password) {
        let (store, passwords) = (self.store.clone(), self.passwords.clone());
        tokio::spawn(async move {
            let id = user.id.as_str();
            let successor = match passwords.successor(&user.password, password).await {
                Ok(Some(successor)) => successor,
                Ok(None) => return,
                Err(error) => {
                    return tracing::info!(user = id, %error, "a password hash could not be upgraded");
                }
            };
            match store.replace_password_hash(&user.id, &user.password, successor).await {
                Ok(true) => tracing::info!(user = id, "a password hash was replaced by a new one"),
                Ok(false) => tracing::debug!(user = id, "a password hash has changed meanwhile: it stays"),
                Err(error) => tracing::warn!(user = id, %error, "a password hash could not be upgraded"),
            }
        });
    }

    /// The first pair of a new session, for somebody who has just shown a password: no token leaves before its session
    /// is durable.
    pub(super) async fn open_session(
        &self,
        user: &User,
        kind: EventKind,
        lock: LockRule,
        client: &Client,
    ) -> Result<Result<TokenPair, NotOpened>, AccountsError> {
        let now = self.now();
        let id = SessionId::random().map_err(|error| AccountsError::Defect(error.into()))?;
        let (owner, first) = ((&user.id, user.epoch), self.next_head()?);
        let session = sessions::opened(id, owner, &first, self.policy.session_max_age, now);
        let session = Session { device: client.device.as_deref().map(Session::cut_device), ..session };
        let session = self.revocations.as_kept(session);
        let pair = self.pair(user, &session)?;
        let event = self.own(kind, &user.id, client);
        let shown = Shown { lock, ..Shown::by(user) };
        Ok(self.open(shown, session, event).await?.map(|()| pair))
    }

    /// Makes a session durable, which is an event, and tells the index of those that had to end for it.
    pub(super) async fn open(
        &self,
        shown: Shown,
        session: Session,
        event: AuditEvent,
    ) -> Result<Result<(), NotOpened>, AccountsError> {
        let now = self.now();
        let (store, revocations, audit) = (self.store.clone(), self.revocations.clone(), self.audit.clone());
        let event = event.session(&session.id);
        let at_most = self.policy.sessions_per_user;
        to_its_end(async move {
            match store.open_session(session, &shown, at_most, now).await? {
                Opening::Opened { displaced } => {
                    for session in &displaced {
                        tracing::info!(session = session.id.as_str(), "a session had to end for a new one");
                        revocations.note_session(session);
                    }
                    revocations.flask_refuses([], &displaced).await;
                    audit.note(event);
                    Ok(Ok(()))
                }
                Opening::UserChanged => Ok(Err(NotOpened::UserChanged)),
                Opening::Locked => Ok(Err(NotOpened::Locked)),
                Opening::Refused => Ok(Err(NotOpened::Refused)),
            }
        })
        .await
    }
}

/// Why a session is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotOpened {
    /// The user has another hash by now, which may be of the same password, or another level than what was shown.
    UserChanged,
    /// Others have failed so often that not even the right password is accepted for a while.
    Locked,
    /// The password was changed or the account ended while its hash was being checked.
    Refused,
}
