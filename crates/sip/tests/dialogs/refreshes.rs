//! Session timers (RFC 4028) and reliable provisional responses (RFC 3262).

use crate::common::{Call, LEG, Rig, answered, config, peer_of, quick, register, sdp};
use acd::{CallerNumber, GoneCause, HangUpCause, LegId, OperatorId};
use sip::SipEvent;

#[tokio::test]
async fn sessions_are_refreshed_by_update() {
    let mut rig = Rig::start(quick()).await;
    let peer = peer_of(&rig).await;
    let extra = "Supported: timer\r\nSession-Expires: 2;refresher=uas\r\nAllow: INVITE, ACK, BYE, UPDATE\r\n";
    let (_, id, ok) = answered(&mut rig, &peer, extra).await;
    assert_eq!(
        (ok.get("Session-Expires"), ok.get("Require")),
        ("2;refresher=uas", "")
    );
    for _ in 0..2 {
        let update = peer.expect_request("UPDATE").await;
        assert_eq!(
            (update.get("Session-Expires"), update.body.as_str()),
            ("2;refresher=uac", "")
        );
        peer.respond(&update, 200, "", "Session-Expires: 2;refresher=uac\r\n", "")
            .await;
    }
    let update = peer.expect_request("UPDATE").await;
    peer.respond(&update, 481, "", "", "").await;
    rig.caller_gone(id, GoneCause::Failed).await;
    let bye = peer.expect_request("BYE").await;
    peer.respond(&bye, 481, "", "", "").await;
    rig.empty().await;
}

#[tokio::test]
async fn sessions_are_refreshed_by_reinvite_and_glare_is_told() {
    let mut rig = Rig::start(quick()).await;
    let peer = peer_of(&rig).await;
    let extra = "Supported: timer\r\nSession-Expires: 2;refresher=uas\r\n";
    let (mut call, id, ok) = answered(&mut rig, &peer, extra).await;
    let invite = peer.expect_request("INVITE").await;
    assert_eq!(invite.rtp(), ok.rtp());
    call.send("INVITE", "", &sdp(40_000)).await;
    // Our INVITE may be repeated meanwhile.
    let glare = loop {
        let message = peer.recv().await;
        if message.start.starts_with("SIP/2.0") {
            break message;
        }
    };
    assert_eq!(glare.status(), 491);
    call.ack_refusal(&glare).await;
    peer.respond(
        &invite,
        200,
        "",
        "Session-Expires: 1800;refresher=uac\r\n",
        &sdp(40_000),
    )
    .await;
    let ack = loop {
        let message = peer.recv().await;
        if message.method() == "ACK" {
            break message;
        }
    };
    assert_eq!(ack.cseq(), invite.cseq());
    call.bye().await;
    rig.caller_gone(id, GoneCause::HungUp).await;
    rig.empty().await;
}

#[tokio::test]
async fn a_session_that_is_not_refreshed_lapses() {
    let mut rig = Rig::start(quick()).await;
    let peer = peer_of(&rig).await;
    let (_, id, ok) = answered(&mut rig, &peer, "Supported: timer\r\nSession-Expires: 1\r\n").await;
    assert_eq!(
        (ok.get("Session-Expires"), ok.get("Require")),
        ("1;refresher=uac", "timer")
    );
    rig.caller_gone(id, GoneCause::Failed).await;
    let bye = peer.expect_request("BYE").await;
    peer.respond(&bye, 200, "", "", "").await;
    rig.empty().await;
    assert_eq!(rig.metric("holdfast_sip_sessions_lapsed_total", ""), 1.0);
}

#[tokio::test]
async fn too_short_a_session_is_refused() {
    let mut rig = Rig::start(config()).await;
    let peer = peer_of(&rig).await;
    let mut call = Call::new(&peer, "hotline");
    call.send(
        "INVITE",
        "Supported: timer\r\nSession-Expires: 30\r\n",
        &sdp(40_000),
    )
    .await;
    let refused = peer.expect(422).await;
    assert_eq!(refused.get("Min-SE"), "90");
    call.ack_refusal(&refused).await;
    assert_eq!(rig.sip.in_use(), (0, 0));
    rig.quiet();
}

#[tokio::test]
async fn a_phone_that_wants_longer_sessions_gets_them() {
    let mut rig = Rig::start(config()).await;
    let phone = peer_of(&rig).await;
    register(&phone, "101", "MD5", "").await;
    rig.event().await;
    rig.sip.dial(LEG, OperatorId(0), CallerNumber::new("1"));
    let invite = phone.expect_request("INVITE").await;
    assert_eq!(
        (invite.get("Session-Expires"), invite.get("Min-SE")),
        ("1800", "90")
    );
    phone.respond(&invite, 422, "op", "Min-SE: 3600\r\n", "").await;
    phone.expect_request("ACK").await;
    let again = phone.expect_request("INVITE").await;
    assert_eq!(
        (again.get("Session-Expires"), again.get("Min-SE")),
        ("3600", "3600")
    );
    assert_eq!(
        (again.cseq(), again.get("Call-ID")),
        (invite.cseq() + 1, invite.get("Call-ID"))
    );
    phone
        .respond(
            &again,
            200,
            "op",
            "Session-Expires: 3600;refresher=uas\r\n",
            &sdp(41_000),
        )
        .await;
    phone.expect_request("ACK").await;
    assert_eq!(rig.event().await, SipEvent::Answered { leg: LEG });
    Call::callee(&phone, &again, "op").bye().await;
    rig.empty().await;
}

