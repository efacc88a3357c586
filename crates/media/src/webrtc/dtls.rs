//! The handshakes with browsers (DTLS 1.2 and 1.3, RFC 6347, 9147; DTLS-SRTP, RFC 5764), on a thread of their own.
//!
//! A handshake costs a millisecond of arithmetic or more, which no caller's packets should wait for. The sockets stay the
//! media threads': those hand datagrams over, and get what is to be sent, and in the end the keys, by their mailbox.
//!
//! Everything a peer can make grow is bounded: the datagrams of a leg (by its media thread), those that wait here, the
//! handshakes under way, and the time that each may take.

use super::identity::Identity;
use super::metrics::WebrtcMetrics;
use super::{DtlsRole, Fingerprint, WebrtcFailure};
use crate::mailbox::{Command, Mailbox};
use crate::{MasterKey, SrtpKeys, SrtpSuite};
use acd::LegId;
use dimpl::{Config, Dtls, KeyingMaterial, Output, SrtpProfile};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Datagrams that may wait for the thread. What does not fit is dropped, and the browser sends it again.
const WAITING_MAX: usize = 1_024;

/// Handshakes under way, those just finished included. One more waits until the browser asks again.
const HANDSHAKES_MAX: usize = 1_024;

/// The first repeat of what was not answered. Browsers begin at 50 ms.
const FIRST_REPEAT: Duration = Duration::from_millis(200);

/// A handshake that takes longer has failed.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// A finished handshake answers for so long a browser that has not seen its end (RFC 6347 §4.2.4).
pub(crate) const LINGER: Duration = Duration::from_secs(3);

/// Octets of the longest datagram of ours.
const DATAGRAM_MAX: usize = 2_048;

/// Which handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Association {
    pub(crate) leg: LegId,
    /// So that it is told apart from an earlier leg's of the same name.
    pub(crate) rtp_port: u16,
    /// Counts up with each new certificate of the browser's.
    pub(crate) number: u32,
}

/// What a media thread asks for.
pub(crate) struct Order {
    pub(crate) association: Association,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) role: DtlsRole,
    /// Where the browser is now.
    pub(crate) to: SocketAddr,
    /// What came from there; none to begin without.
    pub(crate) datagram: Option<Vec<u8>>,
}

/// A media thread's way to the handshakes.
#[derive(Clone)]
pub(crate) struct Handshakes {
    orders: SyncSender<(Order, Arc<Mailbox>)>,
    mailbox: Arc<Mailbox>,
}

impl Handshakes {
    /// A way to no thread: every order is refused.
    #[cfg(test)]
    pub(crate) fn unserved(mailbox: &Arc<Mailbox>) -> Self {
        let (orders, _) = sync_channel(1);
        let mailbox = Arc::clone(mailbox);
        Self { orders, mailbox }
    }

    /// Hands an order over, if there is room.
    pub(crate) fn order(&self, order: Order) -> bool {
        self.orders.try_send((order, Arc::clone(&self.mailbox))).is_ok()
    }
}

/// The thread. It ends with the last [`Handshakes`].
pub(crate) struct Thread {
    orders: SyncSender<(Order, Arc<Mailbox>)>,
    handle: JoinHandle<()>,
}

impl Thread {
    pub(crate) fn start(identity: Arc<Identity>, metrics: WebrtcMetrics) -> io::Result<Self> {
        let (orders, waiting) = sync_channel(WAITING_MAX);
        let config = Config::builder()
            // ICE has shown that the browser is where it says it is.
            .use_server_cookie(false)
            .flight_start_rto(FIRST_REPEAT)
            .handshake_timeout(HANDSHAKE_TIMEOUT)
            .build()
            .map_err(io::Error::other)?;
        let room = Room {
            config: Arc::new(config),
            identity,
            metrics,
            handshakes: BTreeMap::new(),
        };
        let handle = thread::Builder::new()
            .name("dtls".into())
            .spawn(move || room.serve(&waiting))?;
        Ok(Self { orders, handle })
    }

