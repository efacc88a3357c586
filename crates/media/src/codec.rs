//! The codecs that a leg can speak, and which of them the house wants most.

use crate::Remote;
use crate::packet::Kind;
use serde::{Deserialize, Serialize};

/// A codec that a leg can speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// G.711 µ-law: 8,000 samples a second, one octet each.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s: 16,000 samples a second, two in an octet. Its RTP clock ticks 8,000 times a second all the
    /// same, by an old mistake that was kept (RFC 3551 §4.5.2): in a packet it looks like G.711.
    G722,
    /// Opus (RFC 6716), mono as we send it. Its RTP clock ticks 48,000 times a second (RFC 7587 §4.1).
    Opus,
}

/// Codecs of one kind, as a configuration names them. Between the two laws of G.711 the peer chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodecFamily {
    /// PCMA and PCMU.
    G711,
    /// G.722.
    G722,
    /// Opus.
    Opus,
}

/// The codecs in use, the most wanted first. G.711 is always among them: every phone has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Codecs {
    order: [Option<CodecFamily>; CodecFamily::ALL.len()],
}

impl Codec {
    /// Every codec there is.
    pub const ALL: [Codec; 4] = [Codec::Pcma, Codec::Pcmu, Codec::G722, Codec::Opus];

    /// The payload type in our offers: the static one (RFC 3551 table 4), and for Opus, which has none, a dynamic one.
    pub const fn payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
            Codec::G722 => 9,
            Codec::Opus => 96,
        }
    }

    /// The codec of a static payload type, if it is one of ours.
    pub const fn of_payload_type(pt: u8) -> Option<Self> {
        match pt {
            0 => Some(Codec::Pcmu),
            8 => Some(Codec::Pcma),
            9 => Some(Codec::G722),
            _ => None,
        }
    }

    /// Ticks a second of its RTP clock.
    pub const fn clock_rate(self) -> u32 {
        match self {
            Codec::Opus => 48_000,
            _ => 8_000,
        }
    }

    /// The name in SDP (RFC 3551 §6, RFC 7587 §7).
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
            Codec::Opus => "opus",
        }
    }

    /// Its kind.
    pub const fn family(self) -> CodecFamily {
        match self {
            Codec::Pcmu | Codec::Pcma => CodecFamily::G711,
            Codec::G722 => CodecFamily::G722,
            Codec::Opus => CodecFamily::Opus,
        }
    }
}

impl CodecFamily {
    /// Every kind there is, in the order of a house that says nothing: what every phone has comes first, so that
    /// nothing is turned from one codec into another.
    pub const ALL: [CodecFamily; 3] = [CodecFamily::G711, CodecFamily::G722, CodecFamily::Opus];

    /// The name in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            CodecFamily::G711 => "g711",
            CodecFamily::G722 => "g722",
            CodecFamily::Opus => "opus",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }
}

impl Codecs {
    /// Those of `wanted`, each once, in this order; G.711 last if it is not among them.
    pub fn new(wanted: &[CodecFamily]) -> Self {
        let mut order = [None; CodecFamily::ALL.len()];
        for &family in wanted.iter().chain(&[CodecFamily::G711]) {
            if !order.contains(&Some(family))
                && let Some(free) = order.iter_mut().find(|place| place.is_none())
            {
                *free = Some(family);
            }
        }
        Self { order }
    }

    /// How much a codec is wanted: 0 is most, `None` not at all.
    pub fn rank(&self, codec: Codec) -> Option<usize> {
        self.order
            .iter()
            .position(|&family| family == Some(codec.family()))
    }

    /// Whether a codec is in use.
    pub fn contains(&self, codec: Codec) -> bool {
        self.rank(codec).is_some()
    }

    /// All codecs in use, `first` before the others, if it is in use itself.
    pub fn led_by(&self, first: Codec) -> Vec<Codec> {
        let mut all: Vec<Codec> = Codec::ALL
            .into_iter()
            .filter(|&codec| self.contains(codec))
            .collect();
        all.sort_by_key(|&codec| (codec != first, self.rank(codec)));
        all
    }
}

impl Default for Codecs {
    fn default() -> Self {
        Self::new(&CodecFamily::ALL)
    }
}

impl Remote {
    /// The payload type of the codec that we send.
    pub(crate) fn payload_type(&self) -> u8 {
        match (self.codec, self.opus_pt) {
            (Codec::Opus, Some(agreed)) => agreed,
            (codec, _) => codec.payload_type(),
        }
    }

    /// Whether a packet's timestamp is one of Opus's clock: that of Opus itself, and of what is sent beside it.
    pub(crate) fn counts_in_opus_ticks(&self, kind: Kind) -> bool {
        match kind {
            Kind::Audio(codec) => codec == Codec::Opus,
            Kind::TelephoneEvent | Kind::ComfortNoise => self.codec == Codec::Opus,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Codec::{G722, Opus, Pcma, Pcmu};

    #[test]
    fn the_house_says_what_it_wants_most_and_g711_is_always_there() {
        let default = Codecs::default();
        assert_eq!(default.led_by(Pcmu), [Pcmu, Pcma, G722, Opus]);
        assert_eq!(default.led_by(Opus), [Opus, Pcma, Pcmu, G722]);
        let wide = Codecs::new(&[CodecFamily::G722, CodecFamily::G722]);
        assert_eq!(wide.led_by(Pcma), [Pcma, G722, Pcmu]);
        assert_eq!(
            (wide.rank(G722), wide.rank(Pcmu), wide.rank(Opus)),
            (Some(0), Some(1), None)
        );
        assert_eq!(Codecs::new(&[]).led_by(Opus), [Pcma, Pcmu]);
    }

    #[test]
    fn names_are_read_back() {
        for family in CodecFamily::ALL {
            assert_eq!(CodecFamily::from_name(family.name()), Some(family));
        }
        assert_eq!(CodecFamily::from_name("g729"), None);
    }
}
