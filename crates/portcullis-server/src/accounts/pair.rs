//! The pair of tokens that a session gives out.

use std::time::Duration;

use portcullis::{Issue, IssueError, NumericDate, Token, token_id};

use super::{Accounts, AccountsError, Identity};
use crate::{
    model::{AccessId, AccessTokenKind, NextHead, Session, SessionId, User},
    revocations::Beside,
};

/// What a login, a registration or a refresh hands out.
#[derive(Debug)]
pub struct TokenPair {
    /// The access token.
    pub access: Token,
    /// The refresh token that belongs to it.
    pub refresh: Token,
    /// How long the access token still lives, in seconds.
    pub expires_in: i64,
}

impl Accounts {
    /// The names and lifetimes of a pair that is to be made.
    pub(super) fn next_head(&self) -> Result<NextHead, IssueError> {
        Ok(NextHead {
            refresh_jti: token_id()?,
            access_jti: token_id()?,
            issued_by: self.issue_time(),
            access_lifetime: self.policy.access_lifetime,
            refresh_lifetime: self.policy.refresh_lifetime,
        })
    }

    /// The pair of a session's head as it was given out first: the same again, however often.
    pub(super) fn pair(&self, user: &User, session: &Session) -> Result<TokenPair, IssueError> {
        let head = &session.head;
        let access = self.access_token(user, &session.id, head.refresh.generation);
        let access = access.id(&head.access_jti).issued_at(head.issued_at);
        let access = match head.access {
            AccessTokenKind::Fresh => access.fresh(),
            AccessTokenKind::Refreshed => access,
        };
        let access = access.expires_in(between(head.issued_at, head.access_expires_at)).sign()?;
        self.pair_with(access, user, session)
    }

    /// The pair of a session's head for whoever presents a refresh token once more: with an access token of its own where
    /// the head's has expired, or was fresh, since a refresh token is no password.
    pub(super) fn pair_again(&self, user: &User, session: &Session) -> Result<TokenPair, IssueError> {
        let (head, now) = (&session.head, self.issue_time());
        if head.access == AccessTokenKind::Refreshed && now < head.access_expires_at {
            return self.pair(user, session);
        }
        if head.access == AccessTokenKind::Fresh && now < head.access_expires_at {
            let access = self.access_token(user, &session.id, head.refresh.generation);
            let access = access.id(head.stale_access_jti()).issued_at(head.issued_at);
            let access = access.expires_in(between(head.issued_at, head.access_expires_at)).sign()?;
            return self.pair_with(access, user, session);
        }
        let left = self.access_lifetime_left(session, now);
        let access = self.access_token(user, &session.id, head.refresh.generation);
        let access = access.issued_at(now).expires_in(left).sign()?;
        self.pair_with(access, user, session)
    }

    /// An access token of a session's generation, in the making.
    pub(super) fn access_token(&self, user: &User, id: &SessionId, generation: u32) -> Issue<'_> {
        let access = self.jwt.access(self.identity(user)).claim("access", user.access.level());
        access.session(id.as_str(), generation)
    }

    /// Keeps an access token for the Flask application that has to refuse it when its session ends, unless the session
    /// keeps it already: before it leaves, and not where the session has ended meanwhile.
    pub(super) async fn keep_for_flask(
        &self,
        session: &Session,
        access: &Token,
    ) -> Result<(), AccountsError> {
        let kept = session.access_tokens.iter().flatten().any(|kept| kept.jti == access.jti());
        if kept || self.revocations.neighbour() == Beside::Nobody {
            return Ok(());
        }
        let token = AccessId { jti: access.jti().to_owned(), expires_at: access.expires_at() };
        let noted = self.store.note_access_token(&session.id, token, self.now()).await?;
        if noted { Ok(()) } else { Err(AccountsError::SessionOver) }
    }

    /// How long an access token of a session lives that is made now.
    pub(super) fn access_lifetime_left(&self, session: &Session, now: NumericDate) -> Duration {
        between(now, session.ends_at).min(self.policy.access_lifetime)
    }

    fn pair_with(&self, access: Token, user: &User, session: &Session) -> Result<TokenPair, IssueError> {
        let head = &session.head;
        let refresh = self.jwt.refresh(self.identity(user)).id(&head.refresh.jti).issued_at(head.issued_at);
        let refresh = refresh.session(session.id.as_str(), head.refresh.generation);
        let refresh = refresh.expires_in(between(head.issued_at, head.refresh_expires_at)).sign()?;
        let now = self.issue_time();
        let expires_in = access.expires_at().seconds().saturating_sub(now.seconds()).max(0);
        Ok(TokenPair { access, refresh, expires_in })
    }

    /// What a token's identity claim holds of a user.
    pub(super) fn identity<'u>(&self, user: &'u User) -> &'u str {
        match self.policy.identity {
            Identity::Id => user.id.as_str(),
            Identity::Username => &user.username,
        }
    }
}

/// The time from one moment to a later one, at least a second, which is the shortest that a token lives.
fn between(from: NumericDate, to: NumericDate) -> Duration {
    let seconds = to.seconds().saturating_sub(from.seconds()).max(1);
    Duration::from_secs(u64::try_from(seconds).unwrap_or(1))
}
