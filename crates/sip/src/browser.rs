//! Legs of browsers: their media port, and the time between the answer and the moment that they are heard.
//!
//! Who comes by WebSocket speaks WebRTC, and nobody else does. A browser that picks up is told to the engine when its
//! connection stands, some tens of milliseconds later: until then nobody could talk with it, and if it never does, the
//! caller is given to somebody else, as with a phone that was not picked up.

use crate::core::Core;
use crate::leg::{Command, Leg, LegMsg, Wake};
use crate::line::Line;
use crate::transport::Flow;
use crate::webrtc::{Browser, Webrtc};
use acd::{FailCause, LegId};
use media::{Family, IceCredentials, Link, MediaError, Port, WebrtcEvent};
use rsipstack::sip::Method;
use sdp_types::Session;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tracing::info;

/// The status that stands for a browser which picked up and was not heard.
const NOT_HEARD: FailCause = FailCause::Other(488);

impl Core {
    /// Opens a port in the family that a browser's page came by, or else in the other: browsers have both.
    pub(crate) fn open_for_browser(&self, id: LegId, flow: &Flow) -> Result<Port, MediaError> {
        let [first, second] = match flow.remote.ip().to_canonical() {
            IpAddr::V4(_) => [Family::V4, Family::V6],
            IpAddr::V6(_) => [Family::V6, Family::V4],
        };
        match self.media.open(id, first) {
            Err(MediaError::FamilyDisabled { .. }) => self.media.open(id, second),
            opened => opened,
        }
    }

    /// The address at which a browser reaches a media port, which may be of another family than its page's.
    pub(crate) fn told_to_browser(&self, local: SocketAddr, peer: IpAddr) -> SocketAddr {
        let peer = peer.to_canonical();
        let same_family = peer.is_ipv4() == local.is_ipv4();
        let towards = match local.ip() {
            _ if same_family => peer,
            IpAddr::V4(_) if peer.is_loopback() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) if peer.is_loopback() => Ipv6Addr::LOCALHOST.into(),
            // Documentation's addresses lead where most others do.
            IpAddr::V4(_) => Ipv4Addr::new(192, 0, 2, 1).into(),
            IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
        };
        self.told(local, towards)
    }
}

impl Line {
    /// The same line, whose peer is a browser.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(crate) fn for_browser(mut self, core: &Core) -> Result<Self, getrandom::Error> {
        self.local.webrtc = Some(Webrtc {
            ice: IceCredentials::random()?,
            fingerprint: core.media.fingerprint(),
        });
        Ok(self)
    }

    /// A browser that begins ICE anew gets new credentials of ours (RFC 8839 §4.4.1.1.1), and one that wants new keys
    /// the fingerprint of the certificate that it will see.
    pub(crate) fn renew_for(&mut self, offer: &Session, core: &Core) {
        let Some((before, _)) = self.agreed.and_then(|agreed| agreed.browser) else {
            return;
        };
        let said = offer.medias.iter().find_map(|media| Browser::read(offer, media));
        let (Some(said), Some(ours)) = (said, &mut self.local.webrtc) else {
            return;
        };
        if said.restarts(&before)
            && let Ok(ice) = IceCredentials::random()
        {
            ours.ice = ice;
        }
        if said.wants_new_keys(&before) {
            ours.fingerprint = core.media.fingerprint();
        }
    }

    /// Whether its peer is a browser that is not heard yet.
    fn awaits_browser(&self) -> bool {
        let browser = self.agreed.and_then(|agreed| agreed.browser);
        browser.is_some_and(|(_, webrtc)| webrtc.link.is_none())
    }

    fn linked(&mut self, link: Link) {
        if let Some((_, webrtc)) = self.agreed.as_mut().and_then(|agreed| agreed.browser.as_mut()) {
            webrtc.link = Some(link);
        }
    }
}

impl Leg {
    /// How a browser is reached was found out.
    pub(crate) fn linked(&mut self, link: Link) {
        if let Some(line) = &mut self.line {
            line.linked(link);
        }
    }

    /// Waits until a browser that has picked up is heard. `false` if that is not to be; then the dialog has ended.
    pub(crate) async fn browser_heard(&mut self) -> bool {
        while self.line.as_ref().is_some_and(Line::awaits_browser) {
            match self.next(None).await {
                Wake::Message(LegMsg::Webrtc(WebrtcEvent::Connected(link))) => {
                    self.linked(link);
                    self.keep_confirmed();
                }
                Wake::Message(LegMsg::Webrtc(WebrtcEvent::Failed(why))) => {
                    info!(call = %self.id.call, leg = self.id.leg, %why, "a browser picked up and is not heard");
                    self.failed(NOT_HEARD);
                    self.bye(None).await;
                    return false;
                }
                Wake::Message(LegMsg::Command(Command::HangUp(cause))) => {
                    self.release();
                    self.bye(Some(cause)).await;
                    return false;
                }
                Wake::Message(LegMsg::Request(mut transaction, _))
                    if transaction.original.method == Method::Bye =>
                {
                    self.failed(FailCause::Declined);
                    self.respond(&mut transaction, 200, Vec::new(), None).await;
                    return false;
                }
                Wake::Message(LegMsg::Answered(response, flow)) => {
                    self.on_answered(*response, *flow).await;
                }
                Wake::Message(_) | Wake::Due => {}
            }
        }
        true
    }
}
