//! A leg: one dialog with its media port, run by a task of its own.
//!
//! Always holds: a leg is in the tables from before its first event until its task is over, on every path; its port
//! is given back when the engine has done with it. A panic in a leg ends that leg alone: it is counted, the engine
//! is told, and the peer gets a BYE or a refusal.
//!
//! This file holds what both kinds of legs share once they are answered. How they get there is in
//! [`caller_leg`](crate::caller_leg) and [`operator_leg`](crate::operator_leg).

use crate::core::{Core, LEG_QUEUE, LegHandle};
use crate::dialog::Dialog;
use crate::info;
use crate::line::Line;
use crate::message;
use crate::probe::Probe;
use crate::session::Refresh;
use crate::session_timer;
use crate::transact::{Unacked, client};
use crate::transport::Flow;
use crate::{SipEvent, SrtpPolicy};
use acd::{GoneCause, HangUpCause, LegId, Outcome};
use futures_util::FutureExt;
use media::WebrtcEvent;
use rsipstack::sip::{Header, Method, Request, Response};
use rsipstack::transaction::Transaction;
use rsipstack::transaction::transaction::TransactionEvent;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::{debug, info};

/// What a leg is told.
pub(crate) enum LegMsg {
    /// By the engine.
    Command(Command),
    /// A request of the peer in this dialog, and the way it came.
    Request(Box<Transaction>, Box<Flow>),
    /// A response to a request of ours, other than a 2xx to INVITE.
    Response(Box<Response>),
    /// A 2xx to an INVITE of ours; it may come again, and from several forks.
    Answered(Box<Response>, Box<Flow>),
    /// The ACK of our final response to the INVITE with this CSeq, and its body.
    Acked(u32, Vec<u8>),
    /// No ACK came for it.
    Unacked(u32),
    /// The caller's CANCEL.
    Cancelled,
    /// By the media plane: what became of the connection with a browser.
    Webrtc(WebrtcEvent),
    /// A fault, for a test of what follows from one.
    #[cfg(test)]
    Panic,
}

/// What the engine asks of a leg.
pub(crate) enum Command {
    EarlyMedia,
    Answer,
    Refuse(Outcome, Option<Duration>),
    HangUp(HangUpCause),
    /// See whether the peer is still there.
    Probe,
}

/// How an answered leg ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The peer hung up.
    Peer,
    /// It failed.
    Failed,
    /// We hung up.
    Ours,
}

/// What a leg woke up for.
pub(crate) enum Wake {
    Message(LegMsg),
    Due,
}

/// One leg.
pub(crate) struct Leg {
    pub(crate) core: Arc<Core>,
    pub(crate) id: LegId,
    pub(crate) dialog: Dialog,
    pub(crate) handle: LegHandle,
    inbox: mpsc::Receiver<LegMsg>,
    entry: Entry,
    pub(crate) line: Option<Line>,
    /// Whether a line that we open ourselves is to speak SRTP.
    pub(crate) srtp: SrtpPolicy,
    /// A 2xx of ours to an INVITE that waits for its ACK.
    pub(crate) unacked: Option<Unacked>,
    /// A request of ours that refreshes the session and waits for its response.
    pub(crate) refresh: Option<Refresh>,
    pub(crate) timer: Option<session_timer::Agreed>,
    pub(crate) timer_due: Option<Instant>,
    pub(crate) probe: Probe,
    pub(crate) peer_allows_update: bool,
    /// Both sides have agreed to talk.
    pub(crate) answered: bool,
    /// Nothing more is to be told to the engine.
    pub(crate) over: bool,
    /// Dropped when the phone has been told of the end.
    turn: Option<oneshot::Sender<()>>,
}

/// A leg's place in the tables; leaving the scope takes it out.
struct Entry {
    core: Arc<Core>,
    id: LegId,
    tag: u64,
    known_to_engine: bool,
}

