//! A peer that writes its SIP by hand, and a SIP edge on loopback to talk to.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use acd::{OperatorId, QueueId};
use futures_util::{SinkExt, StreamExt};
use media::{Library, Media, MediaConfig};
use sip::{
    Accepted, Listen, Phone, PhoneOwner, Sip, SipConfig, SipEvent, SrtpPolicy, Transport, Trunk, TrunkAuth,
    WebUser,
};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::{Mutex, mpsc};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

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
    pub async fn arrival(&mut self) -> acd::CallId {
        match self.event().await {
            SipEvent::CallArrived { call, .. } => call,
            other => panic!("expected an arrival, got {other:?}"),
        }
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

/// A message as it came.
#[derive(Clone, Debug)]
pub struct Msg {
    pub start: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Msg {
    pub fn parse(bytes: &[u8]) -> Msg {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").expect("a header end");
        let mut lines = head.split("\r\n");
        let start = lines.next().expect("a start line").to_owned();
        let headers = lines
            .filter_map(|l| l.split_once(':'))
            .map(|(n, v)| (n.trim().to_owned(), v.trim().to_owned()))
            .collect();
        Msg {
            start,
            headers,
            body: body.to_owned(),
        }
    }

    pub fn get(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map_or("", |(_, v)| v)
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, v)| v.as_str())
    }

    pub fn status(&self) -> u16 {
        let code = self
            .start
            .strip_prefix("SIP/2.0 ")
            .and_then(|r| r.get(..3))
            .and_then(|c| c.parse().ok());
        code.unwrap_or_else(|| panic!("not a response: {}", self.start))
    }

    pub fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    pub fn tag(&self, name: &str) -> &str {
        self.get(name)
            .split(";tag=")
            .nth(1)
            .and_then(|r| r.split(';').next())
            .unwrap_or_default()
    }

    pub fn cseq(&self) -> u32 {
        self.get("CSeq")
            .split(' ')
            .next()
            .and_then(|n| n.parse().ok())
            .expect("a CSeq")
    }

    /// The URI of Contact.
    pub fn contact(&self) -> String {
        let value = self.get("Contact");
        value
            .split('<')
            .nth(1)
            .and_then(|r| r.split('>').next())
            .expect("a contact")
            .to_owned()
    }

    /// The RTP port of the description.
    pub fn rtp(&self) -> u16 {
        let line = self
            .body
            .lines()
            .find(|l| l.starts_with("m=audio "))
            .expect("an audio line");
        line.split(' ')
            .nth(1)
            .and_then(|p| p.parse().ok())
            .expect("a port")
    }
}

/// Where a peer is reached.
enum Link {
    Udp(UdpSocket),
    Tcp(Mutex<(TcpStream, Vec<u8>)>),
    Ws(Box<Mutex<WebSocketStream<DuplexStream>>>),
}

/// A peer on loopback.
pub struct Peer {
    link: Link,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub via: &'static str,
    /// Where the peer says that it is reached.
    pub host: String,
}

static NUMBER: AtomicU32 = AtomicU32::new(1);
static NEXT_BROWSER: AtomicU16 = AtomicU16::new(1);