    /// The way to it from the media thread with this mailbox.
    pub(crate) fn from(&self, mailbox: &Arc<Mailbox>) -> Handshakes {
        Handshakes {
            orders: self.orders.clone(),
            mailbox: Arc::clone(mailbox),
        }
    }

    /// Waits for its end, once the media threads have ended.
    pub(crate) fn join(self) {
        drop(self.orders);
        // It cannot have panicked: it catches what handshakes do, and does nothing else.
        let _ = self.handle.join();
    }
}

struct Room {
    config: Arc<Config>,
    identity: Arc<Identity>,
    metrics: WebrtcMetrics,
    handshakes: BTreeMap<Association, Handshake>,
}

impl Room {
    fn serve(mut self, waiting: &Receiver<(Order, Arc<Mailbox>)>) {
        loop {
            let due = self.handshakes.values().map(|h| h.due.min(h.ends)).min();
            let order = match due {
                Some(due) => waiting.recv_timeout(due.saturating_duration_since(Instant::now())),
                None => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match order {
                Ok((order, mailbox)) => self.carry_out(order, mailbox),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.look_after();
            self.metrics.handshakes.set(self.handshakes.len() as i64);
        }
    }

    fn carry_out(&mut self, order: Order, mailbox: Arc<Mailbox>) {
        let now = Instant::now();
        if !self.handshakes.contains_key(&order.association) {
            if self.handshakes.len() >= HANDSHAKES_MAX {
                return self.metrics.refused.inc();
            }
            let handshake = Handshake::new(&order, mailbox, &self.config, &self.identity, now);
            self.handshakes.insert(order.association, handshake);
        }
        let Some(handshake) = self.handshakes.get_mut(&order.association) else {
            return;
        };
        handshake.to = order.to;
        if handshake.step(order.datagram.as_deref(), now).is_err() {
            self.handshakes.remove(&order.association);
        }
    }

    /// Repeats what is due, and ends what has taken too long.
    fn look_after(&mut self) {
        let now = Instant::now();
        self.handshakes.retain(|_, handshake| {
            if handshake.ends <= now {
                handshake.fail(WebrtcFailure::Handshake);
                return false;
            }
            handshake.due > now || handshake.step(None, now).is_ok()
        });
    }
}

/// One handshake.
struct Handshake {
    association: Association,
    fingerprint: Fingerprint,
    role: DtlsRole,
    to: SocketAddr,
    mailbox: Arc<Mailbox>,
    dtls: Dtls,
    /// When something is to be repeated.
    due: Instant,
    ends: Instant,
    /// The certificate was shown, and whether it is the one agreed.
    certificate: Option<bool>,
    keys: Option<SrtpKeys>,
    connected: bool,
    /// Its outcome was told.
    told: bool,
}

/// It is of no more use.
struct Broken;

impl Handshake {
    fn new(
        order: &Order,
        mailbox: Arc<Mailbox>,
        config: &Arc<Config>,
        identity: &Identity,
        now: Instant,
    ) -> Self {
        let mut dtls = Dtls::new_auto(Arc::clone(config), identity.certificate.clone(), now);
        dtls.set_active(order.role == DtlsRole::Client);
        Self {
            association: order.association,
            fingerprint: order.fingerprint,
            role: order.role,
            to: order.to,
            mailbox,
            dtls,
            due: now,
            ends: now + HANDSHAKE_TIMEOUT,
            certificate: None,
            keys: None,
            connected: false,
            told: false,
        }
    }

    /// Goes on with what came, or with what is due. A fault of the library's ends this handshake alone.
    fn step(&mut self, datagram: Option<&[u8]>, now: Instant) -> Result<(), Broken> {
        let stepped = catch_unwind(AssertUnwindSafe(|| {
            self.dtls.handle_timeout(now)?;
            if let Some(datagram) = datagram {
                self.dtls.handle_packet(datagram)?;
            }
            Ok::<_, dimpl::Error>(self.drain())
        }));
        match stepped {
            Ok(Ok(datagrams)) => {
                // The keys first: once the browser has the last of these, it sends.
                let concluded = self.conclude(now);
                datagrams.into_iter().for_each(|datagram| self.send(datagram));
                concluded
            }
            Ok(Err(error)) => {
                tracing::info!(call = %self.association.leg.call, leg = %self.association.leg, %error, "DTLS handshake broken off");
                self.fail(WebrtcFailure::Handshake);
                Err(Broken)
            }
            Err(_) => {
                tracing::error!(call = %self.association.leg.call, leg = %self.association.leg, "a fault in the program ended a DTLS handshake");
                self.fail(WebrtcFailure::Handshake);
                Err(Broken)
            }
        }
    }

    /// Takes everything out that the library has to say; gives what is to be sent.
    fn drain(&mut self) -> Vec<Vec<u8>> {
        let mut datagrams = Vec::new();
        let mut buffer = vec![0; DATAGRAM_MAX];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(datagram) => datagrams.push(datagram.to_vec()),
                Output::BufferTooSmall { needed } => buffer.resize(needed, 0),
                Output::Timeout(due) => {
                    self.due = due;
                    return datagrams;
                }
                Output::Connected => self.connected = true,
                Output::PeerCert(der) => {
                    let shown = Fingerprint(Sha256::digest(der).into());
                    self.certificate = Some(shown == self.fingerprint);
                }
                Output::KeyingMaterial(material, profile) => {
                    self.keys = srtp_keys(self.role, &material, profile);
                }
                _ => {}
            }
        }
    }

