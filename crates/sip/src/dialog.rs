//! A dialog (RFC 3261 §12): its identity, and the requests that we send in it.
//!
//! Everything here is plain data besides the flow, so that a dialog can be written down and rebuilt after a crash.

use crate::config::Transport;
use crate::core::Core;
use crate::message;
use crate::transport::{self, Flow};
use rsipstack::sip::uri::ParamsExt;
use rsipstack::sip::{Header, Host, HostWithPort, Method, Request, Transport as SipTransport, Uri, Version};
use rsipstack::transaction::random_text;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long a name in a Contact or Route may take to resolve.
const RESOLVE_PATIENCE: Duration = Duration::from_secs(2);

/// One dialog.
#[derive(Clone)]
pub(crate) struct Dialog {
    pub(crate) call_id: String,
    /// Our tag, which finds the leg again.
    pub(crate) local_tag: String,
    /// The peer's tag; empty until a response brings it.
    pub(crate) remote_tag: String,
    /// Our From value without tag.
    pub(crate) local: String,
    /// Our To value without tag.
    pub(crate) remote: String,
    /// CSeq of our last request.
    pub(crate) local_seq: u32,
    /// CSeq of the peer's last request.
    pub(crate) remote_seq: Option<u32>,
    /// Route values, nearest first.
    pub(crate) routes: Vec<String>,
    /// The peer's Contact.
    pub(crate) target: Uri,
    /// Our Contact value.
    pub(crate) contact: String,
    /// The way the last request or response came, or went.
    pub(crate) flow: Flow,
    /// The peer's idea of its address is not where its packets come from: only the flow leads back.
    pub(crate) behind_nat: bool,
}

impl Dialog {
    /// The next request of the dialog. Its CSeq counts up.
    pub(crate) fn request(
        &mut self,
        core: &Core,
        method: Method,
        headers: Vec<Header>,
        body: Option<String>,
    ) -> Request {
        self.local_seq = self.local_seq.wrapping_add(1);
        self.request_at(core, method, self.local_seq, headers, body)
    }

    /// The ACK of a 2xx to our INVITE with this CSeq (RFC 3261 §13.2.2.4).
    pub(crate) fn ack(&self, core: &Core, seq: u32) -> Request {
        self.request_at(core, Method::Ack, seq, Vec::new(), None)
    }

    fn request_at(
        &self,
        core: &Core,
        method: Method,
        seq: u32,
        extra: Vec<Header>,
        body: Option<String>,
    ) -> Request {
        let via = core.via(&self.flow);
        let mut headers: Vec<Header> = Vec::with_capacity(12 + extra.len() + self.routes.len());
        headers.push(Header::Via(via.into()));
        headers.extend(self.routes.iter().map(|r| Header::Route(r.as_str().into())));
        headers.push(Header::MaxForwards(70.into()));
        headers.push(Header::From(
            format!("{};tag={}", self.local, self.local_tag).into(),
        ));
        let to = if self.remote_tag.is_empty() {
            self.remote.clone()
        } else {
            format!("{};tag={}", self.remote, self.remote_tag)
        };
        headers.push(Header::To(to.into()));
        headers.push(Header::CallId(self.call_id.as_str().into()));
        headers.push(Header::CSeq(format!("{seq} {method}").into()));
        if matches!(method, Method::Invite | Method::Update) {
            headers.push(Header::Contact(self.contact.as_str().into()));
        }
        headers.push(Header::UserAgent(core.config.user_agent.as_str().into()));
        headers.extend(extra);
        let body = body.unwrap_or_default().into_bytes();
        if !body.is_empty() {
            headers.push(Header::ContentType("application/sdp".into()));
        }
        headers.push(Header::ContentLength(
            u32::try_from(body.len()).unwrap_or(0).into(),
        ));
        Request {
            method,
            uri: self.target.clone(),
            version: Version::V2,
            headers: headers.into(),
            body,
        }
    }

    /// Takes over a new Contact of the peer's (target refresh, RFC 3261 §12.2).
    pub(crate) fn refresh_target(&mut self, headers: &rsipstack::sip::Headers) {
        if let Some(uri) = message::list(headers, "Contact").next().and_then(message::uri) {
            self.target = uri;
        }
    }

    /// Whether a request in this dialog is newer than all before it; takes note of it (RFC 3261 §12.2.2).
    pub(crate) fn in_order(&mut self, seq: u32) -> bool {
        let newer = self.remote_seq.is_none_or(|last| seq > last);
        if newer {
            self.remote_seq = Some(seq);
        }
        newer
    }

    /// Where the next request goes: the open connection, the peer's true address behind a NAT, or else what the
    /// route set or the peer's Contact says.
    pub(crate) async fn hop(&self, core: &Arc<Core>) -> Flow {
        if self.flow.transport == Transport::Ws {
            let way = core.way_to_browser(&self.target, &self.flow).await;
            return way.unwrap_or_else(|| self.flow.clone());
        }
        let stream_open =
            self.flow.transport == Transport::Tcp && core.streams.contains_key(&self.flow.remote);
        if stream_open || (self.behind_nat && self.flow.transport == Transport::Udp) {
            return self.flow.clone();
        }
        let route = self.routes.first().and_then(|r| message::uri(r));
        flow_to(core, route.as_ref().unwrap_or(&self.target), &self.flow)
            .await
            .unwrap_or_else(|| self.flow.clone())
    }
}

/// The way to a URI; `like` gives the socket if it fits. `None` if the name does not resolve or nobody accepts.
pub(crate) async fn flow_to(core: &Arc<Core>, uri: &Uri, like: &Flow) -> Option<Flow> {
    let remote = resolve(&uri.host_with_port).await?;
    if uri.transport() == Some(&SipTransport::Tcp) {
        return transport::connect(core, remote).await;
    }
    if like.transport == Transport::Udp && like.local.is_ipv4() == remote.is_ipv4() {
        return Some(like.to(remote));
    }
    core.udp_flow(remote)
}

/// The address of a host and port. Names take one A or AAAA look-up; SRV and NAPTR (RFC 3263) are not followed.
pub(crate) async fn resolve(at: &HostWithPort) -> Option<SocketAddr> {
    let port = at.port.map_or(5_060, |p| p.0);
    match &at.host {
        Host::IpAddr(ip) => Some(SocketAddr::new(*ip, port)),
        Host::Domain(name) => {
            let look_up = tokio::net::lookup_host((name.0.as_str(), port));
            tokio::time::timeout(RESOLVE_PATIENCE, look_up)
                .await
                .ok()?
                .ok()?
                .next()
        }
    }
}

/// A Via value with a fresh branch.
pub(crate) fn via(mark: &str, transport: Transport, told: &str) -> String {
    format!(
        "SIP/2.0/{transport} {told};branch=z9hG4bK{mark}{};rport",
        random_text(14)
    )
}
