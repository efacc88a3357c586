//! Registration and identification over loopback: digest, bindings, trunks, transports.

mod common;

use acd::{CallerNumber, LegId, OperatorId, TrunkId};
use common::{Call, Msg, Peer, Rig, config, credentials, fresh, listen, register, register_text, sdp};
use sip::{
    Accepted, DigestAlgorithm, Limits, Registration, SipConfig, SipEvent, Transport, Trunk, TrunkAuth,
};
use std::time::Duration;

const LEG: LegId = LegId {
    call: acd::CallId(77),
    leg: 1,
};
const HERE: SipEvent = SipEvent::PhoneRegistered {
    operator: OperatorId(0),
};
const AWAY: SipEvent = SipEvent::PhoneUnregistered {
    operator: OperatorId(0),
};

async fn peer_of(rig: &Rig) -> Peer {
    Peer::udp(rig.addr(Transport::Udp)).await
}

fn contacts(msg: &Msg) -> Vec<&str> {
    msg.all("Contact").collect()
}

#[tokio::test]
async fn phones_register_with_both_digests_and_unregister() {
    let mut rig = Rig::start(config()).await;
    let phone = peer_of(&rig).await;
    for algorithm in ["MD5", "SHA-256"] {
        let ok = register(&phone, "101", algorithm, "Expires: 120\r\n").await;
        assert_eq!(ok.status(), 200);
        assert_eq!(contacts(&ok), [format!("<sip:101@{}>;expires=120", phone.local)]);
        assert_eq!(rig.event().await, HERE);
        assert_eq!(rig.metric("holdfast_sip_registrations", ""), 1.0);
        let gone = register(&phone, "101", algorithm, "Contact: *\r\nExpires: 0\r\n").await;
        assert_eq!((gone.status(), contacts(&gone).len()), (200, 0));
        assert_eq!(rig.event().await, AWAY);
    }
    rig.quiet();
    assert_eq!(rig.metric("holdfast_sip_registrations", ""), 0.0);
}

#[tokio::test]
async fn credentials_that_are_wrong_old_or_repeated() {
    let digest = vec![DigestAlgorithm::Sha256, DigestAlgorithm::Md5];
    let mut rig = Rig::start(SipConfig { digest, ..config() }).await;
    let phone = peer_of(&rig).await;
    let id = fresh("reg");
    phone.send(&register_text(&phone, "101", &id, 1, "", "")).await;
    let challenge = phone.expect(401).await;
    let order: Vec<bool> = challenge
        .all("WWW-Authenticate")
        .map(|v| v.contains("algorithm=SHA-256,"))
        .collect();
    assert_eq!(order, [true, false], "as configured");
    let wrong = credentials(&challenge, "SHA-256", "REGISTER", "101", "guess", 1);
    phone
        .send(&register_text(&phone, "101", &id, 2, &wrong, ""))
        .await;
    phone.expect(403).await;
    let unknown = credentials(&challenge, "SHA-256", "REGISTER", "999", "guess", 1);
    phone
        .send(&register_text(&phone, "999", &id, 3, &unknown, ""))
        .await;
    phone.expect(403).await;
    let good = credentials(&challenge, "MD5", "REGISTER", "101", "secret101", 1);
    let text = register_text(&phone, "101", &id, 4, &good, "");
    phone.send(&text).await;
    phone.expect(200).await;
    assert_eq!(rig.event().await, HERE);
    // The same request again is a repeat of the network's, and answered as before.
    phone.send(&text).await;
    phone.expect(200).await;
    // The same credentials in another request are a replay.
    phone.send(&register_text(&phone, "101", &id, 5, &good, "")).await;
    let stale = phone.expect(401).await;
    assert!(stale.all("WWW-Authenticate").all(|v| v.contains("stale=true")));
    let next = credentials(&stale, "MD5", "REGISTER", "101", "secret101", 1);
    phone.send(&register_text(&phone, "101", &id, 6, &next, "")).await;
    phone.expect(200).await;
    // 101's password does not register 102.
    let foreign = credentials(&stale, "MD5", "REGISTER", "101", "secret101", 2);
    let text = register_text(&phone, "101", &id, 7, &foreign, "").replace("To: <sip:101@", "To: <sip:102@");
    phone.send(&text).await;
    phone.expect(403).await;
    rig.quiet();
    assert_eq!(rig.metric("holdfast_sip_rejected_total", "bad_credentials"), 2.0);
}

