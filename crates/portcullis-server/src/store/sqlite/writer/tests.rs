//! What a group of acts owes to each of its callers, on a real file.

use std::{
    pin::{Pin, pin},
    sync::{Arc, Mutex, mpsc},
    task::{Context, Poll, Waker},
};

use tempfile::TempDir;
use tokio::task::JoinSet;

use super::*;
use crate::store::sqlite::open;

/// A writer on a fresh file, and a connection that sees what is durable.
struct Desk {
    writer: Arc<Writer>,
    outside: Arc<Mutex<Connection>>,
    _folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let opened = open::for_serving(&folder.path().join("x.db")).unwrap();
        let outside = open::reader(opened.place.path()).unwrap();
        Self {
            writer: Arc::new(Writer::start(opened.connection, opened.place, opened.lock).unwrap()),
            outside: Arc::new(Mutex::new(outside)),
            _folder: folder,
        }
    }

    fn durable(&self) -> i64 {
        count(&self.outside.lock().unwrap())
    }

    /// Holds the thread inside an act until the sender of the answer is dropped.
    fn occupy(&self) -> (mpsc::Sender<()>, tokio::task::JoinHandle<Result<(), Failure>>) {
        let (release, held) = mpsc::channel::<()>();
        let (entered, inside) = mpsc::channel();
        let writer = Arc::clone(&self.writer);
        let act = tokio::spawn(async move {
            writer
                .act(move |_| {
                    let _ = (entered.send(()), held.recv());
                    Ok(())
                })
                .await
        });
        inside.recv().unwrap();
        (release, act)
    }
}

fn count(connection: &Connection) -> i64 {
    connection.query_row("SELECT count(*) FROM revoked_tokens", [], |row| row.get(0)).unwrap()
}

fn insert(connection: &Connection, jti: &str) -> Result<(), Failure> {
    connection
        .execute("INSERT INTO revoked_tokens (jti, expires_at, created_at) VALUES (?1, NULL, 0)", [jti])?;
    Ok(())
}

