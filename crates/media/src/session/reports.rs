//! RTCP with the peer (RFC 3550 §6).

use super::Session;
use crate::Codec;
use crate::clock;
use crate::metrics::Reason;
use crate::moment::Moment;
use crate::rtcp::{Feedback, Report};
use std::net::SocketAddr;
use std::time::SystemTime;

/// Octets that hold any report of ours.
pub(crate) const REPORT_MAX: usize = 256;

/// A report to be sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reported {
    pub(crate) length: usize,
    pub(crate) to: SocketAddr,
    /// Packets lost on the way to us since the last report.
    pub(crate) lost: u32,
    /// Packets that came since the last report.
    pub(crate) received: u32,
    /// Jitter of what arrives, in seconds, if anything does.
    pub(crate) jitter: Option<f64>,
}

impl Session {
    /// Whether an RTCP report is due.
    pub(crate) fn report_due(&mut self, now: Moment) -> bool {
        self.peer.is_some() && self.reporter.due(now)
    }

    /// Writes an RTCP report into `packet`, the last one with BYE. `None` before anything is agreed.
    pub(crate) fn report(
        &mut self,
        cname: &str,
        bye: bool,
        now: Moment,
        packet: &mut [u8; REPORT_MAX],
    ) -> Option<Reported> {
        let peer = self.peer.as_ref()?;
        let mut reception = self.incoming.report();
        let jitter = reception.map(|reception| f64::from(reception.jitter) / f64::from(crate::wav::RATE));
        let (ssrc, mut sent) = (self.outgoing.ssrc(), self.outgoing.report(now));
        if peer.remote.codec == Codec::Opus {
            // Told in the clock of the wire.
            reception = reception.map(|seen| seen.with_jitter(clock::widen(seen.jitter)));
            sent = sent.map(|sent| sent.with_timestamp(clock::widen(sent.timestamp)));
        }
        let report = Report {
            ssrc,
            sent,
            reception,
            cname,
            bye,
        };
        Some(Reported {
            length: self.reporter.write(&report, now, SystemTime::now(), packet)?,
            to: peer.rtcp.unwrap_or(peer.remote.rtcp),
            lost: reception.map_or(0, |reception| reception.lost_since),
            received: reception.map_or(0, |reception| reception.received_since),
            jitter,
        })
    }

    /// Judges a packet from the RTCP port: only from the peer's address, and then only from its first port.
    pub(crate) fn take_in_rtcp(
        &mut self,
        packet: &[u8],
        from: SocketAddr,
        now: Moment,
    ) -> Result<Feedback, Reason> {
        let peer = self.peer.as_mut().ok_or(Reason::Source)?;
        let known = match peer.rtcp {
            Some(rtcp) => rtcp == from,
            None => {
                from == peer.remote.rtcp || peer.latch.taken().is_some_and(|taken| taken.ip() == from.ip())
            }
        };
        if !known {
            return Err(Reason::Source);
        }
        self.allowance = self.allowance.checked_sub(1).ok_or(Reason::Rate)?;
        let (ours, peers) = (self.outgoing.ssrc(), self.incoming.ssrc());
        let feedback = self
            .reporter
            .read(packet, ours, peers, now, SystemTime::now())
            .ok_or(Reason::Malformed)?;
        peer.rtcp = Some(from);
        self.one_way.reported(&feedback);
        Ok(feedback)
    }
}