#[tokio::test]
async fn lifetimes_have_bounds() {
    let config = SipConfig {
        registration: Registration {
            min: Duration::from_secs(60),
            max: Duration::from_secs(600),
            default: Duration::from_secs(120),
        },
        ..config()
    };
    let mut rig = Rig::start(config).await;
    let phone = peer_of(&rig).await;
    let brief = register(&phone, "101", "MD5", "Expires: 59\r\n").await;
    assert_eq!((brief.status(), brief.get("Min-Expires")), (423, "60"));
    for (extra, granted) in [("", 120), ("Expires: 86400\r\n", 600), ("Expires: 60\r\n", 60)] {
        let ok = register(&phone, "101", "MD5", extra).await;
        assert_eq!(
            contacts(&ok),
            [format!("<sip:101@{}>;expires={granted}", phone.local)],
            "{extra}"
        );
    }
    assert_eq!(rig.event().await, HERE);
    for (extra, status) in [
        ("Contact: *\r\n", 400),
        ("Contact: *\r\nExpires: 60\r\n", 400),
        ("Contact: *, <sip:101@a>\r\nExpires: 0\r\n", 400),
        ("Expires: 4294967296\r\n", 400),
        ("Contact: <sip:101@a>;expires=-1\r\n", 400),
    ] {
        let peer = peer_of(&rig).await;
        assert_eq!(register_status(&peer, extra).await, status, "{extra}");
    }
    rig.quiet();
}

/// The final status of a REGISTER, refused before or after the challenge.
async fn register_status(peer: &Peer, extra: &str) -> u16 {
    let id = fresh("reg");
    peer.send(&register_text(peer, "101", &id, 1, "", extra)).await;
    let first = peer.recv().await;
    if first.status() != 401 {
        return first.status();
    }
    let credentials = credentials(&first, "MD5", "REGISTER", "101", "secret101", 1);
    peer.send(&register_text(peer, "101", &id, 2, &credentials, extra))
        .await;
    peer.recv().await.status()
}

#[tokio::test]
async fn a_registration_lapses() {
    let registration = Registration {
        min: Duration::from_secs(1),
        max: Duration::from_secs(600),
        default: Duration::from_secs(60),
    };
    let mut rig = Rig::start(SipConfig {
        registration,
        ..config()
    })
    .await;
    let phone = peer_of(&rig).await;
    register(&phone, "101", "MD5", "Expires: 1\r\n").await;
    assert_eq!(rig.event().await, HERE);
    assert_eq!(rig.event().await, AWAY);
}

#[tokio::test]
async fn the_newest_contact_rings() {
    let mut rig = Rig::start(config()).await;
    let (old, new) = (peer_of(&rig).await, peer_of(&rig).await);
    register(&old, "101", "MD5", "").await;
    assert_eq!(rig.event().await, HERE);
    // The phone restarted, and registers again from a new port.
    let ok = register(&new, "101", "MD5", "").await;
    assert_eq!(contacts(&ok).len(), 2);
    rig.sip.dial(LEG, OperatorId(0), CallerNumber::new("1"));
    let invite = new.expect_request("INVITE").await;
    new.respond(&invite, 486, "op", "", "").await;
    new.expect_request("ACK").await;
    // The old one leaves: the phone is still there.
    let left = register(&old, "101", "MD5", "Expires: 0\r\n").await;
    assert_eq!(contacts(&left), [format!("<sip:101@{}>;expires=300", new.local)]);
    old.silent();
    rig.event().await;
    rig.quiet();
}

#[tokio::test]
async fn contacts_have_a_limit() {
    let limits = Limits {
        contacts_max: 2,
        ..Limits::default()
    };
    let mut rig = Rig::start(SipConfig { limits, ..config() }).await;
    let phone = peer_of(&rig).await;
    for i in 0..5 {
        let extra = format!("Contact: <sip:101@127.0.0.1:{}>\r\n", 30_000 + i);
        let ok = register(&phone, "101", "MD5", &extra).await;
        assert!(contacts(&ok).len() <= 2);
        assert!(
            contacts(&ok)
                .last()
                .is_some_and(|c| c.contains(&(30_000 + i).to_string())),
            "the newest stays"
        );
    }
    assert_eq!(rig.event().await, HERE);
    rig.quiet();
}