/// Lets a call come as far as it can without waiting.
fn begin<T>(call: Pin<&mut impl Future<Output = T>>) {
    assert!(matches!(call.poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_done_in_groups() {
    let desk = Desk::new();
    let (release, first) = desk.occupy();
    let acts: Vec<_> = (0..2 * GROUP)
        .map(|n| {
            let outside = Arc::clone(&desk.outside);
            Box::pin(desk.writer.act(move |inside| {
                insert(inside, &n.to_string())?;
                // What others see while this transaction is open: how much the earlier ones have made durable.
                Ok(count(&outside.lock().unwrap()))
            }))
        })
        .map(|mut act| {
            begin(act.as_mut());
            act
        })
        .collect();
    drop(release);
    first.await.unwrap().unwrap();
    let mut seen = Vec::new();
    for act in acts {
        seen.push(usize::try_from(act.await.unwrap()).unwrap());
    }
    seen.dedup();
    assert_eq!(seen, [0, GROUP], "two transactions for two groups");
    assert_eq!(desk.durable(), 128);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_act_that_fails_takes_nothing_of_its_neighbours_along() {
    let desk = Desk::new();
    let (release, first) = desk.occupy();
    let before = desk.writer.act(|inside| insert(inside, "before"));
    let failing = desk.writer.act(|inside| {
        insert(inside, "half")?;
        insert(inside, "before")
    });
    let after = desk.writer.act(|inside| insert(inside, "after"));
    let (mut before, mut failing, mut after) = (pin!(before), pin!(failing), pin!(after));
    begin(before.as_mut());
    begin(failing.as_mut());
    begin(after.as_mut());
    drop(release);
    first.await.unwrap().unwrap();
    before.await.unwrap();
    assert!(matches!(failing.await, Err(Failure::Sqlite(_))));
    after.await.unwrap();
    assert_eq!(desk.durable(), 2, "the failing act's own first half is undone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_fails_its_group_and_the_thread_goes_on() {
    let desk = Desk::new();
    let (release, first) = desk.occupy();
    let neighbour = desk.writer.act(|inside| insert(inside, "neighbour"));
    let panicking = desk.writer.act(|inside| -> Result<(), Failure> {
        insert(inside, "half")?;
        panic!("a defect, on purpose")
    });
    let (mut neighbour, mut panicking) = (pin!(neighbour), pin!(panicking));
    begin(neighbour.as_mut());
    begin(panicking.as_mut());
    drop(release);
    first.await.unwrap().unwrap();
    assert!(matches!(neighbour.await, Err(Failure::Panicked)));
    assert!(matches!(panicking.await, Err(Failure::Panicked)));
    assert_eq!(desk.durable(), 0);
    desk.writer.act(|inside| insert(inside, "next")).await.unwrap();
    assert_eq!(desk.durable(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_fails_the_group_and_passes() {
    let desk = Desk::new();
    let pages = "PRAGMA max_page_count";
    desk.writer.act(|inside| insert(inside, "before")).await.unwrap();
    // SQLite answers as for a full disk when the file may not grow; 1 stands for the pages that it has.
    let limit = desk.writer.act(move |inside| Ok(inside.query_row(&format!("{pages} = 1"), [], |_| Ok(()))?));
    limit.await.unwrap();
    let (release, first) = desk.occupy();
    let neighbour = desk.writer.act(|inside| insert(inside, "neighbour"));
    let large = desk.writer.act(|inside| insert(inside, &"x".repeat(100_000)));
    let (mut neighbour, mut large) = (pin!(neighbour), pin!(large));
    begin(neighbour.as_mut());
    begin(large.as_mut());
    drop(release);
    first.await.unwrap().unwrap();
    let full = |answer| {
        matches!(answer, Err(Failure::Sqlite(error))
        if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull))
    };
    assert!(full(large.await));
    // Its act is either in the file or was refused: never acknowledged and gone.
    let kept = i64::from(neighbour.await.is_ok());
    assert_eq!(desk.durable(), 1 + kept);

    let lift =
        desk.writer.act(move |inside| Ok(inside.query_row(&format!("{pages} = 1000"), [], |_| Ok(()))?));
    lift.await.unwrap();
    desk.writer.act(|inside| insert(inside, &"x".repeat(100_000))).await.unwrap();
    assert_eq!(desk.durable(), 2 + kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_is_done_although_the_store_closes_and_the_caller_goes() {
    let desk = Desk::new();
    let (release, first) = desk.occupy();
    let waiting = desk.writer.act(|inside| insert(inside, "waiting"));
    let mut waiting = pin!(waiting);
    begin(waiting.as_mut());
    {
        let gone = desk.writer.act(|inside| insert(inside, "gone"));
        begin(pin!(gone));
    }
    let close = desk.writer.close();
    let mut close = pin!(close);
    begin(close.as_mut());
    assert!(matches!(desk.writer.act(|_| Ok(())).await, Err(Failure::Closed)));
    drop(release);
    close.await;
    first.await.unwrap().unwrap();
    waiting.await.unwrap();
    assert_eq!(desk.durable(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_ever() {
    let desk = Desk::new();
    let (release, first) = desk.occupy();
    let mut late = JoinSet::new();
    // More than there are places, so that some wait for a place and some for an answer.
    for _ in 0..QUEUE + 10 {
        let writer = Arc::clone(&desk.writer);
        late.spawn(async move { writer.act(|_| Ok(())).await });
    }
    for answer in late.join_all().await {
        assert!(matches!(answer, Err(Failure::Late)), "{answer:?}");
    }
    drop(release);
    assert!(matches!(first.await.unwrap(), Err(Failure::Late)));
    desk.writer.act(|inside| insert(inside, "next")).await.unwrap();
    assert_eq!(desk.durable(), 1);
}

#[tokio::test]
async fn the_connections_are_set_as_the_promises_need_it() {
    // DUR-05
    let desk = Desk::new();
    // A lost `synchronous` would show only when the power fails.
    let written =
        [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1"), ("trusted_schema", "0")];
    let settings = desk.writer.act(move |inside| {
        let setting = |(name, _)| {
            let sql = format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}");
            inside.query_row(&sql, [], |row| row.get::<_, String>(0))
        };
        Ok(written.map(setting).into_iter().collect::<rusqlite::Result<Vec<_>>>()?)
    });
    assert_eq!(settings.await.unwrap(), written.map(|(_, value)| value));
    insert(&desk.outside.lock().unwrap(), "by a reader").unwrap_err();
    assert_eq!(desk.durable(), 0);
}
