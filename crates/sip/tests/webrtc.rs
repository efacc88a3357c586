//! Descriptions of browsers, ours and theirs.

use media::{Codec, Codecs, DtlsRole, Fingerprint, IceCredentials};
use sip::offer_answer::{self, Agreed, Direction, Incompatible, Local};
use sip::webrtc::Webrtc;

/// What Chromium 140 offers for one audio track, shortened by codecs that nobody here has.
const CHROMIUM: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    a=extmap-allow-mixed\r\na=msid-semantic: WMS s\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
    a=ice-ufrag:MZmK\r\na=ice-pwd:cHcI+0YTMDIzvZLkTVfBJbXS\r\na=ice-options:trickle\r\n\
    a=fingerprint:sha-256 49:66:12:17:0D:1C:91:AE:57:4C:C6:36:DD:D5:97:D2:7D:62:C9:9A:7F:B9:A3:F4:70:03:E7:43:91:73:23:5E\r\n\
    a=setup:actpass\r\na=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=sendrecv\r\n\
    a=msid:s t\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n\
    a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:9 G722/8000\r\n\
    a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:13 CN/8000\r\na=rtpmap:110 telephone-event/48000\r\n\
    a=rtpmap:126 telephone-event/8000\r\na=ssrc:1 cname:c\r\n";

fn local() -> Local {
    Local {
        rtp: ([192, 0, 2, 1], 30_000).into(),
        session: 1,
        version: 1,
        security: None,
        webrtc: Some(Webrtc {
            ice: IceCredentials::random().expect("randomness"),
            fingerprint: Fingerprint([0xab; 32]),
        }),
        codecs: Codecs::default(),
    }
}

fn answered(offer: &str) -> Result<(String, Agreed), Incompatible> {
    let offer = offer_answer::parse(offer.as_bytes()).expect("SDP");
    offer_answer::answer(&offer, &local())
}

fn has(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|l| l == *line), "no {line} in\n{text}");
    }
}

#[test]
fn a_browsers_offer_is_answered() {
    let (text, agreed) = answered(CHROMIUM).expect("it can be answered");
    has(
        &text,
        &[
            "a=ice-lite",
            "a=group:BUNDLE 0",
            "m=audio 30000 UDP/TLS/RTP/SAVPF 0 126",
            "c=IN IP4 192.0.2.1",
            "a=mid:0",
            "a=rtcp-mux",
            "a=setup:passive",
            "a=candidate:1 1 udp 2130706431 192.0.2.1 30000 typ host",
            "a=sendrecv",
        ],
    );
    assert!(text.contains("a=fingerprint:sha-256 AB:AB:"));
    assert!(!text.contains("a=extmap") && !text.contains("a=crypto"));
    let (_, webrtc) = agreed.browser.expect("a browser's");
    assert_eq!(webrtc.role, DtlsRole::Server);
    assert_eq!(webrtc.fingerprint.0[0], 0x49);
    assert_eq!(
        agreed.remote.codec,
        Codec::Pcmu,
        "of G.711 the one that is offered first"
    );
    assert!(agreed.remote.send && agreed.remote.receive && !agreed.held);
}

#[test]
fn our_offer_is_what_a_browser_answers() {
    let local = local();
    let offer = offer_answer::offer(&local, Codec::Pcmu, Direction::SendRecv, None);
    let lines = [
        "a=ice-lite",
        "a=group:BUNDLE 0",
        "a=mid:0",
        "a=setup:actpass",
        "a=rtcp-mux",
    ];
    has(&offer, &lines);
    assert!(offer.contains("m=audio 30000 UDP/TLS/RTP/SAVPF 0 8"), "{offer}");
    let answer = CHROMIUM.replace("actpass", "active");
    let answer = offer_answer::parse(answer.as_bytes()).expect("SDP");
    let agreed = offer_answer::accept(&answer, &local, Codec::Pcmu).expect("it fits");
    assert_eq!(agreed.remote.codec, Codec::Pcmu);
    assert_eq!(agreed.browser.expect("a browser's").1.role, DtlsRole::Server);
    let again = offer_answer::offer(&local, Codec::Pcmu, Direction::SendRecv, Some(&agreed));
    has(&again, &lines);
}

#[test]
fn a_hold_is_a_hold() {
    for (said, (send, receive)) in [
        ("sendonly", (false, true)),
        ("recvonly", (true, false)),
        ("inactive", (false, false)),
    ] {
        let (_, agreed) = answered(&CHROMIUM.replace("a=sendrecv", &format!("a={said}"))).expect("it fits");
        assert_eq!(
            (agreed.remote.send, agreed.remote.receive),
            (send, receive),
            "{said}"
        );
    }
}

#[test]
fn what_cannot_be_connected_is_refused() {
    for (what, with) in [
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        ("a=rtcp-mux\r\n", ""),
        ("a=ice-ufrag:MZmK\r\n", ""),
        ("a=ice-pwd:cHcI+0YTMDIzvZLkTVfBJbXS\r\n", ""),
        ("sha-256", "sha-1"),
        ("a=setup:actpass", "a=setup:holdconn"),
        ("a=setup:actpass\r\n", ""),
    ] {
        let refused = answered(&CHROMIUM.replace(what, with)).expect_err(what);
        assert_eq!(
            (refused, refused.status()),
            (Incompatible::Browser, 488),
            "{what}"
        );
    }
    // And nobody else may come so.
    let offer = offer_answer::parse(CHROMIUM.as_bytes()).expect("SDP");
    let phones = Local {
        webrtc: None,
        ..local()
    };
    let refused = offer_answer::answer(&offer, &phones).expect_err("not by UDP");
    assert_eq!(refused, Incompatible::Transport);
}

#[test]
fn attributes_of_the_session_count_for_its_stream() {
    let moved = CHROMIUM
        .replace("a=setup:actpass\r\n", "")
        .replace("a=group:BUNDLE 0\r\n", "a=setup:passive\r\n");
    let (text, agreed) = answered(&moved).expect("it fits");
    assert_eq!(agreed.browser.expect("a browser's").1.role, DtlsRole::Client);
    has(&text, &["a=setup:active", "a=mid:0"]);
    assert!(!text.contains("BUNDLE"));
}
