//! Users: each function is one act in the writer's transaction, or one look of a reader. What is left of a deleted user
//! is none.

use std::time::{SystemTime, UNIX_EPOCH};

use portcullis::NumericDate;
use rusqlite::{Connection, params, types::Value};
use uuid::{NoContext, Timestamp, Uuid};

use super::{audit, bounded, changes, execute, failure::Failure, rows};
use crate::{
    model::{
        AuditEvent, Failures, LoginName, NewUser, PasswordHash, Provided, User, UserCursor, UserId,
        UserOrder, UserPage, UserQuery,
    },
    sessions::{LockPolicy, locked},
    store::Creation,
};

/// Makes a user, and writes the event.
pub(super) fn create(
    connection: &Connection,
    user: &NewUser,
    event: Option<AuditEvent>,
    now: SystemTime,
) -> Result<Creation, Failure> {
    if user.provided == Provided::NobodyAdministers && changes::has_another_admin(connection, None)? {
        return Ok(Creation::SomebodyAdministers);
    }
    let created = insert(connection, user, now)?;
    if let (Creation::Created(made), Some(event)) = (&created, event) {
        audit::insert(connection, &user.event(event, &made.id))?;
    }
    Ok(created)
}

/// The name is free when nobody has its key, nor its very spelling: a user whose name has no key blocks that. A deleted
/// one has both until they are free.
fn insert(connection: &Connection, user: &NewUser, now: SystemTime) -> Result<Creation, Failure> {
    let (id, now_millis) = (id(now), rows::millis(now));
    let created_at = user.created_at.unwrap_or(now);
    let (username, key) = (user.username.as_str(), user.username.key().as_str());
    let freed = "UPDATE users SET name_key = NULL WHERE name_key = ?1 AND name_free_at <= ?2";
    execute(connection, freed, params![key, now_millis])?;
    let sql = "INSERT INTO users (id, username, name_key, password, access, created_at, disabled) \
               SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE NOT EXISTS \
               (SELECT 1 FROM users WHERE username = ?2 AND (name_free_at IS NULL OR name_free_at > ?8)) \
               ON CONFLICT (name_key) DO NOTHING";
    let (password, access) = (user.password.as_str(), user.access.level());
    let (created_millis, disabled) = (rows::millis(created_at), rows::state_number(user.state));
    let values = params![id, username, key, password, access, created_millis, disabled, now_millis];
    if execute(connection, sql, values)? == 0 {
        return Ok(Creation::NameTaken);
    }
    Ok(Creation::Created(User {
        id: UserId::new(id),
        username: username.to_owned(),
        // As it will be read again.
        created_at: rows::as_stored(created_at),
        password: user.password.clone(),
        access: user.access,
        state: user.state,
        epoch: 0,
        failures: Failures::default(),
    }))
}

pub(super) fn by_name(connection: &Connection, name: &LoginName) -> Result<Option<User>, Failure> {
    // The spelling first: a user whose name has no key, since another has it, would never get in.
    match (first(connection, "username = ?1", name.as_str())?, name.key()) {
        (None, Some(key)) => first(connection, "name_key = ?1", key.as_str()),
        (found, _) => Ok(found),
    }
}

pub(super) fn by_id(connection: &Connection, id: &UserId) -> Result<Option<User>, Failure> {
    first(connection, "id = ?1", id.as_str())
}

/// Puts a hash in the place of another, if that is still there.
pub(super) fn replace_hash(
    connection: &Connection,
    user: &UserId,
    expected: &PasswordHash,
    new: &PasswordHash,
) -> Result<bool, Failure> {
    let sql = "UPDATE users SET password = ?3 WHERE id = ?1 AND password = ?2 AND name_free_at IS NULL";
    Ok(execute(connection, sql, params![user.as_str(), expected.as_str(), new.as_str()])? > 0)
}

