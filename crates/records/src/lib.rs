//! What happened, kept for people: one record of every call, what operators wrote down about it, who is still to be
//! called back, and the day so far.
//!
//! Owns the records' database (SQLite), on a thread of its own behind a bounded queue. What always holds:
//!
//! - The engine never waits for it. What the queue cannot take, or the disk does not for too long, is missing from the
//!   records until the next start fills it in from the journal; log and metrics say so.
//! - A row says what is known of a call, whoever tells it and how often: telling it again changes nothing, and less is
//!   never written over more ([`CallRow::join`]). So a crash neither doubles a call nor loses one that the journal has.
//! - What an operator wrote down is answered with "saved" when it is on the disk, not before.
//! - Callers' numbers are personal data: the file is readable by its owner alone, rows go when their time is over, and no
//!   number is in a log line or a metric.
//!
//! Deliberately not here: anything that decides about calls; the journal, which is the truth that these tables only tell
//! again ([`Ledger`] follows its events, whoever replays them).
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used)]

mod base;
mod curve;
mod handle;
mod ledger;
mod metrics;
mod missed;
mod pending;
mod quality;
mod recorder;
mod rows;
mod store;
mod task;
#[cfg(test)]
mod tests;

pub use curve::{Day, Minute};
pub use handle::{Filling, Records, RecordsConfig};
pub use ledger::{Ledger, Names};
pub use missed::{Missed, Person};
pub use quality::{Path, Quality};
pub use rows::{CallRow, Earlier, EarlierLeg, Form, FormRow, History, LegRow, Row, TalkRow};

/// Why the records cannot start. A database that cannot be used is no reason: calls go on without it.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// Two collectors of one name on the registry.
    #[error("cannot register the records' metrics: {0}; give each engine a registry of its own")]
    Metrics(#[from] prometheus::Error),
    /// The system gives no thread.
    #[error("cannot start the records' thread: {0}; look at the limits on threads and memory")]
    Thread(#[source] std::io::Error),
    /// The zone database does not have it.
    #[error("there is no time zone {0:?}; use an IANA name such as Asia/Shanghai")]
    TimeZone(String),
}

/// Why the records did not do what was asked of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The database cannot be read or written now.
    #[error("the records cannot be read or written now; the log says why")]
    Unavailable,
    /// Too much waits for the records' thread.
    #[error("the records cannot keep up; try again")]
    Busy,
    /// The operator never had that call.
    #[error("the operator did not have this call")]
    NotTheirCall,
    /// There is no such call, or its record is gone.
    #[error("there is no record of this call")]
    UnknownCall,
}
