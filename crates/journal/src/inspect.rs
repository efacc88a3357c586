//! Looking at a journal without touching it: what is there, and where it is damaged.

use crate::checkpoint::{Checkpoint, checkpoints};
use crate::entry::Body;
use crate::read::{Next, Segment, segments};
use crate::{Head, JournalError};
use acd::{Input, Timestamp};
use std::fs;
use std::path::{Path, PathBuf};

/// A journal's directory, looked at.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Every segment, oldest first.
    pub segments: Vec<SegmentReport>,
    /// Every checkpoint, oldest first.
    pub checkpoints: Vec<CheckpointReport>,
}

/// One segment, looked at.
#[derive(Clone, Debug)]
pub struct SegmentReport {
    /// The file.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Its format and what it says of itself, if that can be read.
    pub head: Option<(u32, Head)>,
    /// What it holds up to its end.
    pub holds: Holds,
    /// How it ends.
    pub end: End,
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// All entries.
    pub entries: u64,
    /// Those that are inputs.
    pub inputs: u64,
    /// Those that are notes.
    pub notes: u64,
    /// Calls that arrived.
    pub calls: u64,
    /// Time of the first entry.
    pub first_at: Option<Timestamp>,
    /// Time of the last.
    pub last_at: Option<Timestamp>,
    /// Number of the last.
    pub last_index: Option<u64>,
}

/// How a segment ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With its last whole frame.
    Whole,
    /// With bytes that a crash tore, or that are just being written.
    Torn {
        /// Where they begin.
        offset: u64,
    },
    /// With damage: what comes after it cannot be trusted.
    Damaged {
        /// Where it begins.
        offset: u64,
        /// What is wrong.
        what: String,
    },
    /// It cannot be read at all.
    Unreadable {
        /// Why.
        what: String,
    },
}

/// One checkpoint, looked at.
#[derive(Clone, Debug)]
pub struct CheckpointReport {
    /// The file.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// What it holds, or why it cannot be read.
    pub content: Result<Checkpoint, String>,
}

impl Holds {
    fn count(&mut self, index: u64, at: Timestamp, body: &Body) {
        self.entries += 1;
        match body {
            Body::Input(input) => {
                self.inputs += 1;
                self.calls += u64::from(matches!(input, Input::CallArrived { .. }));
            }
            Body::Note(_) => self.notes += 1,
            Body::Decided(_) => {}
        }
        self.first_at = self.first_at.or(Some(at));
        self.last_at = Some(at);
        self.last_index = Some(index);
    }

    /// Adds what `more` holds, which comes after.
    pub fn add(&mut self, more: &Holds) {
        self.entries += more.entries;
        self.inputs += more.inputs;
        self.notes += more.notes;
        self.calls += more.calls;
        self.first_at = self.first_at.or(more.first_at);
        self.last_at = more.last_at.or(self.last_at);
        self.last_index = more.last_index.or(self.last_index);
    }
}

/// Reads all of a journal, which may be in use. `progress` is told the bytes read so far.
///
/// # Errors
/// When the directory cannot be read; what is wrong with a file is in its report.
pub fn inspect(dir: &Path, progress: &mut dyn FnMut(u64)) -> Result<Inspection, JournalError> {
    let mut done = 0;
    let mut reports = Vec::new();
    for (_, path) in segments(dir)? {
        let report = look_at(&path, &mut |bytes| progress(done + bytes));
        done += report.bytes;
        reports.push(report);
    }
    // Only the segment being written can be torn: those before it were synced when they were closed.
    for index in 1..reports.len() {
        let (before, after) = reports.split_at_mut(index);
        if let (Some(SegmentReport { end, .. }), true) = (before.last_mut(), !after.is_empty())
            && let End::Torn { offset } = *end
        {
            let what = "its end is missing, though later segments exist".to_owned();
            *end = End::Damaged { offset, what };
        }
    }
    let checkpoints = checkpoints(dir)?.into_iter().map(|(_, path)| CheckpointReport {
        bytes: fs::metadata(&path).map_or(0, |m| m.len()),
        content: Checkpoint::read(&path).map_err(|error| why(&error)),
        path,
    });
    Ok(Inspection {
        segments: reports,
        checkpoints: checkpoints.collect(),
    })
}

fn look_at(path: &Path, progress: &mut dyn FnMut(u64)) -> SegmentReport {
    let mut report = SegmentReport {
        path: path.to_owned(),
        bytes: fs::metadata(path).map_or(0, |m| m.len()),
        head: None,
        holds: Holds::default(),
        end: End::Whole,
    };
    let mut segment = match Segment::open(path) {
        Ok(segment) => segment,
        Err(error) => {
            report.end = End::Unreadable { what: why(&error) };
            return report;
        }
    };
    report.head = Some((segment.version(), segment.head().clone()));
    loop {
        progress(segment.offset());
        match segment.read_next() {
            Ok(Next::Frame(entries)) => {
                for entry in entries {
                    report.holds.count(entry.index, entry.at, &entry.body);
                }
            }
            Ok(Next::End) => return report,
            Ok(Next::Torn { offset }) => {
                report.end = End::Torn { offset };
                return report;
            }
            Err(error) => {
                report.end = match error {
                    JournalError::Damaged { offset, what, .. } => End::Damaged { offset, what },
                    error => End::Unreadable { what: why(&error) },
                };
                return report;
            }
        }
    }
}

/// An error's part that is about the file rather than what to do.
fn why(error: &JournalError) -> String {
    match error {
        JournalError::Damaged { what, .. } => what.clone(),
        JournalError::NotASegment { .. } => "it does not begin as a journal segment does".to_owned(),
        JournalError::NewerFormat { found, known, .. } => {
            format!("it has format version {found}, and this program reads up to {known}")
        }
        JournalError::Io { source, .. } => source.to_string(),
        other => other.to_string(),
    }
}

/// What whole frames stand behind `offset` of a segment, where it is damaged: what a cut there would take away.
pub(crate) fn readable_after(path: &Path, offset: u64) -> Result<Holds, JournalError> {
    let mut holds = Holds::default();
    for entry in Segment::open(path)?.salvage(offset)? {
        holds.count(entry.index, entry.at, &entry.body);
    }
    Ok(holds)
}
