//! SIP over WebSocket: who may register and call, the way back to a browser, and what becomes of it when it goes.

mod common;

use acd::{CallerNumber, FailCause, GoneCause, HangUpCause, LegId, OperatorId, TrunkId};
use common::{Call, Msg, Peer, Rig, config, fresh, register, register_text};
use sip::{Limits, SipConfig, SipEvent, WebUser};

const OPERATOR: OperatorId = OperatorId(0);
const SIGNED_IN: WebUser = WebUser::Operator(OPERATOR);
const LEG: LegId = LegId {
    call: acd::CallId(77),
    leg: 1,
};
const HERE: SipEvent = SipEvent::PhoneRegistered { operator: OPERATOR };
const AWAY: SipEvent = SipEvent::PhoneUnregistered { operator: OPERATOR };

/// A browser's answer to our offer, or its own offer.
fn description(setup: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 8 126\r\nc=IN IP4 0.0.0.0\r\n\
         a=ice-ufrag:MZmK\r\na=ice-pwd:cHcI+0YTMDIzvZLkTVfBJbXS\r\na=fingerprint:sha-256 {}\r\na=setup:{setup}\r\n\
         a=mid:0\r\na=rtcp-mux\r\na=rtpmap:126 telephone-event/8000\r\n",
        vec!["49"; 32].join(":")
    )
}

async fn sign_in(browser: &Peer, extra: &str) -> Msg {
    let text = register_text(browser, "101", &fresh("reg"), 1, "", extra);
    browser.send(&text).await;
    browser.recv().await
}

async fn registered(rig: &mut Rig, name: &str) -> Peer {
    let browser = Peer::browser(&rig.sip, name, SIGNED_IN);
    let ok = sign_in(&browser, "").await;
    assert_eq!(ok.status(), 200);
    assert_eq!(
        ok.get("Contact").split(';').next(),
        Some(format!("<sip:101@{name}.invalid").as_str())
    );
    assert_eq!(rig.event().await, HERE);
    browser
}

#[tokio::test]
async fn who_has_signed_in_registers_the_own_phone_and_no_other() {
    let mut rig = Rig::start(config()).await;
    let browser = registered(&mut rig, "a").await;
    assert_eq!(rig.metric("holdfast_sip_websockets", ""), 1.0);
    let foreign = register_text(&browser, "102", &fresh("reg"), 1, "", "");
    browser.send(&foreign).await;
    assert_eq!(browser.recv().await.status(), 403);
    // The connection ends, and with it the registration.
    drop(browser);
    assert_eq!(rig.event().await, AWAY);
    assert_eq!(rig.metric("holdfast_sip_registrations", ""), 0.0);
    assert_eq!(rig.metric("holdfast_sip_websockets", ""), 0.0);
    rig.quiet();
}

#[tokio::test]
async fn a_guest_registers_with_the_phones_password() {
    let mut rig = Rig::start(config()).await;
    let browser = Peer::browser(&rig.sip, "b", WebUser::Guest);
    let ok = register(&browser, "101", "SHA-256", "").await;
    assert_eq!(ok.status(), 200);
    assert_eq!(rig.event().await, HERE);
}

#[tokio::test]
async fn a_new_connection_takes_the_place_of_the_old() {
    let mut rig = Rig::start(config()).await;
    let old = registered(&mut rig, "c").await;
    let new = Peer::browser(&rig.sip, "c", SIGNED_IN);
    assert_eq!(sign_in(&new, "").await.status(), 200);
    drop(old);
    rig.sip.dial(LEG, OPERATOR, CallerNumber::new("13800138000"));
    let invite = new.expect_request("INVITE").await;
    assert!(invite.get("Via").starts_with("SIP/2.0/WS "), "{invite:?}");
    assert!(invite.get("Contact").contains(";transport=ws"), "{invite:?}");
    for line in ["UDP/TLS/RTP/SAVPF", "a=ice-lite", "a=setup:actpass", "a=rtcp-mux"] {
        assert!(invite.body.contains(line), "{line}: {}", invite.body);
    }
    new.respond(&invite, 180, "t", "", "").await;
    assert_eq!(rig.event().await, SipEvent::Ringing { leg: LEG });
    // The page is loaded anew while it rings: the CANCEL goes where it is now.
    drop(new);
    assert_eq!(rig.event().await, AWAY);
    rig.sip.hang_up(LEG, HangUpCause::RingTimeout);
    let newer = Peer::browser(&rig.sip, "c", SIGNED_IN);
    newer
        .send(&register_text(&newer, "101", &fresh("reg"), 1, "", ""))
        .await;
    newer.expect(200).await;
    assert_eq!(rig.event().await, HERE);
    newer.expect_request("CANCEL").await;
}

