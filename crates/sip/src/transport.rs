//! Sockets: opens them, reads messages from them, and knows the way back to a peer.
//!
//! The library's connection objects send; reading is done here, because its own readers queue without bound, log
//! whole messages, cannot refuse what does not parse, and tell nobody when a port is taken. Here a message is
//! handled before the next one is read, so that the bounded queue in front of us is the kernel's.

use crate::SipError;
use crate::config::{Listen, Transport};
use crate::core::Core;
use crate::wire;
use rsipstack::sip::{HostWithPort, SipMessage, Transport as SipTransport};
use rsipstack::transport::stream::StreamConnection;
use rsipstack::transport::tcp::TcpConnection;
use rsipstack::transport::udp::{UdpConnection, UdpInner};
use rsipstack::transport::{SipAddr, SipConnection};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tracing::{debug, warn};

/// Bytes that the kernel may hold for a UDP socket: a burst of some thousand messages.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1_024;
/// How long a TCP peer may leave what we sent unacknowledged, and how long connecting may take.
const TCP_PATIENCE: Duration = Duration::from_secs(10);
/// Pause after the kernel refused a connection, when it is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A way to a peer: a socket of ours and the peer's address.
#[derive(Clone)]
pub(crate) struct Flow {
    pub(crate) connection: SipConnection,
    pub(crate) transport: Transport,
    /// The peer's address.
    pub(crate) remote: SocketAddr,
    /// Our socket's address, which may be unspecified.
    pub(crate) local: SocketAddr,
    /// Tells a WebSocket from others that had the same address at another time; 0 for other transports.
    pub(crate) serial: u64,
}

impl Flow {
    /// The same socket towards another address.
    pub(crate) fn to(&self, remote: SocketAddr) -> Flow {
        Flow {
            remote,
            ..self.clone()
        }
    }

    pub(crate) fn addr(&self) -> SipAddr {
        SipAddr {
            r#type: Some(sip_transport(self.transport)),
            addr: HostWithPort::from(self.remote),
        }
    }

    /// Sends bytes as they are.
    pub(crate) async fn send_raw(&self, bytes: &[u8], remote: SocketAddr) {
        let sent = match &self.connection {
            SipConnection::Udp(udp) => udp.send_raw(bytes, &self.to(remote).addr()).await,
            SipConnection::Tcp(tcp) => tcp.send_raw(bytes).await,
            // A WebSocket carries whole messages.
            SipConnection::Channel(socket) => match SipMessage::try_from(bytes) {
                Ok(message) => socket.send(message).await,
                Err(error) => Err(error.into()),
            },
            _ => Ok(()),
        };
        if let Err(error) = sent {
            debug!(%error, "could not send");
        }
    }
}

pub(crate) const fn sip_transport(transport: Transport) -> SipTransport {
    match transport {
        Transport::Udp => SipTransport::Udp,
        Transport::Tcp => SipTransport::Tcp,
        Transport::Ws => SipTransport::Ws,
    }
}

/// One socket, opened and not read yet.
pub(crate) enum Bound {
    Udp(Arc<UdpSocket>, Flow),
    Tcp(TcpListener),
}

impl Bound {
    pub(crate) async fn open(listen: &Listen) -> Result<(Self, SocketAddr), SipError> {
        let failed = |source| SipError::Listen {
            transport: listen.transport,
            addr: listen.addr,
            source,
        };
        match listen.transport {
            Transport::Udp => {
                let socket = Arc::new(udp_socket(listen.addr).map_err(failed)?);
                let local = socket.local_addr().map_err(failed)?;
                let addr = SipAddr {
                    r#type: Some(SipTransport::Udp),
                    addr: local.into(),
                };
                let inner = UdpInner {
                    conn: socket.clone(),
                    addr,
                };
                let connection = SipConnection::Udp(UdpConnection::attach(inner, None, None).await);
                let flow = Flow {
                    connection,
                    transport: Transport::Udp,
                    remote: local,
                    local,
                    serial: 0,
                };
                Ok((Bound::Udp(socket, flow), local))
            }
            Transport::Tcp => {
                let listener = tcp_listener(listen.addr).map_err(failed)?;
                let local = listener.local_addr().map_err(failed)?;
                Ok((Bound::Tcp(listener), local))
            }
            Transport::Ws => Err(failed(io::ErrorKind::Unsupported.into())),
        }
    }