#[tokio::test]
async fn a_caller_that_requires_100rel_gets_it() {
    let mut rig = Rig::start(quick()).await;
    let peer = peer_of(&rig).await;
    let mut call = Call::new(&peer, "hotline");
    call.send("INVITE", "Require: 100rel\r\n", &sdp(40_000)).await;
    let id = rig.arrival().await;
    rig.sip.early_media(id);
    rig.sip.answer(id);
    let early = peer.expect(183).await;
    assert_eq!((early.get("Require"), early.get("RSeq")), ("100rel", "1"));
    assert_eq!(
        peer.expect(183).await.get("RSeq"),
        "1",
        "repeated until the PRACK comes"
    );
    call.learn(&early);
    call.send("PRACK", "RAck: 9 1 INVITE\r\n", "").await;
    peer.expect(481).await;
    call.send("PRACK", "RAck: 1 1 INVITE\r\n", "").await;
    // The PRACK's answer, and only then the INVITE's.
    assert_eq!(peer.expect(200).await.get("CSeq"), "3 PRACK");
    let ok = peer.expect(200).await;
    assert_eq!((ok.get("CSeq"), ok.rtp()), ("1 INVITE", early.rtp()));
    call.seq = 1;
    call.send("ACK", "", "").await;
    call.seq = 3;
    call.bye().await;
    rig.caller_gone(id, GoneCause::HungUp).await;
    rig.empty().await;
}

#[tokio::test]
async fn a_caller_that_never_sends_prack_is_given_up() {
    let mut rig = Rig::start(quick()).await;
    let peer = peer_of(&rig).await;
    let mut call = Call::new(&peer, "hotline");
    call.send("INVITE", "Supported: 100rel\r\n", &sdp(40_000)).await;
    let id = rig.arrival().await;
    rig.sip.early_media(id);
    let gone = peer.expect(504).await;
    call.ack_refusal(&gone).await;
    rig.caller_gone(id, GoneCause::Failed).await;
    rig.empty().await;
}

#[tokio::test]
async fn a_late_offer_may_be_answered_in_the_prack() {
    let mut rig = Rig::start(config()).await;
    let peer = peer_of(&rig).await;
    let mut call = Call::new(&peer, "hotline");
    call.send("INVITE", "Supported: 100rel\r\n", "").await;
    let id = rig.arrival().await;
    rig.sip.early_media(id);
    let early = peer.expect(183).await;
    assert!(
        early.body.contains("RTP/AVP 8 0 9 96 101 102\r\n"),
        "{}",
        early.body
    );
    call.learn(&early);
    call.send("PRACK", "RAck: 1 1 INVITE\r\n", &sdp(40_000)).await;
    peer.expect(200).await;
    // The session may be changed before the answer.
    call.send("UPDATE", "", &(sdp(40_000) + "a=sendonly\r\n")).await;
    assert!(peer.expect(200).await.body.contains("a=recvonly"));
    assert_eq!(
        rig.event().await,
        SipEvent::Held {
            leg: LegId::caller(id),
            held: true
        }
    );
    rig.sip.answer(id);
    assert_eq!(peer.expect(200).await.body, "", "all is agreed already");
    call.seq = 1;
    call.send("ACK", "", "").await;
    call.seq = 3;
    call.bye().await;
    rig.empty().await;
}

#[tokio::test]
async fn a_phones_reliable_ringing_is_acknowledged() {
    let mut rig = Rig::start(config()).await;
    let phone = peer_of(&rig).await;
    register(&phone, "101", "MD5", "").await;
    rig.event().await;
    rig.sip.dial(LEG, OperatorId(0), CallerNumber::new("1"));
    let invite = phone.expect_request("INVITE").await;
    let reliable = |n: u32| format!("Require: 100rel\r\nRSeq: {n}\r\n");
    phone
        .respond(&invite, 180, "op", &reliable(7), &sdp(41_000))
        .await;
    let prack = phone.expect_request("PRACK").await;
    assert_eq!((prack.get("RAck"), prack.tag("To")), ("7 1 INVITE", "op"));
    phone.respond(&prack, 200, "op", "", "").await;
    assert_eq!(rig.event().await, SipEvent::Ringing { leg: LEG });
    // One out of order is left unacknowledged; the next one is.
    phone.respond(&invite, 183, "op", &reliable(9), "").await;
    phone.respond(&invite, 183, "op", &reliable(8), "").await;
    let prack = phone.expect_request("PRACK").await;
    assert_eq!(prack.get("RAck"), "8 1 INVITE");
    phone.respond(&prack, 200, "op", "", "").await;
    // The answer was in the 180 already.
    phone.respond(&invite, 200, "op", "", "").await;
    assert_eq!(phone.expect_request("ACK").await.cseq(), 1);
    assert_eq!(rig.event().await, SipEvent::Answered { leg: LEG });
    rig.sip.hang_up(LEG, HangUpCause::Ended);
    let bye = phone.expect_request("BYE").await;
    assert_eq!(bye.cseq(), 4, "after INVITE and two PRACKs");
    phone.respond(&bye, 200, "op", "", "").await;
    rig.empty().await;
}
