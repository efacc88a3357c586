//! The SIP edge: trunks, registrar, digest, and the legs of a call as a back-to-back user agent.
//!
//! **Owns** the SIP sockets, every dialog and its media port, the phones' registrations, and the rule by which a
//! message is let in or refused.
//!
//! **Always holds**
//! - A message is parsed by the library, then validated here (RFC 3261 §8.2, §16.3) before anything acts on it; what
//!   is refused before a call exists is refused without keeping state.
//! - Each leg is a dialog of its own with its own offer and answer. SDP never leaves this crate.
//! - A leg runs in a task of its own. Its entries in the tables and its media port go when it is over, on every
//!   path; a panic ends that leg alone.
//! - The engine hears of the end of a leg exactly once, unless it ended the leg itself: then not at all.
//! - Everything that peers can make grow has a limit in [`Limits`].
//!
//! **Deliberately does not** decide who is served when, nor time the ringing (that is `acd`'s); touch RTP (`media`);
//! forward one leg's messages to the other; offer TLS, SRV look-ups, transfer (REFER) or messages; serve HTTP: the
//! WebSockets of browsers are handed in upgraded.
//!
//! It stands on `rsipstack`, whose parser, transaction layer and connections it uses. Dialogs are our own, since they
//! must answer to the queue and survive a crash, and so is the reading of sockets, where limits belong.
#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used)]

mod arrival;
mod browser;
mod caller_leg;
mod config;
mod core;
pub mod crypto;
mod dialing;
mod dialog;
mod digest;
mod edge;
mod error;
mod event;
mod info;
mod inviting;
mod leg;
mod limits;
mod line;
mod message;
mod metrics;
pub mod offer_answer;
mod operator_leg;
mod outside;
mod probe;
mod record;
mod registrar;
mod restore;
mod sdp;
mod session;
mod session_timer;
mod transact;
mod transport;
mod trunk;
mod validate;
pub mod webrtc;
mod websocket;
mod wire;

pub use config::{
    Account, DigestAlgorithm, EarlyMedia, IpNet, IpNetError, Limits, Listen, Phone, PhoneOwner, Registration,
    SessionTimer, SipConfig, Transport, Trunk, TrunkAuth, WayOut,
};
pub use crypto::{Security, SrtpPolicy};
pub use error::SipError;
pub use event::{Accepted, SipEvent, SipEvents};
pub use record::{Keep, Memory};
pub use websocket::WebUser;

use crate::core::{Core, Reports, Sockets};
use crate::leg::{Command, LegMsg};
use crate::record::Remembered;
use crate::transport::Bound;
use acd::{CallId, CallerNumber, Destination, HangUpCause, LegId, OperatorId, Outcome, TrunkId};
use futures_util::FutureExt;
use media::Media;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tracing::{error, warn};

/// How often registrations, nonces and rate limits are looked through for what has expired.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// How long [`Sip::shutdown`] waits for the peers to answer.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(3);

/// The SIP edge. A cheap handle; all commands return at once and may be given from any thread. A command for a leg
/// that is over is ignored: its end is on the way to the engine.
#[derive(Clone)]
pub struct Sip {
    core: Arc<Core>,
}

impl Sip {
    /// Opens the sockets and starts to serve. Must be called on a tokio runtime, which then runs all of it.
    ///
    /// # Errors
    /// When a socket cannot be opened, the configuration names a user twice or a contact that is no URI, or a metric
    /// name is taken on `registry`.
    pub async fn start(
        config: SipConfig,
        media: Media,
        registry: &prometheus::Registry,
        events: SipEvents,
    ) -> Result<Sip, SipError> {
        let sip = Self::resume(config, media, registry, events, Memory::default()).await?;
        sip.core.report_fixed();
        Ok(sip)
    }

    /// The same, with what the last run has left: its legs are back, on their old RTP ports, before the first message
    /// is read. Which phones are registered is not reported: see [`Sip::phones`].
    ///
    /// # Errors
    /// As for [`Sip::start`]. A leg that cannot be brought back is no error: it is ended, and reported as any other.
    pub async fn resume(
        config: SipConfig,
        media: Media,
        registry: &prometheus::Registry,
        events: SipEvents,
        memory: Memory,
    ) -> Result<Sip, SipError> {
        if config.listen.is_empty() {
            return Err(SipError::NothingToListenOn);
        }
        let metrics = Arc::new(metrics::Metrics::new(registry)?);
        let (dials, to_dial) = tokio::sync::mpsc::unbounded_channel();
        let (mut bound, mut listeners, mut udp) = (Vec::new(), Vec::new(), Vec::new());
        for listen in &config.listen {
            let (socket, local) = Bound::open(listen).await?;
            listeners.push((listen.transport, local));
            if let Bound::Udp(_, flow) = &socket {
                udp.push(flow.clone());
            }
            bound.push(socket);
        }
        let mut remembered = Remembered::read(memory.kept);
        let tags = remembered.tags.take();
        let reports = Reports {
            events,
            keep: memory.keep,
        };
        let sockets = Sockets { listeners, udp };
        let core = Arc::new(Core::new(config, media, metrics, reports, sockets, tags, dials)?);
        core.restore(remembered).await;
        for socket in bound {
            tokio::spawn(socket.serve(Arc::clone(&core)));
        }
        tokio::spawn(Arc::clone(&core).run_dials(to_dial));
        tokio::spawn(run_timers(Arc::clone(&core)));
        tokio::spawn(sweep(Arc::clone(&core)));
        Ok(Sip { core })
    }

