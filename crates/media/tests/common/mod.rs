//! A media plane and phones made of plain sockets, on loopback.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of it")]

pub mod browser;

use acd::{CallId, LegId};
use media::{Codec, Family, Language, Library, Media, MediaConfig, MediaEvent, Playlist, Port, Remote};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// Nothing here takes this long; a test that waits for it has failed.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub const FRAME: usize = 160;

pub struct Plane {
    pub media: Media,
    pub registry: prometheus::Registry,
    pub events: Receiver<MediaEvent>,
}

impl Plane {
    /// A plane with the project's own prompts and music.
    pub fn start() -> Plane {
        Plane::with(config(), library())
    }

    pub fn with(config: MediaConfig, library: Library) -> Plane {
        let registry = prometheus::Registry::new();
        let (sender, events) = channel();
        let report = Arc::new(move |event| sender.send(event).unwrap_or_default());
        let media = Media::start(config, library, &registry, report).expect("the media plane starts");
        Plane {
            media,
            registry,
            events,
        }
    }

    /// Opens a leg and a phone for it, which speaks `codec` and keys as payload type `dtmf`.
    pub fn phone(&self, leg: LegId, codec: Codec, dtmf: Option<u8>) -> Phone {
        let phone = self.silent_phone(leg, codec, dtmf);
        phone.agree();
        phone
    }

    /// Like [`Self::phone`], with nothing agreed yet.
    pub fn silent_phone(&self, leg: LegId, codec: Codec, dtmf: Option<u8>) -> Phone {
        let port = self.media.open(leg, Family::V4).expect("a port is free");
        Phone::new(port, codec, dtmf)
    }

    /// The value of a metric line such as `holdfast_rtp_dropped_total{reason="late"}`.
    pub fn metric(&self, line: &str) -> f64 {
        let text = prometheus::TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .expect("metrics are text");
        let found = text
            .lines()
            .find_map(|l| l.strip_prefix(line)?.trim().parse().ok());
        found.unwrap_or_else(|| panic!("no metric {line} in\n{text}"))
    }

    /// Waits until a metric has come to a value; the threads tell theirs ten times a second.
    pub fn await_metric(&self, line: &str, value: f64) {
        let start = Instant::now();
        while self.metric(line) != value && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(self.metric(line), value, "{line}");
    }

    pub fn dropped(&self, reason: &str, count: u32) {
        self.await_metric(
            &format!("holdfast_rtp_dropped_total{{reason=\"{reason}\"}}"),
            f64::from(count),
        );
    }

    pub fn next_event(&self) -> MediaEvent {
        self.events.recv_timeout(PATIENCE).expect("an event comes")
    }
}

/// A configuration on a loopback address that no other test of this process has.
pub fn config() -> MediaConfig {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let host = NEXT.fetch_add(1, Ordering::Relaxed);
    let process = std::process::id().to_be_bytes();
    MediaConfig {
        bind_v4: Some(Ipv4Addr::new(127, process[2] | 1, process[3], host)),
        threads: 2,
        ports: 20_000..=20_199,
        ..MediaConfig::default()
    }
}

/// The project's own audio, read once for all tests of a process.
pub fn library() -> Library {
    static LIBRARY: LazyLock<Library> = LazyLock::new(|| {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
        let (library, _) = Library::load(&config, &Language::ALL).expect("the project's audio is there");
        library
    });
    LIBRARY.clone()
}

pub fn caller() -> LegId {
    LegId::caller(CallId(7))
}

pub fn operator() -> LegId {
    LegId {
        call: CallId(7),
        leg: 1,
    }
}

/// Hold music, at once.
pub fn music() -> Playlist {
    Playlist {
        prompts: vec![],
        then: media::AfterPrompts::HoldMusic,
    }
}

/// A packet as a phone sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    pub pt: u8,
    pub marker: bool,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
    pub payload: Vec<u8>,
}

impl Packet {
    pub fn parse(bytes: &[u8]) -> Packet {
        assert!(
            bytes.len() >= 12 && bytes[0] == 0x80,
            "a plain RTP header, not {bytes:02x?}"
        );
        let word = |i: usize| u32::from_be_bytes(bytes[i..i + 4].try_into().expect("four octets"));
        Packet {
            pt: bytes[1] & 0x7f,
            marker: bytes[1] & 0x80 != 0,
            sequence: word(0) as u16,
            timestamp: word(4),
            ssrc: word(8),
            payload: bytes[12..].to_vec(),
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0x80, (u8::from(self.marker) << 7) | self.pt];
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.timestamp.to_be_bytes());
        bytes.extend(self.ssrc.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }
}

/// A phone: two sockets, and a stream that counts up.
pub struct Phone {
    pub rtp: UdpSocket,
    pub rtcp: UdpSocket,
    pub port: Port,
    pub remote: Remote,
    pub next: Packet,
}

