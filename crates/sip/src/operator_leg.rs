//! A leg that we dial, until it is answered: INVITE to the phone, ringing, the answer or a failure, or our CANCEL.
//!
//! Whose phone it is (an operator's, the caller's own for a call-back, another place's) shows in what the INVITE says, and
//! in nothing else.

use crate::arrival::without_tag;
use crate::config::Transport;
use crate::core::Core;
use crate::crypto::Security;
use crate::dialog::Dialog;
use crate::digest;
use crate::leg::{Command, Leg, LegMsg, Wake, reason};
use crate::line::Line;
use crate::message;
use crate::record::{StageRecord, WayRecord, request_text};
use crate::transact::{acknowledge_and_end, client};
use crate::transport::Flow;
use crate::{Account, SipEvent, SrtpPolicy};
use acd::{CallerNumber, FailCause, GoneCause, HangUpCause};
use futures_util::FutureExt;
use media::{Family, WebrtcEvent};
use rsipstack::sip::{Header, HostWithPort, Method, Request, Response};
use rsipstack::transaction::key::TransactionKey;
use rsipstack::transaction::transaction::{TransactionEvent, TransactionEventSender};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

/// What an INVITE of ours says, besides whose phone it is for.
#[derive(Default)]
pub(crate) struct Asking {
    /// Who is shown as calling; nobody if withheld.
    pub(crate) from: Option<CallerNumber>,
    /// The phone is inside the house, and may know the call's number.
    pub(crate) inside: bool,
    /// The number of ours that the caller had dialled, for a call that goes on to another place (RFC 5806).
    pub(crate) diverted: Option<String>,
    /// Who we are to whoever asks for a password.
    pub(crate) account: Option<Account>,
    /// Whether the phone is to speak SRTP.
    pub(crate) srtp: SrtpPolicy,
    /// How long it rings, if nobody else sees to that.
    pub(crate) ring_max: Option<Duration>,
}

/// Our INVITE while it is open.
pub(crate) struct Calling {
    request: Request,
    hop: Flow,
    tx: TransactionEventSender,
    key: TransactionKey,
    /// A provisional response came, so that a CANCEL may be sent (RFC 3261 §9.1).
    provisional: bool,
    rang: bool,
    /// The engine wants it ended.
    hang_up: Option<HangUpCause>,
    /// The highest RSeq acknowledged, by the fork that sent it (RFC 3262 §4).
    rseq: Option<(String, u32)>,
    /// When we give up ringing, or waiting for the end of a cancelled INVITE.
    due: Option<Instant>,
    /// A 422 was followed already.
    retried: bool,
    /// Who we are to whoever asks for a password, until we have told.
    account: Option<Account>,
}

impl Calling {
    /// An INVITE that was just sent.
    pub(crate) fn new(request: Request, hop: Flow, tx: TransactionEventSender, key: TransactionKey) -> Self {
        Self {
            request,
            hop,
            tx,
            key,
            provisional: false,
            rang: false,
            hang_up: None,
            rseq: None,
            due: None,
            retried: false,
            account: None,
        }
    }

    /// The headers with which the INVITE is worth sending again after this response: once with the interval that a 422
    /// asks for (RFC 4028 §7.3), once with the password that a 401 or 407 asks for (RFC 3261 §22).
    fn amended(&mut self, response: &Response) -> Option<Vec<Header>> {
        let code = message::status(response);
        let added = match code {
            422 if !self.retried => {
                let min: u32 = message::header(&response.headers, "Min-SE")?.parse().ok()?;
                self.retried = true;
                vec![
                    Header::SessionExpires(min.to_string().into()),
                    Header::MinSE(min.to_string().into()),
                ]
            }
            401 | 407 => vec![self.authorization(code, response)?],
            _ => return None,
        };
        let kept = self.request.headers.iter().filter(|header| match header {
            Header::Allow(_) | Header::Supported(_) | Header::PAssertedIdentity(_) | Header::Other(..) => {
                true
            }
            Header::SessionExpires(_) | Header::MinSE(_) => code != 422,
            // A nonce is good for another count only where its issuer says so.
            _ => false,
        });
        Some(kept.cloned().chain(added).collect())
    }

    fn authorization(&mut self, code: u16, response: &Response) -> Option<Header> {
        let account = self.account.take()?;
        let challenges = response.headers.iter().filter_map(|header| match header {
            Header::WwwAuthenticate(value) if code == 401 => Some(value.value()),
            Header::ProxyAuthenticate(value) if code == 407 => Some(value.value()),
            _ => None,
        });
        let uri = self.request.uri.to_string();
        let value = digest::answer(challenges, "INVITE", &uri, &account)?;
        Some(match code {
            401 => Header::Authorization(value.into()),
            _ => Header::ProxyAuthorization(value.into()),
        })
    }
}