/// Writes the event of a login that failed, and what comes of it for the user, unless there is a lock already; where there
/// is no user, it takes the same statements.
pub(super) fn note_failed_login(
    connection: &Connection,
    user: Option<&UserId>,
    event: &AuditEvent,
    policy: Option<&LockPolicy>,
    now: SystemTime,
) -> Result<Option<Failures>, Failure> {
    audit::insert(connection, event)?;
    // No user has it.
    let nobody = UserId::new("");
    let user = user.unwrap_or(&nobody);
    let known = by_id(connection, user)?.map(|user| user.failures);
    let before = known.unwrap_or_default();
    let counted = known.filter(|before| !before.lock_at(now));
    let after = counted.map(|_| locked(before, before.count.saturating_add(1), policy, now));
    set_failures(connection, user, after.unwrap_or(before))?;
    Ok(after)
}

/// Writes how often logins have failed.
pub(super) fn set_failures(
    connection: &Connection,
    user: &UserId,
    failures: Failures,
) -> Result<(), Failure> {
    let sql = "UPDATE users SET failures = ?2, locked_until = ?3 WHERE id = ?1 AND name_free_at IS NULL";
    let values = params![user.as_str(), failures.count, failures.locked_until.map(rows::millis)];
    execute(connection, sql, values).map(drop)
}

/// A page of those who are wanted: by id, or by name from where that begins.
pub(super) fn page(connection: &Connection, query: &UserQuery) -> Result<UserPage, Failure> {
    let (column, begin, end) = match (&query.name_prefix, &query.after) {
        (None, None) => ("id", String::new(), None),
        (None, Some(UserCursor::Id(id))) => ("id", behind(id.as_str()), None),
        (Some(prefix), None) => ("name_key", prefix.as_str().to_owned(), prefix.end()),
        (Some(prefix), Some(UserCursor::Name(key))) => {
            ("name_key", behind(key).max(prefix.as_str().to_owned()), prefix.end())
        }
        (None, Some(UserCursor::Name(_))) | (Some(_), Some(UserCursor::Id(_))) => {
            return Err(Failure::UnknownCursor);
        }
    };
    // Every text is before every blob.
    let end = end.map_or(Value::Blob(Vec::new()), Value::Text);
    let access = query.access.map(|access| format!(" AND access = {}", access.level()));
    let state = query.state.map(|state| format!(" AND disabled = {}", rows::state_number(state)));
    let (access, state) = (access.unwrap_or_default(), state.unwrap_or_default());
    let columns = rows::USER_COLUMNS;
    let sql = format!(
        "SELECT {columns}, {column} FROM users WHERE name_free_at IS NULL AND {column} >= ?1 AND {column} < ?2\
         {access}{state} ORDER BY {column} LIMIT ?3"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = statement.query(params![begin, end, bounded(query.limit.saturating_add(1))])?;
    let (mut users, mut last) = (Vec::new(), String::new());
    while let Some(row) = found.next()? {
        if users.len() == query.limit {
            let next = match query.order() {
                UserOrder::ById => UserCursor::Id(UserId::new(last)),
                UserOrder::ByName => UserCursor::Name(last),
            };
            return Ok(UserPage { users, next: Some(next) });
        }
        users.push(rows::user(row)?);
        last = row.get(rows::USER_COLUMN_COUNT)?;
    }
    Ok(UserPage { users, next: None })
}

/// The first text that there can be behind another.
fn behind(text: &str) -> String {
    format!("{text}\0")
}

/// The first user of those that a condition on one value finds.
fn first(connection: &Connection, condition: &str, value: &str) -> Result<Option<User>, Failure> {
    let columns = rows::USER_COLUMNS;
    let sql = format!(
        "SELECT {columns} FROM users WHERE {condition} AND name_free_at IS NULL ORDER BY created_at, id LIMIT 1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = statement.query([value])?;
    found.next()?.map(rows::user).transpose()
}

/// Deletes what is left of users whose names were free before a moment, and of whom no session is remembered.
pub(super) fn purge(
    connection: &Connection,
    free_before: NumericDate,
    limit: usize,
) -> Result<usize, Failure> {
    let sql = "DELETE FROM users WHERE id IN (SELECT id FROM users WHERE name_free_at < ?1 \
               AND NOT EXISTS (SELECT 1 FROM sessions WHERE user_id = users.id) ORDER BY name_free_at LIMIT ?2)";
    execute(connection, sql, params![free_before.seconds().saturating_mul(1000), bounded(limit)])
}

/// A `UUIDv7` of the moment that was handed in, so that ids sort as users came.
fn id(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(NoContext, since.as_secs(), since.subsec_nanos())).to_string()
}
