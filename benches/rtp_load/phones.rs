//! Phones that share a few sockets: each is a leg of the media plane and a counter of its packets.

use acd::{CallId, LegId};
use media::{AfterPrompts, Codec, Family, Media, MediaError, Playlist, Port, Remote};
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

/// Sockets of all phones together.
const SOCKETS: usize = 16;

/// Octets the kernel may hold for each of them, so that the generator is not what loses packets.
const BUFFER_OCTETS: usize = 4 << 20;

/// One phone.
pub(crate) struct Phone {
    port: Port,
    socket: usize,
    sequence: u16,
    /// Waiting callers may be mute.
    sends: bool,
}

/// All phones and their sockets.
pub(crate) struct Phones {
    pub(crate) sockets: Vec<UdpSocket>,
    pub(crate) phones: Vec<Phone>,
    rtcp: UdpSocket,
}

impl Phones {
    /// Opens the legs of `talking` pairs, bridged, and of `held` callers, who hear music.
    pub(crate) fn open(
        media: &Media,
        talking: usize,
        held: usize,
        mute: bool,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let sockets = (0..SOCKETS).map(|_| socket()).collect::<io::Result<Vec<_>>>()?;
        let rtcp = socket()?;
        let mut all = Self {
            sockets,
            phones: Vec::new(),
            rtcp,
        };
        for call in 0..talking + held {
            let caller = LegId::caller(CallId(call as u64));
            let held = call >= talking;
            all.add(media, caller, !(held && mute))?;
            if held {
                media.play(
                    caller,
                    Playlist {
                        prompts: vec![],
                        then: AfterPrompts::HoldMusic,
                    },
                );
            } else {
                let operator = LegId { leg: 1, ..caller };
                all.add(media, operator, true)?;
                media.bridge(caller, operator);
            }
        }
        Ok(all)
    }

    fn add(&mut self, media: &Media, leg: LegId, sends: bool) -> Result<(), Box<dyn std::error::Error>> {
        let port = media
            .open(leg, Family::V4)
            .map_err(|e: MediaError| e.to_string())?;
        let socket = self.phones.len() % SOCKETS;
        port.set_remote(Remote {
            rtp: self.sockets[socket].local_addr()?,
            rtcp: self.rtcp.local_addr()?,
            codec: Codec::Pcma,
            dtmf_pt: None,
            send: true,
            receive: true,
            ptime_ms: 20,
        });
        self.phones.push(Phone {
            port,
            socket,
            sequence: 0,
            sends,
        });
        Ok(())
    }

    /// Sends the next 20 ms of one phone, with the time at the head of its payload. Tells whether it was sent.
    pub(crate) fn send(&mut self, index: usize, now_micros: u64) -> bool {
        let phone = &mut self.phones[index];
        if !phone.sends {
            return false;
        }
        phone.sequence = phone.sequence.wrapping_add(1);
        let mut packet = [0xd5; 172];
        packet[0..2].copy_from_slice(&[0x80, 8]);
        packet[2..4].copy_from_slice(&phone.sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(phone.sequence) * 160).to_be_bytes());
        packet[8..12].copy_from_slice(&(index as u32 + 1).to_be_bytes());
        packet[12..20].copy_from_slice(&now_micros.to_be_bytes());
        self.sockets[phone.socket]
            .send_to(&packet, phone.port.local())
            .is_ok()
    }
}

fn socket() -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_recv_buffer_size(BUFFER_OCTETS)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0)).into())?;
    Ok(socket.into())
}
