//! A caller's leg until it is answered: from INVITE over early media to the 200, or to a refusal.

use crate::config::EarlyMedia;
use crate::leg::{Command, Leg, LegMsg, Wake, reason};
use crate::line::warning;
use crate::message;
use crate::offer_answer::Agreed;
use crate::record::{StageRecord, request_text};
use crate::session_timer;
use crate::transact::Unacked;
use acd::{GoneCause, HangUpCause, Outcome};
use futures_util::FutureExt;
use media::WebrtcEvent;
use rsipstack::sip::{Header, Method, Request, Response};
use rsipstack::transaction::Transaction;
use rsipstack::transaction::transaction::TransactionEvent;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{debug, error, info};

/// How often a waiting caller's network is told that we are still there (RFC 3261 §13.3.1.1).
const PROGRESS_EVERY: Duration = Duration::from_secs(60);

/// An INVITE that waits for its answer.
pub(crate) struct Invite {
    request: Request,
    server: Unacked,
    /// Our answer to the caller's offer; none for an INVITE without one.
    answer: Option<(String, Agreed)>,
    timer: Option<session_timer::Agreed>,
    /// Provisional responses are sent reliably (RFC 3262).
    reliable: bool,
    rseq: u32,
    pending: Option<Pending>,
    progress_due: Option<Instant>,
    early: bool,
    answer_wanted: bool,
    /// It came before a restart.
    restored: bool,
}

impl Invite {
    /// An INVITE that got 100 and nothing else.
    pub(crate) fn new(
        request: Request,
        server: Unacked,
        answer: Option<(String, Agreed)>,
        timer: Option<session_timer::Agreed>,
        reliable: bool,
    ) -> Self {
        Self {
            request,
            server,
            answer,
            timer,
            reliable,
            rseq: 0,
            pending: None,
            progress_due: None,
            early: false,
            answer_wanted: false,
            restored: false,
        }
    }

    /// An INVITE of before a restart. What was sent reliably then is not sent again: the caller has acknowledged it, or
    /// takes the next response for it.
    pub(crate) fn restored(self, rseq: u32) -> Self {
        Self {
            rseq,
            early: rseq > 0,
            restored: true,
            ..self
        }
    }
}

/// A reliable provisional response that waits for its PRACK.
struct Pending {
    response: Response,
    rseq: u32,
    due: Instant,
    interval: Duration,
    until: Instant,
    /// It carried our offer, so the PRACK has the answer.
    offered: bool,
}

impl Leg {
    /// Runs a caller's leg to its end.
    pub(crate) async fn run_caller(mut self, mut invite: Invite) {
        let run = async {
            if self.waiting(&mut invite).await {
                self.confirmed().await;
            }
        };
        if AssertUnwindSafe(run).catch_unwind().await.is_err() {
            self.core.metrics.panics.inc();
            error!(call = %self.id.call, "a fault in the program ended a caller's leg");
            self.gone(GoneCause::Failed);
            if self.answered {
                self.bye(None).await;
            } else {
                self.final_response(&invite, 500, Vec::new());
            }
        }
    }

    /// Waits for the engine's decision. Returns whether the call was answered.
    pub(crate) async fn waiting(&mut self, invite: &mut Invite) -> bool {
        loop {
            let due = match &invite.pending {
                Some(pending) => Some(pending.due),
                None => invite.progress_due,
            };
            match self.next(due).await {
                Wake::Due => {
                    if !self.repeat_provisional(invite) {
                        self.gone(GoneCause::Failed);
                        self.final_response(invite, 504, Vec::new());
                        return false;
                    }
                }
                Wake::Message(LegMsg::Command(command)) => {
                    if let Some(answered) = self.decided(invite, command) {
                        return answered;
                    }
                }
                Wake::Message(LegMsg::Cancelled) => {
                    self.gone(GoneCause::HungUp);
                    self.final_response(invite, 487, Vec::new());
                    return false;
                }
                Wake::Message(LegMsg::Request(transaction, flow)) => {
                    self.dialog.flow = *flow;
                    if let Some(answered) = self.early_request(invite, *transaction).await {
                        return answered;
                    }
                }
                Wake::Message(LegMsg::Webrtc(WebrtcEvent::Connected(link))) => {
                    self.linked(link);
                    self.keep_waiting(invite);
                }
                Wake::Message(LegMsg::Webrtc(WebrtcEvent::Failed(why))) => {
                    info!(call = %self.id.call, %why, "a browser's call ends");
                    self.gone(GoneCause::Failed);
                    self.final_response(invite, 500, Vec::new());
                    return false;
                }
                Wake::Message(LegMsg::Unacked(_)) => {
                    // The transaction ended without us: its connection is gone.
                    self.gone(GoneCause::Failed);
                    return false;
                }
                Wake::Message(_) => {}
            }
        }
    }

