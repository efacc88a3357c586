//! Reading segments back: frame by frame, telling a torn tail from damage.

use crate::entry::decode_entries;
use crate::format::{
    BadHead, FORMAT_VERSION, FRAME_FIXED, FrameHead, HEAD_FIXED, HeadFixed, decode_frame_head,
    decode_head_fixed, decode_head_json, frame_is_whole,
};
use crate::{Entry, Head, JournalError};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

const SUFFIX: &str = "journal";

/// The segments in `dir` by number, oldest first.
///
/// # Errors
/// When the directory cannot be read.
pub fn segments(dir: &Path) -> Result<Vec<(u64, PathBuf)>, JournalError> {
    dir_entries(dir, SUFFIX)
}

/// Files in `dir` that are called by a number and `suffix`, in the order of their numbers.
pub(crate) fn dir_entries(dir: &Path, suffix: &str) -> Result<Vec<(u64, PathBuf)>, JournalError> {
    let failed = || io_error("list", dir);
    let mut found = Vec::new();
    for item in std::fs::read_dir(dir).map_err(failed())? {
        let path = item.map_err(failed())?.path();
        let number = path
            .file_stem()
            .and_then(|s| s.to_str())
            .and_then(|s| s.parse::<u64>().ok());
        if let Some(number) = number
            && path.extension().is_some_and(|e| e == suffix)
        {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Says on which file `what` failed.
pub(crate) fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::Io { what, path, source }
}

pub(crate) fn segment_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:010}.{SUFFIX}"))
}

/// One segment, read from its beginning. Frames are handed out whole, in order.
pub struct Segment {
    path: PathBuf,
    version: u32,
    head: Head,
    file: io::BufReader<File>,
    /// Where the next frame begins.
    offset: u64,
    /// How long the file was when it was opened.
    length: u64,
    frame: Vec<u8>,
}

/// What stands at the place of the next frame.
pub(crate) enum Next {
    Frame(Vec<Entry>),
    End,
    /// A crash tore the tail: no readable frame vouches for anything from `offset` on.
    Torn {
        offset: u64,
    },
}

