//! A sound kept encoded in every codec: a packet needs only a copy of some of its octets.

use crate::decode::{Sound, WIDE};
use crate::packet::FRAME;
use crate::{Codec, g722};
use audio_codec_algorithms::{encode_alaw, encode_ulaw};
use opus::{Application, Channels};
use std::sync::{LazyLock, OnceLock};

/// Opus as prompts and music are kept, in bits a second: music of 8 kHz bandwidth without artefacts that a phone shows.
const OPUS_BITRATE: i32 = 32_000;

/// How hard Opus's encoder tries, of 10. It has time, once, at start.
const OPUS_COMPLEXITY: i32 = 5;

/// Octets of a frame of 20 ms at that rate, at most: more than twice the mean.
pub(crate) const OPUS_FRAME_MAX: usize = 240;

/// One sound. G.711 is there from the beginning; the codecs that take longer to make are there once they are made.
#[derive(Debug)]
pub(crate) struct Clip {
    pcma: Box<[u8]>,
    pcmu: Box<[u8]>,
    g722: OnceLock<Box<[u8]>>,
    opus: OnceLock<Frames>,
}

/// Packets of Opus of 20 ms, one after the other.
#[derive(Debug)]
struct Frames {
    octets: Box<[u8]>,
    ends: Box<[u32]>,
}

impl Clip {
    /// Encodes in both laws.
    pub(crate) fn encode(samples: &[i16]) -> Self {
        Self {
            pcma: samples.iter().map(|&s| encode_alaw(s)).collect(),
            pcmu: samples.iter().map(|&s| encode_ulaw(s)).collect(),
            g722: OnceLock::new(),
            opus: OnceLock::new(),
        }
    }

    /// Encodes in another codec too. Once; more often is the same.
    pub(crate) fn encode_also(&self, codec: Codec, wide: &[i16]) {
        match codec {
            Codec::Pcma | Codec::Pcmu => {}
            Codec::G722 => drop(self.g722.set(encode_g722(wide, self.samples()))),
            Codec::Opus => drop(self.opus.set(Frames::encode(wide, self.samples()))),
        }
    }

    /// Its length, in samples of 8,000 a second.
    pub(crate) fn samples(&self) -> usize {
        self.pcma.len()
    }

    /// The encoded samples from `at` on, one octet each. `None` for a codec that has no octet for a sample, or that is
    /// not made yet.
    pub(crate) fn octets(&self, codec: Codec, at: usize) -> Option<&[u8]> {
        let all = match codec {
            Codec::Pcma => &self.pcma,
            Codec::Pcmu => &self.pcmu,
            Codec::G722 => self.g722.get()?,
            Codec::Opus => return None,
        };
        all.get(at..)
    }

    /// The packet of Opus that holds the sample at `at`.
    pub(crate) fn opus_frame(&self, at: usize) -> Option<&[u8]> {
        self.opus.get()?.get(at / FRAME as usize)
    }
}

impl Frames {
    fn encode(wide: &[i16], samples: usize) -> Self {
        const FRAME_WIDE: usize = WIDE as usize / 50;
        let mut all = Frames {
            octets: Box::default(),
            ends: Box::default(),
        };
        let Some(mut encoder) = opus_encoder() else {
            tracing::error!("the Opus library makes no encoder: prompts and music are silent in Opus");
            return all;
        };
        let mut octets = Vec::new();
        let mut ends = Vec::new();
        for n in 0..samples.div_ceil(FRAME as usize) {
            let mut frame = [0; FRAME_WIDE];
            let from = wide.get(n * FRAME_WIDE..).unwrap_or_default();
            for (to, &from) in frame.iter_mut().zip(from) {
                *to = from;
            }
            let mut packet = [0; OPUS_FRAME_MAX];
            let length = encoder.encode(&frame, &mut packet).unwrap_or(0);
            octets.extend(packet.iter().take(length));
            ends.push(u32::try_from(octets.len()).unwrap_or(u32::MAX));
        }
        (all.octets, all.ends) = (octets.into(), ends.into());
        all
    }

    fn get(&self, n: usize) -> Option<&[u8]> {
        let start = match n.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.octets.get(start as usize..*self.ends.get(n)? as usize)
    }
}

/// An encoder whose frames lean on each other as little as may be: a listener comes in at any of them, and prompts are
/// put together from parts.
fn opus_encoder() -> Option<opus::Encoder> {
    let mut encoder = opus::Encoder::new(WIDE, Channels::Mono, Application::Audio).ok()?;
    encoder.set_bitrate(opus::Bitrate::Bits(OPUS_BITRATE)).ok()?;
    encoder.set_complexity(OPUS_COMPLEXITY).ok()?;
    encoder.set_prediction_disabled(true).ok()?;
    Some(encoder)
}

