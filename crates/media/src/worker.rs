//! A media thread: waits for packets, the tick and commands, and serves its legs.
//!
//! Commands change routes; packets and ticks only read them. The tick is 1 ms; each leg that is played to
//! belongs to one of its 20 phases, so that callers are spread over the 20 ms of a packet. A thread that wakes
//! late serves each leg once, not once for every packet missed.

use crate::g711::{TRANSCODER, Transcoder};
use crate::leg::{Leg, Sort, Timeouts, count_error};
use crate::legs::Legs;
use crate::mailbox::{Command, Mailbox, Protection};
use crate::metrics::{Counts, Metrics, Reason};
use crate::moment::Moment;
use crate::pace::Pace;
use crate::recording::Side;
use crate::session::Seed;
use crate::socket::PortPair;
use crate::webrtc::dtls::Handshakes;
use crate::{Library, MediaConfig, MediaEvent, MediaEvents};
use acd::LegId;
use rustix::event::{Timespec, epoll};
use std::io::{self, ErrorKind};
use std::num::NonZeroU64;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Ticks between two packets of 20 ms.
pub(crate) const PHASES: usize = 20;

/// Each leg is looked after once in so many ticks.
pub(crate) const LOOK_AFTER_TICKS: u64 = 100;

/// Events taken from the kernel at once. A full batch is served in about 2 ms, so ticks are not held up.
const EVENTS_MAX: usize = 512;

/// Octets of a datagram from which on it is no packet of ours: the kernel cuts what is longer, so one that fills
/// the buffer is dropped. The longest agreed packets are of 60 ms: 492 octets.
const PACKET_MAX: usize = 2_048;

/// The thread wakes this often when it has legs and plays to none.
const IDLE_TICKS: u64 = 10;

/// How much later than asked for the kernel may wake the thread, in nanoseconds.
const TIMER_SLACK_NANOS: u64 = 5_000;

/// How long a key that was heard as tones is passed on as held: how long it truly is shows when it is over, and that is
/// too late.
const KEY_HOLD: Duration = Duration::from_millis(100);

const WAKE: u64 = u64::MAX;

/// The state of one media thread.
pub(crate) struct Worker {
    poller: OwnedFd,
    mailbox: Arc<Mailbox>,
    pub(crate) legs: Legs,
    /// Slots of the legs that are played to, by phase.
    pub(crate) phases: [Vec<usize>; PHASES],
    pub(crate) library: Library,
    transcoder: &'static Transcoder,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) counts: Counts,
    pub(crate) events: MediaEvents,
    pub(crate) timeouts: Timeouts,
    handshakes: Handshakes,
    gather: Duration,
    pace: Pace,
    pub(crate) cname: String,
    started: Instant,
    pub(crate) now: Moment,
    /// The last tick that was served: milliseconds since the start.
    pub(crate) tick: u64,
    stopping: bool,
    packet: Box<[u8; PACKET_MAX]>,
}

impl Worker {
    /// A thread's state, with its poller set up.
    pub(crate) fn new(
        config: &MediaConfig,
        library: Library,
        mailbox: Arc<Mailbox>,
        handshakes: Handshakes,
        metrics: Arc<Metrics>,
        events: MediaEvents,
    ) -> io::Result<Self> {
        let poller = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(
            &poller,
            &*mailbox,
            epoll::EventData::new_u64(WAKE),
            epoll::EventFlags::IN,
        )?;
        // A name that tells nothing about the host and is not used again (RFC 7022).
        let [a, b] = [getrandom::u64(), getrandom::u64()].map(|random| random.map_err(io::Error::other));
        let cname = format!("{:016x}{:016x}", a?, b?);
        Ok(Self {
            poller,
            mailbox,
            legs: Legs::default(),
            phases: Default::default(),
            library,
            transcoder: &TRANSCODER,
            metrics,
            counts: Counts::default(),
            events,
            timeouts: Timeouts {
                silence_timeout: config.silence_timeout,
                webrtc_connect_timeout: config.webrtc_connect_timeout,
            },
            handshakes,
            gather: config.gather,
            pace: Pace::default(),
            cname,
            started: Instant::now(),
            now: Moment::default(),
            tick: 0,
            stopping: false,
            packet: Box::new([0; PACKET_MAX]),
        })
    }

    /// Serves until told to stop.
    pub(crate) fn run(mut self) {
        // A pause is shorter than what the kernel adds by default. Without it pauses are longer, and all is well too.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(TIMER_SLACK_NANOS));
        let mut ready: Vec<epoll::Event> = Vec::with_capacity(EVENTS_MAX);
        let mut commands = Vec::new();
        while !self.stopping {
            self.serve_once(&mut ready, &mut commands);
        }
        self.metrics.flush(&mut self.counts);
    }

