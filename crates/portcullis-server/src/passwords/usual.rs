//! How long the check of a new hash takes, by the last ones of a worker.

use std::time::Duration;

/// The times of the last checks of new hashes. A check that was cheaper takes as long as one of them: not as the last
/// one, since two answers that took the same time to the microsecond would tell as much as one that came early.
#[derive(Debug, Default)]
pub(super) struct Usual {
    times: Vec<Duration>,
    next: usize,
}

impl Usual {
    /// How many are kept: few enough to follow what else the machine does.
    const KEPT: usize = 32;

    /// Notes one.
    pub(super) fn note(&mut self, time: Duration) {
        match self.times.get_mut(self.next) {
            Some(oldest) => *oldest = time,
            None => self.times.push(time),
        }
        self.next = (self.next + 1) % Self::KEPT;
    }

    /// One of them, by chance; none before the first. Without random bytes it is the first: a check can be made up for
    /// all the same.
    pub(super) fn any(&self) -> Option<Duration> {
        let mut chance = [0];
        let _none = getrandom::fill(&mut chance);
        let [chance] = chance;
        let place = usize::from(chance).checked_rem(self.times.len())?;
        self.times.get(place).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn it_is_one_of_the_last_and_not_always_the_same() {
        let mut usual = Usual::default();
        assert_eq!(usual.any(), None);
        usual.note(Duration::from_millis(7));
        assert_eq!(usual.any(), Some(Duration::from_millis(7)));
        for time in 100..200 {
            usual.note(Duration::from_millis(time));
        }
        let of_1000: BTreeSet<_> = (0..1000).filter_map(|_| usual.any()).collect();
        assert!(of_1000.iter().all(|time| (168..200).contains(&time.as_millis())), "{of_1000:?}");
        // That one of 32 is missing among 1 000 happens once in a billion times.
        assert_eq!(of_1000.len(), 32);
    }
}
