//! From a URL to a database that answers: the options that are ours to decide, and the first contact.

use std::time::Duration;

use mongodb::{
    Client, Database,
    bson::doc,
    error::ErrorKind,
    options::{
        Acknowledgment, ClientOptions, ConnectionString, ReadConcern, ReadPreference, SelectionCriteria,
        WriteConcern,
    },
};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{
    calls::{AT_ONCE, bounded},
    failure::{Failure, Place, said},
};
use crate::{
    config::MongoUrl,
    store::{StoreError, StoreErrorKind, patience::PATIENCE},
};

/// The database of a URL that names none: the Flask application's.
const DEFAULT_DATABASE: &str = "flask_api_demo";

/// How long the driver waits at most: a little less than we do, since it knows better what it waited for.
const DRIVER_PATIENCE: Duration = PATIENCE.saturating_sub(Duration::from_millis(200));

/// The pause between two attempts to reach a server that is not there yet.
const PAUSE: Duration = Duration::from_millis(500);

/// Whether the driver understands a URL, found out without a connection.
///
/// # Errors
/// [`StoreErrorKind::Refused`] with what is wrong, and without what is secret of the URL.
pub(super) fn check(url: &MongoUrl) -> Result<(), StoreError> {
    let refused = |problem: &str| Err(StoreError::new(StoreErrorKind::Refused, format!("{url}: {problem}")));
    if let Ok(understood) = ConnectionString::parse(url.expose()) {
        // Some programs take a collection behind a dot; the server would refuse the name at the first call.
        let dotted = understood.default_database.is_some_and(|name| name.contains('.'));
        return if dotted { refused("the name of a database has no dot") } else { Ok(()) };
    }
    // The driver may repeat what it does not understand: it is asked about the URL as it may be shown.
    match ConnectionString::parse(url.to_string().replace("[redacted]", "redacted")) {
        Err(error) => refused(&said(&error)),
        Ok(_) => refused(
            "what is not shown of it cannot be understood; write :, /, ?, #, [, ], @ and % in a name or a password as \
             their percent codes, % as %25",
        ),
    }
}

/// The client of a URL, not connected yet, and its database.
///
/// # Errors
/// Those of [`check`], and a `mongodb+srv:` URL whose name the DNS does not know.
pub(super) async fn prepare(url: &MongoUrl) -> Result<(Database, Place), StoreError> {
    check(url)?;
    let place = Place::new(url.to_string());
    // Looks a mongodb+srv: name up.
    let options = bounded(async { ClientOptions::parse(url.expose()).await });
    let options = decided(options.await.map_err(|failure| place.refusal(failure))?);
    let named = options.default_database.clone();
    let place = match named {
        Some(_) => place,
        None => Place::new(format!("{url} (database {DEFAULT_DATABASE})")),
    };
    let client = Client::with_options(options).map_err(|error| place.refusal(error.into()))?;
    Ok((client.database(named.as_deref().unwrap_or(DEFAULT_DATABASE)), place))
}

/// What no URL decides: an acknowledged write is on the disks of a majority, what is read stays true, and no
/// call waits for ever.
fn decided(mut options: ClientOptions) -> ClientOptions {
    options.write_concern = Some(
        WriteConcern::builder().w(Acknowledgment::Majority).journal(true).w_timeout(DRIVER_PATIENCE).build(),
    );
    options.read_concern = Some(ReadConcern::majority());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    options.server_selection_timeout = Some(DRIVER_PATIENCE);
    options.connect_timeout = Some(DRIVER_PATIENCE);
    options.max_pool_size = options.max_pool_size.or(Some(AT_ONCE));
    options.app_name = options.app_name.or_else(|| Some("portcullis".to_owned()));
    options
}

/// Waits until the database answers: both may have been started at the same moment.
///
/// # Errors
/// [`StoreErrorKind::Refused`] when it does not within `patience`, or answers that it does not let us in.
pub(super) async fn wait_for(
    database: &Database,
    place: &Place,
    patience: Duration,
) -> Result<(), StoreError> {
    let mut last = None;
    let attempts = async {
        let mut rhythm = interval(PAUSE);
        rhythm.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            rhythm.tick().await;
            match bounded(ping(database)).await {
                Ok(()) => return Ok(()),
                Err(failure) if is_final(&failure) => return Err(failure),
                Err(failure) => {
                    if last.is_none() {
                        let seconds = patience.as_secs();
                        tracing::warn!(%place, "{place} does not answer yet; trying for {seconds} s");
                    }
                    last = Some(failure);
                }
            }
        }
    };
    let answered = timeout(patience, attempts).await;
    match answered {
        Ok(answer) => answer.map_err(|failure| place.refusal(failure)),
        Err(_) => Err(place.refusal(last.unwrap_or(Failure::Late))),
    }
}

/// Asks for a sign of life.
pub(super) async fn ping(database: &Database) -> Result<(), mongodb::error::Error> {
    database.run_command(doc! { "ping": 1 }).await.map(drop)
}

/// Whether trying again makes no difference.
fn is_final(failure: &Failure) -> bool {
    let Failure::Driver(error) = failure else { return false };
    matches!(
        &*error.kind,
        ErrorKind::Authentication { .. }
            | ErrorKind::InvalidArgument { .. }
            | ErrorKind::InvalidTlsConfig { .. }
            | ErrorKind::IncompatibleServer { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_url_makes_an_acknowledgement_less_than_it_is() {
        // DUR-01
        let weak = ClientOptions::builder()
            .write_concern(WriteConcern::builder().w(Acknowledgment::Nodes(0)).journal(false).build())
            .read_concern(ReadConcern::local())
            .selection_criteria(SelectionCriteria::ReadPreference(ReadPreference::Nearest { options: None }))
            .build();
        let options = decided(weak);
        let writes = options.write_concern.unwrap();
        assert_eq!((writes.w, writes.journal), (Some(Acknowledgment::Majority), Some(true)));
        assert_eq!(options.read_concern, Some(ReadConcern::majority()));
        let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
        assert_eq!(options.selection_criteria, Some(primary));
    }
}
