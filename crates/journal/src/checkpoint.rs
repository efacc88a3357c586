//! Checkpoints: the core's whole state at one point of the log, with all notes, each in a file of its own.
//!
//! A checkpoint is written beside the log under another name, synced, and renamed: it is whole or it is not there.
//! The two latest are kept, so that a damaged one costs a longer replay and nothing else.

use crate::format::FORMAT_VERSION;
use crate::read::{dir_entries, io_error};
use crate::wire::{Reader, put_varint};
use crate::write::create_private;
use crate::{JournalError, NOTE_KEY_MAX};
use acd::{AcdConfig, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const SUFFIX: &str = "checkpoint";
const MAGIC: &[u8; 8] = b"HOLDSTAT";
/// Magic, version, length of the JSON, checksum.
const FIXED: usize = 20;

/// All notes: the latest of each key.
pub type Notes = BTreeMap<String, Arc<[u8]>>;

/// The core's state at one point of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Number of the first entry that is not in it.
    pub index: u64,
    /// The core's time.
    pub at: Timestamp,
    /// The run that wrote it.
    pub epoch: u64,
    /// The segment that was being written.
    pub segment: u64,
    /// The lowest call id that nothing before it has used.
    pub next_call: u64,
    /// The running hash of what the core had decided.
    pub decided: u64,
    /// The configuration that the state belongs to.
    pub config: AcdConfig,
    /// The state, as the core writes itself.
    pub core: Vec<u8>,
    /// Tells two states apart.
    pub hash: StateHash,
    /// What had been noted.
    pub notes: Notes,
}

/// SHA-256 of a state's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StateHash([u8; 32]);

impl StateHash {
    /// The hash of a state.
    pub fn of(state: &[u8]) -> Self {
        Self(Sha256::digest(state).into())
    }
}

impl fmt::Display for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a checkpoint file says of itself, as JSON.
#[derive(Serialize, Deserialize)]
struct Head {
    index: u64,
    at: Timestamp,
    epoch: u64,
    segment: u64,
    next_call: u64,
    decided: u64,
    config: AcdConfig,
    hash: String,
    core_bytes: u64,
    notes: u64,
}

impl Checkpoint {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let json = serde_json::to_vec(&Head {
            index: self.index,
            at: self.at,
            epoch: self.epoch,
            segment: self.segment,
            next_call: self.next_call,
            decided: self.decided,
            config: self.config.clone(),
            hash: self.hash.to_string(),
            core_bytes: self.core.len() as u64,
            notes: self.notes.len() as u64,
        })?;
        let mut bytes = Vec::with_capacity(FIXED + json.len() + self.core.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&(json.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&json);
        bytes.extend_from_slice(&self.core);
        for (key, value) in &self.notes {
            put_varint(&mut bytes, key.len() as u64);
            bytes.extend_from_slice(key.as_bytes());
            put_varint(&mut bytes, value.len() as u64);
            bytes.extend_from_slice(value);
        }
        let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes[8..16]), &bytes[FIXED..]);
        bytes[16..FIXED].copy_from_slice(&sum.to_le_bytes());
        Ok(bytes)
    }

    /// Reads a checkpoint file.
    ///
    /// # Errors
    /// When it cannot be read, is of a newer format, or is damaged.
    pub fn read(path: &Path) -> Result<Checkpoint, JournalError> {
        let bytes = fs::read(path).map_err(io_error("read", path))?;
        let damaged = |what: &str| JournalError::Damaged {
            path: path.to_owned(),
            offset: 0,
            what: what.to_owned(),
        };
        let mut reader = Reader::new(&bytes);
        let (magic, version, length, sum) = fixed(&mut reader).ok_or_else(|| damaged("it is too short"))?;
        if &magic != MAGIC {
            return Err(damaged("it does not begin as a checkpoint does"));
        }
        if version > FORMAT_VERSION {
            return Err(JournalError::NewerFormat {
                path: path.to_owned(),
                found: version,
                known: FORMAT_VERSION,
            });
        }
        if crc32c::crc32c_append(crc32c::crc32c(&bytes[8..16]), reader.rest()) != sum {
            return Err(damaged("its checksum does not match"));
        }
        body(reader, length).map_err(|what| damaged(&what))
    }
}

fn fixed(reader: &mut Reader<'_>) -> Option<([u8; 8], u32, usize, u32)> {
    let magic = reader.array()?;
    let mut word = || reader.array().map(u32::from_le_bytes);
    Some((magic, word()?, word()? as usize, word()?))
}

/// All behind the checksum. An error is a word on what is wrong.
fn body(mut reader: Reader<'_>, length: usize) -> Result<Checkpoint, String> {
    let json = reader.take(length).ok_or("its head is cut short")?;
    let head: Head = serde_json::from_slice(json)
        .map_err(|e| format!("its head's JSON is not what this version reads ({e})"))?;
    let core = usize::try_from(head.core_bytes)
        .ok()
        .and_then(|length| reader.take(length))
        .ok_or("the core's state is cut short")?;
    let hash = StateHash::of(core);
    if hash.to_string() != head.hash {
        return Err("the core's state is not the one that was hashed".into());
    }
    let mut notes = Notes::new();
    for _ in 0..head.notes {
        let key = reader
            .counted()
            .filter(|key| key.len() <= NOTE_KEY_MAX)
            .and_then(|key| std::str::from_utf8(key).ok())
            .ok_or("a note's key is not one")?;
        let value = reader.counted().ok_or("a note is cut short")?;
        notes.insert(key.to_owned(), value.into());
    }
    Ok(Checkpoint {
        index: head.index,
        at: head.at,
        epoch: head.epoch,
        segment: head.segment,
        next_call: head.next_call,
        decided: head.decided,
        config: head.config,
        core: core.to_vec(),
        hash,
        notes,
    })
}

/// The checkpoints in `dir` by the index in their names, oldest first.
///
/// # Errors
/// When the directory cannot be read.
pub fn checkpoints(dir: &Path) -> Result<Vec<(u64, PathBuf)>, JournalError> {
    dir_entries(dir, SUFFIX)
}

pub(crate) fn checkpoint_path(dir: &Path, index: u64) -> PathBuf {
    dir.join(format!("{index:014}.{SUFFIX}"))
}

/// Writes a checkpoint so that it is whole or not there. Returns its length in bytes.
pub(crate) fn write_checkpoint(dir: &Path, checkpoint: &Checkpoint) -> Result<u64, JournalError> {
    let path = checkpoint_path(dir, checkpoint.index);
    let unfinished = path.with_extension("unfinished");
    let failed = || io_error("write", &path);
    let bytes = checkpoint.encode()?;
    let written = create_private(&unfinished)
        .and_then(|mut file| file.write_all(&bytes).and_then(|()| file.sync_all()));
    if let Err(source) = written {
        // Half a checkpoint only takes up the room that seems to be missing.
        let _ = fs::remove_file(&unfinished);
        return Err(failed()(source));
    }
    fs::rename(&unfinished, &path).map_err(failed())?;
    File::open(dir).and_then(|d| d.sync_all()).map_err(failed())?;
    Ok(bytes.len() as u64)
}
