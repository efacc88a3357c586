//! Turns one leg's sound into another codec, for the pairs of legs that share none beyond the laws of G.711.
//!
//! **Always holds**
//! - One packet in, one packet out, of the same duration and with the same number in its stream: what is lost on the
//!   way to us is missing for the peer as well, who conceals it as any loss. There is no jitter buffer here.
//! - Decoders and encoders remember, so packets are taken in order: one that comes late is not sent. For lost ones
//!   Opus's decoder is told, so that its memory fades as the sender's listener is meant to hear it.
//! - Memory is taken when a pair of codecs is first seen and not for a packet.

use crate::metrics::Reason;
use crate::{Codec, g722};
use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};
use opus::{Application, Channels};
use std::f32::consts::PI;
use std::fmt;

/// Samples a second of G.711, of G.722's lower band, and of Opus beside G.711.
pub(crate) const NARROW: u32 = 8_000;

/// Samples a second of G.722, and of Opus beside it.
const WIDE: u32 = 16_000;

/// The longest packet that is converted: Opus's longest (RFC 6716 §2.1.4).
const PACKET_MS_MAX: usize = 120;

/// Samples in it.
pub(crate) const SAMPLES_MAX: usize = WIDE as usize / 1_000 * PACKET_MS_MAX;

/// Octets of a converted packet, at most: that many milliseconds of Opus at far more than [`OPUS_BITRATE`], or of G.711.
pub(crate) const OCTETS_MAX: usize = 1_276;

/// Opus as we make it, in bits a second: transparent for speech of 8 kHz bandwidth.
pub(crate) const OPUS_BITRATE: i32 = 24_000;

/// How hard Opus's encoder tries, of 10, while somebody talks: above this speech gains little and time is lost to others.
const OPUS_COMPLEXITY: i32 = 3;

/// Lost packets that a decoder is told of, at most: after so much nothing of its memory is of use.
const LOST_MAX: u16 = 5;

/// The way from one codec to another.
pub(crate) struct Conversion {
    from: Codec,
    to: Codec,
    decoder: Decoder,
    encoder: Encoder,
    /// The sequence number of the newest packet.
    newest: Option<u16>,
    samples: [i16; SAMPLES_MAX],
    octets: [u8; OCTETS_MAX],
}

/// Makes samples of a codec's packets. It remembers, so packets are to come in order.
pub(crate) enum Decoder {
    ALaw,
    MuLaw,
    G722(g722::Decoder),
    /// Of the two bands the lower one is all that a narrow codec can carry.
    G722Low(g722::Decoder),
    Opus(opus::Decoder),
}

#[expect(
    clippy::large_enum_variant,
    reason = "it lies in a box with all the rest of a conversion"
)]
/// Makes a codec's packets of samples.
pub(crate) enum Encoder {
    ALaw,
    MuLaw,
    G722(g722::Encoder, Option<Doubler>),
    Opus(opus::Encoder, opus::Repacketizer, u32),
}

impl Conversion {
    /// From one codec to another. `None` when the Opus library refuses.
    pub(crate) fn new(from: Codec, to: Codec) -> Option<Box<Self>> {
        let narrow = [from, to]
            .iter()
            .any(|codec| matches!(codec, Codec::Pcma | Codec::Pcmu));
        let rate = if narrow { NARROW } else { WIDE };
        Some(Box::new(Self {
            from,
            to,
            decoder: Decoder::new(from, rate)?,
            encoder: Encoder::new(to, rate)?,
            newest: None,
            samples: [0; SAMPLES_MAX],
            octets: [0; OCTETS_MAX],
        }))
    }

    /// Whether it is the way between these.
    pub(crate) fn is(&self, from: Codec, to: Codec) -> bool {
        (self.from, self.to) == (from, to)
    }

    /// The payload of a packet in the other codec.
    pub(crate) fn convert(&mut self, sequence: u16, payload: &[u8]) -> Result<&[u8], Reason> {
        let ahead = self.newest.map_or(1, |newest| sequence.wrapping_sub(newest));
        if (ahead as i16) <= 0 {
            return Err(Reason::Late);
        }
        self.newest = Some(sequence);
        self.conceal(ahead - 1);
        let decoded = self
            .decoder
            .decode(payload, &mut self.samples)
            .ok_or(Reason::Codec)?;
        let length = self
            .encoder
            .encode(&mut self.samples, decoded, &mut self.octets)
            .ok_or(Reason::Codec)?;
        self.octets.get(..length).ok_or(Reason::Codec)
    }

