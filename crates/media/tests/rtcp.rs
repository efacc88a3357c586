//! Reports are true for each leg, and what peers report is taken in from peers only.

mod common;

use common::*;
use media::Codec;
use rtcp_types::prelude::*;
use rtcp_types::{Compound, Packet as Rtcp, ReceiverReport, ReportBlock, SenderReport};

/// The next compound packet on a phone's RTCP port.
fn receive(phone: &Phone) -> Vec<u8> {
    let mut packet = [0; 1_500];
    let length = phone.rtcp.recv(&mut packet).expect("a report comes");
    packet[..length].to_vec()
}

/// A receiver report of the phone about our stream.
fn report(phone: &Phone, about: u32, lost: u32, last_sender_report: u32) -> Vec<u8> {
    let block = ReportBlock::builder(about)
        .cumulative_lost(lost)
        .last_sender_report_timestamp(last_sender_report)
        .delay_since_last_sender_report_timestamp(0);
    let report = ReceiverReport::builder(phone.next.ssrc).add_report_block(block);
    let mut packet = [0; 200];
    let length = Compound::builder()
        .add_packet(report)
        .write_into(&mut packet)
        .expect("it fits");
    packet[..length].to_vec()
}

#[test]
fn the_last_report_of_a_leg_tells_what_was_sent_and_received_on_it() {
    let plane = Plane::start();
    let (mut a, mut b) = bridged(&plane, Codec::Pcma, Codec::Pcmu);
    for n in 0..9 {
        a.send(&frame(n));
        a.skip(u16::from(n == 4) * 3);
        b.send(&frame(n));
        a.receive();
    }
    let last = b.receive_many(9).pop().expect("nine packets");
    let newest = a.next.sequence.wrapping_sub(1);
    let Phone {
        port,
        rtcp,
        rtp,
        next,
        ..
    } = a;
    rtcp.set_read_timeout(Some(PATIENCE))
        .expect("a timeout can be set");
    drop(port);
    let mut packet = [0; 1_500];
    let length = rtcp.recv(&mut packet).expect("a report comes");
    let parts: Vec<Rtcp<'_>> = Compound::parse(&packet[..length])
        .expect("a valid packet")
        .map(|p| p.expect("a valid part"))
        .collect();
    let [Rtcp::Sr(sender), Rtcp::Sdes(names), Rtcp::Bye(bye)] = parts.as_slice() else {
        panic!("a sender report, a name and a farewell, not {parts:?}");
    };
    assert_eq!((sender.packet_count(), sender.octet_count()), (10, 1_600));
    let block = sender
        .report_blocks()
        .next()
        .expect("a block about the phone's stream");
    assert_eq!(block.ssrc(), next.ssrc);
    assert_eq!(
        (block.cumulative_lost(), block.extended_sequence_number() as u16),
        (3, newest)
    );
    assert_eq!(block.fraction_lost(), (3 * 256 / 13) as u8);
    assert_eq!(bye.ssrcs().collect::<Vec<_>>(), [sender.ssrc()]);
    assert_ne!(sender.ssrc(), last.ssrc, "each leg has a stream of its own");
    let name = names
        .chunks()
        .next()
        .and_then(|chunk| chunk.items().next().map(|item| item.value().to_vec()));
    assert_eq!(name.map(|name| name.len()), Some(32));
    drop(rtp);
}

#[test]
fn reports_come_by_themselves_and_answers_give_loss_and_round_trip() {
    let plane = Plane::start();
    let a = plane.phone(caller(), Codec::Pcma, None);
    plane.media.play(caller(), music());
    let ours = a.receive();
    let packet = receive(&a);
    let Some(Ok(Rtcp::Sr(sender))) = Compound::parse(&packet).expect("a valid packet").next() else {
        panic!("one who plays is a sender");
    };
    assert_eq!(sender.ssrc(), ours.ssrc);
    assert_eq!(sender.report_blocks().count(), 0, "nothing was received");
    assert!(sender.packet_count() > 0 && sender.octet_count() == sender.packet_count() * 160);
    let ahead = sender.rtp_timestamp().wrapping_sub(ours.timestamp);
    assert!(
        ahead < 10 * 8_000,
        "the report's timestamp is of the same clock, {ahead} samples on"
    );

    let middle = (sender.ntp_timestamp() >> 16) as u32;
    for lost in [5, 7, 7] {
        let answer = report(&a, ours.ssrc, lost, middle);
        a.rtcp
            .send_to(&answer, rtcp_port(&a))
            .expect("loopback takes packets");
    }
    plane.await_metric("holdfast_rtp_lost_total{direction=\"sent\"}", 7.0);
    plane.await_metric("holdfast_rtp_round_trip_seconds_count", 3.0);
    assert_eq!(
        plane.metric("holdfast_rtp_round_trip_seconds_bucket{le=\"1\"}"),
        3.0
    );
}

