//! The log: on standard error, as text for people or as JSON for machines, and never in the way of a request.

use std::{
    io::{self, IsTerminal},
    panic::{self, PanicHookInfo},
};

use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{EnvFilter, filter::LevelFilter, fmt};

use super::Failure;
use crate::config::{LogFormat, found_text};

/// How many lines may wait while nobody reads them; more are lost. A log that is not read must not stop logins.
const WAITING_LINES: usize = 8 * 1024;

/// A log that was started. What waits is written when it goes.
pub(super) struct Log {
    lost: ErrorCounter,
    _written_at_the_end: WorkerGuard,
}

impl Log {
    /// Asks how many lines were lost (OBS-09).
    pub(super) fn lost_lines(&self) -> impl Fn() -> u64 + Send + Sync + 'static {
        let lost = self.lost.clone();
        move || lost.dropped_lines() as u64
    }
}

/// Starts logging for the whole process, as its program may do once.
///
/// # Errors
/// [`Failure`] when the filter cannot be understood.
pub(super) fn start(filter: &str, format: LogFormat) -> Result<Log, Failure> {
    let filter = parse(filter).map_err(|problem| Failure::new(format!("LOG_FILTER: {problem}")))?;
    let (lines, guard) =
        NonBlockingBuilder::default().lossy(true).buffered_lines_limit(WAITING_LINES).finish(io::stderr());
    let lost = lines.error_counter();
    let log = fmt().with_env_filter(filter).with_writer(lines);
    let started = match format {
        LogFormat::Text => log.with_ansi(false).try_init(),
        LogFormat::Auto if io::stderr().is_terminal() => log.try_init(),
        LogFormat::Auto | LogFormat::Json => log.json().flatten_event(true).with_span_list(false).try_init(),
    };
    started.map_err(|error| Failure::new(format!("logging cannot be started: {error}")))?;
    panic::set_hook(Box::new(panicked));
    Ok(Log { lost, _written_at_the_end: guard })
}

/// What is wrong with a filter, if anything.
pub(super) fn problem_of(filter: &str) -> Option<String> {
    parse(filter).err()
}

fn parse(text: &str) -> Result<EnvFilter, String> {
    let filter = EnvFilter::try_new(text)
        .map_err(|error| format!("{} is not a filter ({error}); try \"info\"", found_text(text)))?;
    // A misspelt level is a target for the library, and would log next to nothing.
    let is_level = |word: &str| !word.is_empty() && word.parse::<LevelFilter>().is_ok();
    let names_level = |part: &str| is_level(part.rsplit('=').next().unwrap_or_default().trim());
    if !text.split(',').any(names_level) {
        return Err(format!("{} names no level; try \"info\", or \"info,name=debug\"", found_text(text)));
    }
    Ok(filter)
}

/// A panic is a line of the log like others. Its text stays out: it may quote what was being worked on.
fn panicked(panic: &PanicHookInfo<'_>) {
    let at = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(at, "a thread panicked at {at}: a defect of portcullis");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_a_level() {
        for text in
            ["info", "INFO", "off", "warn,hyper", "portcullis_server=debug", "[login]=trace", " info , x"]
        {
            assert_eq!(problem_of(text), None, "{text}");
        }
        for text in ["inof", "hyper", "hyper,", "portcullis_server=", ","] {
            assert!(problem_of(text).is_some_and(|problem| problem.contains("names no level")), "{text}");
        }
        for text in ["loud=very", "info,loud=very"] {
            assert!(problem_of(text).is_some_and(|problem| problem.contains("is not a filter")), "{text}");
        }
    }
}