impl Entry {
    fn release(&mut self) {
        if std::mem::take(&mut self.known_to_engine) {
            self.core.legs.remove(&self.id);
            self.core.metrics.legs.dec();
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.release();
        self.core.dialogs.remove(&self.tag);
        // Last of all: what is written down until here is ended again after a crash.
        self.core.forget_leg(self.id);
        self.core.metrics.dialogs.dec();
    }
}

impl Leg {
    /// A leg that is in the tables from now on.
    pub(crate) fn new(core: &Arc<Core>, id: LegId, tag: u64, dialog: Dialog, line: Option<Line>) -> Self {
        let (sender, inbox) = mpsc::channel(LEG_QUEUE);
        let handle = LegHandle::new(sender.clone());
        core.legs.insert(id, handle.clone());
        core.dialogs.insert(tag, sender);
        core.metrics.legs.inc();
        core.metrics.dialogs.inc();
        Self {
            core: Arc::clone(core),
            id,
            dialog,
            handle,
            inbox,
            entry: Entry {
                core: Arc::clone(core),
                id,
                tag,
                known_to_engine: true,
            },
            line,
            srtp: SrtpPolicy::Off,
            unacked: None,
            refresh: None,
            timer: None,
            timer_due: None,
            probe: Probe::default(),
            peer_allows_update: false,
            answered: false,
            over: false,
            turn: None,
        }
    }

    /// The engine has done with the leg, or the leg with the engine: the port is closed, commands find it no more.
    pub(crate) fn release(&mut self) {
        self.over = true;
        self.line = None;
        self.entry.release();
    }

    /// Marks that this leg's phone is taken; the receiver is told when it has been told of the end of this leg.
    pub(crate) fn begin_turn(&mut self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.turn = Some(sender);
        receiver
    }

    /// The phone has been told.
    pub(crate) fn end_turn(&mut self) {
        self.turn = None;
    }

    pub(crate) fn emit(&self, event: SipEvent) {
        self.core.emit(event);
    }

    /// Tells the engine that the leg is over, once.
    pub(crate) fn gone(&mut self, cause: GoneCause) {
        if self.over {
            return;
        }
        self.release();
        self.emit(if self.id.is_caller() {
            SipEvent::CallerGone {
                call: self.id.call,
                cause,
            }
        } else {
            SipEvent::Gone { leg: self.id }
        });
    }

    pub(crate) async fn next(&mut self, due: Option<Instant>) -> Wake {
        let message = match due {
            Some(due) => match tokio::time::timeout_at(due, self.inbox.recv()).await {
                Ok(message) => message,
                Err(_) => return Wake::Due,
            },
            None => self.inbox.recv().await,
        };
        match message {
            #[cfg(test)]
            Some(LegMsg::Panic) => panic!("asked for by a test"),
            Some(message) => Wake::Message(message),
            // Never: the leg holds a sender to itself. Ending is the safe way out.
            None => Wake::Message(LegMsg::Command(Command::HangUp(HangUpCause::Ended))),
        }
    }

    /// Runs an answered leg of the last run to its end; one that is not whole ends at once.
    pub(crate) async fn run_confirmed(mut self, whole: bool) {
        self.answered = true;
        let run = async {
            if whole {
                return self.confirmed().await;
            }
            self.gone(GoneCause::Failed);
            self.bye(None).await;
        };
        if AssertUnwindSafe(run).catch_unwind().await.is_err() {
            self.fault().await;
        }
    }

    /// An answered leg's life, until it is over.
    pub(crate) async fn confirmed(&mut self) {
        self.answered = true;
        let end = loop {
            match self.next(self.due()).await {
                Wake::Due => {
                    if let Some(end) = self.on_due().await {
                        break end;
                    }
                }
                Wake::Message(message) => {
                    if let Some(end) = self.on_message(message).await {
                        break end;
                    }
                }
            }
        };
        debug!(call = %self.id.call, leg = self.id.leg, ?end, "leg over");
        match end {
            End::Peer => self.gone(GoneCause::HungUp),
            End::Failed => self.gone(GoneCause::Failed),
            End::Ours => self.release(),
        }
    }

