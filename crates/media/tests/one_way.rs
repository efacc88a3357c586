//! Sound that goes one way only is told of.

mod common;

use common::*;
use media::Codec;
use rtcp_types::ReceiverReport;
use rtcp_types::prelude::*;

const RECEIVED: &str = "holdfast_rtp_one_way_total{direction=\"received\"}";
const SENT: &str = "holdfast_rtp_one_way_total{direction=\"sent\"}";

#[test]
fn a_phone_that_is_sent_to_and_never_heard_is_counted_and_one_that_talks_is_not() {
    let plane = Plane::start();
    let mut a = plane.phone(caller(), Codec::Pcma, None);
    let b = plane.phone(operator(), Codec::Pcma, None);
    plane.media.bridge(caller(), operator());
    let start = std::time::Instant::now();
    while plane.metric(RECEIVED) == 0.0 && start.elapsed() < PATIENCE {
        a.send(&frame(1));
        b.receive();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    plane.await_metric(RECEIVED, 1.0);
    assert_eq!(plane.metric(SENT), 0.0, "nobody has said so");
}

#[test]
fn a_phone_whose_reports_tell_of_nothing_from_us_is_counted() {
    let plane = Plane::start();
    let (_a, b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    plane.media.play(operator(), music());
    let report = |ssrc: u32| {
        let mut packet = [0; 64];
        let report = ReceiverReport::builder(ssrc);
        let length = report.write_into(&mut packet).expect("there is room");
        let to = std::net::SocketAddr::new(b.port.local().ip(), b.port.local().port() + 1);
        b.rtcp
            .send_to(&packet[..length], to)
            .expect("loopback takes packets");
    };
    let start = std::time::Instant::now();
    while plane.metric(SENT) == 0.0 && start.elapsed() < PATIENCE {
        report(b.next.ssrc);
        b.receive();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    plane.await_metric(SENT, 1.0);
}
