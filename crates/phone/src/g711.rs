//! G.711 by the letter of the recommendation, sample by sample: slow, and independent of the engine's tables.

/// The G.711 law a phone speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// A-law, RTP payload type 8.
    Pcma,
    /// μ-law, RTP payload type 0.
    Pcmu,
}

impl Codec {
    /// The static RTP payload type (RFC 3551 §6).
    pub const fn payload_type(self) -> u8 {
        match self {
            Codec::Pcma => 8,
            Codec::Pcmu => 0,
        }
    }

    /// The encoding name in SDP.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcma => "PCMA",
            Codec::Pcmu => "PCMU",
        }
    }

    pub(crate) const fn from_payload_type(payload_type: u8) -> Option<Codec> {
        match payload_type {
            8 => Some(Codec::Pcma),
            0 => Some(Codec::Pcmu),
            _ => None,
        }
    }

    /// The octet of a sample.
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Codec::Pcma => encode_a_law(sample),
            Codec::Pcmu => encode_mu_law(sample),
        }
    }

    /// The sample of an octet.
    pub fn decode(self, octet: u8) -> i16 {
        match self {
            Codec::Pcma => decode_a_law(octet),
            Codec::Pcmu => decode_mu_law(octet),
        }
    }
}

fn encode_a_law(sample: i16) -> u8 {
    let (mask, magnitude) = if sample >= 0 {
        (0xD5, sample >> 3)
    } else {
        (0x55, !sample >> 3)
    };
    // Magnitude has 12 bits; the segment is the position of its highest bit above the fifth.
    let segment = (16 - magnitude.leading_zeros()).saturating_sub(5);
    let mantissa = if segment < 2 {
        magnitude >> 1
    } else {
        magnitude >> segment
    } & 0x0F;
    ((segment as u8) << 4 | mantissa as u8) ^ mask
}

fn decode_a_law(octet: u8) -> i16 {
    let octet = octet ^ 0x55;
    let mantissa = i16::from(octet & 0x0F) << 4;
    let magnitude = match (octet & 0x70) >> 4 {
        0 => mantissa + 8,
        segment => (mantissa + 0x108) << (segment - 1),
    };
    if octet & 0x80 != 0 { magnitude } else { -magnitude }
}

const MU_LAW_BIAS: i32 = 0x84;
const MU_LAW_CLIP: i32 = 32_635;

fn encode_mu_law(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = i32::from(sample).abs().min(MU_LAW_CLIP) + MU_LAW_BIAS;
    let segment = 31 - magnitude.leading_zeros() - 7;
    let mantissa = (magnitude >> (segment + 3)) & 0x0F;
    !(sign | (segment as u8) << 4 | mantissa as u8)
}

fn decode_mu_law(octet: u8) -> i16 {
    let octet = !octet;
    let magnitude = ((i32::from(octet & 0x0F) << 3) + MU_LAW_BIAS) << ((octet & 0x70) >> 4);
    let value = magnitude - MU_LAW_BIAS;
    (if octet & 0x80 != 0 { -value } else { value }) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_word_survives_a_round_trip() {
        for codec in [Codec::Pcma, Codec::Pcmu] {
            for octet in 0..=255u8 {
                let sample = codec.decode(octet);
                // μ-law has two zeros, which decode alike.
                let back = codec.encode(sample);
                assert_eq!(codec.decode(back), sample, "{codec:?} {octet:#04x}");
            }
        }
    }

    #[test]
    fn the_recommendations_own_points_hold() {
        // G.711 tables 1a and 2a: the largest values and silence.
        assert_eq!(decode_a_law(0xAA), 32_256);
        assert_eq!(decode_a_law(0x2A), -32_256);
        assert_eq!(decode_a_law(0xD5), 8);
        assert_eq!(decode_mu_law(0x80), 32_124);
        assert_eq!(decode_mu_law(0x00), -32_124);
        assert_eq!(decode_mu_law(0xFF), 0);
        assert_eq!(encode_a_law(i16::MAX), 0xAA);
        assert_eq!(encode_a_law(i16::MIN), 0x2A);
        assert_eq!(encode_mu_law(i16::MAX), 0x80);
        assert_eq!(encode_mu_law(i16::MIN), 0x00);
    }

    #[test]
    fn the_error_stays_within_a_step() {
        for codec in [Codec::Pcma, Codec::Pcmu] {
            for sample in (-32_000..=32_000i16).step_by(7) {
                let error = (i32::from(codec.decode(codec.encode(sample))) - i32::from(sample)).abs();
                let bound = 16 + i32::from(sample).abs() / 16;
                assert!(
                    error <= bound,
                    "{codec:?} {sample}: off by {error}, allowed {bound}"
                );
            }
        }
    }
}
