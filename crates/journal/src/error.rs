//! What can go wrong with a journal, and what to do about it.

use crate::{NOTE_KEY_MAX, NOTE_MAX};
use std::io;
use std::path::{Path, PathBuf};

/// A journal that cannot be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The operating system refused; most often a missing permission or a full disk.
    #[error("journal: cannot {what} {}: {source}", path.display())]
    Io {
        /// What was tried, such as `create`.
        what: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another engine has this directory open.
    #[error(
        "journal: {} is in use by another engine; stop that one, or give this one its own `journal.dir`",
        path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// Not a journal's segment at all.
    #[error("journal: {} does not begin as a journal segment does; move it out of the directory", path.display())]
    NotASegment {
        /// The file.
        path: PathBuf,
    },
    /// Written by a later version of Holdfast.
    #[error(
        "journal: {} has format version {found}, and this program reads up to {known}; \
         start the version that wrote it, or move the file away",
        path.display()
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The highest that is understood.
        known: u32,
    },
    /// Bytes that were once safely on disk are no longer what they were.
    #[error(
        "journal: {} is damaged at byte {offset}: {what}. Nothing was changed. Restore the file from a backup; or see \
         what is there with `holdfast journal inspect {dir}`, and cut the damage knowingly with \
         `holdfast journal repair {dir}`",
        path.display(), dir = directory(path)
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
        /// What was found there.
        what: String,
    },
    /// No checkpoint can be read, and the entries before the first of them are gone.
    #[error(
        "journal: the state cannot be rebuilt: checkpoint {} is damaged ({why}), and the log no longer reaches back to \
         its beginning. Nothing was changed. Restore the file from a backup; or move it away to start with an empty \
         queue. `holdfast journal inspect {dir}` shows what is there",
        path.display(), dir = directory(path)
    )]
    NoWayBack {
        /// The latest checkpoint.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The disk failed a moment ago and is not tried again yet.
    #[error("journal: {} could not be written a moment ago; it is tried again shortly", path.display())]
    StillFailing {
        /// The file.
        path: PathBuf,
    },
    /// A note beyond the limits, which its writer should know.
    #[error(
        "journal: the note {key:?} has {bytes} bytes; at most {NOTE_MAX} under a key of {NOTE_KEY_MAX} are kept"
    )]
    NoteTooLong {
        /// Its key.
        key: String,
        /// Its length.
        bytes: usize,
    },
    /// An input would not become JSON, which no input of the core does.
    #[error("journal: cannot encode: {0}")]
    Encode(#[from] serde_json::Error),
}

/// The directory a file lies in, to be named in a command.
fn directory(path: &Path) -> impl std::fmt::Display {
    path.parent().unwrap_or(Path::new(".")).display()
}
