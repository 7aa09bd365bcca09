//! Sessions beside whatever else may happen to documents: users taken out by hand, ends that race, damage.

use std::{sync::Arc, time::Duration};

use mongodb::bson::{Bson, Document, doc};
use portcullis_server::{
    model::{EndReason, PasswordHash, SessionId, UserChange, UserChanged},
    sessions::{self, AdoptedToken, Shown, Verdict},
    store::{Store, StoreErrorKind},
};
use tokio::task::JoinSet;

use super::{Mongo, is_there};
use crate::sessions::{
    a_user, all_ended, change, date, end_reason, end_sessions, living, opened, refresh, rotated, second,
    session, sid, token,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_user_is_gone_disabled_or_of_another_epoch_ends_with_its_next_use() {
    if !is_there() {
        return;
    }
    // As a shell counts.
    let raised = doc! { "epoch": 1_i32 };
    for (by_hand, epoch) in
        [(None, None), (Some(raised), Some(1)), (Some(doc! { "disabled": true }), Some(0))]
    {
        let place = Mongo::new();
        let store = place.store().await;
        let user = a_user(&store, "alice").await;
        opened(&store, &user, "s", second(0)).await;
        let users = place.collection("users").await;
        match by_hand {
            None => drop(users.delete_many(doc! {}).await.unwrap()),
            Some(changed) => drop(users.update_many(doc! {}, doc! { "$set": changed }).await.unwrap()),
        }
        assert!(living(&store, &user, second(1)).await.is_empty());
        let refreshed = refresh(&store, "s", token(1, "1"), "2", second(100)).await;
        assert_eq!(refreshed.verdict, Verdict::Gone);
        assert_eq!(refreshed.user.map(|user| user.epoch), epoch);
        assert_eq!(end_reason(&refreshed.session.unwrap()), Some(EndReason::Epoch));
        assert_eq!(all_ended(&store, date(second(100))).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_sessions_of_a_user_who_is_gone_can_be_ended() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = place.store().await;
    let user = a_user(&store, "alice").await;
    opened(&store, &user, "s", second(0)).await;
    place.collection("users").await.delete_many(doc! {}).await.unwrap();
    // Kept for whom?
    let ending = UserChange::EndSessions { keep: Some(sid("s")) };
    let answer = store.change_user(&user.id, &ending, None, second(1)).await.unwrap();
    assert!(matches!(answer, UserChanged::NoSuchUser), "{answer:?}");
    assert_eq!(end_reason(&session(&store, "s").await), Some(EndReason::Epoch));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_ends_at_once_that_keep_one_session_keep_it() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store: Arc<dyn Store> = Arc::new(place.store().await);
    let user = a_user(&*store, "alice").await;
    for id in ["kept", "a", "b"] {
        opened(&*store, &user, id, second(0)).await;
    }
    let mut ends = JoinSet::new();
    for n in 0..16 {
        let (store, user) = (store.clone(), user.clone());
        ends.spawn(async move {
            if n % 2 == 0 {
                end_sessions(&*store, &user.id, Some(&sid("kept")), second(1)).await;
            } else {
                let refreshed = refresh(&*store, "kept", token(1, "1"), "2", second(1)).await;
                assert_eq!(refreshed.verdict, Verdict::Repeat);
            }
        });
    }
    ends.join_all().await;
    assert_eq!(living(&*store, &user, second(2)).await, ["kept"]);
    let user = store.user_by_id(&user.id).await.unwrap().unwrap();
    assert_eq!((user.epoch, session(&*store, "kept").await.epoch), (8, 8));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_cut_off_after_its_first_step_spares_what_it_said() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = place.store().await;
    let user = a_user(&store, "alice").await;
    for id in ["kept", "other"] {
        opened(&store, &user, id, second(0)).await;
    }
    let raised = doc! { "$set": { "epoch": 1_i64, "kept_session": "kept" } };
    place.collection("users").await.update_many(doc! {}, raised).await.unwrap();
    assert_eq!(living(&store, &user, second(1)).await, ["kept"], "the other is over by the epoch");
    assert_eq!(refresh(&store, "other", token(1, "1"), "2", second(100)).await.verdict, Verdict::Gone);
    assert_eq!(refresh(&store, "kept", token(1, "1"), "2", second(100)).await.verdict, Verdict::Rotate);
    assert_eq!(session(&store, "kept").await.epoch, 1, "its use has taken it along");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_password_that_was_cut_off_after_its_first_step_is_finished_by_the_same_call() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = place.store().await;
    let user = a_user(&store, "alice").await;
    for id in ["kept", "other"] {
        opened(&store, &user, id, second(0)).await;
    }
    let new = PasswordHash::stored("$argon2id$new");
    let first = doc! { "$set": { "password": new.as_str(), "epoch": 1_i64, "kept_session": "kept" } };
    place.collection("users").await.update_many(doc! {}, first).await.unwrap();
    assert_eq!(living(&store, &user, second(1)).await, ["kept"], "the other is over by the epoch");
    let again = UserChange::Password { expected: user.password.clone(), new, keep: Some(sid("kept")) };
    let ended = change(&store, &user.id, again, second(1)).await;
    assert_eq!(ended, [session(&store, "other").await]);
    assert_eq!(end_reason(&ended[0]), Some(EndReason::Epoch));
    assert_eq!(session(&store, "kept").await.epoch, 1, "taken along");
    assert_eq!(store.user_by_id(&user.id).await.unwrap().unwrap().epoch, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_in_dates_and_texts_that_a_shell_shows() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = place.store().await;
    let user = a_user(&store, "alice").await;
    let expected = rotated(&store, &user, "s").await;
    store.end_session(&sid("s"), EndReason::LoggedOut, second(200)).await.unwrap();
    let document = place.collection("sessions").await.find_one(doc! { "_id": "s" }).await.unwrap().unwrap();
    assert_eq!(document.get_str("user").unwrap(), user.id.as_str());
    assert_eq!(document.get_str("end_reason").unwrap(), "logged_out");
    assert_eq!(document.get_datetime("ended_at").unwrap().to_system_time(), second(200));
    assert_eq!(document.get_datetime("made_at").unwrap().to_system_time(), expected.head.made_at);
    assert!(document.get_datetime("at").is_ok(), "the end is stamped by the server");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_none_of_ours_is_named_and_harms_no_other() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = place.store().await;
    let sessions = place.collection("sessions").await;
    let other = a_user(&store, "alice").await;
    opened(&store, &other, "alice's", second(0)).await;
    let bad_ones: [(&str, Bson); 6] = [
        ("fresh", Bson::Int32(7)),
        ("generation", Bson::Int64(-1)),
        ("seen", Bson::Int64(4_294_967_296)),
        ("parent_generation", Bson::Int64(1)),
        ("made_at", Bson::Int64(0)),
        ("end_reason", "bored".into()),
    ];
    let user = a_user(&store, "bob").await;
    for (field, value) in bad_ones {
        opened(&store, &user, field, second(0)).await;
        let mut bad = Document::from_iter([(field.to_owned(), value)]);
        if field == "end_reason" {
            bad.insert("ended_at", mongodb::bson::DateTime::now());
        }
        sessions.update_one(doc! { "_id": field }, doc! { "$set": bad }).await.unwrap();
        let error = store.session(&sid(field)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unreadable, "{field}");
        let text = error.to_string();
        assert!(text.contains("sessions") && text.contains(field), "{text}");
        if field == "end_reason" {
            continue;
        }
        // All of them or an error; what could be read in vain is over by the epoch all the same.
        let ending = UserChange::EndSessions { keep: None };
        let error = store.change_user(&user.id, &ending, None, second(1)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unreadable);
        sessions.delete_many(doc! { "_id": field }).await.unwrap();
        let epoch = store.user_by_id(&user.id).await.unwrap().unwrap().epoch;
        place
            .collection("users")
            .await
            .update_one(doc! { "username": "bob" }, doc! { "$set": { "epoch": 0 } })
            .await
            .unwrap();
        assert!(epoch > 0);
    }
    assert_eq!(living(&store, &other, second(1)).await, ["alice's"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adopted_session_does_not_end_over_a_hash_that_is_renewed_meanwhile() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let store = Arc::new(place.store().await);
    let mut ended = 0;
    for round in 0..100 {
        let user = a_user(&*store, &format!("alice{round}")).await;
        let owner = (&user.id, user.epoch);
        let id = SessionId::adopted(&format!("jti {round}"));
        let token = AdoptedToken { jti: "jti", issued_at: None, expires_at: None };
        let adopted = sessions::adopted(id.clone(), owner, &token, Duration::from_hours(1), second(0));
        let renewing = {
            let (store, user) = (store.clone(), user.clone());
            tokio::spawn(async move {
                // At another moment of the adoption in each round.
                for _ in 0..round % 5 {
                    let _ = store.user_by_id(&user.id).await.unwrap();
                }
                let renewed = PasswordHash::stored("$argon2id$renewed");
                store.replace_password_hash(&user.id, &user.password, renewed).await.unwrap();
            })
        };
        let _ = store.open_session(adopted, &Shown::by(&user), 50, second(0)).await.unwrap();
        renewing.await.unwrap();
        let session = store.session(&id).await.unwrap();
        ended += usize::from(session.is_some_and(|session| session.ended.is_some()));
    }
    assert_eq!(ended, 0, "sessions of 100 that will never be adopted again");
}
