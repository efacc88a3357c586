//! How a call comes in: the checks of an INVITE outside any dialog, and the leg that it becomes.

use crate::caller_leg::Invite;
use crate::config::Transport;
use crate::core::Core;
use crate::crypto::Security;
use crate::dialog::Dialog;
use crate::edge::{Incoming, behind_nat};
use crate::leg::Leg;
use crate::line::Line;
use crate::message;
use crate::offer_answer::{self, Agreed, Incompatible};
use crate::session_timer;
use crate::transact::server_invite;
use crate::transport::Flow;
use crate::trunk::caller_number;
use crate::validate::Refusal;
use crate::{Accepted, SipEvent, SrtpPolicy};
use acd::{GoneCause, LegId, TrunkId};
use media::{Family, MediaError};
use rsipstack::sip::{Request, Uri};
use sdp_types::Session;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tracing::{error, info, warn};

/// What Retry-After says when we do not know better, in seconds.
const RETRY_AFTER: u64 = 10;

/// What an INVITE asks for, read and found good.
struct Asked {
    tag: u64,
    call_id: String,
    remote_tag: String,
    target: Uri,
    offer: Option<Session>,
    timer: Option<session_timer::Agreed>,
}

impl Core {
    /// Handles an INVITE outside any dialog. Everything that can be refused is refused before state is kept.
    pub(crate) fn invite(
        self: &Arc<Self>,
        incoming: Incoming,
        by_address: Option<TrunkId>,
    ) -> Result<(), Refusal> {
        let request = &incoming.request;
        let trunk = self.admit(request, by_address)?;
        let (queue, skills) = self.destination(&request.uri)?;
        let mut asked = self.read_invite(request)?;
        self.has_room()?;
        let id = LegId::caller(self.draw_call());
        let (line, answer) = self.open_line(id, trunk, &asked, &incoming.flow)?;
        let timer = asked.timer.take();
        let dialog = self.caller_dialog(&incoming, asked);
        let tag = u64::from_str_radix(&dialog.local_tag, 16).unwrap_or_default();
        let mut leg = Leg::new(self, id, tag, dialog, Some(line));
        if let Some((_, agreed)) = &answer {
            leg.handle.set_codec(agreed.remote.codec);
        }
        leg.learn_allow(request);
        let trunk_config = usize::try_from(trunk.0)
            .ok()
            .and_then(|i| self.config.trunks.get(i));
        let caller = caller_number(&request.headers, trunk_config.is_some_and(|t| t.trusted_identity));
        info!(call = %id.call, sip_call_id = leg.dialog.call_id, trunk = trunk.0, %caller, "call arrived");
        let arrived = SipEvent::CallArrived {
            call: id.call,
            queue,
            trunk,
            caller,
            skills,
        };
        if self.emit(arrived) == Accepted::No {
            leg.release();
            return Err(busy("engine_full"));
        }
        self.start_caller(leg, incoming, answer, timer);
        Ok(())
    }

    /// Whether one more call may be taken.
    fn has_room(&self) -> Result<(), Refusal> {
        if self.closing.load(Ordering::Relaxed) {
            return Err(busy("closing"));
        }
        if self.legs.len() >= self.config.limits.legs_max {
            Err(busy("legs_max"))
        } else {
            Ok(())
        }
    }

    /// Reads all of an INVITE that could be refused.
    fn read_invite(&self, request: &Request) -> Result<Asked, Refusal> {
        let get = |name| message::header(&request.headers, name).unwrap_or_default();
        let call_id = get("Call-ID").to_owned();
        let remote_tag = message::tag(get("From")).unwrap_or_default().to_owned();
        let tag = self.local_tag(&call_id, &remote_tag);
        if self.dialogs.contains_key(&tag) {
            return Err(Refusal::new(482, "merged"));
        }
        let contact = message::list(&request.headers, "Contact")
            .next()
            .and_then(message::uri);
        let target = contact.ok_or(Refusal::new(400, "contact"))?;
        let offer = match request.body.as_slice() {
            [] => None,
            body => Some(offer_answer::parse(body).map_err(|e| self.incompatible(e))?),
        };
        let timer = self
            .timer_as_server(request)
            .map_err(|min| Refusal::new(422, "session_interval").with("Min-SE", min.to_string()))?;
        Ok(Asked {
            tag,
            call_id,
            remote_tag,
            target,
            offer,
            timer,
        })
    }

