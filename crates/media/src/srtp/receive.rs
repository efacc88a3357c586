//! What arrives on one leg: authenticated with the peer's key, told from what was there already, and decrypted.

use super::cipher::{Cipher, Context, For};
use super::send::ENCRYPTED;
use super::window::Window;
use super::{MasterKey, RTCP_CLEAR, Refused, SrtpSuite, rtcp_ssrc, rtp_header};
use std::ops::RangeInclusive;

/// Streams of a peer remembered side by side. A peer has one at a time; a gateway begins a new one when its own source
/// changes. Beyond this the one that was silent longest is forgotten, and with it what of it was there already.
const STREAMS_MAX: usize = 8;

/// How often a resumed peer's sequence numbers may have come round: with 50 packets a second, in 23 hours.
const ROLLOVERS_MAX: u32 = 64;

/// The peer's streams.
pub(crate) struct Receiver {
    rtp: Cipher,
    rtcp: Cipher,
    streams: Streams,
    reports: Streams,
    /// Rollovers that a new stream may have behind it besides none: found out by trying.
    rollovers: Option<RangeInclusive<u32>>,
}

/// Windows by SSRC, the one used last in front.
#[derive(Default)]
struct Streams([Option<(u32, Window)>; STREAMS_MAX]);

impl Streams {
    fn find(&mut self, ssrc: u32) -> Option<&mut Window> {
        let place = self
            .0
            .iter()
            .position(|s| matches!(s, Some((known, _)) if *known == ssrc))?;
        self.0.get_mut(..=place)?.rotate_right(1);
        self.0.first_mut()?.as_mut().map(|(_, window)| window)
    }

    fn begin(&mut self, ssrc: u32, index: u64) {
        self.0.rotate_right(1);
        self.0[0] = Some((ssrc, Window::beginning_at(index)));
    }
}

impl Receiver {
    pub(super) fn new(suite: SrtpSuite, master: &MasterKey, resumed: bool) -> Self {
        Self {
            rtp: Cipher::derive(suite, master, For::Rtp),
            rtcp: Cipher::derive(suite, master, For::Rtcp),
            streams: Streams::default(),
            reports: Streams::default(),
            rollovers: resumed.then_some(1..=ROLLOVERS_MAX),
        }
    }

    /// A new key. Peers differ in whether their stream goes on counting rollovers or begins anew: both are tried.
    pub(super) fn rekey(&mut self, suite: SrtpSuite, master: &MasterKey) {
        let rollovers = match &self.streams.0[0] {
            Some((_, window)) => Some(window.rollovers()..=window.rollovers().saturating_add(1)),
            None => self.rollovers.clone(),
        };
        *self = Self {
            rollovers,
            ..Self::new(suite, master, false)
        };
    }

    /// Decrypts an RTP packet in place and gives its length.
    pub(crate) fn rtp(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let (clear, sequence, ssrc) = rtp_header(packet).ok_or(Refused::Malformed)?;
        let end = packet.len().checked_sub(self.rtp.tag_len());
        let end = end.filter(|end| clear <= *end).ok_or(Refused::Malformed)?;
        let (body, tag) = packet.split_at_mut(end);
        let rtp = &self.rtp;
        let mut open = |index: u64| {
            let context = Context {
                ssrc,
                index,
                word: ((index >> 16) as u32).to_be_bytes(),
                is_rtcp: false,
            };
            rtp.open(body, clear, tag, &context)
        };
        if let Some(window) = self.streams.find(ssrc) {
            let index = window.index_of(sequence).ok_or(Refused::NotAuthentic)?;
            if !window.is_fresh(index) {
                return Err(Refused::Replayed);
            }
            if !open(index) {
                return Err(Refused::NotAuthentic);
            }
            window.mark(index);
            return Ok(end);
        }
        let index = std::iter::once(0)
            .chain(self.rollovers.clone().into_iter().flatten())
            .map(|rollovers| (u64::from(rollovers) << 16) | u64::from(sequence))
            .find(|index| open(*index))
            .ok_or(Refused::NotAuthentic)?;
        // Later streams are new ones, which begin at zero.
        self.rollovers = None;
        self.streams.begin(ssrc, index);
        Ok(end)
    }

    /// Decrypts an RTCP packet in place and gives its length. One that is not encrypted is not taken: that would have
    /// to be agreed (RFC 4568 §6.3.2).
    pub(crate) fn rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Refused> {
        let ssrc = rtcp_ssrc(packet).ok_or(Refused::Malformed)?;
        let tag_len = self.rtcp.tag_len();
        let end = packet.len().checked_sub(tag_len + 4);
        let end = end.filter(|end| RTCP_CLEAR <= *end).ok_or(Refused::Malformed)?;
        let (body, trailer) = packet.split_at_mut(end);
        let (tag, word) = match self.rtcp {
            Cipher::Counter { .. } => {
                let (word, tag) = trailer.split_at(4);
                (tag, word)
            }
            Cipher::Gcm128 { .. } | Cipher::Gcm256 { .. } => trailer.split_at(tag_len),
        };
        let word = <[u8; 4]>::try_from(word).map_err(|_| Refused::Malformed)?;
        let number = u32::from_be_bytes(word);
        if number & ENCRYPTED == 0 {
            return Err(Refused::NotAuthentic);
        }
        let index = u64::from(number & !ENCRYPTED);
        let context = Context {
            ssrc,
            index,
            word,
            is_rtcp: true,
        };
        let known = self.reports.find(ssrc);
        if known.as_ref().is_some_and(|window| !window.is_fresh(index)) {
            return Err(Refused::Replayed);
        }
        if !self.rtcp.open(body, RTCP_CLEAR, tag, &context) {
            return Err(Refused::NotAuthentic);
        }
        match known {
            Some(window) => window.mark(index),
            None => self.reports.begin(ssrc, index),
        }
        Ok(end)
    }
}
