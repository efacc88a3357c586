//! What happens inside a dialog over loopback: changes of the session, crossings, forks, timers, PRACK.

mod common;

use acd::{CallId, CallerNumber, GoneCause, HangUpCause, LegId, OperatorId};
use common::{Call, Msg, Peer, Rig, config, register, sdp};
use sip::{SessionTimer, SipConfig, SipEvent, Transport};
use std::time::Duration;

const LEG: LegId = LegId {
    call: CallId(77),
    leg: 1,
};

/// Timers so short that a test can wait for their end.
fn quick() -> SipConfig {
    SipConfig {
        t1: Duration::from_millis(20),
        session_timer: SessionTimer {
            interval: Duration::from_secs(1_800),
            min: Duration::from_secs(1),
        },
        ..config()
    }
}

/// An answered call.
async fn answered<'p>(rig: &mut Rig, peer: &'p Peer, extra: &str) -> (Call<'p>, CallId, Msg) {
    let mut call = Call::new(peer, "hotline");
    call.send("INVITE", extra, &sdp(40_000)).await;
    let id = rig.arrival().await;
    rig.sip.answer(id);
    let ok = call.answered().await;
    (call, id, ok)
}

async fn peer_of(rig: &Rig) -> Peer {
    Peer::udp(rig.addr(Transport::Udp)).await
}

/// A phone whose leg was answered.
async fn answered_phone(rig: &mut Rig, extra: &str) -> (Peer, Msg) {
    let phone = peer_of(rig).await;
    assert_eq!(register(&phone, "101", "MD5", "").await.status(), 200);
    assert_eq!(
        rig.event().await,
        SipEvent::PhoneRegistered {
            operator: OperatorId(0)
        }
    );
    rig.sip.dial(LEG, OperatorId(0), CallerNumber::new("13800138000"));
    let invite = phone.expect_request("INVITE").await;
    phone.respond(&invite, 200, "op", extra, &sdp(41_000)).await;
    phone.expect_request("ACK").await;
    assert_eq!(rig.event().await, SipEvent::Answered { leg: LEG });
    (phone, invite)
}

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
    assert_eq!(
        rig.event().await,
        SipEvent::CallerGone {
            call: id,
            cause: GoneCause::HungUp
        }
    );
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
    assert_eq!(
        rig.event().await,
        SipEvent::CallerGone {
            call: id,
            cause: GoneCause::HungUp
        }
    );
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
    assert_eq!(
        rig.event().await,
        SipEvent::CallerGone {
            call: id,
            cause: GoneCause::Failed
        }
    );
    rig.empty().await;
}

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
    assert_eq!(
        rig.event().await,
        SipEvent::CallerGone {
            call: id,
            cause: GoneCause::HungUp
        }
    );
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
    assert_eq!(
        rig.event().await,
        SipEvent::CallerGone {
            call: id,
            cause: GoneCause::HungUp
        }
    );
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
    assert_eq!(
        rig.event().await,
        SipEvent::CallerGone {
            call: id,
            cause: GoneCause::Failed
        }
    );
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
    assert_eq!(
        rig.event().await,
        SipEvent::CallerGone {
            call: id,
            cause: GoneCause::HungUp
        }
    );
    rig.empty().await;
    rig.quiet();
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
    assert_eq!(
        rig.event().await,
        SipEvent::CallerGone {
            call: id,
            cause: GoneCause::Failed
        }
    );
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
    assert_eq!(
        rig.event().await,
        SipEvent::CallerGone {
            call: id,
            cause: GoneCause::HungUp
        }
    );
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
    assert_eq!(
        rig.event().await,
        SipEvent::CallerGone {
            call: id,
            cause: GoneCause::Failed
        }
    );
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
    assert_eq!(
        rig.event().await,
        SipEvent::CallerGone {
            call: id,
            cause: GoneCause::HungUp
        }
    );
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
    assert_eq!(
        rig.event().await,
        SipEvent::CallerGone {
            call: id,
            cause: GoneCause::Failed
        }
    );
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
