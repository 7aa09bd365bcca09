//! The Flask application beside this service: what it has to refuse too, and would not know of otherwise.

use std::sync::{Mutex, PoisonError};

use super::Revocations;
use crate::{
    model::{Head, RevokedToken, Session},
    store::{FlaskNews, StoreError, UNTOLD_AT_ONCE},
};

/// Who else verifies the tokens, by the list in the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Beside {
    /// Nobody, and nobody will.
    #[default]
    Nobody,
    /// Nobody now. The Flask application may come back to its database, and has to find there what ended meanwhile.
    Later,
    /// The Flask application on the same database, which looks every token's `jti` up there.
    Flask,
}

/// Whom to tell, and what could not be told yet.
#[derive(Default)]
pub(super) struct Neighbour {
    beside: Beside,
    untold: Mutex<Vec<RevokedToken>>,
}

impl Neighbour {
    /// How many entries wait at most for a store that fails. More are dropped: they are of tokens that were replaced,
    /// of which the next refresh of their sessions tells once more.
    const UNTOLD: usize = 10_000;

    fn note(&self, tokens: impl IntoIterator<Item = RevokedToken>) {
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        let room = Self::UNTOLD.saturating_sub(untold.len());
        untold.extend(tokens.into_iter().take(room));
    }

    fn take(&self) -> Vec<RevokedToken> {
        std::mem::take(&mut *self.untold.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is being told. What is left of it waits again, also where whoever told it was a request that is gone.
struct Telling<'a> {
    tokens: Vec<RevokedToken>,
    neighbour: &'a Neighbour,
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.neighbour.note(std::mem::take(&mut self.tokens));
    }
}

/// The tokens of a session as far as they are known, also where it has kept none: it was opened before there was anybody
/// beside.
fn known_tokens(session: &Session) -> Vec<RevokedToken> {
    match session.access_tokens {
        Some(_) => session.tokens_to_refuse(),
        None => session.clone().keeping_access_tokens().tokens_to_refuse(),
    }
}

impl Revocations {
    /// The same for a service that shares its store with another application.
    #[must_use]
    pub fn beside(self, beside: Beside) -> Self {
        Self { neighbour: Neighbour { beside, ..Neighbour::default() }, ..self }
    }

    /// Who else verifies the tokens.
    pub fn neighbour(&self) -> Beside {
        self.neighbour.beside
    }

    /// Has the Flask application refuse tokens, and those of sessions that have ended, before whoever ended them is
    /// answered. What fails is done again by a job ([`tell_flask`](Self::tell_flask)), and where the application runs at
    /// another time the job is soon enough: no answer that is right otherwise fails by it, or waits for what others left.
    pub async fn flask_refuses<'s>(
        &self,
        tokens: impl IntoIterator<Item = RevokedToken>,
        ended: impl IntoIterator<Item = &'s Session>,
    ) {
        let ended = ended.into_iter().filter(|session| session.ended.is_some());
        match self.neighbour.beside {
            Beside::Nobody => {}
            // What they have kept stands in the store.
            Beside::Later => {
                let kept_none = ended.filter(|session| session.access_tokens.is_none());
                self.neighbour.note(tokens.into_iter().chain(kept_none.flat_map(known_tokens)));
            }
            Beside::Flask => {
                let own = tokens.into_iter().chain(ended.flat_map(known_tokens)).collect();
                if let Err(error) = self.tell(own).await {
                    tracing::warn!(%error, "the Flask application could not be told what to refuse; it is told soon");
                }
            }
        }
    }

    /// Of tokens that were replaced by newer ones, those of which somebody has to be told now. Who comes back later hears
    /// of the newest when its session ends.
    pub fn void_there(&self, replaced: &[RevokedToken]) -> Vec<RevokedToken> {
        match self.neighbour.beside {
            Beside::Flask => replaced.to_vec(),
            Beside::Nobody | Beside::Later => Vec::new(),
        }
    }

    /// Whether a pair that no session has replaced is in the list all the same: whoever wrote it there holds the pair.
    pub fn was_logged_out_there(&self, head: &Head) -> bool {
        let access = head.access_id().map(|token| token.jti);
        let jtis = [Some(head.refresh.jti.clone()), access, Some(head.stale_access_jti())];
        jtis.into_iter().flatten().any(|jti| self.index.is_token_revoked(&jti))
    }

    /// Tells the Flask application all that it has not been told yet, whoever left it; answers of how many ended sessions.
    ///
    /// # Errors
    /// [`StoreError`] when it may not know all; the next call tells it.
    pub async fn tell_flask(&self) -> Result<usize, StoreError> {
        if self.neighbour.beside == Beside::Nobody {
            return Ok(0);
        }
        self.tell_noted().await?;
        let mut told = 0;
        loop {
            let some = self.store.tell_flask(FlaskNews::EndedSessions, self.times().1).await?;
            told += some;
            if some < UNTOLD_AT_ONCE {
                return Ok(told);
            }
        }
    }

    /// Tells it what was noted here and could not be told yet: the last that a program does which ends.
    ///
    /// # Errors
    /// [`StoreError`] when it may not know all; the next call tells it.
    pub async fn tell_noted(&self) -> Result<(), StoreError> {
        self.tell(self.neighbour.take()).await
    }

    async fn tell(&self, tokens: Vec<RevokedToken>) -> Result<(), StoreError> {
        if tokens.is_empty() {
            return Ok(());
        }
        let mut telling = Telling { tokens, neighbour: &self.neighbour };
        self.store.tell_flask(FlaskNews::Tokens(&telling.tokens), self.times().1).await?;
        telling.tokens.clear();
        Ok(())
    }

    /// A session that is to be opened, with what has to be kept of it for the Flask application.
    pub fn as_kept(&self, session: Session) -> Session {
        match self.neighbour.beside {
            Beside::Nobody => session,
            Beside::Later | Beside::Flask => session.keeping_access_tokens(),
        }
    }
}
