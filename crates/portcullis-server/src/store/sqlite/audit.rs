//! Audit events: a table to which rows are added, and which is read from its end.

use portcullis::NumericDate;
use rusqlite::{Connection, Row, named_params, params, params_from_iter, types::Value};

use super::{
    bounded, execute,
    failure::Failure,
    rows::{self, Reading},
};
use crate::model::{
    AuditEvent, EventCursor, EventKind, EventPage, EventQuery, SessionId, StoredEvent, UserId,
};

/// The columns that [`stored`] reads, in its order.
const COLUMNS: &str = "id, at, kind, actor, subject, session, address, detail";

/// Writes an event.
pub(super) fn insert(connection: &Connection, event: &AuditEvent) -> Result<(), Failure> {
    let sql = "INSERT INTO audit (at, kind, actor, subject, session, address, detail) \
               VALUES (:at, :kind, :actor, :subject, :session, :address, :detail)";
    let values = named_params! {
        ":at": rows::millis(event.at),
        ":kind": event.kind.name(),
        ":actor": event.actor.as_ref().map(UserId::as_str),
        ":subject": event.subject.as_ref().map(UserId::as_str),
        ":session": event.session.as_ref().map(SessionId::as_str),
        ":address": event.address.map(|address| address.to_string()),
        ":detail": event.detail.as_deref().map(AuditEvent::cut_detail),
    };
    execute(connection, sql, values).map(drop)
}

/// A page of those that are wanted, the newest first, and of one moment the last that was recorded.
pub(super) fn page(connection: &Connection, query: &EventQuery) -> Result<EventPage, Failure> {
    let range = range(query)?;
    let mut values = range.to_vec();
    values.push(bounded(query.limit.saturating_add(1)).into());
    let mut of_kind = "";
    if let Some(kind) = query.kind {
        values.push(kind.name().to_owned().into());
        of_kind = " AND kind = ?5";
    }
    let some = |those: &str| {
        format!(
            "SELECT {COLUMNS} FROM audit WHERE {those}at >= ?1 AND at <= ?2 AND (at < ?2 OR id < ?3){of_kind} \
             ORDER BY at DESC, id DESC LIMIT ?4"
        )
    };
    let sql = match &query.user {
        None => some(""),
        Some(user) => {
            values.push(user.as_str().to_owned().into());
            let number = values.len();
            // Each by its own index; whoever did something to himself is in the first.
            let did = some(&format!("actor = ?{number} AND "));
            let was_done_to = some(&format!("subject = ?{number} AND actor IS NOT ?{number} AND "));
            format!(
                "SELECT * FROM ({did}) UNION ALL SELECT * FROM ({was_done_to}) ORDER BY 2 DESC, 1 DESC LIMIT ?4"
            )
        }
    };
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = statement.query(params_from_iter(values))?;
    let (mut page, mut read, mut last) = (EventPage::default(), 0, None);
    while let Some(row) = found.next()? {
        if read == query.limit {
            page.next = last;
            break;
        }
        read += 1;
        last = Some(EventCursor::behind(row.get(1)?, row.get::<_, i64>(0)?.to_string()));
        page.events.extend(stored(row)?);
    }
    Ok(page)
}

/// The first moment that is wanted, the last one, and what the ids of that one have to be below.
fn range(query: &EventQuery) -> Result<[Value; 3], Failure> {
    let from = query.from.map_or(i64::MIN, rows::millis);
    let last = query.until.map_or(i64::MAX, |until| rows::millis(until).saturating_sub(1));
    let (last, below) = match &query.after {
        Some(after) => {
            let below = after.id().parse().map_err(|_| Failure::UnknownCursor)?;
            if after.at() <= last { (after.at(), below) } else { (last, i64::MAX) }
        }
        None => (last, i64::MAX),
    };
    Ok([from, last, below].map(Value::Integer))
}

/// An event of a row; none for one of a kind that this version does not know, which keeps nobody from reading the others.
fn stored(row: &Row<'_>) -> Result<Option<StoredEvent>, Failure> {
    let row = Reading::of(row, "audit");
    let (id, kind): (i64, String) = (row.column(0)?, row.column(2)?);
    let Some(kind) = EventKind::from_name(&kind) else {
        tracing::warn!(id, kind, "an audit event is of no known kind");
        return Ok(None);
    };
    let text = |index| row.column::<Option<String>>(index);
    let event = AuditEvent {
        kind,
        at: row.known(1, "time", rows::from_millis)?,
        actor: text(3)?.map(UserId::new),
        subject: text(4)?.map(UserId::new),
        session: text(5)?.map(SessionId::new),
        address: text(6)?.and_then(|address| address.parse().ok()),
        detail: text(7)?,
    };
    Ok(Some(StoredEvent { id: id.to_string(), event }))
}

/// Deletes events of before a moment.
pub(super) fn purge(connection: &Connection, before: NumericDate, limit: usize) -> Result<usize, Failure> {
    let sql = "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ?1 ORDER BY at LIMIT ?2)";
    execute(connection, sql, params![before.seconds().saturating_mul(1000), bounded(limit)])
}
