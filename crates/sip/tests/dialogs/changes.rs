//! Changes of a session: hold, new addresses, late offers, keys, routes.

use crate::common::{Call, LEG, Rig, answered, answered_phone, config, peer_of, register, sdp};
use acd::{CallerNumber, GoneCause, HangUpCause, LegId, OperatorId};
use sip::SipEvent;

#[tokio::test]
async fn hold_resume_and_a_new_address() {
    let mut rig = Rig::start(config()).await;
    let peer = peer_of(&rig).await;
    let (mut call, id, first) = answered(&mut rig, &peer, "").await;
    let leg = LegId::caller(id);
    let hold = sdp(40_000) + "a=sendonly\r\n";
    for (method, offer, answer, event) in [
        ("INVITE", hold.clone(), "a=recvonly", Some(true)),
        ("INVITE", hold, "a=recvonly", None),
        ("UPDATE", sdp(40_000) + "a=inactive\r\n", "a=inactive", None),
        ("INVITE", sdp(40_000), "a=sendrecv", Some(false)),
        (
            "UPDATE",
            sdp(40_000).replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0"),
            "a=sendrecv",
            Some(true),
        ),
        (
            "INVITE",
            sdp(40_010).replace("c=IN IP4 127.0.0.1", "c=IN IP4 127.0.0.2"),
            "a=sendrecv",
            Some(false),
        ),
    ] {
        call.send(method, "", &offer).await;
        let ok = peer.expect(200).await;
        assert!(ok.body.contains(answer), "{method} {offer} -> {}", ok.body);
        assert_eq!(ok.rtp(), first.rtp(), "our port stays");
        if method == "INVITE" {
            call.send("ACK", "", "").await;
        }
        if let Some(held) = event {
            assert_eq!(rig.event().await, SipEvent::Held { leg, held });
        }
    }
    call.bye().await;
    rig.caller_gone(id, GoneCause::HungUp).await;
    rig.empty().await;
    rig.quiet();
}

#[tokio::test]
async fn an_unusable_change_leaves_the_session_as_it_was() {
    let mut rig = Rig::start(config()).await;
    let peer = peer_of(&rig).await;
    let (mut call, id, _) = answered(&mut rig, &peer, "").await;
    call.send("INVITE", "", &sdp(40_000).replace("8 0 101", "18"))
        .await;
    let refused = peer.expect(488).await;
    assert!(refused.get("Warning").starts_with("305 "), "{refused:?}");
    call.ack_refusal(&refused).await;
    call.send("UPDATE", "", "this is no description").await;
    peer.expect(400).await;
    call.bye().await;
    rig.caller_gone(id, GoneCause::HungUp).await;
    rig.empty().await;
}

#[tokio::test]
async fn an_offer_may_come_late() {
    let mut rig = Rig::start(config()).await;
    let peer = peer_of(&rig).await;
    let mut call = Call::new(&peer, "hotline");
    call.send("INVITE", "", "").await;
    let id = rig.arrival().await;
    rig.sip.early_media(id);
    assert_eq!(
        peer.expect(183).await.body,
        "",
        "an offer may not go out unreliably"
    );
    rig.sip.answer(id);
    let ok = peer.expect(200).await;
    assert!(ok.body.contains("RTP/AVP 8 0 9 96 101 102\r\n"), "{}", ok.body);
    call.learn(&ok);
    call.send("ACK", "", &sdp(40_000).replace("8 0 101", "0 101"))
        .await;
    // In the middle of the session too: what is agreed comes first, under a new version.
    call.send("INVITE", "", "").await;
    let again = peer.expect(200).await;
    assert!(
        again.body.contains("RTP/AVP 0 8 9 96 101 102\r\n"),
        "{}",
        again.body
    );
    call.send("ACK", "", &(sdp(40_000) + "a=sendonly\r\n")).await;
    assert_eq!(
        rig.event().await,
        SipEvent::Held {
            leg: LegId::caller(id),
            held: true
        }
    );
    call.bye().await;
    rig.empty().await;
}

#[tokio::test]
async fn a_late_offer_without_answer_ends_the_call() {
    let mut rig = Rig::start(config()).await;
    let peer = peer_of(&rig).await;
    let mut call = Call::new(&peer, "hotline");
    call.send("INVITE", "", "").await;
    let id = rig.arrival().await;
    rig.sip.answer(id);
    call.answered().await;
    let bye = peer.expect_request("BYE").await;
    peer.respond(&bye, 200, "", "", "").await;
    rig.caller_gone(id, GoneCause::Failed).await;
    rig.empty().await;
}

#[tokio::test]
async fn keys_come_by_info() {
    let mut rig = Rig::start(config()).await;
    let peer = peer_of(&rig).await;
    let (mut call, id, _) = answered(&mut rig, &peer, "").await;
    let leg = LegId::caller(id);
    for (media_type, body, digit) in [
        (
            "application/dtmf-relay",
            "Signal=5\r\nDuration=160\r\n",
            Some('5'),
        ),
        ("application/dtmf-relay", "signal = #\r\n", Some('#')),
        ("application/dtmf-relay", "Signal=11", Some('#')),
        ("application/dtmf", "a", Some('A')),
        ("application/dtmf", "12", None),
        ("application/media_control+xml", "<x/>", None),
    ] {
        let text = call
            .request("INFO", "", body)
            .replace("application/sdp", media_type);
        peer.send(&text).await;
        peer.expect(200).await;
        if let Some(digit) = digit {
            assert_eq!(rig.event().await, SipEvent::Dtmf { leg, digit });
        }
    }
    call.bye().await;
    rig.empty().await;
}

