//! The changes of a user after which no session of before lives: another password, disabling (DUR-02).

use std::{collections::HashSet, sync::Arc};

use portcullis_server::{
    model::{
        Access, EndReason, PasswordHash, Session, SessionId, User, UserChange, UserChanged, UserId, UserState,
    },
    sessions::{Shown, Verdict},
    store::{Opening, Store},
};
use tokio::task::JoinSet;

use crate::{
    backend::{Backend, login},
    sessions::{
        MANY, POLICY, a_user, again, all_ended, change, date, end_reason, ids, living, new_session, open,
        opened, refresh, second, session, sid, token, using,
    },
};

fn hash(name: &str) -> PasswordHash {
    PasswordHash::stored(format!("$argon2id$of-{name}"))
}

/// The change of a password that is as it was read.
fn to(user: &User, new: PasswordHash, keep: Option<SessionId>) -> UserChange {
    UserChange::Password { expected: user.password.clone(), new, keep }
}

/// Changes a password that is as it was read, and names the sessions that ended with it.
async fn change_password(store: &dyn Store, user: &User, new: &str, keep: Option<&str>) -> Vec<SessionId> {
    let ended = change(store, &user.id, to(user, hash(new), keep.map(sid)), second(1)).await;
    assert!(ended.iter().all(|session| end_reason(session) == Some(EndReason::Epoch)));
    let mut ended = ids(ended);
    ended.sort();
    ended
}

pub(crate) async fn a_new_hash_holds_and_no_session_of_before_lives<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let (user, other) = (a_user(&*store, "alice").await, a_user(&*store, "bob").await);
    for id in ["a", "b", "over"] {
        opened(&*store, &user, id, second(0)).await;
    }
    opened(&*store, &other, "bob's", second(0)).await;
    store.end_session(&sid("over"), EndReason::LoggedOut, second(0)).await.unwrap();
    assert_eq!(change_password(&*store, &user, "new", None).await, [sid("a"), sid("b")]);
    store.close().await;

    let store = place.open().await;
    let now = store.user_by_name(&login("alice")).await.unwrap().unwrap();
    assert_eq!(now.password, hash("new"));
    assert!(now.epoch > user.epoch, "sessions that are being opened are of an earlier one");
    assert!(living(&*store, &user, second(2)).await.is_empty());
    assert_eq!(refresh(&*store, "a", token(1, "1"), "2", second(2)).await.verdict, Verdict::Gone);
    assert_eq!(all_ended(&*store, date(second(2))).await.len(), 3);
    assert_eq!(living(&*store, &other, second(2)).await, ["bob's"]);
    assert_eq!(again(&*store, &other).await.password, other.password);
    opened(&*store, &now, "new", second(3)).await;
    assert_eq!(living(&*store, &now, second(3)).await, ["new"]);
}

pub(crate) async fn the_session_that_is_kept_goes_on<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let (mut user, other) = (a_user(&*store, "alice").await, a_user(&*store, "bob").await);
    opened(&*store, &other, "bob's", second(0)).await;
    for id in ["a", "kept"] {
        opened(&*store, &user, id, second(0)).await;
    }
    assert_eq!(change_password(&*store, &user, "1", Some("kept")).await, [sid("a")]);
    user = again(&*store, &user).await;
    assert!(change_password(&*store, &user, "2", Some("kept")).await.is_empty(), "through every change");
    store.close().await;

    let store = place.open().await;
    user = again(&*store, &user).await;
    assert_eq!((living(&*store, &user, second(2)).await, &user.password), (vec!["kept".into()], &hash("2")));
    assert_eq!(session(&*store, "kept").await.epoch, user.epoch);
    assert_eq!(refresh(&*store, "kept", token(1, "1"), "2", second(100)).await.verdict, Verdict::Rotate);
    // Somebody else's is none of the user's.
    assert_eq!(change_password(&*store, &user, "3", Some("bob's")).await, [sid("kept")]);
    assert_eq!(living(&*store, &other, second(2)).await, ["bob's"]);
}

pub(crate) async fn of_many_changes_at_once_one_is_made<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    opened(&*store, &user, "s", second(0)).await;
    let mut racers = JoinSet::new();
    for n in 0..20 {
        let (store, user) = (Arc::clone(&store), user.clone());
        racers.spawn(async move {
            let (new, keep) = (hash(&format!("new{n}")), (n % 2 == 0).then(|| sid("s")));
            let change = to(&user, new.clone(), keep.clone());
            match store.change_user(&user.id, &change, None, second(1)).await.unwrap() {
                UserChanged::Done { user, .. } => {
                    assert_eq!(user.password, new);
                    Some((new, keep))
                }
                UserChanged::NotAsExpected => None,
                other => panic!("the user is there: {other:?}"),
            }
        });
    }
    let made: Vec<_> = racers.join_all().await.into_iter().flatten().collect();
    let [(new, keep)] = made.as_slice() else { panic!("{} were made", made.len()) };
    let now = again(&*store, &user).await;
    assert_eq!((&now.password, now.epoch), (new, user.epoch + 1));
    assert_eq!(living(&*store, &user, second(2)).await.len(), usize::from(keep.is_some()));
}

