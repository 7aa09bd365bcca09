//! Users: one document each, in the Flask application's form with our canonical name beside it.

use std::time::SystemTime;

use mongodb::{
    Collection,
    bson::{Bson, DateTime, Document, doc, oid::ObjectId},
    options::ReturnDocument,
};

use super::{audit, documents, failure::Failure, session_documents::time};
use crate::{
    model::{
        Access, AuditEvent, Failures, LoginName, PasswordHash, User, UserCursor, UserId, UserPage, UserQuery,
        UserState,
    },
    sessions::LockPolicy,
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

/// The user of a name: whoever spells it so, else whoever has its key. Both are always asked for, at once: how many answers
/// a login waits for would tell whether there is the name.
///
/// The spelling first: of two of the Flask application's users whose names cannot be told apart, one has the key,
/// and the other would never get in.
pub(super) async fn by_name(users: Collection<Document>, name: LoginName) -> Result<Found, Failure> {
    let by_key = async { Ok(users.find_one(doc! { "name_key": name.identity() }).await?) };
    let (spelled, by_key) = tokio::try_join!(spelled(&users, name.as_str()), by_key)?;
    let Some(found) = spelled.or(by_key) else { return Ok(Found::default()) };
    let lacks_key = !found.contains_key("name_key");
    let keyless = name.key().filter(|_| lacks_key).map(|_| documents::object_id(&found)).transpose()?;
    Ok(Found { user: Some(documents::user(&found)?), keyless })
}

/// What a name has found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) user: Option<User>,
    /// The document's id where it lacks the key of the name, which another program has not made.
    pub(super) keyless: Option<ObjectId>,
}

/// Who spells a name so; of several, which only others can have written, the first.
pub(super) async fn spelled(users: &Collection<Document>, name: &str) -> Result<Option<Document>, Failure> {
    Ok(users.find_one(doc! { "username": name }).sort(doc! { "_id": 1 }).await?)
}

/// Gives a user that another program made the key of its name, unless somebody else has that.
pub(super) async fn fill_key(
    users: Collection<Document>,
    id: ObjectId,
    name: LoginName,
) -> Result<(), Failure> {
    let Some(key) = name.key() else { return Ok(()) };
    let keyless = doc! { "_id": id, "name_key": { "$exists": false } };
    let filled = users.update_one(keyless, doc! { "$set": { "name_key": key.as_str() } }).await;
    match filled.map_err(Failure::from) {
        Err(failure) if !failure.is_duplicate() => Err(failure),
        _ => Ok(()),
    }
}

/// Writes the event of a login that failed, and counts the failure of a user and locks the user by the policy, unless the
/// user is locked already: what comes of it is known before anybody else counts or logs in.
///
/// Whoever is not counted has a decoy that is: the time of a write to the journals of a majority would tell.
pub(super) async fn note_failed_login(
    [users, decoys, events]: [Collection<Document>; 3],
    user: Option<UserId>,
    event: AuditEvent,
    policy: Option<LockPolicy>,
    now: SystemTime,
) -> Result<Option<Failures>, Failure> {
    let user = user.and_then(|user| ObjectId::parse_str(user.as_str()).ok());
    let counted = async {
        match user {
            Some(id) => count(&users, id, policy.as_ref(), now).await,
            None => count_decoy(&decoys).await.map(|()| None),
        }
    };
    let (counted, ()) = tokio::try_join!(counted, audit::record(events, vec![event]))?;
    Ok(counted)
}

/// Counts a failure of a user by one command; none where there is no such user, or a lock.
async fn count(
    users: &Collection<Document>,
    id: ObjectId,
    policy: Option<&LockPolicy>,
    now: SystemTime,
) -> Result<Option<Failures>, Failure> {
    let unlocked = doc! { "_id": id, "locked_until": { "$not": { "$gt": time(now) } } };
    let one_more = doc! { "$add": [{ "$ifNull": ["$failures", 0_i64] }, 1_i64] };
    let mut steps = vec![doc! { "$set": { "failures": one_more } }];
    steps.extend(policy.map(|policy| doc! { "$set": { "locked_until": locked_until(policy, now) } }));
    let counted = users.find_one_and_update(unlocked, steps).return_document(ReturnDocument::After).await?;
    counted.as_ref().map(|found| documents::user(found).map(|user| user.failures)).transpose()
}

/// When a lock ends, as the server finds it out by the count: the ends of all that there may be are handed over, so that
/// the policy alone knows the delays.
fn locked_until(policy: &LockPolicy, now: SystemTime) -> Document {
    let ends = policy.delays().map(|delay| now.checked_add(delay).map_or(DateTime::MAX, time));
    let ends: Vec<DateTime> = ends.collect();
    let last = i64::try_from(ends.len()).unwrap_or(i64::MAX).saturating_sub(1);
    let free = i64::from(policy.free_failures);
    let beyond = doc! { "$subtract": ["$failures", free.saturating_add(1)] };
    let end = doc! { "$arrayElemAt": [ends, { "$min": [beyond, last] }] };
    doc! { "$cond": [{ "$gt": ["$failures", free] }, end, "$locked_until"] }
}

/// How many decoys there are: failures of unknown names wait for each other no more than those of users do.
const DECOYS: u8 = 64;

/// Counts a failure of nobody: one write to a document that nobody reads.
async fn count_decoy(decoys: &Collection<Document>) -> Result<(), Failure> {
    // The end of an id is a counter, so that they take turns.
    let turn = ObjectId::new().bytes().last().map_or(0, |last| last % DECOYS);
    let one = doc! { "_id": i32::from(turn) };
    let one_more = doc! { "$inc": { "failures": 1_i64 } };
    match decoys.find_one_and_update(one, one_more).upsert(true).await.map_err(Failure::from) {
        // Two at once have made it.
        Err(failure) if !failure.is_duplicate() => Err(failure),
        _ => Ok(()),
    }
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