    /// Carries out a command. `Some` ends the wait.
    fn decided(&mut self, invite: &mut Invite, command: Command) -> Option<bool> {
        match command {
            Command::EarlyMedia if !invite.early => {
                invite.early = true;
                self.progress(invite, true);
                None
            }
            Command::EarlyMedia | Command::Probe => None,
            // RFC 3262 §3: the 2xx waits for the PRACK of a response that carried a description.
            Command::Answer if invite.pending.is_some() => {
                invite.answer_wanted = true;
                None
            }
            Command::Answer => {
                self.answer(invite);
                Some(true)
            }
            Command::Refuse(outcome, retry_after) => {
                let code = refusal_code(outcome);
                info!(call = %self.id.call, outcome = outcome.name(), code, "call refused");
                self.release();
                let retry = retry_after.map(|d| Header::RetryAfter(d.as_secs().max(1).to_string().into()));
                self.final_response(invite, code, retry.into_iter().collect());
                Some(false)
            }
            Command::HangUp(cause) => {
                self.release();
                let code = if cause == HangUpCause::Shutdown { 503 } else { 480 };
                self.final_response(invite, code, vec![reason(cause)]);
                Some(false)
            }
        }
    }

    /// Sends 182 or 183, with our description the first time if there can be one.
    fn progress(&mut self, invite: &mut Invite, first: bool) {
        let code = match self.core.config.early_media {
            EarlyMedia::Progress => 183,
            EarlyMedia::Queued => 182,
        };
        let late_offer = invite.answer.is_none();
        let body = match &invite.answer {
            Some((text, agreed)) => {
                let (text, agreed) = (text.clone(), *agreed);
                if first {
                    self.agree(agreed);
                }
                Some(text)
            }
            // An offer of ours may only go out reliably, so that its answer can come in the PRACK.
            None if invite.reliable && first => Some(self.offer_again()),
            None => None,
        };
        let mut headers = vec![
            Header::Contact(self.dialog.contact.as_str().into()),
            Header::Allow(crate::validate::ALLOW.into()),
        ];
        if invite.reliable {
            invite.rseq += 1;
            headers.push(Header::Require("100rel".into()));
            headers.push(Header::RSeq(invite.rseq.to_string().into()));
        }
        let offered = late_offer && body.is_some();
        let response = self
            .core
            .response(&invite.request, code, Some(&self.dialog.local_tag), headers, body);
        let now = Instant::now();
        invite.progress_due = Some(now + PROGRESS_EVERY);
        if invite.reliable {
            let t1 = self.core.config.t1;
            invite.pending = Some(Pending {
                response: response.clone(),
                rseq: invite.rseq,
                due: now + t1,
                interval: t1,
                until: now + self.core.transaction_life(),
                offered,
            });
            self.keep_waiting(invite);
        }
        let _ = invite.server.tx.send(TransactionEvent::Respond(response));
    }

    /// Repeats what is due. `false` if the caller has let a reliable response go unacknowledged for too long.
    fn repeat_provisional(&mut self, invite: &mut Invite) -> bool {
        let now = Instant::now();
        match &mut invite.pending {
            Some(pending) if now >= pending.until => return false,
            Some(pending) => {
                pending.interval *= 2;
                pending.due = (now + pending.interval).min(pending.until);
                let _ = invite
                    .server
                    .tx
                    .send(TransactionEvent::Respond(pending.response.clone()));
            }
            None => self.progress(invite, false),
        }
        true
    }

    /// Sends the 200.
    fn answer(&mut self, invite: &mut Invite) {
        let settled = self.line.as_ref().is_some_and(|l| l.agreed.is_some());
        let (body, offered) = match &invite.answer {
            Some((text, agreed)) => {
                let (text, agreed) = (text.clone(), *agreed);
                if !settled {
                    self.agree(agreed);
                }
                (Some(text), false)
            }
            None if settled => (None, false),
            None => (Some(self.offer_again()), true),
        };
        let headers = self.ok_headers(invite.timer);
        self.arm(invite.timer);
        let response = self
            .core
            .response(&invite.request, 200, Some(&self.dialog.local_tag), headers, body);
        let server = &invite.server;
        self.unacked = Some(Unacked {
            seq: server.seq,
            offered,
            tx: server.tx.clone(),
            key: server.key.clone(),
        });
        let _ = server.tx.send(TransactionEvent::Respond(response));
    }

    pub(crate) fn final_response(&self, invite: &Invite, code: u16, headers: Vec<Header>) {
        let response = self
            .core
            .response(&invite.request, code, Some(&self.dialog.local_tag), headers, None);
        let _ = invite.server.tx.send(TransactionEvent::Respond(response));
    }

