//! The session of an answered leg: changes by re-INVITE and UPDATE, and the session timer that keeps it alive.

use crate::core::Core;
use crate::leg::{End, Leg};
use crate::line::warning;
use crate::message;
use crate::session_timer;
use crate::transact::{acknowledge_and_end, client, server_invite};
use crate::transport::Flow;
use acd::GoneCause;
use rsipstack::sip::{Header, Method, Request, Response};
use rsipstack::transaction::Transaction;
use rsipstack::transaction::key::TransactionKey;
use rsipstack::transaction::transaction::{TransactionEvent, TransactionEventSender};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::debug;

/// A request of ours that refreshes the session and waits for its response.
pub(crate) struct Refresh {
    seq: u32,
    /// Its transaction, if it is an INVITE.
    invite: Option<(TransactionEventSender, TransactionKey)>,
}

impl Leg {
    /// A 2xx to an INVITE of ours after the dialog was confirmed: a repeat, another fork, or our refresh's answer.
    pub(crate) async fn on_answered(&mut self, response: Response, flow: Flow) -> Option<End> {
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
            self.keep_confirmed();
        }
        let ack = self.dialog.ack(&self.core, seq);
        let hop = self.dialog.hop(&self.core).await;
        self.core.send(ack, &hop).await;
        None
    }

    /// Something is due for the session timer.
    pub(crate) async fn timer_ran_out(&mut self) -> Option<End> {
        let Some(timer) = self.timer else {
            self.timer_due = None;
            return None;
        };
        if timer.refresher == session_timer::Refresher::Us {
            self.send_refresh(Some(timer)).await;
            return None;
        }
        self.core.metrics.lapsed.inc();
        self.gone(GoneCause::Failed);
        self.bye(None).await;
        Some(End::Failed)
    }

    /// Refreshes the session out of turn, unless that is under way: a peer that has no such dialog says so.
    pub(crate) async fn refresh_now(&mut self) {
        if self.refresh.is_none() && self.unacked.is_none() {
            self.send_refresh(self.timer).await;
        }
    }

    /// Sends UPDATE, or a re-INVITE with the description as it is (RFC 4028 §7.4).
    async fn send_refresh(&mut self, timer: Option<session_timer::Agreed>) {
        self.timer_due = None;
        let core = Arc::clone(&self.core);
        let mut headers = vec![
            Header::Supported(crate::validate::SUPPORTED.into()),
            Header::Allow(crate::validate::ALLOW.into()),
        ];
        if let Some(timer) = timer {
            headers.push(Header::SessionExpires(timer.as_client().into()));
            headers.push(Header::MinSE(
                core.config.session_timer.min.as_secs().to_string().into(),
            ));
        }
        let with_update = self.peer_allows_update;
        let (method, body) = if with_update {
            (Method::Update, None)
        } else {
            (Method::Invite, Some(self.offer_again()))
        };
        let request = self.dialog.request(&core, method, headers, body);
        let hop = self.dialog.hop(&core).await;
        let started = client(&core, request, &hop, Some(self.handle.sender.clone())).await;
        self.refresh = Some(Refresh {
            seq: self.dialog.local_seq,
            invite: started.filter(|_| !with_update),
        });
    }

    /// A response to our refresh other than a 2xx to INVITE.
    pub(crate) async fn on_response(&mut self, response: &Response) -> Option<End> {
        let (code, seq) = (
            message::status(response),
            message::cseq(&response.headers).unwrap_or(0),
        );
        if code < 200 {
            return None;
        }
        let refresh = self.refresh.take_if(|r| r.seq == seq)?;
        match code {
            200..300 => {
                self.arm_from(response);
                self.keep_confirmed();
            }
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
    pub(crate) async fn on_modify(&mut self, mut transaction: Transaction) {
        let invite = transaction.original.method == Method::Invite;
        let offered = self.unacked.as_ref().is_some_and(|u| u.offered);
        if self.refresh.as_ref().is_some_and(|r| r.invite.is_some())
            || (offered && !transaction.original.body.is_empty())
        {
            return self.respond(&mut transaction, 491, Vec::new(), None).await;
        }
        let timer = match self.core.timer_as_server(&transaction.original) {
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
}

impl Core {
    /// What we and the peer agree on for the session timer, from a request of the peer's. `Err` is our Min-SE.
    pub(crate) fn timer_as_server(&self, request: &Request) -> Result<Option<session_timer::Agreed>, u64> {
        let headers = &request.headers;
        let asked =
            message::header(headers, "Session-Expires").and_then(session_timer::SessionExpires::parse);
        let supports = ["Supported", "Require"]
            .iter()
            .any(|name| message::has_token(headers, name, "timer"));
        session_timer::as_server(&self.config.session_timer, asked, supports)
    }
}
