//! RTP headers (RFC 3550 §5.1): read by `rtp-rs`, written in place.

use crate::{Codec, Remote, clock};
use rtp_rs::RtpReader;
use std::ops::Range;

/// Octets of a header without contributing sources or extension: the only kind we write.
pub(crate) const HEADER_LEN: usize = 12;

/// Samples in 20 ms, and octets of them in G.711 and G.722.
pub(crate) const FRAME: u32 = 160;

/// The fields of a header that differ from packet to packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
}

impl Header {
    /// The header at the front of `packet`, and where its payload lies. `None` for what is not RTP.
    pub(crate) fn parse(packet: &[u8]) -> Option<(Header, Range<usize>)> {
        let reader = RtpReader::new(packet).ok()?;
        let start = reader.payload_offset();
        let header = Header {
            payload_type: reader.payload_type(),
            marker: reader.mark(),
            sequence: reader.sequence_number().into(),
            timestamp: reader.timestamp(),
            ssrc: reader.ssrc(),
        };
        Some((header, start..start + reader.payload().len()))
    }

    /// The header as it goes to a peer with that codec: our timestamps count samples of 8,000 a second.
    pub(crate) fn on_the_clock_of(self, codec: Codec) -> Header {
        match codec {
            Codec::Opus => Header {
                timestamp: clock::widen(self.timestamp),
                ..self
            },
            _ => self,
        }
    }

    /// Writes the header: no padding, no extension, no contributing sources.
    pub(crate) fn write(&self, to: &mut [u8; HEADER_LEN]) {
        to[0] = 2 << 6;
        to[1] = (u8::from(self.marker) << 7) | (self.payload_type & 0x7f);
        to[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        to[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        to[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
    }

    /// Writes the header right before the payload of a received packet, over the header it came with, and
    /// gives the packet to send. `None` if there is no room, which a parsed packet always has.
    pub(crate) fn write_before<'a>(&self, payload: &Range<usize>, packet: &'a mut [u8]) -> Option<&'a [u8]> {
        let start = payload.start.checked_sub(HEADER_LEN)?;
        let packet = packet.get_mut(start..payload.end)?;
        self.write(packet.first_chunk_mut()?);
        Some(packet)
    }
}

/// What a payload type means on a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sound.
    Audio(Codec),
    /// A key press (RFC 4733).
    TelephoneEvent,
    /// Comfort noise (RFC 3389): a sign of life, not passed on.
    ComfortNoise,
}

impl Kind {
    /// Codecs with a static number are agreed by it: an answer may name several (RFC 3264 §6.1).
    pub(crate) fn of(payload_type: u8, remote: &Remote) -> Option<Kind> {
        const COMFORT_NOISE: u8 = 13;
        match payload_type {
            pt if Some(pt) == remote.dtmf_pt => Some(Kind::TelephoneEvent),
            pt if Some(pt) == remote.opus_pt => Some(Kind::Audio(Codec::Opus)),
            COMFORT_NOISE => Some(Kind::ComfortNoise),
            pt => Codec::of_payload_type(pt).map(Kind::Audio),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header {
        payload_type: 101,
        marker: true,
        sequence: 0xfffe,
        timestamp: 0x0102_0304,
        ssrc: 0xdead_beef,
    };

    fn packet(payload: &[u8]) -> Vec<u8> {
        let mut head = [0; HEADER_LEN];
        HEADER.write(&mut head);
        [&head, payload].concat()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let packet = packet(&[7; 160]);
        assert_eq!(Header::parse(&packet), Some((HEADER, 12..172)));
    }

    #[test]
    fn contributing_sources_extension_and_padding_are_left_behind() {
        // Two contributing sources, an extension of one word, three octets of padding.
        let mut odd = vec![0xb2, 8, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        odd.extend([9; 8]);
        odd.extend([0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
        odd.extend([5, 6, 7]);
        odd.extend([0, 0, 3]);
        let (header, payload) = Header::parse(&odd).expect("a valid packet");
        assert_eq!((header.sequence, &odd[payload.clone()]), (1, &[5, 6, 7][..]));
        let sent = HEADER
            .write_before(&payload, &mut odd)
            .expect("room for a header");
        assert_eq!(sent, packet(&[5, 6, 7]));
    }

    #[test]
    fn what_is_not_rtp_is_refused() {
        let stun = [
            0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        for garbage in [
            &[][..],
            &[0x80; 11],
            &stun,
            &[0x8f; 40],
            &[0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(Header::parse(garbage), None, "{garbage:02x?}");
        }
    }

    #[test]
    fn payload_types_mean_what_was_agreed() {
        let rtp = ([127, 0, 0, 1], 4_000).into();
        let without = Remote {
            rtp,
            rtcp: rtp,
            codec: Codec::Pcma,
            opus_pt: None,
            dtmf_pt: None,
            dtmf_rate: 8_000,
            send: true,
            receive: true,
            ptime_ms: 20,
        };
        let with = Remote {
            opus_pt: Some(96),
            dtmf_pt: Some(101),
            ..without
        };
        assert_eq!(Kind::of(0, &without), Some(Kind::Audio(Codec::Pcmu)));
        assert_eq!(Kind::of(8, &with), Some(Kind::Audio(Codec::Pcma)));
        assert_eq!(Kind::of(9, &without), Some(Kind::Audio(Codec::G722)));
        assert_eq!(Kind::of(96, &with), Some(Kind::Audio(Codec::Opus)));
        assert_eq!(Kind::of(101, &with), Some(Kind::TelephoneEvent));
        assert_eq!(Kind::of(13, &without), Some(Kind::ComfortNoise));
        assert_eq!([96, 101, 18].map(|pt| Kind::of(pt, &without)), [None; 3]);
    }
}
