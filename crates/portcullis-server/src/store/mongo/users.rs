//! Users: one document each, in the Flask application's form with our canonical name beside it.

use std::time::SystemTime;

use mongodb::{
    Collection,
    bson::{Bson, Document, doc, oid::ObjectId},
};

use super::{audit, documents, failure::Failure, session_documents::time};
use crate::{
    model::{
        Access, AuditEvent, Failures, LoginName, PasswordHash, User, UserCursor, UserId, UserPage, UserQuery,
        UserState,
    },
    sessions::{LockPolicy, locked},
};

/// The fields of the failed logins.
pub(super) const FAILURES: [&str; 2] = ["failures", "locked_until"];

/// The user of an id; a text that is no id of ours names nobody.
pub(super) async fn by_id(users: &Collection<Document>, id: &UserId) -> Result<Option<User>, Failure> {
    let found = document_of(users, id).await?;
    found.as_ref().map(documents::user).transpose()
}

/// Puts a hash in the place of another, if that is still there.
pub(super) async fn replace_hash(
    users: Collection<Document>,
    user: UserId,
    expected: PasswordHash,
    new: PasswordHash,
) -> Result<bool, Failure> {
    let Ok(id) = ObjectId::parse_str(user.as_str()) else { return Ok(false) };
    let as_expected = doc! { "_id": id, "password": documents::password_is(&expected) };
    let replaced = users.update_one(as_expected, doc! { "$set": { "password": new.as_str() } }).await?;
    Ok(replaced.matched_count > 0)
}

/// The document of an id.
pub(super) async fn document_of(
    users: &Collection<Document>,
    id: &UserId,
) -> Result<Option<Document>, Failure> {
    let Ok(id) = ObjectId::parse_str(id.as_str()) else { return Ok(None) };
    Ok(users.find_one(doc! { "_id": id }).await?)
}

/// What becomes of a user without a canonical name who is found by the spelling.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyless {
    /// The user gets one.
    Filled,
    /// Nothing: who only looks writes nothing.
    Left,
}

/// The user of a name: whoever spells it so, else whoever has its key.
///
/// The spelling first: of two of the Flask application's users whose names cannot be told apart, one has the key,
/// and the other would never get in.
pub(super) async fn by_name(
    users: Collection<Document>,
    name: LoginName,
    keyless: Keyless,
) -> Result<Option<User>, Failure> {
    let found = match (spelled(&users, name.as_str()).await?, name.key()) {
        (Some(found), _) => Some(found),
        (None, Some(key)) => users.find_one(doc! { "name_key": key.as_str() }).await?,
        (None, None) => None,
    };
    let Some(found) = found else { return Ok(None) };
    let user = documents::user(&found)?;
    if keyless == Keyless::Filled && !found.contains_key("name_key") {
        fill_key(&users, &found, &name).await?;
    }
    Ok(Some(user))
}

/// Who spells a name so; of several, which only others can have written, the first.
pub(super) async fn spelled(users: &Collection<Document>, name: &str) -> Result<Option<Document>, Failure> {
    Ok(users.find_one(doc! { "username": name }).sort(doc! { "_id": 1 }).await?)
}

/// Gives a user that another program made the key of its name, unless somebody else has that.
async fn fill_key(users: &Collection<Document>, found: &Document, name: &LoginName) -> Result<(), Failure> {
    let Some(key) = name.key() else { return Ok(()) };
    let keyless = doc! { "_id": documents::object_id(found)?, "name_key": { "$exists": false } };
    let filled = users.update_one(keyless, doc! { "$set": { "name_key": key.as_str() } }).await;
    match filled.map_err(Failure::from) {
        Err(failure) if !failure.is_duplicate() => Err(failure),
        _ => Ok(()),
    }
}

