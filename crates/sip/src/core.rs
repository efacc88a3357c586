//! What all parts of the SIP edge share: settings, sockets, and the tables that lead to a leg.

use crate::config::{SipConfig, Transport};
use crate::dialing::Dial;
use crate::digest::Digest;
use crate::leg::LegMsg;
use crate::limits::Sources;
use crate::metrics::Metrics;
use crate::outside::Outside;
use crate::record::{Keep, TagKey};
use crate::registrar::Registrar;
use crate::transport::Flow;
use crate::trunk::Trunks;
use crate::websocket::Socket;
use crate::wire::Echo;
use crate::{Accepted, SipEvent, SipEvents, dialog};
use acd::LegId;
use dashmap::DashMap;
use media::{Codec, Media};
use rsipstack::sip::{Header, Request, Response, SipMessage, StatusCode};
use rsipstack::transaction::endpoint::{EndpointInner, EndpointOption, MessageInspector};
use rsipstack::transaction::random_text;
use rsipstack::transport::{SipAddr, TransportLayer};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// How long an INVITE may ring at most. The queue's own ring timeout is far shorter.
const TIMER_C: Duration = Duration::from_secs(600);
/// Messages that may wait for one leg; beyond half of it only our own commands are let in.
pub(crate) const LEG_QUEUE: usize = 64;

/// The shared state.
pub(crate) struct Core {
    pub(crate) config: SipConfig,
    pub(crate) media: Media,
    pub(crate) metrics: Arc<Metrics>,
    events: SipEvents,
    pub(crate) keep: Option<Keep>,
    pub(crate) endpoint: Arc<EndpointInner>,
    pub(crate) runtime: Handle,
    /// Legs that the engine knows of.
    pub(crate) legs: DashMap<LegId, LegHandle>,
    /// Dialogs by our tag; a leg that is being ended is still here.
    pub(crate) dialogs: DashMap<u64, mpsc::Sender<LegMsg>>,
    /// Open TCP connections by the peer's address.
    pub(crate) streams: DashMap<SocketAddr, Flow>,
    /// Open WebSockets by the peer's address.
    pub(crate) sockets: DashMap<SocketAddr, Socket>,
    pub(crate) listeners: Vec<(Transport, SocketAddr)>,
    pub(crate) udp: Vec<Flow>,
    pub(crate) trunks: Trunks,
    pub(crate) outside: Outside,
    pub(crate) digest: Digest,
    pub(crate) registrar: Registrar,
    pub(crate) sources: Sources,
    /// Phones to ring, in order. Bounded by the engine: it rings an operator's phone once at a time.
    pub(crate) dials: mpsc::UnboundedSender<Dial>,
    pub(crate) closing: AtomicBool,
    /// In every branch that we write, to know a request that came back to us.
    pub(crate) mark: String,
    next_call: AtomicU64,
    pub(crate) tags: TagKey,
}

/// Where the edge reports to.
pub(crate) struct Reports {
    pub(crate) events: SipEvents,
    pub(crate) keep: Option<Keep>,
}

/// Our sockets as they were opened.
pub(crate) struct Sockets {
    pub(crate) listeners: Vec<(Transport, SocketAddr)>,
    pub(crate) udp: Vec<Flow>,
}

/// The engine's way to a leg.
#[derive(Clone)]
pub(crate) struct LegHandle {
    pub(crate) sender: mpsc::Sender<LegMsg>,
    /// Where in [`Codec::ALL`].
    codec: Arc<AtomicU8>,
}

impl LegHandle {
    pub(crate) fn new(sender: mpsc::Sender<LegMsg>) -> Self {
        Self {
            sender,
            codec: Arc::new(AtomicU8::new(0)),
        }
    }

    /// The codec that the leg has agreed on, which its other leg should prefer.
    pub(crate) fn codec(&self) -> Codec {
        let known = Codec::ALL.get(usize::from(self.codec.load(Ordering::Relaxed)));
        known.copied().unwrap_or(Codec::Pcma)
    }

    pub(crate) fn set_codec(&self, codec: Codec) {
        let known = Codec::ALL
            .iter()
            .position(|&one| one == codec)
            .unwrap_or_default();
        self.codec.store(known as u8, Ordering::Relaxed);
    }
}

