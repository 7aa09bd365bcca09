//! What is refused: each function is one act in the writer's transaction.

use std::time::SystemTime;

use portcullis::NumericDate;
use rusqlite::{Connection, params};

use super::{bounded, execute, failure::Failure, feed, rows};
use crate::model::{EndedSession, Revocation, RevokedToken};

/// Writes an entry, or lets the one that is there say more; it stays untouched where it says as much already.
pub(super) fn revoke(
    connection: &Connection,
    revocation: &Revocation,
    now: SystemTime,
) -> Result<(), Failure> {
    let (kind, name, bound) = match revocation {
        Revocation::Token(token) => return revoke_token(connection, token, now),
        Revocation::Session(EndedSession { id, .. }) => ("session", id.as_str(), 0),
        Revocation::Access { session, up_to, .. } => ("access", session.as_str(), i64::from(*up_to)),
        Revocation::User { identity, before, .. } => ("user", identity.as_str(), before.seconds()),
        Revocation::All { before } => ("all", "", before.seconds()),
    };
    let sql = "INSERT INTO revocations (kind, name, bound, expires_at) VALUES (?1, ?2, ?3, ?4) \
               ON CONFLICT (kind, name) DO UPDATE SET bound = max(bound, excluded.bound), \
               expires_at = CASE WHEN excluded.expires_at IS NULL THEN NULL \
               ELSE max(expires_at, excluded.expires_at) END";
    let until = revocation.until().map(NumericDate::seconds);
    execute(connection, sql, params![kind, name, bound, until]).map(drop)
}

fn revoke_token(connection: &Connection, token: &RevokedToken, now: SystemTime) -> Result<(), Failure> {
    let sql = "INSERT INTO revoked_tokens (jti, expires_at, created_at) VALUES (?1, ?2, ?3) \
               ON CONFLICT (jti) DO UPDATE SET expires_at = CASE WHEN excluded.expires_at IS NULL THEN NULL \
               ELSE max(expires_at, excluded.expires_at) END, for_flask = 0";
    let expires_at = token.expires_at.map(NumericDate::seconds);
    execute(connection, sql, params![token.jti, expires_at, rows::millis(now)]).map(drop)
}

/// Deletes what nobody has to remember any more, the log's beginning first.
pub(super) fn purge(
    connection: &Connection,
    expired_before: NumericDate,
    limit: usize,
) -> Result<usize, Failure> {
    let tokens = "DELETE FROM revoked_tokens WHERE jti IN \
                  (SELECT jti FROM revoked_tokens WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";
    let others = "DELETE FROM revocations WHERE (kind, name) IN \
                  (SELECT kind, name FROM revocations WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)";
    let (before, mut left) = (expired_before.seconds(), bounded(limit));
    let mut purged = feed::trim(connection, left)?;
    left -= bounded(purged);
    for sql in [tokens, others] {
        let gone = execute(connection, sql, params![before, left])?;
        purged += gone;
        left -= bounded(gone);
    }
    Ok(purged)
}
