//! A server that does not answer, goes away, or does not let us in; and nothing of a credential in what is said.

use std::{
    error::Error,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use portcullis::NumericDate;
use portcullis_server::{
    model::Revocation,
    store::{Expired, FeedMark, Store, StoreErrorKind, mongo::MongoStore},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::{
    Mongo,
    place::{is_there, server, split},
    url,
};
use crate::backend::{EVER, assert_unavailable, login, moment, new_user, revoke, streamed, token};

/// How long a call may take that nobody answers: two seconds, and what a busy machine adds.
const BOUND: Duration = Duration::from_millis(3500);

/// A door to the server, which can be held shut.
struct Door {
    address: SocketAddr,
    open: watch::Sender<Way>,
}

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Through,
    /// Accepts and says nothing.
    Silent,
    /// Closes whatever comes.
    Shut,
}

impl Door {
    async fn to_the_server() -> Self {
        let (hosts, _) = split(server().unwrap());
        let target = hosts.rsplit(['/', '@']).next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, seen) = watch::channel(Way::Through);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (target, mut seen) = (target.clone(), seen.clone());
                tokio::spawn(async move {
                    if *seen.borrow() == Way::Through {
                        let mut server = TcpStream::connect(target).await.unwrap();
                        tokio::select! {
                            _ = copy_bidirectional(&mut client, &mut server) => return,
                            _ = seen.wait_for(|way| *way != Way::Through) => {}
                        }
                    }
                    // Held until it is through again: then whoever waits tries anew.
                    let _ = seen.wait_for(|way| *way != Way::Silent).await;
                    drop(client);
                });
            }
        });
        Self { address, open }
    }

    /// The URI of a place behind the door, and of nothing else: the driver would find the server itself.
    fn uri(&self, place: &Mongo) -> String {
        format!("mongodb://{}/{}?directConnection=true", self.address, place.0.name)
    }
}

#[expect(clippy::disallowed_methods, reason = "a test measures by the machine's clock")]
async fn in_time<T>(what: &str, call: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let answer = call.await;
    assert!(began.elapsed() < BOUND, "{what} took {:?}", began.elapsed());
    answer
}

/// Every call of a store that cannot answer.
async fn all_are_unavailable_in_time(store: &dyn Store, mark: FeedMark) {
    let name = login("alice");
    tokio::join!(
        async { assert_unavailable(in_time("ping", store.ping()).await) },
        async {
            assert_unavailable(
                in_time("create", store.create_user(new_user("alice"), None, moment(0))).await,
            );
        },
        async { assert_unavailable(in_time("find", store.user_by_name(&name)).await) },
        async {
            assert_unavailable(
                in_time("revoke", store.revoke(Revocation::Token(token("a", None)), moment(0))).await,
            );
        },
        async { assert_unavailable(in_time("poll", streamed(store, Some(mark), EVER)).await) },
        async {
            let purge = store.purge(Expired::Revocations, NumericDate::from_seconds(0), 10);
            assert_unavailable(in_time("purge", purge).await);
        },
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_falls_silent_or_goes_away_is_unavailable_until_it_is_back() {
    // DUR-09
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let door = Door::to_the_server().await;
    let store = MongoStore::open(&url(&door.uri(&place)), Duration::from_secs(10)).await.unwrap();
    let (_, mark) = streamed(&store, None, EVER).await.unwrap();
    for way in [Way::Silent, Way::Shut] {
        door.open.send_replace(way);
        all_are_unavailable_in_time(&store, mark).await;
        door.open.send_replace(Way::Through);
        let back = async {
            while store.ping().await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), back).await.expect("it came back");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_ends_in_time_and_goes_on_from_its_mark() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let door = Door::to_the_server().await;
    let store = MongoStore::open(&url(&door.uri(&place)), Duration::from_secs(10)).await.unwrap();
    let elsewhere = place.store().await;
    for way in [Way::Silent, Way::Shut] {
        let (_, mark) = streamed(&store, None, EVER).await.unwrap();
        let watch = store.watch().await.unwrap();
        door.open.send_replace(way);
        revoke(&elsewhere, "meanwhile", None).await;
        assert_unavailable(in_time("a poll", streamed(&store, Some(mark), EVER)).await);
        if let Some(mut watch) = watch {
            let end = tokio::time::timeout(Duration::from_secs(20), watch.recv()).await.expect("it ends");
            assert_unavailable(end.expect("it says why"));
        }
        door.open.send_replace(Way::Through);
        let back = async {
            loop {
                if let Ok((heard, _)) = streamed(&store, Some(mark), EVER).await {
                    break heard;
                }
            }
        };
        let heard = tokio::time::timeout(Duration::from_secs(20), back).await.expect("it came back");
        assert_eq!(heard, [Revocation::Token(token("meanwhile", None))]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_places_are_answered_in_time_too() {
    if !is_there() {
        return;
    }
    let place = Mongo::new();
    let door = Door::to_the_server().await;
    let store = MongoStore::open(&url(&door.uri(&place)), Duration::from_secs(10)).await.unwrap();
    door.open.send_replace(Way::Silent);
    let store: Arc<dyn Store> = Arc::new(store);
    let calls: Vec<_> = (0..300)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { in_time("ping", store.ping()).await })
        })
        .collect();
    for call in calls {
        assert_unavailable(call.await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_waits_for_a_server_and_then_says_which_one_is_missing() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        free.local_addr().unwrap()
    };
    for address in [silent.local_addr().unwrap(), closed] {
        let url = url(&format!("mongodb://me:hunter2@{address}/x?authSource=admin"));
        let start = MongoStore::open(&url, Duration::from_millis(500));
        let error = in_time("a start", start).await.err().unwrap();
        assert_eq!(error.kind(), StoreErrorKind::Refused);
        let text = everything(&error);
        assert!(text.contains(&address.to_string()) && text.contains("running"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_the_driver_does_not_understand_is_refused_at_once_and_not_repeated() {
    for (uri, says) in [
        ("mongodb://me:hunter%2@127.0.0.1:1/x", "percent codes"),
        ("mongodb://me:hunter2@127.0.0.1:1/x?authMechanism=HUNTER", "HUNTER"),
        ("mongodb://me:hunter2@127.0.0.1:1/x?w=-7", "w"),
        ("mongodb://me:hunter2@127.0.0.1:1/x?tls=perhaps", "tls"),
        ("mongodb://me:hunter2@127.0.0.1:1/x?authMechanismProperties=hunter2", "key-value"),
        ("mongodb://127.0.0.1:1/x.y", "no dot"),
        ("mongodb://127.0.0.1:1/x$y", "illegal character"),
    ] {
        let url = url(uri);
        let error = in_time(uri, MongoStore::open(&url, Duration::from_secs(10))).await.err().expect(uri);
        assert_eq!(error.kind(), StoreErrorKind::Refused);
        let text = everything(&error);
        assert!(text.contains(says) && !text.contains("hunter"), "{uri}: {text}");
        assert_eq!(
            MongoStore::check(&url).unwrap_err().to_string(),
            error.to_string(),
            "without a connection"
        );
    }
}

/// An error with all its causes.
fn everything(error: &dyn Error) -> String {
    let cause = error.source().map(everything).unwrap_or_default();
    format!("{error} {error:?} {cause}")
}