impl Core {
    pub(crate) fn new(
        config: SipConfig,
        media: Media,
        metrics: Arc<Metrics>,
        reports: Reports,
        sockets: Sockets,
        tags: Option<TagKey>,
        dials: mpsc::UnboundedSender<Dial>,
    ) -> Result<Self, crate::SipError> {
        let t1 = config.t1;
        let option = EndpointOption {
            t1,
            t2: t1 * 8,
            t4: t1 * 10,
            t1x64: t1 * 64,
            timerc: TIMER_C,
            auto_ack_2xx: false,
            ..EndpointOption::default()
        };
        let cancel = tokio_util::sync::CancellationToken::new();
        let endpoint = EndpointInner::new(
            config.user_agent.clone(),
            TransportLayer::new(cancel.clone()),
            cancel,
            None,
            Vec::new(),
            Some(option),
            Some(Box::new(Meter(Arc::clone(&metrics)))),
            None,
            None,
        );
        let limits = config.limits;
        let fresh = tags.is_none();
        let core = Self {
            trunks: Trunks::new(&config),
            outside: Outside::new(&config)?,
            digest: Digest::new(&config.realm, &config.digest, config.nonce_lifetime),
            registrar: Registrar::new(&config)?,
            sources: Sources::new(
                limits.requests_per_second,
                limits.requests_burst,
                limits.sources_max,
            ),
            next_call: AtomicU64::new(config.first_call_id),
            mark: random_text(8),
            runtime: Handle::current(),
            legs: DashMap::new(),
            dialogs: DashMap::new(),
            streams: DashMap::new(),
            sockets: DashMap::new(),
            dials,
            closing: AtomicBool::new(false),
            tags: tags.unwrap_or_else(TagKey::random),
            config,
            media,
            metrics,
            events: reports.events,
            keep: reports.keep,
            endpoint,
            listeners: sockets.listeners,
            udp: sockets.udp,
        };
        if fresh {
            core.keep_tags();
        }
        Ok(core)
    }

    pub(crate) fn emit(&self, event: SipEvent) -> Accepted {
        (self.events)(event)
    }

    pub(crate) fn draw_call(&self) -> acd::CallId {
        acd::CallId(self.next_call.fetch_add(1, Ordering::Relaxed))
    }

    /// 64 times T1, the longest that a transaction lives.
    pub(crate) fn transaction_life(&self) -> Duration {
        self.config.t1 * 64
    }

    /// Our tag in a dialog. The same request gives the same tag, so that a refusal that keeps no state gives it
    /// again (RFC 3261 §8.2.7), and a merged request is found (§8.2.2.2). Nobody else can make it up.
    pub(crate) fn local_tag(&self, call_id: &str, remote_tag: &str) -> u64 {
        self.tags.tag(call_id, remote_tag)
    }

    /// The leg of a dialog, by our tag as it stands in a message.
    pub(crate) fn leg_of(&self, tag: &str) -> Option<mpsc::Sender<LegMsg>> {
        let tag = u64::from_str_radix(tag, 16).ok().filter(|_| tag.len() == 16)?;
        self.dialogs.get(&tag).map(|sender| sender.clone())
    }

    /// Our UDP socket of the family of `remote`.
    pub(crate) fn udp_flow(&self, remote: SocketAddr) -> Option<Flow> {
        self.udp
            .iter()
            .find(|f| f.local.is_ipv4() == remote.is_ipv4())
            .map(|f| f.to(remote))
    }

    /// The address that a peer should use for a socket of ours.
    pub(crate) fn told(&self, local: SocketAddr, peer: IpAddr) -> SocketAddr {
        let configured = match local.ip() {
            IpAddr::V4(_) => self.config.external_v4.map(IpAddr::V4),
            IpAddr::V6(_) => self.config.external_v6.map(IpAddr::V6),
        };
        let ip = match configured {
            Some(ip) => ip,
            None if local.ip().is_unspecified() => route_to(peer).unwrap_or(local.ip()),
            None => local.ip(),
        };
        SocketAddr::new(ip, local.port())
    }

