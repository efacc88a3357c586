//! What leaves on a leg: one stream towards its peer, whatever it is made of.
//!
//! **Always holds**: the peer sees one SSRC; sequence numbers go up by one for each packet that was to be
//! heard; the timestamp moves with the clock. When the source changes (music, prompt, the other leg), the new
//! one is spliced on: its first packet takes the next number, the timestamp goes on by one frame, or by the
//! time that truly passed if that is longer, and the marker bit tells the peer that it may adapt (RFC 3550
//! §5.1, RFC 3551 §4.1). Packets of another leg keep their own distances, so that loss, order and pauses on
//! the way to us stay visible to the peer.

use crate::moment::Moment;
use crate::packet::{FRAME, Header};
use std::time::Duration;

/// A gap up to this long is spliced over without a pause; beyond it the timestamp tells the time that passed.
const SPLICE_MAX: Duration = Duration::from_millis(40);

/// The stream towards one peer.
#[derive(Debug)]
pub(crate) struct Outgoing {
    ssrc: u32,
    /// The next sequence number.
    sequence: u16,
    /// The timestamp right after what was sent last.
    timestamp: u32,
    source: Source,
    last_sent: Option<Moment>,
    packets: u32,
    octets: u32,
}

#[derive(Debug)]
enum Source {
    /// Nothing, so the next packet is a splice.
    Nothing,
    /// Prompts and music.
    Own,
    /// Another leg, shifted.
    Leg(Shift),
}

#[derive(Clone, Copy, Debug)]
struct Shift {
    sequence: u16,
    timestamp: u32,
    /// The newest sequence number of the source.
    newest: u16,
    /// How far back from the newest the shift holds: what is older was numbered otherwise, or not at all.
    reach: u16,
}

/// What a sender report says (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) timestamp: u32,
    pub(crate) packets: u32,
    pub(crate) octets: u32,
}

impl Sent {
    pub(crate) fn with_timestamp(self, timestamp: u32) -> Self {
        Self { timestamp, ..self }
    }
}

