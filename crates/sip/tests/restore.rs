//! The edge ends without a word, as by `kill -9`, and another one takes its legs up where they were.

mod common;

use acd::{CallerNumber, FailCause, GoneCause, HangUpCause, LegId, OperatorId};
use common::{Call, Peer, config, listen, register, register_text, sdp};
use media::{Library, Media, MediaConfig};
use sip::{Accepted, Memory, Sip, SipConfig, SipEvent, Transport, WebUser};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(20);
const OPERATOR: OperatorId = OperatorId(0);

/// What was kept, by key.
type Kept = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// An edge on a runtime of its own, so that it can be ended at once.
struct Life {
    sip: Sip,
    events: mpsc::UnboundedReceiver<SipEvent>,
    kept: Kept,
    runtime: Option<Runtime>,
    config: SipConfig,
    ports: RangeInclusive<u16>,
}

impl Life {
    async fn begin(config: SipConfig) -> Life {
        static NEXT_PORTS: AtomicU16 = AtomicU16::new(0);
        let base = 45_000
            + (std::process::id() % 200) as u16 * 40
            + NEXT_PORTS.fetch_add(20, Ordering::Relaxed) % 40;
        Self::live(config, base..=base + 19, BTreeMap::new()).await
    }

    async fn live(config: SipConfig, ports: RangeInclusive<u16>, before: BTreeMap<String, Vec<u8>>) -> Life {
        let kept: Kept = Arc::new(Mutex::new(before.clone()));
        let (sender, events) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let (keeping, asked, range) = (Arc::clone(&kept), config.clone(), ports.clone());
        let starting = runtime.spawn(async move {
            let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
            let (library, _) = Library::load(dir, &[]).expect("an empty library");
            let registry = prometheus::Registry::new();
            let media = MediaConfig {
                bind_v4: Some(Ipv4Addr::LOCALHOST),
                ports: range,
                port_rest: Duration::ZERO,
                threads: 1,
                ..MediaConfig::default()
            };
            let media = Media::start(media, library, &registry, Arc::new(|_| {})).expect("the media plane");
            let keep = move |key: String, value: Option<Vec<u8>>| {
                let mut kept = keeping.lock().expect("the map");
                match value {
                    Some(value) => drop(kept.insert(key, value)),
                    None => drop(kept.remove(&key)),
                }
            };
            let memory = Memory {
                kept: before.into_iter().collect(),
                keep: Some(Arc::new(keep)),
            };
            let on_event = Arc::new(move |event| {
                let _ = sender.send(event);
                Accepted::Yes
            });
            Sip::resume(asked, media, &registry, on_event, memory)
                .await
                .expect("the edge")
        });
        let sip = starting.await.expect("it starts");
        Life {
            sip,
            events,
            kept,
            runtime: Some(runtime),
            config,
            ports,
        }
    }

    fn addr(&self) -> SocketAddr {
        let addrs = self.sip.local_addrs();
        let udp = addrs.into_iter().find(|a| a.0 == Transport::Udp);
        udp.expect("a listener").1
    }

    async fn event(&mut self) -> SipEvent {
        let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
        event.expect("an event in time").expect("an event")
    }

    async fn arrival(&mut self) -> acd::CallId {
        match self.event().await {
            SipEvent::CallArrived { call, .. } => call,
            other => panic!("expected an arrival, got {other:?}"),
        }
    }

    /// Ends the edge without a word to anybody. `between` happens while nobody is there.
    async fn killed(mut self, between: impl FnOnce()) -> Life {
        let before = self.kept.lock().expect("the map").clone();
        let addr = self.addr();
        let runtime = self.runtime.take().expect("it runs");
        let (sip, ports) = (self.sip.clone(), self.ports.clone());
        let config = SipConfig {
            listen: vec![listen(Transport::Udp, &addr.to_string())],
            first_call_id: 1_000,
            ..self.config.clone()
        };
        drop(self);
        // Both end in a blocking way: the media threads with the last handle.
        tokio::task::spawn_blocking(move || {
            drop(runtime);
            drop(sip);
        })
        .await
        .expect("it ends");
        between();
        Self::live(config, ports, before).await
    }

