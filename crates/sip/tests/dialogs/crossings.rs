//! Messages that cross, come twice, come late, or belong to nothing.

use crate::common::{Call, LEG, Rig, answered, answered_phone, config, peer_of, quick, register, sdp};
use acd::{CallerNumber, GoneCause, HangUpCause, LegId, OperatorId};
use sip::SipEvent;
use std::time::Duration;

#[tokio::test]
async fn cancel_crosses_the_answer() {
    let mut rig = Rig::start(config()).await;
    let peer = peer_of(&rig).await;
    let mut call = Call::new(&peer, "hotline");
    call.invite().await;
    let id = rig.arrival().await;
    rig.sip.answer(id);
    let ok = peer.expect(200).await;
    call.send("CANCEL", "", "").await;
    assert_eq!(peer.expect(200).await.get("CSeq"), "1 CANCEL");
    call.learn(&ok);
    call.send("ACK", "", "").await;
    call.bye().await;
    rig.caller_gone(id, GoneCause::HungUp).await;
    rig.empty().await;
    rig.quiet();
}

#[tokio::test]
async fn bye_comes_before_the_ack() {
    let mut rig = Rig::start(quick()).await;
    let peer = peer_of(&rig).await;
    let mut call = Call::new(&peer, "hotline");
    call.invite().await;
    let id = rig.arrival().await;
    rig.sip.answer(id);
    let ok = peer.expect(200).await;
    call.learn(&ok);
    call.send("BYE", "", "").await;
    rig.caller_gone(id, GoneCause::HungUp).await;
    loop {
        let response = peer.expect(200).await;
        if response.get("CSeq") == "2 BYE" {
            break;
        }
    }
    rig.empty().await;
    rig.quiet();
}

#[tokio::test]
async fn an_answer_without_ack_is_repeated_and_then_given_up() {
    let mut rig = Rig::start(quick()).await;
    let peer = peer_of(&rig).await;
    let mut call = Call::new(&peer, "hotline");
    call.invite().await;
    let id = rig.arrival().await;
    rig.sip.answer(id);
    peer.expect(200).await;
    let mut repeats = 0;
    let bye = loop {
        let message = peer.recv().await;
        if message.method() == "BYE" {
            break message;
        }
        assert_eq!(message.status(), 200);
        repeats += 1;
    };
    assert!(repeats >= 5, "{repeats} repeats");
    peer.respond(&bye, 200, "", "", "").await;
    rig.caller_gone(id, GoneCause::Failed).await;
    rig.empty().await;
}

#[tokio::test]
async fn our_bye_waits_for_the_ack() {
    let mut rig = Rig::start(config()).await;
    let peer = peer_of(&rig).await;
    let mut call = Call::new(&peer, "hotline");
    call.invite().await;
    let id = rig.arrival().await;
    rig.sip.answer(id);
    rig.sip.hang_up(LegId::caller(id), HangUpCause::Ended);
    let ok = peer.expect(200).await;
    call.learn(&ok);
    // An answer to something else shows that no BYE was sent before.
    call.send("OPTIONS", "", "").await;
    peer.expect(481).await;
    // The ACK carries the CSeq of the INVITE.
    call.seq = 1;
    call.send("ACK", "", "").await;
    let bye = peer.expect_request("BYE").await;
    peer.respond(&bye, 200, "", "", "").await;
    rig.empty().await;
    rig.quiet();
}

#[tokio::test]
async fn gaps_in_cseq_are_fine_and_old_ones_are_not() {
    let mut rig = Rig::start(config()).await;
    let peer = peer_of(&rig).await;
    let (mut call, _, _) = answered(&mut rig, &peer, "").await;
    call.seq = 500;
    call.send("OPTIONS", "", "").await;
    let ok = peer.expect(200).await;
    assert!(ok.get("Allow").contains("UPDATE"));
    call.seq = 3;
    call.send("INVITE", "", &sdp(40_000)).await;
    let old = peer.expect(500).await;
    call.ack_refusal(&old).await;
    call.seq = 900;
    call.bye().await;
    rig.empty().await;
    assert_eq!(rig.metric("holdfast_sip_rejected_total", "old_cseq"), 1.0);
}

