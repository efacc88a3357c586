//! What a leg hears that hears more than one other: their sum, a frame at a time.
//!
//! Each party's sound waits in a [`Cushion`] of its own until a frame is due, so it is heard some 40 ms later than by way of
//! the relay. All is mixed at 8,000 samples a second, whatever the codecs; what is too loud together is cut off. Memory is
//! taken when the legs are connected and when a codec is first seen, not for a packet.

use crate::convert::{Decoder, Encoder, NARROW, SAMPLES_MAX};
use crate::cushion::Cushion;
use crate::music::MusicPlace;
use crate::packet::FRAME;
use crate::player::Source;
use crate::{Codec, Library, clip};
use audio_codec_algorithms::encode_alaw;
use std::fmt;

/// Legs that can be connected with each other: a call's two, one more that they take in, and one that listens.
pub const PARTIES_MAX: usize = 4;

/// Samples of the longest packet of ours: 60 ms.
const MIXED_MAX: usize = 3 * FRAME as usize;

/// The sum of other legs' sound.
pub(crate) struct Mix {
    parties: Vec<Party>,
    encoder: Option<(Codec, Encoder)>,
    /// What was mixed last, and so many samples.
    samples: [i16; SAMPLES_MAX],
    mixed: usize,
    /// Samples mixed so far.
    clock: u32,
    /// Times that a party's sound ran out, not told yet.
    ran_out: u64,
}

struct Party {
    slot: usize,
    decoder: Option<(Codec, Decoder)>,
    cushion: Cushion,
}

impl Mix {
    /// The sum of the legs in these slots.
    pub(crate) fn of(slots: &[usize]) -> Box<Self> {
        let party = |&slot| Party {
            slot,
            decoder: None,
            cushion: Cushion::default(),
        };
        Box::new(Self {
            parties: slots.iter().map(party).collect(),
            encoder: None,
            samples: [0; SAMPLES_MAX],
            mixed: 0,
            clock: 0,
            ran_out: 0,
        })
    }

    /// The slots of the legs that are heard.
    pub(crate) fn slots(&self) -> impl Iterator<Item = usize> {
        self.parties.iter().map(|party| party.slot)
    }

    /// One leg is heard no more.
    pub(crate) fn leave_out(&mut self, slot: usize) {
        self.parties.retain(|party| party.slot != slot);
    }

    /// Takes in what a leg sent. False when it cannot be decoded.
    pub(crate) fn take_in(
        &mut self,
        slot: usize,
        codec: Codec,
        timestamp: u32,
        first: bool,
        sound: &[u8],
    ) -> bool {
        let Some(party) = self.parties.iter_mut().find(|party| party.slot == slot) else {
            return true;
        };
        if party.decoder.as_ref().is_none_or(|(known, _)| *known != codec) {
            party.decoder = Decoder::new(codec, NARROW).map(|decoder| (codec, decoder));
        }
        let mut samples = [0; SAMPLES_MAX];
        let decoded = party
            .decoder
            .as_mut()
            .and_then(|(_, decoder)| decoder.decode(sound, &mut samples));
        let Some(decoded) = decoded.and_then(|count| samples.get(..count)) else {
            return false;
        };
        party.cushion.put(timestamp, first, decoded);
        true
    }

    /// What was mixed last, in A-law for a recording: its place on a clock of its own, and its octets.
    pub(crate) fn last(&self) -> (u32, impl Iterator<Item = u8>) {
        let samples = self.samples.get(..self.mixed).unwrap_or_default();
        let start = self.clock.wrapping_sub(samples.len() as u32);
        (start, samples.iter().map(|&sample| encode_alaw(sample)))
    }

    /// Times that a party's sound ran out since this was asked last.
    pub(crate) fn ran_out(&mut self) -> u64 {
        std::mem::take(&mut self.ran_out)
    }

    fn mix(&mut self, length: usize) {
        let mut sum = [0; MIXED_MAX];
        let Some(due) = sum.get_mut(..length) else { return };
        for party in &mut self.parties {
            self.ran_out += u64::from(party.cushion.add_to(due));
        }
        for (sample, sum) in self.samples.iter_mut().zip(due) {
            *sample = (*sum).clamp(i16::MIN.into(), i16::MAX.into()) as i16;
        }
        self.mixed = length;
        self.clock = self.clock.wrapping_add(length as u32);
    }

    /// Encodes what was mixed last. Gives the number of octets, or `None` when it cannot be done.
    fn encode(&mut self, codec: Codec, to: &mut [u8]) -> Option<usize> {
        if self.encoder.as_ref().is_none_or(|(known, _)| *known != codec) {
            self.encoder = Some((codec, Encoder::new(codec, NARROW)?));
        }
        let (_, encoder) = self.encoder.as_mut()?;
        let mut octets = [0; crate::convert::OCTETS_MAX];
        // The encoder may write over its input, and a recording wants that too.
        let mut samples = self.samples;
        let length = encoder.encode(&mut samples, self.mixed, &mut octets)?;
        to.get_mut(..length)?.copy_from_slice(octets.get(..length)?);
        Some(length)
    }
}

impl Source for Mix {
    fn fill(&mut self, frame: &mut [u8], _: &Library, codec: Codec, _: &mut MusicPlace) -> bool {
        self.mix(frame.len());
        if self.encode(codec, frame) != Some(frame.len()) {
            clip::fill_with_silence(codec, frame);
        }
        true
    }

    fn fill_opus(&mut self, frame: &mut [u8], _: &Library, _: &mut MusicPlace) -> (usize, bool) {
        self.mix(FRAME as usize);
        let length = self.encode(Codec::Opus, frame).unwrap_or_else(|| {
            let silence = clip::opus_silence();
            let length = silence.len().min(frame.len());
            frame.iter_mut().zip(silence).for_each(|(to, from)| *to = *from);
            length
        });
        (length, true)
    }
}

impl fmt::Debug for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.slots()).finish()
    }
}
