//! What another application on the same data has to refuse.

use std::time::SystemTime;

use portcullis::NumericDate;
use rusqlite::{Connection, params};

use super::{bounded, execute, failure::Failure, rows, session_rows, sessions};
use crate::{
    model::{AccessId, RevokedToken, SessionId},
    store::UNTOLD_AT_ONCE,
};

/// Notes an access token of a session that has not ended.
pub(super) fn note_access_token(
    connection: &Connection,
    session: &SessionId,
    token: AccessId,
    now: SystemTime,
) -> Result<bool, Failure> {
    let Some(mut session) = sessions::find(connection, session)?.filter(|session| session.ended.is_none())
    else {
        return Ok(false);
    };
    session.note_access_token(token, now);
    session_rows::update(connection, &session)?;
    Ok(true)
}

/// Writes the tokens of ended sessions that are still due; answers of how many sessions.
pub(super) fn tell_of_ended(connection: &Connection, now: SystemTime) -> Result<usize, Failure> {
    let due = format!("ended_at IS NOT NULL AND access_tokens IS NOT NULL LIMIT {}", bounded(UNTOLD_AT_ONCE));
    let due = sessions::select(connection, &due, [])?;
    for session in &due {
        write(connection, &session.tokens_to_refuse(), now)?;
        let told = "UPDATE sessions SET access_tokens = NULL WHERE id = ?1";
        execute(connection, told, [session.id.as_str()])?;
    }
    Ok(due.len())
}

/// Writes tokens for the other application.
pub(super) fn write(
    connection: &Connection,
    tokens: &[RevokedToken],
    now: SystemTime,
) -> Result<(), Failure> {
    // An entry that stands there for us too goes on to.
    let sql = "INSERT INTO revoked_tokens (jti, expires_at, created_at, for_flask) VALUES (?1, ?2, ?3, 1) \
               ON CONFLICT (jti) DO UPDATE SET expires_at = CASE WHEN excluded.expires_at IS NULL THEN NULL \
               ELSE max(expires_at, excluded.expires_at) END";
    for token in tokens {
        let expires_at = token.expires_at.map(NumericDate::seconds);
        execute(connection, sql, params![token.jti, expires_at, rows::millis(now)])?;
    }
    Ok(())
}
