//! The log: on standard error, as text for people or as JSON for machines.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, fmt};

use super::Failure;
use crate::config::LogFormat;

/// Starts logging for the whole process, as its program may do once.
///
/// # Errors
/// [`Failure`] when the filter cannot be understood.
pub(super) fn start(filter: &str, format: LogFormat) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Failure::new(format!("LOG_FILTER: {filter:?} is not a filter ({error}); try \"info\""))
    })?;
    let log = fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = match format {
        LogFormat::Text => log.with_ansi(false).try_init(),
        LogFormat::Auto if io::stderr().is_terminal() => log.try_init(),
        LogFormat::Auto | LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| Failure::new(format!("logging cannot be started: {error}")))
}
