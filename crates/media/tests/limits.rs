//! What must not hurt: floods, garbage, silence, vanished phones, and the end of the ports.

mod common;

use acd::{CallId, LegId};
use common::*;
use media::{AfterPrompts, Codec, Family, Media, MediaConfig, MediaError, MediaEvent, Playlist, Port};
use std::net::Ipv6Addr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

#[test]
fn a_flood_is_cut_to_the_agreed_rate_with_room_to_spare_and_the_call_goes_on() {
    const AT_ONCE: f64 = 100.0;
    const PER_SECOND: f64 = 200.0;
    let plane = Plane::start();
    let start = Instant::now();
    let (mut a, b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    while plane.metric("holdfast_rtp_dropped_total{reason=\"rate\"}") < 500.0 && start.elapsed() < PATIENCE {
        for n in 0..100 {
            a.send(&[n; 8]);
        }
    }
    assert!(plane.metric("holdfast_rtp_dropped_total{reason=\"rate\"}") >= 500.0);
    b.drain();
    let passed = plane.metric("holdfast_rtp_packets_total{direction=\"sent\"}");
    let most = 2.0 * AT_ONCE + PER_SECOND * start.elapsed().as_secs_f64();
    assert!(passed <= most, "{passed} packets passed, at most {most} may");
    // Nothing but time is needed to be heard again.
    std::thread::sleep(Duration::from_millis(300));
    a.send(&frame(2));
    assert_eq!(b.receive().payload, frame(2));
}

#[test]
fn garbage_is_dropped_and_counted() {
    let plane = Plane::start();
    let (mut a, b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    let huge = vec![0x80; 9_000];
    let wrong_version = [&[0x40], &a.next.bytes()[1..]].concat();
    let short_key = Packet {
        pt: 101,
        payload: vec![1],
        ..a.next.clone()
    }
    .bytes();
    for garbage in [
        &[][..],
        &[0],
        b"\r\n\r\n",
        &wrong_version,
        &[0xff; 100],
        &short_key,
    ] {
        a.rtp
            .send_to(garbage, a.port.local())
            .expect("loopback takes packets");
    }
    a.rtp
        .send_to(&huge, a.port.local())
        .expect("loopback takes packets");
    plane.dropped("malformed", 7);
    a.send_packet(&Packet {
        pt: 111,
        ..a.next.clone()
    });
    plane.dropped("payload_type", 1);
    // Comfort noise is a sign of life, and not passed on.
    a.send_packet(&Packet {
        pt: 13,
        payload: vec![60],
        ..a.next.clone()
    });
    a.skip(1);
    a.send(&frame(1));
    assert_eq!(b.receive().payload, frame(1));
    assert!(b.drain().is_empty());
}

#[test]
fn a_vanished_phone_is_counted_and_the_other_is_served() {
    let plane = Plane::start();
    let (mut a, b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    let Phone { rtp, rtcp, port, .. } = b;
    drop((rtp, rtcp));
    // The kernel answers for the closed socket; each answer is told on the next call of ours.
    for n in 0..4 {
        a.send(&frame(n));
        std::thread::sleep(Duration::from_millis(20));
    }
    let start = Instant::now();
    while plane.metric("holdfast_rtp_unreachable_total") == 0.0 && start.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(plane.metric("holdfast_rtp_unreachable_total") > 0.0);
    drop(port);
    plane.media.play(caller(), music());
    assert_eq!(a.receive().payload.len(), FRAME);
}

#[test]
fn silence_is_reported_once_and_again_only_after_packets_came_back() {
    let timeout = Duration::from_millis(300);
    let plane = Plane::with(
        MediaConfig {
            silence_timeout: timeout,
            ..config()
        },
        library(),
    );
    let mut a = plane.phone(caller(), Codec::Pcma, None);
    let silent = MediaEvent::Silent { leg: caller() };
    assert_eq!(plane.next_event(), silent, "never sent anything");
    assert!(plane.events.recv_timeout(timeout * 3).is_err(), "once");
    a.send(&frame(0));
    assert_eq!(plane.next_event(), silent, "went quiet");
    a.remote.receive = false;
    a.agree();
    a.send(&frame(1));
    assert!(
        plane.events.recv_timeout(timeout * 3).is_err(),
        "one on hold may be quiet"
    );
    a.remote.receive = true;
    a.agree();
    assert_eq!(plane.next_event(), silent, "and then again not");
    plane.await_metric("holdfast_rtp_streams_timed_out_total", 3.0);
}

#[test]
fn ports_run_out_with_a_clear_error_and_come_back_when_dropped() {
    let rest = Duration::from_millis(200);
    let plane = Plane::with(
        MediaConfig {
            ports: 20_000..=20_007,
            port_rest: rest,
            ..config()
        },
        library(),
    );
    let leg = |leg| LegId { call: CallId(1), leg };
    let mut ports: Vec<_> = (0..4)
        .map(|n| plane.media.open(leg(n), Family::V4).expect("a port is free"))
        .collect();
    let numbers: Vec<u16> = ports.iter().map(|port| port.local().port()).collect();
    assert_eq!(numbers, [20_000, 20_002, 20_004, 20_006]);
    let error = plane
        .media
        .open(leg(4), Family::V4)
        .expect_err("all pairs are taken");
    assert!(
        matches!(error, MediaError::PortsExhausted { pairs: 4, in_use: 4 }),
        "{error}"
    );
    assert!(error.to_string().contains("4 in use"), "{error}");
    plane.await_metric("holdfast_rtp_ports_exhausted_total", 1.0);
    assert_eq!(plane.metric("holdfast_rtp_port_pairs "), 4.0);

    drop(ports.remove(1));
    let start = Instant::now();
    let again = loop {
        match plane.media.open(leg(5), Family::V4) {
            Ok(port) => break port,
            Err(e) => assert!(start.elapsed() < PATIENCE, "{e}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(
        start.elapsed() >= rest / 2,
        "a pair rests before it is used again"
    );
    assert_eq!(again.local().port(), 20_002);
    drop((again, ports));
    let start = Instant::now();
    while plane.metric("holdfast_rtp_port_pairs_in_use") > 0.0 {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_port_of_another_program_is_passed_over() {
    let config = MediaConfig {
        ports: 20_000..=20_003,
        ..config()
    };
    let ip = config.bind_v4.expect("an address");
    let _rtcp_taken = std::net::UdpSocket::bind((ip, 20_001)).expect("a free port");
    let plane = Plane::with(config, library());
    let port = plane
        .media
        .open(caller(), Family::V4)
        .expect("the second pair is free");
    assert_eq!(port.local().port(), 20_002);
    let error = plane
        .media
        .open(operator(), Family::V4)
        .expect_err("nothing is left");
    assert!(
        matches!(error, MediaError::PortsExhausted { pairs: 2, in_use: 1 }),
        "{error}"
    );
}

#[test]
fn ipv6_legs_talk_to_each_other_and_to_ipv4_ones() {
    let ports = 21_000..=21_399;
    let plane = Plane::with(
        MediaConfig {
            bind_v6: Some(Ipv6Addr::LOCALHOST),
            ports,
            ..config()
        },
        library(),
    );
    let port = plane.media.open(caller(), Family::V6).expect("a port is free");
    assert!(port.local().is_ipv6());
    let mut a = Phone::new(port, Codec::Pcma, None);
    a.agree();
    let mut b = plane.phone(operator(), Codec::Pcmu, None);
    plane.media.bridge(caller(), operator());
    a.send(&frame(0));
    b.send(&frame(0));
    assert_eq!((b.receive().pt, a.receive().pt), (0, 8));
    // A changed address lets go of the old one in this family too.
    let moved = std::net::UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).expect("loopback has ports");
    moved
        .set_read_timeout(Some(PATIENCE))
        .expect("a timeout can be set");
    a.remote.rtp = moved.local_addr().expect("a bound socket");
    a.rtp = moved;
    a.agree();
    // Until the thread has let go, the kernel keeps the new source out.
    let start = Instant::now();
    while b.drain().is_empty() && start.elapsed() < PATIENCE {
        a.send(&frame(1));
    }
    plane.media.play(caller(), music());
    assert_eq!(a.receive().payload.len(), FRAME);
}

#[test]
fn a_plane_that_cannot_work_says_why() {
    let start = |config| {
        let events = Arc::new(|_| ());
        Media::start(config, library(), &prometheus::Registry::new(), events)
            .map(|_| ())
            .expect_err("it cannot work")
    };
    let no_address = MediaConfig {
        bind_v4: None,
        ..config()
    };
    assert!(matches!(start(no_address), MediaError::NoAddress));
    let no_pair = MediaConfig {
        ports: 20_001..=20_002,
        ..config()
    };
    assert!(start(no_pair).to_string().contains("20001-20002 hold no pair"));
    let plane = Plane::start();
    let error = plane
        .media
        .open(caller(), Family::V6)
        .expect_err("no IPv6 address is configured");
    assert!(matches!(error, MediaError::FamilyDisabled { family: Family::V6 }));
}

#[test]
fn commands_for_legs_that_are_gone_or_strange_do_no_harm() {
    let plane = Plane::start();
    let (mut a, b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    let gone = LegId {
        call: CallId(7),
        leg: 9,
    };
    let elsewhere = LegId::caller(CallId(8));
    plane.media.play(gone, music());
    plane.media.silence(gone);
    for (x, y) in [(caller(), gone), (caller(), elsewhere), (caller(), caller())] {
        plane.media.bridge(x, y);
    }
    let twice = plane.media.open(caller(), Family::V4).expect("a port is free");
    drop(twice);
    a.send(&frame(1));
    assert_eq!(b.receive().payload, frame(1), "the bridge stands");
    plane.await_metric("holdfast_rtp_port_pairs_in_use", 2.0);
}

#[test]
fn nothing_is_sent_to_an_address_that_is_no_phones() {
    let plane = Plane::start();
    let mut a = plane.silent_phone(caller(), Codec::Pcma, None);
    let true_address = a.remote.rtp;
    for address in [
        "0.0.0.0:4000",
        "224.0.0.1:4000",
        "255.255.255.255:4000",
        "127.0.0.1:0",
    ] {
        a.remote.rtp = address.parse().expect("an address");
        a.agree();
        plane.media.play(caller(), music());
        std::thread::sleep(Duration::from_millis(50));
    }
    a.remote.rtp = true_address;
    a.agree();
    a.receive();
    plane.media.silence(caller());
    let came = 1 + a.drain().len();
    plane.await_metric("holdfast_rtp_packets_total{direction=\"sent\"}", came as f64);
    assert_eq!(
        plane.metric("holdfast_rtp_dropped_total{reason=\"send_failed\"}"),
        0.0
    );
    assert_eq!(plane.metric("holdfast_rtp_threads"), 2.0);
}

#[test]
fn one_panic_in_an_event_is_one_thread_fewer_and_is_seen() {
    let registry = prometheus::Registry::new();
    let events = Arc::new(|_| panic!("a listener of the test breaks its promise"));
    let media = Media::start(config(), library(), &registry, events).expect("the media plane starts");
    let port = media.open(caller(), Family::V4).expect("a port is free");
    media.play(
        caller(),
        Playlist {
            prompts: vec![],
            then: AfterPrompts::Nothing,
        },
    );
    let (sender, silent) = std::sync::mpsc::channel();
    drop(sender);
    let plane = Plane {
        media,
        registry,
        events: silent,
    };
    let start = Instant::now();
    while plane.metric("holdfast_rtp_threads") != 1.0 {
        assert!(start.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(port);
}

#[test]
fn the_last_handle_may_be_dropped_inside_an_event() {
    let registry = prometheus::Registry::new();
    let held: Arc<Mutex<Option<(Media, Port)>>> = Arc::default();
    let (sender, dropped) = std::sync::mpsc::channel();
    let events = {
        let held = Arc::clone(&held);
        Arc::new(move |_| {
            drop(held.lock().expect("nobody panics").take());
            sender.send(()).expect("the test waits");
        })
    };
    let media = Media::start(config(), library(), &registry, events).expect("the media plane starts");
    let port = media.open(caller(), Family::V4).expect("a port is free");
    let nothing = Playlist {
        prompts: vec![],
        then: AfterPrompts::Nothing,
    };
    *held.lock().expect("nobody panics") = Some((media.clone(), port));
    media.play(caller(), nothing);
    drop(media);
    dropped
        .recv_timeout(PATIENCE)
        .expect("the event comes, and the drop in it ends");
}