/// A text that was not used before.
pub fn fresh(prefix: &str) -> String {
    format!("{prefix}{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

impl Peer {
    pub async fn udp(remote: SocketAddr) -> Peer {
        let any: SocketAddr = if remote.is_ipv4() {
            "127.0.0.1:0"
        } else {
            "[::1]:0"
        }
        .parse()
        .expect("an address");
        let socket = UdpSocket::bind(any).await.expect("a socket");
        let local = socket.local_addr().expect("an address");
        Peer {
            link: Link::Udp(socket),
            local,
            remote,
            via: "UDP",
            host: local.to_string(),
        }
    }

    pub async fn tcp(remote: SocketAddr) -> Peer {
        let stream = TcpStream::connect(remote).await.expect("a connection");
        let local = stream.local_addr().expect("an address");
        Peer::over(stream, local, remote)
    }

    /// A peer at `local` on an open connection.
    pub fn over(stream: TcpStream, local: SocketAddr, remote: SocketAddr) -> Peer {
        Peer {
            link: Link::Tcp(Mutex::new((stream, Vec::new()))),
            local,
            remote,
            via: "TCP",
            host: local.to_string(),
        }
    }

    /// A browser that calls itself `name`, on a WebSocket which somebody has upgraded for `user`.
    pub fn browser(sip: &Sip, name: &str, user: WebUser) -> Peer {
        let (ours, theirs) = tokio::io::duplex(65_536);
        let local: SocketAddr = ([127, 0, 0, 1], NEXT_BROWSER.fetch_add(1, Ordering::Relaxed)).into();
        let sip = sip.clone();
        tokio::spawn(async move {
            sip.serve_websocket(theirs, local, user).await;
        });
        let socket = WebSocketStream::from_raw_socket(ours, Role::Client, None);
        let socket = futures_util::FutureExt::now_or_never(socket).expect("nothing to wait for");
        Peer {
            link: Link::Ws(Box::new(Mutex::new(socket))),
            local,
            remote: local,
            via: "WS",
            host: format!("{name}.invalid;transport=ws"),
        }
    }

    pub async fn send(&self, text: &str) {
        self.send_bytes(text.as_bytes()).await;
    }

    pub async fn send_bytes(&self, bytes: &[u8]) {
        match &self.link {
            Link::Udp(socket) => {
                socket.send_to(bytes, self.remote).await.expect("sent");
            }
            Link::Tcp(link) => link.lock().await.0.write_all(bytes).await.expect("sent"),
            Link::Ws(link) => {
                let text = String::from_utf8(bytes.to_vec()).expect("text");
                link.lock().await.send(Message::text(text)).await.expect("sent");
            }
        }
    }

    /// The next message.
    pub async fn recv(&self) -> Msg {
        tokio::time::timeout(PATIENCE, self.read())
            .await
            .expect("a message in time")
    }

    /// Nothing is here now. Only after something that must have come later has come.
    pub fn silent(&self) {
        let Link::Udp(socket) = &self.link else {
            panic!("UDP only")
        };
        let mut buffer = [0; 4096];
        if let Ok((length, _)) = socket.try_recv_from(&mut buffer) {
            panic!("unexpected {}", String::from_utf8_lossy(&buffer[..length]));
        }
    }

    async fn read(&self) -> Msg {
        match &self.link {
            Link::Ws(_) => Msg::parse(self.text().await.as_bytes()),
            Link::Udp(socket) => {
                let mut buffer = vec![0; 65_536];
                let (length, _) = socket.recv_from(&mut buffer).await.expect("received");
                Msg::parse(&buffer[..length])
            }
            Link::Tcp(link) => {
                let mut link = link.lock().await;
                let (stream, buffer) = &mut *link;
                loop {
                    if let Some(end) = buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                        let head = Msg::parse(&buffer[..end + 4]);
                        let total = end + 4 + head.get("Content-Length").parse::<usize>().expect("a length");
                        if buffer.len() >= total {
                            let bytes: Vec<u8> = buffer.drain(..total).collect();
                            return Msg::parse(&bytes);
                        }
                    }
                    let read = stream.read_buf(buffer).await.expect("read");
                    assert!(read > 0, "the connection was closed");
                }
            }
        }
    }

    /// The next frame of text as it is, for a peer on a WebSocket.
    pub async fn text(&self) -> String {
        let Link::Ws(link) = &self.link else {
            panic!("WebSocket only")
        };
        loop {
            let read = tokio::time::timeout(PATIENCE, async { link.lock().await.next().await });
            match read
                .await
                .expect("a frame in time")
                .expect("it is open")
                .expect("a frame")
            {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    /// Waits until the other side has closed the connection.
    pub async fn closed(&self) {
        if let Link::Ws(link) = &self.link {
            let mut link = link.lock().await;
            let end = async { while let Some(Ok(_)) = link.next().await {} };
            return tokio::time::timeout(PATIENCE, end).await.expect("closed in time");
        }
        let Link::Tcp(link) = &self.link else {
            panic!("TCP only")
        };
        let mut link = link.lock().await;
        let mut rest = Vec::new();
        // A reset is as good as an end.
        let _ = tokio::time::timeout(PATIENCE, link.0.read_to_end(&mut rest))
            .await
            .expect("closed in time");
    }

    /// The next response with this status; other provisional responses and repeats are passed over.
    pub async fn expect(&self, status: u16) -> Msg {
        loop {
            let msg = self.recv().await;
            if !msg.start.starts_with("SIP/2.0") {
                panic!("expected {status}, got {}", msg.start);
            }
            if msg.status() == status {
                return msg;
            }
            assert!(
                msg.status() < 200,
                "expected {status}, got {} {:?}",
                msg.start,
                msg.headers
            );
        }
    }

    /// The next request, which must have this method.
    pub async fn expect_request(&self, method: &str) -> Msg {
        let msg = self.recv().await;
        assert_eq!(msg.method(), method, "{msg:?}");
        msg
    }

    /// Responds to a request. `extra` are whole header lines.
    pub async fn respond(&self, request: &Msg, status: u16, to_tag: &str, extra: &str, body: &str) {
        let mut text = format!("SIP/2.0 {status} Whatever\r\n");
        for via in request.all("Via") {
            text.push_str(&format!("Via: {via}\r\n"));
        }
        let tag = if request.tag("To").is_empty() && status > 100 {
            format!(";tag={to_tag}")
        } else {
            String::new()
        };
        text.push_str(&format!(
            "From: {}\r\nTo: {}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <sip:phone@{}>\r\n{extra}",
            request.get("From"),
            request.get("To"),
            request.get("Call-ID"),
            request.get("CSeq"),
            self.host,
        ));
        if !body.is_empty() {
            text.push_str("Content-Type: application/sdp\r\n");
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        self.send(&text).await;
    }
}

/// A dialog as the peer sees it.
pub struct Call<'p> {
    pub peer: &'p Peer,
    pub call_id: String,
    pub from: String,
    pub to: String,
    pub target: String,
    pub seq: u32,
    pub branch: String,
}

impl<'p> Call<'p> {
    /// A call that is going to be made.
    pub fn new(peer: &'p Peer, user: &str) -> Self {
        let host = peer.remote;
        Self {
            peer,
            call_id: fresh("call"),
            from: format!("\"Caller\" <sip:13800138000@{}>;tag={}", peer.local, fresh("ft")),
            to: format!("<sip:{user}@{host}>"),
            target: format!("sip:{user}@{host}"),
            seq: 0,
            branch: String::new(),
        }
    }

    /// The dialog in which `invite` came to us, answered with `tag`.
    pub fn callee(peer: &'p Peer, invite: &Msg, tag: &str) -> Self {
        Self {
            peer,
            call_id: invite.get("Call-ID").to_owned(),
            from: format!("{};tag={tag}", invite.get("To")),
            to: invite.get("From").to_owned(),
            target: invite.contact(),
            seq: 100,
            branch: String::new(),
        }
    }

    /// The text of a request; the CSeq counts up but for ACK and CANCEL, which also keep the branch if told so.
    pub fn request(&mut self, method: &str, extra: &str, body: &str) -> String {
        if !matches!(method, "ACK" | "CANCEL") {
            self.seq += 1;
        }
        if method != "CANCEL" {
            self.branch = fresh("z9hG4bKtest");
        }
        let content = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        format!(
            "{method} {} SIP/2.0\r\nVia: SIP/2.0/{} {};branch={};rport\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\n\
             Call-ID: {}\r\nCSeq: {} {method}\r\nContact: <sip:caller@{}{}>\r\n{extra}{content}Content-Length: {}\r\n\r\n{body}",
            self.target,
            self.peer.via,
            self.peer.local,
            self.branch,
            self.from,
            self.to,
            self.call_id,
            self.seq,
            self.peer.host,
            if self.peer.via == "TCP" {
                ";transport=tcp"
            } else {
                ""
            },
            body.len(),
        )
    }

    pub async fn send(&mut self, method: &str, extra: &str, body: &str) {
        let text = self.request(method, extra, body);
        self.peer.send(&text).await;
    }

    /// Sends INVITE with a description.
    pub async fn invite(&mut self) {
        self.send("INVITE", "", &sdp(40_000)).await;
    }

    /// Takes over tag and contact of a response.
    pub fn learn(&mut self, response: &Msg) {
        self.to = response.get("To").to_owned();
        if !response.get("Contact").is_empty() {
            self.target = response.contact();
        }
    }

    /// Takes the 200, and ACKs it.
    pub async fn answered(&mut self) -> Msg {
        let ok = self.peer.expect(200).await;
        self.learn(&ok);
        self.send("ACK", "", "").await;
        ok
    }

    /// ACKs a refusal, in the transaction of the INVITE.
    pub async fn ack_refusal(&mut self, response: &Msg) {
        let branch = self.branch.clone();
        let to = std::mem::replace(&mut self.to, response.get("To").to_owned());
        let text = self.request("ACK", "", "").replace(&self.branch, &branch);
        self.to = to;
        self.branch = branch;
        self.peer.send(&text).await;
    }

    pub async fn bye(&mut self) {
        self.send("BYE", "", "").await;
        self.peer.expect(200).await;
    }
}

/// Registers a phone: with digest, from this peer.
pub async fn register(peer: &Peer, user: &str, algorithm: &str, extra: &str) -> Msg {
    let call_id = fresh("reg");
    let text = register_text(peer, user, &call_id, 1, "", extra);
    peer.send(&text).await;
    let challenge = peer.expect(401).await;
    let credentials = credentials(
        &challenge,
        algorithm,
        "REGISTER",
        user,
        &format!("secret{user}"),
        1,
    );
    peer.send(&register_text(peer, user, &call_id, 2, &credentials, extra))
        .await;
    peer.recv().await
}

pub fn register_text(
    peer: &Peer,
    user: &str,
    call_id: &str,
    seq: u32,
    credentials: &str,
    extra: &str,
) -> String {
    let contact = if extra.contains("Contact:") {
        String::new()
    } else {
        format!("Contact: <sip:{user}@{}>\r\n", peer.host)
    };
    format!(
        "REGISTER sip:{} SIP/2.0\r\nVia: SIP/2.0/{} {};branch={};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:{user}@holdfast>;tag=r1\r\nTo: <sip:{user}@holdfast>\r\nCall-ID: {call_id}\r\nCSeq: {seq} REGISTER\r\n\
         {contact}{extra}{credentials}Content-Length: 0\r\n\r\n",
        peer.remote,
        peer.via,
        peer.local,
        fresh("z9hG4bKreg"),
    )
}

/// An Authorization header line that answers a challenge.
pub fn credentials(
    challenge: &Msg,
    algorithm: &str,
    method: &str,
    user: &str,
    secret: &str,
    nc: u32,
) -> String {
    let offered = challenge
        .all("WWW-Authenticate")
        .find(|v| v.contains(&format!("algorithm={algorithm},")));
    let offered = offered.unwrap_or_else(|| panic!("no {algorithm} in {challenge:?}"));
    let part = |name: &str| {
        let from = offered.split(&format!("{name}=\"")).nth(1).expect("a parameter");
        from.split('"').next().expect("a value").to_owned()
    };
    let (realm, nonce, uri) = (part("realm"), part("nonce"), "sip:holdfast");
    let hash = |text: String| hex(algorithm, &text);
    let ha1 = hash(format!("{user}:{realm}:{secret}"));
    let ha2 = hash(format!("{method}:{uri}"));
    let response = hash(format!("{ha1}:{nonce}:{nc:08x}:cn:auth:{ha2}"));
    format!(
        "Authorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         response=\"{response}\", algorithm={algorithm}, qop=auth, nc={nc:08x}, cnonce=\"cn\"\r\n"
    )
}

pub fn hex(algorithm: &str, text: &str) -> String {
    use sha2::Digest;
    let bytes: Vec<u8> = match algorithm {
        "MD5" => md5::Md5::digest(text).to_vec(),
        _ => sha2::Sha256::digest(text).to_vec(),
    };
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
