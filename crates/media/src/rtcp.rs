//! RTCP for one leg (RFC 3550 §6): reports of what we sent and received on it, and what its peer reports.
//! Reports of one leg are never passed to another: they would be about other streams.

use crate::incoming::Reception;
use crate::moment::Moment;
use crate::outgoing::Sent;
use rtcp_types::prelude::*;
use rtcp_types::{
    Bye, Compound, Packet, ReceiverReport, ReportBlock, Sdes, SdesChunk, SdesItem, SenderReport,
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Mean time between reports (RFC 3550 §6.2: the minimum; two parties never need longer).
const INTERVAL: Duration = Duration::from_secs(5);

/// Seconds from 1900, where NTP starts, to 1970.
const NTP_OFFSET_SECS: u64 = 2_208_988_800;

/// One leg's reporting.
#[derive(Debug)]
pub(crate) struct Reporter {
    next: Moment,
    random: u32,
    /// Packets sent before the report before the last: if there are more now, we are a sender (§6.4).
    sent_before: [u32; 2],
    /// Middle 32 bits of the NTP time of the peer's last sender report, and when it came.
    last_sender_report: Option<(u32, Moment)>,
    /// Lost on the way from us, by the peer's last report.
    lost: u32,
}

/// What a report is made of.
pub(crate) struct Report<'a> {
    pub(crate) ssrc: u32,
    pub(crate) sent: Option<Sent>,
    pub(crate) reception: Option<Reception>,
    pub(crate) cname: &'a str,
    /// Whether the stream ends with this.
    pub(crate) bye: bool,
}

/// What a peer's reports told of our stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Feedback {
    /// There was a sender or receiver report.
    pub(crate) is_report: bool,
    pub(crate) lost_since: u32,
    /// In samples; none if the peer said nothing of our stream.
    pub(crate) jitter: Option<u32>,
    pub(crate) round_trip: Option<Duration>,
}

impl Reporter {
    /// The first report is due after half the interval (§6.2).
    pub(crate) fn new(random: u32, now: Moment) -> Self {
        let mut reporter = Self {
            next: now,
            random: random | 1,
            sent_before: [0; 2],
            last_sender_report: None,
            lost: 0,
        };
        reporter.next = now + reporter.interval() / 2;
        reporter
    }

    /// Whether a report is due; if so, when the next one is.
    pub(crate) fn due(&mut self, now: Moment) -> bool {
        let due = now >= self.next;
        if due {
            self.next = now + self.interval();
        }
        due
    }

    /// Half to one and a half times the mean, so that reports do not fall into step (§6.3.1).
    fn interval(&mut self) -> Duration {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        INTERVAL / 2 + INTERVAL.mul_f32((self.random >> 8) as f32 / (1 << 24) as f32)
    }

    /// Writes a compound packet: sender or receiver report, CNAME, and BYE at the end. Returns its length.
    pub(crate) fn write(
        &mut self,
        report: &Report<'_>,
        now: Moment,
        clock: SystemTime,
        to: &mut [u8],
    ) -> Option<usize> {
        let block = report.reception.map(|reception| {
            let (last, delay) = self
                .last_sender_report
                .map_or((0, 0), |(ntp, at)| (ntp, ntp_units(now.since(at))));
            ReportBlock::builder(reception.ssrc)
                .fraction_lost(reception.fraction_lost)
                .cumulative_lost(reception.lost.min(0x7f_ffff))
                .extended_sequence_number(reception.newest)
                .interarrival_jitter(reception.jitter)
                .last_sender_report_timestamp(last)
                .delay_since_last_sender_report_timestamp(delay)
        });
        let name = SdesItem::builder(SdesItem::CNAME, report.cname);
        let sdes = Sdes::builder().add_chunk(SdesChunk::builder(report.ssrc).add_item(name));
        let compound = match report.sent.filter(|sent| sent.packets != self.sent_before[0]) {
            Some(sent) => {
                let mut sr = SenderReport::builder(report.ssrc)
                    .ntp_timestamp(ntp(clock))
                    .rtp_timestamp(sent.timestamp)
                    .packet_count(sent.packets)
                    .octet_count(sent.octets);
                if let Some(block) = block {
                    sr = sr.add_report_block(block);
                }
                Compound::builder().add_packet(sr)
            }
            None => {
                let mut rr = ReceiverReport::builder(report.ssrc);
                if let Some(block) = block {
                    rr = rr.add_report_block(block);
                }
                Compound::builder().add_packet(rr)
            }
        };
        self.sent_before = [self.sent_before[1], report.sent.map_or(0, |sent| sent.packets)];
        let compound = compound.add_packet(sdes);
        let compound = if report.bye {
            compound.add_packet(Bye::builder().add_source(report.ssrc))
        } else {
            compound
        };
        compound.write_into(to).ok()
    }

    /// Reads a compound packet of the peer. `ssrc` is ours, `peers` the peer's. `None` for what is not RTCP.
    pub(crate) fn read(
        &mut self,
        packet: &[u8],
        ssrc: u32,
        peers: Option<u32>,
        now: Moment,
        clock: SystemTime,
    ) -> Option<Feedback> {
        let mut feedback = Feedback::default();
        for part in Compound::parse(packet).ok()? {
            match part.ok()? {
                Packet::Sr(sr) => {
                    if Some(sr.ssrc()) == peers {
                        self.last_sender_report = Some((middle(sr.ntp_timestamp()), now));
                    }
                    self.read_blocks(sr.report_blocks(), ssrc, clock, &mut feedback);
                }
                Packet::Rr(rr) => self.read_blocks(rr.report_blocks(), ssrc, clock, &mut feedback),
                _ => {}
            }
        }
        Some(feedback)
    }

    fn read_blocks<'a>(
        &mut self,
        blocks: impl Iterator<Item = ReportBlock<'a>>,
        ssrc: u32,
        clock: SystemTime,
        feedback: &mut Feedback,
    ) {
        feedback.is_report = true;
        for block in blocks.filter(|block| block.ssrc() == ssrc) {
            // 24 bits, signed: duplicates can make it negative, which is no loss.
            let lost = if block.cumulative_lost() > 0x7f_ffff {
                0
            } else {
                block.cumulative_lost()
            };
            feedback.jitter = Some(block.interarrival_jitter());
            feedback.lost_since += lost.saturating_sub(self.lost);
            self.lost = lost.max(self.lost);
            feedback.round_trip = round_trip(&block, clock).or(feedback.round_trip);
        }
    }
}

/// Arrival less the time of our report less the time the peer held it (§6.4.1).
fn round_trip(block: &ReportBlock<'_>, clock: SystemTime) -> Option<Duration> {
    let sent = block.last_sender_report_timestamp();
    let held = block.delay_since_last_sender_report_timestamp();
    let units = middle(ntp(clock)).wrapping_sub(sent).wrapping_sub(held);
    // A clock that was set, or a peer that lies, shows as a "negative" or absurd time.
    const ABSURD: u32 = 60 << 16;
    (sent != 0 && units < ABSURD).then(|| Duration::from_micros((u64::from(units) * 1_000_000) >> 16))
}

/// Seconds since 1900 above, fraction below.
fn ntp(clock: SystemTime) -> u64 {
    let unix = clock.duration_since(UNIX_EPOCH).unwrap_or_default();
    ((unix.as_secs() + NTP_OFFSET_SECS) << 32) | ((u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000)
}

fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// A duration in 1/65,536 s.
fn ntp_units(d: Duration) -> u32 {
    ((d.as_micros() << 16) / 1_000_000) as u32
}
