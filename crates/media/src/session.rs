//! The RTP session with one leg's peer (RFC 3550 §3), without its sockets: what arrives is judged, what leaves is
//! written into the buffer it came in. Pure: packets, sources and time are arguments.

use crate::clock::{self, OpusClock};
use crate::convert::Conversion;
use crate::dtmf::{KeyPresses, TelephoneEvent};
use crate::g711::Transcoder;
use crate::incoming::{Arrival, Incoming};
use crate::latch::{DOUBTED_AFTER, Latch, Verdict};
use crate::metrics::{Counts, Reason};
use crate::moment::Moment;
use crate::music::MusicPlace;
use crate::one_way::{Missing, OneWay, Ways};
use crate::outgoing::Outgoing;
use crate::packet::{FRAME, HEADER_LEN, Header, Kind};
use crate::player::Source;
use crate::press::{EVENT_LEN, Press};
use crate::rtcp::{Feedback, Report, Reporter};
use crate::tones::ToneDetector;
use crate::{Codec, Library, Remote};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::time::{Duration, SystemTime};

/// Frames of 20 ms in one packet of ours, at most.
const FRAMES_MAX: usize = 3;

/// Octets of the longest packet of prompts and music.
pub(crate) const OWN_PACKET_MAX: usize = HEADER_LEN + FRAMES_MAX * FRAME as usize;

/// Octets that hold any report of ours.
pub(crate) const REPORT_MAX: usize = 256;

/// Packets a leg may bring in 100 ms, on average. G.711 in the smallest usual packets, of 10 ms, is 10.
const PACKETS_PER_PERIOD: u32 = 20;

/// Packets a leg may bring at once: what a stall of the network of one second holds back.
const PACKETS_AT_ONCE: u32 = 100;

/// We send to a peer if we have within so long; its reports are about more than that.
const SENDS_WITHIN: Duration = Duration::from_secs(1);

/// One session.
pub(crate) struct Session {
    peer: Option<Peer>,
    outgoing: Outgoing,
    incoming: Incoming,
    /// Brings what comes from a peer with Opus to our clock.
    clock: OpusClock,
    /// Turns what another leg sends into the peer's codec, where it must.
    conversion: Option<Box<Conversion>>,
    presses: KeyPresses,
    /// Listens for keys in the sound of a peer that has no other way to tell of them.
    tones: ToneDetector,
    /// A key that the peer is to have.
    press: Option<Press>,
    reporter: Reporter,
    allowance: u32,
    /// The last packet of the peer, or when the peer was first to send.
    heard: Moment,
    silent: bool,
    one_way: OneWay,
    /// How far the peer has heard the hold music.
    music_at: MusicPlace,
    /// The tick of the last frame that was due.
    frame_tick: Option<u64>,
    /// Frames due and not yet sent, for peers that want longer packets.
    frames_due: usize,
    /// Frames that a late thread skipped since the last packet.
    frames_skipped: u64,
}

#[derive(Debug)]
struct Peer {
    remote: Remote,
    latch: Latch,
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
    /// The key was heard as tones.
    pub(crate) in_band: bool,
}

impl Inbound {
    /// The audio in the packet it was read from, if it is audio.
    pub(crate) fn sound<'a>(&self, packet: &'a [u8]) -> Option<(Codec, &Header, &'a [u8])> {
        match self.kind {
            Kind::Audio(codec) => Some((codec, &self.header, packet.get(self.payload.clone())?)),
            Kind::TelephoneEvent | Kind::ComfortNoise => None,
        }
    }

    /// Whether it is the first packet of a stream.
    pub(crate) fn is_first(&self) -> bool {
        self.restarted
    }
}

/// What of a playlist is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Played {
    /// Octets of the packet; 0 when there is none to send at this tick.
    pub(crate) length: usize,
    /// Whether the playlist goes on.
    pub(crate) goes_on: bool,
}

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

/// Numbers no one can guess, for a stream's beginning (RFC 3550 §5.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed(pub(crate) [u64; 2]);

