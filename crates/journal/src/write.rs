//! Writing: entries gather in memory, a commit makes them one frame on disk.

use crate::checkpoint::{Checkpoint, Notes, StateHash};
use crate::checkpointer::{Checkpointed, Checkpointer};
use crate::entry::{NOTE_KEY_MAX, NOTE_MAX, Saying, next_call_after, push_entry};
use crate::format::{FRAME_FIXED, begin_frame, encode_head, finish_frame};
use crate::options::{CHECKPOINT_ENTRIES, LOOK_EVERY, SEGMENTS_AN_AGE};
use crate::read::segment_path;
use crate::recover::remember;
use crate::store::Store;
use crate::{Durability, Head, JournalError, Options, PENDING_MAX, Room};
use acd::{Input, Timestamp};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

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
    pub(crate) dir: PathBuf,
    pub(crate) options: Options,
    store: Box<dyn Store>,
    pub(crate) head: Head,
    /// Bytes of this segment that are whole frames.
    length: u64,
    /// Bytes of this segment known to be on disk.
    durable: u64,
    /// After a failed write the file may hold half a frame behind `length`.
    tail_suspect: bool,
    /// A sync failed: the system may have forgotten what was written and not yet on disk.
    forgotten: bool,
    /// When the disk failed last, while it does.
    failing: Option<Instant>,
    last_sync: Instant,
    /// The frame being gathered, with room for its fixed part.
    pending: Vec<u8>,
    pending_first: u64,
    /// Time of the last entry in `pending`.
    pending_at: Timestamp,
    scratch: Vec<u8>,
    next_index: u64,
    next_call: u64,
    missing: u64,
    notes: Notes,
    decided: u64,
    checkpointer: Checkpointer,
    /// Where the last checkpoint was taken, and when.
    checkpoint_index: u64,
    checkpoint_at: Timestamp,
    /// The entries from here on are needed to rebuild the state.
    pub(crate) needed_from: u64,
    pub(crate) room: Room,
    looked: Instant,
    /// Keeps other engines out of the directory.
    _lock: File,
}

/// What a run takes over from those before it.
pub(crate) struct Kept {
    pub(crate) needed_from: u64,
    pub(crate) notes: Notes,
}

impl Journal {
    pub(crate) fn begin(
        dir: &Path,
        lock: File,
        head: Head,
        options: Options,
        kept: Kept,
    ) -> Result<Self, JournalError> {
        let (file, length) = create_segment(dir, &head)?;
        let mut pending = Vec::new();
        begin_frame(&mut pending);
        let created = head.created;
        let mut journal = Self {
            dir: dir.to_owned(),
            options,
            store: Box::new(file),
            length,
            durable: length,
            tail_suspect: false,
            forgotten: false,
            failing: None,
            last_sync: Instant::now(),
            pending,
            pending_first: head.first_index,
            pending_at: Timestamp::default(),
            scratch: Vec::new(),
            next_index: head.first_index,
            next_call: head.next_call,
            missing: 0,
            notes: Notes::new(),
            decided: 0,
            checkpointer: Checkpointer::new(dir),
            checkpoint_index: head.first_index,
            checkpoint_at: head.created,
            needed_from: kept.needed_from,
            room: Room::default(),
            looked: Instant::now(),
            head,
            _lock: lock,
        };
        if journal.head.continues {
            journal.notes = kept.notes;
        } else {
            // What is read to rebuild the state begins here, so that all notes must be here too.
            for (key, value) in &kept.notes {
                journal.note(created, key, Some(value))?;
            }
            journal.commit(created)?;
        }
        journal.retire(created)?;
        Ok(journal)
    }

    /// Gathers what the core is told for the next [`Self::commit`] and returns its number. When the disk has taken
    /// nothing for so long that [`PENDING_MAX`] bytes wait, the entry is counted in [`Self::missing`] instead.
    ///
    /// # Errors
    /// [`JournalError::Encode`], which no input of the core leads to.
    pub fn append(&mut self, at: Timestamp, input: &Input) -> Result<u64, JournalError> {
        self.next_call = self.next_call.max(next_call_after(input));
        self.push(at, Saying::Input(input))
    }

    /// Gathers a note for the next [`Self::commit`], in order with the inputs: from now on `key` has this value, or
    /// none. The value is opaque here. A note that changes nothing is not written.
    ///
    /// # Errors
    /// [`JournalError::NoteTooLong`]; the note before it stays.
    pub fn note(&mut self, at: Timestamp, key: &str, value: Option<&[u8]>) -> Result<(), JournalError> {
        let bytes = value.map_or(0, <[u8]>::len);
        if key.len() > NOTE_KEY_MAX || bytes > NOTE_MAX {
            return Err(JournalError::NoteTooLong {
                key: key.to_owned(),
                bytes,
            });
        }
        if self.notes.get(key).map(|known| &**known) == value {
            return Ok(());
        }
        remember(&mut self.notes, key, value);
        self.push(at, Saying::Note { key, value }).map(drop)
    }

