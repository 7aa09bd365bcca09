//! The revocation list: the Flask application's documents with a moment and an expiry beside, and ours in between.

use std::time::SystemTime;

use mongodb::{
    Collection,
    bson::{DateTime, Document, doc},
};
use portcullis::NumericDate;

use super::{calls::bounded, documents, failure::Failure};
use crate::model::RevokedToken;

/// Writes an entry, or lets the one that is there last longer.
///
/// An entry of another program, which has no expiry, is not touched: it is for good, and stands beside ours.
pub(super) async fn revoke(
    revoked: Collection<Document>,
    token: RevokedToken,
    now: SystemTime,
) -> Result<(), Failure> {
    // Again where somebody else has written the same entry in between, and a unique index keeps it one.
    for _ in 0..2 {
        let ours = doc! { "jti": &token.jti, "expires_at": { "$exists": true } };
        let written = revoked.update_one(
            ours,
            doc! {
                "$max": { "expires_at": documents::expiry(token.expires_at) },
                "$currentDate": { "at": true },
                "$setOnInsert": { "created_at": DateTime::from_system_time(now) },
            },
        );
        match written.upsert(true).await.map_err(Failure::from) {
            Err(failure) if failure.is_duplicate() => {}
            written => return written.map(drop),
        }
    }
    // Somebody's unique index, and an entry that is not ours: the token is revoked for good.
    Ok(())
}

/// At most `limit` tokens behind `after`, each once: the Flask application may have written one twice.
pub(super) async fn page(
    revoked: Collection<Document>,
    after: Option<String>,
    limit: usize,
) -> Result<Vec<RevokedToken>, Failure> {
    let (beyond, from) = after.map_or(("$gte", String::new()), |jti| ("$gt", jti));
    let behind = doc! { "jti": { beyond: from } };
    let fields = doc! { "_id": 0, "jti": 1, "expires_at": 1 };
    let found = revoked.find(behind).sort(doc! { "jti": 1 }).projection(fields).batch_size(batch(limit));
    let mut cursor = bounded(async { found.await }).await?;
    let mut page: Vec<RevokedToken> = Vec::new();
    while bounded(cursor.advance()).await? {
        let Some(entry) = documents::revoked_token(&cursor.deserialize_current()?) else { continue };
        let full = page.len() >= limit;
        match page.last_mut() {
            Some(last) if last.jti == entry.jti => last.expires_at = later(last.expires_at, entry.expires_at),
            // Only when the next token begins are all entries of the last one seen.
            _ if full => break,
            _ => page.push(entry),
        }
    }
    Ok(page)
}

/// One document more than the page has, which says that it is full; the server cuts a batch at its own limits.
pub(super) fn batch(limit: usize) -> u32 {
    const LARGEST: u32 = 10_001;
    u32::try_from(limit.saturating_add(1)).unwrap_or(LARGEST).min(LARGEST)
}

/// The later of two expiries; none is the latest.
fn later(one: Option<NumericDate>, other: Option<NumericDate>) -> Option<NumericDate> {
    Some(one?.max(other?))
}