    /// A full mailbox loses it, as the network may: it is repeated.
    fn send(&self, datagram: Vec<u8>) {
        let Association { leg, rtp_port, .. } = self.association;
        self.mailbox.post(Command::SendDtls {
            leg,
            rtp_port,
            to: self.to,
            datagram,
        });
    }

    /// Tells the outcome as soon as there is one.
    fn conclude(&mut self, now: Instant) -> Result<(), Broken> {
        if self.told || !self.connected {
            return Ok(());
        }
        match (self.certificate, self.keys) {
            (Some(true), Some(keys)) => {
                self.tell(Ok(keys));
                self.ends = now + LINGER;
                Ok(())
            }
            (Some(true), None) => {
                self.fail(WebrtcFailure::Handshake);
                Err(Broken)
            }
            _ => {
                self.fail(WebrtcFailure::Certificate);
                Err(Broken)
            }
        }
    }

    fn fail(&mut self, why: WebrtcFailure) {
        if !self.told {
            self.tell(Err(why));
        }
    }

    fn tell(&mut self, keys: Result<SrtpKeys, WebrtcFailure>) {
        self.told = true;
        let association = self.association;
        self.mailbox.post_always(Command::Keyed { association, keys });
    }
}

/// The keys of both directions out of what the handshake exports (RFC 5764 §4.2).
fn srtp_keys(role: DtlsRole, material: &KeyingMaterial, profile: SrtpProfile) -> Option<SrtpKeys> {
    let suite = match profile {
        SrtpProfile::AEAD_AES_256_GCM => SrtpSuite::AeadAes256Gcm,
        SrtpProfile::AEAD_AES_128_GCM => SrtpSuite::AeadAes128Gcm,
        SrtpProfile::AES128_CM_SHA1_80 => SrtpSuite::AesCm128HmacSha1_80,
        _ => return None,
    };
    let (client_key, rest) = material.split_at_checked(suite.key_len())?;
    let (server_key, rest) = rest.split_at_checked(suite.key_len())?;
    let (client_salt, server_salt) = rest.split_at_checked(suite.salt_len())?;
    let client = MasterKey::new(suite, &[client_key, client_salt].concat())?;
    let server = MasterKey::new(suite, &[server_key, server_salt].concat())?;
    let (local, remote) = match role {
        DtlsRole::Client => (client, server),
        DtlsRole::Server => (server, client),
    };
    Some(SrtpKeys {
        suite,
        local,
        remote,
        resumed: false,
    })
}