    /// Lets the decoder's memory fade over lost packets; what it makes up is the peer's to make up.
    fn conceal(&mut self, lost: u16) {
        let Decoder::Opus(decoder) = &mut self.decoder else {
            return;
        };
        let Ok(duration) = decoder.get_last_packet_duration() else {
            return;
        };
        for _ in 0..lost.min(LOST_MAX) {
            if let Some(room) = self.samples.get_mut(..duration as usize) {
                let _ = decoder.decode(&[], room, false);
            }
        }
    }
}

impl Decoder {
    /// A decoder that gives `rate` samples a second, [`NARROW`] or (but for G.711) [`WIDE`]. `None` when the Opus library
    /// refuses.
    pub(crate) fn new(codec: Codec, rate: u32) -> Option<Self> {
        Some(match codec {
            Codec::Pcma => Decoder::ALaw,
            Codec::Pcmu => Decoder::MuLaw,
            Codec::G722 if rate == NARROW => Decoder::G722Low(g722::Decoder::default()),
            Codec::G722 => Decoder::G722(g722::Decoder::default()),
            Codec::Opus => Decoder::Opus(opus::Decoder::new(rate, Channels::Mono).ok()?),
        })
    }

    /// Decodes a packet. Gives the number of samples, or `None` for what cannot be decoded.
    pub(crate) fn decode(&mut self, payload: &[u8], samples: &mut [i16; SAMPLES_MAX]) -> Option<usize> {
        let law = |decode: fn(u8) -> i16, samples: &mut [i16]| {
            let room = samples.get_mut(..payload.len())?;
            for (sample, &octet) in room.iter_mut().zip(payload) {
                *sample = decode(octet);
            }
            Some(payload.len())
        };
        match self {
            Decoder::ALaw => law(decode_alaw, samples),
            Decoder::MuLaw => law(decode_ulaw, samples),
            Decoder::G722(decoder) => decoder.decode(payload, samples),
            Decoder::G722Low(decoder) => decoder.decode_low(payload, samples),
            Decoder::Opus(_) if payload.is_empty() => None,
            Decoder::Opus(decoder) => decoder.decode(payload, samples, false).ok(),
        }
        .filter(|&decoded| decoded > 0)
    }
}

impl Encoder {
    /// An encoder of `rate` samples a second, [`NARROW`] or (but for G.711) [`WIDE`]. `None` when the Opus library refuses.
    pub(crate) fn new(codec: Codec, rate: u32) -> Option<Self> {
        Some(match codec {
            Codec::Pcma => Encoder::ALaw,
            Codec::Pcmu => Encoder::MuLaw,
            Codec::G722 => Encoder::G722(g722::Encoder::default(), (rate == NARROW).then(Doubler::new)),
            Codec::Opus => Encoder::Opus(opus_encoder(rate)?, opus::Repacketizer::new().ok()?, rate),
        })
    }

    /// Encodes the first `decoded` samples, which it may write over. Gives the number of octets.
    pub(crate) fn encode(
        &mut self,
        samples: &mut [i16; SAMPLES_MAX],
        decoded: usize,
        octets: &mut [u8; OCTETS_MAX],
    ) -> Option<usize> {
        let law = |encode: fn(i16) -> u8, octets: &mut [u8]| {
            let room = octets.get_mut(..decoded)?;
            for (octet, &sample) in room.iter_mut().zip(&*samples) {
                *octet = encode(sample);
            }
            Some(decoded)
        };
        match self {
            Encoder::ALaw => law(encode_alaw, octets),
            Encoder::MuLaw => law(encode_ulaw, octets),
            Encoder::G722(encoder, doubler) => {
                let length = match doubler {
                    Some(doubler) => doubler.double(samples, decoded)?,
                    None => decoded,
                };
                encoder.encode(samples.get(..length)?, octets)
            }
            Encoder::Opus(encoder, packer, rate) => {
                encode_opus(encoder, packer, *rate, samples.get(..decoded)?, octets)
            }
        }
    }
}

impl fmt::Debug for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversion")
            .field("from", &self.from)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

