//! The event of an act that cannot be written as one with it: it stands there before, so that nothing is ever done of which
//! nobody can find out.

use mongodb::{Collection, bson::Document};
use tokio::sync::OnceCell;

use super::{audit, failure::Failure};
use crate::model::AuditEvent;

/// The event of one act, which is written once.
pub(super) struct Announced {
    audit: Collection<Document>,
    event: Option<AuditEvent>,
    is_written: OnceCell<()>,
}

impl Announced {
    pub(super) fn new(audit: Collection<Document>, event: Option<&AuditEvent>) -> Self {
        Self { audit, event: event.cloned(), is_written: OnceCell::new() }
    }

    /// Of the event with what is known by now.
    pub(super) fn of(self, change: impl FnOnce(AuditEvent) -> AuditEvent) -> Self {
        Self { event: self.event.map(change), ..self }
    }

    /// Writes it, unless it is there: right before the act, or after one that had been done before.
    pub(super) async fn write(&self) -> Result<(), Failure> {
        let Some(event) = &self.event else { return Ok(()) };
        let written =
            self.is_written.get_or_try_init(|| audit::record(self.audit.clone(), vec![event.clone()]));
        written.await.map(drop)
    }

    /// Says of an act that did not happen after all that it did not, where it was announced.
    pub(super) async fn take_back(&self, why: &str) -> Result<(), Failure> {
        match &self.event {
            Some(event) if self.is_written.initialized() => {
                let event = event.clone().and(&format!("it was not done: {why}"));
                audit::record(self.audit.clone(), vec![event]).await
            }
            _ => Ok(()),
        }
    }
}
