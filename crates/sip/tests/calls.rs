//! Callers and operators' phones over loopback: what each ending looks like on the wire and to the engine.

mod common;

use acd::{CallerNumber, FailCause, GoneCause, HangUpCause, LegId, OperatorId, Outcome, QueueId, TrunkId};
use common::{Call, Peer, Rig, config, register, sdp};
use sip::{SipEvent, Transport};
use std::time::Duration;

async fn rig() -> Rig {
    Rig::start(config()).await
}

/// An edge with one phone registered.
async fn with_phone() -> (Rig, Peer) {
    let mut rig = rig().await;
    let phone = Peer::udp(rig.addr(Transport::Udp)).await;
    assert_eq!(register(&phone, "101", "SHA-256", "").await.status(), 200);
    assert_eq!(
        rig.event().await,
        SipEvent::PhoneRegistered {
            operator: OperatorId(0)
        }
    );
    (rig, phone)
}

const LEG: LegId = LegId {
    call: acd::CallId(77),
    leg: 1,
};

fn dial(rig: &Rig) {
    rig.sip.dial(LEG, OperatorId(0), CallerNumber::new("13800138000"));
}

#[tokio::test]
async fn a_call_is_tried_answered_and_hung_up_by_the_caller() {
    let mut rig = rig().await;
    let peer = Peer::udp(rig.addr(Transport::Udp)).await;
    let mut call = Call::new(&peer, "hotline");
    call.invite().await;
    assert_eq!(peer.recv().await.status(), 100);
    let SipEvent::CallArrived {
        call: id,
        queue,
        trunk,
        caller,
        ..
    } = rig.event().await
    else {
        panic!("no arrival");
    };
    assert_eq!(
        (id.0, queue, trunk, caller.reveal()),
        (1, QueueId(0), TrunkId(0), "13800138000")
    );
    rig.sip.answer(id);
    let ok = call.answered().await;
    assert!(
        ok.body.contains("m=audio ") && ok.body.contains(" RTP/AVP 8 101\r\n"),
        "{}",
        ok.body
    );
    call.bye().await;
    rig.caller_gone(id, GoneCause::HungUp).await;
    rig.empty().await;
    rig.quiet();
}

#[tokio::test]
async fn early_media_and_the_answer_say_the_same() {
    let mut rig = rig().await;
    let peer = Peer::udp(rig.addr(Transport::Udp)).await;
    let mut call = Call::new(&peer, "12345");
    call.invite().await;
    let id = rig.arrival().await;
    rig.sip.early_media(id);
    let early = peer.expect(183).await;
    rig.sip.early_media(id);
    rig.sip.answer(id);
    let ok = call.answered().await;
    assert_eq!(
        (early.body, early.headers.iter().find(|h| h.0 == "To")),
        (ok.body, ok.headers.iter().find(|h| h.0 == "To"))
    );
    rig.sip.hang_up(LegId::caller(id), HangUpCause::Ended);
    let bye = peer.expect_request("BYE").await;
    assert!(bye.get("Reason").starts_with("Q.850;cause=16"));
    peer.respond(&bye, 200, "", "", "").await;
    rig.empty().await;
    rig.quiet();
}

#[tokio::test]
async fn outcomes_become_statuses() {
    let mut rig = rig().await;
    let peer = Peer::udp(rig.addr(Transport::Udp)).await;
    for (outcome, status) in [
        (Outcome::Saturated, 486),
        (Outcome::Closed, 480),
        (Outcome::TimedOut, 480),
        (Outcome::Callback, 480),
        (Outcome::Rejected, 503),
        (Outcome::Failed, 500),
    ] {
        let mut call = Call::new(&peer, "hotline");
        call.invite().await;
        let id = rig.arrival().await;
        rig.sip.refuse(id, outcome, Some(Duration::from_secs(90)));
        let refused = peer.expect(status).await;
        assert_eq!(refused.get("Retry-After"), "90", "{outcome:?}");
        call.ack_refusal(&refused).await;
    }
    rig.empty().await;
    rig.quiet();
}

#[tokio::test]
async fn cancel_ends_the_wait() {
    let mut rig = rig().await;
    let peer = Peer::udp(rig.addr(Transport::Udp)).await;
    let mut call = Call::new(&peer, "hotline");
    call.invite().await;
    let id = rig.arrival().await;
    peer.expect(100).await;
    call.send("CANCEL", "", "").await;
    let (first, second) = (peer.recv().await, peer.recv().await);
    let mut answers = [
        (first.status(), first.get("CSeq").to_owned()),
        (second.status(), second.get("CSeq").to_owned()),
    ];
    answers.sort();
    assert_eq!(
        answers,
        [(200, "1 CANCEL".to_owned()), (487, "1 INVITE".to_owned())]
    );
    call.ack_refusal(&second).await;
    rig.caller_gone(id, GoneCause::HungUp).await;
    rig.empty().await;
    rig.quiet();
}