    async fn on_message(&mut self, message: LegMsg) -> Option<End> {
        match message {
            LegMsg::Command(Command::HangUp(cause)) => {
                self.release();
                self.bye(Some(cause)).await;
                Some(End::Ours)
            }
            LegMsg::Command(Command::Probe) => {
                self.refresh_now().await;
                None
            }
            LegMsg::Command(_) => None,
            LegMsg::Request(transaction, flow) => self.on_request(*transaction, *flow).await,
            LegMsg::Response(response) => match self.on_probed(&response).await {
                Some(end) => end,
                None => self.on_response(&response).await,
            },
            LegMsg::Answered(response, flow) => self.on_answered(*response, *flow).await,
            LegMsg::Acked(seq, body) => self.on_ack(seq, &body).await,
            LegMsg::Unacked(seq) => {
                // RFC 3261 §13.3.1.4: the session is not what the peer thinks it is.
                self.unacked.take_if(|u| u.seq == seq)?;
                self.gone(GoneCause::Failed);
                self.bye(None).await;
                Some(End::Failed)
            }
            LegMsg::Cancelled => {
                // The CANCEL crossed our 200. The caller must ACK and then say BYE; we do not wait for that.
                self.gone(GoneCause::HungUp);
                self.bye(None).await;
                Some(End::Peer)
            }
            LegMsg::Webrtc(WebrtcEvent::Connected(link)) => {
                self.linked(link);
                self.keep_confirmed();
                None
            }
            LegMsg::Webrtc(WebrtcEvent::Failed(why)) => {
                info!(call = %self.id.call, leg = self.id.leg, %why, "a browser's leg ends");
                self.gone(GoneCause::Failed);
                self.bye(None).await;
                Some(End::Failed)
            }
            #[cfg(test)]
            LegMsg::Panic => None,
        }
    }

    async fn on_ack(&mut self, seq: u32, body: &[u8]) -> Option<End> {
        let unacked = self.unacked.take_if(|u| u.seq == seq)?;
        if !unacked.offered {
            self.keep_confirmed();
            return None;
        }
        // Our 200 made the offer: the ACK has the answer (RFC 3261 §13.2.1).
        if let Err(error) = self.take_answer(body) {
            debug!(call = %self.id.call, leg = self.id.leg, %error, "the ACK's answer cannot be used");
            if self.line.as_ref().is_none_or(|l| l.agreed.is_none()) {
                self.gone(GoneCause::Failed);
                self.bye(None).await;
                return Some(End::Failed);
            }
        }
        self.keep_confirmed();
        None
    }

    /// A request in the dialog. `Some` if it ended the leg.
    async fn on_request(&mut self, mut transaction: Transaction, flow: Flow) -> Option<End> {
        if let Err((code, headers)) = self.check_in_dialog(&transaction.original) {
            self.respond(&mut transaction, code, headers, None).await;
            return None;
        }
        // A peer that moved (a new NAT binding) is answered where it is now.
        let moved = self.dialog.flow.remote != flow.remote;
        self.dialog.flow = flow;
        match transaction.original.method {
            Method::Bye => {
                self.gone(GoneCause::HungUp);
                self.respond(&mut transaction, 200, Vec::new(), None).await;
                self.stop_repeating();
                return Some(End::Peer);
            }
            Method::Invite | Method::Update => {
                self.on_modify(transaction).await;
                self.keep_confirmed();
            }
            _ => {
                if moved {
                    self.keep_confirmed();
                }
                self.on_other(transaction).await;
            }
        }
        None
    }