#[tokio::test]
async fn requests_without_a_dialog_get_481() {
    let rig = Rig::start(config()).await;
    let peer = peer_of(&rig).await;
    for method in ["BYE", "INVITE", "UPDATE", "INFO", "PRACK", "OPTIONS"] {
        for tag in [";tag=0123456789abcdef", ";tag=x", ";tag=0123456789ABCDEFG"] {
            let mut call = Call::new(&peer, "hotline");
            call.to.push_str(tag);
            call.send(method, "", "").await;
            peer.expect(481).await;
        }
    }
    // Without a tag these make no dialog either, and an ACK is never answered.
    for method in ["ACK", "BYE", "UPDATE", "INFO", "CANCEL"] {
        let mut call = Call::new(&peer, "hotline");
        call.send(method, "", "").await;
        if method != "ACK" {
            peer.expect(481).await;
        }
    }
    assert_eq!(rig.sip.in_use(), (0, 0));
}

#[tokio::test]
async fn a_leg_is_found_only_with_the_whole_dialog() {
    let mut rig = Rig::start(config()).await;
    let peer = peer_of(&rig).await;
    let (mut call, _, _) = answered(&mut rig, &peer, "").await;
    let (call_id, from) = (call.call_id.clone(), call.from.clone());
    call.call_id = "another".into();
    call.send("BYE", "", "").await;
    peer.expect(481).await;
    call.call_id = call_id;
    call.from = from.replace("tag=", "tag=x");
    call.send("BYE", "", "").await;
    peer.expect(481).await;
    call.from = from;
    call.bye().await;
    rig.empty().await;
}

#[tokio::test]
async fn a_repeated_invite_is_one_call_and_a_merged_one_is_refused() {
    let mut rig = Rig::start(config()).await;
    let peer = peer_of(&rig).await;
    let mut call = Call::new(&peer, "hotline");
    let invite = call.request("INVITE", "", &sdp(40_000));
    peer.send(&invite).await;
    let id = rig.arrival().await;
    peer.send(&invite).await;
    assert_eq!(peer.recv().await.status(), 100);
    assert_eq!(peer.recv().await.status(), 100);
    assert_eq!(rig.metric("holdfast_sip_retransmissions_total", ""), 1.0);
    peer.send(&invite.replace(&call.branch, "z9hG4bKother")).await;
    assert_eq!(peer.recv().await.status(), 482);
    rig.sip.answer(id);
    call.answered().await;
    call.bye().await;
    rig.caller_gone(id, GoneCause::HungUp).await;
    rig.empty().await;
    rig.quiet();
}

#[tokio::test]
async fn a_second_fork_that_answers_is_ended() {
    let mut rig = Rig::start(config()).await;
    let (phone, invite) = answered_phone(&mut rig, "").await;
    phone.respond(&invite, 200, "fork", "", &sdp(42_000)).await;
    let ack = phone.expect_request("ACK").await;
    let bye = phone.expect_request("BYE").await;
    assert_eq!((ack.tag("To"), bye.tag("To")), ("fork", "fork"));
    phone.respond(&bye, 200, "fork", "", "").await;
    Call::callee(&phone, &invite, "op").bye().await;
    assert_eq!(rig.event().await, SipEvent::Gone { leg: LEG });
    rig.empty().await;
    // A third one answers when the leg is long gone; nobody else's answer is taken for one of ours.
    phone.respond(&invite, 200, "third", "", &sdp(42_000)).await;
    assert_eq!(phone.expect_request("ACK").await.tag("To"), "third");
    let bye = phone.expect_request("BYE").await;
    phone.respond(&bye, 200, "third", "", "").await;
    let mut forged = invite.clone();
    for (name, value) in &mut forged.headers {
        if name == "Call-ID" {
            value.push('x');
        }
    }
    phone.respond(&forged, 200, "forged", "", &sdp(42_000)).await;
    let probe = Call::new(&phone, "hotline").request("OPTIONS", "", "");
    phone.send(&probe).await;
    phone.expect(200).await;
    assert_eq!(rig.metric("holdfast_sip_rejected_total", "stray_response"), 1.0);
}

#[tokio::test]
async fn an_answer_crosses_our_cancel() {
    let mut rig = Rig::start(config()).await;
    let phone = peer_of(&rig).await;
    register(&phone, "101", "MD5", "").await;
    rig.event().await;
    rig.sip.dial(LEG, OperatorId(0), CallerNumber::new("1"));
    let invite = phone.expect_request("INVITE").await;
    rig.sip.hang_up(LEG, HangUpCause::PeerGone);
    // CANCEL may go out only after a provisional response.
    let probe = Call::new(&phone, "hotline").request("OPTIONS", "", "");
    phone.send(&probe).await;
    phone.expect(200).await;
    phone.respond(&invite, 180, "op", "", "").await;
    let cancel = phone.expect_request("CANCEL").await;
    phone.respond(&invite, 200, "op", "", &sdp(41_000)).await;
    phone.respond(&cancel, 200, "op", "", "").await;
    assert_eq!(phone.expect_request("ACK").await.tag("To"), "op");
    let bye = phone.expect_request("BYE").await;
    phone.respond(&bye, 200, "op", "", "").await;
    rig.empty().await;
    rig.quiet();
}

