//! SIP over WebSocket (RFC 7118): what browsers speak. One message a frame, over a connection that somebody else has
//! upgraded and whose user is known.
//!
//! A browser cannot be called back at the address it names, a random name under `.invalid`. So what is meant for its
//! phone goes by the connection by which that name was registered last (as RFC 5626 does), and for a while waits for one:
//! a page that lost its connection opens another within seconds. When a connection ends, so do the contacts that came
//! by it.

use crate::config::Transport;
use crate::core::Core;
use crate::transport::Flow;
use acd::OperatorId;
use futures_util::{FutureExt, SinkExt, StreamExt};
use rsipstack::sip::Uri;
use rsipstack::transport::channel::ChannelConnection;
use rsipstack::transport::connection::TransportEvent;
use rsipstack::transport::{SipAddr, SipConnection};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tracing::debug;

/// Bytes read from a browser at a time: a message is of one or two thousand.
const READ_BUFFER: usize = 4_096;
/// Messages that may wait to be written to one browser.
const OUTBOX: usize = 64;
/// How long one message may take to be written.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// How often a browser is asked whether it is there (RFC 6455 §5.5.2).
const PING_EVERY: Duration = Duration::from_secs(15);
/// A browser that was not heard of for so long is not there.
const SILENT_MAX: Duration = Duration::from_secs(40);
/// How long a request waits for a phone whose connection has ended.
const RETURN_PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether it is back.
const RETURN_LOOK: Duration = Duration::from_millis(50);

/// Who is at the other end of a WebSocket, as whoever upgraded it has found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebUser {
    /// An operator who has signed in: may register that operator's phone, without being asked for its password.
    Operator(OperatorId),
    /// Anybody: may register with a phone's password, and call in where that is allowed.
    Guest,
}

/// A WebSocket's way in and out.
pub(crate) struct Socket {
    pub(crate) flow: Flow,
    pub(crate) user: WebUser,
}

/// A WebSocket's place in the tables; leaving the scope takes it out, and the contacts with it that came by it.
struct Entry<'c> {
    core: &'c Core,
    flow: Flow,
}

impl<'c> Entry<'c> {
    fn new(core: &'c Core, flow: Flow, user: WebUser) -> Self {
        let socket = Socket {
            flow: flow.clone(),
            user,
        };
        core.sockets.insert(flow.remote, socket);
        core.metrics.websockets.inc();
        Self { core, flow }
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let Self { core, flow } = self;
        core.sockets
            .remove_if(&flow.remote, |_, socket| socket.flow.serial == flow.serial);
        core.metrics.websockets.dec();
        core.drop_contacts_of(flow);
    }
}