pub(crate) async fn the_same_change_again_settles_it<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    for id in ["a", "kept"] {
        opened(&*store, &user, id, second(0)).await;
    }
    assert_eq!(change_password(&*store, &user, "new", Some("kept")).await, [sid("a")]);
    let now = again(&*store, &user).await;
    opened(&*store, &now, "since", second(1)).await;
    // With the hash as it was before, since the answer was lost.
    for _ in 0..2 {
        assert!(change_password(&*store, &user, "new", Some("kept")).await.is_empty());
    }
    assert_eq!(living(&*store, &now, second(1)).await, ["since", "kept"]);
    // And with the hash as it is, by who has only found that it holds.
    assert!(change_password(&*store, &now, "new", Some("kept")).await.is_empty());
    assert_eq!(again(&*store, &user).await.epoch, now.epoch);
    // Of many at once as well.
    let mut racers = JoinSet::new();
    for _ in 0..20 {
        let (store, now) = (Arc::clone(&store), now.clone());
        racers.spawn(async move { change_password(&*store, &now, "newer", Some("kept")).await });
    }
    let ended: Vec<_> = racers.join_all().await.concat();
    assert_eq!(ended, [sid("since")]);
    assert_eq!(living(&*store, &now, second(2)).await, ["kept"]);
    assert_eq!(again(&*store, &user).await.epoch, now.epoch + 1);
}

pub(crate) async fn a_change_from_another_hash_changes_nothing<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    opened(&*store, &user, "s", second(0)).await;
    let from_another = UserChange::Password { expected: hash("other"), new: hash("new"), keep: None };
    let answer = store.change_user(&user.id, &from_another, None, second(1)).await.unwrap();
    assert!(matches!(answer, UserChanged::NotAsExpected), "{answer:?}");
    for nobody in ["nobody", "000000000000000000000000"] {
        let answer =
            store.change_user(&UserId::new(nobody), &to(&user, hash("new"), None), None, second(1)).await;
        assert!(matches!(answer, Ok(UserChanged::NoSuchUser)), "{answer:?}");
    }
    let now = again(&*store, &user).await;
    assert_eq!((now.password, now.epoch), (user.password.clone(), user.epoch));
    assert_eq!(living(&*store, &user, second(1)).await, ["s"]);
}

pub(crate) async fn a_session_is_opened_for_the_hash_that_was_shown<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let late = new_session(&user, "late", second(0));
    let other = Shown { hash: hash("other"), ..Shown::by(&user) };
    let answer = store.open_session(late.clone(), &other, MANY, second(0)).await.unwrap();
    assert!(matches!(answer, Opening::UserChanged), "{answer:?}");
    change_password(&*store, &user, "new", None).await;
    let answer = store.open_session(late.clone(), &Shown::by(&user), MANY, second(0)).await.unwrap();
    assert!(matches!(answer, Opening::Refused), "{answer:?}");
    assert_eq!(store.session(&late.id).await.unwrap(), None, "nothing of it is left");
    let user = again(&*store, &user).await;
    open(&*store, new_session(&user, "new", second(1)), MANY).await;
}

pub(crate) async fn a_disabled_user_has_no_session_and_gets_none<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let (user, other) = (a_user(&*store, "alice").await, a_user(&*store, "bob").await);
    assert_eq!(user.state, UserState::Enabled);
    for (user, id) in [(&user, "a"), (&user, "b"), (&other, "bob's")] {
        opened(&*store, user, id, second(0)).await;
    }
    let ended = change(&*store, &user.id, UserChange::Disable, second(1)).await;
    let ended: HashSet<_> = ids(ended).into_iter().collect();
    assert_eq!(ended, HashSet::from([sid("a"), sid("b")]));
    store.close().await;

    let store = place.open().await;
    let disabled = again(&*store, &user).await;
    assert_eq!(disabled.state, UserState::Disabled);
    assert_eq!(store.user_by_name(&login("alice")).await.unwrap().unwrap().state, UserState::Disabled);
    let refused = new_session(&disabled, "refused", second(2));
    let answer = store.open_session(refused, &Shown::by(&disabled), MANY, second(2)).await.unwrap();
    assert!(matches!(answer, Opening::Refused), "{answer:?}");
    assert_eq!(refresh(&*store, "a", token(1, "1"), "2", second(2)).await.verdict, Verdict::Gone);
    assert!(living(&*store, &user, second(2)).await.is_empty());
    let once_more = change(&*store, &user.id, UserChange::Disable, second(3)).await;
    assert_eq!(once_more, [], "nothing is left to be ended");

    for _ in 0..2 {
        assert_eq!(change(&*store, &user.id, UserChange::Enable, second(4)).await, []);
    }
    let enabled = again(&*store, &user).await;
    assert_eq!(enabled.state, UserState::Enabled);
    assert!(living(&*store, &enabled, second(4)).await.is_empty(), "enabling wakes none");
    assert_eq!(refresh(&*store, "b", token(1, "1"), "2", second(4)).await.verdict, Verdict::Gone);
    opened(&*store, &enabled, "new", second(5)).await;
    assert_eq!(living(&*store, &enabled, second(5)).await, ["new"]);
    assert_eq!(living(&*store, &other, second(5)).await, ["bob's"]);
}

