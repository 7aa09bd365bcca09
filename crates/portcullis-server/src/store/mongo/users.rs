//! Users: one document each, in the Flask application's form with our canonical name beside it.

use std::time::SystemTime;

use mongodb::{
    Collection,
    bson::{DateTime, Document, doc, oid::ObjectId},
};

use super::{documents, failure::Failure};
use crate::{
    model::{Failures, LoginName, NewUser, PasswordHash, User, UserId, UserState},
    store::Creation,
};

/// The name is free when nobody has its key, nor its very spelling: a user whose name has no key blocks that. Of two
/// at once the unique index on the key lets one through.
pub(super) async fn create(
    users: Collection<Document>,
    user: NewUser,
    now: SystemTime,
) -> Result<Creation, Failure> {
    if spelled(&users, user.username.as_str()).await?.is_some() {
        return Ok(Creation::NameTaken);
    }
    let (id, created_at) = (ObjectId::new(), DateTime::from_system_time(now));
    let inserted = users.insert_one(doc! {
        "_id": id,
        "username": user.username.as_str(),
        "password": user.password.as_str(),
        "access": i32::from(user.access.level()),
        "created_at": created_at,
        "name_key": user.username.key().as_str(),
    });
    match inserted.await.map_err(Failure::from) {
        Ok(_) => {}
        Err(failure) if failure.is_duplicate() => return Ok(Creation::NameTaken),
        Err(failure) => return Err(failure),
    }
    Ok(Creation::Created(User {
        id: UserId::new(id.to_hex()),
        username: user.username.as_str().to_owned(),
        // As it will be read again.
        created_at: created_at.to_system_time(),
        password: user.password,
        access: user.access,
        state: UserState::Enabled,
        epoch: 0,
        failures: Failures::default(),
    }))
}

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
    let as_expected = doc! { "_id": id, "password": expected.as_str() };
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

/// The user of a name: whoever spells it so, else whoever has its key.
///
/// The spelling first: of two of the Flask application's users whose names cannot be told apart, one has the key,
/// and the other would never get in.
pub(super) async fn by_name(users: Collection<Document>, name: LoginName) -> Result<Option<User>, Failure> {
    let found = match (spelled(&users, name.as_str()).await?, name.key()) {
        (Some(found), _) => Some(found),
        (None, Some(key)) => users.find_one(doc! { "name_key": key.as_str() }).await?,
        (None, None) => None,
    };
    let Some(found) = found else { return Ok(None) };
    let user = documents::user(&found)?;
    if !found.contains_key("name_key") {
        fill_key(&users, &found, &name).await?;
    }
    Ok(Some(user))
}

/// Who spells a name so; of several, which only others can have written, the first.
async fn spelled(users: &Collection<Document>, name: &str) -> Result<Option<Document>, Failure> {
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
