//! Two phones of a call hear each other: every packet, in the other's codec, as one stream.

mod common;

use audio_codec_algorithms::{convert_alaw_to_ulaw, convert_ulaw_to_alaw};
use common::*;
use media::{Codec, MediaEvent};

#[test]
fn every_frame_passes_both_ways_as_one_stream() {
    let plane = Plane::start();
    let mut a = plane.phone(caller(), Codec::Pcma, None);
    let mut b = plane.phone(operator(), Codec::Pcma, None);
    plane.media.bridge(caller(), operator());
    let (mut at_a, mut at_b) = (vec![], vec![]);
    for n in 0..100 {
        a.send(&frame(n));
        b.send(&frame(n + 1_000));
        at_b.push(b.receive());
        at_a.push(a.receive());
    }
    for (packets, first) in [(&at_b, 0), (&at_a, 1_000)] {
        assert_continuous(packets);
        for (n, packet) in packets.iter().enumerate() {
            assert_eq!((packet.pt, packet.marker), (8, n == 0), "packet {n}");
            assert_eq!(packet.payload, frame(first + n), "packet {n}");
        }
    }
    assert_ne!(at_a[0].ssrc, b.next.ssrc, "streams are ours towards each phone");
    plane.await_metric("holdfast_rtp_packets_total{direction=\"received\"}", 200.0);
    plane.await_metric("holdfast_rtp_packets_total{direction=\"sent\"}", 200.0);
    plane.await_metric("holdfast_rtp_octets_total{direction=\"sent\"}", 200.0 * 160.0);
    plane.await_metric("holdfast_rtp_latched_total{source=\"signalled\"}", 2.0);
}

#[test]
fn laws_are_turned_into_each_other_octet_by_octet() {
    let plane = Plane::start();
    let (mut a, mut b) = bridged(&plane, Codec::Pcma, Codec::Pcmu);
    for n in 0..10 {
        a.send(&frame(n));
        b.send(&frame(n));
        let (at_b, at_a) = (b.receive(), a.receive());
        assert_eq!((at_b.pt, at_a.pt), (0, 8));
        assert_eq!(
            at_b.payload,
            frame(n).into_iter().map(convert_alaw_to_ulaw).collect::<Vec<_>>()
        );
        assert_eq!(
            at_a.payload,
            frame(n).into_iter().map(convert_ulaw_to_alaw).collect::<Vec<_>>()
        );
    }
    // An answer may name both laws, and then its sender may use either.
    a.next.pt = 0;
    a.send(&frame(3));
    let at_b = b.receive();
    assert_eq!((at_b.pt, at_b.payload), (0, frame(3)));
}