#[tokio::test]
async fn the_callers_codec_is_offered_first() {
    let mut rig = Rig::start(config()).await;
    let (peer, phone) = (peer_of(&rig).await, peer_of(&rig).await);
    register(&phone, "101", "MD5", "").await;
    rig.event().await;
    let mut call = Call::new(&peer, "hotline");
    call.send("INVITE", "", &sdp(40_000).replace("8 0 101", "0 8 101"))
        .await;
    let id = rig.arrival().await;
    rig.sip
        .dial(LegId { call: id, leg: 1 }, OperatorId(0), CallerNumber::new("1"));
    let invite = phone.expect_request("INVITE").await;
    assert!(
        invite.body.contains("RTP/AVP 0 8 9 96 101 102\r\n"),
        "{}",
        invite.body
    );
}

#[tokio::test]
async fn a_stop_refuses_new_calls_and_ends_the_old() {
    let mut rig = Rig::start(config()).await;
    let (phone, _) = answered_phone(&mut rig, "").await;
    let (waiting, talking) = (peer_of(&rig).await, peer_of(&rig).await);
    answered(&mut rig, &talking, "").await;
    let mut held = Call::new(&waiting, "hotline");
    held.invite().await;
    rig.arrival().await;
    let sip = rig.sip.clone();
    let stop = tokio::spawn(async move { sip.shutdown().await });
    let refused = waiting.expect(503).await;
    held.ack_refusal(&refused).await;
    for peer in [&phone, &talking] {
        let bye = peer.expect_request("BYE").await;
        assert!(bye.get("Reason").starts_with("SIP;cause=503"));
        peer.respond(&bye, 200, "", "", "").await;
    }
    let mut late = Call::new(&waiting, "hotline");
    late.invite().await;
    assert_eq!(waiting.expect(503).await.get("Retry-After"), "10");
    rig.empty().await;
    stop.await.expect("the stop");
}

#[tokio::test]
async fn a_phone_that_forgets_its_contact_is_still_hung_up() {
    let mut rig = Rig::start(config()).await;
    let phone = peer_of(&rig).await;
    register(&phone, "101", "MD5", "").await;
    rig.event().await;
    rig.sip.dial(LEG, OperatorId(0), CallerNumber::new("1"));
    let invite = phone.expect_request("INVITE").await;
    let body = sdp(41_000);
    phone
        .send(&format!(
            "SIP/2.0 200 OK\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=op\r\nCall-ID: {}\r\nCSeq: {}\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
            invite.get("Via"),
            invite.get("From"),
            invite.get("To"),
            invite.get("Call-ID"),
            invite.get("CSeq"),
            body.len(),
        ))
        .await;
    phone.expect_request("ACK").await;
    assert_eq!(rig.event().await, SipEvent::Answered { leg: LEG });
    rig.sip.hang_up(LEG, HangUpCause::Ended);
    let bye = phone.expect_request("BYE").await;
    phone.respond(&bye, 200, "op", "", "").await;
    rig.empty().await;
}

#[tokio::test]
async fn dialogs_keep_their_route() {
    let mut rig = Rig::start(config()).await;
    let (peer, proxy) = (peer_of(&rig).await, peer_of(&rig).await);
    let routes = format!("Record-Route: <sip:{};lr>, <sip:far.example;lr>\r\n", proxy.local);
    let (_, id, ok) = answered(&mut rig, &peer, &routes).await;
    assert!(ok.get("Record-Route").contains("far.example"), "{ok:?}");
    rig.sip.hang_up(LegId::caller(id), HangUpCause::Ended);
    let bye = proxy.expect_request("BYE").await;
    assert_eq!(
        bye.all("Route").collect::<Vec<_>>(),
        [format!("<sip:{};lr>", proxy.local), "<sip:far.example;lr>".into()]
    );
    assert!(
        bye.start.contains(&format!("caller@{}", peer.local)),
        "{}",
        bye.start
    );
    proxy.respond(&bye, 200, "", "", "").await;
    rig.empty().await;
}

#[tokio::test]
async fn an_operator_holds_and_moves() {
    let mut rig = Rig::start(config()).await;
    let (phone, invite) = answered_phone(&mut rig, "").await;
    let mut call = Call::callee(&phone, &invite, "op");
    for (offer, held) in [(sdp(41_000) + "a=inactive\r\n", true), (sdp(41_010), false)] {
        call.send("INVITE", "", &offer).await;
        let ok = phone.expect(200).await;
        assert_eq!(ok.rtp(), invite.rtp(), "our port stays");
        call.send("ACK", "", "").await;
        assert_eq!(rig.event().await, SipEvent::Held { leg: LEG, held });
    }
    call.bye().await;
    assert_eq!(rig.event().await, SipEvent::Gone { leg: LEG });
    rig.empty().await;
}
