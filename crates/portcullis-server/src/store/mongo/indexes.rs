//! The indexes that the service needs, made at the start where they are missing.
//!
//! Every node makes them; the server does it once. An index that somebody else has made, under another name, counts
//! where it serves the same purpose.

use std::time::Duration;

use mongodb::{
    Collection, Database, IndexModel,
    bson::{Bson, Document, doc},
    error::ErrorKind,
    options::IndexOptions,
};
use tokio::time::timeout;

use super::{
    AUDIT, FREED_NAMES, REVOCATIONS, REVOKED_TOKENS, SESSIONS, USERS,
    calls::bounded,
    failure::{DUPLICATE_KEY, Failure, Place},
};
use crate::store::{StoreError, StoreErrorKind};

/// What a server says of a collection that there is not.
const NAMESPACE_NOT_FOUND: i32 = 26;

/// How long an index may take to be made over what is there already: a large collection has minutes.
const BUILD_PATIENCE: Duration = Duration::from_mins(10);

/// One index: its collection, its field, and what it is for.
struct Index {
    collection: &'static str,
    field: &'static str,
    kind: Kind,
}

/// What an index is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// To find documents.
    Plain,
    /// No two documents may have the same text there; those without the field are not compared.
    UniqueTexts,
    /// To find those few documents that have another field.
    Having(&'static str),
}

const fn plain(collection: &'static str, field: &'static str) -> Index {
    Index { collection, field, kind: Kind::Plain }
}

/// Every look-up, range and sort of this room, and the rule that no two users have one name. The Flask application
/// may write a jti or a name twice: those are not unique.
const INDEXES: [Index; 16] = [
    Index { collection: USERS, field: "name_key", kind: Kind::UniqueTexts },
    plain(USERS, "username"),
    plain(USERS, "access"),
    plain(REVOKED_TOKENS, "jti"),
    plain(REVOKED_TOKENS, "at"),
    plain(REVOKED_TOKENS, "expires_at"),
    plain(REVOCATIONS, "at"),
    plain(REVOCATIONS, "expires_at"),
    plain(SESSIONS, "user"),
    plain(SESSIONS, "at"),
    plain(SESSIONS, "remembered_until"),
    plain(AUDIT, "at"),
    plain(AUDIT, "actor"),
    plain(AUDIT, "subject"),
    plain(FREED_NAMES, "until"),
    Index { collection: SESSIONS, field: "ended_at", kind: Kind::Having("access_tokens") },
];

/// Makes what is missing.
///
/// # Errors
/// [`StoreErrorKind::Refused`] for an index of the same field that does not serve, for users that break the rule,
/// and for a server that does not let us.
pub(super) async fn make(database: &Database, place: &Place) -> Result<(), StoreError> {
    for index in &INDEXES {
        let collection = database.collection::<Document>(index.collection);
        let made = timeout(BUILD_PATIENCE, collection.create_index(index.model())).await;
        match made.map_err(|_| Failure::Late).and_then(|made| made.map_err(Failure::from)) {
            Ok(_) => {}
            Err(failure) if is_conflict(&failure) => index.accept_present(&collection, place).await?,
            Err(failure) if failure.is_duplicate() || has_code(&failure, &[DUPLICATE_KEY]) => {
                return Err(index.refused(place, "two documents have the same text there"));
            }
            Err(failure) => return Err(place.refusal(failure)),
        }
    }
    Ok(())
}

/// Whether there is an index for what one is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Served {
    /// There is.
    There,
    /// There is none, and one can be made.
    Missing,
    /// One that does not serve stands in its place.
    Taken,
}

/// Looks which indexes there are, by their collection and field, and makes none.
pub(super) async fn look(database: &Database) -> Result<Vec<(String, Served)>, Failure> {
    let mut looked = Vec::new();
    for index in &INDEXES {
        let collection = database.collection::<Document>(index.collection);
        let present = match bounded(list(&collection)).await {
            Err(failure) if has_code(&failure, &[NAMESPACE_NOT_FOUND]) => Vec::new(),
            present => present?,
        };
        let same = doc! { index.field: 1 };
        let served = match present.iter().any(|present| index.is_served_by(present)) {
            true => Served::There,
            false if present.iter().any(|present| present.keys == same) => Served::Taken,
            false => Served::Missing,
        };
        looked.push((format!("{}.{}", index.collection, index.field), served));
    }
    Ok(looked)
}

impl Index {
    fn model(&self) -> IndexModel {
        let unique = (self.kind == Kind::UniqueTexts).then_some(true);
        let options = IndexOptions::builder().unique(unique).partial_filter_expression(self.filter()).build();
        IndexModel::builder().keys(doc! { self.field: 1 }).options(options).build()
    }

    /// Which documents it has, where not all.
    fn filter(&self) -> Option<Document> {
        match self.kind {
            Kind::Plain => None,
            Kind::UniqueTexts => Some(doc! { self.field: { "$type": "string" } }),
            Kind::Having(other) => Some(doc! { other: { "$exists": true } }),
        }
    }

    /// The server has an index of this field already, or one of this name: it may serve as well.
    async fn accept_present(
        &self,
        collection: &Collection<Document>,
        place: &Place,
    ) -> Result<(), StoreError> {
        let present = bounded(list(collection)).await.map_err(|failure| place.refusal(failure))?;
        if present.iter().any(|present| self.is_served_by(present)) {
            return Ok(());
        }
        Err(self.refused(place, "another index stands in its place; drop that one"))
    }

    fn is_served_by(&self, present: &IndexModel) -> bool {
        let options = present.options.clone().unwrap_or_default();
        let of_field = present.keys.len() == 1 && present.keys.get(self.field).is_some_and(is_direction);
        let of_all = options.partial_filter_expression.is_none();
        let of_these = options.partial_filter_expression == self.filter();
        let serves = match self.kind {
            Kind::Plain => of_all && options.sparse != Some(true),
            // Of all documents, those without the field too, it would let only one be there.
            Kind::UniqueTexts => options.unique == Some(true) && of_these,
            Kind::Having(_) => (of_all || of_these) && options.sparse != Some(true),
        };
        of_field && options.collation.is_none() && serves
    }

    fn refused(&self, place: &Place, problem: &str) -> StoreError {
        let Self { collection, field, kind } = self;
        let unique = if *kind == Kind::UniqueTexts { "unique " } else { "" };
        StoreError::new(
            StoreErrorKind::Refused,
            format!("{place}: the {unique}index on {collection}.{field} cannot be made: {problem}"),
        )
    }
}

async fn list(collection: &Collection<Document>) -> Result<Vec<IndexModel>, mongodb::error::Error> {
    let mut cursor = collection.list_indexes().await?;
    let mut indexes = Vec::new();
    while cursor.advance().await? {
        indexes.push(cursor.deserialize_current()?);
    }
    Ok(indexes)
}

fn is_direction(value: &Bson) -> bool {
    matches!(value, Bson::Int32(1 | -1) | Bson::Int64(1 | -1)) || matches!(value, Bson::Double(_))
}

/// Whether an index of other options, or of another name, is in the way.
fn is_conflict(failure: &Failure) -> bool {
    const INDEX_OPTIONS_CONFLICT: i32 = 85;
    const INDEX_KEY_SPECS_CONFLICT: i32 = 86;
    has_code(failure, &[INDEX_OPTIONS_CONFLICT, INDEX_KEY_SPECS_CONFLICT])
}

fn has_code(failure: &Failure, codes: &[i32]) -> bool {
    let Failure::Driver(error) = failure else { return false };
    matches!(&*error.kind, ErrorKind::Command(refused) if codes.contains(&refused.code))
}