#[test]
fn keys_pass_with_their_timing_and_are_reported_once() {
    let plane = Plane::start();
    let (mut a, b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    let start = a.next.timestamp;
    let mut sent = vec![];
    for (duration, end) in [
        (160u16, false),
        (320, false),
        (480, true),
        (480, true),
        (480, true),
    ] {
        let [high, low] = duration.to_be_bytes();
        a.next.pt = 101;
        a.next.timestamp = start;
        a.next.marker = duration == 160;
        a.send(&[5, if end { 0x8a } else { 0x0a }, high, low]);
        sent.push(b.receive());
    }
    let audio_at = start.wrapping_add(800);
    (a.next.pt, a.next.timestamp, a.next.marker) = (8, audio_at, false);
    a.send(&frame(0));
    let audio = b.receive();
    for (n, packet) in sent.iter().enumerate() {
        assert_eq!((packet.pt, packet.marker), (96, n == 0));
        assert_eq!(
            packet.timestamp,
            audio.timestamp.wrapping_sub(800),
            "the press keeps its beginning"
        );
        assert_eq!(packet.sequence, audio.sequence.wrapping_sub(5 - n as u16));
    }
    assert_eq!(
        sent[2].payload,
        [5, 0x8a, 480u16.to_be_bytes()[0], 480u16.to_be_bytes()[1]]
    );
    assert_eq!(
        plane.next_event(),
        MediaEvent::Dtmf {
            leg: caller(),
            digit: '5'
        }
    );
    plane.await_metric("holdfast_rtp_dtmf_keys_total", 1.0);
    assert!(plane.events.try_recv().is_err(), "one press is one event");
}

#[test]
fn keys_to_a_phone_without_them_leave_no_gap() {
    let plane = Plane::start();
    let mut a = plane.phone(caller(), Codec::Pcma, Some(101));
    let b = plane.phone(operator(), Codec::Pcma, None);
    plane.media.bridge(caller(), operator());
    a.send(&frame(0));
    let timestamp = a.next.timestamp;
    for _ in 0..3 {
        (a.next.pt, a.next.timestamp) = (101, timestamp);
        a.send(&[1, 0x8a, 0, 160]);
    }
    (a.next.pt, a.next.timestamp) = (8, timestamp.wrapping_add(160));
    a.send(&frame(1));
    let (first, second) = (b.receive(), b.receive());
    assert_eq!((first.payload, second.payload), (frame(0), frame(1)));
    assert_eq!(second.sequence, first.sequence.wrapping_add(1));
    assert_eq!(
        plane.next_event(),
        MediaEvent::Dtmf {
            leg: caller(),
            digit: '1'
        }
    );
    plane.dropped("no_dtmf", 3);
}

#[test]
fn loss_and_disorder_stay_visible_and_copies_do_not() {
    let plane = Plane::start();
    let (mut a, b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    let base = a.next.clone();
    let numbered = |n: u16| Packet {
        sequence: base.sequence.wrapping_add(n),
        timestamp: base.timestamp.wrapping_add(u32::from(n) * 160),
        payload: frame(usize::from(n)),
        ..base.clone()
    };
    for n in [0, 1, 3, 2, 2, 3, 6, 100, 30] {
        a.send_packet(&numbered(n));
    }
    a.next = numbered(101);
    a.send(&frame(101));
    let packets = b.receive_many(7);
    let first = packets[0].sequence;
    let order: Vec<u16> = packets.iter().map(|p| p.sequence.wrapping_sub(first)).collect();
    assert_eq!(order, [0, 1, 3, 2, 6, 100, 101]);
    for packet in &packets {
        let n = packet.sequence.wrapping_sub(first);
        assert_eq!(
            packet.timestamp.wrapping_sub(packets[0].timestamp),
            u32::from(n) * 160
        );
        assert_eq!(packet.payload, frame(usize::from(n)));
    }
    plane.dropped("duplicate", 2);
    plane.dropped("late", 1);
}

#[test]
fn a_phone_that_starts_its_stream_anew_is_heard_on_in_one_stream() {
    let plane = Plane::start();
    let (mut a, b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    a.send(&frame(0));
    let before = b.receive();
    (a.next.ssrc, a.next.sequence, a.next.timestamp) = (99, 12, 34);
    a.send(&frame(1));
    let after = b.receive();
    assert_eq!(
        (after.ssrc, after.sequence),
        (before.ssrc, before.sequence.wrapping_add(1))
    );
    assert!(after.marker, "a splice is marked");
    // A jump under the old SSRC is believed when a second packet bears it out.
    a.next.sequence = 30_000;
    a.send(&frame(2));
    a.send(&frame(3));
    let after_jump = b.receive();
    assert_eq!(after_jump.payload, frame(3));
    assert_eq!(after_jump.sequence, after.sequence.wrapping_add(1));
    plane.dropped("sequence", 1);
}

#[test]
fn hold_is_honoured_in_each_direction_and_ends_without_a_break() {
    let plane = Plane::start();
    let (mut a, mut b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    a.send(&frame(0));
    let before = b.receive();

    (b.remote.send, b.remote.receive) = (false, true);
    b.agree();
    a.send(&frame(1));
    b.send(&frame(2));
    assert_eq!(
        a.receive().payload,
        frame(2),
        "a phone on hold is still heard if it says so"
    );
    plane.dropped("held", 1);

    (b.remote.send, b.remote.receive) = (false, false);
    b.agree();
    b.send(&frame(3));
    plane.dropped("held", 2);

    (b.remote.send, b.remote.receive) = (true, true);
    b.agree();
    b.send(&frame(4));
    assert_eq!(a.receive().payload, frame(4));
    a.send(&frame(5));
    let after = b.receive();
    assert_eq!(after.payload, frame(5));
    assert_eq!(
        (after.ssrc, after.sequence),
        (before.ssrc, before.sequence.wrapping_add(1))
    );
    assert!(after.marker && b.drain().is_empty());
}

#[test]
fn what_a_packet_carries_beside_its_payload_is_left_behind() {
    let plane = Plane::start();
    let (mut a, b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    a.next.payload.clear();
    let mut odd = a.next.bytes();
    odd[0] = 0xb1; // padding, extension, one contributing source
    odd.extend([9, 9, 9, 9]);
    odd.extend([0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
    odd.extend(frame(1));
    odd.extend([0, 0, 0, 4]);
    a.rtp
        .send_to(&odd, a.port.local())
        .expect("loopback takes packets");
    assert_eq!(b.receive().payload, frame(1));
}

#[test]
fn a_bridge_ends_with_silence_or_with_either_leg() {
    let plane = Plane::start();
    let (mut a, mut b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    plane.media.silence(caller());
    a.send(&frame(0));
    b.send(&frame(1));
    assert!(a.drain().is_empty() && b.drain().is_empty());

    plane.media.bridge(operator(), caller());
    a.send(&frame(2));
    assert_eq!(b.receive().payload, frame(2));

    let Phone { port, rtp, .. } = b;
    drop(port);
    a.send(&frame(3));
    plane.await_metric("holdfast_rtp_port_pairs_in_use", 1.0);
    drop(rtp);
    plane.media.play(caller(), music());
    assert_eq!(a.receive().payload.len(), FRAME, "the caller's leg goes on");
}
