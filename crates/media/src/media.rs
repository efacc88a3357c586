//! The handle through which signalling and engine steer the media threads.

use crate::mailbox::{Command, Mailbox, Protection};
use crate::metrics::Metrics;
use crate::mix::PARTIES_MAX;
use crate::ports::{Lease, PortPool};
use crate::recording::Recorder;
use crate::session::Seed;
use crate::socket::{self, PortPair};
use crate::webrtc::identity::Identity;
use crate::webrtc::{Fingerprint, Webrtc, WebrtcEvents, dtls};
use crate::worker::Worker;
use crate::{Family, Library, MediaConfig, MediaError, MediaEvents, Playlist, Remote, SrtpKeys};
use acd::{CallId, LegId};
use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The media plane. A cheap handle: clones steer the same threads, which end with the last clone and port.
///
/// Commands return at once and are carried out in order on the leg's thread. A command for a leg that is
/// not open is ignored: it may just have ended.
#[derive(Clone)]
pub struct Media {
    plane: Arc<Plane>,
}

struct Plane {
    config: MediaConfig,
    pool: Arc<PortPool>,
    metrics: Arc<Metrics>,
    mailboxes: Vec<Arc<Mailbox>>,
    threads: Vec<JoinHandle<()>>,
    recorder: Option<Recorder>,
    identity: Arc<Identity>,
    dtls: Option<dtls::Thread>,
}

/// What one of several connected legs hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hearing {
    /// Who hears.
    pub leg: LegId,
    /// Whom: others of those that are connected, each once. Nobody, if empty.
    pub hears: Vec<LegId>,
}

/// Whether these are legs of one call, each once, that hear others of them, each once.
fn are_sound(hearings: &[Hearing]) -> bool {
    let legs: BTreeSet<LegId> = hearings.iter().map(|hearing| hearing.leg).collect();
    let calls: BTreeSet<CallId> = legs.iter().map(|leg| leg.call).collect();
    let hears_others = |hearing: &Hearing| {
        let heard: BTreeSet<LegId> = hearing.hears.iter().copied().collect();
        heard.len() == hearing.hears.len() && heard.is_subset(&legs) && !heard.contains(&hearing.leg)
    };
    calls.len() == 1
        && legs.len() == hearings.len()
        && legs.len() <= PARTIES_MAX
        && hearings.iter().all(hears_others)
}

/// A leg's port pair. Dropping it closes the leg: its peer hears no more, and the pair goes back to the pool.
pub struct Port {
    plane: Arc<Plane>,
    leg: LegId,
    local: SocketAddr,
}

impl Media {
    /// Starts the media threads.
    ///
    /// # Errors
    /// When the configuration holds no port pair or no address, a metric name is taken on `registry`, or the
    /// system refuses a thread or its poller. No socket is bound yet.
    pub fn start(
        config: MediaConfig,
        library: Library,
        registry: &prometheus::Registry,
        events: MediaEvents,
    ) -> Result<Media, MediaError> {
        if config.bind_v4.is_none() && config.bind_v6.is_none() {
            return Err(MediaError::NoAddress);
        }
        let pool = Arc::new(PortPool::new(&config.ports, config.port_rest));
        if pool.pairs() == 0 {
            return Err(MediaError::NoPairs { ports: config.ports });
        }
        let metrics = Arc::new(Metrics::register(registry)?);
        metrics.port_pairs.set(pool.pairs() as i64);
        let count = match config.threads {
            0 => thread::available_parallelism().map_or(1, usize::from),
            n => n,
        };
        let recording = config.recording.clone();
        let recorder = recording
            .map(|recording| Recorder::start(recording, registry, Arc::clone(&events)))
            .transpose()?;
        let identity = Arc::new(Identity::generate()?);
        let dtls = dtls::Thread::start(Arc::clone(&identity), metrics.webrtc.clone())
            .map_err(|source| MediaError::Dtls { source })?;
        let mut plane = Plane {
            config,
            pool,
            metrics,
            mailboxes: Vec::new(),
            threads: Vec::new(),
            recorder,
            identity,
            dtls: None,
        };
        for thread in 0..count {
            plane
                .spawn(thread, library.clone(), &dtls, &events)
                .map_err(|source| MediaError::Thread { thread, source })?;
        }
        plane.dtls = Some(dtls);
        Ok(Media {
            plane: Arc::new(plane),
        })
    }