    /// The socket address that peers of a flow should call: for TCP the listener, as they cannot call back the
    /// port of an outgoing connection.
    pub(crate) fn told_flow(&self, flow: &Flow) -> SocketAddr {
        let mut told = self.told(flow.local, flow.remote.ip());
        let listens = |t: &(Transport, SocketAddr)| t.0 == flow.transport && t.1.is_ipv4() == told.is_ipv4();
        if flow.transport == Transport::Tcp
            && let Some((_, listener)) = self.listeners.iter().find(|t| listens(t))
        {
            told.set_port(listener.port());
        }
        told
    }

    pub(crate) fn via(&self, flow: &Flow) -> String {
        dialog::via(&self.mark, flow.transport, &self.host_of(flow))
    }

    /// Host and port as peers of a flow should know them. A browser only ever uses its connection.
    pub(crate) fn host_of(&self, flow: &Flow) -> String {
        let told = self.told_flow(flow);
        match told {
            SocketAddr::V4(v4) if flow.transport == Transport::Ws => v4.ip().to_string(),
            SocketAddr::V6(v6) if flow.transport == Transport::Ws => format!("[{}]", v6.ip()),
            _ => told.to_string(),
        }
    }

    /// Our Contact towards a peer.
    pub(crate) fn contact(&self, flow: &Flow) -> String {
        let transport = match flow.transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            Transport::Ws => ";transport=ws",
        };
        format!("<sip:holdfast@{}{transport}>", self.host_of(flow))
    }

    /// Answers a request without keeping state (RFC 3261 §8.2.7).
    pub(crate) async fn reply(&self, flow: &Flow, echo: &Echo, code: u16, headers: &[(&str, String)]) {
        use std::fmt::Write;
        let mut text = String::with_capacity(512);
        let _ = write!(text, "SIP/2.0 {code} {}\r\n", StatusCode::from(code).text());
        for via in &echo.vias {
            let _ = write!(text, "Via: {via}\r\n");
        }
        let to_tag = if crate::message::tag(&echo.to).is_some() {
            String::new()
        } else {
            let from_tag = crate::message::tag(&echo.from).unwrap_or_default();
            format!(";tag={:016x}", self.local_tag(&echo.call_id, from_tag))
        };
        let _ = write!(
            text,
            "From: {}\r\nTo: {}{to_tag}\r\nCall-ID: {}\r\nCSeq: {}\r\nServer: {}\r\n",
            echo.from, echo.to, echo.call_id, echo.cseq, self.config.user_agent
        );
        for (name, value) in headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        text.push_str("Content-Length: 0\r\n\r\n");
        self.metrics.response_sent(code);
        let remote = echo
            .vias
            .first()
            .map_or(flow.remote, |via| crate::edge::response_addr(via, flow.remote));
        flow.send_raw(text.as_bytes(), remote).await;
    }

    /// Sends a request that has no transaction: the ACK of a 2xx.
    pub(crate) async fn send(&self, request: Request, flow: &Flow) {
        self.metrics.request_sent(&request.method);
        if let Err(error) = flow
            .connection
            .send(SipMessage::Request(request), Some(&flow.addr()))
            .await
        {
            tracing::debug!(%error, "could not send");
        }
    }

    /// A response with the headers that all of ours carry.
    pub(crate) fn response(
        &self,
        to: &Request,
        code: u16,
        tag: Option<&str>,
        mut headers: Vec<Header>,
        body: Option<String>,
    ) -> Response {
        headers.push(Header::Server(self.config.user_agent.as_str().into()));
        crate::message::response(to, code, tag, headers, body)
    }
}

/// The local address that the kernel would use towards `peer`. No packet is sent.
fn route_to(peer: IpAddr) -> Option<IpAddr> {
    let any: SocketAddr = if peer.is_ipv4() {
        ([0, 0, 0, 0], 0).into()
    } else {
        (std::net::Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect((peer, 9)).ok()?;
    socket.local_addr().ok().map(|a| a.ip())
}

/// Counts what the transaction layer sends, repeats included.
struct Meter(Arc<Metrics>);

impl MessageInspector for Meter {
    fn before_send(&self, message: SipMessage, _: Option<&SipAddr>) -> SipMessage {
        match &message {
            SipMessage::Request(request) => self.0.request_sent(&request.method),
            SipMessage::Response(response) => self.0.response_sent(response.status_code.code()),
        }
        message
    }

    fn after_received(&self, message: SipMessage, _: Option<&SipAddr>) -> SipMessage {
        message
    }
}