impl Session {
    pub(crate) fn new(seed: Seed, now: Moment) -> Self {
        let [a, b] = seed.0;
        // A first sequence number in the lower half leaves SRTP's rollover counter no doubt (RFC 3711 §3.3.1).
        let outgoing = Outgoing::new((a >> 32) as u32, b as u16 & 0x7fff, a as u32);
        Self {
            peer: None,
            outgoing,
            incoming: Incoming::default(),
            clock: OpusClock::default(),
            conversion: None,
            presses: KeyPresses::default(),
            tones: ToneDetector::default(),
            press: None,
            reporter: Reporter::new((b >> 32) as u32, now),
            allowance: PACKETS_AT_ONCE,
            heard: now,
            silent: false,
            one_way: OneWay::default(),
            music_at: MusicPlace::default(),
            frame_tick: None,
            frames_due: 0,
            frames_skipped: 0,
        }
    }

    /// Takes in what was agreed with the peer. True when its address is another than before: then its source is
    /// to be learned anew.
    pub(crate) fn set_remote(&mut self, mut remote: Remote, now: Moment) -> bool {
        remote.send &= is_a_phones(remote.rtp);
        if remote.receive && !self.peer.as_ref().is_some_and(|peer| peer.remote.receive) {
            (self.heard, self.silent) = (now, false);
        }
        let Some(peer) = &mut self.peer else {
            let latch = Latch::new(remote.rtp);
            self.peer = Some(Peer {
                remote,
                latch,
                rtcp: None,
            });
            return false;
        };
        peer.remote = remote;
        let moved = peer.latch.signal(remote.rtp);
        if moved {
            peer.rtcp = None;
            self.incoming.forget();
            self.clock.forget();
            self.presses.forget();
        }
        moved
    }

    /// The codec agreed with the peer.
    pub(crate) fn codec(&self) -> Option<Codec> {
        self.peer.as_ref().map(|peer| peer.remote.codec)
    }

    /// Where RTP is sent.
    pub(crate) fn destination(&self) -> Option<SocketAddr> {
        self.peer.as_ref().map(|peer| peer.latch.destination())
    }

    /// The source that alone is believed to be the peer, and whether it is where signalling said.
    pub(crate) fn source(&self) -> Option<(SocketAddr, bool)> {
        let peer = self.peer.as_ref().filter(|peer| peer.latch.is_sure())?;
        peer.latch
            .taken()
            .map(|source| (source, source == peer.remote.rtp))
    }

    /// Whether the peer, who should send, has been quiet for so long that it may have moved. True once; then another
    /// source may show that it is the peer.
    pub(crate) fn may_have_moved(&mut self, now: Moment) -> bool {
        let quiet = now.since(self.heard) >= DOUBTED_AFTER;
        match (&mut self.peer, self.incoming.ssrc()) {
            (Some(peer), Some(ssrc)) if quiet && peer.remote.receive => peer.latch.doubt(ssrc),
            _ => false,
        }
    }

    /// The payload type of the peer's key presses, if agreed.
    pub(crate) fn dtmf_pt(&self) -> Option<u8> {
        self.peer.as_ref()?.remote.dtmf_pt
    }

    /// From here on only a sample of what the peer sends is taken in, or again all of it.
    pub(crate) fn sample(&mut self, sample: bool) {
        self.incoming.sample(sample);
    }

    /// What the peer hears changes: whatever follows is spliced on.
    pub(crate) fn change_source(&mut self) {
        self.outgoing.pause();
        self.conversion = None;
        self.press = None;
        (self.frames_due, self.frames_skipped) = (0, 0);
        self.frame_tick = None;
    }