    /// A request of the caller's before we answered. `Some` ends the wait.
    async fn early_request(&mut self, invite: &mut Invite, mut transaction: Transaction) -> Option<bool> {
        if let Err((code, headers)) = self.check_in_dialog(&transaction.original) {
            self.respond(&mut transaction, code, headers, None).await;
            return None;
        }
        match transaction.original.method {
            Method::PRack => {
                self.on_prack(invite, transaction).await;
                self.keep_waiting(invite);
                if invite.answer_wanted && invite.pending.is_none() {
                    self.answer(invite);
                    return Some(true);
                }
            }
            // RFC 3261 §15: a caller may hang up an early dialog so.
            Method::Bye => {
                self.gone(GoneCause::HungUp);
                self.respond(&mut transaction, 200, Vec::new(), None).await;
                self.final_response(invite, 487, Vec::new());
                return Some(false);
            }
            Method::Update => {
                self.early_update(invite, transaction).await;
                self.keep_waiting(invite);
            }
            // A second INVITE before the answer to the first (RFC 3261 §14.2).
            Method::Invite => {
                let retry = vec![Header::RetryAfter("3".into())];
                self.respond(&mut transaction, 500, retry, None).await;
            }
            _ => self.on_other(transaction).await,
        }
        None
    }

    async fn on_prack(&mut self, invite: &mut Invite, mut transaction: Transaction) {
        let rack = message::header(&transaction.original.headers, "RAck").unwrap_or_default();
        let mut words = rack.split_whitespace();
        let mut number = || words.next().and_then(|w| w.parse::<u32>().ok());
        let (rseq, seq) = (number(), number());
        let matches = words.next() == Some("INVITE") && seq == Some(invite.server.seq);
        let Some(pending) = invite.pending.take_if(|p| matches && rseq == Some(p.rseq)) else {
            if invite.restored && matches && rseq == Some(invite.rseq) {
                return self.respond(&mut transaction, 200, Vec::new(), None).await;
            }
            return self.respond(&mut transaction, 481, Vec::new(), None).await;
        };
        let body = std::mem::take(&mut transaction.original.body);
        if pending.offered {
            if let Err(error) = self.take_answer(&body) {
                debug!(call = %self.id.call, %error, "the PRACK's answer cannot be used");
            }
            return self.respond(&mut transaction, 200, Vec::new(), None).await;
        }
        // A PRACK may offer anew (RFC 3262 §5).
        let answer = if body.is_empty() {
            Ok(None)
        } else {
            self.answer_offer(&body).map(Some)
        };
        match answer {
            Ok(answer) => {
                if let Some(text) = &answer {
                    self.remember(invite, text.clone());
                }
                self.respond(&mut transaction, 200, Vec::new(), answer).await;
            }
            Err(error) => {
                let headers = vec![warning(&self.core, error)];
                self.respond(&mut transaction, error.status(), headers, None)
                    .await;
            }
        }
    }

    /// UPDATE in an early dialog: only once the first offer is answered (RFC 3311 §5.1).
    async fn early_update(&mut self, invite: &mut Invite, mut transaction: Transaction) {
        let body = std::mem::take(&mut transaction.original.body);
        if body.is_empty() {
            let contact = vec![Header::Contact(self.dialog.contact.as_str().into())];
            return self.respond(&mut transaction, 200, contact, None).await;
        }
        if self.line.as_ref().is_none_or(|l| l.agreed.is_none()) || invite.pending.is_some() {
            let retry = vec![Header::RetryAfter("3".into())];
            return self.respond(&mut transaction, 500, retry, None).await;
        }
        match self.answer_offer(&body) {
            Ok(text) => {
                self.remember(invite, text.clone());
                let contact = vec![Header::Contact(self.dialog.contact.as_str().into())];
                self.respond(&mut transaction, 200, contact, Some(text)).await;
            }
            Err(error) => {
                let headers = vec![warning(&self.core, error)];
                self.respond(&mut transaction, error.status(), headers, None)
                    .await;
            }
        }
    }

    /// Writes the leg down while it waits.
    pub(crate) fn keep_waiting(&self, invite: &Invite) {
        self.keep(|| StageRecord::Waiting {
            invite: request_text(&invite.request),
            answer: invite.answer.clone().map(Box::new),
            timer: invite.timer,
            reliable: invite.reliable,
            rseq: invite.rseq,
        });
    }

    /// What the 200 will say, after the session was changed before it.
    fn remember(&self, invite: &mut Invite, text: String) {
        if let Some(agreed) = self.line.as_ref().and_then(|l| l.agreed)
            && invite.answer.is_some()
        {
            invite.answer = Some((text, agreed));
        }
    }
}

/// The status that tells a caller's network how the queue decided.
pub(crate) const fn refusal_code(outcome: Outcome) -> u16 {
    match outcome {
        // All lines and places taken: busy here, and not 600, as another number may be free.
        Outcome::Saturated => 486,
        // Nobody there now: closed, waited out, or to be called back.
        Outcome::Closed | Outcome::TimedOut | Outcome::Callback => 480,
        // The engine stops or is overloaded: try another node, or later.
        Outcome::Rejected => 503,
        Outcome::Failed => 500,
        // Never refused with these; a caller who left has been told 487 already.
        Outcome::Answered | Outcome::Abandoned | Outcome::ShortAbandoned => 480,
    }
}