#[test]
fn reports_of_strangers_and_garbage_are_dropped_and_none_is_passed_on() {
    let plane = Plane::start();
    let (a, b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    let about = 1;
    a.rtcp
        .send_to(&report(&a, about, 9, 0), rtcp_port(&a))
        .expect("loopback takes packets");
    // A second port of the same host, once the first was taken.
    a.rtp
        .send_to(&report(&a, about, 9, 0), rtcp_port(&a))
        .expect("loopback takes packets");
    plane.dropped("source", 1);
    for garbage in [&[][..], &[0x80], &[0x80, 200, 0, 200], &[0xff; 300]] {
        a.rtcp
            .send_to(garbage, rtcp_port(&a))
            .expect("loopback takes packets");
    }
    plane.dropped("malformed", 4);
    assert_eq!(
        plane.metric("holdfast_rtp_lost_total{direction=\"sent\"}"),
        0.0,
        "it was about another stream"
    );
    // What the other leg hears is its own report, a while later, never the one above.
    let heard = receive(&b);
    let Some(Ok(first)) = Compound::parse(&heard).expect("a valid packet").next() else {
        panic!("a report")
    };
    let ssrc = match first {
        Rtcp::Sr(report) => report.ssrc(),
        Rtcp::Rr(report) => report.ssrc(),
        other => panic!("a report, not {other:?}"),
    };
    assert_ne!(ssrc, a.next.ssrc);
}

#[test]
fn mutated_reports_do_no_harm() {
    let plane = Plane::start();
    let (a, _b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    let sender = SenderReport::builder(a.next.ssrc).add_report_block(ReportBlock::builder(1));
    let mut valid = [0; 200];
    let length = Compound::builder()
        .add_packet(sender)
        .write_into(&mut valid)
        .expect("it fits");
    let mut random = 0x2545_f491_4f6c_dd1du64;
    for _ in 0..2_000 {
        let mut packet = valid[..length].to_vec();
        for _ in 0..1 + random % 4 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let at = (random >> 32) as usize % packet.len();
            packet[at] = random as u8;
        }
        a.rtcp
            .send_to(&packet, rtcp_port(&a))
            .expect("loopback takes packets");
    }
    plane.media.play(caller(), music());
    a.receive();
}

fn rtcp_port(phone: &Phone) -> std::net::SocketAddr {
    let mut to = phone.port.local();
    to.set_port(to.port() + 1);
    to
}

#[test]
fn an_ended_leg_tells_how_it_sounded() {
    let plane = Plane::start();
    let (mut a, b) = bridged(&plane, Codec::Pcma, Codec::Pcma);
    // As fast as the limit of packets lets through.
    for n in 0..110 {
        a.send(&frame(n));
        a.skip(u16::from(n % 20 == 10));
        std::thread::sleep(std::time::Duration::from_millis(6));
    }
    let ours = b.receive_many(110).pop().expect("a packet").ssrc;
    b.rtcp
        .send_to(
            &report(&b, ours, 0, 0),
            (b.port.local().ip(), b.port.local().port() + 1),
        )
        .expect("loopback takes packets");
    plane.await_metric("holdfast_rtp_packets_total{direction=\"received\"}", 112.0);
    std::thread::sleep(std::time::Duration::from_millis(50));
    let mut qualities = Vec::new();
    for (phone, leg) in [(a, caller()), (b, operator())] {
        drop(phone);
        let media::MediaEvent::Closed { leg: closed, quality } = plane.next_event() else {
            panic!("only the end was to be told");
        };
        assert_eq!(closed, leg);
        qualities.push(quality);
    }
    let [callers, operators] = qualities.as_slice() else {
        panic!("two legs ended")
    };
    let received = callers.received.expect("over two seconds came");
    // The last skip is behind the last packet but nine, so that all five are seen.
    assert_eq!((received.packets, received.lost), (116, 5));
    assert!(received.mos() > 1.0 && received.mos() < 4.3, "{received:?}");
    assert_eq!(callers.sent, None, "the caller's phone never reported");
    assert_eq!(operators.received, None, "one packet is too few to tell");
    let sent = operators.sent.expect("the operator's phone reported");
    assert_eq!((sent.packets, sent.lost), (111, 0));
    assert!(sent.mos() > 4.0, "{sent:?}");
    plane.await_metric("holdfast_rtp_mos_count{direction=\"received\"}", 1.0);
    plane.await_metric("holdfast_rtp_mos_count{direction=\"sent\"}", 1.0);
}
