//! What is refused: the Flask application's documents with a stamp and an expiry beside, ours in between, and a
//! collection of ours for what is no single token.

use std::time::SystemTime;

use mongodb::{
    Collection,
    bson::{DateTime, Document, doc},
};

use super::{documents, failure::Failure};
use crate::model::{EndedSession, Revocation, RevokedToken};

/// Writes an entry, or lets the one that is there say more.
pub(super) async fn revoke(
    revoked_tokens: Collection<Document>,
    revocations: Collection<Document>,
    revocation: Revocation,
    now: SystemTime,
) -> Result<(), Failure> {
    let expires_at = documents::expiry(revocation.until());
    let (id, named, mut at_least) = match revocation {
        Revocation::Token(token) => return revoke_token(revoked_tokens, token, now).await,
        Revocation::Session(EndedSession { id, .. }) => {
            (format!("session {id}"), doc! { "sid": id.as_str() }, doc! {})
        }
        Revocation::Access { session, up_to, .. } => (
            format!("access {session}"),
            doc! { "sid": session.as_str() },
            doc! { "generation": i64::from(up_to) },
        ),
        Revocation::User { identity, before, .. } => (
            format!("user {identity}"),
            doc! { "user": &identity },
            doc! { "before": documents::to_date(before) },
        ),
        Revocation::All { before } => {
            ("all".to_owned(), doc! { "all": true }, doc! { "before": documents::to_date(before) })
        }
    };
    at_least.insert("expires_at", expires_at);
    let change = doc! { "$max": at_least, "$setOnInsert": named, "$currentDate": { "at": true } };
    upsert(&revocations, doc! { "_id": id }, change).await
}

/// An entry of another program, which has no expiry, is not touched: it is for good, and stands beside ours.
async fn revoke_token(
    revoked_tokens: Collection<Document>,
    token: RevokedToken,
    now: SystemTime,
) -> Result<(), Failure> {
    let ours = doc! { "jti": &token.jti, "expires_at": { "$exists": true } };
    let change = doc! {
        "$max": { "expires_at": documents::expiry(token.expires_at) },
        "$currentDate": { "at": true },
        // It may have stood there for the Flask application alone.
        "$unset": { "for_flask": "" },
        "$setOnInsert": { "created_at": DateTime::from_system_time(now) },
    };
    upsert(&revoked_tokens, ours, change).await
}

async fn upsert(collection: &Collection<Document>, one: Document, change: Document) -> Result<(), Failure> {
    // Again where somebody else has written the same entry in between, and a unique index keeps it one.
    for _ in 0..2 {
        let written = collection.update_one(one.clone(), change.clone()).upsert(true);
        match written.await.map_err(Failure::from) {
            Err(failure) if failure.is_duplicate() => {}
            written => return written.map(drop),
        }
    }
    // Somebody's unique index, and an entry that is not ours: the token is revoked for good.
    Ok(())
}
