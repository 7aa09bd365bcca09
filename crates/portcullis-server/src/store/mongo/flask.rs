//! What the Flask application beside this service has to refuse: entries in its list that are for it alone.

use std::time::SystemTime;

use mongodb::{
    Collection,
    bson::{DateTime, Document, doc},
};

use super::{calls::bounded, documents, failure::Failure, session_documents, sessions::Sessions};
use crate::{
    model::{AccessId, RevokedToken, Session, SessionId},
    store::UNTOLD_AT_ONCE,
};

/// Notes an access token of a session that has not ended.
pub(super) async fn note_access_token(
    sessions: Collection<Document>,
    session: SessionId,
    token: AccessId,
) -> Result<bool, Failure> {
    let open = doc! { "_id": session.as_str(), "ended_at": { "$exists": false } };
    let newest = i32::try_from(Session::ACCESS_TOKENS).unwrap_or(i32::MAX);
    let noted = doc! {
        "$push": {
            "access_tokens": { "$each": [session_documents::access_token(&token)], "$slice": -newest },
        },
    };
    Ok(sessions.update_one(open, noted).await?.matched_count > 0)
}

/// Writes tokens for the Flask application, and those of ended sessions that are still due; answers of how many
/// sessions.
pub(super) async fn tell(
    sessions: Sessions,
    revoked: Collection<Document>,
    tokens: Vec<RevokedToken>,
    now: SystemTime,
) -> Result<usize, Failure> {
    for token in &tokens {
        write(&revoked, token, now).await?;
    }
    let due = doc! { "ended_at": { "$exists": true }, "access_tokens": { "$exists": true } };
    let due = bounded(sessions.select_at_most(due, UNTOLD_AT_ONCE)).await?;
    for session in &due {
        for token in session.tokens_to_refuse() {
            write(&revoked, &token, now).await?;
        }
        let told = doc! { "$unset": { "access_tokens": "" } };
        let told = sessions.sessions.update_one(doc! { "_id": session.id.as_str() }, told);
        bounded(async { told.await }).await?;
    }
    Ok(due.len())
}

/// Writes an entry for the Flask application alone. One that stands there for us too goes on to.
async fn write(revoked: &Collection<Document>, token: &RevokedToken, now: SystemTime) -> Result<(), Failure> {
    // Again where somebody else has written the same entry in between, as for ours.
    for _ in 0..2 {
        let ours = doc! { "jti": &token.jti, "expires_at": { "$exists": true } };
        let written = revoked.update_one(
            ours,
            doc! {
                "$max": { "expires_at": documents::expiry(token.expires_at) },
                "$currentDate": { "at": true },
                "$setOnInsert": { "created_at": DateTime::from_system_time(now), "for_flask": true },
            },
        );
        match bounded(async { written.upsert(true).await }).await {
            Err(failure) if failure.is_duplicate() => {}
            written => return written.map(drop),
        }
    }
    Ok(())
}
