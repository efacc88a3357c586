//! The RTP session with one leg's peer (RFC 3550 §3), without its sockets: what arrives is judged, what leaves is
//! written into the buffer it came in. Pure: packets, sources and time are arguments.

mod own;
mod relay;
mod reports;

pub(crate) use own::OWN_PACKET_MAX;
pub(crate) use reports::{REPORT_MAX, Reported};

use crate::clock::{self, OpusClock};
use crate::convert::Conversion;
use crate::dtmf::{KeyPresses, TelephoneEvent};
use crate::incoming::{Arrival, Incoming};
use crate::latch::{DOUBTED_AFTER, Latch, Verdict};
use crate::metrics::{Counts, Reason};
use crate::moment::Moment;
use crate::music::MusicPlace;
use crate::one_way::{Missing, OneWay, Ways};
use crate::outgoing::Outgoing;
use crate::packet::{Header, Kind};
use crate::press::Press;
use crate::rtcp::Reporter;
use crate::tones::ToneDetector;
use crate::{Codec, Remote};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

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
