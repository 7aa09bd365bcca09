//! Uses of refresh tokens: those of one session that wait are served one after the other, by one call.
//!
//! Tabs and repeated requests come at once. Each by itself, they would all look at the same document, all but one would
//! lose the write, and of a thousand the last would be answered too late. A use that waits is judged by the session as
//! it was read or written after the use had come, so that it gets what a look of its own would have given it.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use tokio::sync::oneshot;

use super::{
    calls::{Calls, bounded},
    failure::Failure,
    sessions::Sessions,
};
use crate::{
    model::SessionId,
    sessions::Refresh,
    store::{Refreshed, patience::wait_for},
};

/// The uses that wait, by session. A session that is listed is being served, also when nobody waits.
#[derive(Clone, Default)]
pub(super) struct Uses(Arc<Mutex<HashMap<SessionId, Vec<Use>>>>);

/// A use, and somebody who waits for what comes of it.
struct Use {
    refresh: Refresh,
    now: SystemTime,
    reply: oneshot::Sender<Result<Refreshed, Failure>>,
}

impl Uses {
    /// Uses a refresh token. After [`Failure::Late`] the outcome is unknown.
    pub(super) async fn one(
        &self,
        calls: &Calls,
        sessions: &Sessions,
        id: &SessionId,
        refresh: Refresh,
        now: SystemTime,
    ) -> Result<Refreshed, Failure> {
        let (reply, answer) = oneshot::channel();
        if self.wait(id, Use { refresh, now, reply }) {
            tokio::spawn(self.clone().serve(calls.clone(), sessions.clone(), id.clone()));
        }
        wait_for(answer).await.map_or(Err(Failure::Late), |answer| answer.unwrap_or(Err(Failure::Panicked)))
    }

    /// Lists a use, and says whether nobody serves its session yet.
    fn wait(&self, id: &SessionId, one: Use) -> bool {
        let mut waiting = self.locked();
        let is_served = waiting.contains_key(id);
        waiting.entry(id.clone()).or_default().push(one);
        !is_served
    }

    /// Serves a session until nobody waits.
    async fn serve(self, calls: Calls, sessions: Sessions, id: SessionId) {
        let served = Box::pin(calls.make_in_steps(self.clone().all(sessions, id.clone()))).await;
        // Without a place, or after a panic: nobody serves it any more, and nobody is left waiting.
        if let Err(failure) = served {
            let waiting = self.locked().remove(&id);
            for one in waiting.into_iter().flatten() {
                let _ = one.reply.send(Err(failure.clone()));
            }
        }
    }

    async fn all(self, sessions: Sessions, id: SessionId) -> Result<(), Failure> {
        while let Some(uses) = self.next(&id) {
            // Read anew: who came after the last look must see what happened before it came.
            let mut known = None;
            // Whoever gave up has nothing done: a use that nobody waits for is none.
            for one in uses.into_iter().filter(|one| !one.reply.is_closed()) {
                let answer = bounded(sessions.refresh(&mut known, &id, &one.refresh, one.now)).await;
                let _ = one.reply.send(answer);
            }
        }
        Ok(())
    }

    /// The uses that wait; `None` when there are none, and then the session is not served any more.
    fn next(&self, id: &SessionId) -> Option<Vec<Use>> {
        let mut waiting = self.locked();
        let uses = mem::take(waiting.get_mut(id)?);
        if uses.is_empty() {
            waiting.remove(id);
            return None;
        }
        Some(uses)
    }

    /// A list cannot be left half changed, so that a poisoned lock means nothing here.
    fn locked(&self) -> MutexGuard<'_, HashMap<SessionId, Vec<Use>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