    /// Opens an RTP/RTCP port pair for a leg, bound in `family`. Nothing is sent or taken in until
    /// [`Port::set_remote`].
    ///
    /// # Errors
    /// [`MediaError::FamilyDisabled`], [`MediaError::PortsExhausted`], [`MediaError::Bind`] when the system refuses
    /// a socket for a reason other than a port in use, or [`MediaError::Random`].
    pub fn open(&self, leg: LegId, family: Family) -> Result<Port, MediaError> {
        let plane = &self.plane;
        let ip = match family {
            Family::V4 => plane.config.bind_v4.map(IpAddr::V4),
            Family::V6 => plane.config.bind_v6.map(IpAddr::V6),
        };
        let pair = plane.bind(ip.ok_or(MediaError::FamilyDisabled { family })?)?;
        self.begin(leg, pair)
    }

    /// Opens the very port pair that a leg had before a restart, at `local`: its peer goes on sending there. The
    /// stream towards the peer begins anew with an SSRC of its own, as that of another source (RFC 3550 §8).
    ///
    /// # Errors
    /// [`MediaError::PortLost`] when another leg or program has the pair, [`MediaError::Bind`] when the system refuses
    /// it otherwise, or [`MediaError::Random`].
    pub fn open_at(&self, leg: LegId, local: SocketAddr) -> Result<Port, MediaError> {
        let lost = MediaError::PortLost { addr: local };
        let Some(lease) = self.plane.pool.take_at(local.port()) else {
            return Err(lost);
        };
        match socket::bind(local.ip(), lease) {
            Ok(pair) => self.begin(leg, pair),
            Err(socket::BindError::InUse(_)) => Err(lost),
            Err(socket::BindError::Refused { addr, source }) => Err(MediaError::Bind { addr, source }),
        }
    }

    fn begin(&self, leg: LegId, pair: PortPair) -> Result<Port, MediaError> {
        let plane = &self.plane;
        let local = pair.local();
        let seed = Seed([getrandom::u64()?, getrandom::u64()?]);
        plane.mailbox(leg).post_always(Command::Open { leg, pair, seed });
        plane.metrics.port_pairs_in_use.inc();
        Ok(Port {
            plane: Arc::clone(plane),
            leg,
            local,
        })
    }

    /// Plays to a leg, at once, in place of what it heard: prompts in order, then music or nothing.
    /// Ends the leg's bridge; the other side then hears nothing.
    pub fn play(&self, leg: LegId, playlist: Playlist) {
        self.plane.post(leg, Command::Play { leg, playlist });
    }

    /// Connects the audio of two legs of one call, at once, in place of what either heard.
    pub fn bridge(&self, a: LegId, b: LegId) {
        let hears = |leg, other| Hearing {
            leg,
            hears: vec![other],
        };
        self.connect(vec![hears(a, b), hears(b, a)]);
    }

    /// Connects the audio of up to [`PARTIES_MAX`] legs of one call, at once: each hears those that are said, in place of
    /// what it heard. Who hears one other has its packets passed on; who hears several hears their sum, mixed at 8,000
    /// samples a second some 40 ms later. What stays as it was is not disturbed. A leg that one of these heard or was heard
    /// by, and that is not among them, is connected to it no more.
    pub fn connect(&self, hearings: Vec<Hearing>) {
        let Some(first) = hearings.first().map(|hearing| hearing.leg) else {
            return;
        };
        if !are_sound(&hearings) {
            tracing::error!(call = %first.call, ?hearings, "only legs of one call can be connected, each once: ignored");
            return;
        }
        self.plane.post(first, Command::Connect(hearings));
    }

    /// Records a call: what its caller says and what is said to the caller by the leg bridged with it, now or later.
    /// A recording under way goes on. It ends with the caller's leg, or by [`Media::end_recording`]. Tells whether
    /// there is a place for recordings.
    pub fn record(&self, call: CallId) -> bool {
        let Some(recorder) = &self.plane.recorder else {
            return false;
        };
        let tap = Box::new(recorder.begin(call));
        let leg = LegId::caller(call);
        self.plane.post(leg, Command::Record { leg, tap });
        true
    }

    /// Ends a call's recording, if there is one.
    pub fn end_recording(&self, call: CallId) {
        let leg = LegId::caller(call);
        self.plane.post(leg, Command::EndRecording { leg });
    }

    /// Lets the leg that is bridged with `from` have a key press that `from` told of by signalling, as
    /// `telephone-event` (RFC 4733). Nothing if there is none, or if it did not agree to such.
    pub fn press(&self, from: LegId, key: char, hold: Duration) {
        self.plane.post(from, Command::Press { from, key, hold });
    }

    /// Of the certificate that browsers are shown, for our descriptions. Another one after each start.
    pub fn fingerprint(&self) -> Fingerprint {
        self.plane.identity.fingerprint
    }

    /// Ends what a leg hears, and its bridge if it has one.
    pub fn silence(&self, leg: LegId) {
        self.plane.post(leg, Command::Silence { leg });
    }
}

