//! Password hashing on a few workers with a bounded queue, so that logins never take more memory or time than
//! was set aside for them.

mod argon2id;
mod bcrypt;
mod django;
mod load;
mod passlib;
mod pbkdf2;
mod scrypt;
mod stored;
mod usual;
mod werkzeug;
mod worker;

use std::{
    num::{NonZero, NonZeroU32},
    sync::Arc,
    thread,
    time::Duration,
};

use crossbeam_channel::{Sender, TrySendError};
use portcullis::Clock;
use tokio::sync::oneshot;

use crate::model::{Password, PasswordHash};
pub use load::HashLoad;
pub use stored::{Unverifiable, judge};
use worker::{Task, Worker};

/// What one hash costs: argon2id with one lane (OWASP Password Storage Cheat Sheet).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashCost {
    /// Memory in KiB; 19 456 (19 MiB) by default.
    pub memory_kib: u32,
    /// Passes over it; 2 by default.
    pub passes: u32,
}

impl HashCost {
    /// The work as one number: memory times passes.
    fn work(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.passes)
    }
}

/// How new passwords are hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Argon2id, of a password's NFKC form.
    Argon2id(HashCost),
    /// PBKDF2 with HMAC-SHA-256 in passlib's form, of a password's bytes: what a Flask application reads.
    Pbkdf2Sha256 {
        /// How often it hashes.
        rounds: NonZeroU32,
    },
}

impl Scheme {
    /// A hash that no password has: what an unknown name is checked against. It is written, not computed, so that
    /// starting costs nothing.
    fn dummy(self) -> PasswordHash {
        match self {
            Self::Argon2id(cost) => argon2id::dummy(cost),
            Self::Pbkdf2Sha256 { rounds } => passlib::dummy(rounds),
        }
    }

    /// The same for so many thousandths of the work.
    fn thousandths(self, part: u32) -> Self {
        let part_of = |whole: u32| {
            let part = u64::from(whole) * u64::from(part.min(1000)) / 1000;
            u32::try_from(part).unwrap_or(whole)
        };
        match self {
            Self::Argon2id(cost) => {
                // Argon2 takes no less.
                Self::Argon2id(HashCost { memory_kib: part_of(cost.memory_kib).max(8), ..cost })
            }
            Self::Pbkdf2Sha256 { rounds } => {
                let rounds = NonZeroU32::new(part_of(rounds.get())).unwrap_or(NonZeroU32::MIN);
                Self::Pbkdf2Sha256 { rounds }
            }
        }
    }
}

/// What becomes of hashes that are of another scheme than new ones, or were cheaper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upgrade {
    /// A new one takes their place at the next login.
    AtLogin,
    /// They stay.
    Never,
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

    /// One worker, for a program that has little to hash and others beside it.
    pub fn of_one_worker(queue: usize) -> Self {
        Self { workers: NonZero::<usize>::MIN, queue, idle: Duration::from_mins(1) }
    }
}

/// What came of checking a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is the one that the hash was made of.
    Right,
    /// It is another, or there is no hash.
    Wrong,
    /// The hash cannot be verified, so that no password is right. To whoever shows one it is a wrong one.
    Unusable(Unverifiable),
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
    scheme: Scheme,
    upgrade: Upgrade,
    dummy: PasswordHash,
    load: Arc<HashLoad>,
}

impl Passwords {
    /// Starts the workers. They hold no memory before the first hash and end with this value.
    pub fn start(scheme: Scheme, upgrade: Upgrade, capacity: HashCapacity, clock: &Arc<dyn Clock>) -> Self {
        let (queue, tasks) = crossbeam_channel::bounded(capacity.queue);
        let load = Arc::<HashLoad>::default();
        for number in 0..capacity.workers.get() {
            let tasks = tasks.clone();
            let worker = Worker::new(scheme, clock.clone(), load.clone());
            let thread = thread::Builder::new().name(format!("hash-{number}"));
            // Without this thread the others do its work; with none of them, hashing answers `Failed`.
            if let Err(error) = thread.spawn(move || worker.work(&tasks, capacity.idle)) {
                tracing::error!(%error, "a hash worker could not be started");
            }
        }
        Self { queue, scheme, upgrade, dummy: scheme.dummy(), load }
    }

    /// How much there is to hash, and how long it takes.
    pub fn load(&self) -> &HashLoad {
        &self.load
    }

