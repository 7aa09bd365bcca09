//! The one thread that writes: what waits is done in one transaction, so that one sync serves many callers.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use rusqlite::Connection;
use tokio::{
    sync::{mpsc, oneshot},
    task::spawn_blocking,
};

use super::{
    failure::{Failure, Place},
    open::ServingLock,
};
use crate::store::patience::wait_for;

/// Acts in one transaction at most: beyond this a commit gains little, and its first act waits for its last.
const GROUP: usize = 64;

/// Acts that may wait: a few groups, so that nobody waits for long before hearing that there is no place.
const QUEUE: usize = 16 * GROUP;

/// The way to the thread that owns the write connection.
///
/// Dropping it ends the thread after the acts that it has accepted.
pub(super) struct Writer {
    queue: Mutex<Option<mpsc::Sender<Box<dyn Act>>>>,
    thread: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread; it holds the lock of whoever serves the file until it has closed the connection.
    pub(super) fn start(
        connection: Connection,
        place: Place,
        lock: Option<ServingLock>,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
            serve(&connection, &place, receiver);
            // Whoever does not serve the file leaves the log to the one who does, and to the last who closes it.
            if lock.is_some() {
                finish(connection, &place);
            }
            drop(lock);
        })?;
        Ok(Self { queue: Mutex::new(Some(sender)), thread: tokio::sync::Mutex::new(Some(thread)) })
    }

    /// Does `work` in a transaction and answers when that is durable.
    ///
    /// Once it has a place in the queue, `work` is done even if the caller goes away: a logout whose client hung
    /// up is a logout. After [`Failure::Late`] the outcome is unknown.
    pub(super) async fn act<T, F>(&self, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let queue = queue.ok_or(Failure::Closed)?;
        let (reply, answer) = oneshot::channel();
        let pending = Box::new(Pending { work: Some(work), outcome: None, reply });
        let done = async {
            // Consumed: a caller that only waits for its answer does not keep the queue open.
            let slot = queue.reserve_owned().await.map_err(|_| Failure::Closed)?;
            slot.send(pending);
            answer.await.map_err(|_| Failure::Closed)?
        };
        wait_for(done).await.unwrap_or(Err(Failure::Late))
    }

    /// Accepts nothing more, answers what was accepted and waits until the connection is closed.
    pub(super) async fn close(&self) {
        // Held throughout: a second caller returns when the file is closed, not earlier.
        let mut thread = self.thread.lock().await;
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let Some(thread) = thread.take() else { return };
        if !matches!(spawn_blocking(move || thread.join()).await, Ok(Ok(()))) {
            tracing::error!("the store's writer did not end in order");
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.get_mut().unwrap_or_else(PoisonError::into_inner).take());
        // Waited for, so that whoever opens the file next finds it free; the thread has said what went wrong.
        if let Some(thread) = self.thread.get_mut().take() {
            let _ = thread.join();
        }
    }
}

/// Something to do in a transaction, and somebody who waits for it.
trait Act: Send {
    /// Does it and keeps the outcome; the failure is also returned, for the transaction's sake.
    fn perform(&mut self, connection: &Connection) -> Result<(), Failure>;

    /// Tells the caller: the outcome if the transaction is durable, else why it is not.
    fn answer(self: Box<Self>, durable: Result<(), Failure>);
}

struct Pending<T, F> {
    work: Option<F>,
    outcome: Option<Result<T, Failure>>,
    reply: oneshot::Sender<Result<T, Failure>>,
}

impl<T, F> Act for Pending<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, Failure> + Send,
{
    fn perform(&mut self, connection: &Connection) -> Result<(), Failure> {
        let work = self.work.take().ok_or(Failure::Panicked)?;
        let outcome = work(connection);
        let failure = outcome.as_ref().err().cloned();
        self.outcome = Some(outcome);
        failure.map_or(Ok(()), Err)
    }

    fn answer(self: Box<Self>, durable: Result<(), Failure>) {
        let Self { outcome, reply, .. } = *self;
        // Nobody there any more: the act stands all the same.
        let _ = reply.send(durable.and_then(|()| outcome.unwrap_or(Err(Failure::Panicked))));
    }
}

/// Takes what waits, a group at a time, until nobody can send any more.
fn serve(connection: &Connection, place: &Place, mut queue: mpsc::Receiver<Box<dyn Act>>) {
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = queue.try_recv()
        {
            group.push(next);
        }
        let durable = commit(connection, place, &mut group);
        for act in group {
            act.answer(durable.clone());
        }
    }
}

/// One transaction for a group. Whatever happens in it, the connection is ready for the next one.
fn commit(connection: &Connection, place: &Place, group: &mut [Box<dyn Act>]) -> Result<(), Failure> {
    let durable = catch_unwind(AssertUnwindSafe(|| {
        place.check()?;
        perform_all(connection, group)
    }));
    let durable = durable.unwrap_or(Err(Failure::Panicked));
    if !connection.is_autocommit()
        && let Err(error) = connection.execute_batch("ROLLBACK")
    {
        tracing::error!(%error, "a transaction could not be rolled back");
    }
    durable
}

/// Each act has a savepoint of its own: one that fails takes nothing of its neighbours along.
fn perform_all(connection: &Connection, group: &mut [Box<dyn Act>]) -> Result<(), Failure> {
    run(connection, "BEGIN IMMEDIATE")?;
    for act in group {
        run(connection, "SAVEPOINT act")?;
        if let Err(failure) = act.perform(connection) {
            // A full disk or a failed write ends the whole transaction, with the neighbours' acts in it.
            if connection.is_autocommit() {
                return Err(failure);
            }
            run(connection, "ROLLBACK TO act")?;
        }
        run(connection, "RELEASE act")?;
    }
    run(connection, "COMMIT")
}

fn run(connection: &Connection, sql: &str) -> Result<(), Failure> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// Moves what is in the write-ahead log into the file, so that a closed store is one file.
fn finish(connection: Connection, place: &Place) {
    let file = place.path().display();
    let moved = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    let closed = connection.close().map_err(|(_, error)| error);
    if let Err(error) = moved.and(closed) {
        tracing::warn!(%error, %file, "the write-ahead log was left beside the database; it belongs to it");
    }
}

#[cfg(test)]
mod tests;
