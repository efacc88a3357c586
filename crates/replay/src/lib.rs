//! Runs a journal through the queue core again.
//!
//! Owns what follows from the log alone: the core rebuilt ([`Rebuild`]), decisions held against those that were recorded
//! ([`Walk`], [`Decisions`]), one caller's story ([`Teller`]), and the proof that nobody was served out of turn
//! ([`Auditor`]). What always holds: a log is read a frame at a time, however long it is, and nothing on disk is changed,
//! so that an engine may be writing to it meanwhile.
//!
//! A log is walked through from its beginning; where that was removed, from the oldest checkpoint.
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used)]

mod audit;
mod decisions;
mod rebuild;
mod story;
#[cfg(test)]
mod tests;
mod walk;
mod words;

pub use audit::{Auditor, Found, Passed, Reason, Verdict, Violation};
pub use decisions::Decisions;
pub use rebuild::{Broken, Rebuild, Taken};
pub use story::{Line, Story, Teller};
pub use walk::{Difference, Findings, Gap, ReplayError, Walk, Watch};