impl Segment {
    /// Opens a segment and reads its head.
    ///
    /// # Errors
    /// When the file cannot be read, is no segment, is of a newer format, or its head is damaged.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let failed = || io_error("read", path);
        let file = File::open(path).map_err(failed())?;
        let length = file.metadata().map_err(failed())?.len();
        let mut file = io::BufReader::with_capacity(256 << 10, file);
        let (fixed, head) = read_head(&mut file, path)?;
        let offset = (HEAD_FIXED + fixed.length) as u64;
        Ok(Self {
            path: path.to_owned(),
            version: fixed.version,
            head,
            file,
            offset,
            length,
            frame: Vec::new(),
        })
    }

    /// What the segment says of itself.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The format it is written in.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// How long the file was when it was opened, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Where the next frame begins, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next frame's entries; `None` at the end, a torn tail counting as the end.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when what had been on disk no longer reads.
    pub fn next_frame(&mut self) -> Result<Option<Vec<Entry>>, JournalError> {
        match self.read_next()? {
            Next::Frame(entries) => Ok(Some(entries)),
            Next::End | Next::Torn { .. } => Ok(None),
        }
    }

    pub(crate) fn read_next(&mut self) -> Result<Next, JournalError> {
        if self.offset == self.length {
            return Ok(Next::End);
        }
        match self.fill_frame()? {
            Some(head) => {
                let entries = decode_entries(self.version, head, &self.frame[FRAME_FIXED..])
                    .map_err(|what| self.damaged(what))?;
                self.offset += self.frame.len() as u64;
                Ok(Next::Frame(entries))
            }
            None => self.judge_bad_frame(),
        }
    }

    /// Reads the next frame into `self.frame`; `None` when it is not whole.
    fn fill_frame(&mut self) -> Result<Option<FrameHead>, JournalError> {
        let left = self.length - self.offset;
        if left < FRAME_FIXED as u64 {
            return Ok(None);
        }
        self.frame.resize(FRAME_FIXED, 0);
        self.file
            .read_exact(&mut self.frame)
            .map_err(io_error("read", &self.path))?;
        let Some(head) = decode_frame_head(&self.frame) else {
            return Ok(None);
        };
        if (FRAME_FIXED + head.length) as u64 > left {
            return Ok(None);
        }
        self.frame.resize(FRAME_FIXED + head.length, 0);
        self.file
            .read_exact(&mut self.frame[FRAME_FIXED..])
            .map_err(io_error("read", &self.path))?;
        Ok(frame_is_whole(&self.frame).then_some(head))
    }

    /// The frame at `self.offset` does not read. If a later one says that these bytes had been on disk, they were
    /// damaged since; otherwise nobody was ever told of them, and a crash tore them.
    fn judge_bad_frame(&self) -> Result<Next, JournalError> {
        let rest = self.bytes_from(self.offset)?;
        let vouched = (1..rest.len()).any(|at| {
            let frame = &rest[at..];
            decode_frame_head(frame).is_some_and(|head| {
                head.durable > self.offset
                    && head.durable <= self.offset + at as u64
                    && frame.get(..FRAME_FIXED + head.length).is_some_and(frame_is_whole)
            })
        });
        if vouched {
            return Err(self.damaged("a frame's checksum does not match, though it was once on disk".into()));
        }
        Ok(Next::Torn { offset: self.offset })
    }

    /// The entries of all frames that are whole, from `offset` on, wherever they begin.
    pub(crate) fn salvage(&self, offset: u64) -> Result<Vec<Entry>, JournalError> {
        let rest = self.bytes_from(offset.max(self.offset))?;
        let mut entries = Vec::new();
        let mut at = 0;
        while let Some(bytes) = rest.get(at..).filter(|bytes| !bytes.is_empty()) {
            let whole = decode_frame_head(bytes)
                .and_then(|head| Some((head, bytes.get(..FRAME_FIXED + head.length)?)))
                .filter(|(_, frame)| frame_is_whole(frame));
            match whole {
                Some((head, frame)) => {
                    if let Ok(more) = decode_entries(self.version, head, &frame[FRAME_FIXED..]) {
                        entries.extend(more);
                    }
                    at += frame.len();
                }
                None => at += 1,
            }
        }
        Ok(entries)
    }

    fn bytes_from(&self, offset: u64) -> Result<Vec<u8>, JournalError> {
        let failed = || io_error("read", &self.path);
        let mut file = File::open(&self.path).map_err(failed())?;
        io::Seek::seek(&mut file, io::SeekFrom::Start(offset)).map_err(failed())?;
        let mut rest = Vec::new();
        file.take(self.length.saturating_sub(offset))
            .read_to_end(&mut rest)
            .map_err(failed())?;
        Ok(rest)
    }

    fn damaged(&self, what: String) -> JournalError {
        JournalError::Damaged {
            path: self.path.clone(),
            offset: self.offset,
            what,
        }
    }
}

fn read_head(file: &mut impl Read, path: &Path) -> Result<(HeadFixed, Head), JournalError> {
    let short = |source: io::Error| match source.kind() {
        io::ErrorKind::UnexpectedEof => JournalError::NotASegment {
            path: path.to_owned(),
        },
        _ => JournalError::Io {
            what: "read",
            path: path.to_owned(),
            source,
        },
    };
    let bad = |bad| match bad {
        BadHead::NotASegment => JournalError::NotASegment {
            path: path.to_owned(),
        },
        BadHead::Newer(found) => JournalError::NewerFormat {
            path: path.to_owned(),
            found,
            known: FORMAT_VERSION,
        },
        BadHead::Damaged(what) => JournalError::Damaged {
            path: path.to_owned(),
            offset: 0,
            what: what.to_owned(),
        },
    };
    let mut bytes = [0; HEAD_FIXED];
    file.read_exact(&mut bytes).map_err(short)?;
    let fixed = decode_head_fixed(&bytes).map_err(bad)?;
    let mut json = Vec::new();
    file.take(fixed.length as u64)
        .read_to_end(&mut json)
        .map_err(short)?;
    Ok((fixed, decode_head_json(&bytes, fixed, &json).map_err(bad)?))
}
