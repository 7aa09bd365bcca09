//! Ending all sessions of a user for good: the epoch is raised, and what was the reason stands in the same transaction.

use std::time::SystemTime;

use rusqlite::{Connection, params};

use super::{
    execute,
    failure::Failure,
    rows, session_rows,
    sessions::{end, not_ended, owner},
    user_by_id,
};
use crate::{
    model::{EndReason, PasswordHash, Session, SessionId, UserId, UserState},
    sessions::{Standing, standing},
    store::PasswordChange,
};

/// Raises a user's epoch, takes the session that is kept along and ends all others.
pub(super) fn end_all(
    connection: &Connection,
    user: &UserId,
    except: Option<&SessionId>,
    now: SystemTime,
) -> Result<Vec<Session>, Failure> {
    execute(connection, "UPDATE users SET epoch = epoch + 1 WHERE id = ?1", [user.as_str()])?;
    end_earlier(connection, user, except, now)
}

/// Replaces a user's hash by another, and ends all sessions but one.
pub(super) fn change_password(
    connection: &Connection,
    user: &UserId,
    (expected, new): (&PasswordHash, &PasswordHash),
    keep: Option<&SessionId>,
    now: SystemTime,
) -> Result<PasswordChange, Failure> {
    let sql = "UPDATE users SET password = ?2, epoch = epoch + 1 WHERE id = ?1";
    match user_by_id(connection, user)?.map(|user| user.password) {
        // This very change has been made before, with all that belongs to it.
        Some(hash) if hash == *new => Ok(PasswordChange::Changed { ended: Vec::new() }),
        Some(hash) if hash == *expected => {
            execute(connection, sql, params![user.as_str(), new.as_str()])?;
            Ok(PasswordChange::Changed { ended: end_earlier(connection, user, keep, now)? })
        }
        Some(_) => Ok(PasswordChange::NotAsExpected),
        None => Ok(PasswordChange::NoSuchUser),
    }
}

/// Disables a user and ends all sessions, or enables the user again.
pub(super) fn set_user_state(
    connection: &Connection,
    user: &UserId,
    state: UserState,
    now: SystemTime,
) -> Result<Option<Vec<Session>>, Failure> {
    let sql = "UPDATE users SET disabled = ?2 WHERE id = ?1";
    if execute(connection, sql, params![user.as_str(), rows::state_number(state)])? == 0 {
        return Ok(None);
    }
    match state {
        UserState::Enabled => Ok(Some(Vec::new())),
        UserState::Disabled => end_all(connection, user, None, now).map(Some),
    }
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
