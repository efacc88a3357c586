//! What arrives on a leg: order, loss and jitter of the peer's stream (RFC 3550 §6.4.1, A.1, A.3, A.8).

use crate::moment::Moment;
use crate::packet::Header;

/// A jump ahead by this many packets or more starts the stream anew, once the next packet bears it out.
const DROPOUT_MAX: u16 = 3_000;

/// Packets remembered behind the newest one. What is older is late.
const WINDOW: u16 = 64;

/// What a packet is in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// In order, or late within the window: to be passed on.
    Fresh,
    /// The first of a stream: a new SSRC, or a new run of sequence numbers.
    Restarted,
    /// Was there already.
    Duplicate,
    /// Behind the window.
    Late,
    /// Far off. The next packet tells whether the peer started anew.
    Suspicious,
}

/// The peer's stream, as received.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    stream: Option<Stream>,
    measuring: Measuring,
}

/// Whether what is missing was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Measuring {
    /// Every packet is seen.
    #[default]
    Whole,
    /// A sample is seen, from which nothing can be said.
    Sample,
    /// Every packet is seen from the next newest one on.
    WholeFromNext,
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    /// Extended sequence number of the first packet.
    base: u32,
    /// Extended sequence number of the newest packet: cycles above, RTP's 16 bits below.
    newest: u32,
    /// Bit n is set when packet `newest - n` was received.
    window: u64,
    /// The sequence number that would bear out a jump.
    expected_after_jump: Option<u16>,
    received: u32,
    /// Arrival minus timestamp of the newest audio packet, in samples.
    transit: Option<u32>,
    /// Mean deviation of transit, in samples times 16.
    jitter: u32,
    reported_expected: u32,
    reported_received: u32,
    reported_lost: u32,
}

/// What a reception report block says of a stream (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reception {
    pub(crate) ssrc: u32,
    /// Lost since the last report, in 256ths.
    pub(crate) fraction_lost: u8,
    /// Lost since the beginning.
    pub(crate) lost: u32,
    /// Lost since the last report; 0 when late packets filled earlier gaps.
    pub(crate) lost_since: u32,
    /// Received since the last report.
    pub(crate) received_since: u32,
    pub(crate) newest: u32,
    /// In samples.
    pub(crate) jitter: u32,
}

impl Reception {
    pub(crate) fn with_jitter(self, jitter: u32) -> Self {
        Self { jitter, ..self }
    }
}

impl Incoming {
    /// The SSRC of the stream, once there is one.
    pub(crate) fn ssrc(&self) -> Option<u32> {
        self.stream.as_ref().map(|stream| stream.ssrc)
    }

    /// Forgets the stream: the source is about to change.
    pub(crate) fn forget(&mut self) {
        self.stream = None;
    }

    /// Takes in a packet. `paced` packets have a timestamp that moves with the clock, which key presses
    /// do not: those would be mistaken for jitter.
    pub(crate) fn arrive(&mut self, header: &Header, paced: bool, now: Moment) -> Arrival {
        let arrival = match &mut self.stream {
            Some(stream) if stream.ssrc == header.ssrc => stream.order(header.sequence),
            _ => Arrival::Restarted,
        };
        if arrival == Arrival::Restarted {
            self.stream = Some(Stream::begin(header));
            if self.measuring == Measuring::WholeFromNext {
                self.measuring = Measuring::Whole;
            }
        } else if (arrival, self.measuring) == (Arrival::Fresh, Measuring::WholeFromNext)
            && let Some(stream) = self
                .stream
                .as_mut()
                .filter(|stream| stream.newest as u16 == header.sequence)
        {
            stream.begin_measuring();
            self.measuring = Measuring::Whole;
        }
        if let Some(stream) = &mut self.stream
            && matches!(arrival, Arrival::Fresh | Arrival::Restarted)
        {
            stream.received = stream.received.wrapping_add(1);
            if paced {
                stream.measure_jitter(header.timestamp, now);
            }
        }
        arrival
    }

    /// From here on only a sample of what the peer sends is seen, or again all of it.
    pub(crate) fn sample(&mut self, sample: bool) {
        self.measuring = match (sample, self.measuring) {
            (true, _) => Measuring::Sample,
            (false, Measuring::Sample) => Measuring::WholeFromNext,
            (false, measuring) => measuring,
        };
    }

