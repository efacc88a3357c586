//! The tables that turn one law of G.711 into the other.

use crate::Codec;
use audio_codec_algorithms::{convert_alaw_to_ulaw, convert_ulaw_to_alaw};
use std::sync::LazyLock;

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
    /// Turns a payload in the other law into `to`, in place. Nothing is done for other codecs.
    pub(crate) fn transcode(&self, payload: &mut [u8], to: Codec) {
        let table = match to {
            Codec::Pcma => &self.to_pcma,
            Codec::Pcmu => &self.to_pcmu,
            Codec::G722 | Codec::Opus => return,
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
}
