//! What is left to do after a mongorestore, which brings back what was revoked since the dump was made.

use std::time::{Duration, SystemTime};

use mongodb::bson::doc;
use portcullis::NumericDate;

use super::{MongoStore, time};
use crate::{
    model::{AuditEvent, Revocation},
    store::{Store, StoreError},
};

/// How far the clock of a node may have been ahead of those that are looked at.
const CLOCKS_DIFFER: Duration = Duration::from_mins(1);

impl MongoStore {
    /// Refuses every token of before, ends every session and records the event: all of it again changes nothing but the
    /// moment. Answers that.
    ///
    /// # Errors
    /// [`StoreError`] when some of it may not be durable.
    pub async fn end_everything(&self, event: AuditEvent) -> Result<NumericDate, StoreError> {
        let server = time::shown(&self.database).await.map_err(|failure| self.place.error(failure))?;
        // No clock of a node is further ahead than that of the two that are looked at, and the margin.
        let before = latest([event.at].into_iter().chain(server));
        self.revoke(Revocation::All { before }, event.at).await?;
        // Whoever a password change has kept logged in is of an earlier epoch too.
        let change = doc! { "$inc": { "epoch": 1_i64 }, "$unset": { "kept_session": "" } };
        let raised = self.users.update_many(doc! {}, change).await;
        raised.map_err(|error| self.place.error(error.into()))?;
        self.record(&[event]).await?;
        self.close().await;
        Ok(before)
    }
}

/// The moment up to which every token is refused: what any issuer's clock may have shown by now.
fn latest(moments: impl IntoIterator<Item = SystemTime>) -> NumericDate {
    let latest = moments.into_iter().map(NumericDate::from).max();
    latest.unwrap_or(NumericDate::from_seconds(0)).plus(CLOCKS_DIFFER)
}
