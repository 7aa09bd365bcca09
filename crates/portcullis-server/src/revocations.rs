//! Revocation between the store, where an entry is durable, and the index, which every request asks.

use std::{sync::Arc, time::Duration};

use portcullis::{Clock, NumericDate, RevocationIndex};

use crate::{
    model::RevokedToken,
    store::{Store, StoreError},
};

/// The revocation list of a service: written to the store, answered from memory.
pub struct Revocations {
    index: Arc<RevocationIndex>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// How much longer than `exp` an entry is kept in memory: the leeway, and a minute for other clocks.
    margin: Duration,
}

impl Revocations {
    /// How many entries are read or deleted at once.
    const PAGE: usize = 10_000;

    /// How much longer than `exp` an entry is kept in the store, whatever a clock may do.
    const STORE_MARGIN: Duration = Duration::from_hours(24);

    /// Loads the list of a store. The service must not answer before: an unknown token counts as live.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read to the end.
    pub async fn load(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        leeway: Duration,
    ) -> Result<Self, StoreError> {
        let index = Arc::new(RevocationIndex::new());
        let mut after: Option<String> = None;
        loop {
            let page = store.revoked_tokens(after.as_deref(), Self::PAGE).await?;
            for entry in &page {
                index.revoke_token(&entry.jti, entry.expires_at);
            }
            match page.last() {
                Some(last) if page.len() == Self::PAGE => after = Some(last.jti.clone()),
                _ => break,
            }
        }
        tracing::info!(entries = index.len(), "the revocation list is loaded: {} entries", index.len());
        Ok(Self { index, store, clock, margin: leeway + Duration::from_mins(1) })
    }

    /// The index that a manager asks about every token.
    pub fn index(&self) -> Arc<RevocationIndex> {
        self.index.clone()
    }

    /// Ends a token: refused by this node from now on, and, once this has answered, by every later start too. A
    /// token that has ended by itself needs no entry.
    ///
    /// The index first: whatever becomes of the answer, an entry that is durable is in force, also where the
    /// client has hung up meanwhile and nobody waits for the store any more.
    ///
    /// # Errors
    /// [`StoreError`] when the entry may not be durable. This node refuses the token all the same; the same call
    /// again settles it.
    pub async fn revoke(&self, token: RevokedToken) -> Result<(), StoreError> {
        let now = self.clock.now();
        if token.expires_at.is_some_and(|end| end < NumericDate::from(now).minus(self.margin)) {
            return Ok(());
        }
        self.index.revoke_token(&token.jti, token.expires_at);
        self.store.revoke_token(token, now).await
    }

    /// Drops what has expired, in memory and in the store; answers how many entries left the store.
    ///
    /// # Errors
    /// [`StoreError`] when the store could not delete; what is left is deleted the next time.
    pub async fn purge(&self) -> Result<usize, StoreError> {
        let now = NumericDate::from(self.clock.now());
        self.index.forget_expired(now.minus(self.margin));
        let mut purged = 0;
        loop {
            let count = self.store.purge_revoked_tokens(now.minus(Self::STORE_MARGIN), Self::PAGE).await?;
            purged += count;
            if count < Self::PAGE {
                return Ok(purged);
            }
        }
    }
}