/// Counts a login that failed, locks the user by the policy, and writes the event; where there is none, it takes as many
/// commands of the same kinds.
pub(super) async fn note_failed_login(
    users: Collection<Document>,
    events: Collection<Document>,
    user: Option<UserId>,
    event: AuditEvent,
    policy: Option<LockPolicy>,
    now: SystemTime,
) -> Result<Failures, Failure> {
    // A new id is nobody's.
    let id = user.and_then(|user| ObjectId::parse_str(user.as_str()).ok()).unwrap_or_default();
    let one = doc! { "_id": id };
    users.update_one(one.clone(), doc! { "$inc": { "failures": 1_i64 } }).await?;
    let counted = users.find_one(one.clone()).await?;
    let known = counted.as_ref().map(|found| documents::user(found).map(|user| user.failures)).transpose()?;
    let before = known.unwrap_or_default();
    let after = locked(before, before.count, policy.as_ref(), now);
    // Of many at once the latest end holds; without one nothing is written over the count.
    let at_least = if let Some(until) = after.locked_until {
        doc! { "locked_until": time(until) }
    } else {
        doc! { "failures": i64::from(after.count) }
    };
    users.update_one(one, doc! { "$max": at_least }).await?;
    audit::record(events, vec![event]).await?;
    Ok(known.map_or(before, |_| after))
}

/// Forgets the failed logins of a user.
pub(super) async fn forget_failures(users: &Collection<Document>, user: &UserId) -> Result<(), Failure> {
    let Ok(id) = ObjectId::parse_str(user.as_str()) else { return Ok(()) };
    let none: Document = FAILURES.iter().map(|field| ((*field).to_owned(), Bson::from(""))).collect();
    users.update_one(doc! { "_id": id }, doc! { "$unset": none }).await?;
    Ok(())
}

/// A page of those who are wanted: by id, or by name from where that begins.
pub(super) async fn page(users: Collection<Document>, query: UserQuery) -> Result<UserPage, Failure> {
    let (field, place) = place(&query).ok_or(Failure::UnknownCursor)?;
    let mut wanted = doc! { field: place };
    wanted.extend(query.access.map(|access| ("access".to_owned(), access_is(access).into())));
    wanted.extend(query.state.map(|state| ("disabled".to_owned(), state_is(state).into())));
    let limit = i64::try_from(query.limit.saturating_add(1)).unwrap_or(i64::MAX);
    let mut cursor = users.find(wanted).sort(doc! { field: 1 }).limit(limit).await?;
    let (mut page, mut read, mut last) = (UserPage::default(), 0, None);
    while cursor.advance().await? {
        if read == query.limit {
            page.next = last;
            break;
        }
        read += 1;
        let found = cursor.deserialize_current()?;
        last = match found.get(field) {
            Some(Bson::ObjectId(id)) => Some(UserCursor::Id(UserId::new(id.to_hex()))),
            Some(Bson::String(key)) => Some(UserCursor::Name(key.clone())),
            _ => last,
        };
        match documents::user(&found) {
            Ok(user) => page.users.push(user),
            // One of another program's that is none keeps nobody from seeing the others.
            Err(failure) => tracing::warn!(?failure, "a user's document cannot be read"),
        }
    }
    Ok(page)
}

/// The field that a list goes by, and the range of it; `None` for a cursor of the other order, or of another store.
fn place(query: &UserQuery) -> Option<(&'static str, Document)> {
    let mut range = match (&query.name_prefix, &query.after) {
        (None, None) => return Some(("_id", doc! { "$gte": ObjectId::from_bytes([0; 12]) })),
        (None, Some(UserCursor::Id(id))) => {
            return Some(("_id", doc! { "$gt": ObjectId::parse_str(id.as_str()).ok()? }));
        }
        (Some(prefix), None) => doc! { "$gte": prefix.as_str() },
        (Some(prefix), Some(UserCursor::Name(key))) => doc! { "$gte": prefix.as_str(), "$gt": key },
        (None, Some(UserCursor::Name(_))) | (Some(_), Some(UserCursor::Id(_))) => return None,
    };
    range.extend(query.name_prefix.as_ref()?.end().map(|end| ("$lt".to_owned(), end.into())));
    Some(("name_key", range))
}

/// Whoever wrote no level meant the default.
fn access_is(access: Access) -> Document {
    let level = Bson::from(i32::from(access.level()));
    let default = (access == Access::default()).then_some(Bson::Null);
    doc! { "$in": default.into_iter().chain([level]).collect::<Vec<_>>() }
}

/// Whoever wrote nothing meant that the user may be here.
fn state_is(state: UserState) -> Document {
    match state {
        UserState::Enabled => doc! { "$in": [false, Bson::Null] },
        UserState::Disabled => doc! { "$eq": true },
    }
}
