//! What happens by the clock and not by a request.

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::MissedTickBehavior};

use crate::revocations::Revocations;

/// The jobs of a running service; they end with this value.
pub struct Jobs(JoinHandle<()>);

impl Jobs {
    /// How often what has expired is dropped. A purge takes milliseconds; nothing waits for it.
    const PURGE_EVERY: Duration = Duration::from_mins(10);

    /// Starts them.
    pub fn start(revocations: Arc<Revocations>) -> Self {
        Self(tokio::spawn(async move {
            let mut rhythm = tokio::time::interval(Self::PURGE_EVERY);
            rhythm.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                rhythm.tick().await;
                match revocations.purge().await {
                    Ok(0) => {}
                    Ok(purged) => tracing::info!(purged, "{purged} expired revocations purged"),
                    Err(error) => tracing::warn!(%error, "expired revocations could not be purged"),
                }
            }
        }))
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.0.abort();
    }
}