#[tokio::test]
async fn a_lost_cancel_is_sent_again_and_an_unanswered_one_given_up() {
    let mut rig = Rig::start(quick()).await;
    let phone = peer_of(&rig).await;
    register(&phone, "101", "MD5", "").await;
    rig.event().await;
    rig.sip.dial(LEG, OperatorId(0), CallerNumber::new("1"));
    let invite = phone.expect_request("INVITE").await;
    phone.respond(&invite, 180, "op", "", "").await;
    assert_eq!(rig.event().await, SipEvent::Ringing { leg: LEG });
    rig.sip.hang_up(LEG, HangUpCause::RingTimeout);
    phone.expect_request("CANCEL").await;
    phone.expect_request("CANCEL").await;
    rig.empty().await;
    rig.quiet();
}

#[tokio::test]
async fn a_phone_that_is_not_there_is_unreachable() {
    let mut rig = Rig::start(quick()).await;
    let phone = peer_of(&rig).await;
    register(&phone, "101", "MD5", "").await;
    rig.event().await;
    rig.sip.dial(LEG, OperatorId(0), CallerNumber::new("1"));
    let cause = acd::FailCause::Unreachable;
    assert_eq!(rig.event().await, SipEvent::Failed { leg: LEG, cause });
    rig.empty().await;
}

#[tokio::test]
async fn an_answer_without_usable_media_is_ended() {
    let mut rig = Rig::start(config()).await;
    let phone = peer_of(&rig).await;
    register(&phone, "101", "MD5", "").await;
    rig.event().await;
    rig.sip.dial(LEG, OperatorId(0), CallerNumber::new("1"));
    let invite = phone.expect_request("INVITE").await;
    phone
        .respond(&invite, 200, "op", "", &sdp(41_000).replace("8 0 101", "18"))
        .await;
    phone.expect_request("ACK").await;
    let bye = phone.expect_request("BYE").await;
    phone.respond(&bye, 200, "op", "", "").await;
    assert_eq!(
        rig.event().await,
        SipEvent::Failed {
            leg: LEG,
            cause: acd::FailCause::Other(488)
        }
    );
    rig.empty().await;
}

#[tokio::test]
async fn a_request_that_comes_back_to_us_is_a_loop() {
    let mut rig = Rig::start(config()).await;
    let phone = peer_of(&rig).await;
    register(&phone, "101", "MD5", "").await;
    rig.event().await;
    rig.sip.dial(LEG, OperatorId(0), CallerNumber::new("1"));
    let invite = phone.expect_request("INVITE").await;
    let mut looped = Call::new(&phone, "hotline");
    let via = format!("Via: {}\r\n", invite.get("Via"));
    looped.send("INVITE", &via, &sdp(40_000)).await;
    let refused = phone.expect(482).await;
    looped.ack_refusal(&refused).await;
    assert_eq!(rig.metric("holdfast_sip_rejected_total", "loop"), 1.0);
}

#[tokio::test]
async fn transactions_are_forgotten_in_time() {
    let mut rig = Rig::start(quick()).await;
    let (phone, _) = answered_phone(&mut rig, "").await;
    let peer = peer_of(&rig).await;
    let (mut call, _, _) = answered(&mut rig, &peer, "").await;
    call.bye().await;
    rig.event().await;
    // One that is never acknowledged, and a BYE that is never answered.
    Call::new(&peer, "hotline").invite().await;
    let id = rig.arrival().await;
    rig.sip.refuse(id, acd::Outcome::Closed, None);
    rig.sip.hang_up(LEG, HangUpCause::Ended);
    phone.expect_request("BYE").await;
    rig.empty().await;
    let transactions = || rig.metric("holdfast_sip_transactions", "");
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    while transactions() == 0.0 {
        assert!(tokio::time::Instant::now() < until, "the gauge was never set");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    while transactions() > 0.0 {
        assert!(tokio::time::Instant::now() < until, "{} left", transactions());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
