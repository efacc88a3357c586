//! Tests of the packet path as a thread runs it, step by step on the thread of the test.

use crate::mailbox::{Command, Mailbox, Protection};
use crate::metrics::Metrics;
use crate::ports::PortPool;
use crate::session::Seed;
use crate::webrtc::dtls::Handshakes;
use crate::worker::Worker;
use crate::{AfterPrompts, Codec, Hearing, Library, MediaConfig, MediaEvent, Playlist, Remote, socket};
use acd::{CallId, LegId};
use rustix::event::epoll;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const CALLER: LegId = LegId::caller(CallId(1));
const OPERATOR: LegId = LegId { leg: 1, ..CALLER };

/// Packets after which a connected socket holds none that came before.
const SETTLED: u16 = 300;

/// A media thread without the thread.
struct Stepped {
    worker: Worker,
    mailbox: Arc<Mailbox>,
    pool: Arc<PortPool>,
    registry: prometheus::Registry,
    ip: IpAddr,
    events: Arc<Mutex<Vec<MediaEvent>>>,
    ready: Vec<epoll::Event>,
    commands: Vec<Command>,
}

struct Phone {
    rtp: UdpSocket,
    ours: SocketAddr,
    sequence: u16,
}

fn remote(phone: SocketAddr) -> Remote {
    Remote {
        rtp: phone,
        // Reports go where nobody listens.
        rtcp: SocketAddr::new(phone.ip(), 9),
        codec: Codec::Pcma,
        opus_pt: None,
        dtmf_pt: Some(101),
        dtmf_rate: 8_000,
        send: true,
        receive: true,
        ptime_ms: 20,
    }
}

impl Stepped {
    fn new(host: u8) -> Self {
        let without_audio = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let (library, _) = Library::load(&without_audio, &[]).expect("the folder is there");
        let registry = prometheus::Registry::new();
        let metrics = Arc::new(Metrics::register(&registry).expect("a fresh registry"));
        let mailbox = Arc::new(Mailbox::new().expect("an eventfd"));
        let events: Arc<Mutex<Vec<MediaEvent>>> = Arc::default();
        let heard = Arc::clone(&events);
        let worker = Worker::new(
            &MediaConfig::default(),
            library,
            Arc::clone(&mailbox),
            Handshakes::unserved(&mailbox),
            metrics,
            Arc::new(move |event| heard.lock().expect("nobody panics").push(event)),
        );
        let process = std::process::id().to_be_bytes();
        Self {
            worker: worker.expect("a poller"),
            mailbox,
            pool: Arc::new(PortPool::new(&(30_000..=39_999), Duration::ZERO)),
            registry,
            ip: IpAddr::V4(Ipv4Addr::new(127, process[2] | 1, process[3], host)),
            events,
            ready: Vec::with_capacity(64),
            commands: Vec::with_capacity(64),
        }
    }

    fn phone(&mut self, leg: LegId) -> Phone {
        let lease = self.pool.take(Instant::now()).expect("a pair is free");
        let Ok(pair) = socket::bind(self.ip, lease) else {
            panic!("loopback has ports")
        };
        let ours = pair.local();
        let rtp = UdpSocket::bind((self.ip, 0)).expect("loopback has ports");
        rtp.set_nonblocking(true).expect("sockets can be non-blocking");
        let address = rtp.local_addr().expect("a bound socket");
        let remote = remote(address);
        let seed = Seed([1, 2]);
        self.mailbox.post_always(Command::Open { leg, pair, seed });
        self.mailbox.post_always(Command::SetRemote {
            leg,
            rtp_port: ours.port(),
            remote,
            protection: Protection::None,
        });
        self.step();
        Phone {
            rtp,
            ours,
            sequence: 0,
        }
    }

    fn post(&mut self, command: Command) {
        self.mailbox.post_always(command);
        self.step();
    }

    fn hold(&mut self) {
        let playlist = Playlist {
            prompts: vec![],
            then: AfterPrompts::HoldMusic,
        };
        self.post(Command::Play {
            leg: CALLER,
            playlist,
        });
    }

    fn bridge(&mut self) {
        let hears = |leg, other| Hearing {
            leg,
            hears: vec![other],
        };
        self.post(Command::Connect(vec![
            hears(CALLER, OPERATOR),
            hears(OPERATOR, CALLER),
        ]));
    }

    fn step(&mut self) {
        self.worker.serve_once(&mut self.ready, &mut self.commands);
    }

    /// Until nothing has come for so long that nothing is under way, even where the kernel is busy.
    fn step_until_idle(&mut self) {
        let mut idle_since = Instant::now();
        while idle_since.elapsed() < Duration::from_millis(50) {
            self.step();
            if !self.ready.is_empty() {
                idle_since = Instant::now();
            }
        }
    }

    /// Lets real time pass, in which rates are allowed anew and legs are looked after.
    fn step_for(&mut self, duration: Duration) {
        let start = Instant::now();
        while start.elapsed() < duration {
            self.step();
        }
    }

    /// Packets that legs took in so far.
    fn received(&mut self) -> u64 {
        self.worker.metrics.flush(&mut self.worker.counts);
        let text = prometheus::TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .expect("metrics are text");
        let line = "holdfast_rtp_packets_total{direction=\"received\"} ";
        text.lines()
            .find_map(|l| l.strip_prefix(line)?.parse().ok())
            .expect("packets are counted")
    }
}