#[tokio::test]
async fn a_phone_behind_a_nat_is_reached_the_way_it_came() {
    let mut rig = Rig::start(config()).await;
    let phone = peer_of(&rig).await;
    let natted = |text: String| {
        let (from, to) = (phone.local.to_string(), "10.1.2.3:5060");
        text.replace(&format!("UDP {from}"), &format!("UDP {to}"))
            .replace(&format!("101@{from}"), &format!("101@{to}"))
    };
    let id = fresh("reg");
    phone
        .send(&natted(register_text(&phone, "101", &id, 1, "", "")))
        .await;
    let challenge = phone.expect(401).await;
    assert!(
        challenge
            .get("Via")
            .contains(&format!("received=127.0.0.1;rport={}", phone.local.port()))
    );
    let credentials = credentials(&challenge, "MD5", "REGISTER", "101", "secret101", 1);
    phone
        .send(&natted(register_text(&phone, "101", &id, 2, &credentials, "")))
        .await;
    phone.expect(200).await;
    assert_eq!(rig.event().await, HERE);
    rig.sip.dial(LEG, OperatorId(0), CallerNumber::new("1"));
    let invite = phone.expect_request("INVITE").await;
    assert!(invite.start.contains("sip:101@10.1.2.3:5060"));
    let own = phone.local.to_string();
    let text = format!(
        "SIP/2.0 200 OK\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag=op\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <sip:101@10.1.2.3:5060>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{}",
        invite.get("Via"),
        invite.get("From"),
        invite.get("To"),
        invite.get("Call-ID"),
        invite.get("CSeq"),
        sdp(41_000).len(),
        sdp(41_000)
    );
    phone.send(&text).await;
    phone.expect_request("ACK").await;
    assert_eq!(rig.event().await, SipEvent::Answered { leg: LEG });
    rig.sip.hang_up(LEG, acd::HangUpCause::Ended);
    let bye = phone.expect_request("BYE").await;
    assert!(!bye.start.contains(&own));
    phone.respond(&bye, 200, "op", "", "").await;
    rig.empty().await;
}

#[tokio::test]
async fn a_phone_registers_and_rings_over_tcp() {
    let mut rig = Rig::start(config()).await;
    let phone = Peer::tcp(rig.addr(Transport::Tcp)).await;
    assert_eq!(register(&phone, "101", "SHA-256", "").await.status(), 200);
    assert_eq!(rig.event().await, HERE);
    rig.sip.dial(LEG, OperatorId(0), CallerNumber::new("1"));
    let invite = phone.expect_request("INVITE").await;
    assert!(invite.get("Via").starts_with("SIP/2.0/TCP "));
    assert!(invite.contact().ends_with(";transport=tcp"));
    phone.respond(&invite, 180, "op", "", "").await;
    phone.respond(&invite, 200, "op", "", &sdp(41_000)).await;
    phone.expect_request("ACK").await;
    assert_eq!(rig.event().await, SipEvent::Ringing { leg: LEG });
    assert_eq!(rig.event().await, SipEvent::Answered { leg: LEG });
    Call::callee(&phone, &invite, "op").bye().await;
    assert_eq!(rig.event().await, SipEvent::Gone { leg: LEG });
    rig.empty().await;
}

#[tokio::test]
async fn a_call_comes_over_tcp_in_pieces_and_in_heaps() {
    let mut rig = Rig::start(config()).await;
    let peer = Peer::tcp(rig.addr(Transport::Tcp)).await;
    let mut call = Call::new(&peer, "hotline");
    let invite = call.request("INVITE", "", &sdp(40_000));
    let (first, rest) = invite.split_at(invite.len() / 2);
    peer.send("\r\n").await;
    peer.send(first).await;
    tokio::task::yield_now().await;
    peer.send(rest).await;
    let id = rig.arrival().await;
    rig.sip.answer(id);
    let ok = peer.expect(200).await;
    call.learn(&ok);
    let heap = call.request("ACK", "", "")
        + &call.request("OPTIONS", "", "")
        + "\r\n"
        + &call.request("BYE", "", "");
    peer.send(&heap).await;
    assert!(peer.expect(200).await.get("CSeq").contains("OPTIONS"));
    assert!(peer.expect(200).await.get("CSeq").contains("BYE"));
    rig.event().await;
    rig.empty().await;
}

