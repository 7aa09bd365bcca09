//! Audit events: kept as they were recorded, read from the newest on.

use std::{collections::HashSet, net::IpAddr, sync::Arc, time::Duration};

use portcullis_server::{
    model::{
        Access, AuditEvent, EventCursor, EventKind, EventQuery, Maker, NewUser, PasswordHash, SessionId,
        UserChange, UserChanged, UserId,
    },
    store::{Creation, Expired, Store, StoreErrorKind},
};
use tokio::task::JoinSet;

use crate::{
    backend::{Backend, moment, new_user},
    sessions::{a_user, change, date, second, sid},
};

/// The events on all pages of a list; each cursor goes the way of a client.
async fn listed(store: &dyn Store, query: EventQuery) -> Vec<AuditEvent> {
    let (mut events, mut ids, mut query) = (Vec::new(), HashSet::new(), query);
    loop {
        let page = store.events(&query).await.unwrap();
        assert!(page.events.len() <= query.limit);
        for stored in page.events {
            assert!(ids.insert(stored.id.clone()), "{} is on two pages", stored.id);
            events.push(stored.event);
        }
        let Some(next) = page.next else { return events };
        query.after = Some(EventCursor::parse(&next.to_string()).unwrap());
    }
}

async fn all(store: &dyn Store) -> Vec<AuditEvent> {
    listed(store, EventQuery { limit: 7, ..EventQuery::default() }).await
}

/// An event that is told apart by its detail.
fn event(kind: EventKind, seconds: u64, detail: &str) -> AuditEvent {
    AuditEvent::new(kind, second(seconds)).detail(detail)
}

/// The hash that a new user of a name has.
fn hash(name: &str) -> PasswordHash {
    PasswordHash::stored(format!("$argon2id$of-{name}"))
}

fn details(events: &[AuditEvent]) -> Vec<&str> {
    events.iter().map(|event| event.detail.as_deref().unwrap_or_default()).collect()
}

pub(crate) async fn every_field_survives_a_restart_the_newest_first<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    assert!(all(&*store).await.is_empty());
    let (alice, bob) = (UserId::new("alice's"), UserId::new("bob's"));
    let address = |text: &str| Some(text.parse::<IpAddr>().unwrap());
    let mut expected: Vec<AuditEvent> =
        EventKind::ALL.iter().enumerate().map(|(n, kind)| AuditEvent::new(*kind, moment(n as u64))).collect();
    expected.push(AuditEvent {
        kind: EventKind::PermissionsChanged,
        at: moment(1_000_001),
        actor: Some(alice.clone()),
        subject: Some(bob),
        session: Some(SessionId::new("s")),
        address: address("2001:db8::1"),
        detail: Some("user -> admin, \u{e4}\u{10ffff}'\"\\\0".to_owned()),
    });
    let by_herself = AuditEvent::new(EventKind::PasswordChange, moment(1_000_002)).by(&alice).about(&alice);
    expected.push(by_herself.session(&sid("t")).from(address("192.0.2.1")));
    store.record(&expected[..2]).await.unwrap();
    store.record(&[]).await.unwrap();
    store.record(&expected[2..]).await.unwrap();
    store.close().await;

    let store = place.open().await;
    expected.reverse();
    assert_eq!(all(&*store).await, expected);
}

pub(crate) async fn a_detail_is_cut_and_nothing_finer_than_a_millisecond_is_kept<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let at = second(1) + Duration::from_nanos(1_999_999);
    let long = AuditEvent { detail: Some("\u{e4}".repeat(300)), ..AuditEvent::new(EventKind::LoginFail, at) };
    store.record(&[long]).await.unwrap();
    let [stored] = &all(&*store).await[..] else { panic!("one was recorded") };
    assert_eq!(stored.detail.as_ref().map(|detail| detail.chars().count()), Some(AuditEvent::DETAIL_CHARS));
    assert_eq!(stored.at, moment(1001));
}

pub(crate) async fn each_is_on_one_page_while_others_are_recorded<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    // Many of one moment, and others around them.
    let events: Vec<_> =
        (0..60_u64).map(|n| event(EventKind::LoginSuccess, 100 + n / 20, &format!("{n:02}"))).collect();
    for events in events.chunks(9) {
        store.record(events).await.unwrap();
    }
    let mut others = JoinSet::new();
    for n in 0..20 {
        let store = Arc::clone(&store);
        others.spawn(async move {
            store.record(&[event(EventKind::LoginFail, 90 + n, "another")]).await.unwrap();
        });
    }
    for limit in [1, 7, 20, 59, 60, 200] {
        let mut events = listed(&*store, EventQuery { limit, ..EventQuery::default() }).await;
        assert!(events.is_sorted_by(|one, next| one.at >= next.at), "by {limit}");
        events.retain(|event| event.kind == EventKind::LoginSuccess);
        let mut details = details(&events);
        details.sort_unstable();
        assert_eq!(details, (0..60).map(|n| format!("{n:02}")).collect::<Vec<_>>(), "by {limit}");
    }
    others.join_all().await;
    assert_eq!(all(&*store).await.len(), 80);
}

