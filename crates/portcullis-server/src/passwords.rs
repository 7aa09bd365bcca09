//! Password hashing on a few workers with a bounded queue, so that logins never take more memory or time than
//! was set aside for them.

mod argon2id;

use std::{num::NonZero, thread, time::Duration};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use tokio::sync::oneshot;

use crate::model::{Password, PasswordHash};
use argon2id::Arena;

/// What one hash costs: argon2id with one lane (OWASP Password Storage Cheat Sheet).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Memory in KiB; 19 456 (19 MiB) by default.
    pub memory_kib: u32,
    /// Passes over it; 2 by default.
    pub passes: u32,
}

/// How much hashing happens at once, and how much may wait.
#[derive(Clone, Copy, Debug)]
pub struct HashCapacity {
    /// Threads that hash, each with an arena of its own.
    pub workers: NonZero<usize>,
    /// Passwords that may wait for one; more are turned away at once.
    pub queue: usize,
    /// After how long without work a worker gives its memory back.
    pub idle: Duration,
}

impl HashCapacity {
    /// As many workers as the machine has cores; memory is given back after a minute.
    pub fn of_machine(queue: usize) -> Self {
        let workers = thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        Self { workers, queue, idle: Duration::from_mins(1) }
    }
}

/// Why a password was neither hashed nor checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordsError {
    /// The queue is full: try again later.
    #[error("all hash workers are busy and their queue is full")]
    Busy,
    /// A worker could not do its work.
    #[error("hashing failed: {0}")]
    Failed(&'static str),
}

/// The hash workers of a service.
pub struct Passwords {
    queue: Sender<Task>,
    cost: HashCost,
    dummy: PasswordHash,
}

enum Task {
    Hash { password: Password, cost: HashCost, answer: oneshot::Sender<Result<PasswordHash, PasswordsError>> },
    Check { password: Password, stored: PasswordHash, dummy: PasswordHash, answer: oneshot::Sender<bool> },
}

impl Passwords {
    /// Starts the workers. They hold no memory before the first hash and end with this value.
    pub fn start(cost: HashCost, capacity: HashCapacity) -> Self {
        let (queue, tasks) = crossbeam_channel::bounded(capacity.queue);
        for number in 0..capacity.workers.get() {
            let tasks = tasks.clone();
            let worker = thread::Builder::new().name(format!("hash-{number}"));
            // Without this thread the others do its work; with none of them, hashing answers `Failed`.
            if let Err(error) = worker.spawn(move || work(&tasks, capacity.idle)) {
                tracing::error!(%error, "a hash worker could not be started");
            }
        }
        Self { queue, cost, dummy: argon2id::dummy(cost) }
    }

    /// Hashes a new password at the present cost.
    ///
    /// # Errors
    /// [`PasswordsError::Busy`] at once when the queue is full.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, PasswordsError> {
        let (answer, hash) = oneshot::channel();
        self.submit(Task::Hash { password, cost: self.cost, answer })?;
        hash.await.unwrap_or(Err(PasswordsError::Failed("the worker ended")))
    }

    /// Whether a password is that of a stored hash. Without one the same work is done and the answer is no, so
    /// that an unknown name takes as long as a wrong password.
    ///
    /// # Errors
    /// [`PasswordsError::Busy`] at once when the queue is full.
    pub async fn check(
        &self,
        password: Password,
        stored: Option<&PasswordHash>,
    ) -> Result<bool, PasswordsError> {
        let (answer, verdict) = oneshot::channel();
        let stored = stored.unwrap_or(&self.dummy).clone();
        self.submit(Task::Check { password, stored, dummy: self.dummy.clone(), answer })?;
        verdict.await.map_err(|_| PasswordsError::Failed("the worker ended"))
    }

    fn submit(&self, task: Task) -> Result<(), PasswordsError> {
        self.queue.try_send(task).map_err(|error| match error {
            TrySendError::Full(_) => PasswordsError::Busy,
            TrySendError::Disconnected(_) => PasswordsError::Failed("there is no worker"),
        })
    }
}

/// A worker's life: hash what comes, and after a while without work give the memory back.
fn work(tasks: &Receiver<Task>, idle: Duration) {
    let mut arena = Arena::default();
    loop {
        let task = if arena.is_empty() {
            tasks.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            tasks.recv_timeout(idle)
        };
        match task {
            Ok(task) => task.run(&mut arena),
            Err(RecvTimeoutError::Timeout) => arena.release(),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl Task {
    /// Does the work, unless whoever asked has gone: an abandoned login must not keep others waiting.
    fn run(self, arena: &mut Arena) {
        match self {
            Self::Hash { answer, .. } if answer.is_closed() => {}
            Self::Check { answer, .. } if answer.is_closed() => {}
            Self::Hash { password, cost, answer } => {
                let _gone = answer.send(argon2id::hash(&password, cost, arena));
            }
            Self::Check { password, stored, dummy, answer } => {
                let verdict = argon2id::verify(&password, &stored, arena).unwrap_or_else(|| {
                    tracing::warn!(
                        "a stored password hash is damaged, of an unknown scheme or above the caps"
                    );
                    // The same time as a wrong password takes, and the same answer.
                    argon2id::verify(&password, &dummy, arena).unwrap_or(false)
                });
                let _gone = answer.send(verdict);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinSet;

    use super::*;

    const CHEAP: HashCost = HashCost { memory_kib: 64, passes: 1 };

    fn capacity(workers: usize, queue: usize) -> HashCapacity {
        HashCapacity { workers: NonZero::new(workers).unwrap(), queue, idle: Duration::from_millis(1) }
    }

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    #[tokio::test]
    async fn hashing_and_checking_meet() {
        let passwords = Passwords::start(CHEAP, capacity(2, 8));
        let stored = passwords.hash(password("correct horse")).await.unwrap();
        assert!(passwords.check(password("correct horse"), Some(&stored)).await.unwrap());
        assert!(!passwords.check(password("battery staple"), Some(&stored)).await.unwrap());
        assert!(!passwords.check(password("correct horse"), None).await.unwrap());
        let damaged = PasswordHash::stored("$argon2id$");
        assert!(!passwords.check(password("correct horse"), Some(&damaged)).await.unwrap());
    }

    #[tokio::test]
    async fn a_full_queue_turns_away_at_once() {
        // Expensive enough that the first is still hashed while the others arrive.
        let cost = HashCost { memory_kib: 64 * 1024, passes: 4 };
        let passwords = Arc::new(Passwords::start(cost, capacity(1, 1)));
        let mut hashes = JoinSet::new();
        for _ in 0..8 {
            let passwords = passwords.clone();
            // LOG-02: an unknown name needs a worker as a known one does.
            hashes.spawn(async move { passwords.check(password("x"), None).await });
        }
        let (done, turned_away): (Vec<_>, Vec<_>) =
            hashes.join_all().await.into_iter().partition(Result::is_ok);
        assert!((1..=2).contains(&done.len()), "one at work and one waiting: {}", done.len());
        assert!(turned_away.iter().all(|it| *it == Err(PasswordsError::Busy)));
    }
}
