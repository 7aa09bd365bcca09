//! Changes of a user: each is one act, with what becomes of the sessions in the same transaction.

use std::time::SystemTime;

use rusqlite::{Connection, params};

use super::{
    execute,
    failure::Failure,
    rows, session_rows,
    sessions::{end, not_ended, owner},
    users,
};
use crate::{
    model::{
        Access, EndReason, Failures, PasswordHash, Session, SessionId, User, UserChange, UserChanged, UserId,
        UserState,
    },
    sessions::{Standing, relevelled, standing},
};

/// Changes a user.
pub(super) fn change(
    connection: &Connection,
    id: &UserId,
    change: &UserChange,
    now: SystemTime,
) -> Result<UserChanged, Failure> {
    let Some(user) = users::by_id(connection, id)? else {
        // Another program may have taken the user out, and nobody else would end these.
        if change.ends_all() {
            end_earlier(connection, id, None, now)?;
        }
        return Ok(UserChanged::NoSuchUser);
    };
    if change.takes_away_from(&user) && !has_another_admin(connection, Some(id))? {
        return Ok(UserChanged::LastAdmin);
    }
    let sessions = match change {
        UserChange::EndSessions { keep } => end_all(connection, id, keep.as_ref(), now)?,
        UserChange::Password { expected, new, keep } => {
            match change_password(connection, &user, (expected, new), keep.as_ref(), now)? {
                Some(sessions) => sessions,
                None => return Ok(UserChanged::NotAsExpected),
            }
        }
        UserChange::Disable => {
            set_state(connection, id, UserState::Disabled)?;
            end_all(connection, id, None, now)?
        }
        UserChange::Enable => {
            set_state(connection, id, UserState::Enabled)?;
            Vec::new()
        }
        UserChange::Access(access) => set_access(connection, id, *access)?,
        UserChange::Unlock => {
            users::set_failures(connection, id, Failures::default())?;
            Vec::new()
        }
        UserChange::Delete { name_free_at } => {
            let sessions = end_all(connection, id, None, now)?;
            // The row stays: the sessions that have to be remembered are its.
            let sql = "UPDATE users SET password = '', name_free_at = ?2 WHERE id = ?1";
            execute(connection, sql, params![id.as_str(), rows::millis(*name_free_at)])?;
            sessions
        }
    };
    let user = users::by_id(connection, id)?.unwrap_or(user);
    Ok(UserChanged::Done { user, sessions })
}

/// Whether somebody may administer users, but for one.
pub(super) fn has_another_admin(connection: &Connection, but: Option<&UserId>) -> Result<bool, Failure> {
    let sql = "SELECT EXISTS (SELECT 1 FROM users WHERE access = ?2 AND disabled = 0 AND name_free_at IS NULL \
               AND id IS NOT ?1)";
    let values = params![but.map(UserId::as_str), Access::Admin.level()];
    Ok(connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?)
}

/// Raises a user's epoch, takes the session that is kept along and ends all others.
fn end_all(
    connection: &Connection,
    user: &UserId,
    except: Option<&SessionId>,
    now: SystemTime,
) -> Result<Vec<Session>, Failure> {
    execute(connection, "UPDATE users SET epoch = epoch + 1 WHERE id = ?1", [user.as_str()])?;
    end_earlier(connection, user, except, now)
}

/// Replaces a user's hash by another, and ends all sessions but one; `None` where neither is the user's.
fn change_password(
    connection: &Connection,
    user: &User,
    (expected, new): (&PasswordHash, &PasswordHash),
    keep: Option<&SessionId>,
    now: SystemTime,
) -> Result<Option<Vec<Session>>, Failure> {
    if user.password == *new {
        // This very change has been made before, with all that belongs to it.
        return Ok(Some(Vec::new()));
    }
    if user.password != *expected {
        return Ok(None);
    }
    let sql = "UPDATE users SET password = ?2 WHERE id = ?1";
    execute(connection, sql, params![user.id.as_str(), new.as_str()])?;
    users::set_failures(connection, &user.id, Failures::default())?;
    end_all(connection, &user.id, keep, now).map(Some)
}

fn set_state(connection: &Connection, user: &UserId, state: UserState) -> Result<(), Failure> {
    let sql = "UPDATE users SET disabled = ?2 WHERE id = ?1";
    execute(connection, sql, params![user.as_str(), rows::state_number(state)]).map(drop)
}

/// Gives a user another level, and makes the access tokens of all sessions void that have not been ended.
fn set_access(connection: &Connection, user: &UserId, access: Access) -> Result<Vec<Session>, Failure> {
    let sql = "UPDATE users SET access = ?2 WHERE id = ?1";
    execute(connection, sql, params![user.as_str(), access.level()])?;
    let sessions: Vec<_> = not_ended(connection, user)?.iter().filter_map(relevelled).collect();
    for session in &sessions {
        session_rows::update(connection, session)?;
    }
    Ok(sessions)
}

/// Takes the session that is kept along and ends all others: those that are over as well, which a clock that is set
/// back would wake.
fn end_earlier(
    connection: &Connection,
    user: &UserId,
    except: Option<&SessionId>,
    now: SystemTime,
) -> Result<Vec<Session>, Failure> {
    let owner = owner(connection, user, except)?;
    let mut over = Vec::new();
    for session in not_ended(connection, user)? {
        if standing(&session, owner.as_ref()) == Standing::Kept {
            let epoch = session.epoch + 1;
            session_rows::update(connection, &Session { epoch, ..session })?;
        } else {
            over.push(end(connection, &session, EndReason::Epoch, now)?);
        }
    }
    Ok(over)
}
