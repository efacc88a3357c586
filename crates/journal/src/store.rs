//! The one file that is being written, behind a trait so that tests can make the disk fail at will.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

/// A file that grows at its end.
pub(crate) trait Store: Send {
    /// Writes all of `bytes` at the end; after an error any part of them may be there.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes everything written so far survive a loss of power.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to `length` bytes and goes on from there.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Store for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.seek(SeekFrom::Start(length)).map(drop)
    }
}
