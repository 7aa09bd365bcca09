//! Between documents and the model: what a field holds, read without trust, since others write here too.

use mongodb::bson::{Binary, Bson, DateTime, Document, doc, oid::ObjectId, spec::BinarySubtype};
use portcullis::NumericDate;

use super::{USERS, failure::Failure};
use crate::model::{Access, Failures, PasswordHash, User, UserId, UserState};

/// A user of a document. Fields that are not ours are nobody's business here.
pub(super) fn user(document: &Document) -> Result<User, Failure> {
    let id = object_id(document)?;
    let text = |field: &str| match document.get(field) {
        Some(Bson::String(text)) => Ok(text.clone()),
        Some(other) => Err(wrong(document, &format!("{field} is of type {:?}", other.element_type()))),
        None => Err(wrong(document, &format!("{field} is missing"))),
    };
    Ok(User {
        id: UserId::new(id.to_hex()),
        username: text("username")?,
        password: password(document),
        access: access(document)?,
        created_at: created_at(document, id).to_system_time(),
        state: state(document)?,
        epoch: epoch(document)?,
        failures: failures(document)?,
    })
}

/// The hash, as text or as the bytes of one. What is neither is a hash that no password has: whoever tries to log in
/// hears what one with a wrong password hears.
fn password(document: &Document) -> PasswordHash {
    let text = match document.get("password") {
        Some(Bson::String(text)) => Some(text.as_str()),
        Some(Bson::Binary(bytes)) => std::str::from_utf8(&bytes.bytes).ok(),
        _ => None,
    };
    if text.is_none() {
        let id = document.get("_id").map(ToString::to_string);
        tracing::warn!(id, "a user's password is no hash that can be read: nobody can log in with one");
    }
    PasswordHash::stored(text.unwrap_or_default())
}

/// The condition that a hash is a user's, as text or as the bytes of one.
pub(super) fn password_is(hash: &PasswordHash) -> Document {
    let bytes = Binary { subtype: BinarySubtype::Generic, bytes: hash.as_str().as_bytes().to_vec() };
    doc! { "$in": [hash.as_str(), bytes] }
}

/// Whoever wrote nothing meant that the user may be here; what cannot be understood may mean the contrary.
fn state(document: &Document) -> Result<UserState, Failure> {
    match document.get("disabled") {
        None | Some(Bson::Null | Bson::Boolean(false)) => Ok(UserState::Enabled),
        Some(Bson::Boolean(true)) => Ok(UserState::Disabled),
        Some(_) => Err(wrong(document, "disabled is neither true nor false")),
    }
}

/// How often all sessions of the user were ended; never, where nobody has written it.
fn epoch(document: &Document) -> Result<i64, Failure> {
    match document.get("epoch") {
        None | Some(Bson::Null) => Ok(0),
        Some(Bson::Int32(epoch)) => Ok(i64::from(*epoch)),
        Some(Bson::Int64(epoch)) => Ok(*epoch),
        Some(_) => Err(wrong(document, "epoch is no whole number")),
    }
}

/// The failed logins; none, where nobody has written any. What cannot be understood may mean a lock.
fn failures(document: &Document) -> Result<Failures, Failure> {
    let count = match document.get("failures") {
        None | Some(Bson::Null) => Some(0),
        Some(Bson::Int32(count)) => u32::try_from(*count).ok(),
        Some(Bson::Int64(count)) => u32::try_from(*count).ok(),
        Some(_) => None,
    };
    let locked_until = match document.get("locked_until") {
        None | Some(Bson::Null) => None,
        Some(Bson::DateTime(until)) => Some(until.to_system_time()),
        Some(_) => return Err(wrong(document, "locked_until is no date")),
    };
    let count = count.ok_or_else(|| wrong(document, "failures is no number of them"))?;
    Ok(Failures { count, locked_until })
}

/// The id of a user's document.
pub(super) fn object_id(document: &Document) -> Result<ObjectId, Failure> {
    document.get_object_id("_id").map_err(|_| wrong(document, "_id is no ObjectId"))
}

/// Whoever left it out meant the default: the Flask application's schema has the same.
fn access(document: &Document) -> Result<Access, Failure> {
    let levels = [Access::Guest, Access::User, Access::Admin].into_iter();
    let known = match document.get("access") {
        None => Some(Access::default()),
        Some(Bson::Int32(level)) => Access::from_level(i64::from(*level)),
        Some(Bson::Int64(level)) => Access::from_level(*level),
        // Shells that know one kind of number write this.
        Some(Bson::Double(level)) => {
            levels.into_iter().find(|known| f64::from(known.level()).total_cmp(level).is_eq())
        }
        Some(_) => None,
    };
    known.ok_or_else(|| wrong(document, "access is none of 0, 1 and 2"))
}

/// Where it is missing or no date, the moment that is part of the id.
fn created_at(document: &Document, id: ObjectId) -> DateTime {
    document.get_datetime("created_at").copied().unwrap_or_else(|_| id.timestamp())
}

/// The expiry of an entry as it is kept. For good is what every date is smaller than, so that of two expiries the
/// server can take the later one by itself; a moment that no date reaches is the furthest one.
pub(super) fn expiry(expires_at: Option<NumericDate>) -> Bson {
    expires_at.map_or(Bson::MaxKey, |moment| Bson::DateTime(to_date(moment)))
}

pub(super) fn to_date(moment: NumericDate) -> DateTime {
    DateTime::from_millis(moment.seconds().saturating_mul(1000))
}

/// A part of a second counts as a whole one: an entry may stay longer, never shorter.
pub(super) fn from_date(date: DateTime) -> NumericDate {
    let millis = date.timestamp_millis();
    NumericDate::from_seconds(millis.div_euclid(1000) + i64::from(millis.rem_euclid(1000) > 0))
}

fn wrong(document: &Document, problem: &str) -> Failure {
    let id = document.get("_id").map_or_else(|| "without _id".to_owned(), ToString::to_string);
    Failure::Document { collection: USERS, id, problem: problem.to_owned() }
}
