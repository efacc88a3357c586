//! One leg: its sockets, its peer's stream, the stream towards the peer, and what the peer is to hear.
//!
//! All of it belongs to one media thread. The leg takes packets in and gives packets out; which leg hears
//! which is the worker's knowledge.

use crate::dtmf::{KeyPresses, TelephoneEvent};
use crate::g711::Transcoder;
use crate::incoming::{Arrival, Incoming};
use crate::latch::{Latch, Verdict};
use crate::metrics::{Counts, Reason};
use crate::moment::Moment;
use crate::outgoing::Outgoing;
use crate::packet::{FRAME, HEADER_LEN, Header, Kind};
use crate::player::Player;
use crate::rtcp::{Feedback, Report, Reporter};
use crate::socket::PortPair;
use crate::{Codec, Library, Remote};
use acd::LegId;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::ops::Range;
use std::time::{Duration, SystemTime};

/// Frames of 20 ms in one packet of ours, at most.
const FRAMES_MAX: usize = 3;

/// Packets a leg may bring in 100 ms, on average. G.711 in the smallest usual packets, of 10 ms, is 10.
const PACKETS_PER_PERIOD: u32 = 20;

/// Packets a leg may bring at once: what a stall of the network of one second holds back.
const PACKETS_AT_ONCE: u32 = 100;

/// One leg.
pub(crate) struct Leg {
    pub(crate) id: LegId,
    pub(crate) sockets: PortPair,
    /// What the peer hears.
    pub(crate) route: Route,
    /// Which twentieth of the tick plays to this leg, if one does.
    pub(crate) phase: Option<usize>,
    peer: Option<Peer>,
    outgoing: Outgoing,
    incoming: Incoming,
    presses: KeyPresses,
    reporter: Reporter,
    allowance: u32,
    /// The last packet of the peer, or when the peer was first to send.
    heard: Moment,
    silent: bool,
    /// How far this leg has heard the hold music, in samples.
    music_at: usize,
    /// The tick of the last frame that was due.
    frame_tick: Option<u64>,
    /// Frames due and not yet sent, for peers that want longer packets.
    frames_due: usize,
    /// Frames that a late thread skipped since the last packet.
    frames_skipped: u64,
}

/// What the peer of a leg hears.
#[derive(Debug)]
pub(crate) enum Route {
    /// Nothing.
    Nothing,
    /// Prompts and music.
    Player(Player),
    /// The leg in this slot.
    Leg(usize),
}

#[derive(Debug)]
struct Peer {
    remote: Remote,
    latch: Latch,
    /// Whether the RTP socket is connected to the source that was taken.
    connected: bool,
    /// Where RTCP came from, once it did.
    rtcp: Option<SocketAddr>,
}

/// A packet that is to be passed on.
#[derive(Clone, Debug)]
pub(crate) struct Inbound {
    header: Header,
    payload: Range<usize>,
    kind: Kind,
    /// Samples from the timestamp on.
    samples: u32,
    /// The first packet of a stream.
    restarted: bool,
    /// The key whose press began with this packet.
    pub(crate) key: Option<char>,
    /// The source was taken with this packet.
    pub(crate) latched: Option<Verdict>,
}

/// Numbers no one can guess, for a stream's beginning (RFC 3550 §5.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed(pub(crate) [u64; 2]);

impl Leg {
    pub(crate) fn new(id: LegId, sockets: PortPair, seed: Seed, now: Moment) -> Self {
        let [a, b] = seed.0;
        // A first sequence number in the lower half leaves SRTP's rollover counter no doubt (RFC 3711 §3.3.1).
        let outgoing = Outgoing::new((a >> 32) as u32, b as u16 & 0x7fff, a as u32);
        Self {
            id,
            sockets,
            route: Route::Nothing,
            phase: None,
            peer: None,
            outgoing,
            incoming: Incoming::default(),
            presses: KeyPresses::default(),
            reporter: Reporter::new((b >> 32) as u32, now),
            allowance: PACKETS_AT_ONCE,
            heard: now,
            silent: false,
            music_at: 0,
            frame_tick: None,
            frames_due: 0,
            frames_skipped: 0,
        }
    }

    /// Takes in what was agreed with the peer. An address other than before lets the source be learned anew.
    pub(crate) fn set_remote(&mut self, remote: Remote, now: Moment) {
        if remote.receive && !self.peer.as_ref().is_some_and(|peer| peer.remote.receive) {
            (self.heard, self.silent) = (now, false);
        }
        let Some(peer) = &mut self.peer else {
            self.peer = Some(Peer {
                remote,
                latch: Latch::new(remote.rtp),
                connected: false,
                rtcp: None,
            });
            return;
        };
        if peer.latch.signal(remote.rtp) {
            if peer.connected && rustix::net::connect_unspec(&self.sockets.rtp).is_err() {
                tracing::warn!(call = %self.id.call, leg = %self.id, "cannot let go of the old RTP source");
            }
            peer.connected = false;
            peer.rtcp = None;
            self.incoming.forget();
            self.presses.forget();
        }
        peer.remote = remote;
    }