fn encode_g722(wide: &[i16], samples: usize) -> Box<[u8]> {
    let mut wide = wide.to_vec();
    wide.resize(samples * 2, 0);
    let mut octets = vec![0; samples];
    // There is room for all.
    let _ = g722::Encoder::default().encode(&wide, &mut octets);
    octets.into()
}

/// A stretch of silence in a codec that has an octet for each sample.
pub(crate) fn fill_with_silence(codec: Codec, octets: &mut [u8]) {
    /// The smallest difference in either band, which lets a decoder's scales shrink to where it is none.
    const G722: u8 = 0xfd;
    octets.fill(match codec {
        Codec::Pcma => encode_alaw(0),
        Codec::Pcmu => encode_ulaw(0),
        Codec::G722 | Codec::Opus => G722,
    });
}

/// A packet of silence in Opus.
pub(crate) fn opus_silence() -> &'static [u8] {
    static SILENCE: LazyLock<Box<[u8]>> = LazyLock::new(|| {
        Frames::encode(&[], FRAME as usize * 2)
            .get(1)
            .unwrap_or_default()
            .into()
    });
    &SILENCE
}

impl Clip {
    /// Encodes in all of `codecs`, as far as that is not done.
    pub(crate) fn complete(&self, sound: Sound, codecs: &[Codec]) {
        if codecs.is_empty() {
            return;
        }
        let wide = sound.into_wide();
        for &codec in codecs {
            self.encode_also(codec, &wide);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio_codec_algorithms::{decode_alaw, decode_ulaw};
    use std::f64::consts::TAU;

    fn tone(samples: usize) -> Vec<i16> {
        (0..samples)
            .map(|i| (9_000.0 * (TAU * 700.0 * i as f64 / 8_000.0).sin()) as i16)
            .collect()
    }

    /// The share of the power at 700 Hz in the last half.
    fn purity(samples: &[i16], rate: f64) -> f64 {
        let half = &samples[samples.len() / 2..];
        let (mut re, mut im, mut power) = (0.0, 0.0, 1.0);
        for (i, &s) in half.iter().enumerate() {
            let (s, phase) = (f64::from(s), TAU * 700.0 * i as f64 / rate);
            re += s * phase.cos();
            im += s * phase.sin();
            power += s * s;
        }
        2.0 * (re * re + im * im) / half.len() as f64 / power
    }

    #[test]
    fn a_clip_holds_the_same_sound_in_every_codec() {
        let samples = tone(8_100);
        let clip = Clip::encode(&samples);
        assert_eq!(clip.octets(Codec::G722, 0), None, "not made yet");
        clip.complete(Sound::of_narrow(samples), &[Codec::G722, Codec::Opus]);
        assert_eq!(clip.samples(), 8_100);
        for (codec, decode) in [
            (Codec::Pcma, decode_alaw as fn(u8) -> i16),
            (Codec::Pcmu, decode_ulaw),
        ] {
            let decoded: Vec<i16> = clip
                .octets(codec, 0)
                .expect("it is there")
                .iter()
                .map(|&o| decode(o))
                .collect();
            assert!(purity(&decoded, 8_000.0) > 0.999);
        }
        let encoded = clip.octets(Codec::G722, 0).expect("it is there");
        assert_eq!(encoded.len(), 8_100);
        let mut decoded = vec![0; 16_200];
        assert_eq!(
            g722::Decoder::default().decode(encoded, &mut decoded),
            Some(16_200)
        );
        assert!(purity(&decoded, 16_000.0) > 0.999);
        let mut decoder = opus::Decoder::new(16_000, Channels::Mono).expect("a decoder");
        let mut decoded = vec![];
        for n in 0..51 {
            let mut frame = [0; 320];
            let packet = clip.opus_frame(n * 160 + 7).expect("51 frames of 20 ms");
            assert_eq!(decoder.decode(packet, &mut frame, false).ok(), Some(320));
            decoded.extend(frame);
        }
        assert!(purity(&decoded[..16_000], 16_000.0) > 0.99);
        assert_eq!(clip.opus_frame(51 * 160), None);
    }

    #[test]
    fn silence_is_silent() {
        let mut octets = [0; 800];
        fill_with_silence(Codec::G722, &mut octets);
        let mut decoded = [0; 1_600];
        assert_eq!(
            g722::Decoder::default().decode(&octets, &mut decoded),
            Some(1_600)
        );
        let loudest = decoded.iter().map(|s| s.abs()).max();
        assert!(loudest < Some(20), "{loudest:?}");
        let mut decoder = opus::Decoder::new(8_000, Channels::Mono).expect("a decoder");
        let mut frame = [1; 160];
        assert_eq!(decoder.decode(opus_silence(), &mut frame, false).ok(), Some(160));
        assert_eq!(frame, [0; 160]);
    }
}
