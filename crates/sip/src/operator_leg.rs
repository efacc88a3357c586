//! A leg that we dial, until it is answered: ringing, the answer or a failure, or our CANCEL. What we ask for is the
//! business of [`inviting`](crate::inviting).

use crate::SipEvent;
use crate::arrival::without_tag;
use crate::config::Transport;
use crate::core::Core;
use crate::dialog::Dialog;
use crate::inviting::Calling;
use crate::leg::{Command, Leg, LegMsg, Wake, reason};
use crate::message;
use crate::transact::{acknowledge_and_end, client};
use crate::transport::Flow;
use acd::{FailCause, GoneCause, HangUpCause};
use futures_util::FutureExt;
use media::WebrtcEvent;
use rsipstack::sip::{Header, HostWithPort, Method, Request, Response};
use rsipstack::transaction::transaction::TransactionEvent;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use tokio::time::Instant;
use tracing::{debug, error, warn};

impl Leg {
    /// Runs a leg that we dialled to its end, from the INVITE that was sent, or could not be.
    pub(crate) async fn run_outgoing(mut self, calling: Option<Calling>) {
        let run = async {
            let Some(calling) = calling else {
                return self.failed(FailCause::Unreachable);
            };
            if self.ring(calling).await {
                self.confirmed().await;
            }
        };
        if AssertUnwindSafe(run).catch_unwind().await.is_err() {
            self.fault().await;
        }
    }

    /// Ends the leg after a fault in the program.
    pub(crate) async fn fault(&mut self) {
        self.core.metrics.panics.inc();
        error!(call = %self.id.call, leg = self.id.leg, "a fault in the program ended a leg that was dialled");
        self.gone(GoneCause::Failed);
        // An answer to an INVITE that still rings finds no leg, and is ended then.
        if self.answered {
            self.bye(None).await;
        }
    }

    /// Rings the phone. Returns whether it was answered.
    async fn ring(&mut self, mut calling: Calling) -> bool {
        loop {
            match self.next(calling.due).await {
                Wake::Due if calling.hang_up.is_none() => {
                    self.failed(FailCause::NoAnswer);
                    self.stop_ringing(&mut calling, HangUpCause::RingTimeout).await;
                }
                Wake::Due => {
                    // Neither 487 nor anything else came for our CANCEL (RFC 3261 §9.1).
                    let _ = calling.tx.send(TransactionEvent::Terminate(calling.key.clone()));
                    return false;
                }
                Wake::Message(LegMsg::Command(Command::HangUp(cause))) => {
                    self.release();
                    self.stop_ringing(&mut calling, cause).await;
                }
                Wake::Message(LegMsg::Response(response)) => {
                    if message::status(&response) < 200 {
                        self.provisional(&mut calling, &response).await;
                    } else if message::answers(&response, Method::Invite)
                        && !self.retry(&mut calling, &response).await
                    {
                        self.refused(&calling, &response);
                        return false;
                    }
                }
                Wake::Message(LegMsg::Answered(response, flow)) => {
                    let _ = calling.tx.send(TransactionEvent::Terminate(calling.key.clone()));
                    return self.picked_up(&calling, &response, &flow).await;
                }
                Wake::Message(LegMsg::Webrtc(WebrtcEvent::Connected(link))) => self.linked(link),
                Wake::Message(LegMsg::Request(mut transaction, _)) => {
                    // Before the answer there is no dialog that the phone could change.
                    self.respond(&mut transaction, 481, Vec::new(), None).await;
                }
                Wake::Message(_) => {}
            }
        }
    }

    /// Ends the INVITE, as soon as the phone has shown that it has it (RFC 3261 §9.1).
    async fn stop_ringing(&mut self, calling: &mut Calling, cause: HangUpCause) {
        calling.hang_up = Some(cause);
        calling.due = None;
        if calling.provisional {
            self.cancel(calling).await;
        }
        self.end_turn();
    }

    async fn provisional(&mut self, calling: &mut Calling, response: &Response) {
        if !message::answers(response, Method::Invite) {
            return;
        }
        let first = !std::mem::replace(&mut calling.provisional, true);
        if calling.hang_up.is_some() {
            if first {
                self.cancel(calling).await;
            }
            return;
        }
        let code = message::status(response);
        if code > 100 && !calling.rang {
            calling.rang = true;
            self.emit(SipEvent::Ringing { leg: self.id });
        }
        if code > 100 && message::has_token(&response.headers, "Require", "100rel") {
            self.prack(calling, response).await;
        }
    }