    /// Changes what the peer hears; what follows is spliced on.
    pub(crate) fn set_route(&mut self, route: Route) {
        self.outgoing.pause();
        (self.frames_due, self.frames_skipped) = (0, 0);
        self.frame_tick = None;
        self.route = route;
    }

    /// Judges a packet from the RTP port. `None` when it goes no further, and then it is counted why.
    pub(crate) fn take_in(
        &mut self,
        packet: &[u8],
        from: SocketAddr,
        now: Moment,
        counts: &mut Counts,
    ) -> Option<Inbound> {
        let taken = self.judge(packet, from, now, counts);
        taken.map_err(|reason| counts.dropped(reason)).ok()
    }

    fn judge(
        &mut self,
        packet: &[u8],
        from: SocketAddr,
        now: Moment,
        counts: &mut Counts,
    ) -> Result<Inbound, Reason> {
        let peer = self.peer.as_mut().ok_or(Reason::Source)?;
        let (header, payload) = Header::parse(packet).ok_or(Reason::Malformed)?;
        let kind = Kind::of(header.payload_type, peer.remote.dtmf_pt).ok_or(Reason::PayloadType)?;
        let octets = packet.get(payload.clone()).ok_or(Reason::Malformed)?;
        let event = match kind {
            Kind::TelephoneEvent => Some(TelephoneEvent::parse(octets).ok_or(Reason::Malformed)?),
            _ => None,
        };
        let latched = match peer.latch.judge(from, &header) {
            Verdict::Stranger => return Err(Reason::Source),
            Verdict::Peer => None,
            verdict => Some(verdict),
        };
        if latched.is_some() {
            // The kernel now keeps strangers out. If it will not, each packet's source is still judged above.
            peer.connected = self.sockets.rtp.connect(from).is_ok();
        }
        self.allowance = self.allowance.checked_sub(1).ok_or(Reason::Rate)?;
        counts.packets_received += 1;
        counts.octets_received += octets.len() as u64;
        let restarted = match self.incoming.arrive(&header, event.is_none(), now) {
            Arrival::Fresh => false,
            Arrival::Restarted => true,
            Arrival::Duplicate => return Err(Reason::Duplicate),
            Arrival::Late => return Err(Reason::Late),
            Arrival::Suspicious => return Err(Reason::Sequence),
        };
        (self.heard, self.silent) = (now, false);
        if restarted {
            self.presses.forget();
        }
        if !peer.remote.receive {
            return Err(Reason::Held);
        }
        let key = event.and_then(|event| self.presses.hear(&header, event));
        let samples = event.map_or(payload.len() as u32, |event| u32::from(event.duration));
        Ok(Inbound {
            header,
            payload,
            kind,
            samples,
            restarted,
            key,
            latched,
        })
    }

    /// Passes another leg's packet on to the peer: header rewritten, codec and payload type ours.
    pub(crate) fn pass_on(
        &mut self,
        inbound: &Inbound,
        packet: &mut [u8],
        transcoder: &Transcoder,
        now: Moment,
        counts: &mut Counts,
    ) {
        let Some(remote) = self
            .peer
            .as_ref()
            .map(|peer| peer.remote)
            .filter(|remote| remote.send)
        else {
            self.outgoing.pause();
            return counts.dropped(Reason::Held);
        };
        let payload_type = match (inbound.kind, remote.dtmf_pt) {
            (Kind::Audio(_), _) => remote.codec.payload_type(),
            (Kind::TelephoneEvent, Some(payload_type)) => payload_type,
            (Kind::TelephoneEvent, None) => {
                self.outgoing.swallow(&inbound.header);
                return counts.dropped(Reason::NoDtmf);
            }
            (Kind::ComfortNoise, _) => return self.outgoing.swallow(&inbound.header),
        };
        let Inbound {
            header,
            payload,
            samples,
            restarted,
            ..
        } = inbound;
        let octets = payload.len() as u32;
        let Some(header) = self
            .outgoing
            .relay(header, payload_type, *samples, octets, *restarted, now)
        else {
            return counts.dropped(Reason::Late);
        };
        if let (Kind::Audio(codec), Some(audio)) = (inbound.kind, packet.get_mut(payload.clone()))
            && codec != remote.codec
        {
            transcoder.transcode(audio, remote.codec);
        }
        if let Some(packet) = header.write_before(payload, packet) {
            self.send(packet, counts);
        }
    }

