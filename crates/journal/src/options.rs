//! How a journal is kept: durability, bounds, and the constants behind them.

use std::time::Duration;

/// Most bytes of entries that wait for a disk that takes no more; what comes then is missing from the journal.
pub const PENDING_MAX: usize = 8 << 20;

/// When written entries are made to survive a loss of power. A crash of the program alone loses nothing that was
/// committed, whichever is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Before anything that follows from them is carried out. Loses nothing.
    EveryBatch,
    /// This often. Loses the last stretch of that length.
    Interval(Duration),
    /// When the operating system sees fit: often half a minute later.
    Never,
}

/// How a journal is kept. Whatever the bounds, what is needed to rebuild the state stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// When entries are made durable.
    pub durability: Durability,
    /// A segment longer than this, in bytes, is closed and another begun.
    pub segment_bytes_max: u64,
    /// Most segments kept, the one being written included. The oldest go first.
    pub segments_max: usize,
    /// Most bytes kept in all segments together.
    pub bytes_max: u64,
    /// Segments whose entries are all older than this go; zero for never.
    pub age_max: Duration,
    /// With less than this free on the disk, in bytes, [`Room::is_short`] says so.
    pub free_min: u64,
    /// How often the core's state is to be written beside the log.
    pub checkpoint_every: Duration,
    /// A disk that failed is tried again after this: each try may take long.
    pub retry_after: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::EveryBatch,
            segment_bytes_max: 64 << 20,
            segments_max: 1_000,
            bytes_max: 10 << 30,
            age_max: Duration::ZERO,
            free_min: 256 << 20,
            checkpoint_every: Duration::from_secs(60),
            retry_after: Duration::from_millis(250),
        }
    }
}

/// A checkpoint is due after this many entries too: replaying them takes a fraction of a second.
pub(crate) const CHECKPOINT_ENTRIES: u64 = 200_000;

/// How often the room on the disk is looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Where age bounds the journal, a segment is closed after this part of it, so that there is something to remove.
pub(crate) const SEGMENTS_AN_AGE: u32 = 10;

/// What the journal takes of the disk, and what is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Bytes of all segments.
    pub used: u64,
    /// Most bytes they should have: [`Options::bytes_max`]. What is needed to rebuild the state is kept beyond it.
    pub used_max: u64,
    /// Bytes that are free on the disk, if the system tells.
    pub free: Option<u64>,
    /// Fewer should not be: [`Options::free_min`].
    pub free_min: u64,
}

impl Room {
    /// Whether somebody should make room before the journal cannot be written.
    pub fn is_short(&self) -> bool {
        self.free.is_some_and(|free| free < self.free_min) || self.used > self.used_max
    }
}