    /// Judges a packet from the RTP port.
    pub(crate) fn take_in(
        &mut self,
        packet: &[u8],
        from: SocketAddr,
        now: Moment,
        counts: &mut Counts,
    ) -> Result<Inbound, Reason> {
        let peer = self.peer.as_mut().ok_or(Reason::Source)?;
        let (mut header, payload) = Header::parse(packet).ok_or(Reason::Malformed)?;
        let kind = Kind::of(header.payload_type, &peer.remote).ok_or(Reason::PayloadType)?;
        let octets = packet.get(payload.clone()).ok_or(Reason::Malformed)?;
        let event = match kind {
            Kind::TelephoneEvent => Some(TelephoneEvent::parse(octets).ok_or(Reason::Malformed)?),
            _ => None,
        };
        let samples = match (kind, event) {
            (Kind::Audio(Codec::Opus), _) => opus_samples(octets).ok_or(Reason::Malformed)?,
            (_, Some(event)) => clock::samples(u32::from(event.duration), peer.remote.dtmf_rate),
            _ => payload.len() as u32,
        };
        if peer.latch.judge(from, &header) == Verdict::Stranger {
            return Err(Reason::Source);
        }
        self.allowance = self.allowance.checked_sub(1).ok_or(Reason::Rate)?;
        counts.packets_received += 1;
        counts.octets_received += octets.len() as u64;
        if peer.remote.counts_in_opus_ticks(kind) {
            header.timestamp = self.clock.narrow(header.timestamp);
        }
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
        let heard = match kind {
            Kind::Audio(codec) if peer.remote.dtmf_pt.is_none() => self.tones.hear(codec, octets),
            _ => None,
        };
        let key = event
            .and_then(|event| self.presses.hear(&header, event))
            .or(heard);
        Ok(Inbound {
            header,
            payload,
            kind,
            samples,
            restarted,
            key,
            in_band: heard.is_some(),
        })
    }