    /// Plays the frame that is due at `tick`, if the route is a player. Returns false when its playlist ended.
    pub(crate) fn play(&mut self, tick: u64, library: &Library, now: Moment, counts: &mut Counts) -> bool {
        let Route::Player(player) = &mut self.route else {
            return true;
        };
        let frames_passed = self.frame_tick.map_or(1, |last| (tick - last) / 20);
        self.frame_tick = Some(tick);
        self.frames_skipped += frames_passed.saturating_sub(1);
        let remote = self.peer.as_ref().map(|peer| peer.remote);
        let Some(remote) = remote.filter(|remote| remote.send) else {
            // Prompts go by unheard, so that a farewell ends; the music waits.
            self.outgoing.pause();
            let mut music_at = self.music_at;
            return player.fill(&mut [0; FRAME as usize], library, Codec::Pcma, &mut music_at);
        };
        self.frames_due += 1;
        if self.frames_due < frames_per_packet(remote.ptime_ms) {
            return true;
        }
        let samples = std::mem::take(&mut self.frames_due) * FRAME as usize;
        let mut packet = [0; HEADER_LEN + FRAMES_MAX * FRAME as usize];
        let (head, payload) = packet.split_at_mut(HEADER_LEN);
        let goes_on = player.fill(&mut payload[..samples], library, remote.codec, &mut self.music_at);
        let skipped = u32::try_from(std::mem::take(&mut self.frames_skipped)).unwrap_or(u32::MAX);
        let skipped = FRAME.saturating_mul(skipped);
        let header = self
            .outgoing
            .own(remote.codec.payload_type(), samples as u32, skipped, now);
        if let Some(head) = head.first_chunk_mut() {
            header.write(head);
        }
        self.send(&packet[..HEADER_LEN + samples], counts);
        goes_on
    }

    fn send(&self, packet: &[u8], counts: &mut Counts) {
        let Some(peer) = &self.peer else { return };
        let sent = if peer.connected {
            self.sockets.rtp.send(packet)
        } else {
            self.sockets.rtp.send_to(packet, peer.latch.destination())
        };
        match sent {
            Ok(_) => {
                counts.packets_sent += 1;
                counts.octets_sent += (packet.len() - HEADER_LEN) as u64;
            }
            Err(e) => count_error(&e, counts),
        }
    }

    /// Every 100 ms: a new allowance of packets.
    pub(crate) fn allow_more(&mut self) {
        self.allowance = (self.allowance + PACKETS_PER_PERIOD).min(PACKETS_AT_ONCE);
    }

    /// Whether the peer, who should send, has just been silent for `timeout`. True once a silence.
    pub(crate) fn fell_silent(&mut self, timeout: Duration, now: Moment) -> bool {
        let should_send = self.peer.as_ref().is_some_and(|peer| peer.remote.receive);
        let fell = should_send && !self.silent && now.since(self.heard) >= timeout;
        self.silent |= fell;
        fell
    }

    /// Whether an RTCP report is due.
    pub(crate) fn report_due(&mut self, now: Moment) -> bool {
        self.peer.is_some() && self.reporter.due(now)
    }

    /// Sends an RTCP report, the last one with BYE. Returns what was received, for the metrics.
    pub(crate) fn report(
        &mut self,
        cname: &str,
        bye: bool,
        now: Moment,
        counts: &mut Counts,
    ) -> Option<(u32, f64)> {
        let peer = self.peer.as_ref()?;
        let reception = self.incoming.report();
        let report = Report {
            ssrc: self.outgoing.ssrc(),
            sent: self.outgoing.report(now),
            reception,
            cname,
            bye,
        };
        let mut packet = [0; 256];
        let length = self
            .reporter
            .write(&report, now, SystemTime::now(), &mut packet)?;
        let to = peer.rtcp.unwrap_or(peer.remote.rtcp);
        if let Err(e) = self.sockets.rtcp.send_to(packet.get(..length)?, to) {
            count_error(&e, counts);
        }
        reception.map(|reception| {
            (
                reception.lost_since,
                f64::from(reception.jitter) / f64::from(crate::wav::RATE),
            )
        })
    }

    /// Takes in a packet from the RTCP port: only from the peer's address, and then only from its first port.
    pub(crate) fn take_in_rtcp(
        &mut self,
        packet: &[u8],
        from: SocketAddr,
        now: Moment,
        counts: &mut Counts,
    ) -> Option<Feedback> {
        let heard = self.judge_rtcp(packet, from, now);
        heard.map_err(|reason| counts.dropped(reason)).ok()
    }

    fn judge_rtcp(&mut self, packet: &[u8], from: SocketAddr, now: Moment) -> Result<Feedback, Reason> {
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
        Ok(feedback)
    }
}

/// ICMP says that the peer has no socket there, as a held or just ended phone has; or the system is out of room.
pub(crate) fn count_error(e: &io::Error, counts: &mut Counts) {
    match e.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            counts.unreachable += 1;
        }
        _ => counts.dropped(Reason::SendFailed),
    }
}

fn frames_per_packet(ptime_ms: u8) -> usize {
    match ptime_ms {
        40 => 2,
        60 => 3,
        _ => 1,
    }
}
