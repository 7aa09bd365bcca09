//! Forgetting: documents whose date is over, some at a time.

use mongodb::{
    Collection,
    bson::{Bson, Document, doc},
};
use portcullis::NumericDate;

use super::{calls::bounded, documents, failure::Failure};

/// Documents that are deleted by one command: a step that a server does in a fraction of its time.
const STEP: usize = 1000;

/// Deletes at most `limit` documents whose date in a field is before a moment; those without a date there stay.
pub(super) async fn expired(
    collection: Collection<Document>,
    field: &'static str,
    before: NumericDate,
    limit: usize,
) -> Result<usize, Failure> {
    let expired = doc! { field: { "$lt": documents::to_date(before) } };
    let mut purged = 0;
    while purged < limit {
        let wanted = STEP.min(limit - purged);
        let ids = bounded(some_ids(&collection, field, expired.clone(), wanted)).await?;
        if ids.is_empty() {
            break;
        }
        // Once more the condition: a document may have got a later date meanwhile.
        let mut those = doc! { "_id": { "$in": &ids } };
        those.extend(expired.clone());
        let deleted = bounded(async { collection.delete_many(those).await }).await?;
        purged += usize::try_from(deleted.deleted_count).unwrap_or(usize::MAX);
        if ids.len() < wanted {
            break;
        }
    }
    Ok(purged)
}

/// The first of those, by their dates.
async fn some_ids(
    collection: &Collection<Document>,
    field: &str,
    of: Document,
    limit: usize,
) -> Result<Vec<Bson>, mongodb::error::Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut cursor =
        collection.find(of).projection(doc! { "_id": 1 }).sort(doc! { field: 1 }).limit(limit).await?;
    let mut ids = Vec::new();
    while cursor.advance().await? {
        ids.extend(cursor.deserialize_current()?.remove("_id"));
    }
    Ok(ids)
}
