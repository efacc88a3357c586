//! G.711: encoding of samples, and the tables that turn one law into the other.

use crate::Codec;
use audio_codec_algorithms::{convert_alaw_to_ulaw, convert_ulaw_to_alaw, encode_alaw, encode_ulaw};
use std::sync::LazyLock;

/// One clip in both laws, sample for sample.
#[derive(Debug)]
pub(crate) struct Clip {
    pcma: Box<[u8]>,
    pcmu: Box<[u8]>,
}

impl Clip {
    pub(crate) fn encode(samples: &[i16]) -> Self {
        Self {
            pcma: samples.iter().map(|&s| encode_alaw(s)).collect(),
            pcmu: samples.iter().map(|&s| encode_ulaw(s)).collect(),
        }
    }

    /// The encoded samples, one byte each.
    pub(crate) fn bytes(&self, codec: Codec) -> &[u8] {
        match codec {
            Codec::Pcma => &self.pcma,
            Codec::Pcmu => &self.pcmu,
        }
    }
}

/// The byte that stands for a sample of zero.
pub(crate) fn silence(codec: Codec) -> u8 {
    match codec {
        Codec::Pcma => encode_alaw(0),
        Codec::Pcmu => encode_ulaw(0),
    }
}

/// Tables between the laws (ITU-T G.711 tables 3 and 4).
pub(crate) struct Transcoder {
    to_pcma: [u8; 256],
    to_pcmu: [u8; 256],
}

/// Built once; a media thread keeps a reference, so that packets do not check for its being there.
pub(crate) static TRANSCODER: LazyLock<Transcoder> = LazyLock::new(|| Transcoder {
    to_pcma: std::array::from_fn(|i| convert_ulaw_to_alaw(i as u8)),
    to_pcmu: std::array::from_fn(|i| convert_alaw_to_ulaw(i as u8)),
});

impl Transcoder {
    /// Turns a payload in the other law into `to`, in place.
    pub(crate) fn transcode(&self, payload: &mut [u8], to: Codec) {
        let table = match to {
            Codec::Pcma => &self.to_pcma,
            Codec::Pcmu => &self.to_pcmu,
        };
        for byte in payload {
            *byte = table[usize::from(*byte)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio_codec_algorithms::{decode_alaw, decode_ulaw};

    /// The laws have steps of up to 1/16 of the value, and 8 near zero in 14-bit µ-law terms (×4 in 16 bits).
    fn close(a: i16, b: i16) -> bool {
        let (a, b) = (i32::from(a), i32::from(b));
        (a - b).abs() <= (a.abs() / 16).max(32)
    }

    #[test]
    fn transcoding_keeps_every_value_within_a_step() {
        for byte in 0..=255u8 {
            let mut to_ulaw = [byte];
            TRANSCODER.transcode(&mut to_ulaw, Codec::Pcmu);
            assert!(
                close(decode_alaw(byte), decode_ulaw(to_ulaw[0])),
                "A-law {byte:#04x}"
            );
            let mut to_alaw = [byte];
            TRANSCODER.transcode(&mut to_alaw, Codec::Pcma);
            assert!(
                close(decode_ulaw(byte), decode_alaw(to_alaw[0])),
                "µ-law {byte:#04x}"
            );
        }
    }

    #[test]
    fn a_clip_holds_the_same_sound_in_both_laws() {
        let samples: Vec<i16> = (-300..300).map(|i| i * 100).collect();
        let clip = Clip::encode(&samples);
        for (i, &sample) in samples.iter().enumerate() {
            assert!(close(sample, decode_alaw(clip.bytes(Codec::Pcma)[i])));
            assert!(close(sample, decode_ulaw(clip.bytes(Codec::Pcmu)[i])));
        }
    }
}
