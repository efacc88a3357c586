//! What is kept on the disk: the oldest segments go, beyond bounds of number, size and age, and the room is watched.

use crate::read::{Segment, io_error, segments};
use crate::{Journal, JournalError, Room};
use acd::Timestamp;
use std::fs;

impl Journal {
    /// Removes the oldest segments beyond what is to be kept, but never one that is needed to rebuild the state.
    pub(crate) fn retire(&mut self, now: Timestamp) -> Result<(), JournalError> {
        let found = segments(&self.dir)?;
        let sizes: Vec<u64> = found
            .iter()
            .map(|(_, path)| fs::metadata(path).map_or(0, |m| m.len()))
            .collect();
        // A removed segment makes room for the whole next one, so the limit holds while that one grows.
        let room = self
            .options
            .bytes_max
            .saturating_sub(self.options.segment_bytes_max);
        let mut total: u64 = sizes.iter().sum();
        let mut count = found.len();
        for (pair, size) in found.windows(2).zip(sizes) {
            let [(_, path), (_, next)] = pair else { break };
            let beyond = count > self.options.segments_max || total > room;
            if !beyond && self.options.age_max.is_zero() {
                break;
            }
            let next = Segment::open(next)?;
            let old =
                !self.options.age_max.is_zero() && now.since(next.head().created) > self.options.age_max;
            if !(beyond || old) || next.head().first_index > self.needed_from {
                break;
            }
            fs::remove_file(path).map_err(io_error("remove", path))?;
            // Only a segment that was torn has one; its absence is no error.
            let _ = fs::remove_file(path.with_extension("torn"));
            count -= 1;
            total -= size;
        }
        self.look()
    }

    /// Looks at the room on the disk.
    pub(crate) fn look(&mut self) -> Result<(), JournalError> {
        let sizes = segments(&self.dir)?;
        let used = sizes
            .iter()
            .map(|(_, path)| fs::metadata(path).map_or(0, |m| m.len()))
            .sum();
        // A file system that tells nothing of itself is no reason to stop.
        let free = rustix::fs::statvfs(&self.dir).ok();
        self.room = Room {
            used,
            used_max: self.options.bytes_max,
            free: free.map(|system| system.f_bavail.saturating_mul(system.f_frsize)),
            free_min: self.options.free_min,
        };
        Ok(())
    }
}
