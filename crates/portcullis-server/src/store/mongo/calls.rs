//! The way of every call to the server: bounded in number and in time, and over when the store closes.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};

use super::failure::Failure;
use crate::store::patience::{PATIENCE, wait_for};

/// Calls at once, and so connections at most. More would wait in the server instead of here.
pub(super) const AT_ONCE: u32 = 64;

/// The calls of a store; the clones share its places.
#[derive(Clone)]
pub(super) struct Calls {
    permits: Arc<Semaphore>,
    closing: watch::Sender<bool>,
}

impl Calls {
    pub(super) fn new() -> Self {
        Self { permits: Arc::new(Semaphore::new(AT_ONCE as usize)), closing: watch::Sender::new(false) }
    }

    /// Makes a call. It has [`PATIENCE`] to end, whatever the server does.
    ///
    /// Once it has a place it goes on even if the caller goes away: a logout whose client hung up is a logout, and
    /// no connection is lost over it. After [`Failure::Late`] the outcome is unknown.
    pub(super) async fn make<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        wait_for(self.make_in_steps(bounded(call))).await.unwrap_or(Err(Failure::Late))
    }

    /// Makes a call of many steps that bounds each of them by itself, with [`bounded`]: it may take as long as the
    /// server goes on answering.
    pub(super) async fn make_in_steps<T: Send + 'static>(
        &self,
        call: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let permit =
            bounded(async { self.permits.clone().acquire_owned().await.map_err(|_| Failure::Closed) });
        let permit = permit.await?;
        let task = tokio::spawn(async move {
            // Moved in: a call whose caller gave up keeps its place until it is over.
            let _permit = permit;
            call.await
        });
        task.await.map_err(|_| Failure::Panicked)?
    }

    /// What tells a call of very many steps, and whatever is no call, that the store is closing.
    pub(super) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Lets every call that waits or runs finish, and takes no new one.
    pub(super) async fn close(&self) {
        self.closing.send_replace(true);
        // Places are given in the order in which they were asked for: with all in hand, nobody waits or runs.
        let _all = self.permits.acquire_many(AT_ONCE).await;
        self.permits.close();
    }
}

/// A step that has [`PATIENCE`] to end.
pub(super) async fn bounded<T, E: Into<Failure>>(
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    within(PATIENCE, step).await
}

/// A step that has a time of its own to end.
pub(super) async fn within<T, E: Into<Failure>>(
    patience: Duration,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    match timeout(patience, step).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(Failure::Late),
    }
}