    /// Whether a request belongs to this dialog and is in order (RFC 3261 §12.2.2).
    pub(crate) fn check_in_dialog(&mut self, request: &Request) -> Result<(), (u16, Vec<Header>)> {
        let from_tag = message::header(&request.headers, "From")
            .and_then(message::tag)
            .unwrap_or_default();
        let call_id = message::header(&request.headers, "Call-ID").unwrap_or_default();
        if call_id != self.dialog.call_id || from_tag != self.dialog.remote_tag {
            self.core.metrics.rejected("no_dialog");
            return Err((481, Vec::new()));
        }
        if !self.dialog.in_order(message::cseq(&request.headers).unwrap_or(0)) {
            self.core.metrics.rejected("old_cseq");
            return Err((500, Vec::new()));
        }
        Ok(())
    }

    /// OPTIONS, INFO, and what has no place here.
    pub(crate) async fn on_other(&mut self, mut transaction: Transaction) {
        let request = &transaction.original;
        match request.method {
            Method::Options => {
                let headers = vec![
                    Header::Allow(crate::validate::ALLOW.into()),
                    Header::Accept("application/sdp".into()),
                    Header::Supported(crate::validate::SUPPORTED.into()),
                ];
                self.respond(&mut transaction, 200, headers, None).await;
            }
            Method::Info => {
                if let Some((digit, hold)) = info::dtmf(request) {
                    self.core.media.press(self.id, digit, hold);
                    self.emit(SipEvent::Dtmf { leg: self.id, digit });
                }
                self.respond(&mut transaction, 200, Vec::new(), None).await;
            }
            // A PRACK that matches no response of ours (RFC 3262 §3).
            Method::PRack => self.respond(&mut transaction, 481, Vec::new(), None).await,
            _ => {
                let allow = Header::Allow(crate::validate::ALLOW.into());
                self.respond(&mut transaction, 405, vec![allow], None).await;
            }
        }
    }

    pub(crate) async fn respond(
        &self,
        transaction: &mut Transaction,
        code: u16,
        headers: Vec<Header>,
        body: Option<String>,
    ) {
        let response = self.core.response(
            &transaction.original,
            code,
            Some(&self.dialog.local_tag),
            headers,
            body,
        );
        if let Err(error) = transaction.respond(response).await {
            debug!(call = %self.id.call, leg = self.id.leg, %error, "could not respond");
        }
    }

    /// Ends the dialog with BYE. After a 2xx of ours, the ACK must come first (RFC 3261 §15).
    pub(crate) async fn bye(&mut self, cause: Option<HangUpCause>) {
        let until = Instant::now() + self.core.transaction_life();
        while let Some(unacked) = &self.unacked {
            let seq = unacked.seq;
            match self.next(Some(until)).await {
                Wake::Due => break,
                Wake::Message(LegMsg::Acked(acked, _) | LegMsg::Unacked(acked)) if acked == seq => {
                    self.unacked = None;
                }
                Wake::Message(LegMsg::Request(mut transaction, _)) => {
                    let is_bye = transaction.original.method == Method::Bye;
                    let code = if is_bye { 200 } else { 481 };
                    self.respond(&mut transaction, code, Vec::new(), None).await;
                    if is_bye {
                        return self.stop_repeating();
                    }
                }
                Wake::Message(_) => {}
            }
        }
        let headers = cause.map(reason).into_iter().collect();
        let core = Arc::clone(&self.core);
        let request = self.dialog.request(&core, Method::Bye, headers, None);
        let hop = self.dialog.hop(&core).await;
        client(&core, request, &hop, None).await;
        self.end_turn();
    }

