//! A browser's leg: which source it talks from, and when there are keys, so that it is a leg like any other.

use super::{Inlet, Leg};
use crate::metrics::{Counts, Metrics, Reason};
use crate::moment::Moment;
use crate::rtcp::Feedback;
use crate::webrtc::dtls::{Association, Handshakes, LINGER, Order};
use crate::webrtc::ice::{self, REPLY_MAX};
use crate::webrtc::{DtlsRole, Link, Webrtc, WebrtcEvent, WebrtcEvents, WebrtcFailure};
use crate::{Remote, SrtpKeys};
use std::net::SocketAddr;
use std::time::Duration;

/// A browser asks every few seconds whether it is heard. Quiet for longer, it may ask from elsewhere.
const QUIET_AFTER: Duration = Duration::from_secs(8);

/// Quiet for this long it has gone (RFC 7675 §5.1).
const CONSENT_TIMEOUT: Duration = Duration::from_secs(30);

/// Datagrams of one handshake that are handed on: with every repeat it takes a few dozen.
const DATAGRAMS_MAX: u16 = 100;

/// What a leg knows of its browser.
pub(super) struct Browser {
    agreed: Webrtc,
    /// What was agreed on. Its addresses say nothing: they come from the checks.
    remote: Remote,
    association: u32,
    /// Where the browser has chosen to talk from.
    source: Option<SocketAddr>,
    /// Since when the keys of the present association are in use.
    keyed: Option<Moment>,
    /// When the present association was agreed on.
    began: Moment,
    /// The last check that was passed.
    checked: Moment,
    datagrams_left: u16,
    /// It has failed, and that was told.
    over: bool,
    tell: WebrtcEvents,
}

/// What a packet on a browser's port is (RFC 7983 §7, RFC 5761 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Stun,
    Dtls,
    Rtp,
    Rtcp,
    Other,
}

impl Sort {
    pub(crate) fn of(packet: &[u8]) -> Self {
        match packet {
            [0..=3, ..] => Sort::Stun,
            [20..=63, ..] => Sort::Dtls,
            [128..=191, 192..=223, ..] => Sort::Rtcp,
            [128..=191, ..] => Sort::Rtp,
            _ => Sort::Other,
        }
    }
}

impl Leg {
    /// Whether the peer is a browser, so that its port takes more than RTP.
    pub(crate) fn is_browsers(&self) -> bool {
        self.browser.is_some()
    }

    /// Takes in what was agreed with a browser.
    pub(crate) fn set_browser(
        &mut self,
        remote: Remote,
        agreed: Webrtc,
        tell: WebrtcEvents,
        now: Moment,
        metrics: &Metrics,
    ) {
        match &mut self.browser {
            Some(browser) => {
                let same = (browser.agreed.fingerprint, browser.agreed.role);
                if same != (agreed.fingerprint, agreed.role) {
                    browser.associate(now);
                }
                (browser.agreed, browser.remote, browser.tell) = (agreed, remote, tell);
            }
            None => {
                metrics.webrtc.legs.inc();
                let link = agreed.link;
                self.browser = Some(Box::new(Browser::new(remote, agreed, tell, now)));
                if let Some(link) = link {
                    self.secure(Some(link.keys), metrics);
                }
            }
        }
        // The payload types may be others.
        self.read_all();
        self.follow_browser(now);
    }

    /// The session goes on with the browser where it is now, once that is known and there are keys.
    fn follow_browser(&mut self, now: Moment) {
        let Some(browser) = &self.browser else { return };
        let (Some(source), Some(_)) = (browser.source, browser.keyed) else {
            return;
        };
        let remote = Remote {
            rtp: source,
            rtcp: source,
            ..browser.remote
        };
        if self.session.set_remote(remote, now) {
            self.let_go();
            self.last_source = None;
        }
    }

    /// Judges a packet on a browser's port that is no RTP.
    pub(crate) fn take_in_beside(
        &mut self,
        packet: &mut [u8],
        from: SocketAddr,
        now: Moment,
        counts: &mut Counts,
        handshakes: &Handshakes,
    ) -> Option<Feedback> {
        match Sort::of(packet) {
            Sort::Rtcp => return self.take_in_rtcp(packet, from, now, counts),
            Sort::Stun => self.answer_check(packet, from, now, counts, handshakes),
            Sort::Dtls => self.hand_on(packet, from, now, counts, handshakes),
            Sort::Rtp | Sort::Other => counts.dropped(Reason::Malformed),
        }
        None
    }

    fn answer_check(
        &mut self,
        packet: &[u8],
        from: SocketAddr,
        now: Moment,
        counts: &mut Counts,
        handshakes: &Handshakes,
    ) {
        let Some(browser) = &mut self.browser else { return };
        let mut reply = [0; REPLY_MAX];
        let Some(passed) = ice::check(&browser.agreed.ice, packet, from, &mut reply) else {
            return counts.dropped(Reason::NotAuthentic);
        };
        browser.checked = now;
        if let Err(e) = self.sockets.rtp.send_to(&reply[..passed.reply], from) {
            super::count_error(&e, counts);
        }
        if !passed.nominated || browser.source == Some(from) {
            return;
        }
        browser.source = Some(from);
        if browser.keyed.is_some() {
            self.follow_browser(now);
            self.tell_connected();
        } else if browser.agreed.role == DtlsRole::Client {
            self.order(None, counts, handshakes);
        }
    }

