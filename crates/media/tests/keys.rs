//! Keys that reach a phone by other ways than they were pressed: as tones in the sound, or told by signalling.

mod common;

use common::*;
use media::{Codec, MediaEvent};
use std::f64::consts::TAU;
use std::time::Duration;

/// Twenty milliseconds of the tones of the key 5, or of silence.
fn sound(n: usize, pressed: bool) -> Vec<u8> {
    (n * FRAME..(n + 1) * FRAME)
        .map(|i| {
            let sine = |hz: f64| 4_000.0 * (TAU * hz * i as f64 / 8_000.0).sin();
            let sample = if pressed { sine(770.0) + sine(1_336.0) } else { 0.0 };
            audio_codec_algorithms::encode_alaw(sample as i16)
        })
        .collect()
}

/// Checks that packets of one press are among what a phone got, and gives the number of its key.
fn assert_one_press(packets: &[Packet], pt: u8) -> u8 {
    assert_continuous_but_for_events(packets);
    let events: Vec<&Packet> = packets.iter().filter(|packet| packet.pt == pt).collect();
    let durations: Vec<u16> = events
        .iter()
        .map(|event| u16::from_be_bytes([event.payload[2], event.payload[3]]))
        .collect();
    assert_eq!(
        durations,
        [160, 320, 480, 640, 800, 800, 800],
        "100 ms, its end said three times"
    );
    let ends: Vec<bool> = events.iter().map(|event| event.payload[1] & 0x80 != 0).collect();
    assert_eq!(ends, [false, false, false, false, true, true, true]);
    assert!(events.iter().all(|event| event.timestamp == events[0].timestamp));
    assert!(events[0].marker && events[1..].iter().all(|event| !event.marker));
    events[0].payload[0]
}

fn assert_continuous_but_for_events(packets: &[Packet]) {
    for pair in packets.windows(2) {
        assert_eq!(
            (pair[1].ssrc, pair[1].sequence),
            (pair[0].ssrc, pair[0].sequence.wrapping_add(1))
        );
    }
    let voice: Vec<&Packet> = packets
        .iter()
        .filter(|packet| packet.payload.len() == FRAME)
        .collect();
    for pair in voice.windows(2) {
        let (numbers, ticks) = (
            pair[1].sequence.wrapping_sub(pair[0].sequence),
            pair[1].timestamp.wrapping_sub(pair[0].timestamp),
        );
        assert_eq!(
            ticks,
            u32::from(numbers) * FRAME as u32,
            "voice goes on in its time"
        );
    }
}

#[test]
fn a_key_heard_as_tones_is_told_and_passed_on_as_an_event() {
    let plane = Plane::start();
    let mut a = plane.phone(caller(), Codec::Pcma, None);
    let b = plane.phone(operator(), Codec::Pcma, Some(97));
    plane.media.bridge(caller(), operator());
    for n in 0..25 {
        a.send(&sound(n, (5..15).contains(&n)));
    }
    let packets = b.receive_many(25);
    assert_eq!(assert_one_press(&packets, 97), 5);
    assert_eq!(
        plane.next_event(),
        MediaEvent::Dtmf {
            leg: caller(),
            digit: '5'
        }
    );
    plane.await_metric("holdfast_rtp_dtmf_keys_total", 1.0);
    let tones = packets
        .iter()
        .filter(|p| p.payload.len() == FRAME && p.payload != sound(0, false))
        .count();
    assert!(
        tones <= 3,
        "hardly any of the tones is heard beside the event: {tones} packets"
    );
}

#[test]
fn tones_are_sound_where_keys_were_agreed() {
    let plane = Plane::start();
    let (mut a, b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    for n in 0..15 {
        a.send(&sound(n, true));
    }
    assert!(
        b.receive_many(15)
            .iter()
            .all(|packet| packet.payload.len() == FRAME)
    );
    assert!(plane.events.try_recv().is_err(), "nobody is told of a key");
}

#[test]
fn tones_of_a_waiting_caller_are_keys_too() {
    let plane = Plane::start();
    let mut a = plane.phone(caller(), Codec::Pcma, None);
    plane.media.play(caller(), music());
    for n in 0..10 {
        a.send(&sound(n, true));
    }
    assert_eq!(
        plane.next_event(),
        MediaEvent::Dtmf {
            leg: caller(),
            digit: '5'
        }
    );
}

#[test]
fn a_key_told_by_signalling_takes_the_place_of_voice() {
    let plane = Plane::start();
    let (mut a, b) = bridged(&plane, Codec::Pcma, Codec::Pcmu);
    plane.media.press(caller(), '#', Duration::from_millis(100));
    for n in 0..12 {
        a.send(&frame(n));
    }
    assert_eq!(assert_one_press(&b.receive_many(12), 96), 11);
    assert!(plane.events.try_recv().is_err(), "whoever told of it knows");
}

#[test]
fn a_key_for_a_phone_without_keys_is_left_out() {
    let plane = Plane::start();
    let mut a = plane.phone(caller(), Codec::Pcma, Some(101));
    let b = plane.phone(operator(), Codec::Pcma, None);
    plane.media.bridge(caller(), operator());
    plane.media.press(caller(), '1', Duration::from_millis(100));
    for n in 0..5 {
        a.send(&frame(n));
    }
    let packets = b.receive_many(5);
    assert_continuous(&packets);
    assert_eq!(packets[4].payload, frame(4));
}
