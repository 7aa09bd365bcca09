//! Canonical names for users that another program has made: without one, a look-alike of theirs could be registered.
//!
//! All of them get theirs at the start, before anybody can register, and who is made meanwhile within a minute. Of names
//! that cannot be told apart the oldest user has the key; the others log in by their exact spelling.

use std::time::{Duration, SystemTime};

use mongodb::{
    Collection, Database,
    bson::{Document, doc, oid::ObjectId},
};
use portcullis::{Clock, NumericDate, SystemClock};
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    USERS, documents,
    failure::{Failure, Place},
};
use crate::{model::LoginName, store::StoreError};

/// How often those who were made meanwhile are looked for.
const EVERY: Duration = Duration::from_mins(1);

/// How far back they are looked for: clocks that made their ids may be behind, and rounds may have failed.
const BACK: Duration = Duration::from_hours(24);

/// How long a round may take: at the first start on a large collection it is minutes.
const PATIENCE: Duration = Duration::from_mins(10);

/// How many users get their key by one command.
const STEP: usize = 1000;

/// Gives all users without a key theirs; those whose name has none, or whose key somebody has, stay without.
///
/// # Errors
/// [`StoreErrorKind::Refused`](crate::store::StoreErrorKind::Refused) when the server does not let us, or not in time.
pub(super) async fn fill(database: &Database, place: &Place) -> Result<(), StoreError> {
    let filled = timeout(PATIENCE, fill_those(database, keyless())).await.unwrap_or(Err(Failure::Late));
    match filled.map_err(|failure| place.refusal(failure))? {
        0 => {}
        users => tracing::info!(users, "{users} users of another program have canonical names now"),
    }
    Ok(())
}

/// Goes on with those who are made from now on, until the task is aborted.
pub(super) fn keep_filling(database: Database, place: Place) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut rhythm = interval(EVERY);
        rhythm.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first is over at once: the start has looked already.
        rhythm.tick().await;
        loop {
            rhythm.tick().await;
            let mut recent = keyless();
            recent.insert("_id", doc! { "$gte": first_id_of(SystemClock.now() - BACK) });
            let filled = timeout(PATIENCE, fill_those(&database, recent)).await;
            if let Err(failure) = filled.unwrap_or(Err(Failure::Late)) {
                let error = place.error(failure);
                tracing::warn!(%error, "users of another program could not be given canonical names");
            }
        }
    })
}

pub(super) fn keyless() -> Document {
    doc! { "name_key": { "$exists": false } }
}

/// The first id that may have been made at a moment: an `ObjectId` begins with its second.
fn first_id_of(moment: SystemTime) -> ObjectId {
    let second = u32::try_from(NumericDate::from(moment).seconds()).unwrap_or(0).to_be_bytes();
    let mut id = [0; 12];
    id.iter_mut().zip(second).for_each(|(byte, of_second)| *byte = of_second);
    ObjectId::from_bytes(id)
}

async fn fill_those(database: &Database, those: Document) -> Result<u64, Failure> {
    let users: Collection<Document> = database.collection(USERS);
    let found = users.find(those).projection(doc! { "username": 1 }).sort(doc! { "_id": 1 });
    let mut cursor = found.await?;
    let (mut updates, mut filled) = (Vec::new(), 0);
    while cursor.advance().await? {
        updates.extend(update_of(&cursor.deserialize_current()?));
        if updates.len() == STEP {
            filled += apply(database, std::mem::take(&mut updates)).await?;
            tracing::info!(users = filled, "canonical names: {filled} users so far");
        }
    }
    if !updates.is_empty() {
        filled += apply(database, updates).await?;
    }
    Ok(filled)
}

/// What gives a user the key of its name; nothing for a name that has none, or that is no text.
fn update_of(user: &Document) -> Option<Document> {
    let id = documents::object_id(user).ok()?;
    let name = LoginName::parse(user.get_str("username").ok()?).ok()?;
    let key = name.key()?.as_str();
    Some(doc! { "q": { "_id": id, "name_key": { "$exists": false } }, "u": { "$set": { "name_key": key } } })
}

/// Applies updates by one command, and answers how many counted: those whose key somebody has do not.
async fn apply(database: &Database, updates: Vec<Document>) -> Result<u64, Failure> {
    let command = doc! {
        "update": USERS,
        "updates": updates,
        "ordered": false,
        "writeConcern": { "w": "majority", "j": true },
    };
    let answer = database.run_command(command).await?;
    let changed = answer.get_i32("nModified").map(i64::from).or_else(|_| answer.get_i64("nModified"));
    Ok(changed.ok().and_then(|changed| u64::try_from(changed).ok()).unwrap_or(0))
}
