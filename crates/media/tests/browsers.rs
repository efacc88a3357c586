//! Browsers' legs: ICE-lite, DTLS-SRTP and RTCP on one port, bridged to plain RTP.

mod common;

use common::browser::{Browser, check, socket, strange};
use common::*;
use media::{Codec, DtlsRole, Family, MediaConfig, WebrtcEvent, WebrtcFailure};
use std::time::Duration;

fn browser(plane: &Plane, role: DtlsRole) -> Browser {
    let port = plane.media.open(operator(), Family::V4).expect("a port is free");
    Browser::new(port, role)
}

#[test]
fn a_browser_and_a_phone_hear_each_other() {
    for role in [DtlsRole::Server, DtlsRole::Client] {
        let plane = Plane::start();
        let mut caller_phone = plane.phone(caller(), Codec::Pcma, Some(101));
        let mut browser = browser(&plane, role).connected();
        assert_eq!(browser.link().source, browser.socket.local_addr().expect("bound"));
        plane.media.bridge(caller(), operator());
        browser.send(&frame(1));
        let heard = caller_phone.receive();
        assert_eq!((heard.payload, heard.pt), (frame(1), 8), "nothing is transcoded");
        caller_phone.send(&frame(2));
        assert_eq!(browser.receive().payload, frame(2));
        // Reports come by the same port.
        let report = browser.receive_rtcp();
        assert!(matches!(report[1], 200 | 201), "{report:02x?}");
        plane.await_metric("holdfast_rtp_webrtc_legs", 1.0);
        plane.await_metric("holdfast_rtp_webrtc_connect_seconds_count", 1.0);
        drop(browser);
        plane.await_metric("holdfast_rtp_webrtc_legs", 0.0);
    }
}

#[test]
fn a_lost_handshake_is_sent_again() {
    let plane = Plane::start();
    let caller_phone = plane.phone(caller(), Codec::Pcma, None);
    let mut browser = browser(&plane, DtlsRole::Server);
    browser.lost = 3;
    let mut browser = browser.connected();
    browser.link();
    plane.media.bridge(caller(), operator());
    browser.send(&frame(5));
    assert_eq!(caller_phone.receive().payload, frame(5));
}

#[test]
fn nobody_who_lacks_the_password_becomes_the_peer() {
    let plane = Plane::start();
    let mut browser = browser(&plane, DtlsRole::Server);
    browser.agree();
    let stranger = Browser::new(
        plane.media.open(caller(), Family::V4).expect("a port is free"),
        DtlsRole::Server,
    );
    let elsewhere = socket(&browser.port);
    elsewhere
        .send(&check(&stranger.ice, true))
        .expect("loopback takes packets");
    plane.dropped("not_authentic", 1);
    elsewhere.send(&[22; 100]).expect("loopback takes packets");
    plane.dropped("source", 1);
    let mut bytes = [0; 64];
    assert!(elsewhere.recv(&mut bytes).is_err(), "it is not answered");
    browser.check();
    browser.shake_hands();
    assert_eq!(browser.link().source, browser.socket.local_addr().expect("bound"));
}

#[test]
fn a_browser_with_another_certificate_is_not_heard() {
    let plane = Plane::start();
    let mut browser = browser(&plane, DtlsRole::Server);
    browser.agreed.fingerprint = strange();
    browser.agree();
    browser.check();
    let event = loop {
        let _ = browser.step();
        if let Ok(event) = browser.events.try_recv() {
            break event;
        }
    };
    assert_eq!(event, WebrtcEvent::Failed(WebrtcFailure::Certificate));
    plane.await_metric("holdfast_rtp_webrtc_failed_total{reason=\"certificate\"}", 1.0);
}

#[test]
fn a_browser_that_is_not_heard_in_time_is_given_up() {
    let config = MediaConfig {
        webrtc_connect_timeout: Duration::from_millis(200),
        ..config()
    };
    let plane = Plane::with(config, library());
    let unreachable = browser(&plane, DtlsRole::Server);
    unreachable.agree();
    assert_eq!(
        unreachable.event(),
        WebrtcEvent::Failed(WebrtcFailure::Unreachable)
    );
    drop(unreachable);
    let silent = Browser::new(
        plane.media.open(caller(), Family::V4).expect("a port is free"),
        DtlsRole::Server,
    );
    silent.agree();
    silent.check();
    assert_eq!(silent.event(), WebrtcEvent::Failed(WebrtcFailure::Handshake));
}

#[test]
fn a_browser_that_moves_is_followed() {
    let plane = Plane::start();
    let mut caller_phone = plane.phone(caller(), Codec::Pcma, None);
    let mut browser = browser(&plane, DtlsRole::Server).connected();
    let first = browser.link();
    // Before anything was heard from the first place, so that the kernel does not keep others out yet.
    browser.socket = socket(&browser.port);
    browser.check();
    let second = browser.link();
    assert_ne!(second.source, first.source);
    assert_eq!(second.keys, first.keys);
    plane.media.bridge(caller(), operator());
    caller_phone.send(&frame(4));
    assert_eq!(browser.receive().payload, frame(4));
    browser.send(&frame(3));
    assert_eq!(caller_phone.receive().payload, frame(3));
}

#[test]
fn a_browser_goes_on_after_a_restart_without_another_handshake() {
    let (config, library) = (config(), library());
    let plane = Plane::with(config.clone(), library.clone());
    let mut browser = browser(&plane, DtlsRole::Server).connected();
    let link = browser.link();
    let local = browser.port.local();
    for _ in 0..3 {
        browser.send(&frame(1));
    }
    drop(plane);
    let before = browser.remote;
    let agreed = media::Webrtc {
        link: Some(media::Link {
            keys: link.keys.resumed(),
            ..link
        }),
        ..browser.agreed
    };
    // The engine is gone, and with it its port.
    let (socket, srtp, next) = (
        browser.socket.try_clone().expect("a descriptor"),
        browser.srtp.take(),
        browser.next.clone(),
    );
    drop(browser);
    let plane = Plane::with(config, library);
    let port = loop {
        // The media threads of before end in their own time.
        match plane.media.open_at(operator(), local) {
            Ok(port) => break port,
            Err(media::MediaError::PortLost { .. }) => std::thread::sleep(Duration::from_millis(10)),
            Err(e) => panic!("{e}"),
        }
    };
    let mut caller_phone = plane.phone(caller(), Codec::Pcma, None);
    let mut again = Browser::new(port, DtlsRole::Server);
    (again.socket, again.srtp, again.next) = (socket, srtp, next);
    (again.remote, again.agreed, again.ice) = (before, agreed, agreed.ice);
    again.agree();
    plane.media.bridge(caller(), operator());
    caller_phone.send(&frame(8));
    assert_eq!(again.receive().payload, frame(8));
    again.send(&frame(9));
    assert_eq!(caller_phone.receive().payload, frame(9));
    again.check();
    plane.await_metric("holdfast_rtp_webrtc_handshakes", 0.0);
}
