//! Refreshing: a refresh token becomes the session's pair, a new one or the same again.

use portcullis::Claims;

use super::{Accounts, AccountsError, Client, RefreshOutcome, TokenPair, to_its_end};
use crate::{
    model::{EventKind, RefreshId, SessionId},
    revocations::Beside,
    sessions::{Refresh, Verdict},
    store::{Refreshed, StoreError},
};

/// A refreshed session's pair.
#[derive(Debug)]
pub struct RefreshedPair {
    /// The pair.
    pub pair: TokenPair,
    /// Why it is not simply the next one, if it is not.
    pub repeat: Option<RepeatReason>,
}

/// Why a refresh did not simply yield the next pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeatReason {
    /// Somebody with the same token was first, a moment ago: both get the same pair.
    Concurrent,
    /// The answer to the last refresh never arrived: its pair is void, and this is another.
    LostAnswer,
}

impl Accounts {
    /// Gives out a session's pair for a genuine refresh token, by the rule of [`sessions`](crate::sessions). A token of
    /// no session opens one, where the policy adopts it.
    ///
    /// # Errors
    /// [`AccountsError::SessionOver`] for a token that is void, or whose session is; a part that failed: the same
    /// request again settles it.
    pub async fn refresh(&self, token: &Claims, client: &Client) -> Result<RefreshedPair, AccountsError> {
        let (verdict, refreshed) = match self.judged(token, client).await {
            Ok(judged) => (judged.verdict, self.pair_of(judged, client).await),
            // What is said of no session.
            Err(error) => (Verdict::Gone, Err(error)),
        };
        self.outcomes.refreshes.add(RefreshOutcome::of(verdict, &refreshed));
        if let Err(AccountsError::SessionOver) = refreshed {
            self.note_failed_refresh(client);
        }
        refreshed
    }

    /// What the rule says of a token, as the store has carried it out.
    async fn judged(&self, token: &Claims, client: &Client) -> Result<Refreshed, AccountsError> {
        let (id, presented) = match (token.session(), token.jti()) {
            (Some(of), Some(jti)) => {
                (SessionId::new(of.id), RefreshId { generation: of.generation, jti: jti.to_owned() })
            }
            (None, _) => self.adopt(token, client).await?,
            (Some(_), None) => return Err(AccountsError::SessionOver),
        };
        let next = match self.unsettled.pair(&id, &presented, self.clock.monotonic()) {
            Some(next) => next,
            None => self.next_head()?,
        };
        let seen = self.newest_seen(&id).await?;
        let refresh = Refresh { presented, seen, next, policy: self.policy.refresh };
        let refreshed = self.use_refresh_token(id.clone(), refresh).await?;
        if refreshed.session.is_none() || refreshed.user.is_none() {
            tracing::info!(session = id.as_str(), "a refresh token of no session was refused");
        }
        Ok(refreshed)
    }

    /// The pair that is given out after a verdict.
    async fn pair_of(&self, refreshed: Refreshed, client: &Client) -> Result<RefreshedPair, AccountsError> {
        let (Some(session), Some(user)) = (&refreshed.session, &refreshed.user) else {
            return Err(AccountsError::SessionOver);
        };
        match refreshed.verdict {
            Verdict::Rotate => {
                let pair = self.pair(user, session)?;
                self.keep_for_flask(session, &pair.access).await?;
                Ok(RefreshedPair { pair, repeat: None })
            }
            Verdict::Reissue => {
                tracing::info!(
                    session = session.id.as_str(),
                    "the answer to a refresh was lost: its pair is void, another was made"
                );
                let pair = self.pair(user, session)?;
                self.keep_for_flask(session, &pair.access).await?;
                Ok(RefreshedPair { pair, repeat: Some(RepeatReason::LostAnswer) })
            }
            Verdict::Repeat => {
                let pair = self.pair_again(user, session)?;
                self.keep_for_flask(session, &pair.access).await?;
                Ok(RefreshedPair { pair, repeat: Some(RepeatReason::Concurrent) })
            }
            Verdict::Replayed => {
                // Nobody knows which of the two it was.
                let event = self.event(EventKind::TokenReuse, client).about(&user.id).session(&session.id);
                self.audit.note(event.detail("the session ended: somebody has a copy of a refresh token"));
                Err(AccountsError::SessionOver)
            }
            Verdict::Ahead => {
                let event = self.event(EventKind::SessionAheadOfStore, client);
                let event = event.about(&user.id).session(&session.id).detail("was the store set back?");
                self.note_seldom(event, user.id.as_str());
                Err(AccountsError::SessionOver)
            }
            Verdict::Gone => Err(AccountsError::SessionOver),
        }
    }

    /// The newest generation of a session that somebody is known to hold. What was logged out at the Flask application is
    /// held too, and an older token of that session no lost answer.
    async fn newest_seen(&self, id: &SessionId) -> Result<u32, StoreError> {
        let seen = self.revocations.newest_seen(id);
        if self.revocations.neighbour() != Beside::Flask {
            return Ok(seen);
        }
        let session = self.store.session(id).await?;
        let shown = session.filter(|session| self.revocations.was_logged_out_there(&session.head));
        Ok(shown.map_or(seen, |session| seen.max(session.head.refresh.generation)))
    }

    /// Lets the store act, and tells the index what it says of the session: once more where this node may not have heard.
    async fn use_refresh_token(&self, id: SessionId, refresh: Refresh) -> Result<Refreshed, StoreError> {
        let (store, revocations, now) = (self.store.clone(), self.revocations.clone(), self.now());
        let (unsettled, asked_at) = (self.unsettled.clone(), self.clock.monotonic());
        to_its_end(async move {
            let refreshed = match store.refresh_session(&id, &refresh, now).await {
                Ok(refreshed) => refreshed,
                Err(error) => {
                    unsettled.keep(&id, &refresh.presented, refresh.next, asked_at);
                    return Err(error);
                }
            };
            unsettled.settle(&id, &refresh.presented);
            if let Some(session) = &refreshed.session {
                revocations.note_session(session);
                let replaced = revocations.void_there(&refreshed.replaced);
                revocations.flask_refuses(replaced, [session]).await;
            }
            Ok(refreshed)
        })
        .await
    }
}
