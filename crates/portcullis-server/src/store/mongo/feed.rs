//! The feed of revocations: three collections once, then what the server has stamped since, and a change stream that is
//! faster where there is one.
//!
//! Every write of ours lets the server stamp `at`; what others wrote without it is stamped by the next poll. The mark is
//! a moment of the server's clock. A poll reads a little further back, since what was stamped first may be seen last.

use std::time::Duration;

use mongodb::{
    Collection, Database,
    bson::{Bson, DateTime, Document, RawDocument, RawDocumentBuf, doc},
    change_stream::{ChangeStream, event::ChangeStreamEvent},
    error::ErrorKind,
    options::{FullDocumentType, WriteConcern},
};
use portcullis::NumericDate;
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use super::{
    REVOCATIONS, REVOKED_TOKENS, SESSIONS,
    calls::{bounded, within},
    failure::{Failure, Place},
    revocation_documents,
};
use crate::{
    model::Revocation,
    store::{BATCH, FeedMark, StoreError, Watch, patience::PATIENCE},
};

/// How far behind the mark a poll reads, and how far ahead of the server's clock it believes a stamp: two writes that
/// overlap may be seen in another order, and two servers of a cluster may tell another time.
const REACH: i64 = 10_000;

/// How far the mark stays behind the server's clock when nothing comes: a majority may see a write as late as that.
const LAG: i64 = 60_000;

/// How long documents that nobody has stamped may take to be stamped at a start: a large collection has minutes.
const STAMP_PATIENCE: Duration = Duration::from_mins(10);

/// How long a step of a reading of everything may take: a server may go through all of a long list before it answers.
const LOAD_PATIENCE: Duration = Duration::from_secs(30);

/// Documents without a stamp that are taken at once.
const UNSTAMPED: i64 = 1000;

/// How often a poll takes them at most; the next one goes on.
const ROUNDS: usize = 10;

/// How long the server waits for a change before it says that there was none.
const AWAIT: Duration = Duration::from_secs(1);

/// A collection that the feed reads.
#[derive(Clone, Copy)]
struct Source {
    collection: &'static str,
    /// The fields that `parse` reads, besides `_id` and `at`.
    fields: &'static [&'static str],
    /// What of a document is refused.
    parse: fn(&RawDocument) -> Option<Revocation>,
}

impl Source {
    fn of(self, database: &Database) -> Collection<Document> {
        database.collection(self.collection)
    }

    fn projection(self) -> Document {
        self.fields.iter().chain(&["at"]).map(|field| ((*field).to_owned(), Bson::Int32(1))).collect()
    }
}

const TOKENS: Source = Source {
    collection: REVOKED_TOKENS,
    fields: revocation_documents::TOKEN_FIELDS,
    parse: revocation_documents::token,
};

const ENTRIES: Source = Source {
    collection: REVOCATIONS,
    fields: revocation_documents::ENTRY_FIELDS,
    parse: revocation_documents::entry,
};

const ENDED_SESSIONS: Source = Source {
    collection: SESSIONS,
    fields: revocation_documents::SESSION_FIELDS,
    parse: revocation_documents::session,
};

/// Those whose documents others may write, without a stamp.
const OPEN_TO_OTHERS: [Source; 2] = [TOKENS, ENTRIES];

/// All of them.
const SOURCES: [Source; 3] = [TOKENS, ENTRIES, ENDED_SESSIONS];

/// A reading of the feed.
pub(super) struct Feed {
    pub(super) database: Database,
    pub(super) remembered_at: NumericDate,
    pub(super) batches: mpsc::Sender<Vec<Revocation>>,
}

impl Feed {
    /// Streams everything, or what was written since a mark, unless the store is closed meanwhile.
    pub(super) async fn stream(
        self,
        since: Option<FeedMark>,
        mut closing: watch::Receiver<bool>,
    ) -> Result<FeedMark, Failure> {
        tokio::select! {
            mark = self.read_on(since) => mark,
            _ = closing.wait_for(|closing| *closing) => Err(Failure::Closed),
        }
    }

    async fn read_on(&self, since: Option<FeedMark>) -> Result<FeedMark, Failure> {
        let now = bounded(server_time(&self.database)).await?;
        match since {
            Some(mark) if mark.place() <= now.saturating_add(REACH) => self.since(mark.place(), now).await,
            Some(_) => {
                tracing::warn!("the server's clock was set back: all revocations are read again");
                self.everything(now).await
            }
            None => self.everything(now).await,
        }
    }

