//! What the peer hears from ourselves: prompts and music.

use super::Session;
use crate::moment::Moment;
use crate::packet::{FRAME, HEADER_LEN, Header};
use crate::player::Source;
use crate::press::EVENT_LEN;
use crate::{Codec, Library, Remote};

/// Frames of 20 ms in one packet of ours, at most.
const FRAMES_MAX: usize = 3;

/// Octets of the longest packet of prompts and music.
pub(crate) const OWN_PACKET_MAX: usize = HEADER_LEN + FRAMES_MAX * FRAME as usize;

/// What of a playlist is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Played {
    /// Octets of the packet; 0 when there is none to send at this tick.
    pub(crate) length: usize,
    /// Whether the playlist goes on.
    pub(crate) goes_on: bool,
}

impl Session {
    /// Plays the frame of `source` that is due at `tick` into `packet`.
    pub(crate) fn play(
        &mut self,
        source: &mut impl Source,
        tick: u64,
        library: &Library,
        now: Moment,
        packet: &mut [u8; OWN_PACKET_MAX],
    ) -> Played {
        let frames_passed = self.frame_tick.map_or(1, |last| (tick - last) / 20);
        self.frame_tick = Some(tick);
        self.frames_skipped += frames_passed.saturating_sub(1);
        let (_, payload) = packet.split_at_mut(HEADER_LEN);
        let remote = self.peer.as_ref().map(|peer| peer.remote);
        let Some(remote) = remote.filter(|remote| remote.send) else {
            // Prompts go by unheard, so that a farewell ends; the music waits.
            self.outgoing.pause();
            let goes_on = source.fill(&mut payload[..FRAME as usize], library, Codec::Pcma, &mut {
                self.music_at
            });
            return Played { length: 0, goes_on };
        };
        if remote.codec == Codec::Opus {
            return self.play_opus(source, &remote, library, now, packet);
        }
        self.frames_due += 1;
        if self.frames_due < frames_per_packet(remote.ptime_ms) {
            return Played {
                length: 0,
                goes_on: true,
            };
        }
        let samples = std::mem::take(&mut self.frames_due).min(FRAMES_MAX) * FRAME as usize;
        let goes_on = source.fill(&mut payload[..samples], library, remote.codec, &mut self.music_at);
        Played {
            length: self.finish(&remote, samples as u32, samples, now, packet),
            goes_on,
        }
    }

    /// Plays the packet of Opus that is due: always one of 20 ms, as they are kept.
    fn play_opus(
        &mut self,
        source: &mut impl Source,
        remote: &Remote,
        library: &Library,
        now: Moment,
        packet: &mut [u8; OWN_PACKET_MAX],
    ) -> Played {
        let (_, payload) = packet.split_at_mut(HEADER_LEN);
        let (octets, goes_on) = source.fill_opus(payload, library, &mut self.music_at);
        Played {
            length: self.finish(remote, FRAME, octets, now, packet),
            goes_on,
        }
    }

    /// Writes the header of a packet of our own making, whose sound is in it already; a key that the peer is to have takes
    /// the sound's place. Gives the packet's length.
    fn finish(
        &mut self,
        remote: &Remote,
        samples: u32,
        octets: usize,
        now: Moment,
        packet: &mut [u8; OWN_PACKET_MAX],
    ) -> usize {
        let skipped = u32::try_from(std::mem::take(&mut self.frames_skipped)).unwrap_or(u32::MAX);
        let skipped = FRAME.saturating_mul(skipped);
        let mut header = self
            .outgoing
            .own(remote.payload_type(), samples, octets as u32, skipped, now);
        let mut length = HEADER_LEN + octets;
        self.press.take_if(|press| press.lapsed(now));
        if let (Some(payload_type), Some(press)) = (remote.dtmf_pt, &mut self.press) {
            let event = press.next(header.timestamp, samples, remote.dtmf_rate);
            header = Header {
                payload_type,
                timestamp: event.timestamp,
                marker: header.marker || event.marker,
                ..header
            };
            length = HEADER_LEN + EVENT_LEN;
            packet[HEADER_LEN..length].copy_from_slice(&event.payload);
            self.press.take_if(|_| event.last);
        }
        if let Some(head) = packet.first_chunk_mut() {
            header.on_the_clock_of(remote.codec).write(head);
        }
        length
    }
}

fn frames_per_packet(ptime_ms: u8) -> usize {
    match ptime_ms {
        40 => 2,
        60 => 3,
        _ => 1,
    }
}
