//! One hash worker: a thread that hashes and checks what comes, and whose checks all take as long.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use portcullis::Clock;
use tokio::sync::oneshot;

use super::{
    Checked, HashLoad, PasswordsError, Scheme,
    argon2id::{self, Arena},
    passlib, stored,
    usual::Usual,
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
    usual: Usual,
    clock: Arc<dyn Clock>,
    load: Arc<HashLoad>,
}

impl Worker {
    /// A worker without memory yet.
    pub(super) fn new(scheme: Scheme, clock: Arc<dyn Clock>, load: Arc<HashLoad>) -> Self {
        Self { arena: Arena::default(), scheme, usual: Usual::default(), clock, load }
    }

    /// A worker's life: hash what comes, and after a while without work give the memory back.
    pub(super) fn work(mut self, tasks: &Receiver<Task>, idle: Duration) {
        step_back();
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
                let hash = self.timed(|worker| match scheme {
                    Scheme::Argon2id(cost) => argon2id::hash(&password, cost, &mut worker.arena),
                    Scheme::Pbkdf2Sha256 { rounds } => passlib::hash(&password, rounds),
                });
                let _gone = answer.send(hash);
            }
            Task::Check { password, stored, answer } => {
                let checked = self.timed(|worker| worker.check(&password, &stored));
                let _gone = answer.send(checked);
            }
        }
        self.arena.release_beyond(match self.scheme {
            Scheme::Argon2id(cost) => Some(cost),
            Scheme::Pbkdf2Sha256 { .. } => None,
        });
    }

    /// Does some work, which is counted and timed before anybody hears of it.
    fn timed<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let (load, begun) = (self.load.clone(), self.clock.monotonic());
        let running = load.begin();
        let done = work(self);
        running.took(self.since(begun));
        done
    }

    /// Checks a password, and takes as long for it as with a new hash: how old somebody's hash is, and whether there
    /// is one, must not show.
    fn check(&mut self, password: &Password, stored: &PasswordHash) -> Checked {
        let begun = self.clock.monotonic();
        let verdict = stored::verify(password, stored, &mut self.arena);
        if verdict.is_ok() && stored::is_present(stored, self.scheme) {
            self.note_usual(password, begun);
        } else {
            self.do_the_rest(password, begun);
        }
        match verdict {
            Ok(true) => Checked::Right,
            Ok(false) => Checked::Wrong,
            Err(problem) => Checked::Unusable(problem),
        }
    }

    /// Notes how long one hash of a check of a new hash took: where nobody but strangers comes, whose passwords have two
    /// forms, nothing else would tell.
    fn note_usual(&mut self, password: &Password, begun: Instant) {
        self.usual.note(self.since(begun) / self.hashes(password));
    }

    /// The work that a new hash would have been, less what was done since a check began. It is real work and no waiting,
    /// which would look different on a busy machine.
    fn do_the_rest(&mut self, password: &Password, begun: Instant) {
        let target = self.target(password);
        if rest(self.since(begun), target) == WHOLE {
            let begun = self.clock.monotonic();
            self.pretend(password, WHOLE);
            self.note_usual(password, begun);
            return;
        }
        // In pieces that become smaller, until the time has come: how long a piece takes is known roughly only, and one
        // that is interrupted must not end late. They are counted as well, since a clock may stand.
        for _ in 0..MOST_PIECES {
            match rest(self.since(begun), target) {
                0 => return,
                rest => self.pretend(password, (rest / 4).max(1)),
            }
        }
    }

    /// So many thousandths of the work of checking a new hash.
    fn pretend(&mut self, password: &Password, part: u32) {
        let dummy = self.scheme.thousandths(part).dummy();
        // Nobody has it.
        let _no = stored::verify(password, &dummy, &mut self.arena);
    }

    /// How long the check of a password is to take; no time where nothing is known of that yet.
    fn target(&self, password: &Password) -> Duration {
        self.usual.any().unwrap_or_default() * self.hashes(password)
    }

    /// How many hashes a check of a new hash is: two where NFKC changes a password, and the scheme tries both forms.
    fn hashes(&self, password: &Password) -> u32 {
        match self.scheme {
            Scheme::Argon2id(_) if *password.normalized() != password.presented() => 2,
            Scheme::Argon2id(_) | Scheme::Pbkdf2Sha256 { .. } => 1,
        }
    }

    fn since(&self, begun: Instant) -> Duration {
        self.clock.monotonic().saturating_duration_since(begun)
    }
}

/// Lets the threads that answer requests go first. There are as many workers as cores, and without this an answer that
/// takes a tenth of a millisecond would wait for the end of a hash's time slice. With the lowest priority it is still a
/// small share and not nothing, so that a flood of other requests makes logins slow and does not end them.
#[cfg(target_os = "linux")]
fn step_back() {
    const NICENESS: i32 = 19;
    // On Linux it is the calling thread's.
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "a hash worker keeps the priority of the others");
    }
}

/// Elsewhere a thread has no niceness of its own.
#[cfg(not(target_os = "linux"))]
fn step_back() {}

/// All of the work, in thousandths.
const WHOLE: u32 = 1000;

/// Into how many pieces what is left is cut at most; some thirty are usual.
const MOST_PIECES: usize = 100;

