//! The log: on standard error, as text for people or as JSON for machines, and never in the way of a request.

use std::{
    io::{self, IsTerminal},
    panic::{self, AssertUnwindSafe, PanicHookInfo},
};

use tracing::{Event, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::{
    EnvFilter,
    filter::LevelFilter,
    fmt::{self, FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::Failure;
use crate::{
    config::{LogFormat, found_text},
    request::RequestId,
};

/// How many lines may wait while nobody reads them; more are lost. A log that is not read must not stop logins.
const WAITING_LINES: usize = 8 * 1024;

/// A log that was started. What waits is written when it goes.
pub(super) struct Log {
    lost: ErrorCounter,
    waiting: Option<WorkerGuard>,
}

impl Log {
    /// Asks how many lines were lost (OBS-09).
    pub(super) fn lost_lines(&self) -> impl Fn() -> u64 + Send + Sync + 'static {
        let lost = self.lost.clone();
        move || lost.dropped_lines() as u64
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // Where nobody has read the log its library says so on standard output, and panics where that is closed as well:
        // an end in order is one all the same.
        let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(self.waiting.take())));
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
    let log = fmt::fmt().with_env_filter(filter).with_writer(lines);
    let started = match format {
        LogFormat::Text => log.with_ansi(false).map_event_format(Named::text).try_init(),
        LogFormat::Auto if io::stderr().is_terminal() => {
            log.map_event_format(|line| Named::text(line.with_ansi(true))).try_init()
        }
        LogFormat::Auto | LogFormat::Json => {
            log.json().flatten_event(true).map_event_format(Named::json).try_init()
        }
    };
    started.map_err(|error| Failure::new(format!("logging cannot be started: {error}")))?;
    panic::set_hook(Box::new(panicked));
    Ok(Log { lost, waiting: Some(guard) })
}

/// A line of the log that says at its end which request it is about.
struct Named<F> {
    line: F,
    /// What a line ends with, and the same with an id before it.
    end: &'static str,
    with_id: fn(RequestId) -> String,
}

impl<F> Named<F> {
    fn text(line: F) -> Self {
        Self { line, end: "\n", with_id: |id| format!(" request_id={id}\n") }
    }

    fn json(line: F) -> Self {
        Self { line, end: "}\n", with_id: |id| format!(",\"request_id\":\"{id}\"}}\n") }
    }
}

impl<S, N, F: FormatEvent<S, N>> FormatEvent<S, N> for Named<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        let Some(id) = RequestId::current() else { return self.line.format_event(context, writer, event) };
        let mut line = String::new();
        self.line.format_event(context, Writer::new(&mut line), event)?;
        writer.write_str(line.strip_suffix(self.end).unwrap_or(&line))?;
        writer.write_str(&(self.with_id)(id))
    }
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
