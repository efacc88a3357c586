//! Phones outside: the caller's own for a call-back, by a trunk, and another place's for a call that is forwarded.

mod common;

use acd::{
    CallId, CallerNumber, Destination, FailCause, GoneCause, HangUpCause, LegId, QueueId, Skills, TrunkId,
};
use common::{Call, Msg, Peer, Rig, config, hex, sdp};
use sip::{Account, SipConfig, SipEvent, Transport, WayOut};

const CALL_BACK: CallId = CallId(77).call_back();
/// The caller's phone, called back.
const CALLER: LegId = LegId::caller(CALL_BACK);
/// Another place's phone, the second that was dialled for the call.
const PLACE: LegId = LegId {
    call: CallId(78),
    leg: 2,
};

/// An edge whose trunk dials at `provider`, and the same peer as another place.
async fn with_provider(account: Option<Account>) -> (Rig, Peer) {
    let nobody = "127.0.0.1:9".parse().expect("an address");
    let mut provider = Peer::udp(nobody).await;
    let way = WayOut {
        uri: format!("sip:{}", provider.local),
        from_user: "12345".into(),
        account,
    };
    let config = SipConfig {
        ways_out: [(TrunkId(0), way)].into(),
        forwards: vec![
            "sip:elsewhere.invalid".into(),
            format!("sip:desk@{}", provider.local),
        ],
        ..config()
    };
    let rig = Rig::start(config).await;
    provider.remote = rig.addr(Transport::Udp);
    (rig, provider)
}

/// Dials either kind of phone outside, which shows on the wire as it should.
async fn ring(rig: &mut Rig, provider: &Peer, leg: LegId) -> Msg {
    let to = match leg.is_caller() {
        true => Destination::Caller,
        false => Destination::Forward(1),
    };
    rig.sip
        .dial_out(leg, to, CallerNumber::new("13800138000"), TrunkId(0));
    let invite = provider.expect_request("INVITE").await;
    provider.respond(&invite, 180, "out", "", "").await;
    assert_eq!(rig.event().await, SipEvent::Ringing { leg });
    invite
}

async fn answered(rig: &mut Rig, provider: &Peer, leg: LegId) -> Msg {
    let invite = ring(rig, provider, leg).await;
    provider.respond(&invite, 200, "out", "", &sdp(41_000)).await;
    assert_eq!(provider.expect_request("ACK").await.tag("To"), "out");
    assert_eq!(rig.event().await, SipEvent::Answered { leg });
    invite
}

#[tokio::test]
async fn the_caller_sees_the_hotline_and_another_place_sees_the_caller() {
    let (mut rig, provider) = with_provider(None).await;
    let at = provider.local;
    let invite = ring(&mut rig, &provider, CALLER).await;
    assert_eq!(invite.start, format!("INVITE sip:13800138000@{at} SIP/2.0"));
    assert_eq!(invite.get("To"), format!("<sip:13800138000@{at}>"));
    assert!(invite.get("From").contains("<sip:12345@"), "{invite:?}");
    assert!(invite.get("P-Asserted-Identity").contains("sip:12345@"));
    assert_eq!((invite.get("Diversion"), invite.get("X-Holdfast-Call")), ("", ""));
    provider.respond(&invite, 486, "out", "", "").await;
    provider.expect_request("ACK").await;
    rig.event().await;

    let invite = ring(&mut rig, &provider, PLACE).await;
    assert_eq!(invite.start, format!("INVITE sip:desk@{at} SIP/2.0"));
    assert!(invite.get("From").contains("<sip:13800138000@"), "{invite:?}");
    assert!(invite.get("P-Asserted-Identity").contains("sip:13800138000@"));
    assert!(invite.get("Diversion").starts_with("<sip:12345@"), "{invite:?}");
    provider.respond(&invite, 486, "out", "", "").await;
    provider.expect_request("ACK").await;
    rig.event().await;
    rig.empty().await;
    rig.quiet();
}

