//! `holdfast journal`, `replay` and `audit`: looking at a journal, cutting it knowingly, running it again.
//!
//! Owns the commands' options, their words and exit codes. All findings come from [`mod@journal`] and [`mod@replay`]; results go
//! to standard output, progress and errors to standard error.

mod again;
mod look;

pub use again::{AuditOptions, ReplayOptions, audit, replay};
pub use look::{InspectOptions, JournalCommand, RepairOptions, journal};

use ::journal::JournalError;
use ::replay::ReplayError;
use acd::Timestamp;
use jiff::tz::TimeZone;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Why a command gave no result.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal cannot be replayed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A moment is not one.
    #[error(
        "{text:?} is not a moment; write 2026-11-23T09:00:00+08:00, or 2026-11-23T09:00 in the house's time zone"
    )]
    Moment {
        /// What was written.
        text: String,
    },
    /// The result could not be written as JSON.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// Standard output is gone.
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

/// 0: all is well. 1: something was found. 2: the command itself failed.
fn exit(command: &str, result: Result<bool, LogsError>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        // Whoever reads has seen enough, as with `head`.
        Err(LogsError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is gone.
            drop(writeln!(io::stderr(), "holdfast {command}: {error}"));
            ExitCode::from(2)
        }
    }
}

/// A moment: with its offset from UTC, or by the clocks of `zone`.
fn moment(text: &str, zone: &TimeZone) -> Result<Timestamp, LogsError> {
    let wrong = || LogsError::Moment {
        text: text.to_owned(),
    };
    let at: jiff::Timestamp = match text.parse() {
        Ok(at) => at,
        Err(_) => {
            let civil: jiff::civil::DateTime = text.parse().map_err(|_| wrong())?;
            zone.to_timestamp(civil).map_err(|_| wrong())?
        }
    };
    u64::try_from(at.as_microsecond())
        .map(Timestamp::from_micros)
        .map_err(|_| wrong())
}

/// A length in bytes as people write it.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1_024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

/// A line on standard error that tells how far a long log is: rewritten in place on a terminal, now and then a new one
/// elsewhere. Short logs show nothing.
struct Progress {
    what: &'static str,
    bytes: u64,
    terminal: bool,
    next: Instant,
    shown: bool,
}

impl Progress {
    const TERMINAL_EVERY: Duration = Duration::from_millis(200);
    const LOG_EVERY: Duration = Duration::from_secs(10);

    fn new(what: &'static str, bytes: u64) -> Self {
        let terminal = io::stderr().is_terminal();
        let every = if terminal {
            Self::TERMINAL_EVERY
        } else {
            Self::LOG_EVERY
        };
        Self {
            what,
            bytes,
            terminal,
            next: Instant::now() + every,
            shown: false,
        }
    }

    fn reached(&mut self, done: u64) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.shown = true;
        let percent = 100.0 * done as f64 / self.bytes.max(1) as f64;
        let (before, after, every) = match self.terminal {
            true => ("\r\x1b[2K", "", Self::TERMINAL_EVERY),
            false => ("", "\n", Self::LOG_EVERY),
        };
        self.next = now + every;
        // Nobody watches when standard error is gone.
        drop(write!(
            io::stderr(),
            "{before}{} {} of {} ({percent:.0} %){after}",
            self.what,
            size(done),
            size(self.bytes)
        ));
    }
}

impl Drop for Progress {
    /// Leaves the terminal clean.
    fn drop(&mut self) {
        if self.shown && self.terminal {
            drop(write!(io::stderr(), "\r\x1b[2K"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_by_offset_and_by_the_houses_clocks() {
        let zone = TimeZone::get("Asia/Shanghai").expect("a known zone");
        let nine = Timestamp::from_secs(1_795_395_600);
        for text in [
            "2026-11-23T09:00:00+08:00",
            "2026-11-23T01:00:00Z",
            "2026-11-23T09:00",
            "2026-11-23 09:00",
        ] {
            assert_eq!(moment(text, &zone).expect(text), nine, "{text}");
        }
        for text in ["nine", "", "1969-01-01T00:00Z"] {
            let error = moment(text, &zone).expect_err(text).to_string();
            assert!(error.contains("is not a moment"), "{error}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(
            [size(5), size(1_536), size(3 << 20)],
            ["5 B", "1.5 KiB", "3.0 MiB"]
        );
    }
}
