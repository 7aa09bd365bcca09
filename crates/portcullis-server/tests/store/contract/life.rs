//! Opening, writing by many, closing.

use std::{collections::HashSet, sync::Arc};

use portcullis::NumericDate;
use portcullis_server::{
    model::{Access, AuditEvent, EndReason, EventKind, EventQuery, Revocation, UserChange, UserQuery},
    sessions::Shown,
    store::{Expired, Seen},
};
use tokio::task::JoinSet;

use crate::{
    backend::{
        Backend, EVER, all_revoked, assert_unavailable, login, moment, new_user, register, revoke,
        revoked_jtis, streamed, token,
    },
    sessions::{MANY, POLICY, a_user, all_ended, new_session, sid, token as jti, using},
};

pub(crate) async fn a_fresh_store_answers_and_is_empty<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    store.ping().await.unwrap();
    assert!(all_revoked(&*store).await.is_empty());
    assert!(all_ended(&*store, NumericDate::from_seconds(i64::MIN)).await.is_empty());
    assert!(store.user_by_name(&login("alice")).await.unwrap().is_none());
    assert!(!store.location().is_empty());
}

pub(crate) async fn concurrent_writes_are_all_durable<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let mut writers = JoinSet::new();
    for n in 0..200 {
        let store = Arc::clone(&store);
        writers.spawn(async move { revoke(&*store, &format!("jti-{n:03}"), Some(n)).await });
    }
    writers.join_all().await;
    store.close().await;

    let store = place.open().await;
    let expected: Vec<_> = (0..200).map(|n| token(&format!("jti-{n:03}"), Some(n))).collect();
    assert_eq!(all_revoked(&*store).await, expected);
}

pub(crate) async fn reads_see_what_was_acknowledged<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let mut tasks = JoinSet::new();
    for n in 0..100 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let name = format!("user{n}");
            assert!(register(&*store, &name).await);
            assert!(
                store.user_by_name(&login(&name)).await.unwrap().is_some(),
                "{name} cannot read its write"
            );
        });
    }
    tasks.join_all().await;
}

pub(crate) async fn what_was_acknowledged_while_closing_is_there<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    revoke(&*store, "first", None).await;
    let mut writers = JoinSet::new();
    for n in 0..200 {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            let jti = format!("jti-{n}");
            (store.revoke(Revocation::Token(token(&jti, None)), moment(0)).await, jti)
        });
    }
    store.close().await;
    let mut acknowledged = HashSet::from(["first".to_owned()]);
    for (answer, jti) in writers.join_all().await {
        match answer {
            Ok(()) => assert!(acknowledged.insert(jti)),
            refused => assert_unavailable(refused),
        }
    }
    drop(store);

    let store = place.open().await;
    let there: HashSet<String> = revoked_jtis(&*store).await.into_iter().collect();
    assert!(acknowledged.is_subset(&there), "lost: {:?}", acknowledged.difference(&there));
}

pub(crate) async fn a_closed_store_is_unavailable<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "bob").await;
    let (_, mark) = streamed(&*store, None, EVER).await.unwrap();
    store.close().await;
    assert_unavailable(store.ping().await);
    assert_unavailable(store.create_user(new_user("alice"), None, moment(0)).await);
    assert_unavailable(store.user_by_name(&login("alice")).await);
    assert_unavailable(store.revoke(Revocation::Token(token("jti", None)), moment(0)).await);
    assert_unavailable(streamed(&*store, None, EVER).await);
    assert_unavailable(streamed(&*store, Some(mark), EVER).await);
    let (id, zero) = (sid("s"), NumericDate::from_seconds(0));
    assert_unavailable(store.user_by_id(&user.id).await);
    let session = new_session(&user, "s", moment(0));
    assert_unavailable(store.open_session(session, &Shown::by(&user), MANY, moment(0)).await);
    assert_unavailable(store.refresh_session(&id, &using(jti(1, "1"), "2", POLICY), moment(0)).await);
    assert_unavailable(store.session(&id).await);
    assert_unavailable(store.sessions_of(&user.id, moment(0)).await);
    assert_unavailable(store.end_session(&id, EndReason::LoggedOut, moment(0)).await);
    let same = user.password.clone();
    for change in [
        UserChange::EndSessions { keep: None },
        UserChange::Password { expected: same.clone(), new: same, keep: None },
        UserChange::Disable,
        UserChange::Enable,
        UserChange::Access(Access::Admin),
        UserChange::Unlock,
        UserChange::Delete { name_free_at: moment(0) },
    ] {
        assert_unavailable(store.change_user(&user.id, &change, None, moment(0)).await);
    }
    assert_unavailable(store.users(&UserQuery { limit: 1, ..UserQuery::default() }).await);
    let event = AuditEvent::new(EventKind::LoginFail, moment(0));
    assert_unavailable(store.note_failed_login(Some(&user.id), &event, None, moment(0)).await);
    assert_unavailable(store.record(&[event]).await);
    assert_unavailable(store.events(&EventQuery { limit: 1, ..EventQuery::default() }).await);
    assert_unavailable(store.note_seen(&[Seen { session: id.clone(), generation: 1, at: moment(0) }]).await);
    for what in Expired::ALL {
        assert_unavailable(store.purge(what, zero, 10).await);
    }
    drop(store);

    let store = place.open().await;
    assert!(revoked_jtis(&*store).await.is_empty(), "what was refused did not happen");
    assert_eq!(store.session(&id).await.unwrap(), None);
    let now = store.user_by_id(&user.id).await.unwrap().unwrap();
    assert_eq!((now.epoch, now.access, now.state), (user.epoch, user.access, user.state));
    assert!(now.failures.is_none());
    let events = store.events(&EventQuery { limit: 1, ..EventQuery::default() }).await.unwrap();
    assert!(events.events.is_empty());
}

pub(crate) async fn closing_twice_is_closing_once<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    tokio::join!(store.close(), store.close());
    store.close().await;
    let again = place.open().await;
    again.ping().await.unwrap();
}

pub(crate) async fn a_store_that_was_dropped_can_be_opened_again<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    revoke(&*store, "jti", None).await;
    drop(store);
    let store = place.open().await;
    assert_eq!(revoked_jtis(&*store).await, ["jti"]);
}