pub(crate) async fn nobody_is_not_changed<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    for nobody in ["", "nobody", "000000000000000000000000"] {
        for change in [
            UserChange::Disable,
            UserChange::Enable,
            UserChange::Access(Access::Admin),
            UserChange::Unlock,
            UserChange::Delete { name_free_at: second(9) },
        ] {
            let answer = store.change_user(&UserId::new(nobody), &change, None, second(0)).await.unwrap();
            assert!(matches!(answer, UserChanged::NoSuchUser), "{nobody:?}: {answer:?}");
        }
    }
    let now = again(&*store, &user).await;
    assert_eq!((now.state, now.access, now.epoch), (UserState::Enabled, user.access, user.epoch));
}

/// What the others race with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Password { keeps: bool },
    Disabling,
}

/// Logins and refreshes of one user race with an end of all sessions; answers the names of the sessions that were
/// opened, each with the hash that was shown for it.
async fn race(store: &Arc<dyn Store>, user: &User, round: usize, end: End) -> Vec<(SessionId, PasswordHash)> {
    let mut racers = JoinSet::new();
    for racer in 0..9 {
        let (store, user) = (Arc::clone(store), user.clone());
        let (id, old) = (format!("{round}-{racer}"), sid(&format!("{round}-{}", ["a", "b"][racer / 2 % 2])));
        // The end takes another place among them in every round.
        let role = if racer == round % 9 { 2 } else { racer % 2 };
        racers.spawn(async move {
            match role {
                0 => {
                    let user = again(&*store, &user).await;
                    let session = new_session(&user, &id, second(100));
                    let answer =
                        store.open_session(session, &Shown::by(&user), MANY, second(100)).await.unwrap();
                    matches!(answer, Opening::Opened { .. }).then_some((sid(&id), user.password))
                }
                1 => {
                    let refresh = using(token(1, "1"), &id, POLICY);
                    store.refresh_session(&old, &refresh, second(100)).await.unwrap();
                    None
                }
                _ => {
                    let kept = (end == End::Password { keeps: true }).then(|| sid(&format!("{round}-b")));
                    if end == End::Disabling {
                        change(&*store, &user.id, UserChange::Disable, second(100)).await;
                    } else {
                        change(&*store, &user.id, to(&user, hash("new"), kept), second(100)).await;
                    }
                    None
                }
            }
        });
    }
    racers.join_all().await.into_iter().flatten().collect()
}

async fn no_session_of_before_lives<B: Backend>(ends: &[End]) {
    let place = B::fresh().await;
    let store = place.open().await;
    for round in 0..27_usize {
        let end = ends[round % ends.len()];
        let user = a_user(&*store, &format!("user{round}")).await;
        for id in ["a", "b"] {
            opened(&*store, &user, &format!("{round}-{id}"), second(0)).await;
        }
        let opened = race(&store, &user, round, end).await;

        let now = again(&*store, &user).await;
        let living: Vec<Session> = store.sessions_of(&user.id, second(101)).await.unwrap();
        let kept = (end == End::Password { keeps: true }).then(|| sid(&format!("{round}-b")));
        // Those whose login was checked against the new password, and the one that was kept.
        let mut expected: HashSet<SessionId> =
            opened.iter().filter(|(_, shown)| *shown == hash("new")).map(|(id, _)| id.clone()).collect();
        expected.extend(kept);
        assert_eq!(living.iter().map(|session| session.id.clone()).collect::<HashSet<_>>(), expected);
        assert!(living.iter().all(|session| session.epoch == now.epoch), "round {round}: {living:?}");
        let all = (0..9).map(|racer| format!("{round}-{racer}"));
        for id in
            all.chain(["a", "b"].map(|id| format!("{round}-{id}"))).filter(|id| !expected.contains(&sid(id)))
        {
            let over = store.session(&sid(&id)).await.unwrap();
            assert!(over.is_none_or(|session| session.ended.is_some()), "round {round}: {id}");
        }
    }
}

pub(crate) async fn no_session_of_before_lives_after_a_race_with_a_change<B: Backend>() {
    no_session_of_before_lives::<B>(&[End::Password { keeps: false }, End::Password { keeps: true }]).await;
}

pub(crate) async fn no_session_lives_after_a_race_with_a_disabling<B: Backend>() {
    no_session_of_before_lives::<B>(&[End::Disabling]).await;
}
