//! What earlier runs left: the last good checkpoint, the entries after it, a torn tail; then a new run begins.

use crate::checkpoint::{Checkpoint, Notes, checkpoints};
use crate::entry::{Body, Entry, next_call_after};
use crate::read::{Next, Segment, io_error, segments};
use crate::write::{Journal, Kept, create_private};
use crate::{Head, JournalError, Options};
use acd::{AcdConfig, Timestamp};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What a journal's directory holds of earlier runs. Nothing is changed on disk before [`Recovered::begin`], but the
/// directory is this engine's from now on.
#[derive(Debug)]
pub struct Recovered {
    dir: PathBuf,
    lock: File,
    start: Start,
    passed_over: Vec<PassedOver>,
    /// Segments to be read, the last one first; then those that were read.
    to_read: Vec<PathBuf>,
    past: Past,
    notes: Notes,
}

/// From what the state can be rebuilt.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// From an empty queue and all entries: there is no checkpoint yet.
    Empty,
    /// From this and the entries after it.
    Checkpoint(Box<Checkpoint>),
    /// From nothing: the entries at the beginning were removed, and no checkpoint stands in for them.
    Unknown,
}

/// A checkpoint that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}

/// How a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begins {
    /// With an empty queue.
    Empty,
    /// With the state in which the run before it ended.
    Continuing,
}

/// What a run that has begun should know.
#[derive(Debug)]
pub struct Opened {
    /// This run's number: 1 for the first, one more with each start.
    pub epoch: u64,
    /// The lowest call id that no earlier run has used.
    pub next_call: u64,
    /// The tail that was cut, if a crash had torn it.
    pub torn: Option<Torn>,
    /// Entries after the checkpoint that were never written because the disk took no more.
    pub missing: u64,
    /// The time of the last entry: a clock should not begin before it.
    pub last_at: Option<Timestamp>,
}

/// A tail that was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The segment.
    pub path: PathBuf,
    /// Where it was cut.
    pub offset: u64,
    /// How many bytes went.
    pub bytes: u64,
    /// Where they were put, for whoever wants to look.
    pub kept_in: PathBuf,
}

impl Journal {
    /// Looks at the journal in `dir`, which is made if it is not there. Next: take the state from
    /// [`Recovered::start`], the rest from [`Recovered::replay`], and [`Recovered::begin`].
    ///
    /// # Errors
    /// When the directory cannot be used or is in use, when a file is damaged or of a newer format, or when all
    /// checkpoints are damaged and the log does not reach back to the beginning.
    pub fn recover(dir: &Path) -> Result<Recovered, JournalError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(io_error("create", dir))?;
        let lock = lock(dir)?;
        let (checkpoint, passed_over) = last_good_checkpoint(dir)?;
        let found = segments(dir)?;
        let mut past = Past::default();
        let (start, to_read) = plan(&found, checkpoint, &mut past)?;
        if let (Start::Unknown, Some(first)) = (&start, passed_over.first()) {
            return Err(JournalError::NoWayBack {
                path: first.path.clone(),
                why: first.why.clone(),
            });
        }
        let mut notes = Notes::new();
        if let Start::Checkpoint(checkpoint) = &start {
            notes.clone_from(&checkpoint.notes);
        }
        Ok(Recovered {
            dir: dir.to_owned(),
            lock,
            start,
            passed_over,
            to_read,
            past,
            notes,
        })
    }

    /// Begins a run with an empty queue, whatever was before; `visit` sees what [`Recovered::replay`] hands out.
    ///
    /// # Errors
    /// Those of [`Journal::recover`], [`Recovered::replay`] and [`Recovered::begin`].
    pub fn open(
        dir: &Path,
        config: &AcdConfig,
        options: Options,
        now: Timestamp,
        visit: &mut dyn FnMut(&Head, Entry),
    ) -> Result<(Journal, Opened), JournalError> {
        let mut recovered = Self::recover(dir)?;
        recovered.replay(visit)?;
        recovered.begin(config, options, now, Begins::Empty)
    }
}

impl Recovered {
    /// What the entries are to be applied to.
    pub fn start(&self) -> &Start {
        &self.start
    }

