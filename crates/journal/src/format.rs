//! Bytes and back: heads and frames, as the crate's documentation lays them out.

use acd::{AcdConfig, Timestamp};
use serde::{Deserialize, Serialize};

/// The format this program writes, and the highest it reads.
pub const FORMAT_VERSION: u32 = 3;

const MAGIC: &[u8; 8] = b"HOLDFAST";
/// Bytes of a head before its JSON.
pub(crate) const HEAD_FIXED: usize = 20;
/// The longest head's JSON, in bytes: thousands of operators fit.
pub(crate) const HEAD_JSON_MAX: usize = 16 << 20;
/// Bytes of a frame before its entries.
pub(crate) const FRAME_FIXED: usize = 24;
/// The longest frame's entries, in bytes.
pub(crate) const FRAME_MAX: usize = 16 << 20;

/// What a segment says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Its number, which is its file's name too.
    pub segment: u64,
    /// Which run of the engine wrote it: 1 for the first.
    pub epoch: u64,
    /// Number of its first entry.
    pub first_index: u64,
    /// Number of the first entry of its run.
    pub run_index: u64,
    /// Whether the run went on with the state in which the one before it ended; else it began with an empty queue.
    #[serde(default)]
    pub continues: bool,
    /// The lowest call id that no entry before this segment has used; ids of call-backs do not count.
    pub next_call: u64,
    /// When it was made.
    pub created: Timestamp,
    /// What the core was configured with.
    pub config: AcdConfig,
}

/// Why bytes are not a head.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BadHead {
    NotASegment,
    Newer(u32),
    Damaged(&'static str),
}

pub(crate) fn encode_head(head: &Head) -> Result<Vec<u8>, serde_json::Error> {
    let json = serde_json::to_vec(head)?;
    let mut bytes = Vec::with_capacity(HEAD_FIXED + json.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    bytes.extend_from_slice(&(json.len() as u32).to_le_bytes());
    let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes[8..16]), &json);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes.extend_from_slice(&json);
    Ok(bytes)
}

/// The fixed part of a head, as read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadFixed {
    pub(crate) version: u32,
    /// Of the JSON, in bytes.
    pub(crate) length: usize,
    sum: u32,
}

pub(crate) fn decode_head_fixed(fixed: &[u8; HEAD_FIXED]) -> Result<HeadFixed, BadHead> {
    if &fixed[..8] != MAGIC {
        return Err(BadHead::NotASegment);
    }
    let version = u32_at(fixed, 8);
    if version > FORMAT_VERSION {
        return Err(BadHead::Newer(version));
    }
    let length = u32_at(fixed, 12) as usize;
    if length > HEAD_JSON_MAX {
        return Err(BadHead::Damaged("the head's length is out of range"));
    }
    Ok(HeadFixed {
        version,
        length,
        sum: u32_at(fixed, 16),
    })
}

pub(crate) fn decode_head_json(
    bytes: &[u8; HEAD_FIXED],
    fixed: HeadFixed,
    json: &[u8],
) -> Result<Head, BadHead> {
    if crc32c::crc32c_append(crc32c::crc32c(&bytes[8..16]), json) != fixed.sum {
        return Err(BadHead::Damaged("the head's checksum does not match"));
    }
    serde_json::from_slice(json)
        .map_err(|_| BadHead::Damaged("the head's JSON is not what this version reads"))
}

/// A frame under construction: room for its fixed part, then entries.
pub(crate) fn begin_frame(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.resize(FRAME_FIXED, 0);
}

/// Fills in the fixed part of a frame whose entries are complete.
pub(crate) fn finish_frame(buffer: &mut [u8], first_index: u64, durable: u64) {
    let length = (buffer.len() - FRAME_FIXED) as u32;
    buffer[0..4].copy_from_slice(&length.to_le_bytes());
    buffer[8..16].copy_from_slice(&first_index.to_le_bytes());
    buffer[16..24].copy_from_slice(&durable.to_le_bytes());
    let sum = frame_sum(buffer);
    buffer[4..8].copy_from_slice(&sum.to_le_bytes());
}

fn frame_sum(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[0..4]), &frame[8..])
}

/// The fixed part of a frame, as read: nothing in it is trusted before [`frame_is_whole`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct FrameHead {
    pub(crate) length: usize,
    pub(crate) first_index: u64,
    pub(crate) durable: u64,
}

/// Reads the fixed part of a frame, if there are bytes enough and the length is one that is ever written.
pub(crate) fn decode_frame_head(bytes: &[u8]) -> Option<FrameHead> {
    let fixed = bytes.get(..FRAME_FIXED)?;
    let length = u32_at(fixed, 0) as usize;
    (length > 0 && length <= FRAME_MAX).then(|| FrameHead {
        length,
        first_index: u64_at(fixed, 8),
        durable: u64_at(fixed, 16),
    })
}

/// Whether `frame`, cut to its length, has the checksum it carries.
pub(crate) fn frame_is_whole(frame: &[u8]) -> bool {
    frame.len() > FRAME_FIXED && frame_sum(frame) == u32_at(frame, 4)
}

/// Callers have checked that the bytes are there.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}
