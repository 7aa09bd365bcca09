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

/// One index: its collection, its fields with their directions, and what it is for.
struct Index {
    collection: &'static str,
    fields: &'static [(&'static str, i32)],
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
    /// To find those few documents of which something is true.
    True(&'static str),
}

const fn plain(collection: &'static str, fields: &'static [(&'static str, i32)]) -> Index {
    Index { collection, fields, kind: Kind::Plain }
}

/// Every look-up, range and sort of this room, and the rule that no two users have one name. The Flask application
/// may write a jti or a name twice: those are not unique. A page of a list is read in the order of its index, from where the
/// last one ended: no server sorts all of it for that.
const INDEXES: [Index; 18] = [
    Index { collection: USERS, fields: &[("name_key", 1)], kind: Kind::UniqueTexts },
    plain(USERS, &[("username", 1)]),
    plain(USERS, &[("access", 1), ("_id", 1)]),
    Index { collection: USERS, fields: &[("disabled", 1), ("_id", 1)], kind: Kind::True("disabled") },
    plain(REVOKED_TOKENS, &[("jti", 1)]),
    plain(REVOKED_TOKENS, &[("at", 1)]),
    plain(REVOKED_TOKENS, &[("expires_at", 1)]),
    plain(REVOCATIONS, &[("at", 1)]),
    plain(REVOCATIONS, &[("expires_at", 1)]),
    plain(SESSIONS, &[("user", 1)]),
    plain(SESSIONS, &[("at", 1)]),
    plain(SESSIONS, &[("remembered_until", 1)]),
    plain(AUDIT, &[("at", -1), ("_id", -1)]),
    plain(AUDIT, &[("kind", 1), ("at", -1), ("_id", -1)]),
    plain(AUDIT, &[("actor", 1), ("at", -1), ("_id", -1)]),
    plain(AUDIT, &[("subject", 1), ("at", -1), ("_id", -1)]),
    plain(FREED_NAMES, &[("until", 1)]),
    Index { collection: SESSIONS, fields: &[("ended_at", 1)], kind: Kind::Having("access_tokens") },
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
        let same = index.keys();
        let served = match present.iter().any(|present| index.is_served_by(present)) {
            true => Served::There,
            false if present.iter().any(|present| present.keys == same) => Served::Taken,
            false => Served::Missing,
        };
        looked.push((index.name(), served));
    }
    Ok(looked)
}

impl Index {
    fn model(&self) -> IndexModel {
        let unique = (self.kind == Kind::UniqueTexts).then_some(true);
        let options = IndexOptions::builder().unique(unique).partial_filter_expression(self.filter()).build();
        IndexModel::builder().keys(self.keys()).options(options).build()
    }

    fn keys(&self) -> Document {
        self.fields.iter().map(|(field, way)| ((*field).to_owned(), (*way).into())).collect()
    }

    /// Its collection and fields, for people.
    fn name(&self) -> String {
        let fields: Vec<_> = self.fields.iter().map(|(field, _)| *field).collect();
        format!("{}.{}", self.collection, fields.join("+"))
    }

    /// Which documents it has, where not all.
    fn filter(&self) -> Option<Document> {
        match self.kind {
            Kind::Plain => None,
            Kind::UniqueTexts => Some(
                self.fields
                    .iter()
                    .map(|(it, _)| ((*it).to_owned(), doc! { "$type": "string" }.into()))
                    .collect(),
            ),
            Kind::Having(other) => Some(doc! { other: { "$exists": true } }),
            Kind::True(other) => Some(doc! { other: true }),
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
        let of_all = options.partial_filter_expression.is_none();
        let of_these = options.partial_filter_expression == self.filter();
        let serves = match self.kind {
            Kind::Plain => of_all && options.sparse != Some(true),
            // Of all documents, those without the field too, it would let only one be there.
            Kind::UniqueTexts => options.unique == Some(true) && of_these,
            Kind::Having(_) | Kind::True(_) => (of_all || of_these) && options.sparse != Some(true),
        };
        self.has_the_keys_of(&present.keys) && options.collation.is_none() && serves
    }

    /// Whether keys are these, in this order or all of them the other way round.
    fn has_the_keys_of(&self, keys: &Document) -> bool {
        let runs = |sign: f64| {
            self.fields.iter().zip(keys).all(|((field, way), (key, value))| {
                field == key && direction(value).is_some_and(|it| it * f64::from(*way) * sign > 0.0)
            })
        };
        keys.len() == self.fields.len() && (runs(1.0) || runs(-1.0))
    }

    fn refused(&self, place: &Place, problem: &str) -> StoreError {
        let Self { collection, fields, kind } = self;
        let field = fields.iter().map(|(field, _)| *field).collect::<Vec<_>>().join(", ");
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

/// Which way an index goes by a field: up or down, where it is one of such an order.
fn direction(value: &Bson) -> Option<f64> {
    match value {
        Bson::Int32(way) => Some(f64::from(*way)),
        Bson::Int64(way) => i32::try_from(*way).ok().map(f64::from),
        Bson::Double(way) => Some(*way),
        _ => None,
    }
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