    /// Checkpoints newer than the one used, which are damaged.
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.passed_over
    }

    /// Hands out the entries after [`Self::start`] in order, each with the head of its segment: when the head's
    /// `epoch` is another than before, a later run went on under the head's configuration. Reads a frame at a time.
    /// A second call hands out nothing.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] and the like, with file and offset. Nothing is changed on disk.
    pub fn replay(&mut self, visit: &mut dyn FnMut(&Head, Entry)) -> Result<(), JournalError> {
        let from = match &self.start {
            Start::Checkpoint(checkpoint) => checkpoint.index,
            Start::Empty | Start::Unknown => 0,
        };
        while let Some(path) = self.to_read.pop() {
            let mut segment = Segment::open(&path)?;
            self.past.enter(&path, &segment, from)?;
            loop {
                let offset = segment.offset();
                match segment.read_next()? {
                    Next::Frame(entries) => {
                        for entry in entries {
                            self.past.take(&path, offset, &entry, from)?;
                            if entry.index < from {
                                continue;
                            }
                            if let Body::Note(note) = &entry.body {
                                remember(&mut self.notes, &note.key, note.value.as_deref());
                            }
                            visit(segment.head(), entry);
                        }
                    }
                    Next::End => break,
                    // Only the segment being written can be torn: those before it were synced when they were closed.
                    Next::Torn { offset } if self.to_read.is_empty() => {
                        self.past.torn = Some((path, offset));
                        break;
                    }
                    Next::Torn { offset } => {
                        let what = "its end is missing, though later segments exist".to_owned();
                        return Err(JournalError::Damaged { path, offset, what });
                    }
                }
            }
        }
        Ok(())
    }

    /// The latest note of each key, as far as [`Self::replay`] has come.
    pub fn notes(&self) -> &Notes {
        &self.notes
    }

    /// The time of the last entry handed out, or of the checkpoint.
    pub fn last_at(&self) -> Option<Timestamp> {
        self.past.last_at
    }

    /// Cuts a torn tail and begins a new run in a new segment. Notes stay, however the run begins. What was not
    /// asked for by [`Self::replay`] is read now.
    ///
    /// # Errors
    /// When the disk is full or fails, or what is read now is damaged.
    pub fn begin(
        mut self,
        config: &AcdConfig,
        options: Options,
        now: Timestamp,
        begins: Begins,
    ) -> Result<(Journal, Opened), JournalError> {
        self.replay(&mut |_, _| {})?;
        let past = self.past;
        let torn = past.torn.map(|(path, offset)| cut(path, offset)).transpose()?;
        let opened = Opened {
            epoch: past.epoch + 1,
            next_call: past.next_call,
            torn,
            missing: past.missing,
            last_at: past.last_at,
        };
        let continues = begins == Begins::Continuing;
        let head = Head {
            segment: past.segment + 1,
            epoch: opened.epoch,
            first_index: past.next_index,
            run_index: past.next_index,
            continues,
            next_call: opened.next_call,
            created: now,
            config: config.clone(),
        };
        let kept = Kept {
            needed_from: match self.start {
                // Should the checkpoint be damaged later, the one before it is needed with what follows it.
                Start::Checkpoint(checkpoint) if continues => checkpoints(&self.dir)?
                    .iter()
                    .rev()
                    .map(|(index, _)| *index)
                    .find(|index| *index < checkpoint.index)
                    .unwrap_or(past.first_index),
                Start::Empty if continues => past.first_index,
                _ => past.next_index,
            },
            notes: self.notes,
        };
        Ok((Journal::begin(&self.dir, self.lock, head, options, kept)?, opened))
    }
}

pub(crate) fn remember(notes: &mut Notes, key: &str, value: Option<&[u8]>) {
    match value {
        Some(value) => {
            if let Some(slot) = notes.get_mut(key) {
                *slot = value.into();
            } else {
                notes.insert(key.to_owned(), value.into());
            }
        }
        None => drop(notes.remove(key)),
    }
}

