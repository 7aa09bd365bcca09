//! How often each of a few things has happened.

use std::{
    fmt,
    marker::PhantomData,
    sync::atomic::{AtomicU64, Ordering},
};

use super::Series;

/// One of a few things that are told apart, each with a name for a metric's label.
pub trait Label: Copy + Eq + Send + Sync + 'static {
    /// All of them.
    const ALL: &'static [Self];

    /// The name: a few words in snake case.
    fn name(self) -> &'static str;
}

/// How often each thing of a kind has happened since the start.
pub struct Counts<L> {
    /// In the order of [`Label::ALL`].
    counts: Box<[AtomicU64]>,
    of: PhantomData<fn(L)>,
}

impl<L: Label> Default for Counts<L> {
    fn default() -> Self {
        Self { counts: L::ALL.iter().map(|_| AtomicU64::new(0)).collect(), of: PhantomData }
    }
}

impl<L: Label> Counts<L> {
    /// Counts one more.
    pub fn add(&self, what: L) {
        let mut counts = L::ALL.iter().zip(&self.counts);
        if let Some((_, count)) = counts.find(|(label, _)| **label == what) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All counts, those of what has never happened too: who watches a rate has to see the first time.
    pub fn series(&self) -> Vec<Series<1, u64>> {
        let counts = L::ALL.iter().zip(&self.counts);
        counts.map(|(label, count)| ([label.name()], count.load(Ordering::Relaxed))).collect()
    }
}

impl<L: Label> fmt::Debug for Counts<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.series().into_iter().map(|([name], count)| (name, count))).finish()
    }
}