    /// What to report about the stream, counted since the last time this was asked. Nothing while only a sample is
    /// seen: a report would call the rest lost.
    pub(crate) fn report(&mut self) -> Option<Reception> {
        let stream = self.stream.as_mut()?;
        (self.measuring == Measuring::Whole).then(|| stream.report())
    }
}

impl Stream {
    fn begin(header: &Header) -> Self {
        // One cycle up, so that packets just before the first one do not reach below zero.
        let first = (1 << 16) | u32::from(header.sequence);
        Self {
            ssrc: header.ssrc,
            base: first,
            newest: first,
            window: 1,
            expected_after_jump: None,
            received: 0,
            transit: None,
            jitter: 0,
            reported_expected: 0,
            reported_received: 0,
            reported_lost: 0,
        }
    }

    /// What was missing up to the newest packet was not lost.
    fn begin_measuring(&mut self) {
        (self.base, self.received, self.transit) = (self.newest, 0, None);
        (self.reported_expected, self.reported_received, self.reported_lost) = (0, 0, 0);
    }

    fn order(&mut self, sequence: u16) -> Arrival {
        let ahead = sequence.wrapping_sub(self.newest as u16);
        let behind = ahead.wrapping_neg();
        if (1..DROPOUT_MAX).contains(&ahead) {
            self.window = if ahead < WINDOW { self.window << ahead } else { 0 } | 1;
            self.newest = self.newest.wrapping_add(u32::from(ahead));
            self.expected_after_jump = None;
            Arrival::Fresh
        } else if behind < WINDOW {
            let bit = 1 << behind;
            if self.window & bit != 0 {
                return Arrival::Duplicate;
            }
            self.window |= bit;
            Arrival::Fresh
        } else if self.expected_after_jump == Some(sequence) {
            Arrival::Restarted
        } else {
            self.expected_after_jump = Some(sequence.wrapping_add(1));
            if behind < DROPOUT_MAX {
                Arrival::Late
            } else {
                Arrival::Suspicious
            }
        }
    }