impl Core {
    /// Serves a browser until its connection ends, or this is dropped.
    pub(crate) async fn serve_websocket<S>(self: &Arc<Self>, stream: S, remote: SocketAddr, user: WebUser)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let max = self.config.limits.message_bytes_max;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(max))
            .max_frame_size(Some(max));
        let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
        if self.sockets.len() >= self.config.limits.websockets_max {
            self.metrics.rejected("websockets_max");
            let _ = socket.close(None).await;
            return;
        }
        let Ok((flow, mut outbox)) = open(remote).await else {
            return;
        };
        let entry = Entry::new(self, flow, user);
        let why = self.run_websocket(&mut socket, &entry.flow, &mut outbox).await;
        debug!(%remote, why, "WebSocket ended");
        // Before the farewell, so that nobody rings a phone that is not there.
        drop(entry);
        let _ = timeout(WRITE_PATIENCE, socket.close(None)).await;
    }

    /// Reads and writes until there is a reason not to.
    async fn run_websocket<S>(
        self: &Arc<Self>,
        socket: &mut WebSocketStream<S>,
        flow: &Flow,
        outbox: &mut mpsc::Receiver<TransportEvent>,
    ) -> &'static str
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut pings = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            let write = tokio::select! {
                read = socket.next() => match read {
                    Some(Ok(message)) => {
                        heard = Instant::now();
                        match self.take_in(&message, flow).await {
                            Ok(reply) => reply,
                            Err(why) => return why,
                        }
                    }
                    Some(Err(Error::Capacity(_))) => {
                        self.metrics.rejected("too_long");
                        return "a message was too long";
                    }
                    Some(Err(_)) | None => return "the browser closed it",
                },
                event = outbox.recv() => match event {
                    Some(TransportEvent::Incoming(message, ..)) => Some(Message::text(message.to_string())),
                    Some(_) => None,
                    // Never: the table holds a sender.
                    None => return "nobody writes to it any more",
                },
                _ = pings.tick() => {
                    if heard.elapsed() >= SILENT_MAX {
                        return "the browser was silent for too long";
                    }
                    if self.closing.load(Ordering::Relaxed) && self.dialogs.is_empty() {
                        return "the engine stops";
                    }
                    Some(Message::Ping(Vec::new().into()))
                }
            };
            if let Some(message) = write {
                match timeout(WRITE_PATIENCE, socket.send(message)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return "the browser closed it",
                    Err(_) => return "the browser takes nothing in",
                }
            }
        }
    }

    /// Handles a frame; gives what is to be answered at once.
    async fn take_in(
        self: &Arc<Self>,
        message: &Message,
        flow: &Flow,
    ) -> Result<Option<Message>, &'static str> {
        let bytes: &[u8] = match message {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
            Message::Close(_) => return Err("the browser closed it"),
            // The library answers pings.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(None),
        };
        if bytes.len() > self.config.limits.message_bytes_max {
            self.metrics.rejected("too_long");
            return Err("a message was too long");
        }
        // Keep-alives as over TCP, which pages send all the same (RFC 5626 §3.5.1).
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok((bytes == b"\r\n\r\n").then(|| Message::text("\r\n")));
        }
        self.receive(bytes, flow).await;
        Ok(None)
    }

    /// Who is at the other end of a flow, if it is an open WebSocket.
    pub(crate) fn web_user(&self, flow: &Flow) -> Option<WebUser> {
        let socket = self.sockets.get(&flow.remote)?;
        (flow.transport == Transport::Ws && socket.flow.serial == flow.serial).then_some(socket.user)
    }

    /// The way to a browser's phone now: by `like`, or by the connection of its registration, which is waited for.
    pub(crate) async fn way_to_browser(&self, target: &Uri, like: &Flow) -> Option<Flow> {
        let until = Instant::now() + RETURN_PATIENCE;
        loop {
            if self.is_open(like) {
                return Some(like.clone());
            }
            if let Some(flow) = self
                .registrar
                .way_to_contact(target)
                .filter(|flow| self.is_open(flow))
            {
                return Some(flow);
            }
            if Instant::now() >= until {
                return None;
            }
            sleep(RETURN_LOOK).await;
        }
    }

    fn is_open(&self, flow: &Flow) -> bool {
        self.web_user(flow).is_some()
    }
}

/// A connection that has ended, as is known from before a restart.
pub(crate) fn ended(remote: SocketAddr) -> Option<Flow> {
    let (flow, _) = open(remote).now_or_never()?.ok()?;
    Some(flow)
}

/// A flow, and what is to be written to it.
async fn open(remote: SocketAddr) -> rsipstack::Result<(Flow, mpsc::Receiver<TransportEvent>)> {
    static SERIAL: AtomicU64 = AtomicU64::new(1);
    let (outgoing, outbox) = mpsc::channel(OUTBOX);
    let (_, unused) = mpsc::unbounded_channel();
    let addr = SipAddr {
        r#type: Some(crate::transport::sip_transport(Transport::Ws)),
        addr: remote.into(),
    };
    let channel = ChannelConnection::create_connection_bounded(unused, outgoing, addr, None).await?;
    let local = match remote {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let flow = Flow {
        connection: SipConnection::Channel(channel),
        transport: Transport::Ws,
        remote,
        local,
        serial: SERIAL.fetch_add(1, Ordering::Relaxed),
    };
    Ok((flow, outbox))
}
