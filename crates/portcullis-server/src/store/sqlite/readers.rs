//! A few read-only connections, opened when they are needed and used off the async threads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::{sync::Semaphore, task::spawn_blocking};

use super::{
    failure::{Failure, Place},
    open,
};
use crate::store::patience::wait_for;

/// Connections at most. A point read takes microseconds, so that more would only take memory.
const CONNECTIONS: u32 = 4;

/// The pool of read connections.
pub(super) struct Readers {
    place: Place,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn of(place: Place) -> Self {
        Self { place, permits: Arc::new(Semaphore::new(CONNECTIONS as usize)), idle: Arc::default() }
    }

    /// Runs `work` on a connection that cannot write.
    pub(super) async fn read<T, F>(&self, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let read = async {
            let permit = self.permits.clone().acquire_owned().await.map_err(|_| Failure::Closed)?;
            let (place, idle) = (self.place.clone(), self.idle.clone());
            let task = spawn_blocking(move || {
                // Moved in: a read whose caller gave up keeps its place until it is over.
                let _permit = permit;
                use_one(&place, &idle, work)
            });
            task.await.map_err(|_| Failure::Panicked)?
        };
        wait_for(read).await.unwrap_or(Err(Failure::Late))
    }

    /// Lets every read that waits or runs finish, takes no new one and closes the connections.
    pub(super) async fn close(&self) {
        // Reads are served in the order in which they asked: with all permits in hand, none is left.
        let _all = self.permits.acquire_many(CONNECTIONS).await;
        self.permits.close();
        let idle = self.idle.clone();
        if let Err(error) = spawn_blocking(move || locked(&idle).clear()).await {
            tracing::warn!(%error, "the read connections could not be closed");
        }
    }
}

/// A connection comes back only after a success: whatever was wrong with it, the next one is a fresh one.
fn use_one<T>(
    place: &Place,
    idle: &Mutex<Vec<Connection>>,
    work: impl FnOnce(&Connection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let waiting = locked(idle).pop();
    let connection = if let Some(connection) = waiting {
        connection
    } else {
        // A file that took the place of ours meanwhile is not read by some and ignored by others.
        place.check()?;
        open::reader(place.path())?
    };
    let value = work(&connection)?;
    locked(idle).push(connection);
    Ok(value)
}

/// A list of connections cannot be left half changed, so that a poisoned lock means nothing here.
fn locked(idle: &Mutex<Vec<Connection>>) -> MutexGuard<'_, Vec<Connection>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}
