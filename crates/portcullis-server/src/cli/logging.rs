//! The log: on standard error, as text for people or as JSON for machines, and never in the way of a request.

use std::{
    io::{self, IsTerminal},
    panic::{self, PanicHookInfo},
};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, fmt};

use super::Failure;
use crate::config::LogFormat;

/// How many lines may wait while nobody reads them; more are lost. A log that is not read must not stop logins.
const WAITING_LINES: usize = 8 * 1024;

/// Starts logging for the whole process, as its program may do once. What waits is written when the guard goes.
///
/// # Errors
/// [`Failure`] when the filter cannot be understood.
pub(super) fn start(filter: &str, format: LogFormat) -> Result<WorkerGuard, Failure> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        Failure::new(format!("LOG_FILTER: {filter:?} is not a filter ({error}); try \"info\""))
    })?;
    let (lines, guard) =
        NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING_LINES).finish(io::stderr());
    let log = fmt().with_env_filter(filter).with_writer(lines);
    let started = match format {
        LogFormat::Text => log.with_ansi(false).try_init(),
        LogFormat::Auto if io::stderr().is_terminal() => log.try_init(),
        LogFormat::Auto | LogFormat::Json => log.json().flatten_event(true).with_span_list(false).try_init(),
    };
    started.map_err(|error| Failure::new(format!("logging cannot be started: {error}")))?;
    panic::set_hook(Box::new(panicked));
    Ok(guard)
}

/// A panic is a line of the log like others. Its text stays out: it may quote what was being worked on.
fn panicked(panic: &PanicHookInfo<'_>) {
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(at, "a thread panicked at {at}: a defect of portcullis");
}
