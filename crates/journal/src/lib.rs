//! The ordered log of everything the queue core was told.
//!
//! Owns a data directory of *segments*: append-only files, each with the configuration its entries were handled
//! under, so that replaying them gives the same decisions; and beside them *checkpoints*, so that a start need not
//! replay them all. What always holds:
//!
//! - [`Journal::append`] and [`Journal::note`] only gather; [`Journal::commit`] writes what was gathered as one frame and makes it as
//!   durable as was asked for. What follows from an input is carried out after the commit, never before.
//! - Entries are numbered over the whole life of the journal. A number is never given twice, and a hole in the
//!   numbers (entries that found a full disk for too long) shows.
//! - A frame that was torn by a crash is found by its checksum and cut; damage to what had once been made durable
//!   is an error with the offset, and nothing is touched.
//! - Its files can be read by their owner alone, since they hold callers' numbers.
//! - Memory is bounded: at most [`PENDING_MAX`] bytes wait for a disk that takes no more.
//!
//! It does not interpret inputs (but for the highest [`acd::CallId`], which a new run must not give again; ids with the
//! bit `1 << 52` are derived from a call's and do not count), and it does not rebuild state: that is the engine's part,
//! with the core.
//!
//! # Starting
//!
//! ```text
//! let mut recovered = Journal::recover(dir)?;        // locks the directory, changes nothing
//! match recovered.start() { … }                      // Empty | Checkpoint(index, at, config, core, hash, notes) | Unknown
//! recovered.replay(&mut |head, entry| { … })?;       // the entries after it, streamed
//! recovered.notes();                                 // the latest note of each key, checkpoint and entries together
//! let (journal, opened) = recovered.begin(config, options, now, Begins::Continuing | Begins::Empty)?;
//! ```
//!
//! A run *continues* when it goes on with the state in which the one before it ended; its entries are then applied to
//! that state, under the configuration in its own head. Otherwise it begins with an empty queue. Notes outlive both.
//!
//! # Notes
//!
//! A [`Note`] is a key such as `leg/17/0` with opaque bytes, or with nothing when what was noted is no longer so. Notes
//! stand in one order with the inputs and share their commit, so that after a crash both are known up to the same
//! point. [`Journal::note`] writes only what changes.
//!
//! # Format, version 2
//!
//! Integers are little-endian unless they are *varints* (LEB128: seven bits a byte, the lowest first); checksums are
//! CRC-32C. A segment `NNNNNNNNNN.journal` is a head and frames:
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
//! entry         varint, its sign in the lowest bit: microseconds since the frame's entry before this one; the first
//!               counts from 1970-01-01T00:00:00Z
//!               varint: length of the body below
//!               body: a byte for its kind, and
//!                 0  an input as JSON
//!                 1  a note: varint with the key's length, the key, the value
//!                 2  a note that is no longer so: its key
//!                 3  decided: 8 bytes, the running hash of the core's outputs
//!                16… an input that comes with every call, its numbers as varints: see `input.rs`
//! ```
//!
//! The count of bytes "known to be on disk" tells a torn tail from damage: what a crash may have torn lies behind
//! the last count that a readable frame vouches for.
//!
//! A checkpoint `NNNNNNNNNNNNNN.checkpoint` is called by the number of the first entry that is not in it:
//!
//! ```text
//!         0  8  magic "HOLDSTAT"
//!         8  4  format version
//!        12  4  length of the JSON below
//!        16  4  checksum of bytes 8..16 and everything below
//!        20  n  JSON: index, time, run, segment, configuration, SHA-256 of the state, length of the state, count of notes
//!            m  the core's state
//!               notes: varint with the key's length, the key, varint with the value's length, the value
//! ```
//!
//! Version 2, which is read too, hashed decisions otherwise: FNV-1a, byte by byte. In version 1, which is read as well, there were neither checkpoints nor notes, and an entry was 8 bytes of time, 4 of
//! length, and an input as JSON.
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used)]

mod checkpoint;
mod checkpointer;
mod entry;
mod error;
#[cfg(test)]
mod fault_tests;
mod format;
mod input;
mod inspect;
mod options;
mod read;
mod recover;
mod repair;
mod retain;
mod store;
#[cfg(test)]
mod tests;
mod wire;
mod write;

pub use checkpoint::{Checkpoint, Notes, StateHash, checkpoints};
pub use checkpointer::Checkpointed;
pub use entry::{Body, Entry, NOTE_KEY_MAX, NOTE_MAX, Note};
pub use error::JournalError;
pub use format::{FORMAT_VERSION, Head};
pub use inspect::{CheckpointReport, End, Holds, Inspection, SegmentReport, inspect};
pub use options::{Durability, Options, PENDING_MAX, Room};
pub use read::{Segment, segments};
pub use recover::{Begins, Opened, PassedOver, Recovered, Start, Torn};
pub use repair::{Cut, RepairPlan, plan_repair};
pub use write::{Committed, Journal};
