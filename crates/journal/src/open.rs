//! Opening a journal: look at what the last run left, cut a torn tail, begin a new segment.

use crate::read::{Next, Segment, segments};
use crate::write::{Journal, Options, create_private};
use crate::{Entry, Head, JournalError};
use acd::{AcdConfig, Input, Timestamp};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// What opening a journal found.
#[derive(Debug)]
pub struct Opened {
    /// This run's number: 1 for the first, one more with each start.
    pub epoch: u64,
    /// The lowest call id that no earlier run has used.
    pub next_call: u64,
    /// The tail that was cut, if a crash had torn it.
    pub torn: Option<Torn>,
    /// Entries of the last run that were never written because the disk took no more.
    pub missing: u64,
    /// The time of the last entry.
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
    /// Opens the journal in `dir`, which is made if it is not there, and begins a new run with a new segment.
    /// `visit` sees the entries of the last run in order, each with its segment's head.
    ///
    /// # Errors
    /// When the directory cannot be used or is in use, or when a segment of the last run is damaged or of a newer
    /// format. Nothing is changed on disk then, except that a missing directory is made.
    pub fn open(
        dir: &Path,
        config: &AcdConfig,
        options: Options,
        now: Timestamp,
        visit: &mut dyn FnMut(&Head, Entry),
    ) -> Result<(Journal, Opened), JournalError> {
        let failed = |what, source| JournalError::Io {
            what,
            path: dir.to_owned(),
            source,
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|e| failed("create", e))?;
        let lock = lock(dir)?;
        let past = read_last_run(dir, visit)?;
        let torn = past.torn.map(|(path, offset)| cut(path, offset)).transpose()?;
        let opened = Opened {
            epoch: past.epoch + 1,
            next_call: past.next_call,
            torn,
            missing: past.missing,
            last_at: past.last_at,
        };
        let head = Head {
            segment: past.segment + 1,
            epoch: opened.epoch,
            first_index: past.next_index,
            run_index: past.next_index,
            next_call: opened.next_call,
            created: now,
            config: config.clone(),
        };
        Ok((Journal::begin(dir, lock, head, options)?, opened))
    }
}

/// Holds the directory for one engine; the lock goes with the file handle, however the process ends.
fn lock(dir: &Path) -> Result<File, JournalError> {
    let path = dir.join("lock");
    let failed = |source| JournalError::Io {
        what: "lock",
        path: path.clone(),
        source,
    };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(JournalError::InUse { path: dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// What the last run left behind.
struct Past {
    segment: u64,
    epoch: u64,
    next_index: u64,
    next_call: u64,
    missing: u64,
    last_at: Option<Timestamp>,
    torn: Option<(PathBuf, u64)>,
}

fn read_last_run(dir: &Path, visit: &mut dyn FnMut(&Head, Entry)) -> Result<Past, JournalError> {
    let mut past = Past {
        segment: 0,
        epoch: 0,
        next_index: 0,
        next_call: 1,
        missing: 0,
        last_at: None,
        torn: None,
    };
    let found = segments(dir)?;
    let Some((last_number, last_path)) = found.last() else {
        return Ok(past);
    };
    past.segment = *last_number;
    past.epoch = Segment::open(last_path)?.head().epoch;

    let mut run = Vec::new();
    for (_, path) in found.iter().rev() {
        let segment = Segment::open(path)?;
        if segment.head().epoch != past.epoch {
            break;
        }
        past.next_index = segment.head().first_index;
        run.push(path);
    }
    while let Some(path) = run.pop() {
        let mut segment = Segment::open(path)?;
        past.next_call = past.next_call.max(segment.head().next_call);
        loop {
            match segment.read_next()? {
                Next::Frame(entries) => {
                    for entry in entries {
                        past.note(&entry);
                        visit(segment.head(), entry);
                    }
                }
                Next::End => break,
                // Only the segment being written can be torn: those before it were synced when they were closed.
                Next::Torn { offset } if run.is_empty() => {
                    past.torn = Some((path.clone(), offset));
                    break;
                }
                Next::Torn { offset } => {
                    let what = "its end is missing, though later segments exist".to_owned();
                    return Err(JournalError::Damaged {
                        path: path.clone(),
                        offset,
                        what,
                    });
                }
            }
        }
    }
    Ok(past)
}

impl Past {
    fn note(&mut self, entry: &Entry) {
        self.missing += entry.index.saturating_sub(self.next_index);
        self.next_index = entry.index + 1;
        self.last_at = Some(entry.at);
        if let Input::CallArrived { call, .. } = entry.input {
            self.next_call = self.next_call.max(call.0.saturating_add(1));
        }
    }
}

/// Cuts `path` at `offset`, after putting what goes into a file beside it.
fn cut(path: PathBuf, offset: u64) -> Result<Torn, JournalError> {
    let failed = |source| JournalError::Io {
        what: "cut the torn tail of",
        path: path.clone(),
        source,
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .map_err(failed)?;
    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    let kept_in = path.with_extension("torn");
    let mut kept = create_private(&kept_in).map_err(failed)?;
    let bytes = io::copy(&mut Read::by_ref(&mut file), &mut kept).map_err(failed)?;
    kept.sync_all().map_err(failed)?;
    file.set_len(offset).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    Ok(Torn {
        path,
        offset,
        bytes,
        kept_in,
    })
}
