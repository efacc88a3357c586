//! A leg: one dialog with its media port, run by a task of its own.
//!
//! Always holds: a leg is in the tables from before its first event until its task is over, on every path; its port
//! is given back when the engine has done with it. A panic in a leg ends that leg alone: it is counted, the engine
//! is told, and the peer gets a BYE or a refusal.
//!
//! This file holds what both kinds of legs share once they are answered. How they get there is in
//! [`caller_leg`](crate::caller_leg) and [`operator_leg`](crate::operator_leg).

use crate::SipEvent;
use crate::core::{Core, LEG_QUEUE, LegHandle};
use crate::dialog::Dialog;
use crate::edge::forward;
use crate::message;
use crate::offer_answer::{self, Agreed, Direction, Incompatible, Local};
use crate::session_timer;
use crate::transport::Flow;
use acd::{GoneCause, HangUpCause, LegId, Outcome};
use media::{Codec, Port};
use rsipstack::sip::{Header, Method, Request, Response, SipMessage};
use rsipstack::transaction::Transaction;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::transaction::{TransactionEvent, TransactionEventSender};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::debug;

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
    /// A 2xx of ours to an INVITE that waits for its ACK.
    pub(crate) unacked: Option<Unacked>,
    /// A request of ours that refreshes the session and waits for its response.
    refresh: Option<Refresh>,
    pub(crate) timer: Option<session_timer::Agreed>,
    pub(crate) timer_due: Option<Instant>,
    pub(crate) peer_allows_update: bool,
    /// Nothing more is to be told to the engine.
    pub(crate) over: bool,
}

/// A leg's media: its port, and what was offered and agreed.
pub(crate) struct Line {
    port: Port,
    pub(crate) local: Local,
    pub(crate) agreed: Option<Agreed>,
    sent: String,
}

pub(crate) struct Unacked {
    pub(crate) seq: u32,
    /// Our 2xx carried an offer; the ACK brings the answer.
    pub(crate) offered: bool,
    pub(crate) tx: TransactionEventSender,
    pub(crate) key: TransactionKey,
}

