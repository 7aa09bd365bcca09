//! Audit events beside whatever else may be done to a file: none is changed, and what nobody knows hides no other.

use portcullis_server::{
    model::{AuditEvent, EventCursor, EventKind, EventQuery},
    store::{Store, StoreErrorKind},
};
use rusqlite::Connection;

use crate::{
    backend::{Sqlite, moment},
    sessions::second,
};

async fn kinds(store: &dyn Store, query: &EventQuery) -> Vec<EventKind> {
    store.events(query).await.unwrap().events.into_iter().map(|stored| stored.event.kind).collect()
}

fn all() -> EventQuery {
    EventQuery { limit: 10, ..EventQuery::default() }
}

#[tokio::test]
async fn a_recorded_event_is_never_changed() {
    // ADM-10
    let place = Sqlite::new();
    let store = place.store();
    store.record(&[AuditEvent::new(EventKind::LoginFail, moment(0))]).await.unwrap();
    let shell = Connection::open(place.path()).unwrap();
    let refused = shell.execute_batch("UPDATE audit SET kind = 'authn_login_success'").unwrap_err();
    assert!(refused.to_string().contains("never changed"), "{refused}");
    assert_eq!(kinds(&store, &all()).await, [EventKind::LoginFail]);
}

#[tokio::test]
async fn an_event_of_no_known_kind_hides_no_other() {
    let place = Sqlite::new();
    let store = place.store();
    for (seconds, kind) in [(1, EventKind::LoginFail), (3, EventKind::LoginSuccess)] {
        store.record(&[AuditEvent::new(kind, second(seconds))]).await.unwrap();
    }
    let shell = Connection::open(place.path()).unwrap();
    let later =
        "INSERT INTO audit (at, kind, address) VALUES (1900000002000, 'of_a_later_version', 'nowhere')";
    shell.execute_batch(later).unwrap();
    assert_eq!(kinds(&store, &all()).await, [EventKind::LoginSuccess, EventKind::LoginFail]);
    // It has its place in the pages all the same.
    let page = store.events(&EventQuery { limit: 2, ..all() }).await.unwrap();
    assert_eq!(page.events.len(), 1);
    assert_eq!(kinds(&store, &EventQuery { after: page.next, ..all() }).await, [EventKind::LoginFail]);
}

#[tokio::test]
async fn a_cursor_of_another_backend_is_refused() {
    let place = Sqlite::new();
    let store = place.store();
    store.record(&[AuditEvent::new(EventKind::LoginFail, second(1))]).await.unwrap();
    let after = Some(EventCursor::behind(2_000_000_000_000, "65f0c0ffee65f0c0ffee65f0"));
    let refused = store.events(&EventQuery { after, ..all() }).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::UnknownCursor);
}
