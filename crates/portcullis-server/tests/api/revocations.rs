//! What a node knows of ended sessions: after a start, after an answer of the store that came too late, after a clock
//! that was set.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use portcullis::{
    Claims, Clock, JwtManager, Key, ManualClock, NumericDate, Revocation as _, RevocationIndex,
    Verdict as Hears,
};
use portcullis_server::{
    model::{
        Access, EndReason, NewUser, NextHead, PasswordHash, RefreshId, Revocation as Entry, RevokedToken,
        Session, SessionId, User, Username,
    },
    revocations::{FeedSource, RevocationPolicy, Revocations},
    sessions::{self, LostAnswer, Refresh, RefreshPolicy, Shown, Verdict},
    store::{Creation, Opening, Refreshed, Store, StoreErrorKind, sqlite::SqliteStore},
};
use tempfile::TempDir;

use crate::support::Faulty;

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
        let (name, hash) = (Username::parse("alice").unwrap(), PasswordHash::stored("$argon2id$x"));
        let new = NewUser::new(name, hash, Access::User);
        let Creation::Created(user) = store.create_user(new, None, clock.now()).await.unwrap() else {
            panic!()
        };
        Self { store, clock, user, _folder: folder }
    }

    async fn opened(&self, id: &str) -> Session {
        let now = self.clock.now();
        let next = next(id);
        let owner = (&self.user.id, self.user.epoch);
        let session = sessions::opened(SessionId::new(id), owner, &next, HOUR, now);
        let opening =
            self.store.open_session(session.clone(), &Shown::by(&self.user), 50, now).await.unwrap();
        assert!(matches!(opening, Opening::Opened { .. }));
        session
    }

    async fn refreshed(&self, session: &Session, presented: RefreshId, name: &str) -> Refreshed {
        let policy = RefreshPolicy { reuse_window: Duration::ZERO, lost_answer: LostAnswer::Forgive };
        let refresh = Refresh { presented, seen: 0, next: next(name), policy };
        self.store.refresh_session(&session.id, &refresh, self.clock.now()).await.unwrap()
    }

    async fn loaded(&self, leeway: Duration) -> Revocations {
        self.loaded_by(Arc::new(self.clock.clone()), leeway).await
    }

    async fn loaded_by(&self, clock: Arc<dyn Clock>, leeway: Duration) -> Revocations {
        let policy = RevocationPolicy {
            leeway,
            session_max_age: HOUR,
            source: FeedSource::Auto,
            max_staleness: Duration::from_mins(5),
            events_kept: HOUR,
        };
        Revocations::load(self.store.clone(), clock, policy).await.unwrap()
    }
}

/// The pair of a name.
fn next(name: &str) -> NextHead {
    NextHead {
        refresh_jti: format!("refresh {name}"),
        access_jti: format!("access {name}"),
        issued_by: NumericDate::from_seconds(i64::MAX),
        access_lifetime: HOUR,
        refresh_lifetime: HOUR,
    }
}

/// The claims of an access token of a session's generation.
fn claims_of(id: &str, generation: u32) -> Claims {
    let jwt = JwtManager::builder(Key::hs256([7; 32]).unwrap()).revocation(Arc::new(RevocationIndex::new()));
    let jwt = jwt.build().unwrap();
    jwt.verify(jwt.access("alice").session(id, generation).sign().unwrap().as_str()).unwrap()
}

fn claims(id: &str) -> Claims {
    claims_of(id, 1)
}

fn is_revoked(revocations: &Revocations, id: &str) -> bool {
    matches!(revocations.check(&claims(id)), Hears::Revoked)
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
    revocations.poll().await.unwrap();
    assert!(!is_revoked(&revocations, "s"));
    // It happens after the answer, and nobody tells this node.
    node.store.end_session(&session.id, EndReason::Epoch, node.clock.now()).await.unwrap();
    assert!(!is_revoked(&revocations, "s"));
    revocations.poll().await.unwrap();
    assert!(is_revoked(&revocations, "s"));
}

#[tokio::test]
async fn the_access_tokens_of_an_answer_that_was_lost_are_void_on_every_node_and_after_a_restart() {
    let node = Node::new().await;
    let session = node.opened("s").await;
    let elsewhere = node.loaded(Duration::ZERO).await;
    let first = session.head.refresh.clone();
    for (name, verdict) in [("lost", Verdict::Rotate), ("found", Verdict::Reissue)] {
        node.clock.advance(Duration::from_mins(1));
        let refreshed = node.refreshed(&session, first.clone(), name).await;
        assert_eq!(refreshed.verdict, verdict);
    }
    elsewhere.poll().await.unwrap();
    for revocations in [elsewhere, node.loaded(Duration::ZERO).await] {
        let refused = |generation| matches!(revocations.check(&claims_of("s", generation)), Hears::Revoked);
        assert_eq!([1, 2, 3].map(refused), [true, true, false]);
    }
}

