//! What happened here, for whoever has to find out later: in the log at once, and in the store.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use crate::{
    metrics::{Counts, Label},
    model::{AuditEvent, EventKind, SessionId, UserId},
    store::{Store, StoreError},
};

/// The events of a service.
///
/// What strangers do is only noted: it waits in memory for the next of the writes that a job makes, so that a flood of
/// failed logins costs the store a few calls a second. What an administrator does is recorded: it is durable before
/// anybody hears that it was done.
pub struct Audit {
    store: Arc<dyn Store>,
    /// The oldest first.
    waiting: Mutex<VecDeque<AuditEvent>>,
    /// Told when as many wait as are written at once.
    batch_waits: Notify,
    /// Held while events are written, so that two do not write the same.
    writing: tokio::sync::Mutex<()>,
    /// How often each kind has happened on this node.
    events: Counts<EventKind>,
    /// How many of those that waited, or were recorded, are in the store.
    written: AtomicU64,
    /// How many there was no room for, and of how many of them the log has told.
    dropped: AtomicU64,
    dropped_said: AtomicU64,
}

impl Label for EventKind {
    const ALL: &'static [Self] = Self::ALL;

    fn name(self) -> &'static str {
        Self::name(self)
    }
}

impl Audit {
    /// How often what waits is written.
    pub const WRITE_EVERY: Duration = Duration::from_millis(200);

    /// How many events are written at once. When so many wait they are written before their time.
    pub const BATCH: usize = 500;

    /// How many may wait: some 20 MB of them, which is minutes of a store that does not answer. Of one more only the log
    /// tells.
    pub const MOST_WAITING: usize = 65_536;