pub(crate) async fn only_those_that_are_wanted_are_listed<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let (alice, bob) = (UserId::new("alice's"), UserId::new("bob's"));
    let events = [
        event(EventKind::LoginSuccess, 1, "a").by(&alice).about(&alice),
        event(EventKind::UserDisabled, 2, "b").by(&alice).about(&bob),
        event(EventKind::LoginFail, 2, "c").about(&bob),
        event(EventKind::LoginFail, 3, "d").about(&alice),
        event(EventKind::LoginFail, 4, "e"),
        event(EventKind::AdminActivity, 5, "f").by(&bob).about(&alice),
    ];
    store.record(&events).await.unwrap();
    let user = |user: &UserId| EventQuery { user: Some(user.clone()), ..EventQuery::default() };
    let kind = |kind| EventQuery { kind: Some(kind), ..EventQuery::default() };
    let from = |seconds| Some(second(seconds));
    for (query, expected) in [
        (EventQuery::default(), "fedcba"),
        (user(&alice), "fdba"),
        (user(&bob), "fcb"),
        (user(&UserId::new("nobody's")), ""),
        (kind(EventKind::LoginFail), "edc"),
        (kind(EventKind::TokenReuse), ""),
        (EventQuery { from: from(2), ..EventQuery::default() }, "fedcb"),
        (EventQuery { until: from(2), ..EventQuery::default() }, "a"),
        (EventQuery { from: from(2), until: from(4), ..EventQuery::default() }, "dcb"),
        (EventQuery { from: from(4), until: from(4), ..EventQuery::default() }, ""),
        (EventQuery { kind: Some(EventKind::LoginFail), ..user(&bob) }, "c"),
        (EventQuery { kind: Some(EventKind::LoginFail), from: from(3), ..EventQuery::default() }, "ed"),
        (EventQuery { from: from(2), until: from(5), ..user(&alice) }, "db"),
    ] {
        for limit in [1, 2, 100] {
            let query = EventQuery { limit, ..query.clone() };
            let events = listed(&*store, query.clone()).await;
            assert_eq!(details(&events).concat(), expected, "{query:?}");
        }
    }
}

pub(crate) async fn what_was_done_by_and_to_a_deleted_user_is_kept<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    store.record(&[event(EventKind::LoginSuccess, 1, "in").by(&user.id).about(&user.id)]).await.unwrap();
    change(&*store, &user.id, UserChange::Delete { name_free_at: second(9) }, second(2)).await;
    assert_eq!(store.purge(Expired::Users, date(second(10)), 10).await.unwrap(), 1);
    let of_her = EventQuery { user: Some(user.id), limit: 10, ..EventQuery::default() };
    assert_eq!(details(&listed(&*store, of_her).await), ["in"]);
}

pub(crate) async fn purge_takes_what_is_older_and_nothing_else<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let events: Vec<_> = (0..10).map(|n| event(EventKind::LoginFail, n, &n.to_string())).collect();
    store.record(&events).await.unwrap();
    let purge = |before, limit| store.purge(Expired::Events, date(second(before)), limit);
    assert_eq!(purge(5, 0).await.unwrap(), 0);
    assert_eq!(purge(5, 3).await.unwrap(), 3, "the oldest");
    assert_eq!(details(&all(&*store).await).concat(), "9876543");
    assert_eq!(purge(5, 3).await.unwrap(), 2);
    assert_eq!(purge(5, 3).await.unwrap(), 0);
    store.close().await;

    let store = place.open().await;
    assert_eq!(details(&all(&*store).await).concat(), "98765");
    // Each has an id that none of those that went had.
    store.record(&events[..1]).await.unwrap();
    assert_eq!(details(&all(&*store).await).concat(), "987650");
}

pub(crate) async fn a_cursor_that_no_such_store_gave_out_is_refused<B: Backend>() {
    // ADM-07
    let place = B::fresh().await;
    let store = place.open().await;
    store.record(&[event(EventKind::LoginFail, 1, "one")]).await.unwrap();
    let after = Some(EventCursor::behind(0, "no id"));
    let query = EventQuery { after, limit: 9, ..EventQuery::default() };
    assert_eq!(store.events(&query).await.unwrap_err().kind(), StoreErrorKind::UnknownCursor);
}

pub(crate) async fn an_act_has_its_event_and_what_was_not_done_has_none<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let root = UserId::new("root's");
    let by_root = |kind| event(kind, 1, "said").by(&root);
    let created = by_root(EventKind::UserCreated);
    let mut ids = Vec::new();
    for (name, maker) in [("alice", Maker::Another), ("bob", Maker::Themselves)] {
        let user = NewUser { maker, access: Access::Admin, ..new_user(name) };
        let made = store.create_user(user, Some(&created), second(1)).await.unwrap();
        let Creation::Created(user) = made else { panic!("{made:?}") };
        ids.push(user.id);
    }
    let (alice, bob) = (&ids[0], &ids[1]);
    let mut expected = vec![created.clone().about(alice), created.clone().by(bob).about(bob)];
    let newest_first = |events: &[AuditEvent]| events.iter().rev().cloned().collect::<Vec<_>>();
    assert_eq!(all(&*store).await, newest_first(&expected));
    let taken = store.create_user(new_user("ALICE"), Some(&created), second(1)).await.unwrap();
    assert!(matches!(taken, Creation::NameTaken));

    let disabled = by_root(EventKind::UserDisabled).about(bob);
    let to_itself = UserChange::Password { expected: hash("bob"), new: hash("bob"), keep: None };
    for change in [UserChange::Disable, UserChange::Disable, to_itself] {
        let done = store.change_user(bob, &change, Some(&disabled), second(2)).await.unwrap();
        assert!(matches!(done, UserChanged::Done { .. }), "{done:?}");
        expected.push(disabled.clone());
    }
    let from_another = UserChange::Password { expected: hash("x"), new: hash("y"), keep: None };
    let delete = UserChange::Delete { name_free_at: second(9) };
    for (id, change) in [
        (alice, UserChange::Disable),
        (alice, delete),
        (&UserId::new("nobody"), UserChange::Disable),
        (bob, from_another),
    ] {
        let undone = store.change_user(id, &change, Some(&disabled), second(3)).await.unwrap();
        assert!(!matches!(undone, UserChanged::Done { .. }), "{undone:?}");
    }
    assert_eq!(all(&*store).await, newest_first(&expected));
}
