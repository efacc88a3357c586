//! Phones that share a few sockets: each is a leg of what is measured, and a counter of its packets.

use crate::subject::{Leg, Subject};
use socket2::{Domain, Socket, Type};
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

/// Sockets of all phones together. Few, since each is looked at in turn.
const SOCKETS: usize = 4;

/// Octets the kernel may hold for each of them, so that the generator is not what loses packets.
const BUFFER_OCTETS: usize = 32 << 20;

/// One phone.
struct Phone {
    leg: Leg,
    call: u64,
    socket: usize,
    sequence: u16,
    /// Waiting callers may be mute.
    sends: bool,
}

/// All phones and their sockets: first those that talk, two by two, then those that wait.
pub(crate) struct Phones {
    pub(crate) subject: Subject,
    pub(crate) sockets: Vec<UdpSocket>,
    addresses: Vec<SocketAddr>,
    phones: Vec<Phone>,
    _rtcp: UdpSocket,
    talking: usize,
    mute: bool,
    next_call: u64,
    /// Which pair has talked longest, and which caller has waited longest, as places in `phones`.
    oldest: (usize, usize),
}

impl Phones {
    /// Opens the legs of `talking` pairs, bridged, and of `held` callers, who hear music.
    pub(crate) fn open(
        make: impl FnOnce(SocketAddr) -> Result<Subject, Box<dyn Error>>,
        talking: usize,
        held: usize,
        mute: bool,
    ) -> Result<Self, Box<dyn Error>> {
        let sockets = (0..SOCKETS).map(|_| socket()).collect::<io::Result<Vec<_>>>()?;
        let addresses = sockets
            .iter()
            .map(UdpSocket::local_addr)
            .collect::<io::Result<_>>()?;
        let rtcp = socket()?;
        let mut all = Self {
            subject: make(rtcp.local_addr()?)?,
            sockets,
            addresses,
            phones: Vec::with_capacity(talking * 2 + held),
            _rtcp: rtcp,
            talking,
            mute,
            next_call: 0,
            oldest: (0, talking * 2),
        };
        for _ in 0..talking {
            let caller = all.caller()?;
            let operator = all.operator(&caller)?;
            all.subject.bridge(&caller.leg, &operator.leg);
            all.phones.extend([caller, operator]);
        }
        for _ in 0..held {
            let caller = all.waiting_caller()?;
            all.phones.push(caller);
        }
        all.subject.begin(talking);
        Ok(all)
    }

    pub(crate) fn len(&self) -> usize {
        self.phones.len()
    }

    /// Whether this phone's packets are relayed to another.
    pub(crate) fn talks(&self, index: usize) -> bool {
        index < self.talking * 2
    }

    fn caller(&mut self) -> Result<Phone, Box<dyn Error>> {
        self.next_call += 1;
        self.phone(self.next_call, 0)
    }

    fn operator(&mut self, caller: &Phone) -> Result<Phone, Box<dyn Error>> {
        self.phone(caller.call, 1)
    }

    fn waiting_caller(&mut self) -> Result<Phone, Box<dyn Error>> {
        let caller = Phone {
            sends: !self.mute,
            ..self.caller()?
        };
        self.subject.hold(&caller.leg);
        Ok(caller)
    }

    fn phone(&mut self, call: u64, leg: u32) -> Result<Phone, Box<dyn Error>> {
        let socket = (call as usize + leg as usize) % SOCKETS;
        Ok(Phone {
            leg: self.subject.open(call, leg, self.addresses[socket])?,
            call,
            socket,
            sequence: 0,
            sends: true,
        })
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
        packet[8..12].copy_from_slice(&u32::from(phone.leg.address.port()).to_be_bytes());
        packet[12..20].copy_from_slice(&now_micros.to_be_bytes());
        self.sockets[phone.socket]
            .send_to(&packet, phone.leg.address)
            .is_ok()
    }

    /// The pair that has talked longest hangs up, the caller who has waited longest takes its place, and a new caller
    /// comes. Gives the ports that nobody sends from any more.
    pub(crate) fn turn_over(&mut self) -> Result<[u16; 2], Box<dyn Error>> {
        let (pair, waiting) = self.oldest;
        let newcomer = self.waiting_caller()?;
        let mut caller = std::mem::replace(&mut self.phones[waiting], newcomer);
        caller.sends = true;
        let operator = self.operator(&caller)?;
        self.subject.bridge(&caller.leg, &operator.leg);
        let ended = [(pair, caller), (pair + 1, operator)].map(|(place, phone)| {
            std::mem::replace(&mut self.phones[place], phone)
                .leg
                .address
                .port()
        });
        let after = |place: usize, step: usize, first: usize, end: usize| {
            if place + step < end { place + step } else { first }
        };
        self.oldest = (
            after(pair, 2, 0, self.talking * 2),
            after(waiting, 1, self.talking * 2, self.phones.len()),
        );
        Ok(ended)
    }
}

fn socket() -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    // As root beyond what the system allows others, who get as much as they may.
    if rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, BUFFER_OCTETS).is_err() {
        socket.set_recv_buffer_size(BUFFER_OCTETS)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0)).into())?;
    Ok(socket.into())
}
