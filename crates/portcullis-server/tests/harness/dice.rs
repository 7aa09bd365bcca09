//! Random choices that a seed repeats (`SplitMix64`).

use std::time::Duration;

pub struct Dice(u64);

impl Dice {
    pub fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// Other dice, which nobody else's throws change.
    pub fn split(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }

    /// One in so many times.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// The place of an item that fits, if some throws find one.
    pub fn pick<T>(&mut self, items: &[T], fits: impl Fn(&T) -> bool) -> Option<usize> {
        let throws = if items.is_empty() { 0 } else { 20 };
        (0..throws).map(|_| self.below(items.len())).find(|place| fits(&items[*place]))
    }

    /// A time below `end`, to the millisecond.
    pub fn time_below(&mut self, end: Duration) -> Duration {
        Duration::from_millis(self.next() % u64::try_from(end.as_millis()).unwrap())
    }
}
