//! What the runs before left behind: the core as it was, found by replaying the journal, and what signalling wanted
//! remembered.
//!
//! Always holds: the same entries give the same core, whoever replays them; nothing is carried out meanwhile, since all
//! of it was, or is found out to be missing when the edges are compared with the core.

use crate::numbers::Numbers;
use acd::{Acd, AcdConfig, Output, Timestamp};
use feed::Told;
use journal::{Begins, Body, Entry, Head, Journal, JournalError, Opened, Options, Recovered, Start};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

/// A journal that was read, and what it tells.
pub struct Recovery {
    recovered: Recovered,
    /// The core in the state in which the last run ended, or why there is none.
    past: Past,
    told: Told,
    /// Entries replayed.
    pub entries: u64,
    /// How long that took.
    pub took: Duration,
}

/// The state in which the last run ended.
pub enum Past {
    /// There was no run.
    None,
    /// This one.
    Known(Box<Acd>),
    /// It cannot be known, and why.
    Lost(&'static str),
}

/// What an engine begins with.
pub enum Beginning {
    /// An empty queue.
    Empty(Box<AcdConfig>),
    /// The state in which the last run ended, and the number of the last event that led there.
    Resumed(Box<Acd>, u64),
}

impl From<AcdConfig> for Beginning {
    fn from(config: AcdConfig) -> Self {
        Self::Empty(Box::new(config))
    }
}

/// What was remembered under which key.
pub type Notes = Vec<(String, Vec<u8>)>;

impl Recovery {
    /// Reads the journal in `dir` and replays it. Nothing is changed on disk.
    ///
    /// # Errors
    /// See [`Journal::recover`] and [`Recovered::replay`].
    pub fn read(dir: &Path) -> Result<Self, JournalError> {
        let began = Instant::now();
        let mut recovered = Journal::recover(dir)?;
        let mut replay = Replay::from(recovered.start());
        let mut entries = 0;
        recovered.replay(&mut |head, entry| {
            entries += 1;
            replay.take(head, entry);
        })?;
        Ok(Self {
            recovered,
            past: replay.past,
            told: replay.numbers.finish(),
            entries,
            took: began.elapsed(),
        })
    }

    /// The state in which the last run ended.
    pub fn past(&self) -> &Past {
        &self.past
    }

    /// The events of the last runs, with their numbers, for consoles that go on where they were. Ask if the next run goes
    /// on with the state of the last one: otherwise its events have nothing to do with these.
    pub fn told(&self) -> &Told {
        &self.told
    }

    /// The time of the last entry: a clock must not begin before it.
    pub fn last_at(&self) -> Option<Timestamp> {
        self.recovered.last_at()
    }

    /// Begins the next run: with the state of the last one if that is known and `goes_on`, otherwise with an empty
    /// queue under `config`. Returns what was remembered too.
    ///
    /// # Errors
    /// See [`Recovered::begin`].
    pub fn begin(
        self,
        config: &AcdConfig,
        options: Options,
        now: Timestamp,
        goes_on: bool,
    ) -> Result<(Journal, Opened, Beginning, Notes), JournalError> {
        let notes = self.recovered.notes().iter();
        let notes = notes.map(|(key, value)| (key.clone(), value.to_vec())).collect();
        let (beginning, begins) = match self.past {
            Past::Known(acd) if goes_on => (Beginning::Resumed(acd, self.told.last()), Begins::Continuing),
            _ => (Beginning::from(config.clone()), Begins::Empty),
        };
        let config = match &beginning {
            Beginning::Resumed(acd, _) => acd.config().clone(),
            Beginning::Empty(config) => config.as_ref().clone(),
        };
        let (journal, opened) = self.recovered.begin(&config, options, now, begins)?;
        Ok((journal, opened, beginning, notes))
    }
}

/// A core that is told again what it was told.
struct Replay {
    past: Past,
    /// Number of the entry that must come next.
    next: Option<u64>,
    numbers: Numbers,
    outputs: Vec<Output>,
}

impl From<&Start> for Replay {
    fn from(start: &Start) -> Self {
        let (past, next) = match start {
            Start::Empty => (Past::None, None),
            Start::Checkpoint(checkpoint) => (
                match Acd::restore(checkpoint.config.clone(), &checkpoint.core) {
                    Ok(acd) => Past::Known(Box::new(acd)),
                    Err(error) => {
                        tracing::error!(%error, index = checkpoint.index, "the last checkpoint cannot be used");
                        Past::Lost("its checkpoint is one that this version cannot go on from")
                    }
                },
                Some(checkpoint.index),
            ),
            Start::Unknown => (Past::Lost("its first segments were removed"), None),
        };
        let numbers = match start {
            Start::Checkpoint(checkpoint) => {
                Numbers::from_checkpoint(|key| checkpoint.notes.get(key).map(|value| &**value))
            }
            Start::Empty => Numbers::from_the_beginning(),
            Start::Unknown => Numbers::default(),
        };
        Self {
            past,
            next,
            numbers,
            outputs: Vec::new(),
        }
    }
}

impl Replay {
    fn take(&mut self, head: &Head, entry: Entry) {
        if let Past::None = self.past {
            self.past = match Acd::new(head.config.clone()) {
                Ok(acd) => Past::Known(Box::new(acd)),
                Err(_) => Past::Lost("its configuration is refused by this version"),
            };
        }
        let Past::Known(acd) = &mut self.past else { return };
        if self
            .next
            .replace(entry.index + 1)
            .is_some_and(|next| next != entry.index)
        {
            self.past = Past::Lost("inputs are missing from the journal");
            return;
        }
        self.numbers.in_run(head.epoch);
        let input = match entry.body {
            Body::Input(input) => input,
            Body::Note(note) => {
                return self
                    .numbers
                    .note(&note.key, note.value.as_deref().unwrap_or_default());
            }
            Body::Decided(_) => return,
        };
        // An older journal may hold what this version's core would never have let happen.
        let handled = catch_unwind(AssertUnwindSafe(|| {
            acd.handle(entry.at, input, &mut self.outputs)
        }));
        self.numbers.take(entry.at, &mut self.outputs);
        if handled.is_err() {
            self.past = Past::Lost("it does not replay with this version");
        }
    }
}
