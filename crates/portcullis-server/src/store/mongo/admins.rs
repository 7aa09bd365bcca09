//! That somebody can administer users: of administrators who are taken away at once, one stays.
//!
//! No two documents can be looked at and written as one. So whoever is to be taken away is marked first, and the others are
//! counted after that, those who are marked too left out: of two at once the later sees the mark of the earlier. The
//! change is made only while the mark is there, and takes it away.

use std::time::{Duration, SystemTime};

use mongodb::bson::{Bson, Document, doc, oid::ObjectId};

use super::{failure::Failure, session_documents::time, sessions::Sessions};
use crate::model::{Access, User, UserChange, UserState};

/// The field of the mark: who set it, by a name of its own, and when.
pub(super) const LEAVING: &str = "leaving";

/// Who set it.
pub(super) const LEAVING_BY: &str = "leaving.by";

/// How long a mark counts. Whoever has set it is done or has failed long before.
const MARKED: Duration = Duration::from_mins(1);

/// Whether a user may be taken away from those who administer.
pub(super) enum Leave {
    /// It may be written that holds under a condition.
    May(Document),
    /// Nobody else would be left.
    Last,
    /// The user is not as it was read.
    Changed,
}

impl Sessions {
    /// Whether a change of a user, as it was read, leaves somebody who can administer.
    pub(super) async fn leave(
        &self,
        id: ObjectId,
        user: &User,
        change: &UserChange,
        now: SystemTime,
    ) -> Result<Leave, Failure> {
        let admin = User { access: Access::Admin, state: UserState::Enabled, ..user.clone() };
        if !change.takes_away_from(&admin) {
            return Ok(Leave::May(doc! {}));
        }
        if !user.is_enabled_admin() {
            // As long as that is so.
            let other = doc! { "$or": [{ "access": { "$ne": ADMIN } }, { "disabled": true }] };
            return Ok(Leave::May(other));
        }
        let ours = ObjectId::new();
        let Some(mark) = self.mark(id, ours, now).await? else { return Ok(Leave::Changed) };
        if self.has_another_admin(id, now).await? {
            return Ok(Leave::May(doc! { LEAVING_BY: mark }));
        }
        // Where it is another's, that one takes it away.
        let marked = doc! { "_id": id, LEAVING_BY: ours };
        self.users.update_one(marked, doc! { "$unset": { LEAVING: "" } }).await?;
        Ok(Leave::Last)
    }

    /// Marks an administrator, and answers the name of the mark; `None` where it is no administrator any more.
    ///
    /// A mark that another call has just set is as good: were it written over, two who take away the same one could go on
    /// doing so to each other for ever.
    async fn mark(&self, id: ObjectId, ours: ObjectId, now: SystemTime) -> Result<Option<ObjectId>, Failure> {
        let mut unmarked = enabled_admins();
        unmarked.extend(doc! { "_id": id, "leaving.at": { "$not": fresh(now) } });
        let marked = doc! { "$set": { LEAVING: { "by": ours, "at": time(now) } } };
        if self.users.update_one(unmarked, marked).await?.matched_count > 0 {
            return Ok(Some(ours));
        }
        let mut marked = enabled_admins();
        marked.extend(doc! { "_id": id, "leaving.at": fresh(now) });
        let document = self.users.find_one(marked).await?;
        let theirs = document.as_ref().and_then(|found| found.get_document(LEAVING).ok());
        Ok(theirs.and_then(|leaving| leaving.get_object_id("by").ok()))
    }

    /// Whether somebody else can administer who is not being taken away.
    async fn has_another_admin(&self, id: ObjectId, now: SystemTime) -> Result<bool, Failure> {
        let mut others = enabled_admins();
        others.insert("_id", doc! { "$ne": id });
        let mut cursor = self.users.find(others).projection(doc! { LEAVING: 1 }).await?;
        let mut left_behind = Vec::new();
        while cursor.advance().await? {
            let other = cursor.deserialize_current()?;
            let Some(leaving) = other.get(LEAVING) else { return Ok(true) };
            if !is_fresh(leaving, now) {
                left_behind.push(doc! { "_id": other.get("_id"), LEAVING: leaving });
            }
        }
        for left in left_behind {
            // Taken away, so that whoever set it cannot go on by it either.
            if self.users.update_one(left, doc! { "$unset": { LEAVING: "" } }).await?.matched_count > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The level of those who administer.
const ADMIN: i32 = Access::Admin.level() as i32;

/// Those who can administer: whoever wrote nothing of it meant that the user may be here.
pub(super) fn enabled_admins() -> Document {
    doc! { "access": ADMIN, "disabled": { "$in": [false, Bson::Null] } }
}

/// The condition that a moment is that of a mark that counts.
fn fresh(now: SystemTime) -> Document {
    let (from, to) = (now.checked_sub(MARKED), now.checked_add(MARKED));
    doc! { "$gt": time(from.unwrap_or(now)), "$lt": time(to.unwrap_or(now)) }
}

/// Whether a mark was set a moment ago. One of far ahead was set by a clock that went wrong.
fn is_fresh(leaving: &Bson, now: SystemTime) -> bool {
    let at = leaving.as_document().and_then(|leaving| leaving.get_datetime("at").ok());
    let away = at.map(|at| at.timestamp_millis().abs_diff(time(now).timestamp_millis()));
    away.is_some_and(|away| Duration::from_millis(away) < MARKED)
}