impl Port {
    /// Where the leg's peer should send RTP; RTCP goes to the port after it. The address is the configured
    /// one, so it may be unspecified (`0.0.0.0`): what to tell the peer then is signalling's knowledge.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// The leg this port belongs to.
    pub fn leg(&self) -> LegId {
        self.leg
    }

    /// Tells what was agreed with the peer. Again after each new agreement; a changed RTP address lets the
    /// peer's source be learned anew, an unchanged one keeps it.
    pub fn set_remote(&self, remote: Remote) {
        self.agree(remote, Protection::None);
    }

    /// The same with a peer that speaks SRTP. Nothing in the clear is taken in or sent from then on; keys that stay
    /// as they were go on from where they are.
    pub fn set_secure_remote(&self, remote: Remote, keys: SrtpKeys) {
        self.agree(remote, Protection::Sdes(keys));
    }

    /// The same with a browser. Its addresses come from its own checks, not from `remote`. What becomes of it is told
    /// to `events`; until it is [`Connected`](crate::WebrtcEvent::Connected) it hears nothing.
    pub fn set_browser(&self, remote: Remote, agreed: Webrtc, events: WebrtcEvents) {
        self.agree(remote, Protection::Webrtc(Box::new(agreed), events));
    }

    fn agree(&self, remote: Remote, protection: Protection) {
        self.plane.post(
            self.leg,
            Command::SetRemote {
                leg: self.leg,
                rtp_port: self.local.port(),
                remote,
                protection,
            },
        );
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        let close = Command::Close {
            leg: self.leg,
            rtp_port: self.local.port(),
        };
        self.plane.mailbox(self.leg).post_always(close);
    }
}

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media")
            .field("config", &self.plane.config)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Port")
            .field("leg", &self.leg)
            .field("local", &self.local)
            .finish_non_exhaustive()
    }
}

impl Plane {
    fn spawn(
        &mut self,
        thread: usize,
        library: Library,
        dtls: &dtls::Thread,
        events: &MediaEvents,
    ) -> std::io::Result<()> {
        let mailbox = Arc::new(Mailbox::new()?);
        let worker = Worker::new(
            &self.config,
            library,
            Arc::clone(&mailbox),
            dtls.from(&mailbox),
            Arc::clone(&self.metrics),
            events.clone(),
        )?;
        self.mailboxes.push(mailbox);
        let metrics = Arc::clone(&self.metrics);
        let serve = move || {
            metrics.threads.inc();
            if catch_unwind(AssertUnwindSafe(|| worker.run())).is_err() {
                tracing::error!(
                    thread,
                    "a media thread panicked: its calls are silent until they are placed anew"
                );
            }
            metrics.threads.dec();
        };
        let handle = thread::Builder::new()
            .name(format!("media-{thread}"))
            .spawn(serve)?;
        self.threads.push(handle);
        Ok(())
    }

    /// Takes pairs until one can be bound; those held by other programs rest at the end of the round.
    fn bind(&self, ip: IpAddr) -> Result<PortPair, MediaError> {
        let mut taken_by_others: Vec<Lease> = Vec::new();
        while let Some(lease) = self.pool.take(Instant::now()) {
            match socket::bind(ip, lease) {
                Ok(pair) => return Ok(pair),
                Err(socket::BindError::InUse(lease)) => taken_by_others.push(lease),
                Err(socket::BindError::Refused { addr, source }) => {
                    return Err(MediaError::Bind { addr, source });
                }
            }
        }
        self.metrics.ports_exhausted.inc();
        let in_use = self.pool.in_use() - taken_by_others.len();
        Err(MediaError::PortsExhausted {
            pairs: self.pool.pairs(),
            in_use,
        })
    }

    fn mailbox(&self, leg: LegId) -> &Mailbox {
        // The remainder is below the length, and start() makes at least one thread.
        &self.mailboxes[(leg.call.0 % self.mailboxes.len() as u64) as usize]
    }

    fn post(&self, leg: LegId, command: Command) {
        if !self.mailbox(leg).post(command) {
            self.metrics.commands_refused.inc();
            tracing::error!(call = %leg.call, %leg, "the media thread is overloaded: command dropped");
        }
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        for mailbox in &self.mailboxes {
            mailbox.post_always(Command::Stop);
        }
        // The last handle may be dropped inside an event callback, which runs on a media thread.
        let mut inside = false;
        for thread in self.threads.drain(..) {
            if thread.thread().id() == thread::current().id() {
                inside = true;
            } else {
                // It cannot have panicked: it catches its own.
                let _ = thread.join();
            }
        }
        // Handshakes end when the last media thread has; inside one of these that is yet to come.
        if let Some(dtls) = self.dtls.take().filter(|_| !inside) {
            dtls.join();
        }
    }
}