struct Refresh {
    seq: u32,
    invite: Option<(TransactionEventSender, TransactionKey)>,
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
            unacked: None,
            refresh: None,
            timer: None,
            timer_due: None,
            peer_allows_update: false,
            over: false,
        }
    }

    /// The engine has done with the leg, or the leg with the engine: the port is closed, commands find it no more.
    pub(crate) fn release(&mut self) {
        self.over = true;
        self.line = None;
        self.entry.release();
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

    /// An answered leg's life, until it is over.
    pub(crate) async fn confirmed(&mut self) {
        let end = loop {
            match self.next(self.timer_due).await {
                Wake::Due => {
                    if let Some(end) = self.timer_ran_out().await {
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
            LegMsg::Command(_) => None,
            LegMsg::Request(transaction, flow) => self.on_request(*transaction, *flow).await,
            LegMsg::Response(response) => self.on_response(&response).await,
            LegMsg::Answered(response, flow) => self.on_answered(*response, *flow).await,
            LegMsg::Acked(seq, body) => self.on_ack(seq, &body).await,
            LegMsg::Unacked(seq) => {
                // RFC 3261 §13.3.1.4: the session is not what the peer thinks it is.
                self.unacked.take().filter(|u| u.seq == seq)?;
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
            #[cfg(test)]
            LegMsg::Panic => None,
        }
    }

    async fn on_ack(&mut self, seq: u32, body: &[u8]) -> Option<End> {
        let unacked = self.unacked.take_if(|u| u.seq == seq)?;
        if !unacked.offered {
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
        None
    }

    /// A request in the dialog. `Some` if it ended the leg.
    async fn on_request(&mut self, mut transaction: Transaction, flow: Flow) -> Option<End> {
        if let Err((code, headers)) = self.check_in_dialog(&transaction.original) {
            self.respond(&mut transaction, code, headers, None).await;
            return None;
        }
        // A peer that moved (a new NAT binding) is answered where it is now.
        self.dialog.flow = flow;
        match transaction.original.method {
            Method::Bye => {
                self.gone(GoneCause::HungUp);
                self.respond(&mut transaction, 200, Vec::new(), None).await;
                self.stop_repeating();
                return Some(End::Peer);
            }
            Method::Invite | Method::Update => self.on_modify(transaction).await,
            _ => self.on_other(transaction).await,
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
                if let Some(digit) = dtmf(request) {
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
        client(&core, request, &hop, None);
    }

    /// Lets go of a 2xx that still waits for its ACK, as the dialog is over.
    fn stop_repeating(&mut self) {
        if let Some(unacked) = self.unacked.take() {
            let _ = unacked.tx.send(TransactionEvent::Terminate(unacked.key));
        }
    }

    /// A 2xx to an INVITE of ours after the dialog was confirmed: a repeat, another fork, or our refresh's answer.
    async fn on_answered(&mut self, response: Response, flow: Flow) -> Option<End> {
        let to_tag = message::header(&response.headers, "To")
            .and_then(message::tag)
            .unwrap_or_default();
        let seq = message::cseq(&response.headers).unwrap_or(0);
        if to_tag != self.dialog.remote_tag {
            let core = Arc::clone(&self.core);
            if let Some(mut fork) = crate::operator_leg::dialog_of_answer(&core, &response, &flow) {
                acknowledge_and_end(&core, &mut fork, &response).await;
            }
            return None;
        }
        if let Some(refresh) = self.refresh.take_if(|r| r.seq == seq) {
            if let Some((tx, key)) = refresh.invite {
                let _ = tx.send(TransactionEvent::Terminate(key));
            }
            self.dialog.refresh_target(&response.headers);
            if let Err(error) = self.take_answer(&response.body) {
                debug!(call = %self.id.call, leg = self.id.leg, %error, "answer to our re-INVITE");
            }
            self.arm_from(&response);
        }
        let ack = self.dialog.ack(&self.core, seq);
        let hop = self.dialog.hop(&self.core).await;
        self.core.send(ack, &hop).await;
        None
    }

    /// Something is due for the session timer.
    async fn timer_ran_out(&mut self) -> Option<End> {
        let Some(timer) = self.timer else {
            self.timer_due = None;
            return None;
        };
        if timer.refresher == session_timer::Refresher::Us {
            self.send_refresh(timer).await;
            return None;
        }
        self.core.metrics.lapsed.inc();
        self.gone(GoneCause::Failed);
        self.bye(None).await;
        Some(End::Failed)
    }

    /// Sends UPDATE, or a re-INVITE with the description as it is (RFC 4028 §7.4).
    async fn send_refresh(&mut self, timer: session_timer::Agreed) {
        self.timer_due = None;
        let core = Arc::clone(&self.core);
        let headers = vec![
            Header::SessionExpires(timer.as_client().into()),
            Header::MinSE(core.config.session_timer.min.as_secs().to_string().into()),
            Header::Supported(crate::validate::SUPPORTED.into()),
            Header::Allow(crate::validate::ALLOW.into()),
        ];
        let with_update = self.peer_allows_update;
        let (method, body) = if with_update {
            (Method::Update, None)
        } else {
            (Method::Invite, Some(self.offer_again()))
        };
        let request = self.dialog.request(&core, method, headers, body);
        let hop = self.dialog.hop(&core).await;
        let started = client(&core, request, &hop, Some(self.handle.sender.clone()));
        self.refresh = Some(Refresh {
            seq: self.dialog.local_seq,
            invite: started.filter(|_| !with_update),
        });
    }

    /// A response to our refresh other than a 2xx to INVITE.
    async fn on_response(&mut self, response: &Response) -> Option<End> {
        let (code, seq) = (
            message::status(response),
            message::cseq(&response.headers).unwrap_or(0),
        );
        if code < 200 {
            return None;
        }
        let refresh = self.refresh.take_if(|r| r.seq == seq)?;
        match code {
            200..300 => self.arm_from(response),
            // RFC 4028 §10, RFC 3261 §12.2.1.2: the peer is gone, or knows nothing of the dialog.
            408 | 481 | 503 => {
                self.gone(GoneCause::Failed);
                self.bye(None).await;
                return Some(End::Failed);
            }
            422 => {
                let least = message::header(&response.headers, "Min-SE").and_then(|v| v.parse().ok());
                if let (Some(timer), Some(least)) = (&mut self.timer, least) {
                    timer.interval = timer.interval.max(Duration::from_secs(least));
                    self.timer_due = Some(Instant::now() + self.core.config.t1);
                }
            }
            // Glare: the owner of the Call-ID waits 2.1 to 4 s, the other up to 2 s (RFC 3261 §14.1).
            491 => {
                let spread = self.core.local_tag(&self.dialog.call_id, "glare") % 1_900;
                let wait = if self.id.is_caller() {
                    spread
                } else {
                    2_100 + spread
                };
                self.timer_due = Some(Instant::now() + Duration::from_millis(wait));
            }
            // An answer all the same: the peer is there. Without UPDATE, the next one is a re-INVITE.
            _ => {
                if refresh.invite.is_none() && matches!(code, 405 | 501) {
                    self.peer_allows_update = false;
                }
                self.arm(self.timer);
            }
        }
        None
    }

    /// Arms the session timer from a 2xx to a request of ours.
    pub(crate) fn arm_from(&mut self, response: &Response) {
        let answered = message::header(&response.headers, "Session-Expires")
            .and_then(session_timer::SessionExpires::parse);
        self.arm(session_timer::as_client(answered));
    }

    pub(crate) fn arm(&mut self, timer: Option<session_timer::Agreed>) {
        self.timer = timer;
        self.timer_due = timer.map(|t| Instant::now() + t.due());
    }

    /// Answers a re-INVITE or UPDATE: hold, resume, a new address, or a mere refresh (RFC 3261 §14.2, RFC 3311).
    async fn on_modify(&mut self, mut transaction: Transaction) {
        let invite = transaction.original.method == Method::Invite;
        let offered = self.unacked.as_ref().is_some_and(|u| u.offered);
        if self.refresh.as_ref().is_some_and(|r| r.invite.is_some())
            || (offered && !transaction.original.body.is_empty())
        {
            return self.respond(&mut transaction, 491, Vec::new(), None).await;
        }
        let timer = match self.timer_as_server(&transaction.original) {
            Ok(timer) => timer,
            Err(min) => {
                let min = Header::MinSE(min.to_string().into());
                return self.respond(&mut transaction, 422, vec![min], None).await;
            }
        };
        let no_offer = transaction.original.body.is_empty();
        let body = if no_offer {
            invite.then(|| self.offer_again())
        } else {
            match self.answer_offer(&transaction.original.body) {
                Ok(answer) => Some(answer),
                Err(error) => {
                    self.core.metrics.rejected("incompatible_media");
                    let headers = vec![warning(&self.core, error)];
                    return self
                        .respond(&mut transaction, error.status(), headers, None)
                        .await;
                }
            }
        };
        self.dialog.refresh_target(&transaction.original.headers);
        self.learn_allow(&transaction.original);
        let headers = self.ok_headers(timer);
        self.arm(timer);
        if invite {
            let response = self.core.response(
                &transaction.original,
                200,
                Some(&self.dialog.local_tag),
                headers,
                body,
            );
            self.unacked = server_invite(
                &self.core,
                transaction,
                &self.handle.sender,
                Some(response),
                no_offer,
            );
        } else {
            self.respond(&mut transaction, 200, headers, body).await;
        }
    }

    /// What we and the peer agree on for the session timer, from a request of the peer's.
    pub(crate) fn timer_as_server(&self, request: &Request) -> Result<Option<session_timer::Agreed>, u64> {
        let asked = message::header(&request.headers, "Session-Expires")
            .and_then(session_timer::SessionExpires::parse);
        let supports = message::has_token(&request.headers, "Supported", "timer")
            || message::has_token(&request.headers, "Require", "timer");
        session_timer::as_server(&self.core.config.session_timer, asked, supports)
    }

    /// Headers of our 2xx to INVITE or UPDATE.
    pub(crate) fn ok_headers(&self, timer: Option<session_timer::Agreed>) -> Vec<Header> {
        let mut headers = vec![
            Header::Contact(self.dialog.contact.as_str().into()),
            Header::Allow(crate::validate::ALLOW.into()),
            Header::Supported(crate::validate::SUPPORTED.into()),
        ];
        if let Some(timer) = timer {
            headers.push(Header::SessionExpires(timer.as_server().into()));
            // RFC 4028 §9: the peer must know that refreshing is its part.
            if timer.refresher == session_timer::Refresher::Peer {
                headers.push(Header::Require("timer".into()));
            }
        }
        headers
    }

    pub(crate) fn learn_allow(&mut self, request: &impl rsipstack::sip::HasHeaders) {
        let headers = request.headers();
        if message::list(headers, "Allow").next().is_some() {
            self.peer_allows_update = message::has_token(headers, "Allow", "UPDATE");
        }
    }

    /// Answers an offer and makes it effective.
    pub(crate) fn answer_offer(&mut self, body: &[u8]) -> Result<String, Incompatible> {
        let offer = offer_answer::parse(body)?;
        let line = self.line.as_mut().ok_or(Incompatible::Format)?;
        let (answer, agreed) = offer_answer::answer(&offer, &line.next_version())?;
        let answer = line.keep(answer);
        self.agree(agreed);
        Ok(answer)
    }

    /// Takes the peer's answer to an offer of ours.
    pub(crate) fn take_answer(&mut self, body: &[u8]) -> Result<(), Incompatible> {
        let answer = offer_answer::parse(body)?;
        let line = self.line.as_ref().ok_or(Incompatible::Format)?;
        let agreed = offer_answer::accept(&answer, &line.local)?;
        self.agree(agreed);
        Ok(())
    }

    /// Our offer in the middle of a session: what we have, or both codecs if nothing is agreed yet.
    pub(crate) fn offer_again(&mut self) -> String {
        let prefer = self.handle.codec();
        self.line
            .as_mut()
            .map(|line| line.offer(prefer))
            .unwrap_or_default()
    }

    /// Tells the media plane, and the engine if a hold began or ended.
    pub(crate) fn agree(&mut self, mut agreed: Agreed) {
        let Some(line) = &mut self.line else { return };
        let before = line.agreed.as_ref();
        if agreed.remote.rtp.ip().is_unspecified()
            && let Some(before) = before
        {
            // Held the old way: the address comes back with the voice.
            (agreed.remote.rtp, agreed.remote.rtcp) = (before.remote.rtp, before.remote.rtcp);
        }
        let held_before = before.is_some_and(|b| b.held);
        line.port.set_remote(agreed.remote);
        line.agreed = Some(agreed);
        self.handle.set_codec(agreed.remote.codec);
        if held_before != agreed.held {
            self.emit(SipEvent::Held {
                leg: self.id,
                held: agreed.held,
            });
        }
    }
}

impl Line {
    /// A line on an open port, whose peers should send to `told`.
    pub(crate) fn new(port: Port, told: std::net::SocketAddr, session: u64) -> Self {
        // RFC 8866 §5.2 wants numbers that fit any reader: 63 bits are too many for some phones.
        let local = Local {
            rtp: told,
            session: session & 0x7fff_ffff,
            version: 1,
        };
        Self {
            port,
            local,
            agreed: None,
            sent: String::new(),
        }
    }

    /// The local side under the version that a changed description would have.
    pub(crate) fn next_version(&self) -> Local {
        let step = u64::from(!self.sent.is_empty());
        Local {
            version: self.local.version + step,
            ..self.local
        }
    }

    /// Keeps a description that is about to be sent. One that says the same as the last is sent as the last one
    /// was, under its version (RFC 3264 §8).
    pub(crate) fn keep(&mut self, text: String) -> String {
        let same = |a: &str, b: &str| a.lines().skip(2).eq(b.lines().skip(2));
        if !self.sent.is_empty() && same(&self.sent, &text) {
            return self.sent.clone();
        }
        self.local = self.next_version();
        self.sent = text;
        self.sent.clone()
    }

    /// An offer of both codecs, the preferred one first.
    pub(crate) fn offer(&mut self, prefer: Codec) -> String {
        let other = if prefer == Codec::Pcma {
            Codec::Pcmu
        } else {
            Codec::Pcma
        };
        let text = offer_answer::offer(
            &self.next_version(),
            [prefer, other],
            Direction::SendRecv,
            self.agreed.as_ref(),
        );
        self.keep(text)
    }
}

/// Starts a client transaction in a task of its own. Its responses go to `leg`, if anybody wants them.
pub(crate) fn client(
    core: &Arc<Core>,
    request: Request,
    hop: &Flow,
    leg: Option<mpsc::Sender<LegMsg>>,
) -> Option<(TransactionEventSender, TransactionKey)> {
    let key = TransactionKey::from_request(&request, TransactionRole::Client).ok()?;
    let connection = Some(hop.connection.clone());
    let mut transaction =
        Transaction::new_client(key.clone(), request, Arc::clone(&core.endpoint), connection);
    transaction.destination = Some(hop.addr());
    let sender = transaction.tu_sender.clone();
    core.runtime.spawn(async move {
        if let Err(error) = transaction.send().await {
            debug!(%error, "could not send a request");
        }
        while let Some(message) = transaction.receive().await {
            if let (SipMessage::Response(response), Some(leg)) = (message, &leg) {
                forward(leg, LegMsg::Response(Box::new(response)));
            }
        }
    });
    Some((sender, key))
}

/// Drives a server INVITE transaction in a task of its own: it sends `first`, repeats a 2xx until the ACK, and tells
/// the leg of ACK and CANCEL.
pub(crate) fn server_invite(
    core: &Arc<Core>,
    mut transaction: Transaction,
    leg: &mpsc::Sender<LegMsg>,
    first: Option<Response>,
    offered: bool,
) -> Option<Unacked> {
    let seq = message::cseq(&transaction.original.headers)?;
    let unacked = Unacked {
        seq,
        offered,
        tx: transaction.tu_sender.clone(),
        key: transaction.key.clone(),
    };
    let leg = leg.clone();
    core.runtime.spawn(async move {
        let sent = match first {
            Some(response) => transaction.respond(response).await,
            None => transaction.send_trying().await,
        };
        if let Err(error) = sent {
            debug!(%error, "could not respond to an INVITE");
        }
        while let Some(message) = transaction.receive().await {
            match message {
                SipMessage::Request(request) if request.method == Method::Ack => {
                    return forward(&leg, LegMsg::Acked(seq, request.body));
                }
                SipMessage::Request(request) if request.method == Method::Cancel => {
                    forward(&leg, LegMsg::Cancelled);
                }
                _ => {}
            }
        }
        forward(&leg, LegMsg::Unacked(seq));
    });
    Some(unacked)
}

/// ACK and BYE for a 2xx that nobody wants any more.
pub(crate) async fn acknowledge_and_end(core: &Arc<Core>, dialog: &mut Dialog, response: &Response) {
    let ack = dialog.ack(core, message::cseq(&response.headers).unwrap_or(1));
    let hop = dialog.hop(core).await;
    core.send(ack, &hop).await;
    let bye = dialog.request(core, Method::Bye, Vec::new(), None);
    client(core, bye, &hop, None);
}

/// The Warning header of a 488 (RFC 3261 §20.43).
pub(crate) fn warning(core: &Core, error: Incompatible) -> Header {
    Header::Warning(format!("{} {} \"{error}\"", error.warning(), core.config.realm).into())
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

/// A key from an INFO (`application/dtmf-relay`: `Signal=5`; `application/dtmf`: `5`).
fn dtmf(request: &Request) -> Option<char> {
    let media_type = message::header(&request.headers, "Content-Type")?
        .split(';')
        .next()?
        .trim()
        .to_ascii_lowercase();
    let body = std::str::from_utf8(&request.body).ok()?;
    let text = match media_type.as_str() {
        "application/dtmf-relay" => body.lines().find_map(|l| {
            let (name, value) = l.split_once('=')?;
            name.trim().eq_ignore_ascii_case("signal").then(|| value.trim())
        })?,
        "application/dtmf" => body.trim(),
        _ => return None,
    };
    let digit = match text {
        "10" => '*',
        "11" => '#',
        _ => text
            .chars()
            .next()
            .filter(|_| text.len() == 1)?
            .to_ascii_uppercase(),
    };
    matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D').then_some(digit)
}
