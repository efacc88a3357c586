//! One leg: its sockets, the RTP session with its peer, and what the peer is to hear.
//!
//! All of it belongs to one media thread. Which leg hears which is the worker's knowledge.

mod browser;

pub(crate) use browser::Sort;

use crate::ears::Ears;
use crate::filter;
use crate::g711::Transcoder;
use crate::metrics::{Counts, Metrics, Reason};
use crate::mix::Mix;
use crate::moment::Moment;
use crate::packet::HEADER_LEN;
use crate::player::Player;
use crate::quality::Tally;
use crate::recording::{Side, Tap};
use crate::rtcp::Feedback;
use crate::session::{Inbound, OWN_PACKET_MAX, REPORT_MAX, Seed, Session};
use crate::socket::PortPair;
use crate::srtp::Srtp;
use crate::{LegQuality, Library, Remote, SrtpKeys};
use acd::LegId;
use browser::Browser;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

/// One leg.
pub(crate) struct Leg {
    pub(crate) id: LegId,
    pub(crate) sockets: PortPair,
    /// What the peer hears.
    pub(crate) route: Route,
    /// Who hears the peer.
    pub(crate) ears: Ears,
    /// Which twentieth of the tick plays to this leg, if one does.
    pub(crate) phase: Option<usize>,
    session: Session,
    inlet: Inlet,
    /// The source that was taken last under the present agreement.
    last_source: Option<SocketAddr>,
    /// Whether the kernel lets only a sample of the peer's audio in.
    sampled: bool,
    /// The contexts of a leg that speaks SRTP.
    srtp: Option<Box<Srtp>>,
    /// What is known of a peer that is a browser.
    browser: Option<Box<Browser>>,
    tally: Tally,
    /// Where this caller's call is recorded.
    tap: Option<Box<Tap>>,
}

/// Whose packets the RTP socket lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inlet {
    /// Anybody's.
    Open,
    /// Connected to the source that was taken: the kernel keeps strangers out. So many packets may still be waiting
    /// that came before.
    Connected { from: SocketAddr, older: u16 },
}

/// What a leg's peer is waited for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// For packets.
    pub(crate) silence_timeout: Duration,
    /// For a browser, to be heard at all.
    pub(crate) webrtc_connect_timeout: Duration,
}

/// More packets than the receive buffer of a socket holds, of the smallest kind.
const WAITING_MAX: u16 = 256;

/// What the peer of a leg hears.
#[derive(Debug)]
pub(crate) enum Route {
    /// Nothing.
    Nothing,
    /// Prompts and music.
    Player(Player),
    /// The leg in this slot: its packets are passed on.
    Leg(usize),
    /// Several legs together.
    Mix(Box<Mix>),
}

impl Leg {
    pub(crate) fn new(id: LegId, sockets: PortPair, seed: Seed, now: Moment) -> Self {
        let session = Session::new(seed, now);
        Self {
            id,
            sockets,
            route: Route::Nothing,
            ears: Ears::default(),
            phase: None,
            session,
            inlet: Inlet::Open,
            last_source: None,
            sampled: false,
            srtp: None,
            browser: None,
            tally: Tally::default(),
            tap: None,
        }
    }

    /// Takes in what was agreed with the peer. An address other than before lets the source be learned anew.
    pub(crate) fn set_remote(
        &mut self,
        remote: Remote,
        keys: Option<SrtpKeys>,
        now: Moment,
        metrics: &Metrics,
    ) {
        self.secure(keys, metrics);
        let moved = self.session.set_remote(remote, now);
        // The payload types may be others.
        self.read_all();
        if moved {
            self.let_go();
            self.last_source = None;
        }
    }

    /// From here on packets of any source are judged.
    fn let_go(&mut self) {
        if self.inlet == Inlet::Open {
            return;
        }
        if let Err(e) = rustix::net::connect_unspec(&self.sockets.rtp) {
            tracing::warn!(call = %self.id.call, leg = %self.id, error = %e, "cannot let go of an RTP source");
        }
        self.inlet = Inlet::Open;
    }

    /// From here on the leg speaks SRTP with these keys, or RTP in the clear.
    fn secure(&mut self, keys: Option<SrtpKeys>, metrics: &Metrics) {
        let before = self.srtp.as_ref().map(|srtp| srtp.suite());
        match (&mut self.srtp, keys) {
            (Some(srtp), Some(keys)) => srtp.rekey(keys),
            (srtp, keys) => *srtp = keys.map(|keys| Box::new(Srtp::new(keys))),
        }
        let now = self.srtp.as_ref().map(|srtp| srtp.suite());
        if let Some(suite) = now.filter(|_| now != before) {
            metrics.secured(suite);
            tracing::debug!(call = %self.id.call, leg = %self.id, suite = suite.name(), "speaks SRTP");
        }
    }

    /// Changes what the peer hears; what follows is spliced on.
    pub(crate) fn set_route(&mut self, route: Route) {
        self.session.change_source();
        self.route = route;
    }