    /// How many passwords wait for a worker.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Hashes a new password by the present scheme.
    ///
    /// # Errors
    /// [`PasswordsError::Busy`] at once when the queue is full.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, PasswordsError> {
        let (answer, hash) = oneshot::channel();
        self.submit(Task::Hash { password, scheme: self.scheme, answer })?;
        hash.await.unwrap_or(Err(PasswordsError::Failed("the worker ended")))
    }

    /// Checks a password against a stored hash. Without one, and with one that cannot be verified, the same work is done
    /// as for a wrong password, so that time does not tell them apart; what the answer tells is the caller's to keep.
    ///
    /// # Errors
    /// [`PasswordsError::Busy`] at once when the queue is full.
    pub async fn check(
        &self,
        password: Password,
        stored: Option<&PasswordHash>,
    ) -> Result<Checked, PasswordsError> {
        let (answer, verdict) = oneshot::channel();
        let stored = stored.unwrap_or(&self.dummy).clone();
        self.submit(Task::Check { password, stored, answer })?;
        verdict.await.map_err(|_| PasswordsError::Failed("the worker ended"))
    }

    /// The hash that takes an outdated one's place, for the password that has just been found to be its. `None` where
    /// the old one stays: it is of the present scheme and cost, or the configuration says so, or the workers are busy
    /// with logins, which come first.
    ///
    /// # Errors
    /// [`PasswordsError`] when a worker could not do its work.
    pub async fn successor(
        &self,
        stored: &PasswordHash,
        password: Password,
    ) -> Result<Option<PasswordHash>, PasswordsError> {
        let stays = self.upgrade == Upgrade::Never || !stored::is_outdated(stored, self.scheme);
        let busy = || self.queue.len() * 2 > self.queue.capacity().unwrap_or(usize::MAX);
        if stays || busy() {
            return Ok(None);
        }
        self.hash(password).await.map(Some)
    }

    fn submit(&self, task: Task) -> Result<(), PasswordsError> {
        self.queue.try_send(task).map_err(|error| match error {
            TrySendError::Full(_) => {
                self.load.count_turned_away();
                PasswordsError::Busy
            }
            TrySendError::Disconnected(_) => PasswordsError::Failed("there is no worker"),
        })
    }
}

#[cfg(test)]
mod tests {
    use portcullis::SystemClock;
    use tokio::task::JoinSet;

    use super::*;

    const CHEAP: HashCost = HashCost { memory_kib: 64, passes: 1 };

    fn start(scheme: Scheme, workers: usize, queue: usize) -> Passwords {
        let capacity =
            HashCapacity { workers: NonZero::new(workers).unwrap(), queue, idle: Duration::from_millis(1) };
        Passwords::start(scheme, Upgrade::AtLogin, capacity, &clock())
    }

    fn clock() -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    #[tokio::test]
    async fn hashing_and_checking_meet() {
        let passwords = start(Scheme::Argon2id(CHEAP), 2, 8);
        let stored = passwords.hash(password("correct horse")).await.unwrap();
        let check = async |text, stored| passwords.check(password(text), stored).await.unwrap();
        assert_eq!(check("correct horse", Some(&stored)).await, Checked::Right);
        assert_eq!(check("battery staple", Some(&stored)).await, Checked::Wrong);
        assert_eq!(check("correct horse", None).await, Checked::Wrong);
        let damaged = PasswordHash::stored("$argon2id$");
        let unusable = Checked::Unusable(Unverifiable::Damaged);
        assert_eq!(check("correct horse", Some(&damaged)).await, unusable);
    }

    #[tokio::test]
    async fn new_hashes_are_of_the_scheme_and_others_have_a_successor() {
        let argon2 = start(Scheme::Argon2id(CHEAP), 1, 8);
        let pbkdf2 = start(Scheme::Pbkdf2Sha256 { rounds: NonZeroU32::new(1000).unwrap() }, 1, 8);
        let of_argon2 = argon2.hash(password("x")).await.unwrap();
        let of_pbkdf2 = pbkdf2.hash(password("x")).await.unwrap();
        assert!(of_pbkdf2.as_str().starts_with("$pbkdf2-sha256$1000$"));
        for (passwords, own, other) in [(&argon2, &of_argon2, &of_pbkdf2), (&pbkdf2, &of_pbkdf2, &of_argon2)]
        {
            let check = async |text, stored| passwords.check(password(text), Some(stored)).await.unwrap();
            assert_eq!(check("x", other).await, Checked::Right);
            assert_eq!(check("y", other).await, Checked::Wrong);
            assert_eq!(passwords.successor(own, password("x")).await.unwrap(), None);
            let successor = passwords.successor(other, password("x")).await.unwrap().unwrap();
            assert_eq!(check("x", &successor).await, Checked::Right);
            assert_eq!(passwords.successor(&successor, password("x")).await.unwrap(), None);
        }
        let capacity =
            HashCapacity { workers: NonZero::<usize>::MIN, queue: 8, idle: Duration::from_secs(1) };
        let never = Passwords::start(Scheme::Argon2id(CHEAP), Upgrade::Never, capacity, &clock());
        assert_eq!(never.successor(&of_pbkdf2, password("x")).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_full_queue_turns_away_at_once() {
        // Expensive enough that the first is still hashed while the others arrive.
        let cost = HashCost { memory_kib: 64 * 1024, passes: 4 };
        let passwords = Arc::new(start(Scheme::Argon2id(cost), 1, 1));
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
        let load = passwords.load();
        assert_eq!(load.turned_away(), turned_away.len() as u64);
        assert_eq!((load.times().count(), passwords.waiting()), (done.len() as u64, 0));
    }
}