/// How many thousandths of the work are left after a part of its time; all where nothing is known of the time.
fn rest(spent: Duration, target: Duration) -> u32 {
    let whole = u128::from(WHOLE);
    let done = spent.as_micros().saturating_mul(whole).checked_div(target.as_micros()).unwrap_or(0);
    u32::try_from(whole.saturating_sub(done)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use portcullis::{ManualClock, NumericDate, SystemClock};

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
        let millis = Duration::from_millis;
        for (target, spent, left) in [
            (Duration::ZERO, millis(5), 1000),
            (millis(20), Duration::ZERO, 1000),
            (millis(20), millis(5), 750),
            (millis(20), millis(20), 0),
            (millis(20), Duration::MAX, 0),
        ] {
            assert_eq!(rest(spent, target), left, "{spent:?} of {target:?}");
        }
        let scheme = Scheme::Argon2id(HashCost { memory_kib: 1000, passes: 2 });
        let part = |part| scheme.thousandths(part).dummy();
        assert!(part(750).as_str().contains("m=750,t=2,"), "{}", part(750).as_str());
        assert!(part(1).as_str().contains("m=8,t=2,"));
        let rounds = Scheme::Pbkdf2Sha256 { rounds: NonZeroU32::new(600_000).unwrap() };
        let part = |part| rounds.thousandths(part).dummy();
        assert!(part(250).as_str().starts_with("$pbkdf2-sha256$150000$"));
    }

    #[test]
    fn a_cheap_hash_takes_as_long_as_a_new_one_does() {
        // LOG-02
        let cost = HashCost { memory_kib: 8192, passes: 1 };
        let mut worker = Worker::new(Scheme::Argon2id(cost), clock(), Arc::default());
        let (new, cheap) = (argon2id::dummy(cost), passlib::hash(&password("x"), NonZeroU32::MIN).unwrap());
        let mut time = |text, stored| {
            let begun = worker.clock.monotonic();
            worker.check(&password(text), stored);
            worker.since(begun)
        };
        let usual = (0..5).map(|_| time("x", &new)).min().unwrap();
        for (text, at_least) in [("x", usual), ("y", usual), ("e\u{301}", 2 * usual)] {
            let took = time(text, &cheap);
            // By itself it takes a hundredth; half of it leaves room for what else the machine does.
            assert!(took >= at_least / 2, "{text}: {took:?}, and usually {usual:?}");
        }
        // A clock that stands ends it too.
        let mut worker = Worker::new(
            Scheme::Argon2id(CHEAP),
            Arc::new(ManualClock::at(NumericDate::from_seconds(0))),
            Arc::default(),
        );
        worker.usual.note(usual);
        assert_eq!(worker.check(&password("x"), &cheap), Checked::Right);
    }

    #[test]
    fn every_spelling_takes_one_hash_where_the_scheme_tries_one() {
        // LOG-02
        let (decomposed, usual) = (password("e\u{301}"), Duration::from_millis(7));
        let rounds = NonZeroU32::new(1000).unwrap();
        for (scheme, times) in [(Scheme::Argon2id(CHEAP), 2), (Scheme::Pbkdf2Sha256 { rounds }, 1)] {
            let mut worker = Worker::new(scheme, clock(), Arc::default());
            worker.usual.note(usual);
            assert_eq!(worker.target(&password("x")), usual);
            assert_eq!(worker.target(&decomposed), usual * times, "{scheme:?}");
        }
        // Also where nobody has come yet whose password has one form.
        let mut worker = Worker::new(Scheme::Argon2id(CHEAP), clock(), Arc::default());
        worker.check(&decomposed, &argon2id::dummy(CHEAP));
        assert!(worker.usual.any().is_some());
    }

    #[test]
    fn a_dear_hash_keeps_no_memory_from_others() {
        // PWD-12
        let dear = argon2id::dummy(HashCost { memory_kib: 1024, passes: 1 });
        let usual = argon2id::dummy(CHEAP);
        let rounds = NonZeroU32::MIN;
        for (scheme, stored, kept) in [
            (Scheme::Argon2id(CHEAP), &dear, false),
            (Scheme::Argon2id(CHEAP), &usual, true),
            (Scheme::Pbkdf2Sha256 { rounds }, &usual, false),
        ] {
            let mut worker = Worker::new(scheme, clock(), Arc::default());
            let (answer, mut checked) = oneshot::channel();
            worker.run(Task::Check { password: password("x"), stored: stored.clone(), answer });
            assert_eq!(checked.try_recv(), Ok(Checked::Wrong));
            assert_eq!(!worker.arena.is_empty(), kept, "{scheme:?}, {}", stored.as_str());
        }
    }

    #[test]
    fn what_cannot_be_verified_and_what_is_cheap_is_made_up_for_and_never_right() {
        // PWD-11, LOG-02
        let mut worker = Worker::new(Scheme::Argon2id(CHEAP), clock(), Arc::default());
        let cheap = passlib::hash(&password("x"), NonZeroU32::MIN).unwrap();
        // Each of them measures what is usual where nothing has.
        for (stored, of_its_owner, of_others) in [
            (PasswordHash::stored("damaged"), UNKNOWN, UNKNOWN),
            (PasswordHash::stored("$argon2id$"), DAMAGED, DAMAGED),
            (cheap, Checked::Right, Checked::Wrong),
        ] {
            worker.usual = Usual::default();
            assert_eq!(worker.check(&password("x"), &stored), of_its_owner);
            assert!(worker.usual.any().is_some(), "the work of a new hash was done");
            assert_eq!(worker.check(&password("y"), &stored), of_others);
        }
    }
}
