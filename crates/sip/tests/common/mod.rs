//! A SIP edge on loopback, and peers that talk to it by hand.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test file uses its own part"
)]

mod call;
mod message;
mod peer;
mod register;

pub use call::Call;
pub use message::Msg;
pub use peer::Peer;
pub use register::{credentials, hex, register, register_text};

use acd::{CallId, CallerNumber, GoneCause, LegId, OperatorId, QueueId};
use media::{Library, Media, MediaConfig};
use sip::{
    Accepted, Listen, Phone, PhoneOwner, SessionTimer, Sip, SipConfig, SipEvent, SrtpPolicy, Transport,
    Trunk, TrunkAuth,
};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A caller's description with PCMA, PCMU and telephone-event.
pub fn sdp(port: u16) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    )
}

/// Settings for loopback: one trunk by the address 127.0.0.1, phones 101 and 102, `hotline` dialled.
pub fn config() -> SipConfig {
    let phone = |operator, user: &str| Phone {
        owner: PhoneOwner::Operator(OperatorId(operator)),
        user: user.into(),
        secret: format!("secret{user}"),
        contact: None,
        srtp: SrtpPolicy::Off,
    };
    SipConfig {
        listen: vec![
            listen(Transport::Udp, "127.0.0.1:0"),
            listen(Transport::Tcp, "127.0.0.1:0"),
        ],
        trunks: vec![Trunk {
            name: "local".into(),
            auth: TrunkAuth::ByAddress(vec![
                "127.0.0.1".parse().expect("a net"),
                "::1".parse().expect("a net"),
            ]),
            trusted_identity: false,
            srtp: SrtpPolicy::Off,
        }],
        destinations: BTreeMap::from([("hotline".into(), QueueId(0)), ("12345".into(), QueueId(1))]),
        phones: vec![phone(0, "101"), phone(1, "102")],
        ..SipConfig::default()
    }
}

pub fn listen(transport: Transport, addr: &str) -> Listen {
    Listen {
        transport,
        addr: addr.parse().expect("an address"),
    }
}

/// A SIP edge with its media plane.
pub struct Rig {
    pub sip: Sip,
    pub registry: prometheus::Registry,
    events: mpsc::UnboundedReceiver<SipEvent>,
}

/// Tests run at once; each takes RTP ports of its own.
static NEXT_PORTS: AtomicU16 = AtomicU16::new(20_000);

impl Rig {
    pub async fn start(config: SipConfig) -> Rig {
        Self::start_with(config, |_| Accepted::Yes).await
    }

    pub async fn start_with(
        config: SipConfig,
        accept: impl Fn(&SipEvent) -> Accepted + Send + Sync + 'static,
    ) -> Rig {
        // Other test programs may run beside this one: each takes its own stretch.
        let base = NEXT_PORTS.fetch_add(400, Ordering::Relaxed) + (std::process::id() % 40) as u16 * 8;
        Self::start_on(config, base..=base + 399, accept).await
    }

    pub async fn start_on(
        config: SipConfig,
        ports: std::ops::RangeInclusive<u16>,
        accept: impl Fn(&SipEvent) -> Accepted + Send + Sync + 'static,
    ) -> Rig {
        let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (library, _) = Library::load(dir, &[]).expect("an empty library");
        let registry = prometheus::Registry::new();
        let media = MediaConfig {
            bind_v4: Some(Ipv4Addr::LOCALHOST),
            bind_v6: Some(Ipv6Addr::LOCALHOST),
            ports,
            port_rest: Duration::ZERO,
            webrtc_connect_timeout: Duration::from_millis(500),
            threads: 1,
            ..MediaConfig::default()
        };
        let media = Media::start(media, library, &registry, Arc::new(|_| {})).expect("the media plane");
        let (sender, events) = mpsc::unbounded_channel();
        let on_event = Arc::new(move |event| {
            let accepted = accept(&event);
            let _ = sender.send(event);
            accepted
        });
        let sip = Sip::start(config, media, &registry, on_event)
            .await
            .expect("the SIP edge");
        Rig {
            sip,
            registry,
            events,
        }
    }

    pub fn addr(&self, transport: Transport) -> SocketAddr {
        let addrs = self.sip.local_addrs();
        addrs
            .into_iter()
            .find(|a| a.0 == transport)
            .expect("a listener")
            .1
    }

    /// The next event.
    pub async fn event(&mut self) -> SipEvent {
        match tokio::time::timeout(PATIENCE, self.events.recv()).await {
            Ok(event) => event.expect("an event"),
            Err(_) => panic!("no event in time; refused so far: {:?}", self.rejections()),
        }
    }

    /// Everything refused or dropped so far, by reason.
    fn rejections(&self) -> Vec<(String, f64)> {
        let families = self.registry.gather();
        let metrics = families
            .iter()
            .filter(|f| f.name() == "holdfast_sip_rejected_total")
            .flat_map(|f| f.get_metric());
        let reason = |m: &prometheus::proto::Metric| {
            m.get_label()
                .iter()
                .map(|l| l.value().to_owned())
                .collect::<String>()
        };
        metrics
            .map(|m| (reason(m), m.get_counter().get_value()))
            .collect()
    }

    /// The call of the next event, which must be an arrival.
    pub async fn arrival(&mut self) -> CallId {
        match self.event().await {
            SipEvent::CallArrived { call, .. } => call,
            other => panic!("expected an arrival, got {other:?}"),
        }
    }

    /// Takes the next event, which must be the end of a caller's leg.
    pub async fn caller_gone(&mut self, call: CallId, cause: GoneCause) {
        assert_eq!(self.event().await, SipEvent::CallerGone { call, cause });
    }

    /// Waits until no leg and no dialog is left.
    pub async fn empty(&self) {
        let until = tokio::time::Instant::now() + PATIENCE;
        while self.sip.in_use() != (0, 0) {
            assert!(
                tokio::time::Instant::now() < until,
                "left over: {:?}",
                self.sip.in_use()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// No event is waiting.
    pub fn quiet(&mut self) {
        if let Ok(event) = self.events.try_recv() {
            panic!("unexpected {event:?}");
        }
    }

    /// The value of a metric with this label value, 0 if there is none.
    pub fn metric(&self, name: &str, label: &str) -> f64 {
        let families = self.registry.gather();
        let metrics = families
            .iter()
            .filter(|f| f.name() == name)
            .flat_map(|f| f.get_metric());
        metrics
            .filter(|m| label.is_empty() || m.get_label().iter().any(|l| l.value() == label))
            .map(|m| m.get_counter().get_value() + m.get_gauge().get_value())
            .sum()
    }
}

static NUMBER: AtomicU32 = AtomicU32::new(1);

/// A text that was not used before.
pub fn fresh(prefix: &str) -> String {
    format!("{prefix}{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// The leg that rings an operator's phone.
pub const LEG: LegId = LegId {
    call: CallId(77),
    leg: 1,
};

/// Timers so short that a test can wait for their end.
pub fn quick() -> SipConfig {
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
pub async fn answered<'p>(rig: &mut Rig, peer: &'p Peer, extra: &str) -> (Call<'p>, CallId, Msg) {
    let mut call = Call::new(peer, "hotline");
    call.send("INVITE", extra, &sdp(40_000)).await;
    let id = rig.arrival().await;
    rig.sip.answer(id);
    let ok = call.answered().await;
    (call, id, ok)
}

pub async fn peer_of(rig: &Rig) -> Peer {
    Peer::udp(rig.addr(Transport::Udp)).await
}

/// A phone whose leg was answered.
pub async fn answered_phone(rig: &mut Rig, extra: &str) -> (Peer, Msg) {
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
