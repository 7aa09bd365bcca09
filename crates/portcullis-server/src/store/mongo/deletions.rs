//! The names of deleted users, which nobody else can have for a while: tokens may name the user by it.

use std::time::SystemTime;

use mongodb::{
    Collection,
    bson::{DateTime, Document, doc},
};

use super::{failure::Failure, session_documents::time};
use crate::model::{LoginName, Username};

/// Keeps the name of a user's document until a moment, or for longer where it is kept for longer already.
pub(super) async fn keep_name(
    freed_names: &Collection<Document>,
    user: &Document,
    until: SystemTime,
) -> Result<(), Failure> {
    for name in names(user) {
        let change = doc! {
            "$max": { "until": time(until) },
            "$set": { "user": user.get("_id") },
            "$currentDate": { "at": true },
        };
        // Again where somebody else has written the same name in between.
        for _ in 0..2 {
            let written = freed_names.update_one(doc! { "_id": &name }, change.clone()).upsert(true).await;
            match written.map_err(Failure::from) {
                Err(failure) if failure.is_duplicate() => {}
                written => {
                    written?;
                    break;
                }
            }
        }
    }
    Ok(())
}

/// The key of a name, and its spelling where that stands in for a key that it has not, or somebody else has.
fn names(user: &Document) -> Vec<String> {
    if let Ok(key) = user.get_str("name_key") {
        return vec![key.to_owned()];
    }
    let Ok(spelling) = user.get_str("username") else { return Vec::new() };
    let key = LoginName::parse(spelling).ok().and_then(|name| name.key().map(|key| key.as_str().to_owned()));
    key.into_iter().chain([spelling.to_owned()]).collect()
}

/// Whether a name is kept at a moment.
pub(super) async fn is_kept(
    freed_names: &Collection<Document>,
    name: &Username,
    now: SystemTime,
) -> Result<bool, Failure> {
    let either = doc! { "$in": [name.key().as_str(), name.as_str()] };
    let kept = doc! { "_id": either, "until": { "$gt": DateTime::from_system_time(now) } };
    Ok(freed_names.find_one(kept).await?.is_some())
}
