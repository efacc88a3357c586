//! One walk through a journal: every entry is handled again, and what was recorded of it then is held against it.

use crate::rebuild::{Broken, Rebuild, Taken};
use acd::{Input, Output, Snapshot, Timestamp};
use journal::{Body, Checkpoint, Entry, Head, JournalError, Segment, StateHash, checkpoints, segments};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// The first format whose hashes of decisions are [`crate::Decisions`]'.
const COMPARED_SINCE: u32 = 3;

/// Differences named; the others are counted.
const NAMED_MAX: usize = 20;

/// Sees a journal being replayed.
pub trait Watch {
    /// A run of the engine begins, or its first part that can be replayed.
    fn run(&mut self, head: &Head) {
        let _ = head;
    }

    /// What comes before cannot be replayed, and this is the state that a checkpoint tells.
    fn begins(&mut self, state: &Snapshot) {
        let _ = state;
    }

    /// The core was told something at `at`, and asked for `outputs`.
    fn handled(&mut self, at: Timestamp, input: &Input, outputs: &[Output]);

    /// Entries follow that cannot be replayed: what was known of calls and operators is no longer so.
    fn lost(&mut self, why: &str) {
        let _ = why;
    }
}

/// Watches nothing.
impl Watch for () {
    fn handled(&mut self, _: Timestamp, _: &Input, _: &[Output]) {}
}

/// What a replay found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Findings {
    /// Starts of the engine.
    pub runs: u64,
    /// Entries of all kinds.
    pub entries: u64,
    /// What the core was told.
    pub inputs: u64,
    /// Calls that arrived.
    pub calls: u64,
    /// Batches whose recorded decisions were compared.
    pub batches_compared: u64,
    /// Batches of a format whose hashes this version does not make, so that they were not compared.
    pub batches_older: u64,
    /// Checkpoints whose state was compared.
    pub checkpoints_compared: u64,
    /// Time of the first entry, in microseconds since 1970.
    pub first_us: Option<u64>,
    /// Time of the last.
    pub last_us: Option<u64>,
    /// How many differences there are.
    pub differences: u64,
    /// The first of them.
    pub named: Vec<Difference>,
    /// What could not be replayed.
    pub gaps: Vec<Gap>,
}

/// Something that came out otherwise than it was recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The entry at which it shows; it came about since the batch before.
    pub index: u64,
    /// Its time, in microseconds since 1970.
    pub at_us: u64,
    /// What was compared: `decisions` or `state`.
    pub what: &'static str,
    /// The hash that was recorded.
    pub recorded: String,
    /// The hash that came out.
    pub replayed: String,
}

/// Entries that cannot be replayed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gap {
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
    /// Why.
    pub why: String,
}

/// A journal to be walked through; it may be in use meanwhile.
pub struct Walk {
    /// By number.
    segments: Vec<(u64, PathBuf)>,
    /// By index, without their states.
    checkpoints: BTreeMap<u64, PathBuf>,
    until: Timestamp,
    rebuild: Rebuild,
    findings: Findings,
    epoch: u64,
    /// Entries before this one are passed over, and this is the state that they led to.
    from: u64,
    begins: Option<Snapshot>,
}

impl Walk {
    /// Looks what is there. Entries later than `until` are left out.
    ///
    /// # Errors
    /// When the directory cannot be read or holds no journal.
    pub fn new(dir: &Path, until: Option<Timestamp>) -> Result<Self, ReplayError> {
        let segments = segments(dir)?;
        if segments.is_empty() {
            return Err(ReplayError::NoJournal { dir: dir.to_owned() });
        }
        Ok(Self {
            segments,
            checkpoints: checkpoints(dir)?.into_iter().collect(),
            until: until.unwrap_or(Timestamp::from_micros(u64::MAX)),
            rebuild: Rebuild::default(),
            findings: Findings::default(),
            epoch: 0,
            from: 0,
            begins: None,
        })
    }

    /// Begins with the latest checkpoint that is not later than `moment`, if one that old can be used: what came before
    /// is not looked at.
    pub fn since(mut self, moment: Timestamp) -> Self {
        for path in self.checkpoints.values().rev() {
            let Ok(checkpoint) = Checkpoint::read(path) else {
                continue;
            };
            if checkpoint.at > moment {
                continue;
            }
            let Ok(rebuild) = Rebuild::from_checkpoint(&checkpoint) else {
                continue;
            };
            self.begins = rebuild.core().map(|core| core.snapshot());
            self.rebuild = rebuild;
            self.from = checkpoint.index;
            self.segments.retain(|(number, _)| *number >= checkpoint.segment);
            break;
        }
        self
    }

