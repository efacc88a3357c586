//! The INVITE that we send to a phone, and send again when it is answered with a question.
//!
//! Whose phone it is (an operator's, the caller's own for a call-back, another place's) shows in what the INVITE says, and
//! in nothing else.

use crate::config::Transport;
use crate::crypto::Security;
use crate::digest;
use crate::leg::Leg;
use crate::line::Line;
use crate::message;
use crate::record::{StageRecord, WayRecord, request_text};
use crate::transact::client;
use crate::transport::Flow;
use crate::{Account, SrtpPolicy};
use acd::{CallerNumber, HangUpCause};
use media::Family;
use rsipstack::sip::{Header, Method, Request, Response};
use rsipstack::transaction::key::TransactionKey;
use rsipstack::transaction::transaction::TransactionEventSender;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{error, info};

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
    pub(crate) request: Request,
    pub(crate) hop: Flow,
    pub(crate) tx: TransactionEventSender,
    pub(crate) key: TransactionKey,
    /// A provisional response came, so that a CANCEL may be sent (RFC 3261 §9.1).
    pub(crate) provisional: bool,
    pub(crate) rang: bool,
    /// The engine wants it ended.
    pub(crate) hang_up: Option<HangUpCause>,
    /// The highest RSeq acknowledged, by the fork that sent it (RFC 3262 §4).
    pub(crate) rseq: Option<(String, u32)>,
    /// When we give up ringing, or waiting for the end of a cancelled INVITE.
    pub(crate) due: Option<Instant>,
    /// A 422 was followed already.
    pub(crate) retried: bool,
    /// Who we are to whoever asks for a password, until we have told.
    pub(crate) account: Option<Account>,
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
    pub(crate) fn amended(&mut self, response: &Response) -> Option<Vec<Header>> {
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

    /// It is to be ended as soon as the phone has shown that it has it (RFC 3261 §9.1).
    pub(crate) fn call_off(&mut self, cause: HangUpCause) {
        self.hang_up = Some(cause);
    }
}

impl Leg {
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

    pub(crate) fn keep_calling(&self, request: &Request, hop: &Flow) {
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