    async fn everything(&self, now: i64) -> Result<FeedMark, Failure> {
        for source in OPEN_TO_OTHERS {
            self.read(source, doc! {}, LOAD_PATIENCE).await?;
        }
        // A session without a stamp has nothing to tell; those that have one are found by its index.
        self.read(ENDED_SESSIONS, doc! { "at": { "$gt": DateTime::MIN } }, LOAD_PATIENCE).await?;
        Ok(FeedMark::new(now.saturating_sub(LAG)))
    }

    async fn since(&self, mark: i64, now: i64) -> Result<FeedMark, Failure> {
        for source in OPEN_TO_OTHERS {
            self.take_unstamped(source).await?;
        }
        let (from, to) = (mark.saturating_sub(REACH), now.saturating_add(REACH));
        let those = doc! { "at": { "$gt": DateTime::from_millis(from), "$lte": DateTime::from_millis(to) } };
        let newest = tokio::try_join!(
            self.read(TOKENS, those.clone(), PATIENCE),
            self.read(ENTRIES, those.clone(), PATIENCE),
            self.read(ENDED_SESSIONS, those, PATIENCE),
        )?;
        // Never ahead of the clock: what comes next is stamped by that.
        let newest = newest.0.max(newest.1).max(newest.2).map_or(mark, |newest| newest.min(now));
        Ok(FeedMark::new(newest.max(mark).max(now.saturating_sub(LAG))))
    }

    /// Hands over what some documents say, straight through; answers the newest stamp of them.
    async fn read(
        &self,
        source: Source,
        those: Document,
        patience: Duration,
    ) -> Result<Option<i64>, Failure> {
        let batch_size = u32::try_from(BATCH).unwrap_or(u32::MAX);
        let collection = source.of(&self.database);
        let found = collection.find(those).projection(source.projection()).batch_size(batch_size);
        let mut cursor = within(patience, async { found.await }).await?;
        let (mut newest, mut batch) = (None, Vec::new());
        while within(patience, cursor.advance()).await? {
            let document = cursor.current();
            newest = newest.max(revocation_documents::stamp(document));
            batch.extend(
                (source.parse)(document).filter(|revocation| revocation.lasts_until(self.remembered_at)),
            );
            if batch.len() == BATCH {
                self.hand_over(std::mem::take(&mut batch)).await?;
            }
        }
        if !batch.is_empty() {
            self.hand_over(batch).await?;
        }
        Ok(newest)
    }

    /// Hands over what others wrote, and lets the server stamp it, so that no other poll has to.
    async fn take_unstamped(&self, source: Source) -> Result<(), Failure> {
        let collection = source.of(&self.database);
        for _ in 0..ROUNDS {
            let found = collection.find(unstamped()).projection(source.projection()).limit(UNSTAMPED);
            let mut cursor = bounded(async { found.await }).await?;
            let (mut ids, mut batch) = (Vec::<Bson>::new(), Vec::new());
            while bounded(cursor.advance()).await? {
                let document = cursor.current();
                batch.extend((source.parse)(document));
                ids.extend(document.get("_id").ok().flatten().and_then(|id| id.try_into().ok()));
            }
            let found = ids.len();
            if found == 0 {
                break;
            }
            self.hand_over(batch).await?;
            let mut those = doc! { "_id": { "$in": ids } };
            those.extend(unstamped());
            let stamped = collection.update_many(those, now_as_stamp()).write_concern(seen_by_one());
            bounded(async { stamped.await }).await?;
            if i64::try_from(found).is_ok_and(|found| found < UNSTAMPED) {
                break;
            }
        }
        Ok(())
    }

    async fn hand_over(&self, batch: Vec<Revocation>) -> Result<(), Failure> {
        self.batches.send(batch).await.map_err(|_| Failure::Closed)
    }
}

/// Stamps all that others wrote before this start.
pub(super) async fn stamp_all(database: &Database, place: &Place) -> Result<(), StoreError> {
    for source in OPEN_TO_OTHERS {
        let collection = source.of(database);
        let stamped = collection.update_many(unstamped(), now_as_stamp()).write_concern(seen_by_one());
        let stamped = timeout(STAMP_PATIENCE, async { stamped.await }).await.map_err(|_| Failure::Late);
        stamped
            .and_then(|stamped| stamped.map_err(Failure::from))
            .map_err(|failure| place.refusal(failure))?;
    }
    Ok(())
}

