//! Failed logins: each counts, and from some on no password is accepted for a while.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use portcullis_server::{
    model::{
        AuditEvent, EndReason, EventKind, EventQuery, Failures, PasswordHash, Session, User, UserChange,
        UserChanged, UserId, UserQuery,
    },
    sessions::{self, AdoptedToken, LockPolicy, LockRule, Shown},
    store::{Opening, Store},
};
use tokio::task::JoinSet;

use crate::{
    backend::{Backend, moment},
    sessions::{MANY, a_user, again, change, living, new_session, second, sid},
};

const LOCKS: LockPolicy =
    LockPolicy { free_failures: 4, first_delay: Duration::from_secs(1), max_delay: Duration::from_mins(15) };

/// Lets a login fail: what comes of it, unless there is a lock.
async fn try_fail(
    store: &dyn Store,
    user: &User,
    policy: Option<&LockPolicy>,
    now: SystemTime,
) -> Option<Failures> {
    let event = AuditEvent::new(EventKind::LoginFail, now).about(&user.id);
    store.note_failed_login(Some(&user.id), &event, policy, now).await.unwrap()
}

async fn fail(store: &dyn Store, user: &User, now: SystemTime) -> Failures {
    try_fail(store, user, Some(&LOCKS), now).await.expect("it is not locked")
}

/// Lets as many logins fail at one moment, of which the last one locks.
async fn fail_times(store: &dyn Store, user: &User, times: u32, now: SystemTime) {
    for count in 1..times {
        assert_eq!(try_fail(store, user, None, now).await.unwrap().count, count);
    }
    assert_eq!(fail(store, user, now).await.count, times);
}

async fn open(store: &dyn Store, user: &User, id: &str, now: SystemTime) -> Opening {
    store.open_session(new_session(user, id, now), &Shown::by(user), MANY, now).await.unwrap()
}

async fn number_of_events(store: &dyn Store) -> usize {
    store.events(&EventQuery { limit: 1000, ..EventQuery::default() }).await.unwrap().events.len()
}

pub(crate) async fn each_counts_and_locks_by_the_policy<B: Backend>() {
    // LOG-13
    let place = B::fresh().await;
    let store = place.open().await;
    let (user, other) = (a_user(&*store, "alice").await, a_user(&*store, "bob").await);
    let until = |seconds: u64| Some(second(seconds));
    // By the second of its own: the fifth locks for one, the sixth for two, the seventh for four.
    let expected = [
        (1, 1, None),
        (2, 2, None),
        (3, 3, None),
        (4, 4, None),
        (5, 5, until(6)),
        (6, 6, until(8)),
        (8, 7, until(12)),
    ];
    for (at, count, locked_until) in expected {
        let failures = Failures { count, locked_until };
        assert_eq!(fail(&*store, &user, second(at)).await, failures);
        assert_eq!(again(&*store, &user).await.failures, failures);
    }
    store.close().await;

    let store = place.open().await;
    let now = again(&*store, &user).await;
    assert_eq!(now.failures, Failures { count: 7, locked_until: until(12) });
    assert_eq!((now.epoch, now.state), (user.epoch, user.state));
    assert!(again(&*store, &other).await.failures.is_none());
    assert_eq!(number_of_events(&*store).await, 7);
}

pub(crate) async fn of_many_at_once_each_counts<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let mut answers = Vec::new();
    // In waves: a server that writes each to its disk has two seconds for a wave, whatever else its machine does.
    for _ in 0..4 {
        answers.extend(fail_at_once(&store, &user, None).await);
    }
    let after = again(&*store, &user).await.failures;
    assert_eq!(after, Failures { count: 100, locked_until: None });
    let mut counts: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().count).collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=100).collect::<Vec<_>>());
    assert_eq!(number_of_events(&*store).await, 100);
}

