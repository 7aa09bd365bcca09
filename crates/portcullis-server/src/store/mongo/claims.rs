//! What only one may do at a time, on whichever node: a document of a fixed name says who does it.

use std::time::{Duration, SystemTime};

use mongodb::{
    Collection,
    bson::{Document, doc, oid::ObjectId},
};

use super::{failure::Failure, session_documents::time};

/// Something that this call alone may do, until it is given back or its time is over.
pub(super) struct Claim {
    claims: Collection<Document>,
    what: &'static str,
    by: ObjectId,
}

impl Claim {
    /// How long a claim holds that is not given back. Whoever has it is done or has failed long before.
    const HELD: Duration = Duration::from_mins(1);

    /// Claims something; `None` where somebody else has.
    pub(super) async fn take(
        claims: Collection<Document>,
        what: &'static str,
        now: SystemTime,
    ) -> Result<Option<Self>, Failure> {
        let until = now.checked_add(Self::HELD).unwrap_or(now);
        // One of far ahead was made by a clock that went wrong.
        let is_over = doc! { "$or": [
            { "until": { "$lte": time(now) } },
            { "until": { "$gt": time(until.checked_add(Self::HELD).unwrap_or(until)) } },
        ] };
        let by = ObjectId::new();
        let ours = doc! { "$set": { "by": by, "until": time(until) } };
        let mut free = doc! { "_id": what };
        free.extend(is_over);
        // Where it is held the condition fails, and so does the insertion of another of its name.
        match claims.update_one(free, ours).upsert(true).await.map_err(Failure::from) {
            Ok(_) => Ok(Some(Self { claims, what, by })),
            Err(failure) if failure.is_duplicate() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Gives it back; answers whether it was held until now.
    pub(super) async fn give_back(self) -> Result<bool, Failure> {
        let ours = doc! { "_id": self.what, "by": self.by };
        Ok(self.claims.delete_one(ours).await?.deleted_count > 0)
    }
}