#[tokio::test]
async fn either_side_may_hang_up() {
    let (mut rig, provider) = with_provider(None).await;
    let caller_gone = SipEvent::CallerGone {
        call: CALL_BACK,
        cause: GoneCause::HungUp,
    };
    for (leg, gone) in [(CALLER, caller_gone), (PLACE, SipEvent::Gone { leg: PLACE })] {
        let invite = answered(&mut rig, &provider, leg).await;
        Call::callee(&provider, &invite, "out").bye().await;
        assert_eq!(rig.event().await, gone);
        rig.empty().await;

        answered(&mut rig, &provider, leg).await;
        rig.sip.hang_up(leg, HangUpCause::PeerGone);
        let bye = provider.expect_request("BYE").await;
        provider.respond(&bye, 200, "out", "", "").await;
        rig.empty().await;
    }
    rig.quiet();
}

#[tokio::test]
async fn a_phone_outside_that_does_not_take_the_call() {
    let (mut rig, provider) = with_provider(None).await;
    for leg in [CALLER, PLACE] {
        for (status, cause) in [
            (486, FailCause::Busy),
            (404, FailCause::Unreachable),
            (480, FailCause::Declined),
            // A password is asked for and there is none.
            (407, FailCause::Other(407)),
            (503, FailCause::Other(503)),
        ] {
            let invite = ring(&mut rig, &provider, leg).await;
            provider.respond(&invite, status, "out", "", "").await;
            provider.expect_request("ACK").await;
            assert_eq!(rig.event().await, SipEvent::Failed { leg, cause });
            rig.empty().await;
        }
    }
    rig.quiet();
}

#[tokio::test]
async fn what_cannot_be_dialled_fails() {
    let (mut rig, provider) = with_provider(None).await;
    let number = CallerNumber::new("13800138000");
    for (leg, to, caller, trunk) in [
        (CALLER, Destination::Caller, number, 1),
        (CALLER, Destination::Caller, CallerNumber::withheld(), 0),
        (PLACE, Destination::Forward(2), number, 0),
        // A name that no resolver knows (RFC 6761 §6.4).
        (PLACE, Destination::Forward(0), number, 0),
    ] {
        rig.sip.dial_out(leg, to, caller, TrunkId(trunk));
        let cause = FailCause::Unreachable;
        assert_eq!(rig.event().await, SipEvent::Failed { leg, cause });
    }
    rig.empty().await;
    rig.quiet();
    provider.silent();
}

#[tokio::test]
async fn nobody_picks_up_in_time_or_in_the_moment_of_the_cancel() {
    let (mut rig, provider) = with_provider(None).await;
    for leg in [CALLER, PLACE] {
        for crosses in [false, true] {
            let invite = ring(&mut rig, &provider, leg).await;
            rig.sip.hang_up(leg, HangUpCause::RingTimeout);
            let cancel = provider.expect_request("CANCEL").await;
            assert_eq!(cancel.get("Via"), invite.get("Via"));
            provider.respond(&cancel, 200, "out", "", "").await;
            let (status, body) = match crosses {
                true => (200, sdp(41_000)),
                false => (487, String::new()),
            };
            provider.respond(&invite, status, "out", "", &body).await;
            provider.expect_request("ACK").await;
            if crosses {
                let bye = provider.expect_request("BYE").await;
                provider.respond(&bye, 200, "out", "", "").await;
            }
            rig.empty().await;
        }
    }
    rig.quiet();
}

fn account() -> Option<Account> {
    Some(Account {
        user: "holdfast".into(),
        secret: "long-and-random".into(),
    })
}

/// One parameter of a Digest header.
fn part<'h>(header: &'h str, name: &str) -> &'h str {
    let from = header.split(&format!("{name}=")).nth(1).unwrap_or_default();
    from.split(',').next().unwrap_or_default().trim_matches('"')
}

