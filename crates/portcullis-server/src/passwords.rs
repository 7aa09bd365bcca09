//! Password hashing on a few workers with a bounded queue, so that logins never take more memory or time than
//! was set aside for them.

mod argon2id;
mod bcrypt;
mod django;
mod passlib;
mod pbkdf2;
mod stored;
mod werkzeug;

use std::{
    num::{NonZero, NonZeroU32},
    sync::Arc,
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use portcullis::Clock;
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
}

enum Task {
    Hash { password: Password, scheme: Scheme, answer: oneshot::Sender<Result<PasswordHash, PasswordsError>> },
    Check { password: Password, stored: PasswordHash, answer: oneshot::Sender<bool> },
}

impl Passwords {
    /// Starts the workers. They hold no memory before the first hash and end with this value.
    pub fn start(scheme: Scheme, upgrade: Upgrade, capacity: HashCapacity, clock: &Arc<dyn Clock>) -> Self {
        let (queue, tasks) = crossbeam_channel::bounded(capacity.queue);
        for number in 0..capacity.workers.get() {
            let tasks = tasks.clone();
            let worker = Worker { arena: Arena::default(), scheme, usual: None, clock: clock.clone() };
            let thread = thread::Builder::new().name(format!("hash-{number}"));
            // Without this thread the others do its work; with none of them, hashing answers `Failed`.
            if let Err(error) = thread.spawn(move || worker.work(&tasks, capacity.idle)) {
                tracing::error!(%error, "a hash worker could not be started");
            }
        }
        Self { queue, scheme, upgrade, dummy: scheme.dummy() }
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

    /// Whether a password is that of a stored hash. Without one, and with one that cannot be verified, the same work
    /// is done and the answer is no, so that none of that can be told from a wrong password.
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
            TrySendError::Full(_) => PasswordsError::Busy,
            TrySendError::Disconnected(_) => PasswordsError::Failed("there is no worker"),
        })
    }
}

/// One hash worker.
struct Worker {
    arena: Arena,
    scheme: Scheme,
    /// How long the check of a new hash took last.
    usual: Option<Duration>,
    clock: Arc<dyn Clock>,
}