    /// The latest note of each key.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Gathers the running hash of what the core has decided on the inputs so far, so that a replay can be held
    /// against it.
    ///
    /// # Errors
    /// None in fact.
    pub fn decided(&mut self, at: Timestamp, hash: u64) -> Result<(), JournalError> {
        self.decided = hash;
        self.push(at, Saying::Decided(hash)).map(drop)
    }

    fn push(&mut self, at: Timestamp, saying: Saying<'_>) -> Result<u64, JournalError> {
        let index = self.next_index;
        self.next_index += 1;
        if self.pending.len() >= PENDING_MAX {
            self.missing += 1;
            return Ok(index);
        }
        push_entry(&mut self.pending, &mut self.scratch, self.pending_at, at, saying)?;
        self.pending_at = at;
        Ok(index)
    }

    /// Hands the core's whole state, as it is after everything gathered so far, to a thread of its own that writes it
    /// into a file beside the log, with all notes: nobody waits for the disk. Returns whether it was taken, which it
    /// is not while the last one is still being written. What became of it is told by [`Self::checkpointed`].
    pub fn checkpoint(&mut self, at: Timestamp, core: Vec<u8>) -> bool {
        if self.checkpointer.is_busy() {
            return false;
        }
        (self.checkpoint_index, self.checkpoint_at) = (self.next_index, at);
        self.checkpointer.write(Checkpoint {
            index: self.next_index,
            at,
            epoch: self.head.epoch,
            segment: self.head.segment,
            next_call: self.next_call,
            decided: self.decided,
            config: self.head.config.clone(),
            hash: StateHash::of(&core),
            core,
            notes: self.notes.clone(),
        })
    }

    /// Whether enough has been written since the last checkpoint for another.
    pub fn checkpoint_due(&self, now: Timestamp) -> bool {
        let since = self.next_index - self.checkpoint_index;
        let old = now.since(self.checkpoint_at) >= self.options.checkpoint_every;
        !self.checkpointer.is_busy() && (since >= CHECKPOINT_ENTRIES || since > 0 && old)
    }

    /// What became of a checkpoint, once for each, when it is known. The log that it stands in for may go now.
    pub fn checkpointed(&mut self, now: Timestamp) -> Option<Result<Checkpointed, JournalError>> {
        let done = self.checkpointer.done()?;
        if let Ok(checkpointed) = &done {
            self.needed_from = checkpointed.needed_from.unwrap_or(self.needed_from);
            if let Err(error) = self.retire(now) {
                return Some(Err(error));
            }
        }
        Some(done)
    }

    /// Writes what was gathered and makes it as durable as the options ask. Called with nothing gathered it only
    /// does what the interval calls for. After an error everything gathered is kept and written by a later commit; a
    /// disk that failed is left alone for [`Options::retry_after`], so that the caller does not wait for it each time.
    ///
    /// # Errors
    /// When the disk is full or fails. The file is as it was before, or is made so by the next commit.
    pub fn commit(&mut self, now: Timestamp) -> Result<Committed, JournalError> {
        if let Some(since) = self.failing
            && since.elapsed() < self.options.retry_after
        {
            return Err(JournalError::StillFailing {
                path: segment_path(&self.dir, self.head.segment),
            });
        }
        let done = self.try_commit(now);
        self.failing = done.is_err().then(Instant::now);
        done
    }

    fn try_commit(&mut self, now: Timestamp) -> Result<Committed, JournalError> {
        let (bytes, mut sync) = self.write_pending()?;
        if let Durability::Interval(every) = self.options.durability
            && self.durable < self.length
            && self.last_sync.elapsed() >= every
        {
            sync = Some(self.sync()?);
        }
        let age = self.options.age_max / SEGMENTS_AN_AGE;
        let old =
            !age.is_zero() && now.since(self.head.created) > age && self.next_index > self.head.first_index;
        if self.length > self.options.segment_bytes_max || old {
            self.roll(now)?;
        }
        if self.looked.elapsed() >= LOOK_EVERY {
            self.looked = Instant::now();
            self.look()?;
        }
        Ok(Committed { bytes, sync })
    }

    /// What the journal takes of the disk and what is left, as of a few seconds ago.
    pub fn room(&self) -> Room {
        self.room
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
        self.sync()?;
        self.checkpointer.finish()
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
        self.pending_at = Timestamp::default();
        Ok((bytes, sync))
    }

    fn sync(&mut self) -> Result<Duration, JournalError> {
        let before = Instant::now();
        // After a sync that failed the system takes for written what never reached the disk, and the next sync would
        // succeed without doing anything: it has to be written anew.
        if self.forgotten && self.durable < self.length {
            self.store
                .write_again(self.durable..self.length)
                .map_err(|e| self.failed("write again", e))?;
        }
        self.forgotten = true;
        self.store.sync().map_err(|e| self.failed("sync", e))?;
        self.forgotten = false;
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
        self.retire(now)
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
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}
