//! Cutting a journal knowingly: a damaged part, and what comes after it, is put aside so that a start is possible.
//!
//! Nothing is deleted: what is cut off is moved into files that end in `.cut`.

use crate::inspect::{Holds, Inspection, inspect, readable_after};
use crate::read::{io_error, segments};
use crate::recover::{cut_into, lock};
use crate::{Journal, JournalError};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// What stands in the way of a start, and what taking it out of the way would cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairPlan {
    /// What would be cut, in order.
    pub cuts: Vec<Cut>,
    /// What would be lost with it, as far as it can be read.
    pub lost: Holds,
}

/// One file that would be cut or put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The file.
    pub path: PathBuf,
    /// From where on; none for the whole file.
    pub offset: Option<u64>,
    /// How many bytes.
    pub bytes: u64,
    /// Why.
    pub why: String,
}

/// Finds what stands in the way of a start. Holds the directory meanwhile, since a running engine writes to it.
///
/// # Errors
/// When the directory is in use or cannot be read, or a file in it is of a newer format.
pub fn plan_repair(dir: &Path) -> Result<RepairPlan, JournalError> {
    let recovered = Journal::recover(dir).and_then(|mut recovered| {
        recovered.replay(&mut |_, _| {})?;
        Ok(recovered)
    });
    let (damaged, offset, what) = match recovered {
        Ok(_) => return Ok(RepairPlan::default()),
        Err(JournalError::Damaged { path, offset, what }) => (path, offset, what),
        Err(JournalError::NotASegment { path }) => {
            (path, 0, "it does not begin as a journal segment does".to_owned())
        }
        Err(JournalError::NoWayBack { .. }) => return plan_anew(dir),
        Err(error) => return Err(error),
    };
    plan_cut(dir, &damaged, offset, what)
}

/// Everything from the damage on: entries behind a hole cannot be applied to a state that lacks those in it.
fn plan_cut(dir: &Path, damaged: &Path, offset: u64, what: String) -> Result<RepairPlan, JournalError> {
    let mut plan = RepairPlan::default();
    let mut reached = false;
    for (_, path) in segments(dir)? {
        let bytes = fs::metadata(&path).map_err(io_error("read", &path))?.len();
        if path == damaged {
            reached = true;
            if offset > 0 {
                plan.lost.add(&readable_after(&path, offset)?);
            }
            plan.cuts.push(Cut {
                offset: (offset > 0).then_some(offset),
                bytes: bytes - offset.min(bytes),
                why: what.clone(),
                path,
            });
        } else if reached {
            if let Ok(holds) = readable_after(&path, 0) {
                plan.lost.add(&holds);
            }
            plan.cuts.push(Cut {
                path,
                offset: None,
                bytes,
                why: "it comes after the damage".to_owned(),
            });
        }
    }
    Ok(plan)
}

/// No checkpoint reads and the log's beginning is gone: only an empty queue is left to begin with.
fn plan_anew(dir: &Path) -> Result<RepairPlan, JournalError> {
    let Inspection { checkpoints, .. } = inspect(dir, &mut |_| {})?;
    let mut plan = RepairPlan::default();
    for report in checkpoints {
        if let Err(why) = report.content {
            plan.cuts.push(Cut {
                path: report.path,
                offset: None,
                bytes: report.bytes,
                why: format!("{why}; and the log no longer reaches back to its beginning"),
            });
        }
    }
    Ok(plan)
}

impl RepairPlan {
    /// Whether a start is possible as things are.
    pub fn is_needless(&self) -> bool {
        self.cuts.is_empty()
    }

    /// Carries it out. Later files go first, so that a crash in between leaves something that can be repaired again.
    ///
    /// # Errors
    /// When the directory is in use or the disk fails.
    pub fn carry_out(&self, dir: &Path) -> Result<(), JournalError> {
        let _lock = lock(dir)?;
        for cut in self.cuts.iter().rev() {
            let aside = aside(&cut.path);
            match cut.offset {
                Some(offset) => drop(cut_into(&cut.path, offset, &aside)?),
                None => fs::rename(&cut.path, &aside).map_err(io_error("put aside", &cut.path))?,
            }
        }
        File::open(dir)
            .and_then(|d| d.sync_all())
            .map_err(io_error("sync", dir))
    }
}

/// Where what is cut off goes: a name that is not taken.
fn aside(path: &Path) -> PathBuf {
    let name = |n: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(if n == 0 {
            ".cut".to_owned()
        } else {
            format!(".{n}.cut")
        });
        PathBuf::from(name)
    };
    (0..)
        .map(name)
        .find(|name| !name.exists())
        .unwrap_or_else(|| name(0))
}
