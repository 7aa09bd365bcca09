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
        let mark = ObjectId::new();
        let mut as_read = enabled_admins();
        as_read.insert("_id", id);
        let marked = doc! { "$set": { LEAVING: { "by": mark, "at": time(now) } } };
        if self.users.update_one(as_read, marked).await?.matched_count == 0 {
            return Ok(Leave::Changed);
        }
        if self.has_another_admin(id, now).await? {
            return Ok(Leave::May(doc! { LEAVING_BY: mark }));
        }
        let ours = doc! { "_id": id, LEAVING_BY: mark };
        self.users.update_one(ours, doc! { "$unset": { LEAVING: "" } }).await?;
        Ok(Leave::Last)
    }

    /// Whether somebody else can administer who is not being taken away.
    async fn has_another_admin(&self, id: ObjectId, now: SystemTime) -> Result<bool, Failure> {
        let mut others = enabled_admins();
        others.insert("_id", doc! { "$ne": id });
        let mut cursor = self.users.find(others).projection(doc! { LEAVING: 1 }).await?;
        while cursor.advance().await? {
            let other = cursor.deserialize_current()?;
            let Some(leaving) = other.get(LEAVING) else { return Ok(true) };
            if is_fresh(leaving, now) {
                continue;
            }
            // Left behind. Taken away, so that whoever set it cannot go on by it either.
            let left = doc! { "_id": other.get("_id"), LEAVING: leaving };
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
fn enabled_admins() -> Document {
    doc! { "access": ADMIN, "disabled": { "$in": [false, Bson::Null] } }
}

/// Whether a mark was set a moment ago. One of far ahead was set by a clock that went wrong.
fn is_fresh(leaving: &Bson, now: SystemTime) -> bool {
    let at = leaving.as_document().and_then(|leaving| leaving.get_datetime("at").ok());
    let away = at.map(|at| at.timestamp_millis().abs_diff(time(now).timestamp_millis()));
    away.is_some_and(|away| Duration::from_millis(away) < MARKED)
}