/// An encoder for speech.
fn opus_encoder(rate: u32) -> Option<opus::Encoder> {
    let mut encoder = opus::Encoder::new(rate, Channels::Mono, Application::Voip).ok()?;
    encoder.set_bitrate(opus::Bitrate::Bits(OPUS_BITRATE)).ok()?;
    encoder.set_complexity(OPUS_COMPLEXITY).ok()?;
    Some(encoder)
}

/// One packet of any duration that a packet of Opus can have. Frames are of 2.5, 5, 10, 20, 40 or 60 ms (RFC 6716
/// §2.1.4), so that 30 ms are put together from three.
fn encode_opus(
    encoder: &mut opus::Encoder,
    packer: &mut opus::Repacketizer,
    rate: u32,
    samples: &[i16],
    octets: &mut [u8; OCTETS_MAX],
) -> Option<usize> {
    const FRAMES_MAX: usize = PACKET_MS_MAX / 10;
    /// One frame of 10 ms at our bit rate has some 30 octets.
    const FRAME_OCTETS_MAX: usize = 100;
    let ten_ms = rate as usize / 100;
    let quarters = samples.len() * 4 / ten_ms;
    if (samples.len() * 4).is_multiple_of(ten_ms)
        && matches!(quarters, 1 | 2 | 4 | 8 | 16 | 24 | 32 | 40 | 48)
    {
        return encoder.encode(samples, octets).ok();
    }
    let frames = samples.chunks_exact(ten_ms);
    if !frames.remainder().is_empty() || frames.len() > FRAMES_MAX {
        return None;
    }
    let mut encoded = [[0u8; FRAME_OCTETS_MAX]; FRAMES_MAX];
    let mut lengths = [0; FRAMES_MAX];
    let count = frames.len();
    for ((frame, room), length) in frames.zip(&mut encoded).zip(&mut lengths) {
        *length = encoder.encode(frame, room).ok()?;
    }
    let mut packing = packer.begin();
    for (frame, &length) in encoded.iter().zip(&lengths).take(count) {
        packing.cat(frame.get(..length)?).ok()?;
    }
    packing.out(octets).ok()
}

/// Neighbours of a sample, on each side, that a new one between two is made of.
const REACH: usize = 8;

/// Doubles the sampling rate: every second sample is an old one, those between are interpolated by a windowed sinc
/// (half-band filter, flat to 3.4 kHz within 0.1 dB, images 50 dB down from 4.6 kHz on). One millisecond of delay.
pub(crate) struct Doubler {
    /// The last samples of the packet before, oldest first.
    past: [f32; 2 * REACH - 1],
    weights: [f32; REACH],
}

impl Doubler {
    fn new() -> Self {
        let weight = |j: usize| {
            let distance = j as f32 + 0.5;
            let window = 0.5 + 0.5 * (PI * distance / (REACH as f32 + 0.5)).cos();
            (PI * distance).sin() / (PI * distance) * window
        };
        Self {
            past: [0.0; 2 * REACH - 1],
            weights: std::array::from_fn(weight),
        }
    }

    /// Doubles the first `count` samples in place. Gives the new count, or `None` if there is no room.
    fn double(&mut self, samples: &mut [i16; SAMPLES_MAX], count: usize) -> Option<usize> {
        const NARROW_MAX: usize = SAMPLES_MAX / 2;
        if count > NARROW_MAX {
            return None;
        }
        let mut line = [0.0; NARROW_MAX + 2 * REACH - 1];
        let (before, rest) = line.split_at_mut(self.past.len());
        before.copy_from_slice(&self.past);
        for (to, &from) in rest.iter_mut().zip(samples.iter().take(count)) {
            *to = f32::from(from);
        }
        for (around, pair) in line
            .windows(2 * REACH)
            .zip(samples.chunks_exact_mut(2))
            .take(count)
        {
            let (left, right) = around.split_at(REACH);
            let between: f32 = left
                .iter()
                .rev()
                .zip(right)
                .zip(&self.weights)
                .map(|((a, b), weight)| (a + b) * weight)
                .sum();
            if let ([.., old], [first, second]) = (left, pair) {
                (*first, *second) = (*old as i16, between.round() as i16);
            }
        }
        let newest = line.get(count..count + self.past.len())?;
        self.past.copy_from_slice(newest);
        Some(count * 2)
    }
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
