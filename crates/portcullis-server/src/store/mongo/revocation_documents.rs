//! Between documents and revocations. Others write here too, and one document that is none keeps nobody from hearing of
//! the rest: what no token can have is passed over, and what is unclear refuses for longer.

use mongodb::bson::{DateTime, RawBsonRef, RawDocument};
use portcullis::NumericDate;

use super::documents::from_date;
use crate::model::{EndedSession, Revocation, RevokedToken, SessionId};

/// The fields that [`token`] reads.
pub(super) const TOKEN_FIELDS: &[&str] = &["jti", "expires_at", "for_flask"];

/// The fields that [`session`] reads, besides `_id`.
pub(super) const SESSION_FIELDS: &[&str] = &["ended_at", "void_access", "remembered_until"];

/// The fields that [`entry`] reads.
pub(super) const ENTRY_FIELDS: &[&str] = &["sid", "generation", "user", "before", "all", "expires_at"];

/// An entry of `revoked_tokens`; none for one whose `jti` is no text, which no token can have, and for one that stands
/// there for the Flask application alone.
pub(super) fn token(document: &RawDocument) -> Option<Revocation> {
    if value(document, "for_flask").is_some() {
        return None;
    }
    let jti = document.get_str("jti").ok()?.to_owned();
    // Others' entries have no expiry, and ours that are for good have no date there.
    Some(Revocation::Token(RevokedToken { jti, expires_at: date(document, "expires_at") }))
}

/// What is refused of a session's tokens, if anything is.
pub(super) fn session(document: &RawDocument) -> Option<Revocation> {
    let id = SessionId::new(document.get_str("_id").ok()?);
    let until = date(document, "remembered_until").unwrap_or(Revocation::NEVER);
    if value(document, "ended_at").is_some() {
        return Some(Revocation::Session(EndedSession { id, until }));
    }
    let up_to = generation(document, "void_access").filter(|up_to| *up_to > 0)?;
    Some(Revocation::Access { session: id, up_to, until })
}

/// An entry of `revocations`; none for one that does not say what it refuses.
pub(super) fn entry(document: &RawDocument) -> Option<Revocation> {
    let until = date(document, "expires_at").unwrap_or(Revocation::NEVER);
    if let Ok(sid) = document.get_str("sid") {
        let session = SessionId::new(sid);
        return Some(match generation(document, "generation") {
            Some(up_to) => Revocation::Access { session, up_to, until },
            None => Revocation::Session(EndedSession { id: session, until }),
        });
    }
    let Some(before) = date(document, "before") else {
        let id = value(document, "_id");
        tracing::warn!("the document {id:?} of revocations does not say what it refuses");
        return None;
    };
    match document.get_str("user") {
        Ok(identity) => Some(Revocation::User { identity: identity.to_owned(), before, until }),
        Err(_) => value(document, "all").map(|_| Revocation::All { before }),
    }
}

/// When the server wrote a document, in milliseconds of its clock.
pub(super) fn stamp(document: &RawDocument) -> Option<i64> {
    document.get_datetime("at").ok().map(DateTime::timestamp_millis)
}

/// A value that is there and not null.
fn value<'a>(document: &'a RawDocument, field: &str) -> Option<RawBsonRef<'a>> {
    document.get(field).ok().flatten().filter(|value| *value != RawBsonRef::Null)
}

fn date(document: &RawDocument, field: &str) -> Option<NumericDate> {
    document.get_datetime(field).ok().map(from_date)
}

/// A generation as any shell writes a number; one that is beyond all counts as the last.
fn generation(document: &RawDocument, field: &str) -> Option<u32> {
    let number = match value(document, field)? {
        RawBsonRef::Int32(number) => i64::from(number),
        RawBsonRef::Int64(number) => number,
        _ => return Some(u32::MAX),
    };
    Some(u32::try_from(number.max(0)).unwrap_or(u32::MAX))
}