    /// Opens the media port of a caller, and answers the offer if there is one.
    fn open_line(
        &self,
        id: LegId,
        trunk: TrunkId,
        asked: &Asked,
        flow: &Flow,
    ) -> Result<(Line, Option<(String, Agreed)>), Refusal> {
        let peer = flow.remote.ip();
        let mut line = match flow.transport {
            Transport::Ws => self.open_browser_line(id, asked.tag, flow)?,
            _ => self.open_phone_line(id, trunk, asked, peer)?,
        };
        let Some(offer) = &asked.offer else {
            return Ok((line, None));
        };
        let (text, agreed) =
            offer_answer::answer(offer, &line.next_version()).map_err(|e| self.incompatible(e))?;
        let text = line.keep(text);
        Ok((line, Some((text, agreed))))
    }

    fn open_phone_line(
        &self,
        id: LegId,
        trunk: TrunkId,
        asked: &Asked,
        peer: IpAddr,
    ) -> Result<Line, Refusal> {
        let trunk = usize::try_from(trunk.0)
            .ok()
            .and_then(|i| self.config.trunks.get(i));
        let policy = trunk.map_or(SrtpPolicy::Off, |trunk| trunk.srtp);
        let security = Security::new(policy).map_err(|error| {
            error!(call = %id.call, %error, "no keys for a caller's SRTP: the system gives no random numbers");
            busy("no_random_numbers")
        })?;
        let family = match &asked.offer {
            Some(offer) => offer_answer::check(offer, &self.config.codecs, security.as_ref())
                .map_err(|e| self.incompatible(e))?,
            None if peer.is_ipv4() => Family::V4,
            None => Family::V6,
        };
        let port = self.media.open(id, family).map_err(|error| match error {
            MediaError::FamilyDisabled { .. } => self.incompatible(Incompatible::Address),
            error => no_media_port(id, &error),
        })?;
        let told = self.told(port.local(), peer);
        Ok(Line::new(port, told, asked.tag, self.config.codecs).secured(security))
    }

    fn open_browser_line(&self, id: LegId, tag: u64, flow: &Flow) -> Result<Line, Refusal> {
        let port = self
            .open_for_browser(id, flow)
            .map_err(|error| no_media_port(id, &error))?;
        let told = self.told_to_browser(port.local(), flow.remote.ip());
        let line = Line::new(port, told, tag, self.config.codecs).for_browser(self);
        line.map_err(|error| {
            error!(call = %id.call, %error, "no ICE credentials for a caller: the system gives no random numbers");
            busy("no_random_numbers")
        })
    }

    fn start_caller(
        self: &Arc<Self>,
        mut leg: Leg,
        incoming: Incoming,
        answer: Option<(String, Agreed)>,
        timer: Option<session_timer::Agreed>,
    ) {
        let requires = |name| message::has_token(&incoming.request.headers, name, "100rel");
        let reliable = requires("Require") || requires("Supported");
        let mut request = incoming.request.clone();
        request.body = Vec::new();
        let transaction = incoming.begin(self);
        let Some(server) = server_invite(self, transaction, &leg.handle.sender, None, answer.is_none())
        else {
            return leg.gone(GoneCause::Failed);
        };
        let invite = Invite::new(request, server, answer, timer, reliable);
        leg.keep_waiting(&invite);
        self.runtime.spawn(leg.run_caller(invite));
    }

    fn incompatible(&self, error: Incompatible) -> Refusal {
        let warning = format!("{} {} \"{error}\"", error.warning(), self.config.realm);
        Refusal::new(error.status(), "incompatible_media").with("Warning", warning)
    }

    /// The dialog that an INVITE will make (RFC 3261 §12.1.1).
    fn caller_dialog(&self, incoming: &Incoming, asked: Asked) -> Dialog {
        let headers = &incoming.request.headers;
        let get = |name| message::header(headers, name).unwrap_or_default();
        let flow = incoming.flow.clone();
        Dialog {
            call_id: asked.call_id,
            local_tag: format!("{:016x}", asked.tag),
            remote_tag: asked.remote_tag,
            local: without_tag(get("To")),
            remote: without_tag(get("From")),
            local_seq: 0,
            remote_seq: message::cseq(headers),
            routes: message::list(headers, "Record-Route")
                .map(str::to_owned)
                .collect(),
            target: asked.target,
            contact: self.contact(&flow),
            behind_nat: flow.transport == Transport::Udp && behind_nat(&incoming.request, flow.remote.ip()),
            flow,
        }
    }
}

fn no_media_port(id: LegId, error: &MediaError) -> Refusal {
    warn!(call = %id.call, %error, "no media port for a caller");
    busy("no_media_port")
}

fn busy(reason: &'static str) -> Refusal {
    Refusal::new(503, reason).with("Retry-After", RETRY_AFTER.to_string())
}

/// A From or To value without its parameters.
pub(crate) fn without_tag(value: &str) -> String {
    match message::display_name(value) {
        "" => format!("<{}>", message::uri_text(value)),
        name => format!("\"{name}\" <{}>", message::uri_text(value)),
    }
}
