//! What can go wrong with a journal, and what to do about it.

use std::io;
use std::path::PathBuf;

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
        "journal: {} is damaged at byte {offset}: {what}. Nothing was changed. \
         Restore the file from a backup, or move it away to start without it",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
        /// What was found there.
        what: String,
    },
    /// An input would not become JSON, which no input of the core does.
    #[error("journal: cannot encode: {0}")]
    Encode(#[from] serde_json::Error),
}