    /// Turns another leg's packet into one for the peer, in place: header rewritten, codec and payload type ours.
    /// `packet` is the whole buffer that it lies in, for a codec that needs more room.
    pub(crate) fn pass_on<'a>(
        &mut self,
        inbound: &Inbound,
        packet: &'a mut [u8],
        transcoder: &Transcoder,
        now: Moment,
    ) -> Result<&'a [u8], Reason> {
        let Some(remote) = self
            .peer
            .as_ref()
            .map(|peer| peer.remote)
            .filter(|remote| remote.send)
        else {
            self.outgoing.pause();
            return Err(Reason::Held);
        };
        let payload_type = match (inbound.kind, remote.dtmf_pt) {
            (Kind::Audio(_), _) => remote.payload_type(),
            (Kind::TelephoneEvent, Some(payload_type)) => payload_type,
            (Kind::TelephoneEvent, None) => {
                self.outgoing.swallow(&inbound.header);
                return Err(Reason::NoDtmf);
            }
            (Kind::ComfortNoise, _) => {
                self.outgoing.swallow(&inbound.header);
                return Err(Reason::ComfortNoise);
            }
        };
        self.press.take_if(|press| press.lapsed(now));
        if let (Kind::Audio(_), Some(payload_type), true) =
            (inbound.kind, remote.dtmf_pt, self.press.is_some())
        {
            return self.pass_on_key(inbound, payload_type, &remote, packet, now);
        }
        let payload = match inbound.kind {
            Kind::Audio(codec) if codec != remote.codec => {
                self.transcode(codec, remote.codec, inbound, packet, transcoder)?
            }
            Kind::TelephoneEvent => {
                TelephoneEvent::write_duration(inbound.samples, remote.dtmf_rate, packet, &inbound.payload);
                inbound.payload.clone()
            }
            _ => inbound.payload.clone(),
        };
        let Inbound {
            header,
            samples,
            restarted,
            ..
        } = inbound;
        let octets = payload.len() as u32;
        let relayed = self
            .outgoing
            .relay(header, payload_type, *samples, octets, *restarted, now);
        let header = relayed.ok_or(Reason::Late)?.on_the_clock_of(remote.codec);
        header.write_before(&payload, packet).ok_or(Reason::Malformed)
    }

    /// The peer is to have a key press, if it agreed to any.
    pub(crate) fn press(&mut self, key: char, hold: Duration, now: Moment) {
        if self
            .peer
            .as_ref()
            .is_some_and(|peer| peer.remote.dtmf_pt.is_some())
        {
            self.press = Press::new(key, hold, now);
        }
    }

    /// Sends a packet of the key press in place of one of voice.
    fn pass_on_key<'a>(
        &mut self,
        inbound: &Inbound,
        payload_type: u8,
        remote: &Remote,
        packet: &'a mut [u8],
        now: Moment,
    ) -> Result<&'a [u8], Reason> {
        let (header, samples) = (&inbound.header, inbound.samples);
        let relayed = self.outgoing.relay(
            header,
            payload_type,
            samples,
            EVENT_LEN as u32,
            inbound.restarted,
            now,
        );
        let relayed = relayed.ok_or(Reason::Late)?;
        let press = self.press.as_mut().ok_or(Reason::NoDtmf)?;
        let event = press.next(relayed.timestamp, samples, remote.dtmf_rate);
        if event.last {
            self.press = None;
        }
        let header = Header {
            timestamp: event.timestamp,
            marker: relayed.marker || event.marker,
            ..relayed
        };
        let start = inbound.payload.start;
        let payload = start..start + EVENT_LEN;
        packet
            .get_mut(payload.clone())
            .ok_or(Reason::Malformed)?
            .copy_from_slice(&event.payload);
        header
            .on_the_clock_of(remote.codec)
            .write_before(&payload, packet)
            .ok_or(Reason::Malformed)
    }

    /// Turns a packet's sound into another codec, and gives where the new payload lies.
    fn transcode(
        &mut self,
        from: Codec,
        to: Codec,
        inbound: &Inbound,
        packet: &mut [u8],
        laws: &Transcoder,
    ) -> Result<Range<usize>, Reason> {
        let audio = packet.get_mut(inbound.payload.clone()).ok_or(Reason::Malformed)?;
        if from.family() == to.family() {
            laws.transcode(audio, to);
            return Ok(inbound.payload.clone());
        }
        if inbound.restarted || !self.conversion.as_ref().is_some_and(|known| known.is(from, to)) {
            self.conversion = Conversion::new(from, to);
        }
        let conversion = self.conversion.as_mut().ok_or(Reason::Codec)?;
        let converted = conversion.convert(inbound.header.sequence, audio)?;
        let start = inbound.payload.start;
        let payload = start..start + converted.len();
        packet
            .get_mut(payload.clone())
            .ok_or(Reason::Codec)?
            .copy_from_slice(converted);
        Ok(payload)
    }

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

    /// A way of a leg that somebody hears, or nobody, that turned out just now to be missing.
    pub(crate) fn goes_one_way(&mut self, is_heard: bool, now: Moment) -> Option<Missing> {
        let remote = self.peer.as_ref().map(|peer| peer.remote);
        let ways = Ways {
            should_receive: is_heard && remote.is_some_and(|remote| remote.receive),
            received: self.heard,
            sends: self.outgoing.has_sent_within(SENDS_WITHIN, now),
        };
        self.one_way.look(ways, now)
    }

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

/// Whether an address can be a phone's. `c=0.0.0.0` is how phones of old say hold (RFC 2543 §B.5), and would reach
/// this very host; a group would be a caller's way to have us flood a network.
fn is_a_phones(address: SocketAddr) -> bool {
    let ip = address.ip().to_canonical();
    let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    address.port() != 0 && !ip.is_unspecified() && !ip.is_multicast() && !broadcast
}

/// Samples of ours in a packet of Opus (RFC 6716 §3.1). `None` for what is none.
fn opus_samples(payload: &[u8]) -> Option<u32> {
    let samples = opus::packet::get_nb_samples(payload, 8_000).ok()?;
    u32::try_from(samples).ok().filter(|&samples| samples > 0)
}

fn frames_per_packet(ptime_ms: u8) -> usize {
    match ptime_ms {
        40 => 2,
        60 => 3,
        _ => 1,
    }
}