impl Worker {
    /// A worker's life: hash what comes, and after a while without work give the memory back.
    fn work(mut self, tasks: &Receiver<Task>, idle: Duration) {
        loop {
            let task = if self.arena.is_empty() {
                tasks.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                tasks.recv_timeout(idle)
            };
            match task {
                Ok(task) => self.run(task),
                Err(RecvTimeoutError::Timeout) => self.arena.release(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Does the work, unless whoever asked has gone: an abandoned login must not keep others waiting.
    fn run(&mut self, task: Task) {
        match task {
            Task::Hash { answer, .. } if answer.is_closed() => {}
            Task::Check { answer, .. } if answer.is_closed() => {}
            Task::Hash { password, scheme, answer } => {
                let hash = match scheme {
                    Scheme::Argon2id(cost) => argon2id::hash(&password, cost, &mut self.arena),
                    Scheme::Pbkdf2Sha256 { rounds } => passlib::hash(&password, rounds),
                };
                let _gone = answer.send(hash);
            }
            Task::Check { password, stored, answer } => {
                let _gone = answer.send(self.check(&password, &stored));
            }
        }
    }

    /// Checks a password, and takes as long for it as with a new hash: how old somebody's hash is, and whether there
    /// is one, must not show.
    fn check(&mut self, password: &Password, stored: &PasswordHash) -> bool {
        let begun = self.clock.monotonic();
        let verdict = stored::verify(password, stored, &mut self.arena);
        let spent = self.clock.monotonic().saturating_duration_since(begun);
        if verdict.is_ok() && stored::is_present(stored, self.scheme) {
            // A password in two forms may be hashed twice.
            if *password.normalized() == password.presented() {
                self.usual = Some(spent);
            }
        } else {
            self.do_the_rest(password, spent);
        }
        verdict.unwrap_or_else(|problem| {
            tracing::warn!(%problem, "a stored password hash cannot be verified, it is {problem}: a login is refused");
            false
        })
    }

    /// The work that a new hash would have been, less what was spent. It is real work and no waiting, which would look
    /// different on a busy machine.
    fn do_the_rest(&mut self, password: &Password, spent: Duration) {
        let rest = self.rest(spent);
        if rest > 0 {
            let dummy = self.scheme.thousandths(rest).dummy();
            let begun = self.clock.monotonic();
            // Nobody has it.
            let _no = stored::verify(password, &dummy, &mut self.arena);
            if self.usual.is_none() {
                self.usual = Some(self.clock.monotonic().saturating_duration_since(begun));
            }
        }
    }

    /// How many thousandths of the usual work are left after a time; all of it where nothing is known of that yet.
    fn rest(&self, spent: Duration) -> u32 {
        let usual = self.usual.map_or(0, |usual| usual.as_micros());
        let done = spent.as_micros().saturating_mul(1000).checked_div(usual).unwrap_or(0);
        u32::try_from(1000_u128.saturating_sub(done)).unwrap_or(0)
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
        assert!(passwords.check(password("correct horse"), Some(&stored)).await.unwrap());
        assert!(!passwords.check(password("battery staple"), Some(&stored)).await.unwrap());
        assert!(!passwords.check(password("correct horse"), None).await.unwrap());
        let damaged = PasswordHash::stored("$argon2id$");
        assert!(!passwords.check(password("correct horse"), Some(&damaged)).await.unwrap());
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
            assert!(passwords.check(password("x"), Some(other)).await.unwrap());
            assert!(!passwords.check(password("y"), Some(other)).await.unwrap());
            assert_eq!(passwords.successor(own, password("x")).await.unwrap(), None);
            let successor = passwords.successor(other, password("x")).await.unwrap().unwrap();
            assert!(passwords.check(password("x"), Some(&successor)).await.unwrap());
            assert_eq!(passwords.successor(&successor, password("x")).await.unwrap(), None);
        }
        let capacity =
            HashCapacity { workers: NonZero::<usize>::MIN, queue: 8, idle: Duration::from_secs(1) };
        let never = Passwords::start(Scheme::Argon2id(CHEAP), Upgrade::Never, capacity, &clock());
        assert_eq!(never.successor(&of_pbkdf2, password("x")).await.unwrap(), None);
    }

    #[test]
    fn what_a_cheap_hash_leaves_undone_is_done() {
        let scheme = Scheme::Argon2id(HashCost { memory_kib: 1000, passes: 2 });
        let worker = |usual| Worker { arena: Arena::default(), scheme, usual, clock: clock() };
        let millis = Duration::from_millis;
        for (usual, spent, rest) in [
            (None, millis(5), 1000),
            (Some(Duration::ZERO), millis(5), 1000),
            (Some(millis(20)), Duration::ZERO, 1000),
            (Some(millis(20)), millis(5), 750),
            (Some(millis(20)), millis(20), 0),
            (Some(millis(20)), Duration::MAX, 0),
        ] {
            assert_eq!(worker(usual).rest(spent), rest, "{spent:?} of {usual:?}");
        }
        let part = |part| scheme.thousandths(part).dummy();
        assert!(part(750).as_str().contains("m=750,t=2,"), "{}", part(750).as_str());
        assert!(part(1).as_str().contains("m=8,t=2,"));
        let rounds = Scheme::Pbkdf2Sha256 { rounds: NonZeroU32::new(600_000).unwrap() };
        let part = |part| rounds.thousandths(part).dummy();
        assert!(part(250).as_str().starts_with("$pbkdf2-sha256$150000$"));
    }

    #[test]
    fn what_cannot_be_verified_and_what_is_cheap_is_made_up_for_and_never_right() {
        let mut worker =
            Worker { arena: Arena::default(), scheme: Scheme::Argon2id(CHEAP), usual: None, clock: clock() };
        let cheap = passlib::hash(&password("x"), NonZeroU32::MIN).unwrap();
        // Each of them measures what is usual where nothing has.
        for (stored, right) in [(PasswordHash::stored("damaged"), false), (cheap, true)] {
            worker.usual = None;
            assert_eq!(worker.check(&password("x"), &stored), right);
            assert!(worker.usual.is_some(), "the work of a new hash was done");
            assert!(!worker.check(&password("y"), &stored));
        }
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
    }
}
