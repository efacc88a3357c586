//! What we send on one leg: protected with our key.

use super::cipher::{Cipher, Context, For};
use super::window::Window;
use super::{MasterKey, OVERHEAD_MAX, RTCP_CLEAR, SrtpSuite, rtcp_ssrc, rtp_header};

/// Octets of the longest packet of ours without protection.
const PACKET_MAX: usize = 2_048;

/// Set in front of RTCP's index: the packet is encrypted (RFC 3711 §3.4).
pub(super) const ENCRYPTED: u32 = 1 << 31;

/// Our stream's context, and its reports'.
pub(crate) struct Sender {
    rtp: Cipher,
    rtcp: Cipher,
    /// Our one stream: its SSRC, and what of it was sent.
    stream: Option<(u32, Window)>,
    /// RTCP packets that were sent.
    reports: u32,
    sealed: [u8; PACKET_MAX + OVERHEAD_MAX],
}

impl Sender {
    pub(super) fn new(suite: SrtpSuite, master: &MasterKey) -> Self {
        Self {
            rtp: Cipher::derive(suite, master, For::Rtp),
            rtcp: Cipher::derive(suite, master, For::Rtcp),
            stream: None,
            reports: 0,
            sealed: [0; PACKET_MAX + OVERHEAD_MAX],
        }
    }

    /// Protects an RTP packet. `None` for one that is no RTP or too long, or whose index was used already: nothing
    /// of it may leave.
    pub(crate) fn rtp(&mut self, packet: &[u8]) -> Option<&[u8]> {
        let (clear, sequence, ssrc) = rtp_header(packet)?;
        let index = match &mut self.stream {
            Some((known, window)) if *known == ssrc => {
                let index = window
                    .index_of(sequence)
                    .filter(|index| window.is_fresh(*index))?;
                window.mark(index);
                index
            }
            stream => {
                *stream = Some((ssrc, Window::beginning_at(u64::from(sequence))));
                u64::from(sequence)
            }
        };
        let end = packet.len();
        let place = self.sealed.get_mut(..end + self.rtp.tag_len())?;
        let (body, room) = place.split_at_mut(end);
        body.copy_from_slice(packet);
        let context = Context {
            ssrc,
            index,
            word: ((index >> 16) as u32).to_be_bytes(),
            is_rtcp: false,
        };
        let tag = self.rtp.seal(body, clear, &context)?;
        room.copy_from_slice(tag.get(..room.len())?);
        Some(place)
    }

    /// Protects a compound RTCP packet. `None` for what is none, or too long.
    pub(crate) fn rtcp(&mut self, packet: &[u8]) -> Option<&[u8]> {
        let ssrc = rtcp_ssrc(packet)?;
        self.reports = self
            .reports
            .checked_add(1)
            .filter(|index| index & ENCRYPTED == 0)?;
        let word = (self.reports | ENCRYPTED).to_be_bytes();
        let (end, tag_len) = (packet.len(), self.rtcp.tag_len());
        let place = self.sealed.get_mut(..end + tag_len + word.len())?;
        let (body, room) = place.split_at_mut(end);
        body.copy_from_slice(packet);
        let context = Context {
            ssrc,
            index: u64::from(self.reports),
            word,
            is_rtcp: true,
        };
        let tag = self.rtcp.seal(body, RTCP_CLEAR, &context)?;
        let tag = tag.get(..tag_len)?;
        // RFC 3711 §3.4 has the index before the tag, RFC 7714 §9.2 behind it.
        let (first, second) = match self.rtcp {
            Cipher::Counter { .. } => (&word[..], tag),
            Cipher::Gcm128 { .. } | Cipher::Gcm256 { .. } => (tag, &word[..]),
        };
        let (before, behind) = room.split_at_mut(first.len());
        before.copy_from_slice(first);
        behind.copy_from_slice(second);
        Some(place)
    }
}
