//! Whose packets are heard: the peer's, wherever it is, and nobody else's.

mod common;

use common::*;
use media::Codec;
use std::net::UdpSocket;

/// Another host on loopback that knows the phone's port pair.
fn stranger(phone: &Phone) -> UdpSocket {
    let mut ip = match phone.port.local().ip() {
        std::net::IpAddr::V4(ip) => ip.octets(),
        std::net::IpAddr::V6(_) => panic!("an IPv4 phone"),
    };
    ip[3] ^= 0x80;
    UdpSocket::bind((std::net::Ipv4Addr::from(ip), 0)).expect("loopback has ports")
}

fn inject(from: &UdpSocket, to: &Phone, packets: &[Packet]) {
    for packet in packets {
        // Once the leg's socket is connected, the kernel refuses a stranger's packet and says so.
        let _ = from.send_to(&packet.bytes(), to.port.local());
    }
}

fn forged(like: &Phone, count: u16) -> Vec<Packet> {
    (0..count)
        .map(|n| Packet {
            sequence: like.next.sequence.wrapping_add(n),
            timestamp: like.next.timestamp.wrapping_add(u32::from(n) * 160),
            payload: vec![0xee; FRAME],
            ..like.next.clone()
        })
        .collect()
}

#[test]
fn nobody_can_put_audio_into_a_call_by_sending_to_its_port() {
    let plane = Plane::start();
    let (mut a, b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    let stranger = stranger(&a);
    inject(&stranger, &a, &forged(&a, 50));
    a.send(&frame(1));
    assert_eq!(
        b.receive().payload,
        frame(1),
        "the stranger is not heard, and the phone is heard on"
    );
    assert!(b.drain().is_empty());
    stranger
        .set_nonblocking(true)
        .expect("sockets can be non-blocking");
    plane.media.play(caller(), music());
    a.receive_many(3);
    assert!(stranger.recv(&mut [0; 2_048]).is_err(), "and gets nothing");
}

#[test]
fn a_stranger_who_is_first_neither_gets_in_nor_keeps_the_phone_out() {
    let plane = Plane::start();
    let mut a = plane.phone(caller(), Codec::Pcma, None);
    let b = plane.phone(operator(), Codec::Pcma, None);
    plane.media.bridge(caller(), operator());
    let stranger = stranger(&a);
    inject(&stranger, &a, &forged(&a, 3));
    plane.dropped("source", 3);
    a.send(&frame(1));
    assert_eq!(b.receive().payload, frame(1));
    inject(&stranger, &a, &forged(&a, 50));
    assert!(b.drain().is_empty());
}

#[test]
fn a_phone_behind_address_translation_is_found_and_answered_where_it_is() {
    let plane = Plane::start();
    let mut a = plane.silent_phone(caller(), Codec::Pcma, None);
    let b = plane.phone(operator(), Codec::Pcma, None);
    // The SDP names an address at which nobody is.
    let true_address = a.remote.rtp;
    let nobody = stranger(&a);
    a.remote.rtp = nobody.local_addr().expect("a bound socket");
    a.agree();
    plane.media.bridge(caller(), operator());
    for n in 0..10 {
        a.send(&frame(n));
    }
    let heard = b.receive_many(7);
    let payloads: Vec<Vec<u8>> = heard.iter().map(|packet| packet.payload.clone()).collect();
    assert_eq!(
        payloads,
        (3..10).map(frame).collect::<Vec<_>>(),
        "heard once four packets have come in a row"
    );
    assert_continuous(&heard);
    plane.dropped("source", 3);
    plane.await_metric("holdfast_rtp_latched_total{source=\"learned\"}", 1.0);
    plane.media.play(caller(), music());
    assert_eq!(a.rtp.local_addr().ok(), Some(true_address));
    a.receive();
    // The same agreement again, as a session refresh brings it, changes nothing.
    a.agree();
    plane.media.bridge(caller(), operator());
    a.send(&frame(11));
    assert_eq!(b.receive().payload, frame(11));
}

#[test]
fn a_new_address_is_taken_from_signalling_and_the_old_one_is_heard_no_more() {
    let plane = Plane::start();
    let (mut a, b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    a.send(&frame(0));
    let before = b.receive();

    let old = std::mem::replace(
        &mut a.rtp,
        UdpSocket::bind((a.port.local().ip(), 0)).expect("loopback has ports"),
    );
    a.rtp
        .set_read_timeout(Some(PATIENCE))
        .expect("a timeout can be set");
    a.remote.rtp = a.rtp.local_addr().expect("a bound socket");
    let late = forged(&a, 20);
    a.agree();
    inject(&old, &a, &late);
    plane.dropped("source", 20);
    assert!(
        b.drain().is_empty(),
        "what the old source still sends does not take the new one's place"
    );
    (a.next.ssrc, a.next.sequence) = (4_711, 9);
    a.send(&frame(1));
    let after = b.receive();
    assert_eq!(after.payload, frame(1));
    assert_eq!(
        (after.ssrc, after.sequence),
        (before.ssrc, before.sequence.wrapping_add(1))
    );
    plane.media.play(caller(), music());
    assert_eq!(
        a.receive().payload.len(),
        FRAME,
        "and the new address is answered"
    );
}

#[test]
fn before_anything_is_agreed_nothing_is_taken_in_or_sent() {
    let plane = Plane::start();
    let mut a = plane.silent_phone(caller(), Codec::Pcma, None);
    let b = plane.phone(operator(), Codec::Pcma, None);
    plane.media.bridge(caller(), operator());
    a.send(&frame(0));
    plane.dropped("source", 1);
    plane.media.play(caller(), music());
    assert!(a.drain().is_empty() && b.drain().is_empty());
}

#[test]
fn a_phone_that_moves_without_a_word_is_found_again_after_a_silence_and_no_stranger_is() {
    let plane = Plane::start();
    let (mut a, b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    a.send(&frame(0));
    let before = b.receive();
    let stranger = stranger(&a);
    // Its translator gives it another port; a stranger knows ours, but not the stream.
    let moved = UdpSocket::bind((a.port.local().ip(), 0)).expect("loopback has ports");
    moved
        .set_read_timeout(Some(PATIENCE))
        .expect("a timeout can be set");
    a.rtp = moved;
    let start = std::time::Instant::now();
    let heard = loop {
        let mut forged = forged(&a, 5);
        for packet in &mut forged {
            packet.ssrc ^= 1;
        }
        inject(&stranger, &a, &forged);
        // While its old source may still be there, the kernel refuses the new one.
        a.next.payload = frame(1);
        let _ = a.rtp.send_to(&a.next.bytes(), a.port.local());
        a.skip(1);
        b.rtp
            .set_read_timeout(Some(std::time::Duration::from_millis(20)))
            .expect("a timeout can be set");
        let mut bytes = [0; 2_048];
        if let Ok(length) = b.rtp.recv(&mut bytes) {
            break Packet::parse(&bytes[..length]);
        }
        assert!(start.elapsed() < PATIENCE, "the phone is not found again");
    };
    assert_eq!((heard.ssrc, heard.payload), (before.ssrc, frame(1)));
    assert!(
        start.elapsed() >= std::time::Duration::from_secs(2),
        "not while it may be there"
    );
    plane.await_metric("holdfast_rtp_latched_total{source=\"moved\"}", 1.0);
    plane.media.play(caller(), music());
    assert_eq!(a.receive().payload.len(), FRAME, "and answered where it is");
}