    /// Lets the caller hear us before the answer: 182 or 183 with our session description.
    pub fn early_media(&self, call: CallId) {
        self.command(LegId::caller(call), Command::EarlyMedia);
    }

    /// Answers the caller's INVITE with 200.
    pub fn answer(&self, call: CallId) {
        self.command(LegId::caller(call), Command::Answer);
    }

    /// Refuses a caller who was not answered: `saturated` with 486, `rejected` with 503, `failed` with 500, all
    /// others with 480. The leg is over.
    pub fn refuse(&self, call: CallId, outcome: Outcome, retry_after: Option<Duration>) {
        self.command(LegId::caller(call), Command::Refuse(outcome, retry_after));
    }

    /// Rings an operator's phone. Followed by `Ringing`, `Answered` and later `Gone`, or by `Failed`.
    pub fn dial(&self, leg: LegId, operator: OperatorId, caller: CallerNumber) {
        self.core.dial(leg, operator, caller);
    }

    /// Rings a supervisor's phone, by its user name, for half a minute at most; it shows `from` as calling. Followed by the
    /// same as [`Sip::dial`].
    pub fn dial_supervisor(&self, leg: LegId, user: &str, from: CallerNumber) {
        self.core.dial_supervisor(leg, user, from);
    }

    /// Whether there is a way to ring the phone of `user` now.
    pub fn reaches(&self, user: &str) -> bool {
        self.core
            .registrar
            .reach(user, std::time::Instant::now())
            .is_some()
    }

    /// Rings a phone outside: the caller's own by the way out of `trunk`, or another place's. Followed by `Ringing`,
    /// `Answered` and later `CallerGone` (leg 0) or `Gone`, or by `Failed`.
    pub fn dial_out(&self, leg: LegId, to: Destination, caller: CallerNumber, trunk: TrunkId) {
        if self.core.legs.contains_key(&leg) {
            // It rings already: it was dialled before a restart.
            return;
        }
        self.core.dial_out(leg, to, caller, trunk);
    }

    /// Ends a leg in whatever state it is, with CANCEL, BYE or a refusal. No event of this leg follows, apart from one
    /// that was on its way.
    pub fn hang_up(&self, leg: LegId, cause: HangUpCause) {
        self.command(leg, Command::HangUp(cause));
    }

    /// The sockets as they were opened.
    pub fn local_addrs(&self) -> Vec<(Transport, SocketAddr)> {
        self.core.listeners.clone()
    }

    /// Legs that stand or are being set up, those that the engine has ended left out.
    pub fn legs(&self) -> Vec<LegId> {
        self.core.legs.iter().map(|entry| *entry.key()).collect()
    }

    /// Each operator's phone, and whether there is a way to reach it now.
    pub fn phones(&self) -> Vec<(OperatorId, bool)> {
        self.core.phones()
    }

    /// Has an answered leg's peer show that it is still there, as when its sound has stopped. If it is not, the end of
    /// the leg is reported.
    pub fn probe(&self, leg: LegId) {
        self.command(leg, Command::Probe);
    }

    /// Legs that the engine has not ended, and dialogs that are not over yet, those being ended included.
    pub fn in_use(&self) -> (usize, usize) {
        (self.core.legs.len(), self.core.dialogs.len())
    }

    /// Serves a browser's SIP (RFC 7118) on a connection that was upgraded to WebSocket, until it ends or this is
    /// dropped. Whoever upgraded it has agreed on the subprotocol `sip` and knows the user.
    pub async fn serve_websocket<S>(&self, stream: S, remote: SocketAddr, user: WebUser)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.core.serve_websocket(stream, remote, user).await;
    }

    /// Refuses new calls with 503, ends what is left, and waits a few seconds for the peers to confirm.
    pub async fn shutdown(&self) {
        self.core.closing.store(true, Ordering::Relaxed);
        for leg in self.legs() {
            self.hang_up(leg, HangUpCause::Shutdown);
        }
        let until = Instant::now() + SHUTDOWN_PATIENCE;
        let busy = || !self.core.dialogs.is_empty() || !self.core.endpoint.transactions.is_empty();
        while busy() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn command(&self, leg: LegId, command: Command) {
        let Some(handle) = self.core.legs.get(&leg).map(|h| h.clone()) else {
            return;
        };
        // Messages of the network take at most half of the queue, and a leg gets but a few commands in its life.
        if handle.sender.try_send(LegMsg::Command(command)).is_err() {
            warn!(call = %leg.call, leg = leg.leg, "a leg took no more commands");
        }
    }
}

/// Runs the transaction layer's timers. A fault in one of them must not stop the others.
async fn run_timers(core: Arc<Core>) {
    while AssertUnwindSafe(core.endpoint.process_timer())
        .catch_unwind()
        .await
        .is_err()
    {
        core.metrics.panics.inc();
        error!("a fault in the program in a transaction timer");
    }
}

/// Looks from time to time for what has expired.
async fn sweep(core: Arc<Core>) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        every.tick().await;
        let now = std::time::Instant::now();
        core.expire_contacts(now);
        let stats = core.endpoint.get_stats();
        let transactions = stats.running_transactions + stats.finished_transactions + stats.waiting_ack;
        core.metrics
            .transactions
            .set(i64::try_from(transactions).unwrap_or(i64::MAX));
        core.digest.sweep();
        core.sources.sweep(now);
    }
}