/// Starts the change stream; `None` where the server has none.
pub(super) async fn watch(
    database: &Database,
    place: &Place,
    closing: watch::Receiver<bool>,
) -> Result<Option<Watch>, Failure> {
    let changes = database
        .watch()
        .pipeline([what_matters()])
        .full_document(FullDocumentType::UpdateLookup)
        .max_await_time(AWAIT);
    let stream = match bounded(async { changes.await }).await {
        Ok(stream) => stream.with_type(),
        Err(failure) if has_no_streams(&failure) => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let (sender, watch) = mpsc::channel(16);
    let place = place.clone();
    tokio::spawn(async move {
        let failure = listen(stream, &sender, closing).await;
        // Nobody there any more: then nobody needs to know.
        let _ = sender.send(Err(place.error(failure))).await;
    });
    Ok(Some(watch))
}

/// Hands changes over until that fails. The driver takes the stream up again by itself where an error passes.
async fn listen(
    mut stream: ChangeStream<ChangeStreamEvent<RawDocumentBuf>>,
    changes: &mpsc::Sender<Result<Vec<Revocation>, StoreError>>,
    mut closing: watch::Receiver<bool>,
) -> Failure {
    while stream.is_alive() {
        let next = tokio::select! {
            next = timeout(AWAIT + PATIENCE, stream.next_if_any()) => next,
            _ = closing.wait_for(|closing| *closing) => return Failure::Closed,
            () = changes.closed() => return Failure::Closed,
        };
        let change = match next {
            Err(_) => return Failure::Late,
            Ok(Err(error)) => return error.into(),
            Ok(Ok(change)) => change,
        };
        let revocation = change.as_ref().and_then(of_change);
        if let Some(revocation) = revocation
            && changes.send(Ok(vec![revocation])).await.is_err()
        {
            return Failure::Closed;
        }
    }
    Failure::Closed
}

fn of_change(change: &ChangeStreamEvent<RawDocumentBuf>) -> Option<Revocation> {
    let name = change.ns.as_ref()?.coll.as_deref()?;
    let source = SOURCES.into_iter().find(|source| source.collection == name)?;
    (source.parse)(change.full_document.as_ref()?)
}

/// Lets through what is new in the lists, and what got a stamp: a session that is refreshed gets none, and wakes nobody.
fn what_matters() -> Document {
    let lists = OPEN_TO_OTHERS.map(|source| source.collection);
    let all = SOURCES.map(|source| source.collection);
    doc! { "$match": {
        "$or": [
            { "operationType": "insert", "ns.coll": { "$in": lists.to_vec() } },
            { "operationType": "replace", "ns.coll": { "$in": all.to_vec() } },
            {
                "operationType": "update",
                "ns.coll": { "$in": all.to_vec() },
                "updateDescription.updatedFields.at": { "$exists": true },
            },
        ],
    } }
}

/// Whether a server says that it keeps no log of changes: it stands alone.
fn has_no_streams(failure: &Failure) -> bool {
    const NO_REPLICA_SET: i32 = 40_573;
    const COMMAND_NOT_SUPPORTED: i32 = 115;
    let Failure::Driver(error) = failure else { return false };
    matches!(&*error.kind, ErrorKind::Command(refused)
        if [NO_REPLICA_SET, COMMAND_NOT_SUPPORTED].contains(&refused.code))
}

/// The server's clock, in milliseconds.
async fn server_time(database: &Database) -> Result<i64, Failure> {
    let hello = database.run_command(doc! { "hello": 1 }).await?;
    let time = hello.get_datetime("localTime").map_err(|_| Failure::Document {
        collection: "the server's greeting",
        id: "localTime".to_owned(),
        problem: "it tells no time".to_owned(),
    })?;
    Ok(time.timestamp_millis())
}

/// Equality with null finds what lacks the field too, by a plain index.
fn unstamped() -> Document {
    doc! { "at": null }
}

fn now_as_stamp() -> Document {
    doc! { "$currentDate": { "at": true } }
}

/// A stamp that is lost is written again: it need not wait for others.
fn seen_by_one() -> WriteConcern {
    WriteConcern::builder().w(mongodb::options::Acknowledgment::Nodes(1)).build()
}
