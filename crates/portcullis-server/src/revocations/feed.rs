//! Keeping up with what others revoke: everything once, then what has come since, again and again.
//!
//! Polls alone make the list complete. A store that tells by itself only makes it faster, and everything is read again
//! now and then, whatever may have been missed.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use portcullis::{Claims, Clock, NumericDate, RevocationIndex, Verdict};
use tokio::{
    sync::{MutexGuard, mpsc},
    time::timeout,
};

use super::{Duty, FeedSource, Hearing, Neighbour, RevocationPolicy, Revocations, SeenSessions};
use crate::{
    model::Revocation,
    store::{FeedMark, Store, StoreError, StoreErrorKind, within_patience},
};

/// How often a load says how far it is.
const SAY_EVERY: Duration = Duration::from_secs(1);

/// Batches that wait to be noted: one is read while another is noted.
const AHEAD: usize = 2;

/// What polls have read of the feed.
#[derive(Default)]
pub(super) struct Heard {
    up_to: FeedMark,
    /// Which of the polls that have begun was the last to get there.
    by: u64,
}

impl Revocations {
    /// How often the store is asked where it does not tell.
    pub const POLL_EVERY: Duration = Duration::from_millis(200);

    /// How often it is asked where it tells: often enough for the promised second by itself.
    const POLL_EVERY_BESIDE: Duration = Duration::from_millis(800);

    /// Loads the list of a store. The service must not answer before: an unknown token counts as live.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read to the end, or cannot tell by itself though it should.
    pub async fn load(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        policy: RevocationPolicy,
    ) -> Result<Self, StoreError> {
        if policy.source == FeedSource::Stream && store.watch().await?.is_none() {
            let message = format!(
                "REVOCATION_FEED is \"stream\", and {} has no stream of changes (a MongoDB that is a replica set has); \
                 write \"auto\" or \"poll\"",
                store.location()
            );
            return Err(StoreError::new(StoreErrorKind::Refused, message));
        }
        let revocations = Self::unread(store, clock, policy);
        revocations.heard.lock().await.up_to = revocations.read(None, true).await?;
        revocations.hearing.heard(revocations.clock.monotonic());
        let entries = revocations.index.len();
        tracing::info!(entries, "the revocation list is loaded: {entries} entries");
        Ok(revocations)
    }

    /// The list of a program that only writes to it and ends, which does not wait for it to be read. It says of no token
    /// that it is live.
    pub fn of_a_writer(store: Arc<dyn Store>, clock: Arc<dyn Clock>, policy: RevocationPolicy) -> Self {
        let revocations = Self::unread(store, clock, policy);
        revocations.stop_hearing();
        Self { duty: Duty::Write, ..revocations }
    }

    fn unread(store: Arc<dyn Store>, clock: Arc<dyn Clock>, policy: RevocationPolicy) -> Self {
        Self {
            duty: Duty::Verify,
            index: RevocationIndex::new(),
            seen: SeenSessions::default(),
            neighbour: Neighbour::default(),
            hearing: Hearing::since(clock.monotonic()),
            purged_at: (clock.now(), clock.monotonic()).into(),
            // Of no feed, and replaced before anybody reads on.
            heard: Heard::default().into(),
            polls: 0.into(),
            entries_read: 0.into(),
            store,
            clock,
            policy,
        }
    }

    /// Whether the store refuses a token: asks it for all that it refuses, and keeps what is said of this one. For whoever
    /// asks once; it takes as long as reading all of it does.
    ///
    /// # Errors
    /// [`StoreError`] when it could not be read to the end.
    pub async fn store_refuses(&self, claims: &Claims) -> Result<bool, StoreError> {
        let index = RevocationIndex::new();
        let (sender, mut batches) = mpsc::channel::<Vec<Revocation>>(AHEAD);
        let reading = self.store.revocations(None, self.remembered_at(), sender);
        let noting = async {
            while let Some(batch) = batches.recv().await {
                for revocation in batch.iter().filter(|it| it.concerns(claims)) {
                    Self::note_in(&index, revocation);
                }
            }
        };
        let (read, ()) = tokio::join!(reading, noting);
        read?;
        Ok(matches!(portcullis::Revocation::check(&index, claims), Verdict::Revoked))
    }

    /// Notes what others have revoked since the last time. Of many who ask at once, those who have to wait share one answer.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read; the next poll goes on from where this one began.
    pub async fn poll(&self) -> Result<(), StoreError> {
        if self.duty == Duty::Write {
            return Ok(());
        }
        let begun = self.polls.load(Ordering::SeqCst);
        let heard = self.heard.lock().await;
        // One that began after this was asked has heard all that this would.
        if heard.by > begun { Ok(()) } else { self.read_on(heard).await }
    }

