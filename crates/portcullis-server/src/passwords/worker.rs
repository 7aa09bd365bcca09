//! One hash worker: a thread that hashes and checks what comes, and whose checks all take as long.

use std::{sync::Arc, time::Duration};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use portcullis::Clock;
use tokio::sync::oneshot;

use super::{
    Checked, PasswordsError, Scheme,
    argon2id::{self, Arena},
    passlib, stored,
};
use crate::model::{Password, PasswordHash};

/// What a worker is asked for.
pub(super) enum Task {
    Hash { password: Password, scheme: Scheme, answer: oneshot::Sender<Result<PasswordHash, PasswordsError>> },
    Check { password: Password, stored: PasswordHash, answer: oneshot::Sender<Checked> },
}

/// One hash worker.
pub(super) struct Worker {
    arena: Arena,
    scheme: Scheme,
    /// How long the check of a new hash took last.
    usual: Option<Duration>,
    clock: Arc<dyn Clock>,
}

impl Worker {
    /// A worker without memory yet.
    pub(super) fn new(scheme: Scheme, clock: Arc<dyn Clock>) -> Self {
        Self { arena: Arena::default(), scheme, usual: None, clock }
    }

    /// A worker's life: hash what comes, and after a while without work give the memory back.
    pub(super) fn work(mut self, tasks: &Receiver<Task>, idle: Duration) {
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
    fn check(&mut self, password: &Password, stored: &PasswordHash) -> Checked {
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
        match verdict {
            Ok(true) => Checked::Right,
            Ok(false) => Checked::Wrong,
            Err(problem) => Checked::Unusable(problem),
        }
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
    use std::num::NonZeroU32;

    use portcullis::SystemClock;

    use super::{
        super::{HashCost, Unverifiable},
        *,
    };

    const CHEAP: HashCost = HashCost { memory_kib: 64, passes: 1 };
    const UNKNOWN: Checked = Checked::Unusable(Unverifiable::Unknown);
    const DAMAGED: Checked = Checked::Unusable(Unverifiable::Damaged);

    fn clock() -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    #[test]
    fn what_a_cheap_hash_leaves_undone_is_done() {
        let scheme = Scheme::Argon2id(HashCost { memory_kib: 1000, passes: 2 });
        let worker = |usual| Worker { usual, ..Worker::new(scheme, clock()) };
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
        // PWD-11, LOG-02
        let mut worker = Worker::new(Scheme::Argon2id(CHEAP), clock());
        let cheap = passlib::hash(&password("x"), NonZeroU32::MIN).unwrap();
        // Each of them measures what is usual where nothing has.
        for (stored, of_its_owner, of_others) in [
            (PasswordHash::stored("damaged"), UNKNOWN, UNKNOWN),
            (PasswordHash::stored("$argon2id$"), DAMAGED, DAMAGED),
            (cheap, Checked::Right, Checked::Wrong),
        ] {
            worker.usual = None;
            assert_eq!(worker.check(&password("x"), &stored), of_its_owner);
            assert!(worker.usual.is_some(), "the work of a new hash was done");
            assert_eq!(worker.check(&password("y"), &stored), of_others);
        }
    }
}