#[tokio::test]
async fn calls_and_phones_speak_ipv6() {
    let listens = vec![
        listen(Transport::Udp, "127.0.0.1:0"),
        listen(Transport::Udp, "[::1]:0"),
    ];
    let mut rig = Rig::start(SipConfig {
        listen: listens,
        ..config()
    })
    .await;
    let v6 = rig.sip.local_addrs()[1].1;
    let (peer, phone) = (Peer::udp(v6).await, Peer::udp(v6).await);
    let sdp6 = |port| sdp(port).replace("IP4 127.0.0.1", "IP6 ::1");
    assert_eq!(register(&phone, "101", "MD5", "").await.status(), 200);
    assert_eq!(rig.event().await, HERE);
    let mut call = Call::new(&peer, "hotline");
    call.send("INVITE", "", &sdp6(40_000)).await;
    let id = rig.arrival().await;
    rig.sip.answer(id);
    let ok = call.answered().await;
    assert!(ok.body.contains("c=IN IP6 ::1\r\n"), "{}", ok.body);
    assert!(ok.get("Via").contains("received=::1;rport="), "{}", ok.get("Via"));
    let leg = LegId { call: id, leg: 1 };
    rig.sip.dial(leg, OperatorId(0), CallerNumber::new("1"));
    let invite = phone.expect_request("INVITE").await;
    phone.respond(&invite, 200, "op", "", &sdp6(41_000)).await;
    phone.expect_request("ACK").await;
    assert_eq!(rig.event().await, SipEvent::Answered { leg });
    rig.sip.hang_up(leg, acd::HangUpCause::Ended);
    let bye = phone.expect_request("BYE").await;
    phone.respond(&bye, 200, "op", "", "").await;
    call.bye().await;
    rig.empty().await;
    // A caller over IPv4 may send media over IPv6.
    let v4 = Peer::udp(rig.addr(Transport::Udp)).await;
    let mut call = Call::new(&v4, "hotline");
    call.send("INVITE", "", &sdp6(40_000)).await;
    rig.event().await;
    let id = rig.arrival().await;
    rig.sip.answer(id);
    assert!(call.answered().await.body.contains("c=IN IP6 ::1\r\n"));
    call.bye().await;
    rig.empty().await;
}

fn by_digest() -> SipConfig {
    let trunks = vec![
        Trunk {
            name: "far".into(),
            auth: TrunkAuth::ByAddress(vec!["192.0.2.0/24".parse().expect("a net")]),
            trusted_identity: false,
            srtp: sip::SrtpPolicy::Off,
        },
        Trunk {
            name: "carrier".into(),
            auth: TrunkAuth::ByDigest {
                user: "trunk".into(),
                secret: "s".into(),
            },
            trusted_identity: true,
            srtp: sip::SrtpPolicy::Off,
        },
    ];
    SipConfig { trunks, ..config() }
}

#[tokio::test]
async fn a_trunk_is_known_by_its_digest() {
    let mut rig = Rig::start(by_digest()).await;
    let peer = peer_of(&rig).await;
    for algorithm in ["MD5", "SHA-256"] {
        for header in ["Authorization", "Proxy-Authorization"] {
            let mut call = Call::new(&peer, "hotline");
            call.invite().await;
            let challenge = peer.expect(401).await;
            call.ack_refusal(&challenge).await;
            let wrong = credentials(&challenge, algorithm, "INVITE", "trunk", "x", 1);
            call.send("INVITE", &wrong, &sdp(40_000)).await;
            let refused = peer.expect(403).await;
            call.ack_refusal(&refused).await;
            let good = credentials(&challenge, algorithm, "INVITE", "trunk", "s", 1)
                .replace("Authorization", header);
            let asserted = "P-Asserted-Identity: <tel:+8613900139000>\r\n";
            call.send("INVITE", &(good + asserted), &sdp(40_000)).await;
            let SipEvent::CallArrived {
                call: id,
                trunk,
                caller,
                ..
            } = rig.event().await
            else {
                panic!("no arrival")
            };
            assert_eq!((trunk, caller.reveal()), (TrunkId(1), "+8613900139000"));
            rig.sip.refuse(id, acd::Outcome::Closed, None);
            let refused = peer.expect(480).await;
            call.ack_refusal(&refused).await;
        }
    }
    rig.empty().await;
}