impl Phone {
    pub fn new(port: Port, codec: Codec, dtmf_pt: Option<u8>) -> Phone {
        let socket = || {
            let any: SocketAddr = (port.local().ip(), 0).into();
            let socket = UdpSocket::bind(any).expect("loopback has ports");
            socket
                .set_read_timeout(Some(PATIENCE))
                .expect("a timeout can be set");
            socket
        };
        let (rtp, rtcp) = (socket(), socket());
        let remote = Remote {
            rtp: rtp.local_addr().expect("a bound socket"),
            rtcp: rtcp.local_addr().expect("a bound socket"),
            codec,
            opus_pt: None,
            dtmf_pt,
            dtmf_rate: 8_000,
            send: true,
            receive: true,
            ptime_ms: 20,
        };
        let next = Packet {
            pt: codec.payload_type(),
            marker: false,
            sequence: 65_500,
            timestamp: u32::MAX - 2_000,
            ssrc: u32::from(remote.rtp.port()) << 16,
            payload: vec![],
        };
        Phone {
            rtp,
            rtcp,
            port,
            remote,
            next,
        }
    }

    /// Tells the media plane where this phone is.
    pub fn agree(&self) {
        self.port.set_remote(self.remote);
    }

    /// Sends 20 ms of audio.
    pub fn send(&mut self, payload: &[u8]) {
        self.next.payload = payload.to_vec();
        self.send_packet(&self.next);
        self.skip(1);
    }

    pub fn send_packet(&self, packet: &Packet) {
        self.rtp
            .send_to(&packet.bytes(), self.port.local())
            .expect("loopback takes packets");
    }

    /// Leaves out packets, as if the network had lost them.
    pub fn skip(&mut self, packets: u16) {
        self.next.sequence = self.next.sequence.wrapping_add(packets);
        self.next.timestamp = self
            .next
            .timestamp
            .wrapping_add(u32::from(packets) * FRAME as u32);
    }

    pub fn receive(&self) -> Packet {
        let mut bytes = [0; 2_048];
        let length = self.rtp.recv(&mut bytes).expect("a packet comes");
        Packet::parse(&bytes[..length])
    }

    pub fn receive_many(&self, count: usize) -> Vec<Packet> {
        (0..count).map(|_| self.receive()).collect()
    }

    /// What has come and not been read, after all that was under way has arrived.
    pub fn drain(&self) -> Vec<Packet> {
        std::thread::sleep(Duration::from_millis(60));
        self.rtp
            .set_nonblocking(true)
            .expect("sockets can be non-blocking");
        let mut packets = Vec::new();
        let mut bytes = [0; 2_048];
        loop {
            match self.rtp.recv(&mut bytes) {
                Ok(length) => packets.push(Packet::parse(&bytes[..length])),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => panic!("cannot read: {e}"),
            }
        }
        self.rtp.set_nonblocking(false).expect("sockets can block");
        packets
    }
}

/// Two phones of one call, bridged, whose first packets have passed.
pub fn bridged(plane: &Plane, caller_codec: Codec, operator_codec: Codec) -> (Phone, Phone) {
    let mut a = plane.phone(caller(), caller_codec, Some(101));
    let mut b = plane.phone(operator(), operator_codec, Some(96));
    plane.media.bridge(caller(), operator());
    a.send(&[1; FRAME]);
    b.send(&[2; FRAME]);
    a.receive();
    b.receive();
    (a, b)
}

/// Twenty milliseconds that tell which they are.
pub fn frame(n: usize) -> Vec<u8> {
    (0..FRAME).map(|i| (n * 31 + i * 7) as u8).collect()
}

/// Checks that packets are one stream without a gap in sequence or timestamp.
pub fn assert_continuous(packets: &[Packet]) {
    for pair in packets.windows(2) {
        let [a, b] = pair else { continue };
        assert_eq!(b.ssrc, a.ssrc);
        assert_eq!(b.sequence, a.sequence.wrapping_add(1), "after {a:?}");
        assert_eq!(
            b.timestamp,
            a.timestamp.wrapping_add(a.payload.len() as u32),
            "after {a:?}"
        );
    }
}

/// Checks that packets of prompts and music are one stream. A machine under load may be late by a packet or
/// more; then the timestamp tells of it, in whole frames, and the marker is set.
pub fn assert_paced(packets: &[Packet]) {
    for pair in packets.windows(2) {
        let [a, b] = pair else { continue };
        assert_eq!(
            (b.ssrc, b.sequence),
            (a.ssrc, a.sequence.wrapping_add(1)),
            "after {a:?}"
        );
        let late = b
            .timestamp
            .wrapping_sub(a.timestamp)
            .wrapping_sub(a.payload.len() as u32);
        assert!(
            late.is_multiple_of(160) && late < 80_000 && (late == 0 || b.marker),
            "{late} after {a:?}"
        );
    }
}
