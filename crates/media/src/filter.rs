//! What a leg's socket keeps from us while nobody listens to its peer, so that reading it costs next to nothing.
//!
//! A waiting caller's phone sends as much as a talking one's, and all that is wanted of it is key presses and signs of
//! life. A classic BPF program on the socket lets the kernel drop the rest before it is queued or wakes anybody. It
//! lets pass key presses, comfort noise, whatever is not RTP, and of the audio every [`SAMPLE`]th packet by sequence
//! number. It judges nothing: what passes is judged as always.

use crate::packet::HEADER_LEN;
use socket2::{SockFilter, SockRef};
use std::io;
use std::net::UdpSocket;
use std::time::Duration;

/// One audio packet in so many passes; a power of two.
const SAMPLE: u32 = 16;

/// The longest that a peer may seem silent because of the filter, in packets of 60 ms, with as much again to spare.
pub(crate) const SILENCE_SEEN: Duration = Duration::from_millis(SAMPLE as u64 * 60 * 2);

/// Octets before the RTP header: for UDP sockets the program sees the datagram from its UDP header on.
const UDP_HEADER_LEN: u32 = 8;

// Instructions of classic BPF (linux/filter.h, linux/bpf_common.h).
const LOAD_LENGTH: u16 = 0x80;
const LOAD_OCTET: u16 = 0x30;
const AND: u16 = 0x54;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
const JUMP_IF_ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;

/// The kernel keeps the whole datagram, or none of it.
const PASS: u32 = u32::MAX;
const DROP: u32 = 0;

/// Lets only what is wanted of an unheard peer into the socket. `dtmf_pt` is its key presses' payload type.
///
/// # Errors
/// What the kernel says; then everything is read as before.
pub(crate) fn attach(socket: &UdpSocket, dtmf_pt: u8) -> io::Result<()> {
    SockRef::from(socket).attach_filter(&program(dtmf_pt))
}

/// Lets everything in again, from now on.
pub(crate) fn detach(socket: &UdpSocket) -> io::Result<()> {
    SockRef::from(socket).detach_filter()
}

fn program(dtmf_pt: u8) -> [SockFilter; 15] {
    const COMFORT_NOISE: u32 = 13;
    let octet = |of_header: u32| then(LOAD_OCTET, UDP_HEADER_LEN + of_header);
    [
        then(LOAD_LENGTH, 0),
        SockFilter::new(
            JUMP_IF_AT_LEAST,
            0,
            to_pass(1),
            UDP_HEADER_LEN + HEADER_LEN as u32,
        ),
        octet(0),
        then(AND, 0xc0),
        // Not version 2: STUN, DTLS or garbage.
        SockFilter::new(JUMP_IF_EQUAL, 0, to_pass(4), 0x80),
        octet(1),
        then(AND, 0x7f),
        SockFilter::new(JUMP_IF_EQUAL, to_pass(7), 0, dtmf_pt.into()),
        SockFilter::new(JUMP_IF_EQUAL, to_pass(8), 0, COMFORT_NOISE),
        // Payload types 64 to 95 are RTCP on the RTP port (RFC 5761 section 4).
        then(AND, 0x60),
        SockFilter::new(JUMP_IF_EQUAL, to_pass(10), 0, 0x40),
        octet(3),
        SockFilter::new(JUMP_IF_ANY_BIT, 0, to_pass(12), SAMPLE - 1),
        then(RETURN, DROP),
        then(RETURN, PASS),
    ]
}

/// An instruction after which the next one follows.
const fn then(code: u16, operand: u32) -> SockFilter {
    SockFilter::new(code, 0, 0, operand)
}

/// How far instruction `from` has to jump to the last one, which lets the datagram pass.
const fn to_pass(from: u8) -> u8 {
    14 - (from + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

    fn rtp(payload_type: u8, sequence: u16) -> Vec<u8> {
        let mut packet = vec![0x80, payload_type];
        packet.extend(sequence.to_be_bytes());
        packet.resize(172, 0xd5);
        packet
    }

    /// Sends all packets to a filtered socket, and gives those that came through, of which there should be so many.
    fn through(ip: IpAddr, packets: &[Vec<u8>], wanted: usize) -> Vec<Vec<u8>> {
        let any = SocketAddr::from((ip, 0));
        let [ours, peer] = [any, any].map(|any| UdpSocket::bind(any).expect("loopback has ports"));
        ours.set_read_timeout(Some(Duration::from_secs(10)))
            .expect("a timeout can be set");
        let to = ours.local_addr().expect("a bound socket");
        let send = |packet: &[u8]| peer.send_to(packet, to).expect("loopback takes packets");
        let receive = || {
            let mut buffer = [0; 2_048];
            let length = ours.recv(&mut buffer).expect("a packet comes");
            buffer[..length].to_vec()
        };
        attach(&ours, 101).expect("the kernel takes the program");
        for packet in packets {
            send(packet);
        }
        let came = (0..wanted).map(|_| receive()).collect();
        detach(&ours).expect("the kernel gives the program back");
        send(&rtp(8, 1));
        assert_eq!(
            receive(),
            rtp(8, 1),
            "nothing else came, and now everything comes"
        );
        came
    }

    #[test]
    fn keys_noise_what_is_not_rtp_and_a_sample_pass_whole() {
        let stun = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12]].concat();
        let rtcp = [&[0x80, 200][..], &[7; 26]].concat();
        let wanted = [
            rtp(101, 1),
            rtp(0x80 | 101, 2),
            rtp(13, 3),
            rtp(8, 16),
            rtp(0x80, 0xfff0),
            stun,
            rtcp,
            vec![],
            vec![0x80; 11],
            vec![0xff; 200],
        ];
        let unwanted = [rtp(8, 1), rtp(0, 0xff0f), rtp(0x88, 24), rtp(96, 7)];
        for ip in [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()] {
            let all = [&wanted[..], &unwanted[..]].concat();
            assert_eq!(through(ip, &all, wanted.len()), wanted);
        }
    }

    #[test]
    fn one_packet_in_sixteen_passes() {
        let stream: Vec<Vec<u8>> = (65_000..65_000 + 160).map(|n| rtp(8, n as u16)).collect();
        let came = through(
            Ipv4Addr::LOCALHOST.into(),
            &stream,
            stream.len() / SAMPLE as usize,
        );
        assert!(came.iter().all(|packet| packet[3] % SAMPLE as u8 == 0));
    }
}