    /// Lets the kernel drop what nobody would hear of a peer, as far as that can be told from the outside.
    fn read_sample(&mut self, silence_timeout: Duration) {
        let settled = matches!(self.inlet, Inlet::Connected { older: 0, .. });
        let unheard = settled && self.ears.are_none();
        if self.sampled || !unheard || silence_timeout < filter::SILENCE_SEEN {
            return;
        }
        // Without agreed events keys can only be found in the audio.
        let Some(dtmf_pt) = self.session.dtmf_pt() else {
            return;
        };
        match filter::attach(&self.sockets.rtp, dtmf_pt) {
            Ok(()) => {
                self.sampled = true;
                self.session.sample(true);
            }
            Err(e) => {
                tracing::debug!(call = %self.id.call, leg = %self.id, error = %e, "no filter: all packets are read");
            }
        }
    }

    /// Lets everything in that the peer sends.
    pub(crate) fn read_all(&mut self) {
        if !std::mem::take(&mut self.sampled) {
            return;
        }
        self.session.sample(false);
        if let Err(e) = filter::detach(&self.sockets.rtp) {
            tracing::error!(call = %self.id.call, leg = %self.id, error = %e, "cannot take a leg's filter away: its peer is not heard");
        }
    }

    /// Receives a packet, and tells whose it is.
    pub(crate) fn receive(&mut self, packet: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match &mut self.inlet {
            // Asking for the source costs a third more.
            Inlet::Connected { from, older: 0 } => Ok((self.sockets.rtp.recv(packet)?, *from)),
            Inlet::Connected { older, .. } => {
                *older -= 1;
                self.sockets.rtp.recv_from(packet)
            }
            Inlet::Open => self.sockets.rtp.recv_from(packet),
        }
    }

    /// Judges a packet from the RTP port. `None` when it goes no further, and then it is counted why.
    pub(crate) fn take_in(
        &mut self,
        packet: &mut [u8],
        from: SocketAddr,
        now: Moment,
        counts: &mut Counts,
    ) -> Option<Inbound> {
        let length = match &mut self.srtp {
            // Before the source is judged: who has not the key cannot become the peer.
            Some(srtp) => match srtp.receiver.rtp(packet) {
                Ok(length) => length,
                Err(refused) => {
                    counts.dropped(refused.into());
                    return None;
                }
            },
            None => packet.len(),
        };
        let packet = packet.get(..length)?;
        let source_before = self.session.source();
        let taken = self.session.take_in(packet, from, now, counts);
        if self.session.source() != source_before {
            self.connect(counts);
        }
        taken.map_err(|reason| counts.dropped(reason)).ok()
    }

    /// A source was taken: from here on the kernel keeps others out. Should it refuse, each packet is judged still.
    fn connect(&mut self, counts: &mut Counts) {
        let Some((source, signalled)) = self.session.source() else {
            return;
        };
        if self.sockets.rtp.connect(source).is_ok() {
            self.inlet = Inlet::Connected {
                from: source,
                older: WAITING_MAX,
            };
        }
        match self.last_source.replace(source) {
            Some(last) if last == source => {}
            Some(_) => counts.sources_moved += 1,
            None if signalled => counts.sources_signalled += 1,
            None => counts.sources_learned += 1,
        }
        tracing::debug!(call = %self.id.call, leg = %self.id, %source, signalled, "RTP source taken");
    }

    /// Records the call of this caller's leg from now on.
    pub(crate) fn record(&mut self, tap: Option<Box<Tap>>) {
        self.tap = tap;
    }

    /// Whether this caller's call is recorded.
    pub(crate) fn is_recorded(&self) -> bool {
        self.tap.is_some()
    }

    /// Puts a packet's sound into the recording, if there is one.
    pub(crate) fn tap(&mut self, side: Side, inbound: &Inbound, packet: &[u8], now: Moment) {
        if let Some(tap) = &mut self.tap
            && let Some((codec, header, sound)) = inbound.sound(packet)
        {
            tap.take(side, codec, header, inbound.is_first(), sound, now);
        }
    }

    /// The peer is to have a key press that reached us by other means.
    pub(crate) fn press(&mut self, key: char, hold: Duration, now: Moment) {
        self.session.press(key, hold, now);
    }

    /// Passes another leg's packet on to the peer.
    pub(crate) fn pass_on(
        &mut self,
        inbound: &Inbound,
        packet: &mut [u8],
        transcoder: &Transcoder,
        now: Moment,
        counts: &mut Counts,
    ) {
        match self.session.pass_on(inbound, packet, transcoder, now) {
            Ok(packet) => self.send(packet, counts),
            Err(reason) => counts.dropped(reason),
        }
    }