impl Calling {
    /// It is to be ended as soon as the phone has shown that it has it (RFC 3261 §9.1).
    pub(crate) fn call_off(&mut self, cause: HangUpCause) {
        self.hang_up = Some(cause);
    }
}

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

    /// Sends the INVITE. `None` if there is no way to the phone, or no port for its media.
    pub(crate) async fn start_calling(&mut self, asking: Asking) -> Option<Calling> {
        let core = Arc::clone(&self.core);
        // The way the phone registered leads back to it; a fixed contact is looked up.
        let hop = self.dialog.hop_to_phone(&core).await?;
        self.dialog.flow = hop.clone();
        self.dialog.contact = core.contact(&hop);
        let told = core.host_of(&hop);
        let caller = asking.from.unwrap_or_else(CallerNumber::withheld);
        self.dialog.local = from_value(&caller, &told);
        self.line = self.open_line(&hop);
        if self.over || self.line.is_none() {
            return None;
        }
        let interval = core.config.session_timer.interval.as_secs();
        let headers = self.invite_headers(&asking, &told, interval);
        let offer = self.offer_again();
        let request = self.dialog.request(&core, Method::Invite, headers, Some(offer));
        info!(call = %self.id.call, leg = self.id.leg, sip_call_id = self.dialog.call_id, %caller, "ringing a phone");
        // First, so that a phone that rings is known after a crash.
        self.keep_calling(&request, &hop);
        let (tx, key) = client(&core, request.clone(), &hop, Some(self.handle.sender.clone())).await?;
        Some(Calling {
            account: asking.account,
            due: asking.ring_max.map(|ring_max| Instant::now() + ring_max),
            ..Calling::new(request, hop, tx, key)
        })
    }

    /// Opens the media port. `None` if there is none, or no random numbers, and then the log says so.
    fn open_line(&self, hop: &Flow) -> Option<Line> {
        let core = &self.core;
        let browser = hop.transport == Transport::Ws;
        let opened = match hop.remote {
            _ if browser => core.open_for_browser(self.id, hop),
            SocketAddr::V4(_) => core.media.open(self.id, Family::V4),
            SocketAddr::V6(_) => core.media.open(self.id, Family::V6),
        };
        let port = match opened {
            Ok(port) => port,
            Err(error) => {
                error!(call = %self.id.call, leg = self.id.leg, %error, "no media port for a leg that is dialled");
                return None;
            }
        };
        let tag = core.local_tag(&self.dialog.call_id, "sdp");
        let local = port.local();
        let line = |rtp| Line::new(port, rtp, tag, core.config.codecs);
        let line = if browser {
            line(core.told_to_browser(local, hop.remote.ip())).for_browser(core)
        } else {
            Security::new(self.srtp).map(|keys| line(core.told(local, hop.remote.ip())).secured(keys))
        };
        match line {
            Ok(line) => Some(line),
            Err(error) => {
                error!(call = %self.id.call, leg = self.id.leg, %error, "no keys for a leg: the system gives no random numbers");
                None
            }
        }
    }

    fn keep_calling(&self, request: &Request, hop: &Flow) {
        self.keep(|| StageRecord::Calling {
            invite: request_text(request),
            hop: WayRecord::from(hop),
        });
    }

    fn invite_headers(&self, asking: &Asking, host: &str, interval: u64) -> Vec<Header> {
        let mut headers = vec![
            Header::Allow(crate::validate::ALLOW.into()),
            Header::Supported(crate::validate::SUPPORTED.into()),
        ];
        if asking.inside {
            headers.push(message::other("X-Holdfast-Call", self.id.call.to_string()));
        }
        if let Some(caller) = asking.from.filter(|from| !from.is_withheld()) {
            headers.push(Header::PAssertedIdentity(
                format!("<sip:{}@{host}>", escape(caller.reveal())).into(),
            ));
        }
        if let Some(number) = &asking.diverted {
            let value = format!("<sip:{}@{host}>;reason=unconditional", escape(number));
            headers.push(message::other("Diversion", value));
        }
        if interval > 0 {
            headers.push(Header::SessionExpires(interval.to_string().into()));
            headers.push(Header::MinSE(
                self.core.config.session_timer.min.as_secs().to_string().into(),
            ));
        }
        headers
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

/// From with the caller's number, so that the phone shows it.
fn from_value(caller: &CallerNumber, host: &str) -> String {
    if caller.is_withheld() {
        return "\"Anonymous\" <sip:anonymous@anonymous.invalid>".into();
    }
    let number = caller.reveal();
    let plain = number
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "+-_.".contains(c));
    let name = if plain {
        format!("\"{number}\" ")
    } else {
        String::new()
    };
    format!("{name}<sip:{}@{host}>", escape(number))
}

/// Escapes what may not stand in the user part of a SIP URI.
fn escape(user: &str) -> String {
    use std::fmt::Write;
    user.bytes()
        .fold(String::with_capacity(user.len()), |mut out, byte| {
            if byte.is_ascii_alphanumeric() || b"-_.!~*'()+".contains(&byte) {
                out.push(char::from(byte));
            } else {
                let _ = write!(out, "%{byte:02X}");
            }
            out
        })
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

    #[test]
    fn a_number_cannot_break_out_of_its_header() {
        let shown = from_value(&CallerNumber::new("1\"><x@y>;a=b\r\nEvil: 1"), "h");
        assert_eq!(shown, "<sip:1%22%3E%3Cx%40y%3E%3Ba%3Db%0D%0AEvil%3A%201@h>");
        assert_eq!(
            from_value(&CallerNumber::new("+86138"), "h"),
            "\"+86138\" <sip:+86138@h>"
        );
        assert!(from_value(&CallerNumber::withheld(), "h").contains("anonymous.invalid"));
    }
}