#[tokio::test]
async fn an_operators_phone_rings_answers_and_is_hung_up() {
    let (mut rig, phone) = with_phone().await;
    dial(&rig);
    let invite = phone.expect_request("INVITE").await;
    assert!(invite.get("From").contains("<sip:13800138000@"), "{invite:?}");
    assert!(invite.get("P-Asserted-Identity").contains("13800138000"));
    assert_eq!(invite.get("X-Holdfast-Call"), "77");
    phone.respond(&invite, 180, "op", "", "").await;
    assert_eq!(rig.event().await, SipEvent::Ringing { leg: LEG });
    phone.respond(&invite, 200, "op", "", &sdp(41_000)).await;
    let ack = phone.expect_request("ACK").await;
    assert_eq!((ack.cseq(), ack.tag("To")), (invite.cseq(), "op"));
    assert_eq!(rig.event().await, SipEvent::Answered { leg: LEG });
    // Our 200 was lost: it is sent again, and so is the ACK.
    phone.respond(&invite, 200, "op", "", &sdp(41_000)).await;
    phone.expect_request("ACK").await;
    rig.sip.hang_up(LEG, HangUpCause::PeerGone);
    let bye = phone.expect_request("BYE").await;
    assert!(bye.cseq() > invite.cseq());
    phone.respond(&bye, 200, "op", "", "").await;
    rig.empty().await;
    rig.quiet();
}

#[tokio::test]
async fn an_operator_hangs_up() {
    let (mut rig, phone) = with_phone().await;
    dial(&rig);
    let invite = phone.expect_request("INVITE").await;
    phone.respond(&invite, 200, "op", "", &sdp(41_000)).await;
    phone.expect_request("ACK").await;
    assert_eq!(rig.event().await, SipEvent::Answered { leg: LEG });
    Call::callee(&phone, &invite, "op").bye().await;
    assert_eq!(rig.event().await, SipEvent::Gone { leg: LEG });
    rig.empty().await;
    rig.quiet();
}

#[tokio::test]
async fn a_phone_that_does_not_take_the_call() {
    let (mut rig, phone) = with_phone().await;
    for (status, ring, cause) in [
        (486, true, FailCause::Busy),
        (603, true, FailCause::Declined),
        (480, true, FailCause::Declined),
        (404, false, FailCause::Unreachable),
        (500, false, FailCause::Other(500)),
    ] {
        dial(&rig);
        let invite = phone.expect_request("INVITE").await;
        if ring {
            phone.respond(&invite, 180, "op", "", "").await;
            assert_eq!(rig.event().await, SipEvent::Ringing { leg: LEG });
        }
        phone.respond(&invite, status, "op", "", "").await;
        phone.expect_request("ACK").await;
        assert_eq!(rig.event().await, SipEvent::Failed { leg: LEG, cause });
        rig.empty().await;
    }
    rig.sip.dial(LEG, OperatorId(1), CallerNumber::withheld());
    assert_eq!(
        rig.event().await,
        SipEvent::Failed {
            leg: LEG,
            cause: FailCause::Unreachable
        }
    );
    rig.quiet();
}

#[tokio::test]
async fn a_ringing_phone_is_cancelled() {
    let (mut rig, phone) = with_phone().await;
    dial(&rig);
    let invite = phone.expect_request("INVITE").await;
    phone.respond(&invite, 180, "op", "", "").await;
    assert_eq!(rig.event().await, SipEvent::Ringing { leg: LEG });
    rig.sip.hang_up(LEG, HangUpCause::Elsewhere);
    let cancel = phone.expect_request("CANCEL").await;
    assert_eq!(
        cancel.get("Reason"),
        "SIP;cause=200;text=\"Call completed elsewhere\""
    );
    assert_eq!(
        (cancel.get("Via"), cancel.cseq()),
        (invite.get("Via"), invite.cseq())
    );
    phone.respond(&cancel, 200, "op", "", "").await;
    phone.respond(&invite, 487, "op", "", "").await;
    phone.expect_request("ACK").await;
    rig.empty().await;
    rig.quiet();
}
