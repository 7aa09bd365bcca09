//! Sessions and uses of refresh tokens as the contract's tests make them.

use std::time::{Duration, SystemTime};

use portcullis::NumericDate;
use portcullis_server::{
    model::{
        Access, EndReason, EndedSession, NewUser, NextHead, RefreshId, Revocation, Session, SessionId, User,
        UserChange, UserChanged, UserId,
    },
    sessions::{self, LostAnswer, Refresh, RefreshPolicy, Shown, Verdict},
    store::{Creation, Opening, Refreshed, Store},
};

use crate::backend::{moment, new_user, streamed};

/// More sessions than any of these tests opens.
pub(crate) const MANY: usize = 1000;

/// As it is configured by default.
pub(crate) const POLICY: RefreshPolicy =
    RefreshPolicy { reuse_window: Duration::from_secs(30), lost_answer: LostAnswer::Forgive };

/// Nothing is given out twice.
pub(crate) const STRICT: RefreshPolicy =
    RefreshPolicy { reuse_window: Duration::ZERO, lost_answer: LostAnswer::Refuse };

/// How long a session lives at most.
pub(crate) const DAYS: u64 = 90;

/// How long it lives without a use.
pub(crate) const IDLE_DAYS: u64 = 30;

pub(crate) fn second(seconds: u64) -> SystemTime {
    moment(seconds * 1000)
}

pub(crate) fn day(days: u64) -> SystemTime {
    second(days * 86_400)
}

pub(crate) fn date(time: SystemTime) -> NumericDate {
    NumericDate::from(time)
}

pub(crate) fn sid(id: &str) -> SessionId {
    SessionId::new(id)
}

/// A registered user.
pub(crate) async fn a_user(store: &dyn Store, name: &str) -> User {
    a_user_of(store, Access::User, name).await
}

/// A registered user of an access level.
pub(crate) async fn a_user_of(store: &dyn Store, access: Access, name: &str) -> User {
    match store.create_user(NewUser { access, ..new_user(name) }, None, moment(0)).await.unwrap() {
        Creation::Created(user) => user,
        other => panic!("{name} should have been free: {other:?}"),
    }
}

/// The pair of a name.
pub(crate) fn next(name: &str) -> NextHead {
    NextHead {
        refresh_jti: format!("refresh {name}"),
        access_jti: format!("access {name}"),
        issued_by: NumericDate::from_seconds(i64::MAX),
        access_lifetime: Duration::from_mins(15),
        refresh_lifetime: Duration::from_hours(24 * IDLE_DAYS),
    }
}

/// A session of a user as a login makes it, with the pair "1".
pub(crate) fn new_session(user: &User, id: &str, now: SystemTime) -> Session {
    sessions::opened(sid(id), (&user.id, user.epoch), &next("1"), Duration::from_hours(24 * DAYS), now)
}

/// Opens a session that must live, and names those that had to end for it.
pub(crate) async fn open(store: &dyn Store, session: Session, at_most: usize) -> Vec<SessionId> {
    let now = session.opened_at;
    let user = store.user_by_id(&session.user).await.unwrap().unwrap();
    match store.open_session(session, &Shown::by(&user), at_most, now).await.unwrap() {
        Opening::Opened { displaced } => {
            for session in &displaced {
                assert_eq!(session.ended.map(|ended| ended.reason), Some(EndReason::Displaced));
            }
            ids(displaced)
        }
        other => panic!("the session should have been opened: {other:?}"),
    }
}

/// Opens a new session of a user and answers with what is stored.
pub(crate) async fn opened(store: &dyn Store, user: &User, id: &str, now: SystemTime) -> Session {
    open(store, new_session(user, id, now), MANY).await;
    session(store, id).await
}

/// Changes a user, which has to be done; answers the sessions that it concerned.
pub(crate) async fn change(
    store: &dyn Store,
    user: &UserId,
    change: UserChange,
    now: SystemTime,
) -> Vec<Session> {
    match store.change_user(user, &change, None, now).await.unwrap() {
        UserChanged::Done { user: after, sessions } => {
            assert_eq!(after.id, *user);
            sessions
        }
        other => panic!("{change:?} should have been done: {other:?}"),
    }
}

/// Ends all sessions of a user but one that may be kept, and answers them.
pub(crate) async fn end_sessions(
    store: &dyn Store,
    user: &UserId,
    keep: Option<&SessionId>,
    now: SystemTime,
) -> Vec<Session> {
    change(store, user, UserChange::EndSessions { keep: keep.cloned() }, now).await
}

/// The user as the store has it now.
pub(crate) async fn again(store: &dyn Store, user: &User) -> User {
    store.user_by_id(&user.id).await.unwrap().unwrap()
}

/// The session of a name, which must be there.
pub(crate) async fn session(store: &dyn Store, id: &str) -> Session {
    store.session(&sid(id)).await.unwrap().expect(id)
}

pub(crate) fn ids(sessions: Vec<Session>) -> Vec<SessionId> {
    sessions.into_iter().map(|session| session.id).collect()
}

/// The names of a user's living sessions.
pub(crate) async fn living(store: &dyn Store, user: &User, now: SystemTime) -> Vec<String> {
    let sessions = store.sessions_of(&user.id, now).await.unwrap();
    sessions.into_iter().map(|session| session.id.to_string()).collect()
}

pub(crate) fn end_reason(session: &Session) -> Option<EndReason> {
    session.ended.map(|ended| ended.reason)
}

/// The refresh token of the pair of a name.
pub(crate) fn token(generation: u32, name: &str) -> RefreshId {
    RefreshId { generation, jti: format!("refresh {name}") }
}

/// A use of a refresh token that gets the pair of a name if it gets a new one.
pub(crate) fn using(presented: RefreshId, name: &str, policy: RefreshPolicy) -> Refresh {
    Refresh { presented, seen: 0, next: next(name), policy }
}

/// Uses a refresh token of a session by the default policy.
pub(crate) async fn refresh(
    store: &dyn Store,
    id: &str,
    presented: RefreshId,
    name: &str,
    now: SystemTime,
) -> Refreshed {
    store.refresh_session(&sid(id), &using(presented, name, POLICY), now).await.unwrap()
}

/// Opens a session at second 0 and refreshes it at second 100: its parent is "1", its head "2".
pub(crate) async fn rotated(store: &dyn Store, user: &User, id: &str) -> Session {
    opened(store, user, id, second(0)).await;
    let refreshed = refresh(store, id, token(1, "1"), "2", second(100)).await;
    assert_eq!(refreshed.verdict, Verdict::Rotate);
    refreshed.session.unwrap()
}

/// All ended sessions that have to be remembered at a moment, in order of their names.
pub(crate) async fn all_ended(store: &dyn Store, at: NumericDate) -> Vec<EndedSession> {
    let (all, _) = streamed(store, None, at).await.unwrap();
    let ended = all.into_iter().filter_map(|revocation| match revocation {
        Revocation::Session(ended) => Some(ended),
        _ => None,
    });
    let mut ended: Vec<_> = ended.collect();
    ended.sort_by(|one, other| one.id.cmp(&other.id));
    ended
}
