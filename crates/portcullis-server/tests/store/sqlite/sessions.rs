//! Sessions beside whatever else may happen to a file: a user who is taken out by hand, rows nobody can read.

use portcullis_server::{
    model::{EndReason, UserChange, UserChanged},
    sessions::Verdict,
    store::{Expired, Store, StoreErrorKind},
};
use rusqlite::Connection;

use crate::{
    backend::Sqlite,
    sessions::{a_user, all_ended, date, end_reason, living, opened, refresh, second, session, sid, token},
};

/// A second program with the file open, which does not hold users and sessions together.
fn shell(place: &Sqlite) -> Connection {
    let shell = Connection::open(place.path()).unwrap();
    shell.pragma_update(None, "foreign_keys", false).unwrap();
    shell
}

#[tokio::test]
async fn a_session_whose_user_is_gone_disabled_or_of_another_epoch_ends_with_its_next_use() {
    for (by_hand, epoch) in [
        ("DELETE FROM users", None),
        ("UPDATE users SET epoch = epoch + 1", Some(1)),
        ("UPDATE users SET disabled = 1", Some(0)),
    ] {
        let place = Sqlite::new();
        let store = place.store();
        let user = a_user(&store, "alice").await;
        opened(&store, &user, "s", second(0)).await;
        shell(&place).execute_batch(by_hand).unwrap();
        assert!(living(&store, &user, second(1)).await.is_empty(), "{by_hand}");
        let refreshed = refresh(&store, "s", token(1, "1"), "2", second(100)).await;
        assert_eq!(refreshed.verdict, Verdict::Gone, "{by_hand}");
        assert_eq!(refreshed.user.map(|user| user.epoch), epoch);
        assert_eq!(end_reason(&refreshed.session.unwrap()), Some(EndReason::Epoch), "{by_hand}");
        store.close().await;

        let store = place.store();
        assert_eq!(end_reason(&session(&store, "s").await), Some(EndReason::Epoch), "{by_hand}");
        assert_eq!(all_ended(&store, date(second(100))).await.len(), 1);
    }
}

#[tokio::test]
async fn all_sessions_of_a_user_who_is_gone_can_be_ended() {
    let place = Sqlite::new();
    let store = place.store();
    let user = a_user(&store, "alice").await;
    opened(&store, &user, "s", second(0)).await;
    shell(&place).execute_batch("DELETE FROM users").unwrap();
    // Kept for whom?
    let ending = UserChange::EndSessions { keep: Some(sid("s")) };
    let answer = store.change_user(&user.id, &ending, None, second(1)).await.unwrap();
    assert!(matches!(answer, UserChanged::NoSuchUser), "{answer:?}");
    assert_eq!(end_reason(&session(&store, "s").await), Some(EndReason::Epoch));
}

#[tokio::test]
async fn a_users_row_stays_while_a_session_is_remembered() {
    let place = Sqlite::new();
    let store = place.store();
    let user = a_user(&store, "alice").await;
    opened(&store, &user, "s", second(0)).await;
    let shell = shell(&place);
    shell.pragma_update(None, "foreign_keys", true).unwrap();
    shell.execute_batch("DELETE FROM users").unwrap_err();
    assert_eq!(store.purge(Expired::Sessions, date(second(100 * 86_400)), 10).await.unwrap(), 1);
    shell.execute_batch("DELETE FROM users").unwrap();
}

#[tokio::test]
async fn a_row_that_is_none_of_ours_is_named_and_harms_no_other() {
    let place = Sqlite::new();
    let store = place.store();
    let other = a_user(&store, "alice").await;
    opened(&store, &other, "alice's", second(0)).await;
    let shell = shell(&place);
    shell.execute_batch("PRAGMA ignore_check_constraints = ON").unwrap();
    let bad_ones = [
        ("fresh = 7", "7 is no kind of access token"),
        ("end_reason = 'bored', ended_at = 0", "\"bored\" is no reason to end"),
        ("generation = -1", "generation"),
        ("seen = 4294967296", "seen"),
        ("parent_generation = 1", "parent_jti"),
        ("device = CAST(x'ff' AS TEXT)", "device"),
    ];
    for (n, (bad, what)) in bad_ones.into_iter().enumerate() {
        let user = a_user(&store, &format!("user{n}")).await;
        opened(&store, &user, what, second(0)).await;
        shell.execute(&format!("UPDATE sessions SET {bad} WHERE id = ?1"), [what]).unwrap();
        let error = store.session(&sid(what)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Damaged, "{bad}");
        let text = error.to_string();
        assert!(text.contains("sessions") && text.contains(what), "{bad}: {text}");
        if bad.contains("ended_at") {
            continue;
        }
        // All of them or an error: one that is passed over would live on.
        let ending = UserChange::EndSessions { keep: None };
        let error = store.change_user(&user.id, &ending, None, second(1)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Damaged, "{bad}");
        assert_eq!(
            store.user_by_id(&user.id).await.unwrap().unwrap().epoch,
            0,
            "{bad}: nothing is half done"
        );
    }
    assert_eq!(living(&store, &other, second(1)).await, ["alice's"]);
}
