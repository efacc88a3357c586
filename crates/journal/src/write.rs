//! Writing: entries gather in memory, a commit makes them one frame on disk.

use crate::format::{FRAME_FIXED, begin_frame, encode_head, finish_frame, push_entry};
use crate::read::{segment_path, segments};
use crate::store::Store;
use crate::{Head, JournalError};
use acd::{Input, Timestamp};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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

/// How a journal is kept.
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
}

impl Default for Options {
    fn default() -> Self {
        Self {
            durability: Durability::EveryBatch,
            segment_bytes_max: 64 << 20,
            segments_max: 1_000,
            bytes_max: 10 << 30,
        }
    }
}

/// What one commit did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Bytes written.
    pub bytes: u64,
    /// How long making them durable took, if that was done.
    pub sync: Option<Duration>,
}

/// The journal of one run, open for writing. Only one exists for a directory at a time.
pub struct Journal {
    dir: PathBuf,
    options: Options,
    store: Box<dyn Store>,
    head: Head,
    /// Bytes of this segment that are whole frames.
    length: u64,
    /// Bytes of this segment known to be on disk.
    durable: u64,
    /// After a failed write the file may hold half a frame behind `length`.
    tail_suspect: bool,
    last_sync: Instant,
    /// The frame being gathered, with room for its fixed part.
    pending: Vec<u8>,
    pending_first: u64,
    next_index: u64,
    next_call: u64,
    missing: u64,
    /// Keeps other engines out of the directory.
    _lock: File,
}

impl Journal {
    pub(crate) fn begin(dir: &Path, lock: File, head: Head, options: Options) -> Result<Self, JournalError> {
        let (file, length) = create_segment(dir, &head)?;
        let mut pending = Vec::new();
        begin_frame(&mut pending);
        let journal = Self {
            dir: dir.to_owned(),
            options,
            store: Box::new(file),
            length,
            durable: length,
            tail_suspect: false,
            last_sync: Instant::now(),
            pending,
            pending_first: head.first_index,
            next_index: head.first_index,
            next_call: head.next_call,
            missing: 0,
            head,
            _lock: lock,
        };
        journal.retire()?;
        Ok(journal)
    }

    /// Gathers one entry for the next [`Self::commit`] and returns its number. When the disk has taken nothing for
    /// so long that [`PENDING_MAX`] bytes wait, the entry is counted in [`Self::missing`] instead.
    ///
    /// # Errors
    /// [`JournalError::Encode`], which no input of the core leads to.
    pub fn append(&mut self, at: Timestamp, input: &Input) -> Result<u64, JournalError> {
        let index = self.next_index;
        if let Input::CallArrived { call, .. } = input {
            self.next_call = self.next_call.max(call.0.saturating_add(1));
        }
        self.next_index += 1;
        if self.pending.len() >= PENDING_MAX {
            self.missing += 1;
            return Ok(index);
        }
        push_entry(&mut self.pending, at, input)?;
        Ok(index)
    }

    /// Writes what was gathered and makes it as durable as the options ask. Called with nothing gathered it only
    /// does what the interval calls for. After an error everything gathered is kept and written by a later commit.
    ///
    /// # Errors
    /// When the disk is full or fails. The file is as it was before, or is made so by the next commit.
    pub fn commit(&mut self, now: Timestamp) -> Result<Committed, JournalError> {
        let (bytes, mut sync) = self.write_pending()?;
        if let Durability::Interval(every) = self.options.durability
            && self.durable < self.length
            && self.last_sync.elapsed() >= every
        {
            sync = Some(self.sync()?);
        }
        if self.length > self.options.segment_bytes_max {
            self.roll(now)?;
        }
        Ok(Committed { bytes, sync })
    }

