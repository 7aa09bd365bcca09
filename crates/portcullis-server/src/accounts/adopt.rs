//! Taking over: a refresh token that the Flask application gave out becomes a session of ours.

use portcullis::{Claims, Revocation, TokenKind, Verdict};

use super::{Accounts, AccountsError, Client, login::NotOpened};
use crate::{
    model::{EndReason, EventKind, RefreshId, Session, SessionId, User},
    sessions::{self, AdoptedToken, Shown},
    store::Opening,
};

/// What becomes of a refresh token that is of no session: the Flask application's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LegacyRefresh {
    /// It opens a session the first time, and is its oldest token from then on.
    Adopt,
    /// It is refused.
    Refuse,
}

/// The name of the session that a token is adopted into, whether or not it has been; `None` for a token that is of a
/// session, cannot be named, or opens doors by itself.
pub(super) fn adopted_into(token: &Claims) -> Option<SessionId> {
    let is_legacy = token.kind() == TokenKind::Refresh && token.session().is_none();
    token.jti().filter(|_| is_legacy).map(SessionId::adopted)
}

impl Accounts {
    /// The session of a refresh token that is of none yet, opened unless it has been, and the token's place in it.
    /// However many present it at once, it is one session.
    pub(super) async fn adopt(
        &self,
        token: &Claims,
        client: &Client,
    ) -> Result<(SessionId, RefreshId), AccountsError> {
        let (Some(id), Some(jti)) = (adopted_into(token), token.jti()) else {
            return Err(AccountsError::SessionOver);
        };
        if self.policy.legacy_refresh == LegacyRefresh::Refuse {
            tracing::info!(jti, "a refresh token of another application was refused");
            return Err(AccountsError::SessionOver);
        }
        let presented = RefreshId { generation: Session::ADOPTED_GENERATION, jti: jti.to_owned() };
        for _ in 0..Self::ATTEMPTS {
            let user = self.user_of(token).await?;
            match self.store.session(&id).await? {
                Some(session) if session.user == user.id => return Ok((id, presented)),
                // Two tokens of one name: it is nobody's.
                Some(_) => return Err(AccountsError::SessionOver),
                None => {}
            }
            // What ended the user's tokens was noted before the user's epoch was raised, which is read by now: either
            // this hears of the note, whichever node made it, or the store sees the epoch.
            self.revocations.catch_up().await?;
            if matches!(self.revocations.check(token), Verdict::Revoked) {
                return Err(AccountsError::SessionOver);
            }
            let session = self.adopted(&user, &id, token, jti);
            let session = Session { device: client.device.as_deref().map(Session::cut_device), ..session };
            let event = self.own(EventKind::SessionCreated, &user.id, client);
            let event = event.detail("for a refresh token of another application");
            match self.open(Shown::by(&user), self.revocations.as_kept(session), event).await? {
                Ok(()) => {
                    self.outcomes.count_adopted();
                    return Ok((id, presented));
                }
                Err(NotOpened::UserChanged) => {}
                // What whoever shows a token hears where one who shows a password would hear that it is wrong.
                Err(NotOpened::Locked | NotOpened::Refused) => return Err(AccountsError::SessionOver),
            }
        }
        Err(Self::hash_keeps_changing())
    }

    /// Makes sure that a refresh token is never adopted, nor was: whichever node is asked to, it finds the session that
    /// it would open there already, and ended.
    pub(super) async fn never_adopt(&self, token: &Claims) -> Result<(), AccountsError> {
        let (Some(id), Some(jti)) = (adopted_into(token), token.jti()) else { return Ok(()) };
        self.open_ended(token, &id, jti).await?;
        self.revocations.end_session(&id, EndReason::LoggedOut).await?;
        Ok(())
    }

    async fn open_ended(&self, token: &Claims, id: &SessionId, jti: &str) -> Result<(), AccountsError> {
        for _ in 0..Self::ATTEMPTS {
            let user = match self.user_of(token).await {
                Ok(user) => user,
                // Nobody's token is not adopted.
                Err(AccountsError::SessionOver) => return Ok(()),
                Err(error) => return Err(error),
            };
            let adopted = self.adopted(&user, id, token, jti);
            let ended = sessions::ended(&adopted, EndReason::LoggedOut, self.now());
            let at_most = self.policy.sessions_per_user;
            match self.store.open_session(ended, &Shown::by(&user), at_most, self.now()).await? {
                // Where the user's sessions have all been ended meanwhile, it will not be adopted either.
                Opening::Opened { .. } | Opening::Refused => return Ok(()),
                // What failed or has changed says nothing of a token.
                Opening::UserChanged | Opening::Locked => {}
            }
        }
        Err(Self::hash_keeps_changing())
    }

    fn adopted(&self, user: &User, id: &SessionId, token: &Claims, jti: &str) -> Session {
        let token = AdoptedToken { jti, issued_at: token.issued_at(), expires_at: token.expires_at() };
        let owner = (&user.id, user.epoch);
        sessions::adopted(id.clone(), owner, &token, self.policy.session_max_age, self.now())
    }
}