    /// Reads until the runtime ends.
    pub(crate) async fn serve(self, core: Arc<Core>) {
        match self {
            Bound::Udp(socket, flow) => read_datagrams(core, socket, flow).await,
            Bound::Tcp(listener) => accept(core, listener).await,
        }
    }
}

fn socket(addr: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), kind, Some(protocol))?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn udp_socket(addr: SocketAddr) -> io::Result<UdpSocket> {
    let socket = socket(addr, Type::DGRAM, Protocol::UDP)?;
    // The kernel grants what its own limit allows.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.bind(&addr.into())?;
    UdpSocket::from_std(socket.into())
}

fn tcp_listener(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(addr, Type::STREAM, Protocol::TCP)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

async fn read_datagrams(core: Arc<Core>, socket: Arc<UdpSocket>, flow: Flow) {
    let max = core.config.limits.message_bytes_max;
    // One byte more than the longest message, so that a longer one shows.
    let mut buffer = vec![0; max + 1];
    loop {
        match socket.recv_from(&mut buffer).await {
            Ok((length, _)) if length > max => core.metrics.rejected("too_long"),
            Ok((length, remote)) => {
                let bytes = buffer.get(..length).unwrap_or_default();
                // Blank datagrams keep a NAT binding open (RFC 5626 §3.5.1 and common use).
                if !bytes.iter().all(u8::is_ascii_whitespace) {
                    core.receive(bytes, &flow.to(remote)).await;
                }
            }
            // An ICMP error of an earlier datagram; the socket stays good.
            Err(error) => debug!(%error, "UDP receive"),
        }
    }
}

async fn accept(core: Arc<Core>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => {
                if core.streams.len() >= core.config.limits.connections_max {
                    core.metrics.rejected("connections_max");
                    continue;
                }
                if let Err(error) = adopt(&core, stream, remote) {
                    debug!(%error, %remote, "TCP connection lost at once");
                }
            }
            Err(error) => {
                warn!(%error, "cannot accept a TCP connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Opens a connection, or takes one that is open.
pub(crate) async fn connect(core: &Arc<Core>, remote: SocketAddr) -> Option<Flow> {
    if let Some(flow) = core.streams.get(&remote) {
        return Some(flow.clone());
    }
    match tokio::time::timeout(TCP_PATIENCE, TcpStream::connect(remote)).await {
        Ok(Ok(stream)) => adopt(core, stream, remote).ok(),
        Ok(Err(error)) => {
            debug!(%error, %remote, "cannot connect");
            None
        }
        Err(_) => {
            debug!(%remote, "connecting took too long");
            None
        }
    }
}

/// Registers a connection and reads it in a task of its own.
fn adopt(core: &Arc<Core>, stream: TcpStream, remote: SocketAddr) -> io::Result<Flow> {
    let local = stream.local_addr()?;
    stream.set_nodelay(true)?;
    socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(TCP_PATIENCE))?;
    let addr = SipAddr {
        r#type: Some(SipTransport::Tcp),
        addr: local.into(),
    };
    let tcp = TcpConnection::from_stream(stream, addr, None).map_err(io::Error::other)?;
    let connection = SipConnection::Tcp(tcp.clone());
    let flow = Flow {
        connection,
        transport: Transport::Tcp,
        remote,
        local,
        serial: 0,
    };
    core.streams.insert(remote, flow.clone());
    core.metrics.connections.inc();
    let (core, reading) = (Arc::clone(core), flow.clone());
    tokio::spawn(async move {
        read_stream(&core, &tcp, &reading).await;
        core.streams.remove(&remote);
        core.metrics.connections.dec();
        let _ = tcp.close().await;
    });
    Ok(flow)
}

async fn read_stream(core: &Arc<Core>, tcp: &TcpConnection, flow: &Flow) {
    let Some(mut half) = tcp.inner.read_half.lock().await.take() else {
        return;
    };
    let limits = core.config.limits;
    let mut buffer: Vec<u8> = Vec::with_capacity(4_096);
    loop {
        match tokio::time::timeout(limits.connection_idle, half.read_buf(&mut buffer)).await {
            Ok(Ok(0)) | Ok(Err(_)) => return,
            Err(_) => {
                debug!(remote = %flow.remote, "TCP connection idle for too long");
                return;
            }
            Ok(Ok(_)) => {}
        }
        loop {
            match cut(&buffer, limits.message_bytes_max) {
                Cut::Message(length) => {
                    core.receive(buffer.get(..length).unwrap_or_default(), flow).await;
                    buffer.drain(..length);
                }
                Cut::Ping(length) => {
                    buffer.drain(..length);
                    flow.send_raw(b"\r\n", flow.remote).await;
                }
                Cut::Blank(length) => drop(buffer.drain(..length)),
                Cut::More => break,
                Cut::Broken => {
                    // The refusal, if one can be made; where the next message starts is not known any more.
                    core.receive(&buffer, flow).await;
                    return;
                }
            }
        }
        if core.closing.load(Ordering::Relaxed) && core.dialogs.is_empty() {
            return;
        }
    }
}

/// What stands at the start of a stream's buffer (RFC 3261 §18.3, RFC 5626 §3.5.1).
#[derive(Debug, PartialEq, Eq)]
enum Cut {
    /// A whole message of this many bytes.
    Message(usize),
    /// A keep-alive that wants an answer.
    Ping(usize),
    /// A keep-alive's answer, or blank lines between messages.
    Blank(usize),
    /// Not enough yet.
    More,
    /// The length is not told, not readable or too large.
    Broken,
}

fn cut(buffer: &[u8], max: usize) -> Cut {
    if buffer.starts_with(b"\r\n\r\n") {
        return Cut::Ping(4);
    }
    if buffer.starts_with(b"\r\n") && buffer.len() > 2 && !b"\r\n\r\n".starts_with(buffer) {
        return Cut::Blank(2);
    }
    let Some(head) = wire::head_end(buffer) else {
        return if buffer.len() > max {
            Cut::Broken
        } else {
            Cut::More
        };
    };
    let text = String::from_utf8_lossy(buffer.get(..head).unwrap_or_default());
    match wire::declared_length(&text) {
        Ok(body) => match head.checked_add(body.unwrap_or(0)) {
            Some(total) if total > max => Cut::Broken,
            Some(total) if total <= buffer.len() => Cut::Message(total),
            Some(_) => Cut::More,
            None => Cut::Broken,
        },
        Err(_) => Cut::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_cut_into_messages() {
        for (bytes, expect) in [
            ("", Cut::More),
            ("\r\n", Cut::More),
            ("\r\n\r", Cut::More),
            ("\r\n\r\nOPTIONS", Cut::Ping(4)),
            ("\r\nOPTIONS", Cut::Blank(2)),
            ("OPTIONS sip:a SIP/2.0\r\nCall-ID: 1\r\n", Cut::More),
            ("OPTIONS sip:a SIP/2.0\r\nl: 0\r\n\r\nBYE", Cut::Message(31)),
            ("OPTIONS sip:a SIP/2.0\r\nContent-Length : 3\r\n\r\nab", Cut::More),
            (
                "OPTIONS sip:a SIP/2.0\r\nContent-Length : 3\r\n\r\nabcd",
                Cut::Message(48),
            ),
            ("OPTIONS sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n", Cut::Broken),
            (
                "OPTIONS sip:a SIP/2.0\r\nContent-Length: 99999999999999999999\r\n\r\n",
                Cut::Broken,
            ),
            (
                "OPTIONS sip:a SIP/2.0\r\nContent-Length: 100\r\n\r\n",
                Cut::Broken,
            ),
            ("OPTIONS sip:a SIP/2.0\r\nl: 1\r\nl: 2\r\n\r\nab", Cut::Broken),
        ] {
            assert_eq!(cut(bytes.as_bytes(), 100), expect, "{bytes:?}");
        }
        assert_eq!(cut(&[b'x'; 101], 100), Cut::Broken);
    }
}