    /// Entries of this run that are in no file because the disk took nothing for too long.
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// Writes what was gathered and makes everything durable, whatever the options say: the last act of a run.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn close(mut self) -> Result<(), JournalError> {
        self.write_pending()?;
        self.sync().map(drop)
    }

    /// Returns the bytes written and, where every batch is synced, how long that took.
    fn write_pending(&mut self) -> Result<(u64, Option<Duration>), JournalError> {
        if self.tail_suspect {
            self.store.cut(self.length).map_err(|e| self.failed("cut", e))?;
            self.tail_suspect = false;
        }
        if self.pending.len() <= FRAME_FIXED {
            return Ok((0, None));
        }
        finish_frame(&mut self.pending, self.pending_first, self.durable);
        if let Err(source) = self.store.write(&self.pending) {
            self.tail_suspect = true;
            return Err(self.failed("write", source));
        }
        let bytes = self.pending.len() as u64;
        self.length += bytes;
        let mut sync = None;
        if self.options.durability == Durability::EveryBatch {
            match self.sync() {
                Ok(took) => sync = Some(took),
                // What a failed sync leaves on disk is anybody's guess: cut it off and write it again.
                Err(error) => {
                    self.length -= bytes;
                    self.tail_suspect = true;
                    return Err(error);
                }
            }
        }
        begin_frame(&mut self.pending);
        self.pending_first = self.next_index;
        Ok((bytes, sync))
    }

    fn sync(&mut self) -> Result<Duration, JournalError> {
        let before = Instant::now();
        self.store.sync().map_err(|e| self.failed("sync", e))?;
        self.durable = self.length;
        self.last_sync = Instant::now();
        Ok(self.last_sync - before)
    }

    /// Closes this segment and begins the next. If that cannot be made the old one simply grows on.
    fn roll(&mut self, now: Timestamp) -> Result<(), JournalError> {
        self.sync()?;
        let head = Head {
            segment: self.head.segment + 1,
            first_index: self.next_index,
            next_call: self.next_call,
            created: now,
            ..self.head.clone()
        };
        let (file, length) = create_segment(&self.dir, &head)?;
        self.store = Box::new(file);
        self.head = head;
        self.length = length;
        self.durable = length;
        self.retire()
    }

    /// Removes the oldest segments beyond what is to be kept. The one being written always stays.
    fn retire(&self) -> Result<(), JournalError> {
        let found = segments(&self.dir)?;
        let mut sizes: Vec<u64> = found
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
        for ((number, path), size) in found.iter().zip(sizes.drain(..)) {
            if *number >= self.head.segment || (count <= self.options.segments_max && total <= room) {
                break;
            }
            fs::remove_file(path).map_err(|source| JournalError::Io {
                what: "remove",
                path: path.clone(),
                source,
            })?;
            // Only a segment that was torn has one; its absence is no error.
            let _ = fs::remove_file(path.with_extension("torn"));
            count -= 1;
            total -= size;
        }
        Ok(())
    }

    fn failed(&self, what: &'static str, source: io::Error) -> JournalError {
        JournalError::Io {
            what,
            path: segment_path(&self.dir, self.head.segment),
            source,
        }
    }

    #[cfg(test)]
    pub(crate) fn replace_store(&mut self, wrap: impl FnOnce(Box<dyn Store>) -> Box<dyn Store>) {
        let hole: Box<dyn Store> = Box::new(crate::tests::Nowhere);
        let store = std::mem::replace(&mut self.store, hole);
        self.store = wrap(store);
    }
}

/// Makes a segment with its head on disk under its final name: it is whole or it is not there.
fn create_segment(dir: &Path, head: &Head) -> Result<(File, u64), JournalError> {
    let path = segment_path(dir, head.segment);
    let unfinished = path.with_extension("tmp");
    let failed = |source| JournalError::Io {
        what: "create",
        path: path.clone(),
        source,
    };
    let bytes = encode_head(head)?;
    let mut file = create_private(&unfinished).map_err(failed)?;
    file.write_all(&bytes)
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    fs::rename(&unfinished, &path).map_err(failed)?;
    // The name itself must survive too.
    File::open(dir).and_then(|d| d.sync_all()).map_err(failed)?;
    Ok((file, bytes.len() as u64))
}

/// Makes a file, or empties it. It holds callers' numbers: nobody but the engine's own user may read it.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}
