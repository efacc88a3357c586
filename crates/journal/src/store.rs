//! The one file that is being written, behind a trait so that tests can make the disk fail at will.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// A file that grows at its end.
pub(crate) trait Store: Send {
    /// Writes all of `bytes` at the end; after an error any part of them may be there.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes everything written so far survive a loss of power.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file to `length` bytes and goes on from there.
    fn cut(&mut self, length: u64) -> io::Result<()>;
    /// Reads the bytes in `range` back and writes them again where they stand.
    fn write_again(&mut self, range: Range<u64>) -> io::Result<()>;
}

/// Bytes written again at a time.
const AGAIN: u64 = 1 << 20;

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

    fn write_again(&mut self, range: Range<u64>) -> io::Result<()> {
        let mut buffer = Vec::new();
        let mut at = range.start;
        while at < range.end {
            buffer.resize((range.end - at).min(AGAIN) as usize, 0);
            self.read_exact_at(&mut buffer, at)?;
            self.write_all_at(&buffer, at)?;
            at += buffer.len() as u64;
        }
        Ok(())
    }
}
