//! Audit events: documents that are inserted, and read from the newest on.

use mongodb::{
    Collection,
    bson::{Bson, DateTime, Document, doc, oid::ObjectId},
};

use super::failure::Failure;
use crate::model::{
    AuditEvent, EventCursor, EventKind, EventPage, EventQuery, SessionId, StoredEvent, UserId,
};

/// Writes events by one command.
pub(super) async fn record(audit: Collection<Document>, events: Vec<AuditEvent>) -> Result<(), Failure> {
    if !events.is_empty() {
        // With ids of ours: what the driver tries again is not written twice.
        audit.insert_many(events.iter().map(document)).await?;
    }
    Ok(())
}

/// The document of an event, new.
pub(super) fn document(event: &AuditEvent) -> Document {
    let mut document = doc! {
        "_id": ObjectId::new(),
        "at": DateTime::from_system_time(event.at),
        "kind": event.kind.name(),
    };
    let mut set = |field: &str, value: Option<String>| {
        document.extend(value.map(|value| (field.to_owned(), Bson::from(value))));
    };
    set("actor", event.actor.as_ref().map(|user| user.as_str().to_owned()));
    set("subject", event.subject.as_ref().map(|user| user.as_str().to_owned()));
    set("session", event.session.as_ref().map(|session| session.as_str().to_owned()));
    set("address", event.address.map(|address| address.to_string()));
    set("detail", event.detail.as_deref().map(AuditEvent::cut_detail));
    document
}

/// A page of those that are wanted, the newest first, and of one moment in the order of their ids.
pub(super) async fn page(audit: Collection<Document>, query: EventQuery) -> Result<EventPage, Failure> {
    let wanted = wanted(&query).ok_or(Failure::UnknownCursor)?;
    let limit = i64::try_from(query.limit.saturating_add(1)).unwrap_or(i64::MAX);
    let mut cursor = audit.find(wanted).sort(doc! { "at": -1, "_id": -1 }).limit(limit).await?;
    let (mut page, mut read, mut last) = (EventPage::default(), 0, None);
    while cursor.advance().await? {
        if read == query.limit {
            page.next = last;
            break;
        }
        read += 1;
        let found = cursor.deserialize_current()?;
        let Some((id, at)) = found.get_object_id("_id").ok().zip(found.get_datetime("at").ok()) else {
            continue;
        };
        last = Some(EventCursor::behind(at.timestamp_millis(), id.to_hex()));
        let Some(event) = event(&found, *at) else {
            tracing::warn!(%id, "a document of audit is no event that this version knows");
            continue;
        };
        page.events.push(StoredEvent { id: id.to_hex(), event });
    }
    Ok(page)
}

/// The condition of a query; `None` for a cursor that no store of this kind gave out.
fn wanted(query: &EventQuery) -> Option<Document> {
    let mut moments = doc! { "$gte": query.from.map_or(DateTime::MIN, DateTime::from_system_time) };
    if let Some(until) = query.until {
        moments.insert("$lt", DateTime::from_system_time(until));
    }
    let mut all = vec![doc! { "at": moments }];
    if let Some(after) = &query.after {
        let (at, id) = (DateTime::from_millis(after.at()), ObjectId::parse_str(after.id()).ok()?);
        all.push(doc! { "at": { "$lte": at } });
        all.push(doc! { "$or": [{ "at": { "$lt": at } }, { "_id": { "$lt": id } }] });
    }
    all.extend(query.kind.map(|kind| doc! { "kind": kind.name() }));
    let Some(user) = &query.user else { return Some(doc! { "$and": all }) };
    // Each of the two with all that it needs, so that a server reads both in order and merges them.
    let either = ["actor", "subject"].map(|field| doc! { field: user.as_str(), "$and": &all });
    Some(doc! { "$or": either.to_vec() })
}

/// An event of a document; none for one that is none, or of a kind that this version does not know, which keeps nobody
/// from reading the others.
fn event(document: &Document, at: DateTime) -> Option<AuditEvent> {
    let text = |field: &str| document.get_str(field).ok();
    Some(AuditEvent {
        kind: EventKind::from_name(text("kind")?)?,
        at: at.to_system_time(),
        actor: text("actor").map(UserId::new),
        subject: text("subject").map(UserId::new),
        session: text("session").map(SessionId::new),
        address: text("address").and_then(|address| address.parse().ok()),
        detail: text("detail").map(str::to_owned),
    })
}
