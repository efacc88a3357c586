//! The way of a message from the socket to its leg: parse, validate, find its transaction or dialog, or refuse it.
//!
//! Whatever can be refused without keeping state is (RFC 3261 §8.2.7): a stranger's request costs no memory.
//! A panic while handling a message ends the handling of that message alone.

use crate::config::Transport;
use crate::core::{Core, LEG_QUEUE};
use crate::leg::LegMsg;
use crate::message;
use crate::transport::Flow;
use crate::validate::{self, Refusal};
use crate::websocket::WebUser;
use crate::wire::{self, Echo, Parsed};
use acd::TrunkId;
use futures_util::FutureExt;
use rsipstack::sip::{Header, Method, Request, Response, SipMessage};
use rsipstack::transaction::Transaction;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::mpsc;
use tracing::{debug, error};

/// A request that has passed the edge and starts a transaction.
pub(crate) struct Incoming {
    pub(crate) request: Request,
    pub(crate) key: TransactionKey,
    pub(crate) flow: Flow,
}

impl Incoming {
    /// Makes the server transaction, which keeps state from here on.
    pub(crate) fn begin(self, core: &Core) -> Transaction {
        let connection = Some(self.flow.connection.clone());
        Transaction::new_server(self.key, self.request, Arc::clone(&core.endpoint), connection)
    }
}

impl Core {
    /// Handles one message from a socket.
    pub(crate) async fn receive(self: &Arc<Self>, bytes: &[u8], flow: &Flow) {
        if AssertUnwindSafe(self.handle(bytes, flow))
            .catch_unwind()
            .await
            .is_err()
        {
            self.metrics.panics.inc();
            error!(remote = %flow.remote, "a fault in the program while handling a message; it was dropped");
        }
    }

    async fn handle(self: &Arc<Self>, bytes: &[u8], flow: &Flow) {
        match wire::parse(bytes) {
            Parsed::Message(message) => match *message {
                SipMessage::Request(request) => self.request(request, flow).await,
                response @ SipMessage::Response(_) => self.response_in(response, flow).await,
            },
            Parsed::Refused(mut echo, refusal) => {
                if let Some(via) = echo.vias.first_mut() {
                    *via = stamp(via, flow.remote);
                }
                self.refuse_within_rate(flow, &echo, refusal).await;
            }
            Parsed::Dropped(reason) => {
                self.metrics.rejected(reason);
                debug!(remote = %flow.remote, reason, "dropped");
            }
        }
    }

    async fn response_in(self: &Arc<Self>, message: SipMessage, flow: &Flow) {
        if let Err(reason) = validate::check_response(&message) {
            return self.metrics.rejected(reason);
        }
        let SipMessage::Response(response) = &message else {
            return;
        };
        self.metrics.response(message::status(response));
        // A 2xx to INVITE belongs to the dialog and not to the transaction: it may come again, or from another
        // fork, when the transaction is gone (RFC 6026 §7.2).
        if message::answers(response, Method::Invite) && (200..300).contains(&message::status(response)) {
            let SipMessage::Response(response) = message else {
                return;
            };
            return self.answered(response, flow).await;
        }
        self.transact(message, flow).await;
    }

    async fn request(self: &Arc<Self>, mut request: Request, flow: &Flow) {
        self.metrics.request(&request.method);
        message::tighten(&mut request);
        if let Some(Header::Via(via)) = request.headers.iter_mut().find(|h| matches!(h, Header::Via(_))) {
            via.0 = stamp(&via.0, flow.remote);
        }
        if let Err(refusal) = validate::check(&request, &self.mark) {
            if request.method == Method::Ack {
                return self.metrics.rejected(refusal.reason);
            }
            return self.refuse_within_rate(flow, &Echo::of(&request), refusal).await;
        }
        if request.method == Method::Ack {
            self.acknowledged(&mut request);
        }
        if matches!(request.method, Method::Ack | Method::Cancel) {
            return self.transact(SipMessage::Request(request), flow).await;
        }
        let Ok(key) = TransactionKey::from_request(&request, TransactionRole::Server) else {
            let refusal = Refusal::new(400, "malformed");
            return self.refuse_within_rate(flow, &Echo::of(&request), refusal).await;
        };
        let endpoint = &self.endpoint;
        if endpoint.transactions.contains_key(&key) || endpoint.finished_transactions.contains_key(&key) {
            self.metrics.retransmissions.inc();
            return self.transact(SipMessage::Request(request), flow).await;
        }
        let to_tag = message::header(&request.headers, "To")
            .and_then(message::tag)
            .map(str::to_owned);
        let incoming = Incoming {
            request,
            key,
            flow: flow.clone(),
        };
        match to_tag {
            Some(tag) => self.in_dialog(&tag, incoming).await,
            None => self.outside(incoming).await,
        }
    }

