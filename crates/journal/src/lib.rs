//! The ordered log of everything the queue core was told.
//!
//! Owns a data directory of *segments*: append-only files, each with the configuration its entries were handled
//! under, so that replaying them gives the same decisions. What always holds:
//!
//! - [`Journal::append`] only gathers; [`Journal::commit`] writes what was gathered as one frame and makes it as
//!   durable as was asked for. What follows from an input is carried out after the commit, never before.
//! - Entries are numbered over the whole life of the journal. A number is never given twice, and a hole in the
//!   numbers (entries that found a full disk for too long) shows.
//! - A frame that was torn by a crash is found by its checksum and cut; damage to what had once been made durable
//!   is an error with the offset, and nothing is touched.
//! - Its files can be read by their owner alone, since they hold callers' numbers.
//! - Memory is bounded: at most [`PENDING_MAX`] bytes wait for a disk that takes no more.
//!
//! It does not interpret inputs (but for the highest [`acd::CallId`], which a new run must not give again), and it
//! does not rebuild state: that is the engine's part, with the core.
//!
//! # Format, version 1
//!
//! Integers are little-endian; checksums are CRC-32C. A segment `NNNNNNNNNN.journal` is a head and frames:
//!
//! ```text
//! head    0  8  magic "HOLDFAST"
//!         8  4  format version
//!        12  4  length of the JSON below
//!        16  4  checksum of bytes 8..16 and the JSON
//!        20  n  JSON: the segment's [`Head`]
//!
//! frame   0  4  length of the entries below
//!         4  4  checksum of bytes 0..4, 8..24 and the entries
//!         8  8  number of the first entry
//!        16  8  bytes of this segment known to be on disk when the frame was written
//!        24  n  entries, one after the other
//!
//! entry   0  8  time, microseconds since 1970-01-01T00:00:00Z
//!         8  4  length of the JSON below
//!        12  n  JSON: the input
//! ```
//!
//! The count of bytes "known to be on disk" tells a torn tail from damage: what a crash may have torn lies behind
//! the last count that a readable frame vouches for.
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used)]

mod error;
mod format;
mod open;
mod read;
mod store;
#[cfg(test)]
mod tests;
mod write;

pub use error::JournalError;
pub use format::{Entry, FORMAT_VERSION, Head};
pub use open::{Opened, Torn};
pub use read::{Segment, segments};
pub use write::{Committed, Durability, Journal, Options, PENDING_MAX};