    /// Acknowledges a reliable provisional response (RFC 3262 §4).
    async fn prack(&mut self, calling: &mut Calling, response: &Response) {
        let rseq = message::header(&response.headers, "RSeq").and_then(|v| v.parse::<u32>().ok());
        let (Some(rseq), Some(mut early)) = (rseq, dialog_of_answer(&self.core, response, &calling.hop))
        else {
            return;
        };
        let seen = calling.rseq.as_ref().filter(|(tag, _)| *tag == early.remote_tag);
        if seen.is_some_and(|&(_, last)| rseq != last.wrapping_add(1)) {
            return;
        }
        calling.rseq = Some((early.remote_tag.clone(), rseq));
        // An answer that comes now is the answer; the 2xx only repeats it, or brings none.
        if !response.body.is_empty() && self.take_answer(&response.body).is_err() {
            debug!(call = %self.id.call, leg = self.id.leg, "the description in a provisional response is unusable");
        }
        let seq = message::cseq(&response.headers).unwrap_or(self.dialog.local_seq);
        let rack = Header::RAck(format!("{rseq} {seq} INVITE").into());
        early.local_seq = self.dialog.local_seq;
        early.behind_nat = self.dialog.behind_nat;
        let core = Arc::clone(&self.core);
        let request = early.request(&core, Method::PRack, vec![rack], None);
        self.dialog.local_seq = early.local_seq;
        let hop = early.hop(&core).await;
        client(&core, request, &hop, None).await;
    }

    /// Sends CANCEL, as a transaction of its own so that it is repeated until answered.
    async fn cancel(&mut self, calling: &mut Calling) {
        calling.due = Some(Instant::now() + self.core.transaction_life());
        let invite = &calling.request;
        let mut headers: Vec<Header> = invite
            .headers
            .iter()
            .filter(|h| {
                matches!(
                    h,
                    Header::Via(_)
                        | Header::From(_)
                        | Header::To(_)
                        | Header::CallId(_)
                        | Header::Route(_)
                        | Header::MaxForwards(_)
                        | Header::UserAgent(_)
                )
            })
            .cloned()
            .collect();
        let seq = message::cseq(&invite.headers).unwrap_or(self.dialog.local_seq);
        headers.push(Header::CSeq(format!("{seq} CANCEL").into()));
        headers.extend(calling.hang_up.map(reason));
        headers.push(Header::ContentLength(0.into()));
        let request = Request {
            method: Method::Cancel,
            uri: invite.uri.clone(),
            version: invite.version,
            headers: headers.into(),
            body: Vec::new(),
        };
        let hop = match calling.hop.transport {
            // The page may have another connection by now.
            Transport::Ws => self.dialog.hop(&Arc::clone(&self.core)).await,
            _ => calling.hop.clone(),
        };
        client(&self.core, request, &hop, None).await;
    }

    /// Sends the INVITE again if the response tells how it would be taken.
    async fn retry(&mut self, calling: &mut Calling, response: &Response) -> bool {
        if calling.hang_up.is_some() {
            return false;
        }
        let Some(headers) = calling.amended(response) else {
            return false;
        };
        let body = String::from_utf8_lossy(&calling.request.body).into_owned();
        let core = Arc::clone(&self.core);
        let request = self.dialog.request(&core, Method::Invite, headers, Some(body));
        self.keep_calling(&request, &calling.hop);
        let Some((tx, key)) = client(
            &core,
            request.clone(),
            &calling.hop,
            Some(self.handle.sender.clone()),
        )
        .await
        else {
            return false;
        };
        *calling = Calling {
            request,
            tx,
            key,
            provisional: false,
            rseq: None,
            hop: calling.hop.clone(),
            account: calling.account.take(),
            ..*calling
        };
        true
    }

    fn refused(&mut self, calling: &Calling, response: &Response) {
        let code = message::status(response);
        debug!(call = %self.id.call, leg = self.id.leg, code, "the phone did not take the call");
        if calling.hang_up.is_none() {
            if matches!(code, 401 | 407) {
                warn!(call = %self.id.call, leg = self.id.leg, code, "the other side asks for a user name and password other than ours");
            }
            // The transaction layer writes its own responses without a To tag.
            let from_peer = message::header(&response.headers, "To")
                .and_then(message::tag)
                .is_some();
            self.failed(fail_cause(code, calling.rang, calling.provisional, from_peer));
        }
    }

