//! The messages and descriptions of sip-fixtures/, valid and hostile, each against what its table expects.

mod common;

use acd::Outcome;
use common::{Call, Peer, Rig, config};
use sip::offer_answer::{self, Local};
use sip::{SipEvent, Transport};
use std::path::{Path, PathBuf};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sip-fixtures")
}

/// Rows of a table, cells trimmed, comments left out.
fn table(name: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(fixtures().join(name)).expect("the table");
    let rows = text
        .lines()
        .filter(|l| !l.starts_with('#') && !l.trim().is_empty());
    rows.map(|l| l.split(" | ").map(|c| c.trim().to_owned()).collect())
        .collect()
}

/// The bytes of a message file as they go on the wire.
fn wire(path: &Path) -> Vec<u8> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut bytes = Vec::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(['\n', '\\']) {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let hex = rest[at..]
            .strip_prefix("\\x")
            .and_then(|h| u8::from_str_radix(h.get(..2)?, 16).ok());
        match hex {
            Some(byte) => {
                bytes.push(byte);
                rest = &rest[at + 4..];
            }
            None => {
                bytes.extend_from_slice(if rest[at..].starts_with('\n') {
                    b"\r\n"
                } else {
                    b"\\"
                });
                rest = &rest[at + 1..];
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// Every file has its row, and every row its file.
fn listed(rows: &[Vec<String>], dir: &str, suffix: &str) {
    let mut files: Vec<String> = std::fs::read_dir(fixtures().join(dir))
        .expect("the folder")
        .filter_map(|e| {
            e.expect("an entry")
                .file_name()
                .to_str()?
                .strip_suffix(suffix)
                .map(str::to_owned)
        })
        .collect();
    let mut names: Vec<String> = rows.iter().map(|r| r[0].clone()).collect();
    files.sort();
    names.sort();
    assert_eq!(files, names);
}

#[tokio::test]
async fn messages_get_the_answer_that_is_due() {
    let rows = table("messages.txt");
    listed(&rows, "messages", ".sip");
    let mut rig = Rig::start(config()).await;
    let peer = Peer::udp(rig.addr(Transport::Udp)).await;
    let mut wrong = Vec::new();
    for row in &rows {
        let [name, expected, ..] = row.as_slice() else {
            panic!("{row:?}")
        };
        peer.send_bytes(&wire(&fixtures().join("messages").join(format!("{name}.sip"))))
            .await;
        // What is dropped shows by the next request being answered first.
        let mut probe = Call::new(&peer, "hotline");
        probe.send("OPTIONS", "", "").await;
        let mut got = "drop".to_owned();
        loop {
            let response = peer.recv().await;
            if response.get("Call-ID") == probe.call_id {
                break;
            }
            if got == "drop" {
                got = response.status().to_string();
            }
        }
        // An INVITE that is taken is answered by its own task.
        if got == "drop" && expected == "100" {
            got = peer.recv().await.status().to_string();
        }
        if got == "100" {
            let SipEvent::CallArrived { call, .. } = rig.event().await else {
                panic!("no arrival for {name}")
            };
            rig.sip.refuse(call, Outcome::Closed, None);
            peer.expect(480).await;
        }
        if got != *expected {
            wrong.push(format!("{name}: expected {expected}, got {got}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    rig.quiet();
    rig.empty().await;
    assert_eq!(rig.metric("holdfast_sip_panics_total", ""), 0.0);
}

#[test]
fn the_second_parser_agrees_or_the_difference_is_explained() {
    let mut wrong = Vec::new();
    for row in table("messages.txt") {
        let [name, ours, theirs, reason] = row.as_slice() else {
            panic!("{row:?}")
        };
        let bytes = wire(&fixtures().join("messages").join(format!("{name}.sip")));
        let taken = std::panic::catch_unwind(|| rsip::SipMessage::try_from(bytes.as_slice()).is_ok());
        let got = match taken {
            Ok(true) => "ok",
            Ok(false) => "err",
            Err(_) => "panic",
        };
        if got != theirs {
            wrong.push(format!(
                "{name}: rsip was expected to say {theirs}, and said {got}"
            ));
        }
        let agree = matches!(ours.as_str(), "100" | "200" | "401") == (theirs == "ok");
        if agree != (reason == "-") {
            wrong.push(format!("{name}: the difference and its reason do not fit"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn offers_get_the_answer_that_is_due() {
    let rows = table("sdp.txt");
    listed(&rows, "sdp", ".offer.sdp");
    let local = Local {
        rtp: "192.0.2.1:30000".parse().expect("an address"),
        session: 7,
        version: 1,
        security: None,
        webrtc: None,
        codecs: media::Codecs::default(),
    };
    for row in &rows {
        let [name, expected] = row.as_slice() else {
            panic!("{row:?}")
        };
        let dir = fixtures().join("sdp");
        let offer = wire(&dir.join(format!("{name}.offer.sdp")));
        let answered = offer_answer::parse(&offer).and_then(|offer| offer_answer::answer(&offer, &local));
        match answered {
            Ok((answer, agreed)) => {
                let remote = agreed.remote;
                let text = format!(
                    "rtp {} rtcp {} {} dtmf {} {} {} ptime {}{}",
                    remote.rtp,
                    remote.rtcp,
                    format!("{:?}", remote.codec).to_ascii_uppercase(),
                    remote.dtmf_pt.map_or("-".to_owned(), |pt| pt.to_string()),
                    if remote.send { "send" } else { "mute" },
                    if remote.receive { "receive" } else { "deaf" },
                    remote.ptime_ms,
                    if agreed.held { " held" } else { "" },
                );
                assert_eq!(text, *expected, "{name}");
                let file = wire(&dir.join(format!("{name}.answer.sdp")));
                assert_eq!(answer, String::from_utf8(file).expect("text"), "{name}");
            }
            Err(error) => {
                assert_eq!(
                    format!("{} {}", error.status(), error.warning()),
                    *expected,
                    "{name}: {error}"
                );
            }
        }
    }
}

#[test]
fn answers_to_our_offer_are_taken_or_refused() {
    let local = Local {
        rtp: "192.0.2.1:30000".parse().expect("an address"),
        session: 7,
        version: 1,
        security: None,
        webrtc: None,
        codecs: media::Codecs::default(),
    };
    let head = "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n";
    for (lines, expected) in [
        (
            "m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n",
            "Pcmu 101",
        ),
        (
            "m=audio 4000 RTP/AVP 9 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n",
            "Pcmu 101",
        ),
        ("m=audio 4000 RTP/AVP 9 8\r\n", "G722 -"),
        (
            "m=audio 4000 RTP/AVP 107 101 102\r\na=rtpmap:107 OPUS/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n\
             a=rtpmap:102 telephone-event/48000\r\n",
            "Opus 102",
        ),
        ("m=audio 4000 RTP/AVP 107\r\na=rtpmap:107 opus/16000\r\n", "305"),
        ("m=audio 4000 RTP/AVP 8\r\n", "Pcma -"),
        ("m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n", "Pcma - held"),
        ("m=audio 0 RTP/AVP 8\r\n", "305"),
        ("m=audio 4000 RTP/AVP 18\r\n", "305"),
        ("m=video 4000 RTP/AVP 96\r\n", "305"),
        ("", "305"),
        ("m=audio 4000 RTP/AVP 8\r\nc=IN IP6 2001:db8::1\r\n", "301"),
    ] {
        let answer = offer_answer::parse(format!("{head}{lines}").as_bytes()).expect("a description");
        let got = match offer_answer::accept(&answer, &local, media::Codec::Pcmu) {
            Ok(agreed) => format!(
                "{:?} {}{}",
                agreed.remote.codec,
                agreed.remote.dtmf_pt.map_or("-".to_owned(), |pt| pt.to_string()),
                if agreed.held { " held" } else { "" }
            ),
            Err(error) => error.warning().to_string(),
        };
        assert_eq!(got, expected, "{lines}");
    }
}