/// What comes of 25 logins that fail at once.
async fn fail_at_once(
    store: &Arc<dyn Store>,
    user: &User,
    policy: Option<LockPolicy>,
) -> Vec<Option<Failures>> {
    let mut racers = JoinSet::new();
    for _ in 0..25 {
        let (store, user) = (Arc::clone(store), user.clone());
        racers.spawn(async move { try_fail(&*store, &user, policy.as_ref(), second(1)).await });
    }
    racers.join_all().await
}

pub(crate) async fn of_many_at_once_one_locks_and_the_others_make_it_no_longer<B: Backend>() {
    // LOG-06, LOG-10
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let answers = fail_at_once(&store, &user, Some(LOCKS)).await;
    let locked = Failures { count: 5, locked_until: Some(second(2)) };
    assert_eq!(again(&*store, &user).await.failures, locked);
    assert_eq!(answers.iter().flatten().count(), 5, "who finds the lock counts nothing");
    assert_eq!(answers.iter().flatten().filter(|answer| **answer == locked).count(), 1);
    assert_eq!(number_of_events(&*store).await, 25);
    // Nor does who comes later, and until it has ended.
    assert_eq!(try_fail(&*store, &user, Some(&LOCKS), moment(1_999)).await, None);
    assert_eq!(again(&*store, &user).await.failures, locked);
    assert_eq!(fail(&*store, &user, second(2)).await, Failures { count: 6, locked_until: Some(second(4)) });
}

pub(crate) async fn the_right_password_is_not_accepted_while_locked<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    fail_times(&*store, &user, 6, second(10)).await;
    for millis in [10_000, 11_999] {
        let answer = open(&*store, &user, "early", moment(millis)).await;
        assert!(matches!(answer, Opening::Locked), "{millis}: {answer:?}");
    }
    assert_eq!(store.session(&sid("early")).await.unwrap(), None, "nothing of it is left");
    assert_eq!(again(&*store, &user).await.failures.count, 6, "and nothing is forgotten");
    // A device that was here before is let in, by the right password alone.
    let known = Shown { lock: LockRule::Ignored, ..Shown::by(&user) };
    let session = new_session(&user, "known", second(11));
    let answer = store.open_session(session, &known, MANY, second(11)).await.unwrap();
    assert!(matches!(answer, Opening::Opened { .. }), "{answer:?}");
    fail_times(&*store, &user, 6, second(20)).await;
    let answer = open(&*store, &user, "in time", second(22)).await;
    assert!(matches!(answer, Opening::Opened { .. }), "the lock has ended: {answer:?}");
}

pub(crate) async fn a_login_that_succeeds_forgets_them<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    fail_times(&*store, &user, 5, second(0)).await;
    // Neither a token of another application nor a session that is over already is a login.
    let theirs = AdoptedToken { jti: "theirs", issued_at: None, expires_at: None };
    let owner = (&user.id, user.epoch);
    let adopted = sessions::adopted(sid("adopted"), owner, &theirs, Duration::from_hours(1), second(0));
    let ended =
        sessions::ended(&Session { id: sid("over"), ..adopted.clone() }, EndReason::LoggedOut, second(0));
    for session in [adopted, ended] {
        let answer = store.open_session(session, &Shown::by(&user), MANY, second(0)).await.unwrap();
        assert!(matches!(answer, Opening::Opened { .. }), "a lock says nothing of them: {answer:?}");
    }
    assert_eq!(again(&*store, &user).await.failures.count, 5);
    let answer = open(&*store, &user, "s", second(1)).await;
    assert!(matches!(answer, Opening::Opened { .. }), "{answer:?}");
    store.close().await;

    let store = place.open().await;
    assert!(again(&*store, &user).await.failures.is_none());
    assert_eq!(fail(&*store, &user, second(2)).await, Failures { count: 1, locked_until: None });
}