/// Holds the directory for one engine; the lock goes with the file handle, however the process ends.
pub(crate) fn lock(dir: &Path) -> Result<File, JournalError> {
    let path = dir.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(io_error("lock", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse { path: dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(io_error("lock", &path)(source)),
    }
}

/// The latest checkpoint that is whole, and the later ones that are not.
fn last_good_checkpoint(dir: &Path) -> Result<(Option<Checkpoint>, Vec<PassedOver>), JournalError> {
    let mut passed_over = Vec::new();
    for (_, path) in checkpoints(dir)?.into_iter().rev() {
        match Checkpoint::read(&path) {
            Ok(checkpoint) => return Ok((Some(checkpoint), passed_over)),
            Err(JournalError::Damaged { what, .. }) => passed_over.push(PassedOver { path, why: what }),
            Err(error) => return Err(error),
        }
    }
    Ok((None, passed_over))
}

/// Finds what the state can be rebuilt from and which segments are to be read for it, the last one first.
fn plan(
    found: &[(u64, PathBuf)],
    checkpoint: Option<Checkpoint>,
    past: &mut Past,
) -> Result<(Start, Vec<PathBuf>), JournalError> {
    let mut checkpoint = checkpoint;
    let mut to_read = Vec::new();
    let mut start = None;
    if let Some((number, path)) = found.last() {
        past.segment = *number;
        past.epoch = Segment::open(path)?.head().epoch;
    }
    for (_, path) in found.iter().rev() {
        let segment = Segment::open(path)?;
        let head = segment.head();
        to_read.push(path.clone());
        past.first_index = head.first_index;
        let begins_empty = !head.continues && head.first_index == head.run_index;
        // A checkpoint from before a run that began with an empty queue tells nothing of that run.
        if checkpoint
            .as_ref()
            .is_some_and(|c| head.first_index <= c.index && (c.epoch >= head.epoch || !begins_empty))
        {
            break;
        }
        if begins_empty {
            checkpoint = None;
            start = Some(Start::Empty);
            break;
        }
    }
    let reaches = checkpoint
        .as_ref()
        .is_some_and(|c| to_read.is_empty() || past.first_index <= c.index);
    let start = match (start, checkpoint) {
        (Some(start), _) => start,
        (None, Some(checkpoint)) if reaches => {
            past.segment = past.segment.max(checkpoint.segment);
            past.epoch = past.epoch.max(checkpoint.epoch);
            past.next_index = checkpoint.index;
            past.next_call = checkpoint.next_call;
            past.last_at = Some(checkpoint.at);
            Start::Checkpoint(Box::new(checkpoint))
        }
        (None, _) if to_read.is_empty() => Start::Empty,
        (None, _) => Start::Unknown,
    };
    Ok((start, to_read))
}

/// What the entries read so far tell.
#[derive(Debug)]
struct Past {
    segment: u64,
    epoch: u64,
    /// Number of the first entry in the first segment read.
    first_index: u64,
    next_index: u64,
    next_call: u64,
    missing: u64,
    last_at: Option<Timestamp>,
    torn: Option<(PathBuf, u64)>,
}

impl Default for Past {
    fn default() -> Self {
        Self {
            segment: 0,
            epoch: 0,
            first_index: 0,
            next_index: 0,
            next_call: 1,
            missing: 0,
            last_at: None,
            torn: None,
        }
    }
}

impl Past {
    /// A segment begins.
    fn enter(&mut self, path: &Path, segment: &Segment, from: u64) -> Result<(), JournalError> {
        let head = segment.head();
        self.next_call = self.next_call.max(head.next_call);
        if head.first_index == self.first_index {
            self.next_index = self.next_index.max(head.first_index);
        }
        self.follows(path, segment.offset(), head.first_index, from)
    }

    fn take(&mut self, path: &Path, offset: u64, entry: &Entry, from: u64) -> Result<(), JournalError> {
        self.follows(path, offset, entry.index, from)?;
        if entry.index < from {
            return Ok(());
        }
        self.next_index = entry.index + 1;
        self.last_at = self.last_at.max(Some(entry.at));
        if let Body::Input(input) = &entry.body {
            self.next_call = self.next_call.max(next_call_after(input));
        }
        Ok(())
    }

    /// Entries are numbered in one line: a number that was there before belongs to another journal, and numbers left
    /// out are entries that found no room.
    fn follows(&mut self, path: &Path, offset: u64, index: u64, from: u64) -> Result<(), JournalError> {
        if index < self.next_index && index >= from {
            return Err(JournalError::Damaged {
                path: path.to_owned(),
                offset,
                what: format!(
                    "entry {index} comes after entry {}: files of two journals are mixed here",
                    self.next_index.saturating_sub(1)
                ),
            });
        }
        if index > self.next_index {
            self.missing += index - self.next_index;
            self.next_index = index;
        }
        Ok(())
    }
}

/// Cuts `path` at `offset`, after putting what goes into a file beside it.
fn cut(path: PathBuf, offset: u64) -> Result<Torn, JournalError> {
    let kept_in = path.with_extension("torn");
    let bytes = cut_into(&path, offset, &kept_in)?;
    Ok(Torn {
        path,
        offset,
        bytes,
        kept_in,
    })
}

/// Cuts `path` at `offset`; what goes is in `aside` first. Returns how many bytes that are.
pub(crate) fn cut_into(path: &Path, offset: u64, aside: &Path) -> Result<u64, JournalError> {
    let failed = || io_error("cut", path);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(failed())?;
    file.seek(SeekFrom::Start(offset)).map_err(failed())?;
    let mut kept = create_private(aside).map_err(failed())?;
    let bytes = io::copy(&mut Read::by_ref(&mut file), &mut kept).map_err(failed())?;
    kept.sync_all().map_err(failed())?;
    file.set_len(offset).map_err(failed())?;
    file.sync_all().map_err(failed())?;
    Ok(bytes)
}
