//! Between rows of `sessions` and the model.

use portcullis::NumericDate;
use rusqlite::{Connection, Row, params};
use serde_json::{Value, json};

use super::{
    execute,
    failure::Failure,
    rows::{Reading, from_millis, millis},
};
use crate::model::{
    AccessId, AccessTokenKind, EndReason, Ended, Head, RefreshId, Session, SessionId, UserId,
};

/// The columns that [`session`] reads, in its order.
pub(super) const COLUMNS: &str = "id, user_id, epoch, generation, refresh_jti, access_jti, made_at, issued_at, \
     access_expires_at, refresh_expires_at, fresh, parent_generation, parent_jti, seen, opened_at, last_used, \
     ends_at, device, ended_at, end_reason, void_access, adopted_until, access_tokens";

/// A session that is not there yet; one of its name stays as it is.
const INSERT: &str = "INSERT INTO sessions (id, user_id, epoch, generation, refresh_jti, access_jti, made_at, \
     issued_at, access_expires_at, refresh_expires_at, fresh, parent_generation, parent_jti, seen, opened_at, \
     last_used, ends_at, device, ended_at, end_reason, remembered_until, void_access, adopted_until, access_tokens) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, \
     ?24) \
     ON CONFLICT (id) DO NOTHING";

/// What changes of a session in its life, by the same numbers. Not the user: one who is gone would be missed.
const UPDATE: &str = "UPDATE sessions SET epoch = ?3, generation = ?4, refresh_jti = ?5, access_jti = ?6, \
     made_at = ?7, issued_at = ?8, access_expires_at = ?9, refresh_expires_at = ?10, fresh = ?11, \
     parent_generation = ?12, parent_jti = ?13, seen = ?14, last_used = ?16, ended_at = ?19, end_reason = ?20, \
     remembered_until = ?21, void_access = ?22, adopted_until = ?23, access_tokens = ?24 WHERE id = ?1";

/// A session from a row of [`COLUMNS`].
pub(super) fn session(row: &Row<'_>) -> Result<Session, Failure> {
    let row = Reading::of(row, "sessions");
    let date = |index| row.column(index).map(NumericDate::from_seconds);
    let head = Head {
        refresh: RefreshId { generation: row.column(3)?, jti: row.column(4)? },
        access_jti: row.column(5)?,
        made_at: row.known(6, "time", from_millis)?,
        issued_at: date(7)?,
        access_expires_at: date(8)?,
        refresh_expires_at: date(9)?,
        access: row.known(10, "kind of access token", access_from_number)?,
    };
    let parent = match row.column(11)? {
        Some(generation) => Some(RefreshId { generation, jti: row.column(12)? }),
        None => None,
    };
    let ended = match row.column::<Option<i64>>(18)? {
        Some(_) => Some(Ended { at: row.known(18, "time", from_millis)?, reason: end_reason(&row, 19)? }),
        None => None,
    };
    Ok(Session {
        id: SessionId::new(row.column::<String>(0)?),
        user: UserId::new(row.column::<String>(1)?),
        epoch: row.column(2)?,
        head,
        parent,
        seen: row.column(13)?,
        void_access: row.column(20)?,
        opened_at: row.known(14, "time", from_millis)?,
        last_used: row.known(15, "time", from_millis)?,
        ends_at: date(16)?,
        adopted_until: row.column::<Option<i64>>(21)?.map(NumericDate::from_seconds),
        access_tokens: access_tokens(&row, 22)?,
        device: row.column(17)?,
        ended,
    })
}

/// Writes a session unless there is one of its name; answers how many it wrote.
pub(super) fn insert(connection: &Connection, session: &Session) -> Result<usize, Failure> {
    write(connection, INSERT, session)
}

/// Writes what has changed of a session.
pub(super) fn update(connection: &Connection, session: &Session) -> Result<(), Failure> {
    write(connection, UPDATE, session).map(drop)
}

fn write(connection: &Connection, sql: &str, session: &Session) -> Result<usize, Failure> {
    let Session { head, parent, ended, .. } = session;
    let values = params![
        session.id.as_str(),
        session.user.as_str(),
        session.epoch,
        head.refresh.generation,
        head.refresh.jti,
        head.access_jti,
        millis(head.made_at),
        head.issued_at.seconds(),
        head.access_expires_at.seconds(),
        head.refresh_expires_at.seconds(),
        access_number(head.access),
        parent.as_ref().map(|parent| parent.generation),
        parent.as_ref().map(|parent| &parent.jti),
        session.seen,
        millis(session.opened_at),
        millis(session.last_used),
        session.ends_at.seconds(),
        session.device,
        ended.map(|ended| millis(ended.at)),
        ended.map(|ended| ended.reason.name()),
        session.remembered_until().seconds(),
        session.void_access,
        session.adopted_until.map(NumericDate::seconds),
        session.access_tokens.as_deref().map(access_tokens_text),
    ];
    execute(connection, sql, values)
}

/// The kept access tokens as JSON.
fn access_tokens_text(tokens: &[AccessId]) -> String {
    let pairs = tokens.iter().map(|token| json!([token.jti, token.expires_at.seconds()]));
    Value::Array(pairs.collect()).to_string()
}

fn access_tokens(row: &Reading<'_>, index: usize) -> Result<Option<Vec<AccessId>>, Failure> {
    let Some(text) = row.column::<Option<String>>(index)? else { return Ok(None) };
    let pairs: Vec<(String, i64)> =
        serde_json::from_str(&text).map_err(|_| row.failure(index, "no list of access tokens"))?;
    let token = |(jti, seconds)| AccessId { jti, expires_at: NumericDate::from_seconds(seconds) };
    Ok(Some(pairs.into_iter().map(token).collect()))
}

fn access_number(access: AccessTokenKind) -> i64 {
    match access {
        AccessTokenKind::Refreshed => 0,
        AccessTokenKind::Fresh => 1,
    }
}

fn access_from_number(number: i64) -> Option<AccessTokenKind> {
    [AccessTokenKind::Refreshed, AccessTokenKind::Fresh]
        .into_iter()
        .find(|kind| access_number(*kind) == number)
}

fn end_reason(row: &Reading<'_>, index: usize) -> Result<EndReason, Failure> {
    let name: String = row.column(index)?;
    EndReason::from_name(&name).ok_or_else(|| row.failure(index, &format!("{name:?} is no reason to end")))
}