#[tokio::test]
async fn strangers_are_refused_and_keep_no_state() {
    let trunks = vec![Trunk {
        name: "far".into(),
        auth: TrunkAuth::ByAddress(vec!["192.0.2.0/24".parse().expect("a net")]),
        trusted_identity: false,
        srtp: sip::SrtpPolicy::Off,
    }];
    let limits = Limits {
        requests_per_second: 1,
        requests_burst: 3,
        ..Limits::default()
    };
    let mut rig = Rig::start(SipConfig {
        trunks,
        limits,
        ..config()
    })
    .await;
    let peer = peer_of(&rig).await;
    for _ in 0..3 {
        Call::new(&peer, "hotline").invite().await;
        peer.expect(403).await;
    }
    // Above the rate there is not even an answer, whatever is sent.
    for i in 0..20 {
        let mut call = Call::new(&peer, "hotline");
        match i % 4 {
            0 => call.invite().await,
            1 => call.send("BYE", "", "").await,
            2 => {
                peer.send(
                    &call
                        .request("OPTIONS", "", "")
                        .replace("SIP/2.0\r\nVia", "SIP/3.0\r\nVia"),
                )
                .await
            }
            _ => {
                call.to.push_str(";tag=0123456789abcdef");
                call.send("INVITE", "", "").await;
            }
        }
    }
    let until = std::time::Instant::now() + Duration::from_secs(20);
    let rejected = |reason| rig.metric("holdfast_sip_rejected_total", reason);
    while rejected("") < 23.0 {
        assert!(std::time::Instant::now() < until);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The bucket fills by one a second meanwhile.
    assert!(rejected("rate_source") >= 15.0, "{}", rejected("rate_source"));
    assert_eq!(rig.sip.in_use(), (0, 0));
    rig.quiet();
}

#[tokio::test]
async fn what_is_full_says_so() {
    let limits = Limits {
        legs_max: 1,
        ..Limits::default()
    };
    let mut rig = Rig::start_with(SipConfig { limits, ..config() }, |event| match event {
        SipEvent::CallArrived { call, .. } if call.0 == 1 => Accepted::No,
        _ => Accepted::Yes,
    })
    .await;
    let peer = peer_of(&rig).await;
    let mut call = Call::new(&peer, "hotline");
    call.invite().await;
    let refused = peer.expect(503).await;
    assert_eq!(refused.get("Retry-After"), "10", "the engine had no room");
    call.ack_refusal(&refused).await;
    rig.arrival().await;
    rig.empty().await;
    let mut first = Call::new(&peer, "hotline");
    first.invite().await;
    let id = rig.arrival().await;
    rig.sip.answer(id);
    first.answered().await;
    let mut second = Call::new(&peer, "hotline");
    second.invite().await;
    let refused = peer.expect(503).await;
    second.ack_refusal(&refused).await;
    first.bye().await;
    rig.empty().await;
    assert_eq!(rig.metric("holdfast_sip_rejected_total", "legs_max"), 1.0);
    assert_eq!(rig.metric("holdfast_sip_rejected_total", "engine_full"), 1.0);
}

#[tokio::test]
async fn without_a_media_port_a_caller_comes_back_later() {
    let mut rig = Rig::start_on(config(), 39_990..=39_991, |_| Accepted::Yes).await;
    let peer = peer_of(&rig).await;
    let mut first = Call::new(&peer, "hotline");
    first.invite().await;
    let id = rig.arrival().await;
    let mut second = Call::new(&peer, "hotline");
    second.invite().await;
    assert_eq!(
        loop {
            let message = peer.recv().await;
            if message.get("Call-ID") == second.call_id {
                break message.status();
            }
        },
        503
    );
    rig.sip.refuse(id, acd::Outcome::Closed, None);
    peer.expect(480).await;
    rig.empty().await;
    // The port comes back, as soon as the media thread has closed it.
    loop {
        let mut next = Call::new(&peer, "hotline");
        next.invite().await;
        let first = peer.recv().await;
        if first.get("Call-ID") == next.call_id && first.status() == 100 {
            break;
        }
    }
    rig.arrival().await;
}

#[tokio::test]
async fn a_user_name_stands_once() {
    let phones = {
        let mut phones = config().phones;
        phones[1].user = "101".into();
        phones
    };
    let trunks = vec![Trunk {
        name: "t".into(),
        auth: TrunkAuth::ByDigest {
            user: "102".into(),
            secret: "s".into(),
        },
        trusted_identity: false,
        srtp: sip::SrtpPolicy::Off,
    }];
    for (config, user) in [
        (SipConfig { phones, ..config() }, "101"),
        (SipConfig { trunks, ..config() }, "102"),
    ] {
        let error = start_fails(config).await;
        assert!(error.contains(user) && error.contains("twice"), "{error}");
    }
}

#[tokio::test]
async fn a_start_that_cannot_work_says_why() {
    let taken = tokio::net::UdpSocket::bind("127.0.0.1:0")
        .await
        .expect("a socket");
    let addr = taken.local_addr().expect("an address").to_string();
    let mut phones = config().phones;
    phones[0].contact = Some("192.0.2.10".into());
    for (config, part) in [
        (
            SipConfig {
                listen: vec![],
                ..config()
            },
            "no SIP address to listen on",
        ),
        (
            SipConfig {
                listen: vec![listen(Transport::Udp, &addr)],
                ..config()
            },
            "is another program using the port?",
        ),
        (SipConfig { phones, ..config() }, "write it like sip:101@"),
    ] {
        let error = start_fails(config).await;
        assert!(error.contains(part), "{error}");
    }
}

async fn start_fails(config: SipConfig) -> String {
    let (library, _) = media::Library::load(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")), &[])
        .expect("an empty library");
    let registry = prometheus::Registry::new();
    let media = media::Media::start(
        media::MediaConfig::default(),
        library,
        &registry,
        std::sync::Arc::new(|_| {}),
    );
    let media = media.expect("the media plane");
    match sip::Sip::start(config, media, &registry, std::sync::Arc::new(|_| Accepted::Yes)).await {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_phone_at_a_fixed_contact_needs_no_registration() {
    let phone = tokio::net::UdpSocket::bind("127.0.0.1:0")
        .await
        .expect("a socket");
    let mut phones = config().phones;
    phones[0].contact = Some(format!("sip:desk@{}", phone.local_addr().expect("an address")));
    let mut rig = Rig::start(SipConfig { phones, ..config() }).await;
    assert_eq!(rig.event().await, HERE);
    rig.sip.dial(LEG, OperatorId(0), CallerNumber::withheld());
    let mut buffer = [0; 4_096];
    let (length, _) = phone.recv_from(&mut buffer).await.expect("an INVITE");
    let invite = Msg::parse(&buffer[..length]);
    assert!(
        invite.start.starts_with("INVITE sip:desk@127.0.0.1:"),
        "{}",
        invite.start
    );
    assert!(
        invite
            .get("From")
            .starts_with("\"Anonymous\" <sip:anonymous@anonymous.invalid>")
    );
    assert_eq!(invite.get("P-Asserted-Identity"), "");
}

#[tokio::test]
async fn a_tcp_peer_that_breaks_the_framing_is_told_and_cut_off() {
    let rig = Rig::start(config()).await;
    let peer = Peer::tcp(rig.addr(Transport::Tcp)).await;
    let bad = Call::new(&peer, "hotline")
        .request("OPTIONS", "", "")
        .replace("Content-Length: 0", "Content-Length: -1");
    peer.send(&bad).await;
    assert_eq!(peer.recv().await.status(), 400);
    peer.closed().await;
    let flood = Peer::tcp(rig.addr(Transport::Tcp)).await;
    flood
        .send(&"x".repeat(Limits::default().message_bytes_max + 1))
        .await;
    flood.closed().await;
}

#[tokio::test]
async fn a_trunk_has_a_rate() {
    let limits = Limits {
        trunk_calls_per_second: 1,
        ..Limits::default()
    };
    let mut rig = Rig::start(SipConfig { limits, ..config() }).await;
    let peer = peer_of(&rig).await;
    let mut first = Call::new(&peer, "hotline");
    first.invite().await;
    let id = rig.arrival().await;
    rig.sip.answer(id);
    first.answered().await;
    // The bucket may have filled by then, but not for both.
    let mut refused = 0;
    for _ in 0..2 {
        let mut call = Call::new(&peer, "hotline");
        call.invite().await;
        let response = peer.recv().await;
        if response.status() == 503 {
            assert_eq!(response.get("Retry-After"), "1");
            refused += 1;
        }
    }
    assert!(refused >= 1);
    assert!(rig.metric("holdfast_sip_rejected_total", "rate_trunk") >= 1.0);
}

#[tokio::test]
async fn a_datagram_that_is_too_long_is_dropped() {
    let rig = Rig::start(config()).await;
    let peer = peer_of(&rig).await;
    let long = "x".repeat(Limits::default().message_bytes_max);
    peer.send(&Call::new(&peer, "hotline").request("OPTIONS", &format!("X-Long: {long}\r\n"), ""))
        .await;
    let mut probe = Call::new(&peer, "hotline");
    probe.send("OPTIONS", "", "").await;
    assert_eq!(peer.expect(200).await.get("Call-ID"), probe.call_id);
    assert_eq!(rig.metric("holdfast_sip_rejected_total", "too_long"), 1.0);
}