    /// Bytes to be read.
    pub fn bytes(&self) -> u64 {
        let lengths = self
            .segments
            .iter()
            .filter_map(|(_, path)| std::fs::metadata(path).ok());
        lengths.map(|metadata| metadata.len()).sum()
    }

    /// Reads and replays all of it, a frame at a time. `progress` is told the bytes read so far.
    ///
    /// # Errors
    /// When a file cannot be read or is damaged; what is torn at the end is left out.
    pub fn go(
        mut self,
        watch: &mut dyn Watch,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Findings, ReplayError> {
        let mut done = 0;
        for (_, path) in std::mem::take(&mut self.segments) {
            let mut segment = Segment::open(&path)?;
            while let Some(entries) = segment.next_frame()? {
                for entry in &entries {
                    if self.take(&segment, entry, watch).is_break() {
                        return Ok(self.findings);
                    }
                }
                progress(done + segment.offset());
            }
            done += segment.length();
        }
        Ok(self.findings)
    }

    fn take(&mut self, segment: &Segment, entry: &Entry, watch: &mut dyn Watch) -> ControlFlow<()> {
        let head = segment.head();
        if entry.at > self.until {
            return ControlFlow::Break(());
        }
        if entry.index < self.from {
            return ControlFlow::Continue(());
        }
        let findings = &mut self.findings;
        findings.entries += 1;
        findings.first_us = findings.first_us.or(Some(entry.at.as_micros()));
        findings.last_us = Some(entry.at.as_micros());
        if let Body::Input(input) = &entry.body {
            findings.inputs += 1;
            findings.calls += u64::from(matches!(input, Input::CallArrived { .. }));
        }
        if head.epoch != self.epoch {
            self.epoch = head.epoch;
            findings.runs += 1;
            watch.run(head);
        }
        if let Some(state) = self.begins.take() {
            watch.begins(&state);
        }
        self.meet_checkpoint(entry, watch);
        let findings = &mut self.findings;
        match self.rebuild.take(head, entry) {
            Ok(Taken::Handled { input, outputs }) => watch.handled(entry.at, &input, outputs),
            Ok(Taken::Decided { .. }) if segment.version() < COMPARED_SINCE => findings.batches_older += 1,
            Ok(Taken::Decided { recorded, again }) => {
                findings.batches_compared += 1;
                if recorded != again {
                    findings.differs(
                        entry,
                        "decisions",
                        format!("{recorded:016x}"),
                        format!("{again:016x}"),
                    );
                    self.rebuild.agree(recorded);
                }
            }
            Ok(Taken::Nothing) => {}
            Err(broken) => {
                watch.lost(&broken.to_string());
                findings.missed(entry.index, &broken);
            }
        }
        ControlFlow::Continue(())
    }

    /// A checkpoint taken just before this entry: its state is compared, or begun with if there is none.
    fn meet_checkpoint(&mut self, entry: &Entry, watch: &mut dyn Watch) {
        let Some(path) = self.checkpoints.remove(&entry.index) else {
            return;
        };
        // One that does not read is the business of `inspect`.
        let Ok(checkpoint) = Checkpoint::read(&path) else {
            return;
        };
        match self.rebuild.core() {
            Some(core) => {
                self.findings.checkpoints_compared += 1;
                let again = StateHash::of(&core.state());
                if again != checkpoint.hash {
                    self.findings
                        .differs(entry, "state", checkpoint.hash.to_string(), again.to_string());
                }
            }
            None => {
                if let Ok(rebuild) = Rebuild::from_checkpoint(&checkpoint) {
                    if let Some(core) = rebuild.core() {
                        watch.begins(&core.snapshot());
                    }
                    self.rebuild = rebuild;
                }
            }
        }
    }
}

impl Findings {
    /// Whether all came out as it was recorded, and all of it could be replayed.
    pub fn agree(&self) -> bool {
        self.differences == 0 && self.gaps.is_empty()
    }

    fn differs(&mut self, entry: &Entry, what: &'static str, recorded: String, replayed: String) {
        self.differences += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push(Difference {
                index: entry.index,
                at_us: entry.at.as_micros(),
                what,
                recorded,
                replayed,
            });
        }
    }

    fn missed(&mut self, index: u64, broken: &Broken) {
        if let Some(gap) = self.gaps.last_mut()
            && gap.to + 1 == index
        {
            gap.to = index;
            return;
        }
        let from = match broken {
            Broken::Missing { from, .. } => *from,
            _ => index,
        };
        self.gaps.push(Gap {
            from,
            to: index,
            why: broken.to_string(),
        });
    }
}

/// Why a journal cannot be replayed at all.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A file cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Nothing is there.
    #[error("{}: there is no journal; name the directory that `journal.dir` in the configuration names", dir.display())]
    NoJournal {
        /// The directory.
        dir: PathBuf,
    },
}
