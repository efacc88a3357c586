//! The thread that writes a checkpoint, so that the engine's does not wait for the disk.

use crate::JournalError;
use crate::checkpoint::{Checkpoint, StateHash, checkpoints, write_checkpoint};
use crate::read::io_error;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Checkpoints kept: the latest, and one to fall back to.
const KEPT: usize = 2;

/// A checkpoint that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpointed {
    /// Number of the first entry that is not in it.
    pub index: u64,
    /// Its file's length.
    pub bytes: u64,
    /// From having been handed over to being on disk.
    pub took: Duration,
    /// Of the core's state.
    pub hash: StateHash,
    /// From which entry on the log is still needed, if there is a checkpoint to fall back to.
    pub(crate) needed_from: Option<u64>,
}

pub(crate) struct Checkpointer {
    dir: PathBuf,
    busy: Option<JoinHandle<Result<Checkpointed, JournalError>>>,
}

impl Checkpointer {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
            busy: None,
        }
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy.is_some()
    }

    /// Begins to write; returns whether there was a thread for it.
    pub(crate) fn write(&mut self, checkpoint: Checkpoint) -> bool {
        let dir = self.dir.clone();
        let began = Instant::now();
        let work = move || {
            let bytes = write_checkpoint(&dir, &checkpoint)?;
            Ok(Checkpointed {
                index: checkpoint.index,
                bytes,
                took: began.elapsed(),
                hash: checkpoint.hash,
                needed_from: retire(&dir, checkpoint.index)?,
            })
        };
        self.busy = thread::Builder::new().name("checkpoint".into()).spawn(work).ok();
        self.busy.is_some()
    }

    /// What became of the one being written, if that is over.
    pub(crate) fn done(&mut self) -> Option<Result<Checkpointed, JournalError>> {
        let busy = self.busy.take_if(|busy| busy.is_finished())?;
        Some(self.joined(busy))
    }

    /// Waits for the one being written, if there is one.
    pub(crate) fn finish(&mut self) -> Result<(), JournalError> {
        match self.busy.take() {
            Some(busy) => self.joined(busy).map(drop),
            None => Ok(()),
        }
    }

    fn joined(
        &self,
        busy: JoinHandle<Result<Checkpointed, JournalError>>,
    ) -> Result<Checkpointed, JournalError> {
        busy.join().unwrap_or_else(|_| {
            let source = std::io::Error::other("the thread broke off");
            Err(io_error("write a checkpoint in", &self.dir)(source))
        })
    }
}

/// Removes the checkpoints that are not needed any more. Returns the index of the one to fall back to, if there is one.
fn retire(dir: &Path, latest: u64) -> Result<Option<u64>, JournalError> {
    let found = checkpoints(dir)?;
    let mut earlier = found.iter().rev().filter(|(index, _)| *index < latest);
    let fall_back = earlier.nth(KEPT - 2).map(|(index, _)| *index);
    for (_, path) in earlier {
        fs::remove_file(path).map_err(io_error("remove", path))?;
    }
    Ok(fall_back)
}