impl Outgoing {
    /// A stream from a random beginning (RFC 3550 §5.1, §8).
    pub(crate) fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        let source = Source::Nothing;
        Self {
            ssrc,
            sequence,
            timestamp,
            source,
            last_sent: None,
            packets: 0,
            octets: 0,
        }
    }

    pub(crate) fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The source ends here; whatever comes next is spliced on.
    pub(crate) fn pause(&mut self) {
        self.source = Source::Nothing;
    }

    /// The header of a packet of our own making. `skipped` samples before it were not sent in time.
    pub(crate) fn own(
        &mut self,
        payload_type: u8,
        samples: u32,
        octets: u32,
        skipped: u32,
        now: Moment,
    ) -> Header {
        let marker = !matches!(self.source, Source::Own) || skipped > 0;
        if !matches!(self.source, Source::Own) {
            self.splice(now);
            self.source = Source::Own;
        } else {
            self.timestamp = self.timestamp.wrapping_add(skipped);
        }
        let header = Header {
            payload_type,
            marker,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(samples);
        self.sent(octets, now);
        header
    }

    /// The header of another leg's packet that lasts for `samples` from its timestamp on. `restarted` tells
    /// that it begins a new stream. `None` when it is older than the splice.
    pub(crate) fn relay(
        &mut self,
        packet: &Header,
        payload_type: u8,
        samples: u32,
        octets: u32,
        restarted: bool,
        now: Moment,
    ) -> Option<Header> {
        let (mut shift, spliced) = match self.source {
            Source::Leg(shift) if !restarted => (shift, false),
            _ => (self.splice_to(packet, now), true),
        };
        let ahead = packet.sequence.wrapping_sub(shift.newest);
        if (ahead as i16) > 0 {
            shift.newest = packet.sequence;
            shift.reach = shift.reach.saturating_add(ahead);
        } else if ahead.wrapping_neg() > shift.reach {
            return None;
        }
        self.source = Source::Leg(shift);
        let header = Header {
            payload_type,
            marker: packet.marker || spliced,
            sequence: packet.sequence.wrapping_add(shift.sequence),
            timestamp: packet.timestamp.wrapping_add(shift.timestamp),
            ssrc: self.ssrc,
        };
        self.sequence = shift.newest.wrapping_add(shift.sequence).wrapping_add(1);
        let end = header.timestamp.wrapping_add(samples);
        if (end.wrapping_sub(self.timestamp) as i32) > 0 {
            self.timestamp = end;
        }
        self.sent(octets, now);
        Some(header)
    }

    /// A packet of the other leg is swallowed: its number is closed up, so that the peer sees no loss.
    pub(crate) fn swallow(&mut self, packet: &Header) {
        if let Source::Leg(shift) = &mut self.source {
            let ahead = packet.sequence.wrapping_sub(shift.newest);
            if (ahead as i16) > 0 {
                shift.newest = packet.sequence;
                shift.sequence = shift.sequence.wrapping_sub(1);
                shift.reach = 0;
            }
        }
    }

    /// Whether anything was sent not longer ago than that.
    pub(crate) fn has_sent_within(&self, time: Duration, now: Moment) -> bool {
        self.last_sent.is_some_and(|last| now.since(last) <= time)
    }

    /// What was sent, with the timestamp that belongs to `now`. `None` before the first packet.
    pub(crate) fn report(&self, now: Moment) -> Option<Sent> {
        let since = now.since(self.last_sent?);
        // The last packet began one frame before the next one is due.
        let timestamp = self.timestamp.wrapping_sub(FRAME).wrapping_add(samples(since));
        Some(Sent {
            timestamp,
            packets: self.packets,
            octets: self.octets,
        })
    }

    fn sent(&mut self, octets: u32, now: Moment) {
        self.last_sent = Some(now);
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(octets);
    }

    /// Moves the timestamp over the pause since the last packet, in whole frames.
    fn splice(&mut self, now: Moment) {
        let pause = self.last_sent.map_or(Duration::ZERO, |last| now.since(last));
        if pause > SPLICE_MAX {
            // One frame of it was the last packet's own sound.
            let frames = (samples(pause) + FRAME / 2) / FRAME - 1;
            self.timestamp = self.timestamp.wrapping_add(frames.saturating_mul(FRAME));
        }
    }

    fn splice_to(&mut self, first: &Header, now: Moment) -> Shift {
        self.splice(now);
        Shift {
            sequence: self.sequence.wrapping_sub(first.sequence),
            timestamp: self.timestamp.wrapping_sub(first.timestamp),
            newest: first.sequence,
            reach: 0,
        }
    }
}

