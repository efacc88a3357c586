//! A leg's media: its port, what was offered and agreed, and what becomes of a browser's connection.

use crate::SipEvent;
use crate::core::Core;
use crate::crypto::Security;
use crate::edge::forward;
use crate::leg::{Leg, LegMsg};
use crate::offer_answer::{self, Agreed, Direction, Incompatible, Local};
use crate::record::LineRecord;
use media::{Codec, Codecs, Port};
use rsipstack::sip::Header;
use std::net::SocketAddr;
use std::sync::Arc;

/// A leg's side of the media. Dropping it closes the port.
pub(crate) struct Line {
    port: Port,
    pub(crate) local: Local,
    pub(crate) agreed: Option<Agreed>,
    sent: String,
}

impl Leg {
    /// Answers an offer and makes it effective.
    pub(crate) fn answer_offer(&mut self, body: &[u8]) -> Result<String, Incompatible> {
        let offer = offer_answer::parse(body)?;
        let line = self.line.as_mut().ok_or(Incompatible::Format)?;
        line.renew_for(&offer, &self.core);
        let (answer, agreed) = offer_answer::answer(&offer, &line.next_version())?;
        let answer = line.keep(answer);
        self.agree(agreed);
        Ok(answer)
    }

    /// Takes the peer's answer to an offer of ours.
    pub(crate) fn take_answer(&mut self, body: &[u8]) -> Result<(), Incompatible> {
        let answer = offer_answer::parse(body)?;
        let line = self.line.as_ref().ok_or(Incompatible::Format)?;
        let agreed = offer_answer::accept(&answer, &line.local, self.handle.codec())?;
        self.agree(agreed);
        Ok(())
    }

    /// Our offer in the middle of a session: all codecs, what is agreed first.
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
        if let (Some((said, webrtc)), Some((said_before, webrtc_before))) =
            (&mut agreed.browser, before.and_then(|b| b.browser))
            && !said.wants_new_keys(&said_before)
        {
            webrtc.link = webrtc_before.link;
        }
        match (agreed.keys, agreed.browser) {
            (_, Some((_, webrtc))) => {
                let leg = self.handle.sender.clone();
                let tell = move |event| forward(&leg, LegMsg::Webrtc(event));
                line.port.set_browser(agreed.remote, webrtc, Arc::new(tell));
            }
            (Some(keys), None) => line.port.set_secure_remote(agreed.remote, keys),
            (None, None) => line.port.set_remote(agreed.remote),
        }
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
    pub(crate) fn new(port: Port, told: SocketAddr, session: u64, codecs: Codecs) -> Self {
        // RFC 8866 §5.2 wants numbers that fit any reader: 63 bits are too many for some phones.
        let local = Local {
            rtp: told,
            session: session & 0x7fff_ffff,
            version: 1,
            security: None,
            webrtc: None,
            codecs,
        };
        Self {
            port,
            local,
            agreed: None,
            sent: String::new(),
        }
    }

    /// The same line, whose peer speaks SRTP as its policy has it.
    pub(crate) fn secured(mut self, security: Option<Security>) -> Self {
        self.local.security = security;
        self
    }

    /// The line of a leg of the last run, on its old port.
    pub(crate) fn restored(port: Port, record: LineRecord) -> Self {
        Self {
            port,
            local: record.local,
            agreed: record.agreed.map(Agreed::resumed),
            sent: record.sent,
        }
    }

    /// What is written down of it.
    pub(crate) fn record(&self) -> LineRecord {
        LineRecord {
            bound: self.port.local(),
            local: self.local,
            agreed: self.agreed,
            sent: self.sent.clone(),
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

    /// An offer of all codecs, the preferred one first.
    pub(crate) fn offer(&mut self, prefer: Codec) -> String {
        let text = offer_answer::offer(
            &self.next_version(),
            prefer,
            Direction::SendRecv,
            self.agreed.as_ref(),
        );
        self.keep(text)
    }
}

/// The Warning header of a 488 (RFC 3261 §20.43).
pub(crate) fn warning(core: &Core, error: Incompatible) -> Header {
    Header::Warning(format!("{} {} \"{error}\"", error.warning(), core.config.realm).into())
}