#[tokio::test]
async fn a_provider_that_asks_for_the_password_gets_it_once() {
    let (mut rig, provider) = with_provider(account()).await;
    for (status, algorithm) in [(407, "SHA-256"), (401, "MD5")] {
        let (asks, answers) = match status {
            401 => ("WWW-Authenticate", "Authorization"),
            _ => ("Proxy-Authenticate", "Proxy-Authorization"),
        };
        let challenge = format!(
            "{asks}: Digest realm=\"prov\", nonce=\"n1\", algorithm={algorithm}, qop=\"auth\", opaque=\"o\"\r\n"
        );
        let number = CallerNumber::new("13800138000");
        rig.sip.dial_out(CALLER, Destination::Caller, number, TrunkId(0));
        let first = provider.expect_request("INVITE").await;
        assert_eq!(first.get(answers), "");
        provider.respond(&first, status, "c", &challenge, "").await;
        provider.expect_request("ACK").await;

        let second = provider.expect_request("INVITE").await;
        assert_eq!(second.get("Call-ID"), first.get("Call-ID"));
        assert_eq!(
            (second.cseq(), second.get("To")),
            (first.cseq() + 1, first.get("To"))
        );
        assert_eq!(second.get("Session-Expires"), first.get("Session-Expires"));
        assert_eq!(second.body, first.body);
        let answer = second.get(answers);
        let uri = second.start.split(' ').nth(1).expect("a URI");
        assert_eq!((part(answer, "uri"), part(answer, "opaque")), (uri, "o"));
        let ha1 = hex(algorithm, "holdfast:prov:long-and-random");
        let ha2 = hex(algorithm, &format!("INVITE:{uri}"));
        let cnonce = part(answer, "cnonce");
        let expected = hex(algorithm, &format!("{ha1}:n1:00000001:{cnonce}:auth:{ha2}"));
        assert_eq!(part(answer, "response"), expected);

        let takes_it = status == 407;
        if takes_it {
            provider.respond(&second, 200, "out", "", &sdp(41_000)).await;
            provider.expect_request("ACK").await;
            assert_eq!(rig.event().await, SipEvent::Answered { leg: CALLER });
            rig.sip.hang_up(CALLER, HangUpCause::Ended);
            let bye = provider.expect_request("BYE").await;
            provider.respond(&bye, 200, "out", "", "").await;
        } else {
            // Asked again, we do not try again: the password is wrong.
            provider.respond(&second, status, "c", &challenge, "").await;
            provider.expect_request("ACK").await;
            let cause = FailCause::Other(401);
            assert_eq!(rig.event().await, SipEvent::Failed { leg: CALLER, cause });
        }
        rig.empty().await;
    }
    rig.quiet();
}

#[tokio::test]
async fn a_provider_is_dialled_over_tcp() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a listener");
    let at = listener.local_addr().expect("an address");
    let way = WayOut {
        uri: format!("sip:{at};transport=tcp"),
        from_user: "12345".into(),
        account: None,
    };
    let config = SipConfig {
        ways_out: [(TrunkId(0), way)].into(),
        ..config()
    };
    let mut rig = Rig::start(config).await;
    let number = CallerNumber::new("13800138000");
    rig.sip.dial_out(CALLER, Destination::Caller, number, TrunkId(0));
    let (stream, _) = listener.accept().await.expect("a connection");
    let provider = Peer::over(stream, at, rig.addr(Transport::Tcp));
    let invite = provider.expect_request("INVITE").await;
    assert_eq!(
        invite.start,
        format!("INVITE sip:13800138000@{at};transport=TCP SIP/2.0")
    );
    provider.respond(&invite, 200, "out", "", &sdp(41_000)).await;
    provider.expect_request("ACK").await;
    assert_eq!(rig.event().await, SipEvent::Answered { leg: CALLER });
    rig.sip.hang_up(CALLER, HangUpCause::Ended);
    let bye = provider.expect_request("BYE").await;
    provider.respond(&bye, 200, "out", "", "").await;
    rig.empty().await;
    rig.quiet();
}

#[tokio::test]
async fn a_number_may_ask_for_skills_of_its_own() {
    let config = SipConfig {
        number_skills: [("12345".to_owned(), Skills(2))].into(),
        ..config()
    };
    let mut rig = Rig::start(config).await;
    let peer = Peer::udp(rig.addr(Transport::Udp)).await;
    for (number, queue_of, skills_of) in [
        ("12345", QueueId(1), Skills(2)),
        ("hotline", QueueId(0), Skills(0)),
    ] {
        let mut call = Call::new(&peer, number);
        call.invite().await;
        let SipEvent::CallArrived {
            call: id,
            queue,
            skills,
            ..
        } = rig.event().await
        else {
            panic!("no arrival");
        };
        assert_eq!((queue, skills), (queue_of, skills_of));
        rig.sip.refuse(id, acd::Outcome::Closed, None);
        call.ack_refusal(&peer.expect(480).await).await;
    }
    rig.empty().await;
}