#[tokio::test]
async fn a_browser_that_picks_up_and_is_not_heard_has_not_answered() {
    let mut rig = Rig::start(config()).await;
    let browser = registered(&mut rig, "d").await;
    rig.sip.dial(LEG, OPERATOR, CallerNumber::new("13800138000"));
    let invite = browser.expect_request("INVITE").await;
    browser
        .respond(&invite, 200, "t", "", &description("active"))
        .await;
    browser.expect_request("ACK").await;
    let failed = SipEvent::Failed {
        leg: LEG,
        cause: FailCause::Other(488),
    };
    assert_eq!(rig.event().await, failed);
    let bye = browser.expect_request("BYE").await;
    browser.respond(&bye, 200, "t", "", "").await;
    rig.empty().await;
    rig.quiet();
}

#[tokio::test]
async fn a_browser_that_hangs_up_at_once_has_declined() {
    let mut rig = Rig::start(config()).await;
    let browser = registered(&mut rig, "e").await;
    rig.sip.dial(LEG, OPERATOR, CallerNumber::new("13800138000"));
    let invite = browser.expect_request("INVITE").await;
    browser
        .respond(&invite, 200, "t", "", &description("active"))
        .await;
    browser.expect_request("ACK").await;
    Call::callee(&browser, &invite, "t").bye().await;
    let failed = SipEvent::Failed {
        leg: LEG,
        cause: FailCause::Declined,
    };
    assert_eq!(rig.event().await, failed);
    rig.empty().await;
}

#[tokio::test]
async fn a_plain_description_from_a_browser_is_refused() {
    let mut rig = Rig::start(config()).await;
    let browser = registered(&mut rig, "f").await;
    rig.sip.dial(LEG, OPERATOR, CallerNumber::new("13800138000"));
    let invite = browser.expect_request("INVITE").await;
    browser.respond(&invite, 200, "t", "", &common::sdp(40_000)).await;
    browser.expect_request("ACK").await;
    browser.expect_request("BYE").await;
    let failed = SipEvent::Failed {
        leg: LEG,
        cause: FailCause::Other(488),
    };
    assert_eq!(rig.event().await, failed);
}

#[tokio::test]
async fn guests_call_in_where_that_is_allowed_and_operators_do_not() {
    let mut rig = Rig::start(config()).await;
    for user in [WebUser::Guest, SIGNED_IN] {
        let browser = Peer::browser(&rig.sip, "g", user);
        let mut call = Call::new(&browser, "hotline");
        call.send("INVITE", "", &description("actpass")).await;
        assert_eq!(browser.recv().await.status(), 403, "{user:?}");
    }
    rig.quiet();
    let config = SipConfig {
        web_callers: Some(TrunkId(0)),
        ..config()
    };
    let mut rig = Rig::start(config).await;
    let browser = Peer::browser(&rig.sip, "h", WebUser::Guest);
    let mut call = Call::new(&browser, "hotline");
    call.send("INVITE", "", &description("actpass")).await;
    let arrived = rig.arrival().await;
    rig.sip.answer(arrived);
    let ok = call.answered().await;
    for line in ["UDP/TLS/RTP/SAVPF 8 126", "a=ice-lite", "a=setup:passive"] {
        assert!(ok.body.contains(line), "{line}: {}", ok.body);
    }
    // It says nothing by ICE, and is given up.
    let gone = SipEvent::CallerGone {
        call: arrived,
        cause: GoneCause::Failed,
    };
    assert_eq!(rig.event().await, gone);
    browser.expect_request("BYE").await;
}

#[tokio::test]
async fn connections_have_limits_and_a_keep_alive() {
    let config = SipConfig {
        limits: Limits {
            websockets_max: 1,
            message_bytes_max: 1_024,
            ..Limits::default()
        },
        ..config()
    };
    let mut rig = Rig::start(config).await;
    let browser = registered(&mut rig, "i").await;
    browser.send("\r\n\r\n").await;
    assert_eq!(browser.text().await, "\r\n");
    let other = Peer::browser(&rig.sip, "j", SIGNED_IN);
    other.closed().await;
    assert_eq!(rig.metric("holdfast_sip_rejected_total", "websockets_max"), 1.0);
    browser.send(&"x".repeat(1_025)).await;
    browser.closed().await;
    assert_eq!(rig.event().await, AWAY);
    assert_eq!(rig.metric("holdfast_sip_rejected_total", "too_long"), 1.0);
}
