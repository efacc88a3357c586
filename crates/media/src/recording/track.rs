//! Puts the pieces of both sides in their place in time. Pure.
//!
//! A side's first piece lies where it arrived; those after it where their timestamps say, so that jitter is not
//! heard and what was lost is a silence of its length. When timestamps and arrival part by more than
//! [`DRIFT_MAX`], as after a hold or at another phone, arrival counts again.

use super::{Piece, Side};
use crate::Codec;
use crate::convert::{Decoder, SAMPLES_MAX};
use crate::wav::RATE;

/// Samples by which timestamps may lie away from arrival: 300 ms.
const DRIFT_MAX: u64 = RATE as u64 * 3 / 10;

/// Samples held back before they are given out, for pieces that come late: 500 ms.
const HELD_BACK: u64 = RATE as u64 / 2;

/// Silence given out at once.
const SILENCE_MAX: usize = RATE as usize;

/// Both sides of a recording, on their way to the file.
#[derive(Default)]
pub(super) struct Track {
    /// Samples given out.
    given: u64,
    /// What follows them.
    waiting: Vec<[i16; 2]>,
    /// The arrival of the newest piece, in samples.
    newest: u64,
    sides: [Option<Anchor>; 2],
    decoders: [SideDecoder; 2],
}

/// Makes samples of one side's pieces, which come in the order of their arrival.
#[derive(Default)]
struct SideDecoder(Option<(Codec, Decoder)>);

impl SideDecoder {
    /// The samples of a piece. `None` for what cannot be decoded.
    fn decode<'a>(
        &mut self,
        codec: Codec,
        octets: &[u8],
        samples: &'a mut [i16; SAMPLES_MAX],
    ) -> Option<&'a [i16]> {
        if self.0.as_ref().is_none_or(|(known, _)| *known != codec) {
            self.0 = Some((codec, Decoder::new(codec, RATE)?));
        }
        let (_, decoder) = self.0.as_mut()?;
        let count = decoder.decode(octets, samples)?;
        samples.get(..count)
    }
}

/// Which place a timestamp of a side means.
#[derive(Clone, Copy)]
struct Anchor {
    timestamp: u32,
    place: u64,
    /// Where the side's last piece ended.
    end: u64,
}

impl Track {
    /// Takes in a piece. Gives out what is silent for sure before it, when there is much of that.
    pub(super) fn put(&mut self, piece: &Piece, mut give: impl FnMut(&[[i16; 2]])) {
        let arrival = (piece.at.as_micros() / 125) as u64;
        self.newest = self.newest.max(arrival);
        let side = match piece.side {
            Side::Caller => 0,
            Side::Operator => 1,
        };
        let octets = piece.octets.get(..piece.length).unwrap_or_default();
        let mut samples = [0; SAMPLES_MAX];
        let Some(sound) = self.decoders[side].decode(piece.codec, octets, &mut samples) else {
            return;
        };
        let place = self.place(side, piece, sound.len() as u64, arrival);
        if place > self.given + self.waiting.len() as u64 + 2 * HELD_BACK {
            // A hold: nothing from before can still come.
            self.finish(&mut give);
            while self.given + HELD_BACK < place {
                let silence = (place - self.given).min(SILENCE_MAX as u64) as usize;
                give(&[[0; 2]; SILENCE_MAX][..silence]);
                self.given += silence as u64;
            }
        }
        for (n, heard) in (place..).zip(sound) {
            // What comes too late is lost.
            let Some(at) = n.checked_sub(self.given) else {
                continue;
            };
            let at = at as usize;
            if self.waiting.len() <= at {
                self.waiting.resize(at + 1, [0; 2]);
            }
            if let Some(sample) = self.waiting.get_mut(at).and_then(|frame| frame.get_mut(side)) {
                *sample = *heard;
            }
        }
    }

    /// Gives out what no late piece is awaited for.
    pub(super) fn ripe(&mut self, mut give: impl FnMut(&[[i16; 2]])) {
        let ripe = self.newest.saturating_sub(HELD_BACK).saturating_sub(self.given);
        let ripe = (ripe as usize).min(self.waiting.len());
        if let Some(frames) = self.waiting.get(..ripe).filter(|frames| !frames.is_empty()) {
            give(frames);
            self.waiting.drain(..ripe);
            self.given += ripe as u64;
        }
    }

    /// Gives out all that is there.
    pub(super) fn finish(&mut self, mut give: impl FnMut(&[[i16; 2]])) {
        if !self.waiting.is_empty() {
            give(&self.waiting);
            self.given += self.waiting.len() as u64;
            self.waiting.clear();
        }
    }

    fn place(&mut self, side: usize, piece: &Piece, length: u64, arrival: u64) -> u64 {
        let Some(anchor) = self.sides.get_mut(side) else {
            return arrival;
        };
        let by_timestamp = anchor.filter(|_| !piece.restarted).and_then(|anchor| {
            let ahead = piece.timestamp.wrapping_sub(anchor.timestamp) as i32;
            anchor.place.checked_add_signed(ahead.into())
        });
        let end = anchor.map_or(0, |anchor| anchor.end);
        match by_timestamp.filter(|place| place.abs_diff(arrival) <= DRIFT_MAX) {
            Some(place) => {
                *anchor = Some(Anchor {
                    timestamp: piece.timestamp,
                    place,
                    end: end.max(place + length),
                });
                place
            }
            None => {
                // Never over what the side has said already.
                let place = arrival.max(end);
                *anchor = Some(Anchor {
                    timestamp: piece.timestamp,
                    place,
                    end: place + length,
                });
                place
            }
        }
    }
}
