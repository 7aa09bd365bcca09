//! What people do with their own sessions: see them, end them, show their password in one.

use portcullis::{Claims, Token};

use super::{Accounts, AccountsError, Client, Identity, outcomes::counted, to_its_end};
use crate::{
    model::{
        EndReason, EventKind, LoginName, Password, Session, SessionId, User, UserChange, UserChanged, UserId,
        UserState,
    },
    revocations::Revocations,
};

/// Which sessions of a user a logout ends besides, or instead of, the one that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutScope {
    /// All but this one.
    Others,
    /// All of them.
    All,
}

impl Accounts {
    /// The user that a token speaks of. Where tokens have names, a session knows better whose it is: a name may have been
    /// given to somebody else.
    ///
    /// # Errors
    /// [`AccountsError::SessionOver`] when the user is gone or disabled, or a store that failed.
    pub async fn user_of(&self, token: &Claims) -> Result<User, AccountsError> {
        let user = match (self.policy.identity, token.session()) {
            (Identity::Id, _) => self.store.user_by_id(&UserId::new(token.identity())).await?,
            (Identity::Username, Some(session)) => {
                match self.store.session(&SessionId::new(session.id)).await? {
                    Some(session) => self.store.user_by_id(&session.user).await?,
                    None => None,
                }
            }
            // Nobody's name: it is the id that another application had for somebody.
            (Identity::Username, None) if token.identity_is_number() => None,
            (Identity::Username, None) => match LoginName::parse(token.identity()) {
                // A login takes other spellings, and means who shows the password. A token means the one it was made for.
                Ok(name) => {
                    let user = self.store.user_by_name(&name).await?;
                    user.filter(|user| user.username == token.identity())
                }
                Err(_) => None,
            },
        };
        user.filter(|user| user.state == UserState::Enabled).ok_or(AccountsError::SessionOver)
    }

    /// The living sessions of the user that a token speaks of, the most recently used first.
    ///
    /// # Errors
    /// Those of [`user_of`](Self::user_of).
    pub async fn sessions(&self, token: &Claims) -> Result<Vec<Session>, AccountsError> {
        let user = self.user_of(token).await?;
        Ok(self.store.sessions_of(&user.id, self.now()).await?)
    }

    /// Ends one session of the user that a token speaks of; one that has ended stays so.
    ///
    /// # Errors
    /// Those of [`user_of`](Self::user_of); [`AccountsError::NoSuchSession`] where the user has no such session; a store
    /// that failed: the same call again settles it.
    pub async fn end_own_session(
        &self,
        token: &Claims,
        id: &SessionId,
        client: &Client,
    ) -> Result<(), AccountsError> {
        let user = self.user_of(token).await?;
        match self.store.session(id).await? {
            // Somebody else's is as unknown as one that there is not.
            Some(session) if session.user == user.id => {
                self.revocations.end_session(id, EndReason::LoggedOut).await?;
                let event = self.own(EventKind::SessionEnded, &user.id, client);
                self.note_seldom(event.session(id), user.id.as_str());
                Ok(())
            }
            _ => Err(AccountsError::NoSuchSession),
        }
    }

    /// Ends several sessions of the user that a token speaks of; it has to be of a living one itself. The user's tokens
    /// that are of no session, which another application gave out, end in both scopes: none of them is the one that asks.
    /// Answers the token by which the client's device is known from now on, where its session goes on.
    ///
    /// # Errors
    /// [`AccountsError::SessionOver`] for a token without a session; a store that failed: some may live, and the same
    /// call again ends them.
    pub async fn logout_many(
        &self,
        token: &Claims,
        scope: LogoutScope,
        client: &Client,
    ) -> Result<Option<Token>, AccountsError> {
        counted(&self.outcomes.logouts, self.end_many_for_good(token, scope, client).await)
    }

