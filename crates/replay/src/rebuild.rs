//! The core, rebuilt from a journal: entry by entry, over starts of the engine and changes of its configuration.

use crate::Decisions;
use acd::{Acd, Input, Output};
use journal::{Body, Checkpoint, Entry, Head};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Takes a journal's entries in order and keeps the core that they lead to.
#[derive(Default)]
pub struct Rebuild {
    core: Option<Box<Acd>>,
    /// The run whose entries are being taken.
    epoch: u64,
    /// Number of the next entry.
    next: Option<u64>,
    decisions: Decisions,
    outputs: Vec<Output>,
}

/// Why a state cannot be rebuilt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The log begins in the middle of things.
    #[error("the entries before {next} are gone, and no checkpoint stands in for them")]
    NoBeginning {
        /// The first entry that is there.
        next: u64,
    },
    /// Entries that found no room on a full disk.
    #[error("entries {from} to {to} are missing: the disk had been full")]
    Missing {
        /// The first that is missing.
        from: u64,
        /// The last.
        to: u64,
    },
    /// This version does not take the configuration.
    #[error("this version refuses the configuration of run {epoch}: {why}")]
    Configuration {
        /// The run.
        epoch: u64,
        /// What it says of it.
        why: String,
    },
    /// The state cannot be gone on with under the next run's configuration, or does not read.
    #[error("the state cannot be taken over by run {epoch}: {why}")]
    State {
        /// The run.
        epoch: u64,
        /// Why not.
        why: String,
    },
    /// The core of this version broke off where the one that was running did not.
    #[error("this version's core breaks off at entry {index}")]
    Panicked {
        /// The entry.
        index: u64,
    },
}

/// What an entry came to.
#[derive(Debug, PartialEq)]
pub enum Taken<'a> {
    /// The core was told something, and this is what it asked for.
    Handled {
        /// What it was told.
        input: Input,
        /// What it asked for.
        outputs: &'a [Output],
    },
    /// What the core had decided then, beside what it has decided now.
    Decided {
        /// The hash that was written down.
        recorded: u64,
        /// The hash of this time.
        again: u64,
    },
    /// It means nothing to the core.
    Nothing,
}

impl Rebuild {
    /// Begins with the state of a checkpoint.
    ///
    /// # Errors
    /// When the state does not read.
    pub fn from_checkpoint(checkpoint: &Checkpoint) -> Result<Self, Broken> {
        let restored = Acd::restore(checkpoint.config.clone(), &checkpoint.core);
        let core = restored.map_err(|error| Broken::State {
            epoch: checkpoint.epoch,
            why: error.to_string(),
        })?;
        Ok(Self {
            core: Some(Box::new(core)),
            epoch: checkpoint.epoch,
            next: Some(checkpoint.index),
            decisions: Decisions::from_hash(checkpoint.decided),
            outputs: Vec::new(),
        })
    }

    /// Takes the next entry, with the head of its segment. After an error nothing can be taken but a run that begins
    /// with an empty queue.
    ///
    /// # Errors
    /// Why the state cannot be rebuilt any further.
    pub fn take(&mut self, head: &Head, entry: &Entry) -> Result<Taken<'_>, Broken> {
        self.outputs.clear();
        if head.epoch != self.epoch || self.core.is_none() {
            self.enter(head, entry)?;
        }
        let expected = self.next.replace(entry.index + 1).unwrap_or(entry.index);
        if entry.index != expected {
            self.core = None;
            return Err(Broken::Missing {
                from: expected,
                to: entry.index - 1,
            });
        }
        match &entry.body {
            Body::Input(input) => self.handle(entry, *input),
            Body::Decided(recorded) => Ok(Taken::Decided {
                recorded: *recorded,
                again: self.decisions.hash(),
            }),
            Body::Note(_) => Ok(Taken::Nothing),
        }
    }

    fn handle(&mut self, entry: &Entry, input: Input) -> Result<Taken<'_>, Broken> {
        let (core, outputs) = (&mut self.core, &mut self.outputs);
        // An older journal may hold what this version's core would never have let happen.
        let handled = catch_unwind(AssertUnwindSafe(|| {
            if let Some(core) = core {
                core.handle(entry.at, input, outputs);
            }
        }));
        if handled.is_err() {
            self.core = None;
            return Err(Broken::Panicked { index: entry.index });
        }
        self.decisions.take(&self.outputs);
        Ok(Taken::Handled {
            input,
            outputs: &self.outputs,
        })
    }

    /// Another run's first entry.
    fn enter(&mut self, head: &Head, entry: &Entry) -> Result<(), Broken> {
        let epoch = head.epoch;
        let began = entry.index == head.run_index;
        let next = self.next.replace(entry.index);
        let before = self.core.take();
        let core = if began && !head.continues {
            let core = Acd::new(head.config.clone()).map_err(|error| Broken::Configuration {
                epoch,
                why: error.to_string(),
            })?;
            Box::new(core)
        } else {
            let Some(before) = before else {
                // Nothing further of this run can be taken.
                self.epoch = epoch;
                return Err(Broken::NoBeginning { next: entry.index });
            };
            if next != Some(entry.index) {
                return Err(Broken::Missing {
                    from: next.unwrap_or_default(),
                    to: entry.index.saturating_sub(1),
                });
            }
            taken_over(before, head)?
        };
        self.core = Some(core);
        self.epoch = epoch;
        self.decisions = Decisions::default();
        Ok(())
    }

    /// The core as it is now; none before the first entry.
    pub fn core(&self) -> Option<&Acd> {
        self.core.as_deref()
    }

    /// Takes the recorded decisions for true from here on, so that the next difference shows for itself.
    pub(crate) fn agree(&mut self, recorded: u64) {
        self.decisions = Decisions::from_hash(recorded);
    }
}

/// The state with which a run goes on: the one before it, under the run's own configuration.
fn taken_over(before: Box<Acd>, head: &Head) -> Result<Box<Acd>, Broken> {
    if *before.config() == head.config {
        return Ok(before);
    }
    Acd::restore(head.config.clone(), &before.state())
        .map(Box::new)
        .map_err(|error| Broken::State {
            epoch: head.epoch,
            why: error.to_string(),
        })
}
