//! Sessions: each function is one act in the writer's transaction, or one look of a reader.

use std::time::SystemTime;

use portcullis::NumericDate;
use rusqlite::{Connection, Params, params};

use super::{bounded, execute, failure::Failure, rows, session_rows, users};
use crate::{
    model::{EndReason, Failures, Session, SessionId, UserId},
    sessions::{Admission, Owner, Refresh, Shown, Standing, admission, decide, ended, standing},
    store::{Opening, Refreshed, Seen},
};

/// Inserts a session that is admitted, forgets what failed before, and ends those that are too many with it.
pub(super) fn open(
    connection: &Connection,
    session: &Session,
    shown: &Shown,
    at_most: usize,
    now: SystemTime,
) -> Result<Opening, Failure> {
    let owner = owner(connection, &session.user, None)?;
    match admission(session, owner.as_ref(), shown, now) {
        Admission::Admitted => {}
        Admission::UserChanged => return Ok(Opening::UserChanged),
        Admission::Locked => return Ok(Opening::Locked),
        Admission::Refused => return Ok(Opening::Refused),
    }
    let mut displaced = Vec::new();
    // One that has ended already is there so that it is never opened: none has to go for it.
    if session_rows::insert(connection, session)? > 0 && session.ended.is_none() {
        let by_password = session.adopted_until.is_none();
        if by_password && owner.is_some_and(|owner| !owner.user.failures.is_none()) {
            users::set_failures(connection, &session.user, Failures::default())?;
        }
        let others =
            living(connection, &session.user, now)?.into_iter().filter(|other| other.id != session.id);
        for other in others.skip(at_most.saturating_sub(1)) {
            displaced.push(end(connection, &other, EndReason::Displaced, now)?);
        }
    }
    Ok(Opening::Opened { displaced })
}

/// Judges a use of a refresh token by the session and the user as they are, and writes what comes of it.
pub(super) fn refresh(
    connection: &Connection,
    id: &SessionId,
    refresh: &Refresh,
    now: SystemTime,
) -> Result<Refreshed, Failure> {
    let Some(session) = find(connection, id)? else {
        return Ok(Refreshed::gone(None, None));
    };
    let owner = owner(connection, &session.user, None)?;
    if standing(&session, owner.as_ref()) != Standing::Present {
        let session = end(connection, &session, EndReason::Epoch, now)?;
        return Ok(Refreshed::gone(Some(session), owner.map(|owner| owner.user)));
    }
    // As it will be read again, so that every caller writes the same pair.
    let (verdict, changed) = decide(&session, refresh, rows::as_stored(now));
    if let Some(changed) = &changed {
        session_rows::update(connection, changed)?;
    }
    Ok(Refreshed::judged(verdict, session, changed, owner.map(|owner| owner.user)))
}

/// The session of a name.
pub(super) fn find(connection: &Connection, id: &SessionId) -> Result<Option<Session>, Failure> {
    Ok(select(connection, "id = ?1", [id.as_str()])?.pop())
}

/// A user's sessions that are neither ended nor over, the most recently used first.
pub(super) fn living(
    connection: &Connection,
    user: &UserId,
    now: SystemTime,
) -> Result<Vec<Session>, Failure> {
    // One statement: a reader that asked for the epoch first could miss the session that is kept while others end.
    let condition = "user_id = ?1 AND ended_at IS NULL \
                     AND epoch = (SELECT epoch FROM users WHERE id = ?1 AND disabled = 0 AND name_free_at IS NULL) \
                     ORDER BY last_used DESC, opened_at DESC, id";
    let mut sessions = select(connection, condition, [user.as_str()])?;
    sessions.retain(|session| session.lives(now));
    Ok(sessions)
}

/// Ends the session of a name.
pub(super) fn end_one(
    connection: &Connection,
    id: &SessionId,
    reason: EndReason,
    now: SystemTime,
) -> Result<Option<Session>, Failure> {
    find(connection, id)?.map(|session| end(connection, &session, reason, now)).transpose()
}

/// Raises what was seen and the last use; news that is none writes nothing.
pub(super) fn note_seen(connection: &Connection, seen: &[Seen]) -> Result<(), Failure> {
    let sql = "UPDATE sessions SET seen = max(seen, ?2), last_used = max(last_used, ?3) \
               WHERE id = ?1 AND (seen < ?2 OR last_used < ?3)";
    for Seen { session, generation, at } in seen {
        execute(connection, sql, params![session.as_str(), generation, rows::millis(*at)])?;
    }
    Ok(())
}

/// Deletes sessions that nobody has to remember any more.
pub(super) fn purge(
    connection: &Connection,
    expired_before: NumericDate,
    limit: usize,
) -> Result<usize, Failure> {
    let sql = "DELETE FROM sessions WHERE id IN \
               (SELECT id FROM sessions WHERE remembered_until < ?1 ORDER BY remembered_until LIMIT ?2)";
    execute(connection, sql, params![expired_before.seconds(), bounded(limit)])
}

/// Ends a session that was just read; one that has ended stays as it is.
pub(super) fn end(
    connection: &Connection,
    session: &Session,
    reason: EndReason,
    now: SystemTime,
) -> Result<Session, Failure> {
    let over = ended(session, reason, rows::as_stored(now));
    if over != *session {
        session_rows::update(connection, &over)?;
    }
    Ok(over)
}

/// A user's sessions that have not been ended, whether or not they are over by themselves.
pub(super) fn not_ended(connection: &Connection, user: &UserId) -> Result<Vec<Session>, Failure> {
    select(connection, "user_id = ?1 AND ended_at IS NULL ORDER BY id", [user.as_str()])
}

pub(super) fn select(
    connection: &Connection,
    condition: &str,
    values: impl Params,
) -> Result<Vec<Session>, Failure> {
    let columns = session_rows::COLUMNS;
    let sql = format!("SELECT {columns} FROM sessions WHERE {condition}");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = statement.query(values)?;
    let mut sessions = Vec::new();
    while let Some(row) = found.next()? {
        sessions.push(session_rows::session(row)?);
    }
    Ok(sessions)
}

/// A user as sessions see one. In a transaction one that is kept is taken along at once, so nothing is noted of it.
pub(super) fn owner(
    connection: &Connection,
    user: &UserId,
    kept: Option<&SessionId>,
) -> Result<Option<Owner>, Failure> {
    Ok(users::by_id(connection, user)?.map(|user| Owner { user, kept: kept.cloned() }))
}
