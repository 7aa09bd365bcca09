//! How much there is to hash, and how long it takes: for whoever asks why logins are slow.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::metrics::{Reading, Times};

/// What the hash workers of a service do.
#[derive(Debug, Default)]
pub struct HashLoad {
    running: AtomicU64,
    turned_away: AtomicU64,
    times: Times,
}

impl HashLoad {
    /// How many workers hash at this moment.
    pub fn running(&self) -> u64 {
        self.running.load(Ordering::Relaxed)
    }

    /// How many passwords found the queue full.
    pub fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// How long it took to hash a password or to check one, without the wait for a worker.
    pub fn times(&self) -> Reading {
        self.times.read()
    }

    pub(super) fn count_turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    /// Says that a worker has begun, until what this answers with goes.
    pub(super) fn begin(&self) -> Running<'_> {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(self)
    }
}

/// A worker that hashes.
pub(super) struct Running<'l>(&'l HashLoad);

impl Running<'_> {
    pub(super) fn took(&self, time: Duration) {
        self.0.times.note(time);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}
