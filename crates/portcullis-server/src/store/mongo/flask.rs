//! What the Flask application beside this service has to refuse: entries in its list that are for it alone.

use std::time::SystemTime;

use mongodb::{
    Collection, Database,
    bson::{Bson, DateTime, Document, doc},
};

use super::{
    REVOKED_TOKENS, calls::bounded, documents, failure::Failure, session_documents, sessions::Sessions,
};
use crate::{
    model::{AccessId, RevokedToken, Session, SessionId},
    store::UNTOLD_AT_ONCE,
};

/// How many entries one command writes: far fewer than a server takes in the time of a step.
const AT_ONCE: usize = 200;

/// Notes an access token of a session that has not ended. One that is noted already stays where it is: many who ask at
/// once are given the same, and it must not push others out.
pub(super) async fn note_access_token(
    sessions: Collection<Document>,
    session: SessionId,
    token: AccessId,
) -> Result<bool, Failure> {
    let open = doc! { "_id": session.as_str(), "ended_at": { "$exists": false } };
    let mut without = open.clone();
    without.insert("access_tokens.jti", doc! { "$ne": &token.jti });
    let newest = i32::try_from(Session::ACCESS_TOKENS).unwrap_or(i32::MAX);
    let noted = doc! {
        "$push": {
            "access_tokens": { "$each": [session_documents::access_token(&token)], "$slice": -newest },
        },
    };
    let is_noted = sessions.update_one(without, noted).await?.matched_count > 0;
    Ok(is_noted || sessions.find_one(open).await?.is_some())
}

/// Writes the tokens of ended sessions that are still due; answers of how many sessions.
pub(super) async fn tell_of_ended(
    sessions: Sessions,
    database: Database,
    now: SystemTime,
) -> Result<usize, Failure> {
    let due = doc! { "ended_at": { "$exists": true }, "access_tokens": { "$exists": true } };
    let due = bounded(sessions.select_at_most(due, UNTOLD_AT_ONCE)).await?;
    let tokens: Vec<_> = due.iter().flat_map(Session::tokens_to_refuse).collect();
    write(&database, &tokens, now).await?;
    let ids: Vec<_> = due.iter().map(|session| session.id.as_str()).collect();
    let told = doc! { "$unset": { "access_tokens": "" } };
    let told = sessions.sessions.update_many(doc! { "_id": { "$in": ids } }, told);
    bounded(async { told.await }).await?;
    Ok(due.len())
}

/// Writes entries for the Flask application alone. One that stands there for us too goes on to.
pub(super) async fn write(
    database: &Database,
    tokens: &[RevokedToken],
    now: SystemTime,
) -> Result<(), Failure> {
    for some in tokens.chunks(AT_ONCE) {
        // Again where somebody else has written the same entry in between, as for ours.
        if let Err(failure) = write_at_once(database, some, now).await {
            if !failure.is_duplicate() {
                return Err(failure);
            }
            write_at_once(database, some, now).await?;
        }
    }
    Ok(())
}

async fn write_at_once(database: &Database, tokens: &[RevokedToken], now: SystemTime) -> Result<(), Failure> {
    let upserts = tokens.iter().map(|token| {
        let change = doc! {
            "$max": { "expires_at": documents::expiry(token.expires_at) },
            "$currentDate": { "at": true },
            "$setOnInsert": { "created_at": DateTime::from_system_time(now), "for_flask": true },
        };
        let ours = doc! { "jti": &token.jti, "expires_at": { "$exists": true } };
        Bson::from(doc! { "q": ours, "u": change, "upsert": true })
    });
    // The driver has a call of many updates for the newest servers only; the command is as old as any.
    let command = doc! {
        "update": REVOKED_TOKENS,
        "updates": upserts.collect::<Vec<_>>(),
        "ordered": false,
        "writeConcern": { "w": "majority", "j": true },
    };
    let answer = bounded(async { database.run_command(command).await }).await?;
    Failure::if_any(&answer)
}