#[tokio::test]
async fn a_node_that_hears_nothing_goes_on_for_as_long_as_it_may_and_then_refuses_to_guess() {
    let node = Node::new().await;
    let revocations = node.loaded(Duration::ZERO).await;
    let live = |revocations: &Revocations| matches!(revocations.check(&claims("s")), Hears::Live);
    node.store.close().await;
    revocations.poll().await.unwrap_err();
    assert!(live(&revocations) && revocations.is_behind());
    // What a wall clock says is no matter.
    let now = NumericDate::from(node.clock.now());
    node.clock.step_to(now.plus(1000 * HOUR));
    node.clock.advance(Duration::from_mins(5));
    revocations.poll().await.unwrap_err();
    assert!(live(&revocations));
    node.clock.advance(Duration::from_secs(1));
    assert!(live(&revocations), "only whoever listens looks at the clock");
    revocations.poll().await.unwrap_err();
    let Hears::Ask(asking) = revocations.check(&claims("s")) else { panic!("it should not have guessed") };
    assert!(asking.await.is_err());
    // What is known to be over is over; and what is asked for here is known here, whatever the store does.
    revocations.end_session(&SessionId::new("s"), EndReason::LoggedOut).await.unwrap_err();
    assert!(is_revoked(&revocations, "s"));
}

#[tokio::test]
async fn a_store_that_cannot_tell_by_itself_is_refused_where_it_should() {
    let node = Node::new().await;
    let policy = RevocationPolicy {
        leeway: Duration::ZERO,
        session_max_age: HOUR,
        source: FeedSource::Stream,
        max_staleness: HOUR,
        events_kept: HOUR,
    };
    let refused = Revocations::load(node.store.clone(), Arc::new(node.clock.clone()), policy).await;
    let error = refused.err().unwrap();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    let text = error.to_string();
    assert!(["REVOCATION_FEED", "\"poll\"", "sqlite:"].iter().all(|part| text.contains(part)), "{text}");
}

/// A clock by which everything takes a second.
struct Slow(ManualClock);

impl Clock for Slow {
    fn now(&self) -> SystemTime {
        self.0.now()
    }

    fn monotonic(&self) -> Instant {
        self.0.advance(Duration::from_secs(1));
        self.0.monotonic()
    }
}

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_long_load_says_how_far_it_is_and_at_last_that_it_is_done() {
    let node = Node::new().await;
    node.opened("s").await;
    node.store.end_session(&SessionId::new("s"), EndReason::LoggedOut, node.clock.now()).await.unwrap();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    // The load is one task of this thread.
    let said_here = tracing::subscriber::set_default(subscriber);
    node.loaded_by(Arc::new(Slow(node.clock.clone())), Duration::ZERO).await;
    drop(said_here);
    let said = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let at = |text: &str| said.find(text).unwrap_or_else(|| panic!("{text:?} is not in:\n{said}"));
    assert!(
        at("loading the revocation list: 1 entries so far") < at("the revocation list is loaded: 1 entries")
    );
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

#[tokio::test]
async fn a_node_that_does_not_listen_any_more_is_not_well_again_for_one_poll_of_a_request() {
    let node = Node::new().await;
    let revocations = node.loaded(Duration::ZERO).await;
    revocations.stop_hearing();
    revocations.poll().await.unwrap();
    assert!(revocations.has_lost_hearing());
}

/// A node whose store has a clock of its own.
async fn beside_a_store(ahead: i64) -> (Node, Revocations) {
    let mut node = Node::new().await;
    let store = Arc::new(Faulty::new(node.store.clone()));
    store.is_ahead(ahead);
    node.store = store;
    let revocations = node.loaded(Duration::ZERO).await;
    (node, revocations)
}

const DAY: i64 = 86_400;

#[tokio::test]
async fn a_node_whose_clock_is_ahead_purges_nothing_that_others_need() {
    let (node, revocations) = beside_a_store(-3 * DAY).await;
    let entry = RevokedToken {
        jti: "t".to_owned(),
        expires_at: Some(NumericDate::from(node.clock.now()).minus(60 * HOUR)),
    };
    node.store.revoke(Entry::Token(entry), node.clock.now()).await.unwrap();
    assert_eq!(revocations.purge().await.unwrap(), 0, "by the store's clock it has twelve hours to live");
}

#[tokio::test]
async fn a_node_whose_clock_is_ahead_revokes_what_lives_elsewhere() {
    let (node, revocations) = beside_a_store(-600).await;
    let expires_at = Some(NumericDate::from(node.clock.now()).minus(Duration::from_mins(5)));
    revocations.revoke(Entry::Token(RevokedToken { jti: "t".to_owned(), expires_at })).await.unwrap();
    let ever = NumericDate::from_seconds(0);
    let (sender, mut batches) = tokio::sync::mpsc::channel(8);
    node.store.revocations(None, ever, sender).await.unwrap();
    assert!(batches.recv().await.is_some_and(|batch| batch.len() == 1), "it has five minutes to live there");
}

#[tokio::test]
async fn a_node_whose_clock_is_behind_ends_what_was_issued_elsewhere_a_moment_ago() {
    let (node, revocations) = beside_a_store(300).await;
    revocations.end_tokens_without_session("alice").await.unwrap();
    let jwt = JwtManager::builder(Key::hs256([7; 32]).unwrap()).revocation(Arc::new(RevocationIndex::new()));
    let jwt = jwt.clock(Arc::new(node.clock.clone())).build().unwrap();
    let issued = NumericDate::from(node.clock.now()).plus(Duration::from_mins(4));
    let token = jwt.refresh("alice").issued_at(issued).sign().unwrap();
    node.clock.advance(Duration::from_secs(400));
    let claims = jwt.verify_as(token.as_str(), portcullis::Require::refresh()).unwrap();
    assert!(matches!(revocations.check(&claims), Hears::Revoked));
}
