//! Where log lines go.

use crate::TelemetryError;
use std::io::IsTerminal;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One short line for people.
    #[default]
    Compact,
    /// One JSON object a line, for machines.
    Json,
}

/// The SIP library writes whole messages at `info`, callers' numbers and all. Only a filter that names it gets them.
const QUIET: &str = "rsipstack=warn";

/// Most lines that wait for a slow reader of the log; the next are lost.
const LINES_MAX: usize = 32_768;

/// Writes the last lines when it is dropped: keep it until the program ends.
#[must_use = "without it, no line is written"]
pub struct Log {
    _worker: WorkerGuard,
}

/// Sends log lines to standard error in `format`, as far as `filter` lets them (`info`, or `info,sip=debug`).
/// The environment's `RUST_LOG`, if set, goes before `filter`.
///
/// A thread of its own writes them, so that the queue never waits for whoever reads the log: a reader that stands
/// still costs lines, not calls.
///
/// # Errors
/// The filter does not parse, or logging was set up before.
pub fn init_tracing(format: LogFormat, filter: &str) -> Result<Log, TelemetryError> {
    let filter = std::env::var("RUST_LOG").unwrap_or_else(|_| filter.to_owned());
    let env_filter = parse(filter)?;
    let (writer, worker) = NonBlockingBuilder::default()
        .buffered_lines_limit(LINES_MAX)
        .lossy(true)
        .thread_name("log")
        .finish(std::io::stderr());
    let lines = tracing_subscriber::fmt()
        .with_env_filter(env_filter)
        .with_ansi(std::io::stderr().is_terminal())
        // The complaint about a log that cannot be written would go there too, and panic: on a full disk or with the
        // reader of a pipe gone, calls must go on without a log.
        .log_internal_errors(false)
        .with_writer(writer);
    match format {
        LogFormat::Compact => lines.compact().finish().try_init()?,
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init()?,
    }
    Ok(Log { _worker: worker })
}

/// Whether a filter is one that [`init_tracing`] takes.
///
/// # Errors
/// The filter does not parse.
pub fn check_filter(filter: &str) -> Result<(), TelemetryError> {
    parse(filter.to_owned()).map(drop)
}

fn parse(filter: String) -> Result<EnvFilter, TelemetryError> {
    let full = if filter.contains("rsipstack") {
        filter.clone()
    } else {
        format!("{filter},{QUIET}")
    };
    EnvFilter::builder()
        .parse(full)
        .map_err(|source| TelemetryError::Filter { filter, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_messages_are_logged_only_when_the_library_is_named() {
        for (filter, quiet) in [
            ("info", true),
            ("trace,sip=debug", true),
            ("info,rsipstack=debug", false),
        ] {
            let parsed = parse(filter.to_owned())
                .map(|filter| filter.to_string())
                .unwrap_or_default();
            assert_eq!(parsed.contains(QUIET), quiet, "{filter}: {parsed}");
        }
    }

    #[test]
    fn a_filter_with_an_unknown_level_is_refused() {
        assert!(check_filter("info,sip=debug").is_ok());
        assert!(check_filter("sip=loud").is_err());
    }
}