    /// Waits, and serves what is due then.
    pub(crate) fn serve_once(&mut self, ready: &mut Vec<epoll::Event>, commands: &mut Vec<Command>) {
        self.wait(ready);
        self.now = Moment(u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX));
        self.pace.came(ready.len(), self.now.ticks());
        // First, so that a command is in force for every packet that was sent after it.
        if ready.iter().any(|event| event.data.u64() == WAKE) {
            self.mailbox.take(commands);
            for command in commands.drain(..) {
                self.carry_out(command);
            }
        }
        for event in &*ready {
            match event.data.u64() {
                WAKE => {}
                token if token % 2 == 0 => self.receive_rtp((token / 2) as usize),
                token => self.receive_rtcp((token / 2) as usize),
            }
        }
        self.serve_ticks();
    }

    /// Waits for events: for ever without legs, else until the next tick that has something to do.
    fn wait(&mut self, ready: &mut Vec<epoll::Event>) {
        ready.clear();
        let timeout = if self.legs.is_empty() {
            self.metrics.flush(&mut self.counts);
            None
        } else {
            let ticks = if self.plays() { 1 } else { IDLE_TICKS };
            let due = Duration::from_millis(self.tick + ticks);
            let mut left = due.saturating_sub(self.started.elapsed());
            let pause = self.gather.max(self.pace.pause());
            if !pause.is_zero() {
                std::thread::sleep(left.min(pause));
                left = Duration::ZERO;
            }
            Some(left)
        };
        let timeout = timeout.and_then(|t| Timespec::try_from(t).ok());
        match epoll::wait(
            &self.poller,
            rustix::buffer::spare_capacity(ready),
            timeout.as_ref(),
        ) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => {
                tracing::error!(error = %e, "the media thread cannot wait for packets: stopping");
                self.stopping = true;
            }
        }
    }

    fn receive_rtp(&mut self, slot: usize) {
        let Some(leg) = self.legs.get(slot) else { return };
        let (length, from) = match leg.receive(&mut self.packet[..]) {
            Ok(received) => received,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return,
            Err(e) => return count_error(&e, &mut self.counts),
        };
        let Some(packet) = self
            .packet
            .get_mut(..length)
            .filter(|packet| packet.len() < PACKET_MAX)
        else {
            return self.counts.dropped(Reason::Malformed);
        };
        if leg.is_browsers() && Sort::of(packet) != Sort::Rtp {
            let feedback = leg.take_in_beside(packet, from, self.now, &mut self.counts, &self.handshakes);
            if let Some(feedback) = feedback {
                self.metrics.fed_back(feedback);
            }
            return;
        }
        let Some(inbound) = leg.take_in(packet, from, self.now, &mut self.counts) else {
            return;
        };
        let (id, ears) = (leg.id, leg.ears);
        if let Some(key) = inbound.key {
            // Its own packets are passed on as they are; in a mix and among the sound there are none.
            let without = |ear: &usize| inbound.in_band || Some(*ear) != ears.direct;
            self.press_at(ears.all().filter(without), key, KEY_HOLD);
        }
        let Some(leg) = self.legs.get(slot) else { return };
        if !ears.are_none() {
            // The whole buffer: another codec may need more room than the packet has.
            let buffer = &mut self.packet[..];
            leg.tap(Side::Caller, &inbound, buffer, self.now);
            for hearer in ears.mixes() {
                if let Some(hearer) = self.legs.get(hearer) {
                    hearer.mix_in(slot, &inbound, buffer, &mut self.counts);
                }
            }
            // Last, as it is done in place.
            if let Some(hearer) = ears.direct.and_then(|hearer| self.legs.get(hearer)) {
                hearer.tap(Side::Operator, &inbound, buffer, self.now);
                hearer.pass_on(&inbound, buffer, self.transcoder, self.now, &mut self.counts);
            }
        }
        if let Some(digit) = inbound.key {
            self.metrics.keys.inc();
            (self.events)(MediaEvent::Dtmf { leg: id, digit });
        }
    }

    /// These legs get a key press in place of some packets of voice.
    fn press_at(&mut self, ears: impl Iterator<Item = usize>, key: char, hold: Duration) {
        for ear in ears {
            if let Some(hearer) = self.legs.get(ear) {
                hearer.press(key, hold, self.now);
            }
        }
    }

    fn receive_rtcp(&mut self, slot: usize) {
        let Some(leg) = self.legs.get(slot) else { return };
        match leg.sockets.rtcp.recv_from(&mut self.packet[..]) {
            Ok((length, from)) => {
                let Some(packet) = self.packet.get_mut(..length) else {
                    return;
                };
                if let Some(feedback) = leg.take_in_rtcp(packet, from, self.now, &mut self.counts) {
                    self.metrics.fed_back(feedback);
                }
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(e) => count_error(&e, &mut self.counts),
        }
    }

    pub(crate) fn carry_out(&mut self, command: Command) {
        match command {
            Command::Open { leg, pair, seed } => self.open(leg, pair, seed),
            Command::SetRemote {
                leg,
                rtp_port,
                remote,
                protection,
            } => {
                let now = self.now;
                if let Some(leg) = self.find(leg).and_then(|slot| self.legs.get(slot))
                    && leg.sockets.local().port() == rtp_port
                {
                    match protection {
                        Protection::None => leg.set_remote(remote, None, now, &self.metrics),
                        Protection::Sdes(keys) => leg.set_remote(remote, Some(keys), now, &self.metrics),
                        Protection::Webrtc(agreed, tell) => {
                            leg.set_browser(remote, *agreed, tell, now, &self.metrics);
                        }
                    }
                }
            }
            Command::SendDtls {
                leg,
                rtp_port,
                to,
                datagram,
            } => {
                if let Some(leg) = self.legs.find(leg).and_then(|slot| self.legs.get(slot))
                    && leg.sockets.local().port() == rtp_port
                {
                    leg.send_dtls(&datagram, to, &mut self.counts);
                }
            }
            Command::Keyed { association, keys } => {
                let now = self.now;
                if let Some(slot) = self.legs.find(association.leg)
                    && let Some(leg) = self.legs.get(slot)
                {
                    leg.keyed(association, keys, now, &self.metrics);
                }
            }
            Command::Play { leg, playlist } => self.play(leg, playlist),
            Command::Connect(hearings) => self.connect(&hearings),
            Command::Silence { leg } => {
                if let Some(slot) = self.find(leg) {
                    self.end_route(slot);
                }
            }
            Command::Record { leg, tap } => {
                if let Some(leg) = self.find(leg).and_then(|slot| self.legs.get(slot))
                    && !leg.is_recorded()
                {
                    leg.record(Some(tap));
                }
            }
            Command::EndRecording { leg } => {
                if let Some(leg) = self.find(leg).and_then(|slot| self.legs.get(slot)) {
                    leg.record(None);
                }
            }
            Command::Press { from, key, hold } => {
                let ears = self
                    .find(from)
                    .and_then(|slot| self.legs.get(slot))
                    .map(|leg| leg.ears);
                self.press_at(ears.unwrap_or_default().all(), key, hold);
            }
            Command::Close { leg, rtp_port } => self.close(leg, rtp_port),
            Command::Stop => self.stopping = true,
        }
    }

    fn open(&mut self, id: LegId, pair: PortPair, seed: Seed) {
        if self.legs.find(id).is_some() {
            tracing::error!(call = %id.call, leg = %id, "a leg was opened twice: the second port stays unused");
            return self.metrics.port_pairs_in_use.dec();
        }
        let token = self.legs.next_slot() as u64 * 2;
        let added = epoll::add(
            &self.poller,
            &pair.rtp,
            epoll::EventData::new_u64(token),
            epoll::EventFlags::IN,
        )
        .and_then(|()| {
            let token = epoll::EventData::new_u64(token + 1);
            epoll::add(&self.poller, &pair.rtcp, token, epoll::EventFlags::IN)
        });
        if let Err(e) = added {
            tracing::error!(call = %id.call, leg = %id, error = %e, "cannot watch a leg's sockets: it stays silent");
            return self.metrics.port_pairs_in_use.dec();
        }
        if self.legs.is_empty() {
            // Ticks stood still while there was nobody to serve.
            self.tick = self.now.ticks();
        }
        self.legs.insert(Leg::new(id, pair, seed, self.now));
    }

    fn close(&mut self, id: LegId, rtp_port: u16) {
        let Some(slot) = self.legs.find(id) else { return };
        if self
            .legs
            .get(slot)
            .is_none_or(|leg| leg.sockets.local().port() != rtp_port)
        {
            return;
        }
        self.end_route(slot);
        // Closing the sockets takes them out of the poller too.
        if let Some(mut leg) = self.legs.remove(slot) {
            leg.report(&self.cname, true, self.now, &mut self.counts, &self.metrics);
            if leg.is_browsers() {
                self.metrics.webrtc.legs.dec();
            }
            let quality = leg.quality();
            self.metrics.judged(&quality);
            (self.events)(MediaEvent::Closed { leg: id, quality });
            self.metrics.port_pairs_in_use.dec();
        }
    }

    /// Whether any leg is played to.
    pub(crate) fn plays(&self) -> bool {
        self.phases.iter().any(|phase| !phase.is_empty())
    }

    pub(crate) fn find(&self, id: LegId) -> Option<usize> {
        let slot = self.legs.find(id);
        if slot.is_none() {
            tracing::debug!(call = %id.call, leg = %id, "media command for a leg that is not open");
        }
        slot
    }
}
