//! Entries and back: what a frame is made of.

use crate::format::FrameHead;
use crate::input::{input_of_json, put_input, read_input};
use crate::wire::{Reader, put_signed, put_varint};
use acd::{Input, Timestamp};

/// The longest key of a note, in bytes.
pub const NOTE_KEY_MAX: usize = 128;
/// The longest note, in bytes: a SIP dialog with both session descriptions is a tenth of it.
pub const NOTE_MAX: usize = 256 << 10;

/// Call ids with this bit are derived from another call's id rather than drawn, and do not count for the next one.
const CALL_BACK: u64 = 1 << 52;

/// One thing that was written down: its number in the journal, when, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counts from 0 over the whole life of the journal.
    pub index: u64,
    /// The time the core was told, or was about to be told, when it was written.
    pub at: Timestamp,
    /// What was written.
    pub body: Body,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// What the core was told.
    Input(Input),
    /// What somebody else wants to know again after a restart; it means nothing to the core.
    Note(Note),
    /// What the core had decided, up to the inputs before: the running hash of its outputs.
    Decided(u64),
}

/// A key with a value. The latest note of a key counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Such as `leg/17/0`.
    pub key: String,
    /// Opaque; none when what was noted is no longer so.
    pub value: Option<Vec<u8>>,
}

/// An entry that is to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Saying<'a> {
    Input(&'a Input),
    Note { key: &'a str, value: Option<&'a [u8]> },
    Decided(u64),
}

/// The first byte of a body that is no input.
mod kind {
    pub(super) const NOTE: u8 = 1;
    pub(super) const NOTE_GONE: u8 = 2;
    pub(super) const DECIDED: u8 = 3;
}

/// The call id that the next run must not go below, having seen `input`.
pub(crate) fn next_call_after(input: &Input) -> u64 {
    match input {
        Input::CallArrived { call, .. } if call.0 & CALL_BACK == 0 => call.0.saturating_add(1),
        _ => 0,
    }
}

/// Appends an entry to a frame; `before` is the time of the frame's entry before it, 0 for the first.
pub(crate) fn push_entry(
    frame: &mut Vec<u8>,
    scratch: &mut Vec<u8>,
    before: Timestamp,
    at: Timestamp,
    saying: Saying<'_>,
) -> Result<(), serde_json::Error> {
    scratch.clear();
    match saying {
        Saying::Input(input) => put_input(scratch, input)?,
        Saying::Note {
            key,
            value: Some(value),
        } => {
            scratch.push(kind::NOTE);
            put_varint(scratch, key.len() as u64);
            scratch.extend_from_slice(key.as_bytes());
            scratch.extend_from_slice(value);
        }
        Saying::Note { key, value: None } => {
            scratch.push(kind::NOTE_GONE);
            scratch.extend_from_slice(key.as_bytes());
        }
        Saying::Decided(hash) => {
            scratch.push(kind::DECIDED);
            scratch.extend_from_slice(&hash.to_le_bytes());
        }
    }
    put_signed(frame, at.as_micros().wrapping_sub(before.as_micros()) as i64);
    put_varint(frame, scratch.len() as u64);
    frame.extend_from_slice(scratch);
    Ok(())
}

/// The entries of a whole frame. An error is a word on what is wrong: the checksum held, so it is not chance.
pub(crate) fn decode_entries(version: u32, head: FrameHead, bytes: &[u8]) -> Result<Vec<Entry>, String> {
    let mut reader = Reader::new(bytes);
    let mut entries = Vec::new();
    let mut before = Timestamp::default();
    let mut index = head.first_index;
    while !reader.is_empty() {
        let (at, body) = if version == 1 {
            decode_v1(&mut reader, index)?
        } else {
            decode_v2(&mut reader, index, before)?
        };
        entries.push(Entry { index, at, body });
        before = at;
        index += 1;
    }
    Ok(entries)
}

fn decode_v2(reader: &mut Reader<'_>, index: u64, before: Timestamp) -> Result<(Timestamp, Body), String> {
    let short = || format!("entry {index} is cut short");
    let passed = reader.signed().ok_or_else(short)?;
    let at = Timestamp::from_micros(before.as_micros().wrapping_add(passed as u64));
    let mut body = Reader::new(reader.counted().ok_or_else(short)?);
    let body = match body.byte().ok_or_else(short)? {
        kind::NOTE => Body::Note(Note {
            key: text(index, body.counted().ok_or_else(short)?)?,
            value: Some(body.rest().to_vec()),
        }),
        kind::NOTE_GONE => Body::Note(Note {
            key: text(index, body.rest())?,
            value: None,
        }),
        kind::DECIDED => Body::Decided(u64::from_le_bytes(body.array().ok_or_else(short)?)),
        kind => Body::Input(read_input(kind, body).map_err(|what| format!("entry {index} {what}"))?),
    };
    Ok((at, body))
}

/// Version 1: 8 bytes of time, 4 of length, and an input as JSON.
fn decode_v1(reader: &mut Reader<'_>, index: u64) -> Result<(Timestamp, Body), String> {
    let short = || format!("entry {index} is cut short");
    let at = u64::from_le_bytes(reader.array().ok_or_else(short)?);
    let length = u32::from_le_bytes(reader.array().ok_or_else(short)?);
    let json = reader.take(length as usize).ok_or_else(short)?;
    Ok((
        Timestamp::from_micros(at),
        Body::Input(input_of_json(json).map_err(|what| format!("entry {index} {what}"))?),
    ))
}

fn text(index: u64, bytes: &[u8]) -> Result<String, String> {
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| format!("entry {index} has a key that is not text"))
}
