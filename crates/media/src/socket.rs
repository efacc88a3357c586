//! A leg's two UDP sockets, bound to its port pair.

use crate::ports::Lease;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

/// Bytes the kernel may hold for one socket: some 80 packets, over a second of audio. More would only turn
/// a stall into delay, and let a flood hold memory.
const RECEIVE_BUFFER_BYTES: usize = 64 * 1024;

/// Expedited forwarding (RFC 3246) in the upper six bits of the IPv4 TOS or IPv6 traffic class.
const DSCP_EF: u32 = 46 << 2;

/// The sockets of one leg. Fields drop in order: the sockets are closed before the pair is given back.
pub(crate) struct PortPair {
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: UdpSocket,
    local: SocketAddr,
    _lease: Lease,
}

impl PortPair {
    /// Where RTP is received.
    pub(crate) fn local(&self) -> SocketAddr {
        self.local
    }
}

pub(crate) enum BindError {
    /// Another program holds one of the ports.
    InUse(Lease),
    /// The system refused for another reason.
    Refused { addr: SocketAddr, source: io::Error },
}

/// Binds both ports of a pair.
pub(crate) fn bind(ip: IpAddr, lease: Lease) -> Result<PortPair, BindError> {
    let local = SocketAddr::new(ip, lease.rtp());
    // The port is even, so the one after it exists.
    let both = udp(local).and_then(|rtp| Ok((rtp, udp(SocketAddr::new(ip, lease.rtp() + 1))?)));
    match both {
        Ok((rtp, rtcp)) => Ok(PortPair {
            rtp,
            rtcp,
            local,
            _lease: lease,
        }),
        Err(e) if e.kind() == io::ErrorKind::AddrInUse => Err(BindError::InUse(lease)),
        Err(source) => Err(BindError::Refused { addr: local, source }),
    }
}

fn udp(addr: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(addr),
        Type::DGRAM.nonblocking().cloexec(),
        Some(Protocol::UDP),
    )?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
        socket.set_tclass_v6(DSCP_EF)?;
    } else {
        socket.set_tos_v4(DSCP_EF)?;
    }
    socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
    socket.bind(&addr.into())?;
    Ok(socket.into())
}