    /// Lets go of a 2xx that still waits for its ACK, as the dialog is over.
    fn stop_repeating(&mut self) {
        if let Some(unacked) = self.unacked.take() {
            let _ = unacked.tx.send(TransactionEvent::Terminate(unacked.key));
        }
    }
}

/// The Reason header (RFC 3326) of a CANCEL or BYE. A call taken elsewhere need not count as missed.
pub(crate) fn reason(cause: HangUpCause) -> Header {
    Header::Reason(
        match cause {
            HangUpCause::Elsewhere => "SIP;cause=200;text=\"Call completed elsewhere\"",
            HangUpCause::RingTimeout => "SIP;cause=408;text=\"Nobody answered\"",
            HangUpCause::PeerGone => "Q.850;cause=16;text=\"The other side hung up\"",
            HangUpCause::Ended => "Q.850;cause=16;text=\"The call ended\"",
            HangUpCause::Shutdown => "SIP;cause=503;text=\"The service stops\"",
        }
        .into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Accepted, Listen, Sip, SipConfig, Transport, Trunk, TrunkAuth};
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Mutex;
    use tokio::net::UdpSocket;

    const INVITE: &str = "INVITE sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=z9hG4bK1;rport\r\nFrom: <sip:2@x>;tag=f\r\n\
         To: <sip:1@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContact: <sip:2@x>\r\nContent-Length: 0\r\n\r\n";

    #[tokio::test]
    async fn a_fault_ends_its_leg_alone() {
        let events = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&events);
        let registry = prometheus::Registry::new();
        let dir = std::env::temp_dir();
        let (library, _) = media::Library::load(&dir, &[]).expect("an empty library");
        let config = media::MediaConfig {
            bind_v4: Some(Ipv4Addr::LOCALHOST),
            ports: 9_100..=9_120,
            threads: 1,
            ..media::MediaConfig::default()
        };
        let media = media::Media::start(config, library, &registry, Arc::new(|_| {})).expect("media");
        let here = IpAddr::from(Ipv4Addr::LOCALHOST);
        let config = SipConfig {
            listen: vec![Listen {
                transport: Transport::Udp,
                addr: (here, 0).into(),
            }],
            trunks: vec![Trunk {
                name: "t".into(),
                auth: TrunkAuth::ByAddress(vec![here.into()]),
                trusted_identity: false,
                srtp: crate::SrtpPolicy::Off,
            }],
            destinations: [("1".to_owned(), acd::QueueId(0))].into(),
            ..SipConfig::default()
        };
        let on_event = Arc::new(move |event| {
            seen.lock().expect("the list").push(event);
            Accepted::Yes
        });
        let sip = Sip::start(config, media, &registry, on_event)
            .await
            .expect("the edge");
        let peer = UdpSocket::bind((here, 0)).await.expect("a socket");
        peer.connect(sip.local_addrs()[0].1).await.expect("connected");
        let mut buffer = [0; 2_048];
        for (call_id, fault) in [("c", true), ("d", false)] {
            peer.send(
                INVITE
                    .replace("Call-ID: c", &format!("Call-ID: {call_id}"))
                    .as_bytes(),
            )
            .await
            .expect("sent");
            let length = peer.recv(&mut buffer).await.expect("100");
            assert!(buffer[..length].starts_with(b"SIP/2.0 100"));
            if fault {
                let leg = sip.core.legs.iter().next().expect("the leg").sender.clone();
                leg.try_send(LegMsg::Panic).expect("told");
                let length = peer.recv(&mut buffer).await.expect("500");
                assert!(buffer[..length].starts_with(b"SIP/2.0 500"));
                // RFC 3261 §17.1.1.3: its ACK, so that the 500 is not repeated.
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                let to = text
                    .lines()
                    .find(|l| l.starts_with("To:"))
                    .expect("To")
                    .to_owned();
                let ack = INVITE.replace("INVITE", "ACK").replace("To: <sip:1@h>", &to);
                peer.send(ack.as_bytes()).await.expect("sent");
            }
        }
        assert_eq!(sip.core.metrics.panics.get(), 1);
        assert_eq!(sip.in_use(), (1, 1), "the other leg lives");
        let gone = SipEvent::CallerGone {
            call: acd::CallId(1),
            cause: GoneCause::Failed,
        };
        let events = events.lock().expect("the list");
        assert!(
            matches!(events.as_slice(), [SipEvent::CallArrived { .. }, e, SipEvent::CallArrived { .. }] if *e == gone)
        );
    }
}