impl Phone {
    fn packet(&mut self, payload_type: u8, payload: &[u8]) -> Vec<u8> {
        self.sequence += 1;
        let mut packet = vec![0x80, payload_type];
        packet.extend(self.sequence.to_be_bytes());
        packet.extend((u32::from(self.sequence) * 160).to_be_bytes());
        packet.extend([0, 0, 0, 9]);
        packet.extend(payload);
        packet
    }

    fn send(&mut self, payload: u8) {
        let packet = self.packet(8, &[payload; 160]);
        self.rtp
            .send_to(&packet, self.ours)
            .expect("loopback takes packets");
    }

    /// The payloads' first octets of what came, in order.
    fn heard(&self) -> Vec<u8> {
        let mut buffer = [0; 2_048];
        std::iter::from_fn(|| self.rtp.recv(&mut buffer).ok().map(|_| buffer[12])).collect()
    }
}

/// A caller and an operator who hear each other. The caller has sent so much that its socket holds nothing from
/// before it was connected.
fn settled(host: u8) -> (Stepped, Phone, Phone) {
    let mut thread = Stepped::new(host);
    let mut caller = thread.phone(CALLER);
    let mut operator = thread.phone(OPERATOR);
    thread.bridge();
    operator.send(1);
    for _ in 0..SETTLED {
        caller.send(1);
        thread.step();
    }
    // So many at once were more than allowed.
    thread.step_for(Duration::from_millis(600));
    caller.heard();
    operator.heard();
    (thread, caller, operator)
}

#[test]
fn what_waited_in_the_socket_when_the_source_was_taken_is_still_judged() {
    let mut thread = Stepped::new(211);
    let mut caller = thread.phone(CALLER);
    let operator = thread.phone(OPERATOR);
    thread.bridge();
    let stranger = UdpSocket::bind((thread.ip, 0)).expect("loopback has ports");
    let ours = caller.ours;
    let forge = |caller: &mut Phone| {
        let packet = caller.packet(8, &[66; 160]);
        stranger.send_to(&packet, ours).expect("loopback takes packets");
    };
    for _ in 0..3 {
        forge(&mut caller);
    }
    caller.send(1);
    for _ in 0..3 {
        forge(&mut caller);
    }
    caller.send(2);
    thread.step_until_idle();
    assert_eq!(operator.heard(), [1, 2]);
}

#[test]
fn a_waiting_caller_is_read_in_samples_and_keys_are_heard() {
    let (mut thread, mut caller, operator) = settled(212);
    thread.hold();
    thread.step_for(Duration::from_millis(200));
    let before = thread.received();
    for _ in 0..160 {
        caller.send(1);
    }
    for _ in 0..3 {
        let key = caller.packet(101, &[5, 0x8a, 0, 160]);
        caller
            .rtp
            .send_to(&key, caller.ours)
            .expect("loopback takes packets");
    }
    thread.step_until_idle();
    assert_eq!(thread.received() - before, 160 / 16 + 3);
    let keys = thread.events.lock().expect("nobody panics").clone();
    let five = MediaEvent::Dtmf {
        leg: CALLER,
        digit: '5',
    };
    assert_eq!(keys.len(), 3, "three timestamps are three presses");
    assert!(keys.iter().all(|&key| key == five));

    thread.bridge();
    for n in 1..=20 {
        caller.send(n);
    }
    thread.step_until_idle();
    assert_eq!(
        operator.heard(),
        (1..=20).collect::<Vec<_>>(),
        "who is heard is read whole"
    );
}

#[test]
fn a_waiting_caller_without_agreed_keys_is_read_whole() {
    let (mut thread, mut caller, _operator) = settled(213);
    let rtp = caller.rtp.local_addr().expect("a bound socket");
    thread.post(Command::SetRemote {
        leg: CALLER,
        rtp_port: caller.ours.port(),
        remote: Remote {
            dtmf_pt: None,
            ..remote(rtp)
        },
        protection: Protection::None,
    });
    thread.hold();
    thread.step_for(Duration::from_millis(200));
    let before = thread.received();
    for _ in 0..32 {
        caller.send(1);
    }
    thread.step_until_idle();
    assert_eq!(thread.received() - before, 32);
}

#[test]
fn no_packet_costs_an_allocation() {
    let (mut thread, mut caller, mut operator) = settled(214);
    // A report now and then may allocate; a packet would in every round.
    let fewest = (0..5).map(|_| {
        for n in 0..30 {
            caller.send(n);
            operator.send(n);
        }
        let allocations = allocation_counter::measure(|| thread.step_until_idle()).count_total;
        let expected: Vec<u8> = (0..30).collect();
        assert_eq!((caller.heard(), operator.heard()), (expected.clone(), expected));
        thread.step_for(Duration::from_millis(200));
        allocations
    });
    assert_eq!(fewest.min(), Some(0));

    thread.hold();
    let fewest = (0..5).map(|_| {
        let allocations = allocation_counter::measure(|| thread.step_for(Duration::from_millis(100)));
        assert!(caller.heard().len() > 1, "music plays meanwhile");
        allocations.count_total
    });
    assert_eq!(fewest.min(), Some(0));
}