    /// Tells a leg of the ACK of its 2xx. Not by way of the transaction, which would let the peer's next request
    /// overtake the answer that the ACK may carry.
    fn acknowledged(&self, ack: &mut Request) {
        let to_tag = message::header(&ack.headers, "To")
            .and_then(message::tag)
            .unwrap_or_default();
        let seq = message::cseq(&ack.headers).unwrap_or(0);
        if let Some(leg) = self.leg_of(to_tag) {
            forward(&leg, LegMsg::Acked(seq, std::mem::take(&mut ack.body)));
        }
    }

    /// Hands a message to the transaction layer.
    async fn transact(&self, message: SipMessage, flow: &Flow) {
        if let Err(error) = self
            .endpoint
            .on_received_message(message, flow.connection.clone(), &flow.addr())
            .await
        {
            debug!(%error, remote = %flow.remote, "transaction layer");
        }
    }

    async fn in_dialog(&self, tag: &str, incoming: Incoming) {
        match self.leg_of(tag) {
            Some(leg) if leg.capacity() > LEG_QUEUE / 2 => {
                let flow = incoming.flow.clone();
                let transaction = Box::new(incoming.begin(self));
                let _ = leg.try_send(LegMsg::Request(transaction, Box::new(flow)));
            }
            Some(_) => self.metrics.rejected("leg_queue_full"),
            None => {
                let refusal = Refusal::new(481, "no_dialog");
                self.refuse_within_rate(&incoming.flow, &Echo::of(&incoming.request), refusal)
                    .await;
            }
        }
    }

    async fn outside(self: &Arc<Self>, incoming: Incoming) {
        let by_address = self.trunk_of(&incoming.flow);
        if !self.within_rate(&incoming.flow) {
            return self.metrics.rejected("rate_source");
        }
        let (flow, echo) = (incoming.flow.clone(), Echo::of(&incoming.request));
        let refusal = match incoming.request.method {
            Method::Invite => self.invite(incoming, by_address).err(),
            Method::Register => self.register(incoming).await.err(),
            Method::Options => {
                let headers = [
                    ("Allow", validate::ALLOW.to_owned()),
                    ("Accept", "application/sdp".to_owned()),
                    ("Supported", validate::SUPPORTED.to_owned()),
                ];
                return self.reply(&flow, &echo, 200, &headers).await;
            }
            _ => Some(Refusal::new(481, "no_dialog")),
        };
        if let Some(refusal) = refusal {
            self.refuse(&flow, &echo, refusal).await;
        }
    }

    /// Whether a source may have one more answer now. Trunks known by address always may; their calls have a rate of
    /// their own. Nobody is told: that would be one more packet for each of a flood.
    fn within_rate(&self, flow: &Flow) -> bool {
        let known = flow.transport != Transport::Ws && self.trunk_of(flow).is_some();
        known || self.sources.take(flow.remote.ip(), Instant::now())
    }

    /// The trunk that a flow's calls come by, if the flow alone tells. A browser's page may come from anywhere.
    fn trunk_of(&self, flow: &Flow) -> Option<TrunkId> {
        match self.web_user(flow) {
            Some(WebUser::Guest) => self.config.web_callers,
            Some(WebUser::Operator(_)) => None,
            None if flow.transport == Transport::Ws => None,
            None => self.trunks.by_address(flow.remote.ip()),
        }
    }

    async fn refuse_within_rate(&self, flow: &Flow, echo: &Echo, refusal: Refusal) {
        if self.within_rate(flow) {
            self.refuse(flow, echo, refusal).await;
        } else {
            self.metrics.rejected("rate_source");
        }
    }

    async fn refuse(&self, flow: &Flow, echo: &Echo, refusal: Refusal) {
        self.metrics.rejected(refusal.reason);
        if !echo.is_whole() {
            debug!(remote = %flow.remote, reason = refusal.reason, "dropped: a response needs more than is there");
            return;
        }
        debug!(remote = %flow.remote, code = refusal.code, reason = refusal.reason, "refused");
        self.reply(flow, echo, refusal.code, &refusal.headers).await;
    }

    /// A 2xx to an INVITE of ours.
    async fn answered(self: &Arc<Self>, response: Response, flow: &Flow) {
        let tag = message::header(&response.headers, "From")
            .and_then(message::tag)
            .unwrap_or_default()
            .to_owned();
        match self.leg_of(&tag) {
            Some(leg) if leg.capacity() > LEG_QUEUE / 2 => {
                let _ = leg.try_send(LegMsg::Answered(Box::new(response), Box::new(flow.clone())));
            }
            Some(_) => self.metrics.rejected("leg_queue_full"),
            None => self.stray_answer(&tag, response, flow).await,
        }
    }

