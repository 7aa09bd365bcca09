//! What happens by the clock and not by a request.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinHandle,
    time::{Interval, MissedTickBehavior},
};

use crate::revocations::Revocations;

/// The jobs of a running service; they end with this value.
pub struct Jobs([JoinHandle<()>; 2]);

impl Jobs {
    /// How often what has expired is dropped. A purge takes milliseconds; nothing waits for it.
    const PURGE_EVERY: Duration = Duration::from_mins(10);

    /// How often the store is told which sessions are in use: well below any reuse window.
    const TELL_EVERY: Duration = Duration::from_secs(1);

    /// Starts them.
    pub fn start(revocations: Arc<Revocations>) -> Self {
        let purging = tokio::spawn(purge(revocations.clone()));
        Self([purging, tokio::spawn(tell_seen(revocations))])
    }
}

async fn purge(revocations: Arc<Revocations>) {
    let mut rhythm = every(Jobs::PURGE_EVERY);
    loop {
        rhythm.tick().await;
        match revocations.purge().await {
            Ok(0) => {}
            Ok(purged) => tracing::info!(purged, "{purged} expired sessions and revocations purged"),
            Err(error) => tracing::warn!(%error, "expired sessions and revocations could not be purged"),
        }
    }
}

async fn tell_seen(revocations: Arc<Revocations>) {
    let mut rhythm = every(Jobs::TELL_EVERY);
    loop {
        rhythm.tick().await;
        match revocations.tell_seen().await {
            Ok(0) => {}
            Ok(told) => tracing::debug!(told, "{told} uses of sessions noted"),
            Err(error) => tracing::warn!(%error, "uses of sessions could not be noted"),
        }
        if let Err(error) = revocations.catch_up().await {
            tracing::warn!(%error, "ended sessions could not be read: some may not be known here yet");
        }
    }
}

/// A rhythm that does not catch up on what it has missed.
fn every(period: Duration) -> Interval {
    let mut rhythm = tokio::time::interval(period);
    rhythm.set_missed_tick_behavior(MissedTickBehavior::Delay);
    rhythm
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}