    async fn end_many_for_good(
        &self,
        token: &Claims,
        scope: LogoutScope,
        client: &Client,
    ) -> Result<Option<Token>, AccountsError> {
        let done = self.end_many(token, scope, client).await;
        // An earlier attempt without an answer may have ended some, which then are over already and in no answer.
        if !matches!(done, Err(AccountsError::Unavailable(_))) {
            self.revocations.catch_up().await?;
        }
        done
    }

    async fn end_many(
        &self,
        token: &Claims,
        scope: LogoutScope,
        client: &Client,
    ) -> Result<Option<Token>, AccountsError> {
        let session = token.session().ok_or(AccountsError::SessionOver)?;
        let user = self.user_of(token).await?;
        let own = self.living_session(&SessionId::new(session.id), &user).await?.id;
        let kept = (scope == LogoutScope::Others).then(|| own.clone());
        let identity = self.identity(&user).to_owned();
        let event = self.own(EventKind::SessionEnded, &user.id, client).session(&own);
        let (store, revocations, audit) = (self.store.clone(), self.revocations.clone(), self.audit.clone());
        let now = self.now();
        let user = to_its_end(async move {
            // Before the epoch is raised: whoever adopts such a token has read one of the two.
            revocations.end_tokens_without_session(&identity).await?;
            let ending = UserChange::EndSessions { keep: kept };
            let changed = store.change_user(&user.id, &ending, None, now).await?;
            let UserChanged::Done { user, sessions: ended } = changed else {
                return Err(AccountsError::SessionOver);
            };
            Self::all_are_over(&revocations, &ended);
            revocations.flask_refuses([], &ended).await;
            let which = if scope == LogoutScope::Others { "all others" } else { "all" };
            audit.note(event.detail(&format!("{which}: {} sessions ended", ended.len())));
            Ok(user)
        })
        .await?;
        match scope {
            LogoutScope::Others => self.device_token(&user, client),
            LogoutScope::All => Ok(None),
        }
    }

    /// This node refuses what a user was given before all sessions ended in the store.
    pub(super) fn all_are_over(revocations: &Revocations, ended: &[Session]) {
        for session in ended {
            revocations.note_session(session);
        }
    }

    /// A session of a user that lives.
    pub(super) async fn living_session(&self, id: &SessionId, user: &User) -> Result<Session, AccountsError> {
        let (session, now) = (self.store.session(id).await?, self.now());
        let living = session.filter(|session| session.lives(now) && session.user == user.id);
        living.ok_or(AccountsError::SessionOver)
    }

    /// A fresh access token of a session, for somebody who shows the password in it.
    ///
    /// # Errors
    /// [`AccountsError::BadCredentials`] for another password, [`AccountsError::Limited`] after too many,
    /// [`AccountsError::SessionOver`] for a token without a living session, or a part that failed.
    pub async fn freshen(
        &self,
        token: &Claims,
        password: Password,
        client: &Client,
    ) -> Result<FreshToken, AccountsError> {
        let of = token.session().ok_or(AccountsError::SessionOver)?;
        let user = self.user_of(token).await?;
        let session = self.living_session(&SessionId::new(of.id), &user).await?;
        let known_by = self.known_by(Some(&user), Some(&session.id), client);
        if let Err(why) = self.shows(&user, password, &known_by, client).await? {
            return Err(self.not_accepted(EventKind::LoginFail, Some(&user), why, client).await);
        }
        let now = self.issue_time();
        // Of the generation that was presented: of a later one it would say that somebody has got that one's pair.
        let access = self.access_token(&user, &session.id, of.generation).fresh().issued_at(now);
        let access = access.expires_in(self.access_lifetime_left(&session, now)).sign()?;
        self.keep_for_flask(&session, &access).await?;
        let event = self.own(EventKind::TokenCreated, &user.id, client).session(&session.id);
        self.audit.note(event.detail("a fresh access token"));
        let expires_in = access.expires_at().seconds().saturating_sub(now.seconds());
        Ok(FreshToken { access, expires_in })
    }
}

/// A fresh access token.
#[derive(Debug)]
pub struct FreshToken {
    /// The token.
    pub access: Token,
    /// How long it lives, in seconds.
    pub expires_in: i64,
}