pub(crate) async fn a_right_guess_among_many_is_in_or_out<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    for round in 0..20 {
        let user = a_user(&*store, &format!("user{round}")).await;
        let mut guesses = JoinSet::new();
        for guess in 0..12 {
            let (store, user) = (Arc::clone(&store), user.clone());
            guesses.spawn(async move {
                if guess != round % 12 {
                    try_fail(&*store, &user, Some(&LOCKS), second(1)).await;
                    return None;
                }
                Some(open(&*store, &user, &format!("s{round}"), second(1)).await)
            });
        }
        let answers: Vec<_> = guesses.join_all().await.into_iter().flatten().collect();
        let lives = living(&*store, &user, second(1)).await.len();
        match answers.as_slice() {
            [Opening::Opened { .. }] => assert_eq!(lives, 1, "round {round}"),
            [Opening::Locked] => assert_eq!(lives, 0, "round {round}"),
            other => panic!("round {round}: {other:?}"),
        }
        // Up to the lock; of those that came after it alone, where it was in.
        let failures = again(&*store, &user).await.failures.count;
        assert!(failures == 5 || lives == 1, "round {round}: {failures}");
    }
}

pub(crate) async fn without_a_policy_nobody_is_locked<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    for count in 1..=10 {
        let failures = try_fail(&*store, &user, None, second(1)).await;
        assert_eq!(failures, Some(Failures { count, locked_until: None }));
    }
    // A lock that there is stays, whatever policy comes after it.
    let failures = fail(&*store, &user, second(1)).await;
    assert_eq!(failures.locked_until, Some(second(65)));
    let weaker = LockPolicy { free_failures: 10, ..LOCKS };
    for policy in [None, Some(&weaker)] {
        assert_eq!(try_fail(&*store, &user, policy, second(1)).await, None);
        assert_eq!(again(&*store, &user).await.failures, failures);
    }
}

pub(crate) async fn a_name_that_nobody_has_is_noted_and_changes_nobody<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    let event = AuditEvent::new(EventKind::LoginFail, second(1)).detail("unknown user");
    let nobody = ["", "nobody", "000000000000000000000000"].map(UserId::new);
    for user in nobody.iter().map(Some).chain([None]) {
        for _ in 0..6 {
            let failures = store.note_failed_login(user, &event, Some(&LOCKS), second(1)).await.unwrap();
            assert!(failures.is_none(), "{user:?}: {failures:?}");
        }
    }
    assert_eq!(number_of_events(&*store).await, 24);
    let users = store.users(&UserQuery { limit: 9, ..UserQuery::default() }).await.unwrap().users;
    assert_eq!(users.iter().map(|user| &user.id).collect::<Vec<_>>(), [&user.id]);
    assert!(users[0].failures.is_none());
}

pub(crate) async fn an_unlocked_user_begins_anew_and_no_session_ends<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    assert!(matches!(open(&*store, &user, "s", second(0)).await, Opening::Opened { .. }));
    fail_times(&*store, &user, 9, second(1)).await;
    for _ in 0..2 {
        assert_eq!(change(&*store, &user.id, UserChange::Unlock, second(2)).await, []);
    }
    let now = again(&*store, &user).await;
    assert!(now.failures.is_none());
    assert_eq!(now.epoch, user.epoch);
    assert_eq!(living(&*store, &user, second(2)).await, ["s"]);
    assert!(matches!(open(&*store, &user, "t", second(2)).await, Opening::Opened { .. }));
}

pub(crate) async fn with_another_password_a_user_begins_anew<B: Backend>() {
    let place = B::fresh().await;
    let store = place.open().await;
    let user = a_user(&*store, "alice").await;
    fail_times(&*store, &user, 9, second(1)).await;
    let new = PasswordHash::stored("another");
    let to_another = UserChange::Password { expected: user.password.clone(), new, keep: None };
    let changed = store.change_user(&user.id, &to_another, None, second(1)).await.unwrap();
    let UserChanged::Done { user: now, .. } = changed else { panic!("{changed:?}") };
    assert!(now.failures.is_none() && again(&*store, &user).await.failures.is_none());
}