    /// Waits until this many legs are kept in a stage.
    async fn kept_as(&self, stage: &str, count: usize) {
        let stage = format!("\"is\":\"{stage}\"");
        let found = || {
            let kept = self.kept.lock().expect("the map");
            let text = |v: &Vec<u8>| String::from_utf8_lossy(v).contains(&stage);
            kept.iter()
                .filter(|(k, v)| k.starts_with("leg/") && text(v))
                .count()
        };
        let until = tokio::time::Instant::now() + PATIENCE;
        while found() != count {
            assert!(
                tokio::time::Instant::now() < until,
                "{} legs kept as {stage}",
                found()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn nothing_kept(&self) {
        let until = tokio::time::Instant::now() + PATIENCE;
        let legs = || {
            let kept = self.kept.lock().expect("the map");
            kept.keys().filter(|k| k.starts_with("leg/")).count()
        };
        while legs() > 0 || self.sip.in_use() != (0, 0) {
            assert!(tokio::time::Instant::now() < until, "{} legs left", legs());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn udp_only() -> SipConfig {
    SipConfig {
        listen: vec![listen(Transport::Udp, "127.0.0.1:0")],
        ..config()
    }
}

fn leg(call: acd::CallId) -> LegId {
    LegId { call, leg: 1 }
}

/// A caller and a phone that talk.
async fn talking<'p>(
    life: &mut Life,
    caller: &'p Peer,
    phone: &'p Peer,
) -> (acd::CallId, Call<'p>, Call<'p>) {
    assert_eq!(register(phone, "101", "MD5", "").await.status(), 200);
    assert_eq!(
        life.event().await,
        SipEvent::PhoneRegistered { operator: OPERATOR }
    );
    let mut calling = Call::new(caller, "hotline");
    calling.invite().await;
    let id = life.arrival().await;
    life.sip.answer(id);
    calling.answered().await;
    life.sip.dial(leg(id), OPERATOR, CallerNumber::new("13800138000"));
    let invite = phone.expect_request("INVITE").await;
    phone.respond(&invite, 200, "pt", "", &sdp(41_000)).await;
    phone.expect_request("ACK").await;
    assert_eq!(life.event().await, SipEvent::Answered { leg: leg(id) });
    life.kept_as("confirmed", 2).await;
    (id, calling, Call::callee(phone, &invite, "pt"))
}

/// Passes over what a restored leg says of itself.
async fn restored(life: &mut Life) {
    let mut held = 0;
    while held < 2 {
        match life.event().await {
            SipEvent::Held { held: false, .. } => held += 1,
            SipEvent::Answered { .. } => {}
            other => panic!("unexpected {other:?}"),
        }
    }
}

/// Answers the questions whether the peer is there, until another request comes.
async fn request(peer: &Peer, method: &str) -> common::Msg {
    loop {
        let msg = peer.recv().await;
        if msg.method() == method {
            return msg;
        }
        assert_eq!(msg.method(), "OPTIONS", "{msg:?}");
        peer.respond(&msg, 200, "", "", "").await;
    }
}

#[tokio::test]
async fn both_sides_of_a_conversation_can_go_on_and_hang_up() {
    let mut life = Life::begin(udp_only()).await;
    let (caller, phone) = (Peer::udp(life.addr()).await, Peer::udp(life.addr()).await);
    let (id, mut calling, mut called) = talking(&mut life, &caller, &phone).await;
    let mut life = life.killed(|| {}).await;
    restored(&mut life).await;
    assert_eq!(life.sip.phones(), [(OperatorId(0), true), (OperatorId(1), false)]);

    // The caller holds and takes back: a re-INVITE in the old dialog is answered with the old port.
    let held = sdp(40_000) + "a=sendonly\r\n";
    calling.send("INVITE", "", &held).await;
    let ok = calling.answered().await;
    assert!(life.ports.contains(&ok.rtp()));
    let caller_leg = LegId::caller(id);
    assert_eq!(
        life.event().await,
        SipEvent::Held {
            leg: caller_leg,
            held: true
        }
    );
    // The phone asks whether we are here.
    called.send("OPTIONS", "", "").await;
    loop {
        let msg = phone.recv().await;
        match msg.method() {
            "OPTIONS" => phone.respond(&msg, 200, "", "", "").await,
            _ => break assert_eq!(msg.status(), 200),
        }
    }
    // The caller hangs up, and we end the phone's leg: its CSeq lies above all that the phone has seen.
    calling.send("BYE", "", "").await;
    caller.expect(200).await;
    let gone = SipEvent::CallerGone {
        call: id,
        cause: GoneCause::HungUp,
    };
    assert_eq!(life.event().await, gone);
    life.sip.hang_up(leg(id), HangUpCause::PeerGone);
    let bye = request(&phone, "BYE").await;
    assert_eq!(
        (bye.get("Call-ID"), bye.tag("To")),
        (called.call_id.as_str(), "pt")
    );
    assert!(bye.cseq() > 1_000, "{}", bye.cseq());
    phone.respond(&bye, 200, "", "", "").await;
    life.nothing_kept().await;
}

#[tokio::test]
async fn a_waiting_caller_is_answered_and_another_gives_up() {
    let mut life = Life::begin(udp_only()).await;
    let (one, two) = (Peer::udp(life.addr()).await, Peer::udp(life.addr()).await);
    let (mut first, mut second) = (Call::new(&one, "hotline"), Call::new(&two, "hotline"));
    first.invite().await;
    let id = life.arrival().await;
    life.sip.early_media(id);
    let early = one.expect(183).await;
    let repeated = second.request("INVITE", "", &sdp(40_002));
    two.send(&repeated).await;
    let other = life.arrival().await;
    two.expect(100).await;
    life.kept_as("waiting", 2).await;

    let mut life = life.killed(|| {}).await;
    life.sip.answer(id);
    let ok = first.answered().await;
    assert_eq!((ok.get("To"), ok.rtp()), (early.get("To"), early.rtp()));
    life.kept_as("confirmed", 1).await;
    first.bye().await;
    assert_eq!(
        life.event().await,
        SipEvent::CallerGone {
            call: id,
            cause: GoneCause::HungUp
        }
    );

    // A repeat of the INVITE makes no second call, and the CANCEL finds the first.
    two.send(&repeated).await;
    second.send("CANCEL", "", "").await;
    let responses = [two.recv().await, two.recv().await];
    let refused = responses.iter().find(|r| r.status() == 487).expect("487");
    second.ack_refusal(refused).await;
    assert_eq!(
        life.event().await,
        SipEvent::CallerGone {
            call: other,
            cause: GoneCause::HungUp
        }
    );
    life.nothing_kept().await;
}

#[tokio::test]
async fn a_phone_that_rings_rings_on_and_its_answer_is_taken() {
    let mut life = Life::begin(udp_only()).await;
    let phone = Peer::udp(life.addr()).await;
    assert_eq!(register(&phone, "101", "MD5", "").await.status(), 200);
    life.event().await;
    let (one, two) = (leg(acd::CallId(1)), leg(acd::CallId(2)));
    let mut invites = Vec::new();
    for leg in [one, two] {
        life.sip.dial(leg, OPERATOR, CallerNumber::new("13800138000"));
        let invite = phone.expect_request("INVITE").await;
        phone.respond(&invite, 180, "pt", "", "").await;
        assert_eq!(life.event().await, SipEvent::Ringing { leg });
        invites.push(invite);
    }
    let mut life = life.killed(|| {}).await;
    // What the queue says again is not dialled again.
    life.sip.dial(one, OPERATOR, CallerNumber::new("13800138000"));
    for invite in &invites {
        let again = phone.expect_request("INVITE").await;
        assert_eq!(
            (again.get("Via"), &again.body),
            (invite.get("Via"), &invite.body),
            "a repeat"
        );
    }
    // The one was picked up meanwhile.
    phone.respond(&invites[0], 200, "pt", "", &sdp(41_000)).await;
    let ack = phone.expect_request("ACK").await;
    assert_eq!(ack.get("Call-ID"), invites[0].get("Call-ID"));
    assert_eq!(life.event().await, SipEvent::Answered { leg: one });
    // The other rings on, and is called off.
    phone.respond(&invites[1], 180, "pt", "", "").await;
    assert_eq!(life.event().await, SipEvent::Ringing { leg: two });
    life.sip.hang_up(two, HangUpCause::PeerGone);
    let cancel = phone.expect_request("CANCEL").await;
    assert_eq!(cancel.get("Via"), invites[1].get("Via"));
    phone.respond(&cancel, 200, "", "", "").await;
    phone.respond(&invites[1], 487, "pt", "", "").await;
    phone.expect_request("ACK").await;
    life.sip.hang_up(one, HangUpCause::PeerGone);
    let bye = phone.expect_request("BYE").await;
    phone.respond(&bye, 200, "", "", "").await;
    life.nothing_kept().await;
}

#[tokio::test]
async fn a_peer_that_is_gone_is_found() {
    let mut life = Life::begin(udp_only()).await;
    let (caller, phone) = (Peer::udp(life.addr()).await, Peer::udp(life.addr()).await);
    let (id, ..) = talking(&mut life, &caller, &phone).await;
    let mut life = life.killed(|| {}).await;
    restored(&mut life).await;
    let asked = caller.expect_request("OPTIONS").await;
    caller.respond(&asked, 481, "", "", "").await;
    assert_eq!(
        life.event().await,
        SipEvent::CallerGone {
            call: id,
            cause: GoneCause::Failed
        }
    );
    // One that knows no OPTIONS is there all the same; when it falls silent it is asked again in another way.
    let asked = phone.expect_request("OPTIONS").await;
    phone.respond(&asked, 405, "", "", "").await;
    request(&caller, "BYE").await;
    life.sip.probe(leg(id));
    let refresh = request(&phone, "INVITE").await;
    phone.respond(&refresh, 481, "", "", "").await;
    phone.expect_request("ACK").await;
    assert_eq!(life.event().await, SipEvent::Gone { leg: leg(id) });
}

#[tokio::test]
async fn a_leg_whose_ports_were_taken_is_ended_and_nobody_else() {
    let mut life = Life::begin(udp_only()).await;
    let (caller, phone) = (Peer::udp(life.addr()).await, Peer::udp(life.addr()).await);
    let (id, ..) = talking(&mut life, &caller, &phone).await;
    let waiting = Peer::udp(life.addr()).await;
    let mut other = Call::new(&waiting, "hotline");
    other.invite().await;
    let third = life.arrival().await;
    waiting.expect(100).await;
    life.sip.dial(leg(third), OPERATOR, CallerNumber::withheld());
    let ringing = phone.expect_request("INVITE").await;
    phone.respond(&ringing, 180, "pt2", "", "").await;
    assert_eq!(life.event().await, SipEvent::Ringing { leg: leg(third) });
    life.kept_as("waiting", 1).await;
    // Each leg took the next pair: the caller's of the conversation has the first.
    let base = *life.ports.start();
    let mut thieves = Vec::new();
    let steal = || {
        for pair in [0, 2, 3] {
            thieves.push(UdpSocket::bind((Ipv4Addr::LOCALHOST, base + 2 * pair)).expect("free now"));
        }
    };
    let mut life = life.killed(steal).await;
    let mut events = Vec::new();
    while events.len() < 5 {
        events.push(life.event().await);
    }
    let failed = GoneCause::Failed;
    assert!(
        events.contains(&SipEvent::CallerGone {
            call: id,
            cause: failed
        }),
        "{events:?}"
    );
    assert!(
        events.contains(&SipEvent::CallerGone {
            call: third,
            cause: failed
        }),
        "{events:?}"
    );
    let unreachable = FailCause::Unreachable;
    assert!(
        events.contains(&SipEvent::Failed {
            leg: leg(third),
            cause: unreachable
        }),
        "{events:?}"
    );
    assert_eq!(
        life.sip.legs(),
        [leg(id)],
        "the phone of the conversation has its port"
    );
    caller.expect_request("BYE").await;
    waiting.expect(500).await;
}

#[tokio::test]
async fn a_browser_counts_as_registered_until_its_page_is_back() {
    let page = |life: &Life| Peer::browser(&life.sip, "page", WebUser::Operator(OPERATOR));
    let mut life = Life::begin(udp_only()).await;
    let browser = page(&life);
    let text = register_text(&browser, "101", "r", 1, "", "");
    browser.send(&text).await;
    browser.expect(200).await;
    assert_eq!(
        life.event().await,
        SipEvent::PhoneRegistered { operator: OPERATOR }
    );
    let life = life.killed(|| drop(browser)).await;
    assert_eq!(life.sip.phones(), [(OPERATOR, true), (OperatorId(1), false)]);
    // The queue rings it at once, and the INVITE waits for the page.
    let id = leg(acd::CallId(1_500));
    life.sip.dial(id, OPERATOR, CallerNumber::new("13800138000"));
    let browser = page(&life);
    browser
        .send(&register_text(&browser, "101", "r", 2, "", ""))
        .await;
    browser.expect(200).await;
    let invite = browser.expect_request("INVITE").await;
    assert!(invite.body.contains("UDP/TLS/RTP/SAVPF"), "{}", invite.body);
    browser.respond(&invite, 486, "t", "", "").await;
    browser.expect_request("ACK").await;
    life.nothing_kept().await;
}