    pub(crate) fn failed(&mut self, cause: FailCause) {
        if !self.over {
            self.release();
            self.emit(SipEvent::Failed { leg: self.id, cause });
        }
    }

    /// The first 2xx makes the dialog (RFC 3261 §13.2.2.4).
    async fn picked_up(&mut self, calling: &Calling, response: &Response, flow: &Flow) -> bool {
        let core = Arc::clone(&self.core);
        let Some(mut dialog) = dialog_of_answer(&core, response, flow) else {
            self.failed(FailCause::Other(message::status(response)));
            return false;
        };
        dialog.local_seq = self.dialog.local_seq;
        dialog.behind_nat = self.dialog.behind_nat;
        dialog.contact = std::mem::take(&mut self.dialog.contact);
        let settled = self.line.as_ref().is_some_and(|l| l.agreed.is_some());
        let agreed = if settled && response.body.is_empty() {
            Ok(())
        } else {
            self.take_answer(&response.body)
        };
        if calling.hang_up.is_some() || agreed.is_err() {
            // The answer crossed our CANCEL, or cannot be used.
            acknowledge_and_end(&core, &mut dialog, response).await;
            self.failed(FailCause::Other(488));
            return false;
        }
        let ack = dialog.ack(
            &core,
            message::cseq(&response.headers).unwrap_or(dialog.local_seq),
        );
        let hop = dialog.hop(&core).await;
        self.dialog = dialog;
        self.learn_allow(response);
        self.arm_from(response);
        self.keep_confirmed();
        self.core.send(ack, &hop).await;
        if !self.browser_heard().await {
            return false;
        }
        self.emit(SipEvent::Answered { leg: self.id });
        true
    }
}

/// The dialog that a response to an INVITE of ours makes (RFC 3261 §12.1.2), from the response alone.
pub(crate) fn dialog_of_answer(core: &Core, response: &Response, flow: &Flow) -> Option<Dialog> {
    let headers = &response.headers;
    let (from, to) = (message::header(headers, "From")?, message::header(headers, "To")?);
    let mut routes: Vec<String> = message::list(headers, "Record-Route")
        .map(str::to_owned)
        .collect();
    routes.reverse();
    let seq = message::cseq(headers)?;
    let contact = message::list(headers, "Contact").next().and_then(message::uri);
    Some(Dialog {
        call_id: message::header(headers, "Call-ID")?.to_owned(),
        local_tag: message::tag(from)?.to_owned(),
        remote_tag: message::tag(to).unwrap_or_default().to_owned(),
        local: without_tag(from),
        remote: without_tag(to),
        local_seq: seq,
        remote_seq: None,
        routes,
        // A 2xx must have a Contact. Without one, the dialog can at least be ended where it came from.
        target: contact.unwrap_or_else(|| HostWithPort::from(flow.remote).into()),
        contact: core.contact(flow),
        flow: flow.clone(),
        behind_nat: false,
    })
}

/// What a final status means for the queue.
fn fail_cause(code: u16, rang: bool, provisional: bool, from_peer: bool) -> FailCause {
    match code {
        486 | 600 => FailCause::Busy,
        603 => FailCause::Declined,
        480 if rang => FailCause::Declined,
        // Nothing at all came back, or the connection broke: our own transaction layer says so.
        408 if !from_peer && !provisional => FailCause::Unreachable,
        503 if !from_peer => FailCause::Unreachable,
        408 | 487 => FailCause::NoAnswer,
        404 | 410 | 604 => FailCause::Unreachable,
        code => FailCause::Other(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_become_causes() {
        for (code, rang, provisional, from_peer, cause) in [
            (486, true, true, true, FailCause::Busy),
            (600, false, false, true, FailCause::Busy),
            (603, true, true, true, FailCause::Declined),
            (480, true, true, true, FailCause::Declined),
            (480, false, true, true, FailCause::Other(480)),
            (408, true, true, true, FailCause::NoAnswer),
            (408, false, false, false, FailCause::Unreachable),
            (408, true, true, false, FailCause::NoAnswer),
            (487, true, true, true, FailCause::NoAnswer),
            (404, false, false, true, FailCause::Unreachable),
            (503, false, false, false, FailCause::Unreachable),
            (503, false, false, true, FailCause::Other(503)),
            (500, false, false, true, FailCause::Other(500)),
        ] {
            assert_eq!(fail_cause(code, rang, provisional, from_peer), cause, "{code}");
        }
    }
}
