//! What this service would say of a token now, for whoever runs it.

use portcullis::{AuthError, Claims, Require, TokenKind};

use super::{Accounts, AccountsError};
use crate::{
    model::{RefreshId, SessionId, User},
    sessions::{Verdict, judge},
};

/// A token that is accepted.
#[derive(Debug)]
pub struct CheckedToken {
    /// What it says.
    pub claims: Claims,
    /// The user that it speaks of, where that is one of here who is enabled.
    pub user: Option<User>,
}

/// Why a token is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum TokenRefusal {
    /// It is not genuine, or its time is over.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// It stands on the list, or its session does.
    #[error("the token has been revoked")]
    Revoked,
    /// A refresh token of a session that is over, or that there is not.
    #[error("its session is over")]
    SessionOver,
    /// A refresh token that was replaced by a newer one.
    #[error("it was replaced by a newer refresh token; whoever presents it ends the session")]
    Replaced,
    /// A refresh token of somebody who cannot have another pair.
    #[error("its user is gone or disabled")]
    UserGone,
}

impl Accounts {
    /// Checks a token by the configuration and by what the store says now. It asks the store for all that is revoked, which
    /// takes as long as there is.
    ///
    /// # Errors
    /// A store that failed. That a token is refused is an answer.
    pub async fn check_token(
        &self,
        token: &str,
    ) -> Result<Result<CheckedToken, TokenRefusal>, AccountsError> {
        let claims = match self.jwt.authenticate(token, Require::any().even_revoked()).await {
            Ok(claims) => claims,
            Err(error) => return Ok(Err(error.into())),
        };
        if self.revocations.store_refuses(&claims).await? {
            return Ok(Err(TokenRefusal::Revoked));
        }
        let user = match self.user_of(&claims).await {
            Ok(user) => Some(user),
            Err(AccountsError::SessionOver) => None,
            Err(error) => return Err(error),
        };
        if claims.kind() == TokenKind::Refresh
            && let Err(refusal) = self.would_refresh(&claims, user.as_ref()).await?
        {
            return Ok(Err(refusal));
        }
        Ok(Ok(CheckedToken { claims, user }))
    }

    /// Whether a refresh token would get a pair; nothing is done with it.
    async fn would_refresh(
        &self,
        claims: &Claims,
        user: Option<&User>,
    ) -> Result<Result<(), TokenRefusal>, AccountsError> {
        let Some(user) = user else { return Ok(Err(TokenRefusal::UserGone)) };
        let (Some(of), Some(jti)) = (claims.session(), claims.jti()) else {
            return Ok(Ok(()));
        };
        let session = self.store.session(&SessionId::new(of.id)).await?;
        let Some(session) = session.filter(|session| session.user == user.id) else {
            return Ok(Err(TokenRefusal::SessionOver));
        };
        let presented = RefreshId { generation: of.generation, jti: jti.to_owned() };
        Ok(match judge(&session, &presented, self.now(), &self.policy.refresh) {
            _ if session.epoch != user.epoch => Err(TokenRefusal::SessionOver),
            Verdict::Rotate | Verdict::Repeat | Verdict::Reissue => Ok(()),
            Verdict::Replayed => Err(TokenRefusal::Replaced),
            Verdict::Ahead | Verdict::Gone => Err(TokenRefusal::SessionOver),
        })
    }
}