    /// Hands a datagram of the handshake on: only from where the browser has chosen to talk, and not without end.
    fn hand_on(
        &mut self,
        packet: &[u8],
        from: SocketAddr,
        now: Moment,
        counts: &mut Counts,
        handshakes: &Handshakes,
    ) {
        match &mut self.browser {
            // What is said later is of no use to us, such as that the browser closes.
            Some(browser) if browser.keyed.is_some_and(|at| now.since(at) >= LINGER) => {}
            Some(browser) if browser.source == Some(from) => {
                let Some(left) = browser.datagrams_left.checked_sub(1) else {
                    return counts.dropped(Reason::Rate);
                };
                browser.datagrams_left = left;
                self.order(Some(packet.to_vec()), counts, handshakes);
            }
            _ => counts.dropped(Reason::Source),
        }
    }

    fn order(&self, datagram: Option<Vec<u8>>, counts: &mut Counts, handshakes: &Handshakes) {
        let Some(browser) = &self.browser else { return };
        let Some(to) = browser.source else { return };
        let taken = handshakes.order(Order {
            association: self.association(browser.association),
            fingerprint: browser.agreed.fingerprint,
            role: browser.agreed.role,
            to,
            datagram,
        });
        if !taken {
            counts.dropped(Reason::Rate);
        }
    }

    fn association(&self, number: u32) -> Association {
        Association {
            leg: self.id,
            rtp_port: self.sockets.local().port(),
            number,
        }
    }

    /// Sends what the handshake has to say.
    pub(crate) fn send_dtls(&mut self, datagram: &[u8], to: SocketAddr, counts: &mut Counts) {
        if let Err(e) = self.sockets.rtp.send_to(datagram, to) {
            super::count_error(&e, counts);
        }
    }

    /// A handshake has come to its end.
    pub(crate) fn keyed(
        &mut self,
        association: Association,
        keys: Result<SrtpKeys, WebrtcFailure>,
        now: Moment,
        metrics: &Metrics,
    ) {
        let present = self.browser.as_ref().map(|b| self.association(b.association));
        let Some(browser) = self.browser.as_mut().filter(|_| present == Some(association)) else {
            return;
        };
        match keys {
            Ok(keys) => {
                browser.keyed = Some(now);
                metrics
                    .webrtc
                    .connect
                    .observe(now.since(browser.began).as_secs_f64());
                self.secure(Some(keys), metrics);
                self.follow_browser(now);
                self.tell_connected();
            }
            Err(why) if browser.keyed.is_none() => browser.fail(why, metrics),
            Err(_) => {}
        }
    }

    fn tell_connected(&self) {
        let keys = self.srtp.as_ref().map(|srtp| srtp.keys());
        if let Some(browser) = &self.browser
            && let (Some(source), Some(keys)) = (browser.source, keys)
        {
            (browser.tell)(WebrtcEvent::Connected(Link { source, keys }));
        }
    }

    /// Ten times a second: whether the browser is still there.
    pub(super) fn look_after_browser(&mut self, connect_timeout: Duration, now: Moment, metrics: &Metrics) {
        let Some(browser) = &mut self.browser else { return };
        if browser.keyed.is_some() {
            let quiet = now.since(browser.checked);
            if quiet >= CONSENT_TIMEOUT {
                browser.fail(WebrtcFailure::Lost, metrics);
            } else if quiet >= QUIET_AFTER && self.inlet != Inlet::Open {
                // It may have another way to us by now, which the kernel would keep out.
                self.let_go();
            }
        } else if now.since(browser.began) >= connect_timeout {
            let why = match browser.source {
                None => WebrtcFailure::Unreachable,
                Some(_) => WebrtcFailure::Handshake,
            };
            browser.fail(why, metrics);
        }
    }
}

impl Browser {
    fn new(remote: Remote, agreed: Webrtc, tell: WebrtcEvents, now: Moment) -> Self {
        Self {
            agreed,
            remote,
            association: 0,
            source: agreed.link.map(|link| link.source),
            keyed: agreed.link.map(|_| now),
            began: now,
            checked: now,
            datagrams_left: DATAGRAMS_MAX,
            over: false,
            tell,
        }
    }

    /// The browser brings another certificate: new keys are to be made. Until then the old ones hold.
    fn associate(&mut self, now: Moment) {
        self.association = self.association.wrapping_add(1);
        self.keyed = None;
        self.began = now;
        self.datagrams_left = DATAGRAMS_MAX;
        self.over = false;
    }

    fn fail(&mut self, why: WebrtcFailure, metrics: &Metrics) {
        if !std::mem::replace(&mut self.over, true) {
            metrics.webrtc.failed(why);
            (self.tell)(WebrtcEvent::Failed(why));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_told_apart_by_their_first_octets() {
        for (packet, sort) in [
            (&[0, 1][..], Sort::Stun),
            (&[3], Sort::Stun),
            (&[4], Sort::Other),
            (&[22, 254], Sort::Dtls),
            (&[20], Sort::Dtls),
            (&[63], Sort::Dtls),
            (&[64], Sort::Other),
            (&[128, 8], Sort::Rtp),
            (&[144, 0x80 | 101], Sort::Rtp),
            (&[128, 200], Sort::Rtcp),
            (&[129, 201], Sort::Rtcp),
            (&[128, 192], Sort::Rtcp),
            (&[128, 224], Sort::Rtp),
            (&[192, 8], Sort::Other),
            (&[], Sort::Other),
        ] {
            assert_eq!(Sort::of(packet), sort, "{packet:?}");
        }
    }
}