    fn measure_jitter(&mut self, timestamp: u32, now: Moment) {
        let transit = now.samples().wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let deviation = (transit.wrapping_sub(before) as i32).unsigned_abs();
            // A talk spurt after a pause in which the peer's clock stood still is not jitter.
            if deviation < crate::wav::RATE {
                self.jitter = self.jitter + deviation - ((self.jitter + 8) >> 4);
            }
        }
    }

    fn report(&mut self) -> Reception {
        let expected = self.newest.wrapping_sub(self.base).wrapping_add(1);
        let lost = expected.saturating_sub(self.received);
        let expected_since = expected.wrapping_sub(self.reported_expected);
        let received_since = self.received.wrapping_sub(self.reported_received);
        let lost_since = expected_since.saturating_sub(received_since);
        let fraction = (u64::from(lost_since) << 8)
            .checked_div(u64::from(expected_since))
            .unwrap_or(0);
        let newly_lost = lost.saturating_sub(self.reported_lost);
        (self.reported_expected, self.reported_received) = (expected, self.received);
        self.reported_lost = self.reported_lost.max(lost);
        Reception {
            ssrc: self.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost,
            lost_since: newly_lost,
            received_since,
            newest: self.newest.wrapping_sub(1 << 16),
            jitter: self.jitter >> 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Arrival::{Duplicate, Fresh, Late, Restarted, Suspicious};

    fn header(ssrc: u32, sequence: u16) -> Header {
        Header {
            payload_type: 8,
            marker: false,
            sequence,
            timestamp: u32::from(sequence) * 160,
            ssrc,
        }
    }

    fn arrivals(sequences: &[u16]) -> (Incoming, Vec<Arrival>) {
        let mut incoming = Incoming::default();
        let arrivals = sequences
            .iter()
            .map(|&s| incoming.arrive(&header(1, s), true, Moment(0)))
            .collect();
        (incoming, arrivals)
    }

    #[test]
    fn order_is_told_packet_by_packet() {
        for (sequences, expect) in [
            (&[5, 6, 7][..], &[Restarted, Fresh, Fresh][..]),
            (&[65_534, 65_535, 0, 1], &[Restarted, Fresh, Fresh, Fresh]),
            (&[5, 7, 6, 6, 7], &[Restarted, Fresh, Fresh, Duplicate, Duplicate]),
            (&[5, 4], &[Restarted, Fresh]),
            (&[100, 200, 136, 137], &[Restarted, Fresh, Late, Fresh]),
            (
                &[100, 200, 136, 200, 137],
                &[Restarted, Fresh, Late, Duplicate, Fresh],
            ),
            (&[5, 3_100, 6], &[Restarted, Suspicious, Fresh]),
            (
                &[5, 40_000, 40_001, 40_002],
                &[Restarted, Suspicious, Restarted, Fresh],
            ),
            (
                &[5, 40_000, 6, 40_001],
                &[Restarted, Suspicious, Fresh, Suspicious],
            ),
        ] {
            assert_eq!(arrivals(sequences).1, expect, "{sequences:?}");
        }
    }

    #[test]
    fn another_ssrc_starts_anew() {
        let (mut incoming, _) = arrivals(&[5, 6]);
        assert_eq!(incoming.arrive(&header(2, 6), true, Moment(0)), Restarted);
        assert_eq!(
            (incoming.ssrc(), incoming.arrive(&header(2, 7), true, Moment(0))),
            (Some(2), Fresh)
        );
    }

    #[test]
    fn loss_is_counted_whole_and_since_the_last_report() {
        let (mut incoming, _) = arrivals(&[65_534, 65_535, 1, 2, 4]);
        let report = incoming.report().expect("there is a stream");
        assert_eq!(
            (report.lost, report.lost_since, report.fraction_lost),
            (2, 2, (2 * 256 / 7) as u8)
        );
        assert_eq!(report.newest, (1 << 16) + 4);
        for s in [5, 6, 7] {
            incoming.arrive(&header(1, s), true, Moment(0));
        }
        let report = incoming.report().expect("there is a stream");
        assert_eq!((report.lost, report.lost_since, report.fraction_lost), (2, 0, 0));
        incoming.arrive(&header(1, 3), true, Moment(0));
        incoming.arrive(&header(1, 9), true, Moment(0));
        let report = incoming.report().expect("there is a stream");
        assert_eq!(
            (report.lost, report.lost_since),
            (2, 0),
            "a late packet filled one gap, a new one opened"
        );
    }

    #[test]
    fn nothing_is_said_of_a_sample_and_nothing_of_it_is_called_lost_later() {
        let (mut incoming, _) = arrivals(&[10, 11]);
        incoming.sample(true);
        for s in [16, 32, 48] {
            assert_eq!(incoming.arrive(&header(1, s), true, Moment(0)), Fresh);
        }
        assert_eq!(incoming.report(), None);
        incoming.sample(false);
        assert_eq!(incoming.report(), None, "nothing was seen whole yet");
        for (s, expect) in [(48, Duplicate), (47, Fresh), (55, Fresh), (57, Fresh)] {
            assert_eq!(incoming.arrive(&header(1, s), true, Moment(0)), expect, "{s}");
        }
        let report = incoming.report().expect("measured from 55 on");
        assert_eq!((report.lost, report.lost_since, report.newest), (1, 1, 57));
        incoming.sample(false);
        assert!(incoming.report().is_some(), "what was whole stays so");
    }

    #[test]
    fn a_stream_that_begins_after_a_sample_is_measured_whole() {
        let (mut incoming, _) = arrivals(&[10, 11]);
        incoming.sample(true);
        incoming.arrive(&header(1, 16), true, Moment(0));
        incoming.sample(false);
        for s in [400, 401, 403] {
            incoming.arrive(&header(2, s), true, Moment(0));
        }
        let report = incoming.report().expect("a stream of its own");
        assert_eq!((report.lost, report.newest), (1, 403));
    }

    #[test]
    fn jitter_is_the_mean_deviation_of_transit() {
        let mut steady = Incoming::default();
        let mut shaky = Incoming::default();
        for n in 0..500u16 {
            let on_time = Moment(u64::from(n) * 20_000);
            steady.arrive(&header(1, n), true, on_time);
            shaky.arrive(&header(1, n), true, Moment(on_time.0 + u64::from(n % 2) * 5_000));
        }
        assert_eq!(steady.report().expect("there is a stream").jitter, 0);
        let jitter = shaky.report().expect("there is a stream").jitter;
        assert!((39..=40).contains(&jitter), "5 ms are 40 samples, not {jitter}");
    }
}