    /// The events that go into a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            waiting: Mutex::default(),
            batch_waits: Notify::new(),
            writing: tokio::sync::Mutex::default(),
            events: Counts::default(),
            written: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            dropped_said: AtomicU64::new(0),
        }
    }

    /// How often each kind has happened on this node, whoever writes it into the store.
    pub fn events(&self) -> &Counts<EventKind> {
        &self.events
    }

    /// How many events wait to be written.
    pub fn waiting_count(&self) -> usize {
        self.waiting().len()
    }

    /// How many have waited and were written, or were recorded. Those that an act of the store writes by itself are not
    /// among them.
    pub fn written_count(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// How many there was no room for: the log alone has them.
    pub fn dropped_count(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Says in the log what happened, where the store hears of it by itself.
    pub fn say(&self, event: &AuditEvent) {
        self.events.add(event.kind);
        log(event);
    }

    /// Notes what happened: in the log now, in the store soon. Nobody waits for it, and a crash within the next moment
    /// loses what only waits.
    pub fn note(&self, event: AuditEvent) {
        self.say(&event);
        self.keep(event);
    }

    /// Records what happened: it is durable when this has answered.
    ///
    /// # Errors
    /// [`StoreError`] when it may not be. It waits for the next write then, so that what was done has its event all the
    /// same; it may stand there twice.
    pub async fn record(&self, event: AuditEvent) -> Result<(), StoreError> {
        self.say(&event);
        let recorded = self.store.record(std::slice::from_ref(&event)).await;
        match recorded {
            Ok(()) => self.count_written(1),
            Err(_) => self.keep(event),
        }
        recorded
    }

    /// Writes what waits; answers how much it was.
    ///
    /// # Errors
    /// [`StoreError`] when some may not be durable. It waits on, and is written the next time.
    pub async fn write(&self) -> Result<usize, StoreError> {
        let _writing = self.writing.lock().await;
        self.tell_of_dropped();
        // What comes while this writes waits for the next time, so that this has an end.
        let (mut written, waiting) = (0, self.waiting().len());
        while written < waiting {
            let batch: Vec<_> = self.waiting().iter().take(Self::BATCH).cloned().collect();
            self.store.record(&batch).await?;
            // Only this takes any away, and what comes is put behind.
            self.waiting().drain(..batch.len());
            self.count_written(batch.len());
            written += batch.len();
        }
        Ok(written)
    }

    /// Waits until a batch is to be written before its time.
    pub async fn batch_waits(&self) {
        self.batch_waits.notified().await;
    }

    fn keep(&self, event: AuditEvent) {
        let mut waiting = self.waiting();
        if waiting.len() >= Self::MOST_WAITING {
            drop(waiting);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.push_back(event);
        let full = waiting.len().is_multiple_of(Self::BATCH);
        drop(waiting);
        if full {
            self.batch_waits.notify_one();
        }
    }

    fn count_written(&self, events: usize) {
        self.written.fetch_add(events as u64, Ordering::Relaxed);
    }

    /// Once a write, and not with each: what there is no room for may come in thousands.
    fn tell_of_dropped(&self) {
        let all = self.dropped_count();
        let dropped = all.saturating_sub(self.dropped_said.swap(all, Ordering::Relaxed));
        if dropped > 0 {
            tracing::warn!(
                dropped,
                "{dropped} audit events are in the log alone: too many wait for the store"
            );
        }
    }

    /// A queue cannot be left half changed, so that a poisoned lock means nothing here.
    fn waiting(&self) -> MutexGuard<'_, VecDeque<AuditEvent>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One line, with the names of the OWASP Logging Vocabulary. Texts of strangers are escaped: a line is a line.
fn log(event: &AuditEvent) {
    let AuditEvent { kind, at: _, actor, subject, session, address, detail } = event;
    let (name, address) = (kind.name(), address.map(|address| address.to_string()));
    let (actor, subject) = (actor.as_ref().map(UserId::as_str), subject.as_ref().map(UserId::as_str));
    let (session, detail) = (session.as_ref().map(SessionId::as_str), detail.as_deref());
    let said = Said(event);
    if wants_somebody(*kind) {
        tracing::warn!(target: "audit", event = name, actor, subject, session, address, detail, "{name}{said}");
    } else {
        tracing::info!(target: "audit", event = name, actor, subject, session, address, detail, "{name}{said}");
    }
}

/// Whether somebody should look, where nothing else is logged: a copy of a token, a store that was set back, guesses at an
/// account, somebody who cannot log in though the password is right.
fn wants_somebody(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::TokenReuse
            | EventKind::SessionAheadOfStore
            | EventKind::LoginLock
            | EventKind::PasswordHashUnusable
            | EventKind::AuthorizationFail
            | EventKind::RateLimitExceeded
            | EventKind::SetupSecretIssued
            | EventKind::SetupAdminCreated
    )
}

/// An event's parts as a sentence goes on with them.
struct Said<'a>(&'a AuditEvent);

impl std::fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let AuditEvent { actor, subject, session, address, detail, .. } = self.0;
        if let Some(actor) = actor {
            write!(f, " by {}", actor.as_str().escape_debug())?;
        }
        // Who does something to himself is named once.
        if let Some(subject) = subject.as_ref().filter(|subject| actor.as_ref() != Some(subject)) {
            write!(f, " about {}", subject.as_str().escape_debug())?;
        }
        if let Some(session) = session {
            write!(f, " in session {}", session.as_str().escape_debug())?;
        }
        if let Some(address) = address {
            write!(f, " from {address}")?;
        }
        match detail {
            Some(detail) => write!(f, ": {}", detail.escape_debug()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, time::UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_line_reads_alone_and_a_strangers_text_makes_no_other_line() {
        let event = AuditEvent::new(EventKind::PermissionsChanged, UNIX_EPOCH);
        let event = event.by(&UserId::new("a")).about(&UserId::new("b")).session(&SessionId::new("s"));
        let event = event.from(Some(Ipv4Addr::LOCALHOST.into())).detail("one\nINFO \u{1b}[2Jforged\u{2028}");
        let said = " by a about b in session s from 127.0.0.1: one\\nINFO \\u{1b}[2Jforged\\u{2028}";
        assert_eq!(Said(&event).to_string(), said, "OBS-04");
        let own = AuditEvent::new(EventKind::PasswordChange, UNIX_EPOCH);
        let own = own.by(&UserId::new("a")).about(&UserId::new("a"));
        assert_eq!(Said(&own).to_string(), " by a");
    }
}