    /// A poll that a request waits for before it is answered, no longer than for any other call of the store.
    ///
    /// # Errors
    /// Those of [`poll`](Self::poll).
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        within_patience(self.poll()).await
    }

    /// Looks at the steady clock, which shows `now`, before a request is served: a node that stood still for too long must
    /// not go on by what it knew then. It asks once, and those that came with the request wait for that.
    pub async fn keep_hearing(&self, now: Instant) {
        let longest = self.policy.max_staleness;
        if !self.hearing.is_overdue(now, longest) {
            return;
        }
        // On the heap: every request has room for this future, and next to none needs it.
        let asked = Box::pin(within_patience(async {
            let heard = self.heard.lock().await;
            // Somebody else may have asked meanwhile.
            if self.hearing.is_overdue(self.clock.monotonic(), longest) {
                // A failure is said there, and makes tokens uncheckable.
                let _ = self.read_on(heard).await;
            }
            Ok(())
        }));
        if asked.await.is_err() {
            self.hearing.look_at(now, longest);
        }
    }

    async fn read_on(&self, mut heard: MutexGuard<'_, Heard>) -> Result<(), StoreError> {
        let number = self.polls.fetch_add(1, Ordering::SeqCst) + 1;
        // Steps that are slow and never done are silence too.
        let read = timeout(self.policy.max_staleness, self.read(Some(heard.up_to), false)).await;
        let too_slow = || StoreError::new(StoreErrorKind::Unavailable, "the feed of revocations is too slow");
        match read.unwrap_or_else(|_| Err(too_slow())) {
            Ok(read) => {
                *heard = Heard { up_to: read, by: number };
                self.hearing.heard(self.clock.monotonic());
                Ok(())
            }
            Err(error) => {
                self.hearing.failed(&error, self.clock.monotonic(), self.policy.max_staleness);
                Err(error)
            }
        }
    }

    /// How long a poll may wait for the next one, as things are now.
    pub fn poll_every(&self) -> Duration {
        if self.hearing.is_told() { Self::POLL_EVERY_BESIDE } else { Self::POLL_EVERY }
    }

    /// Notes everything once more, whatever polls may have missed. They go on meanwhile.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not be read to the end.
    pub async fn reload(&self) -> Result<(), StoreError> {
        self.read(None, false).await.map(drop)
    }

    /// Notes what the store tells by itself, for as long as it does; returns at once where it cannot or should not.
    pub async fn listen(&self) {
        if self.policy.source == FeedSource::Poll {
            return;
        }
        let mut told = match self.store.watch().await {
            Ok(Some(told)) => told,
            Ok(None) => return self.hearing.does_not_tell(None),
            Err(error) => return self.hearing.does_not_tell(Some(&error)),
        };
        self.hearing.begins_to_tell();
        let mut ended = None;
        while let Some(batch) = told.recv().await {
            match batch {
                Ok(batch) => self.note_each(&batch),
                Err(error) => ended = Some(error),
            }
        }
        self.hearing.does_not_tell(ended.as_ref());
    }

    /// Whether others' revocations could not be heard the last time.
    pub fn is_behind(&self) -> bool {
        self.hearing.is_behind()
    }

    /// Whether nothing was heard for so long that tokens cannot be checked.
    pub fn has_lost_hearing(&self) -> bool {
        self.hearing.is_lost()
    }

    /// How many entries this node refuses by.
    pub fn entry_count(&self) -> usize {
        self.index.len()
    }

    /// How many entries were read from the store: at the start, by polls, by reloads, and as it told of them.
    pub fn read_count(&self) -> u64 {
        self.entries_read.load(Ordering::Relaxed)
    }

    /// How long ago this node heard of others' revocations without a failure.
    pub fn silence(&self) -> Duration {
        self.hearing.silence(self.clock.monotonic())
    }

    /// Whether the store tells by itself.
    pub fn is_told(&self) -> bool {
        self.hearing.is_told()
    }

    /// How many uses of sessions could not be noted for the store.
    pub fn unnoted_uses(&self) -> u64 {
        self.seen.dropped_count()
    }

    /// Says that nobody polls any more: from now on tokens cannot be checked.
    pub fn stop_hearing(&self) {
        self.hearing.lose();
    }

    /// Notes what the store streams; answers the mark of it.
    async fn read(&self, since: Option<FeedMark>, say_progress: bool) -> Result<FeedMark, StoreError> {
        let (sender, batches) = mpsc::channel(AHEAD);
        let reading = self.store.revocations(since, self.remembered_at(), sender);
        let (mark, ()) = tokio::join!(reading, self.note_all(batches, say_progress));
        mark
    }

    /// As long as the store keeps it: the leeway may be long, and the clock may be set back.
    fn remembered_at(&self) -> NumericDate {
        let (now, store_now) = self.times();
        NumericDate::from(now.min(store_now)).minus(Self::STORE_MARGIN)
    }

    async fn note_all(&self, mut batches: mpsc::Receiver<Vec<Revocation>>, say_progress: bool) {
        let (mut noted, mut said_at): (usize, Instant) = (0, self.clock.monotonic());
        while let Some(batch) = batches.recv().await {
            self.note_each(&batch);
            noted += batch.len();
            let now = self.clock.monotonic();
            if say_progress && now.saturating_duration_since(said_at) >= SAY_EVERY {
                tracing::info!(entries = noted, "loading the revocation list: {noted} entries so far");
                said_at = now;
            }
        }
    }

    fn note_each(&self, batch: &[Revocation]) {
        self.entries_read.fetch_add(batch.len() as u64, Ordering::Relaxed);
        for revocation in batch {
            self.note(revocation);
        }
    }
}