    /// Plays the frame that is due at `tick`, if the peer hears sound of our own making. Returns false when its playlist
    /// ended.
    pub(crate) fn play(&mut self, tick: u64, library: &Library, now: Moment, counts: &mut Counts) -> bool {
        let mut packet = [0; OWN_PACKET_MAX];
        let played = match &mut self.route {
            Route::Player(player) => self.session.play(player, tick, library, now, &mut packet),
            Route::Mix(mix) => {
                let played = self.session.play(mix.as_mut(), tick, library, now, &mut packet);
                counts.mixes_ran_out += mix.ran_out();
                if let Some(tap) = self.tap.as_mut().filter(|_| played.length > 0) {
                    tap.take_mixed(mix, now);
                }
                played
            }
            Route::Nothing | Route::Leg(_) => return true,
        };
        if played.length > 0 {
            self.send(&packet[..played.length], counts);
        }
        played.goes_on
    }

    /// The peer hears what the leg in `slot` sent, together with others.
    pub(crate) fn mix_in(&mut self, slot: usize, inbound: &Inbound, packet: &[u8], counts: &mut Counts) {
        if let Route::Mix(mix) = &mut self.route
            && let Some((codec, header, sound)) = inbound.sound(packet)
            && !mix.take_in(slot, codec, header.timestamp, inbound.is_first(), sound)
        {
            counts.dropped(Reason::Codec);
        }
    }

    fn send(&mut self, packet: &[u8], counts: &mut Counts) {
        let octets = packet.len() - HEADER_LEN;
        let packet = match &mut self.srtp {
            Some(srtp) => match srtp.sender.rtp(packet) {
                Some(sealed) => sealed,
                None => return counts.dropped(Reason::SendFailed),
            },
            None => packet,
        };
        let sent = match (self.inlet, self.session.destination()) {
            (Inlet::Connected { .. }, _) => self.sockets.rtp.send(packet),
            (Inlet::Open, Some(destination)) => self.sockets.rtp.send_to(packet, destination),
            (Inlet::Open, None) => return,
        };
        match sent {
            Ok(_) => {
                counts.packets_sent += 1;
                self.tally.sent();
                counts.octets_sent += octets as u64;
            }
            Err(e) => count_error(&e, counts),
        }
    }

    /// Ten times a second: a new allowance, and a report if one is due. True when the peer has just fallen silent.
    pub(crate) fn look_after(
        &mut self,
        limits: &Timeouts,
        cname: &str,
        now: Moment,
        counts: &mut Counts,
        metrics: &Metrics,
    ) -> bool {
        self.session.allow_more();
        if self.session.may_have_moved(now) {
            self.read_all();
            self.let_go();
        }
        self.read_sample(limits.silence_timeout);
        self.look_after_browser(limits.webrtc_connect_timeout, now, metrics);
        if let Some(missing) = self.session.goes_one_way(!self.ears.are_none(), now) {
            metrics.goes_one_way(missing);
            tracing::warn!(call = %self.id.call, leg = %self.id, missing = missing.direction(), "a connected leg's sound goes one way only");
        }
        if self.session.report_due(now) {
            self.report(cname, false, now, counts, metrics);
        }
        self.session.fell_silent(limits.silence_timeout, now)
    }

    /// Sends an RTCP report, the last one with BYE.
    pub(crate) fn report(
        &mut self,
        cname: &str,
        bye: bool,
        now: Moment,
        counts: &mut Counts,
        metrics: &Metrics,
    ) {
        let mut packet = [0; REPORT_MAX];
        let Some(reported) = self.session.report(cname, bye, now, &mut packet) else {
            return;
        };
        let jitter = reported.jitter.map(Duration::from_secs_f64);
        self.tally.reported(reported.received, reported.lost, jitter);
        let packet = match &mut self.srtp {
            Some(srtp) => srtp.sender.rtcp(&packet[..reported.length]),
            None => Some(&packet[..reported.length]),
        };
        let Some(packet) = packet else {
            return counts.dropped(Reason::SendFailed);
        };
        let socket = match self.browser {
            Some(_) => &self.sockets.rtp,
            None => &self.sockets.rtcp,
        };
        if let Err(e) = socket.send_to(packet, reported.to) {
            count_error(&e, counts);
        }
        metrics.reported(reported);
    }

    /// Judges a packet from the RTCP port. `None` when it tells nothing, and then it is counted why.
    pub(crate) fn take_in_rtcp(
        &mut self,
        packet: &mut [u8],
        from: SocketAddr,
        now: Moment,
        counts: &mut Counts,
    ) -> Option<Feedback> {
        let opened = match &mut self.srtp {
            Some(srtp) => srtp.receiver.rtcp(packet).map_err(Reason::from),
            None => Ok(packet.len()),
        };
        let heard = opened.and_then(|length| {
            let packet = packet.get(..length).unwrap_or_default();
            self.session.take_in_rtcp(packet, from, now)
        });
        let feedback = heard.map_err(|reason: Reason| counts.dropped(reason)).ok()?;
        let jitter = feedback
            .jitter
            .map(|samples| Duration::from_secs(samples.into()) / crate::wav::RATE);
        self.tally
            .fed_back(feedback.lost_since, jitter, feedback.round_trip);
        Some(feedback)
    }

    /// How the leg sounded so far, by its reports.
    pub(crate) fn quality(&self) -> LegQuality {
        self.session
            .codec()
            .map_or(LegQuality::default(), |codec| self.tally.quality(codec))
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