    /// Ends what a late or forked 2xx has begun, with what the response itself tells (RFC 3261 §13.2.2.4). Our
    /// tag proves that we did ask; otherwise it would be a way to make us call strangers.
    async fn stray_answer(self: &Arc<Self>, tag: &str, response: Response, flow: &Flow) {
        let call_id = message::header(&response.headers, "Call-ID").unwrap_or_default();
        let to_tag = message::header(&response.headers, "To")
            .and_then(message::tag)
            .unwrap_or_default();
        let ours = [to_tag, ""]
            .iter()
            .any(|peer| format!("{:016x}", self.local_tag(call_id, peer)) == tag);
        if !ours {
            return self.metrics.rejected("stray_response");
        }
        if let Some(mut dialog) = crate::operator_leg::dialog_of_answer(self, &response, flow) {
            crate::transact::acknowledge_and_end(self, &mut dialog, &response).await;
        }
    }
}

/// Sends a message to a leg from the network's side, unless the leg is flooded.
pub(crate) fn forward(leg: &mpsc::Sender<LegMsg>, message: LegMsg) {
    if leg.capacity() > LEG_QUEUE / 2 {
        let _ = leg.try_send(message);
    }
}

/// Writes down where a request came from in its topmost Via: `received`, and `rport` if asked for (RFC 3581 §4).
/// The library's own version writes an IPv6 address in two pairs of brackets, which nobody can read.
pub(crate) fn stamp(via: &str, remote: SocketAddr) -> String {
    let (top, rest) = match via.find(',') {
        Some(at) => via.split_at(at),
        None => (via, ""),
    };
    let mut stamped = String::with_capacity(via.len() + 48);
    let mut wants_port = false;
    for (i, part) in top.split(';').enumerate() {
        let name = part.split('=').next().unwrap_or_default().trim();
        if i > 0 && name.eq_ignore_ascii_case("rport") {
            wants_port = true;
        } else if i == 0 || !name.eq_ignore_ascii_case("received") {
            if i > 0 {
                stamped.push(';');
            }
            stamped.push_str(if i == 0 { part.trim_end() } else { part.trim() });
        }
    }
    stamped.push_str(";received=");
    stamped.push_str(&remote.ip().to_canonical().to_string());
    if wants_port {
        stamped.push_str(&format!(";rport={}", remote.port()));
    }
    stamped.push_str(rest);
    stamped
}

/// Where the response to a request with this stamped topmost Via goes over UDP (RFC 3261 §18.2.2, RFC 3581 §4).
pub(crate) fn response_addr(via: &str, remote: SocketAddr) -> SocketAddr {
    let top = via.split(',').next().unwrap_or_default();
    if !top.trim_start().starts_with("SIP") {
        return remote;
    }
    let mut parts = top.split(';');
    let sent_by = parts
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .last()
        .unwrap_or_default();
    let port = parts
        .find_map(|p| p.trim().strip_prefix("rport=")?.parse().ok())
        .or_else(|| {
            sent_by
                .rsplit_once(':')
                .filter(|(host, _)| !host.ends_with(':'))?
                .1
                .parse()
                .ok()
        })
        .unwrap_or(5_060);
    SocketAddr::new(remote.ip(), port)
}

/// Whether the peer's own idea of its address in the topmost Via is not where its packets come from.
pub(crate) fn behind_nat(request: &Request, remote: IpAddr) -> bool {
    let via = message::list(&request.headers, "Via").next().unwrap_or_default();
    let sent_by = via
        .split(';')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .last()
        .unwrap_or_default();
    let host = match sent_by.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => sent_by.rsplit_once(':').map_or(sent_by, |(host, _)| host),
    };
    host.parse::<IpAddr>().is_ok_and(|ip| ip != remote)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_is_written_into_the_topmost_via() {
        for (via, remote, expect, back) in [
            (
                "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1;rport",
                "192.0.2.9:4000",
                "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1;received=192.0.2.9;rport=4000",
                "192.0.2.9:4000",
            ),
            (
                "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1",
                "192.0.2.9:4000",
                "SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1;received=192.0.2.9",
                "192.0.2.9:5070",
            ),
            (
                "SIP/2.0/UDP host.example;received=6.6.6.6;branch=z9hG4bK1, SIP/2.0/UDP b;branch=z9hG4bK2",
                "192.0.2.9:4000",
                "SIP/2.0/UDP host.example;branch=z9hG4bK1;received=192.0.2.9, SIP/2.0/UDP b;branch=z9hG4bK2",
                "192.0.2.9:5060",
            ),
            (
                "SIP/2.0/UDP [::1]:5070;rport;branch=z9hG4bK1",
                "[2001:db8::1]:4000",
                "SIP/2.0/UDP [::1]:5070;branch=z9hG4bK1;received=2001:db8::1;rport=4000",
                "[2001:db8::1]:4000",
            ),
            (
                "SIP/2.0/UDP [::1];branch=z9hG4bK1",
                "[2001:db8::1]:4000",
                "SIP/2.0/UDP [::1];branch=z9hG4bK1;received=2001:db8::1",
                "[2001:db8::1]:5060",
            ),
        ] {
            let remote: SocketAddr = remote.parse().expect("an address");
            let stamped = stamp(via, remote);
            assert_eq!(stamped, expect);
            assert_eq!(response_addr(&stamped, remote).to_string(), back, "{via}");
        }
    }
}
