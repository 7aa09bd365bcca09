//! What happens by the clock and not by a request.

use std::{sync::Arc, thread::panicking, time::Duration};

use tokio::{
    task::JoinHandle,
    time::{Interval, MissedTickBehavior},
};

use crate::{audit::Audit, revocations::Revocations};

/// The jobs of a running service; they end with this value.
pub struct Jobs([JoinHandle<()>; 7]);

impl Jobs {
    /// How often what has expired is dropped. A purge takes milliseconds; nothing waits for it.
    const PURGE_EVERY: Duration = Duration::from_mins(10);

    /// How often the store is told which sessions are in use: well below any reuse window.
    const TELL_EVERY: Duration = Duration::from_secs(1);

    /// How often all revocations are read again, whatever was missed.
    const RELOAD_EVERY: Duration = Duration::from_mins(10);

    /// The pause before a store that has stopped telling of revocations, or never could, is asked to tell again.
    const LISTEN_AGAIN: Duration = Duration::from_secs(30);

    /// How often the Flask application is told what it could not be told at once, and what other nodes left behind.
    const TELL_FLASK_EVERY: Duration = Duration::from_secs(10);

    /// Starts them.
    pub fn start(revocations: &Arc<Revocations>, audit: &Arc<Audit>) -> Self {
        Self([
            tokio::spawn(purge(revocations.clone())),
            tokio::spawn(tell_seen(revocations.clone())),
            tokio::spawn(tell_flask(revocations.clone())),
            tokio::spawn(poll(revocations.clone())),
            tokio::spawn(listen(revocations.clone())),
            tokio::spawn(reload(revocations.clone())),
            tokio::spawn(write_audit(audit.clone())),
        ])
    }

    /// Ends them, wherever they are.
    pub fn stop(&self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

async fn purge(revocations: Arc<Revocations>) {
    let mut rhythm = every(Jobs::PURGE_EVERY);
    // Not at the start: a machine's clock may be years off until somebody has told it the time.
    rhythm.tick().await;
    loop {
        rhythm.tick().await;
        match revocations.purge().await {
            Ok(0) => {}
            Ok(purged) => {
                tracing::info!(purged, "{purged} expired sessions, revocations and audit events purged");
            }
            Err(error) => {
                tracing::warn!(%error, "expired sessions, revocations and audit events could not be purged");
            }
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
    }
}

async fn poll(revocations: Arc<Revocations>) {
    let listening = Listening(revocations);
    let (mut rhythm, mut waited) = (every(Revocations::POLL_EVERY), Duration::ZERO);
    loop {
        // In short steps: the store may stop telling in between.
        rhythm.tick().await;
        waited += Revocations::POLL_EVERY;
        if waited >= listening.0.poll_every() {
            waited = Duration::ZERO;
            // A failure is said once there, and not five times a second here.
            let _ = listening.0.poll().await;
        }
    }
}

async fn listen(revocations: Arc<Revocations>) {
    let mut rhythm = every(Jobs::LISTEN_AGAIN);
    loop {
        rhythm.tick().await;
        revocations.listen().await;
    }
}

async fn reload(revocations: Arc<Revocations>) {
    let mut rhythm = every(Jobs::RELOAD_EVERY);
    // The first tick is that of the start, at which everything has just been loaded.
    rhythm.tick().await;
    loop {
        rhythm.tick().await;
        if let Err(error) = revocations.reload().await {
            tracing::warn!(%error, "the revocation list could not be read again");
        }
    }
}

async fn tell_flask(revocations: Arc<Revocations>) {
    let mut rhythm = every(Jobs::TELL_FLASK_EVERY);
    loop {
        rhythm.tick().await;
        match revocations.tell_flask().await {
            Ok(0) => {}
            Ok(told) => tracing::info!(told, "the Flask application was told of {told} ended sessions"),
            Err(error) => tracing::warn!(%error, "the Flask application could not be told what to refuse"),
        }
    }
}

async fn write_audit(audit: Arc<Audit>) {
    let (mut rhythm, mut failing) = (every(Audit::WRITE_EVERY), false);
    loop {
        tokio::select! {
            _ = rhythm.tick() => {}
            // A store that does not answer is not asked again for each batch that comes.
            () = audit.batch_waits(), if !failing => {}
        }
        let written = audit.write().await;
        if let Err(error) = &written
            && !failing
        {
            tracing::warn!(%error, "audit events could not be written: they are kept and tried again");
        }
        failing = written.is_err();
    }
}

/// A rhythm that does not catch up on what it has missed.
fn every(period: Duration) -> Interval {
    let mut rhythm = tokio::time::interval(period);
    rhythm.set_missed_tick_behavior(MissedTickBehavior::Delay);
    rhythm
}

/// Held by whoever polls: a node whose poll ends by a defect hears nothing, and must not go on as if there were nothing.
struct Listening(Arc<Revocations>);

impl Drop for Listening {
    fn drop(&mut self) {
        if panicking() {
            self.0.stop_hearing();
        }
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.stop();
    }
}