/// A duration in samples. Wraps after six days, as timestamps do.
fn samples(d: Duration) -> u32 {
    (d.as_micros() / 125) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment(ms * 1_000)
    }

    fn from_leg(sequence: u16, timestamp: u32) -> Header {
        Header {
            payload_type: 8,
            marker: false,
            sequence,
            timestamp,
            ssrc: 77,
        }
    }

    fn relay(out: &mut Outgoing, sequence: u16, timestamp: u32, ms: u64) -> Option<(u16, u32, bool)> {
        let header = out.relay(&from_leg(sequence, timestamp), 0, FRAME, FRAME, false, at(ms))?;
        assert_eq!((header.ssrc, header.payload_type), (1, 0));
        Some((header.sequence, header.timestamp, header.marker))
    }

    fn own(out: &mut Outgoing, ms: u64) -> (u16, u32, bool) {
        let header = out.own(0, FRAME, FRAME, 0, at(ms));
        (header.sequence, header.timestamp, header.marker)
    }

    #[test]
    fn music_operator_music_is_one_stream() {
        let mut out = Outgoing::new(1, 65_535, u32::MAX - 159);
        assert_eq!(own(&mut out, 0), (65_535, u32::MAX - 159, true));
        assert_eq!(own(&mut out, 20), (0, 0, false));
        assert_eq!(relay(&mut out, 9_000, 5, 33), Some((1, 160, true)));
        assert_eq!(relay(&mut out, 9_001, 165, 53), Some((2, 320, false)));
        assert_eq!(own(&mut out, 60), (3, 480, true));
        assert_eq!(own(&mut out, 80), (4, 640, false));
    }

    #[test]
    fn a_pause_shows_in_the_timestamp_and_not_in_the_sequence() {
        let mut out = Outgoing::new(1, 10, 0);
        assert_eq!(own(&mut out, 0), (10, 0, true));
        out.pause();
        assert_eq!(own(&mut out, 40), (11, 160, true));
        assert_eq!(relay(&mut out, 7, 7, 1_040), Some((12, 160 + 50 * 160, true)));
    }

    #[test]
    fn what_is_lost_late_or_pausing_on_the_way_to_us_stays_so() {
        let mut out = Outgoing::new(1, 100, 1_000);
        assert_eq!(relay(&mut out, 5, 800, 0), Some((100, 1_000, true)));
        assert_eq!(relay(&mut out, 8, 1_280, 60), Some((103, 1_480, false)));
        assert_eq!(relay(&mut out, 7, 1_120, 61), Some((102, 1_320, false)));
        assert_eq!(relay(&mut out, 9, 9_280, 1_060), Some((104, 9_480, false)));
        assert_eq!(
            own(&mut out, 1_070),
            (105, 9_640, true),
            "and what follows begins after the newest"
        );
    }

    #[test]
    fn packets_from_before_the_splice_are_not_sent() {
        let mut out = Outgoing::new(1, 100, 0);
        own(&mut out, 0);
        assert_eq!(relay(&mut out, 50, 8_000, 10), Some((101, 160, true)));
        assert_eq!(relay(&mut out, 49, 7_840, 11), None);
        assert_eq!(relay(&mut out, 51, 8_160, 30), Some((102, 320, false)));
        assert_eq!(
            relay(&mut out, 50, 8_000, 31),
            Some((101, 160, false)),
            "within reach of the splice"
        );
        assert_eq!(relay(&mut out, 49, 7_840, 32), None);
    }

    #[test]
    fn swallowed_packets_leave_no_gap() {
        let mut out = Outgoing::new(1, 100, 0);
        assert_eq!(relay(&mut out, 50, 8_000, 0), Some((100, 0, true)));
        out.swallow(&from_leg(51, 8_000));
        out.swallow(&from_leg(52, 8_000));
        assert_eq!(relay(&mut out, 53, 8_480, 60), Some((101, 480, false)));
        assert_eq!(relay(&mut out, 50, 8_000, 61), None, "numbered otherwise");
    }

    #[test]
    fn a_restarted_source_is_spliced_on() {
        let mut out = Outgoing::new(1, 100, 0);
        assert_eq!(relay(&mut out, 50, 8_000, 0), Some((100, 0, true)));
        let again = out
            .relay(&from_leg(20_000, 3), 0, FRAME, FRAME, true, at(20))
            .expect("a first packet");
        assert_eq!((again.sequence, again.timestamp, again.marker), (101, 160, true));
    }

    #[test]
    fn frames_skipped_by_a_late_thread_move_the_timestamp() {
        let mut out = Outgoing::new(1, 100, 0);
        own(&mut out, 0);
        let header = out.own(0, FRAME, FRAME, 2 * FRAME, at(60));
        assert_eq!(
            (header.sequence, header.timestamp, header.marker),
            (101, 3 * FRAME, true)
        );
    }

    #[test]
    fn a_report_counts_all_sources_and_tells_the_time_of_now() {
        let mut out = Outgoing::new(1, 100, 0);
        assert_eq!(out.report(at(0)), None);
        own(&mut out, 0);
        relay(&mut out, 50, 8_000, 20);
        let sent = out.report(at(30)).expect("two packets were sent");
        assert_eq!(
            sent,
            Sent {
                timestamp: 160 + 80,
                packets: 2,
                octets: 320
            }
        );
    }
}
