//! What a node knows of ended sessions: after a start, after an answer of the store that came too late, after a clock
//! that was set.

use std::{sync::Arc, time::Duration};

use portcullis::{
    Claims, Clock as _, JwtManager, Key, ManualClock, NumericDate, Revocation as _, RevocationIndex, Verdict,
};
use portcullis_server::{
    model::{Access, EndReason, NewUser, NextHead, PasswordHash, Session, SessionId, User, Username},
    revocations::Revocations,
    sessions,
    store::{Creation, Opening, Store, StoreError, StoreErrorKind, sqlite::SqliteStore},
};
use tempfile::TempDir;

const HOUR: Duration = Duration::from_hours(1);

/// A store with one user, and a clock.
struct Node {
    store: Arc<dyn Store>,
    clock: ManualClock,
    user: User,
    _folder: TempDir,
}

impl Node {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(&folder.path().join("portcullis.db")).unwrap());
        let clock = ManualClock::at(NumericDate::from_seconds(1_900_000_000));
        let new = NewUser {
            username: Username::parse("alice").unwrap(),
            password: PasswordHash::stored("$argon2id$x"),
            access: Access::User,
        };
        let Creation::Created(user) = store.create_user(new, clock.now()).await.unwrap() else { panic!() };
        Self { store, clock, user, _folder: folder }
    }

    async fn opened(&self, id: &str) -> Session {
        let now = self.clock.now();
        let next = NextHead {
            refresh_jti: format!("refresh {id}"),
            access_jti: format!("access {id}"),
            issued_by: NumericDate::from(now),
            access_lifetime: HOUR,
            refresh_lifetime: HOUR,
        };
        let owner = (&self.user.id, self.user.epoch);
        let session = sessions::opened(SessionId::new(id), owner, &next, HOUR, now);
        let opening = self.store.open_session(session.clone(), &self.user.password, 50, now).await.unwrap();
        assert!(matches!(opening, Opening::Opened { .. }));
        session
    }

    async fn loaded(&self, leeway: Duration) -> Revocations {
        Revocations::load(self.store.clone(), Arc::new(self.clock.clone()), leeway, HOUR).await.unwrap()
    }
}

/// The claims of an access token of a session.
fn claims(id: &str) -> Claims {
    let jwt = JwtManager::builder(Key::hs256([7; 32]).unwrap()).revocation(Arc::new(RevocationIndex::new()));
    let jwt = jwt.build().unwrap();
    jwt.verify(jwt.access("alice").session(id, 1).sign().unwrap().as_str()).unwrap()
}

fn is_revoked(revocations: &Revocations, id: &str) -> bool {
    matches!(revocations.check(&claims(id)), Verdict::Revoked)
}

#[tokio::test]
async fn an_ended_session_is_known_after_a_start_for_as_long_as_the_leeway_lets_its_tokens_live() {
    let node = Node::new().await;
    let session = node.opened("s").await;
    node.store.end_session(&session.id, EndReason::LoggedOut, node.clock.now()).await.unwrap();
    node.clock.advance(HOUR + Duration::from_mins(4));
    assert!(is_revoked(&node.loaded(Duration::from_mins(5)).await, "s"));
}

#[tokio::test]
async fn what_the_store_did_after_it_had_answered_an_error_is_found() {
    let node = Node::new().await;
    let revocations = node.loaded(Duration::ZERO).await;
    let session = node.opened("s").await;
    let late: Result<(), _> = Err(StoreError::new(StoreErrorKind::Unavailable, "too late"));
    revocations.or_catch_up(late).unwrap_err();
    revocations.catch_up().await.unwrap();
    assert!(!is_revoked(&revocations, "s"));
    // It happens a round later.
    node.store.end_session(&session.id, EndReason::Epoch, node.clock.now()).await.unwrap();
    revocations.catch_up().await.unwrap();
    assert!(is_revoked(&revocations, "s"));
}

#[tokio::test]
async fn after_a_step_of_the_clock_a_round_of_purging_is_left_out() {
    let node = Node::new().await;
    let revocations = node.loaded(Duration::ZERO).await;
    node.opened("s").await;
    assert_eq!(revocations.purge().await.unwrap(), 0);
    let right = node.clock.now();
    node.clock.step_to(NumericDate::from(right).plus(100 * 24 * HOUR));
    assert_eq!(revocations.purge().await.unwrap(), 0, "nothing is lost by a clock that is wrong");
    node.clock.step_to(NumericDate::from(right));
    assert_eq!(revocations.purge().await.unwrap(), 0, "that was a step too");
    assert!(node.store.session(&SessionId::new("s")).await.unwrap().is_some());
    node.clock.advance(100 * 24 * HOUR);
    assert_eq!(revocations.purge().await.unwrap(), 1, "time that has passed is no step");
}
