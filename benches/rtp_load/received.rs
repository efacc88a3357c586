//! What came back to the phones, and what that tells.

use benches::cost::Durations;
use std::net::SocketAddr;

/// Received and reckoned.
pub(crate) struct Received {
    /// When counting began, in microseconds of the run.
    since: u64,
    pub(crate) packets: u64,
    /// Of them, those that a phone had sent since counting began.
    pub(crate) relayed: u64,
    pub(crate) music: u64,
    /// Numbers missing in the streams.
    pub(crate) holes: u64,
    /// From a phone's send to the other's receive.
    pub(crate) added: Durations,
    /// Between two packets of one stream that hears music.
    pub(crate) gaps: Durations,
    /// The longest between two packets of any stream, in microseconds.
    pub(crate) longest_gap: u64,
    /// What came last from each port.
    streams: Vec<Option<Stream>>,
}

#[derive(Clone, Copy)]
struct Stream {
    ssrc: u32,
    sequence: u16,
    at: u64,
}

impl Received {
    pub(crate) fn new() -> Self {
        Self {
            since: 0,
            packets: 0,
            relayed: 0,
            music: 0,
            holes: 0,
            added: Durations::default(),
            gaps: Durations::default(),
            longest_gap: 0,
            streams: vec![None; 1 << 16],
        }
    }

    /// Counts from here on; streams go on.
    pub(crate) fn restart(&mut self, now: u64) {
        let streams = std::mem::take(&mut self.streams);
        *self = Self {
            since: now,
            streams,
            ..Self::new()
        };
    }

    /// Nobody sends from this port any more.
    pub(crate) fn forget(&mut self, port: u16) {
        self.streams[usize::from(port)] = None;
    }

    pub(crate) fn reckon(&mut self, packet: &[u8], from: SocketAddr, now: u64) {
        let (Some(sequence), Some(ssrc), Some(stamp)) = (
            packet.get(2..4).and_then(<[u8]>::first_chunk),
            packet.get(8..12).and_then(<[u8]>::first_chunk),
            packet.get(12..).and_then(<[u8]>::first_chunk),
        ) else {
            return;
        };
        self.packets += 1;
        // A stamp is a moment of this run; music read as a stamp lies far outside.
        let sent_at = u64::from_be_bytes(*stamp);
        let is_music = sent_at > now;
        let stream = Stream {
            ssrc: u32::from_be_bytes(*ssrc),
            sequence: u16::from_be_bytes(*sequence),
            at: now,
        };
        if let Some(last) = self.streams[usize::from(from.port())].replace(stream)
            && last.ssrc == stream.ssrc
        {
            let gap = now - last.at;
            self.longest_gap = self.longest_gap.max(gap);
            if is_music {
                self.gaps.add_micros(gap);
            }
            let missing = stream.sequence.wrapping_sub(last.sequence).wrapping_sub(1);
            self.holes += u64::from(missing);
        }
        if is_music {
            self.music += 1;
        } else if sent_at >= self.since {
            self.relayed += 1;
            self.added.add_micros(now - sent_at);
        }
    }
}
