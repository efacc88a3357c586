//! How a call comes in: the checks of an INVITE outside any dialog, and the leg that it becomes.

use crate::caller_leg::Invite;
use crate::config::Transport;
use crate::core::Core;
use crate::dialog::Dialog;
use crate::edge::{Incoming, behind_nat};
use crate::leg::Leg;
use crate::line::Line;
use crate::message;
use crate::offer_answer::{self, Agreed, Incompatible};
use crate::transact::server_invite;
use crate::trunk::caller_number;
use crate::validate::Refusal;
use crate::{Accepted, SipEvent};
use acd::{GoneCause, LegId, TrunkId};
use futures_util::FutureExt;
use media::{Family, MediaError};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tracing::{error, info};

/// What Retry-After says when we do not know better, in seconds.
const RETRY_AFTER: u64 = 10;

impl Core {
    /// Handles an INVITE outside any dialog. Everything that can be refused is refused before state is kept.
    pub(crate) fn invite(
        self: &Arc<Self>,
        incoming: Incoming,
        by_address: Option<TrunkId>,
    ) -> Result<(), Refusal> {
        let request = &incoming.request;
        let trunk = self.admit(request, by_address)?;
        let queue = self.destination(&request.uri)?;
        let call_id = message::header(&request.headers, "Call-ID")
            .unwrap_or_default()
            .to_owned();
        let remote_tag = message::header(&request.headers, "From")
            .and_then(message::tag)
            .unwrap_or_default()
            .to_owned();
        let tag = self.local_tag(&call_id, &remote_tag);
        if self.dialogs.contains_key(&tag) {
            return Err(Refusal::new(482, "merged"));
        }
        let busy = |reason| Refusal::new(503, reason).with("Retry-After", RETRY_AFTER.to_string());
        if self.closing.load(Ordering::Relaxed) {
            return Err(busy("closing"));
        }
        if self.legs.len() >= self.config.limits.legs_max {
            return Err(busy("legs_max"));
        }
        let offer = if request.body.is_empty() {
            None
        } else {
            Some(&request.body)
        };
        let offer = offer
            .map(|b| offer_answer::parse(b))
            .transpose()
            .map_err(|e| self.incompatible(e))?;
        let peer_family = if incoming.flow.remote.is_ipv4() {
            Family::V4
        } else {
            Family::V6
        };
        let family = offer
            .as_ref()
            .and_then(offer_answer::family)
            .unwrap_or(peer_family);
        let Some(target) = message::list(&request.headers, "Contact")
            .next()
            .and_then(message::uri)
        else {
            return Err(Refusal::new(400, "contact"));
        };
        let id = LegId::caller(self.draw_call());
        let port = self.media.open(id, family).map_err(|error| match error {
            MediaError::FamilyDisabled { .. } => self.incompatible(Incompatible::Address),
            error => {
                error!(call = %id.call, %error, "no media port for a caller");
                busy("no_media_port")
            }
        })?;
        let told = self.told(port.local(), incoming.flow.remote.ip());
        let mut line = Line::new(port, told, tag);
        let answer = match &offer {
            Some(offer) => {
                let (text, agreed) =
                    offer_answer::answer(offer, &line.next_version()).map_err(|e| self.incompatible(e))?;
                Some((line.keep(text), agreed))
            }
            None => None,
        };
        let dialog = self.caller_dialog(&incoming, tag, call_id, remote_tag, target);
        let mut leg = Leg::new(self, id, tag, dialog, Some(line));
        let timer = leg.timer_as_server(request).map_err(|min| {
            leg.release();
            Refusal::new(422, "session_interval").with("Min-SE", min.to_string())
        })?;
        if let Some((_, agreed)) = &answer {
            leg.handle.set_codec(agreed.remote.codec);
        }
        leg.learn_allow(request);
        let trusted = self
            .config
            .trunks
            .get(trunk.0 as usize)
            .is_some_and(|t| t.trusted_identity);
        let caller = caller_number(&request.headers, trusted);
        let arrived = SipEvent::CallArrived {
            call: id.call,
            queue,
            trunk,
            caller,
        };
        info!(call = %id.call, trunk = trunk.0, queue = queue.0, %caller, "call arrived");
        if self.emit(arrived) == Accepted::No {
            leg.release();
            return Err(busy("engine_full"));
        }
        self.start_caller(leg, incoming, answer, timer);
        Ok(())
    }

    fn start_caller(
        self: &Arc<Self>,
        mut leg: Leg,
        incoming: Incoming,
        answer: Option<(String, Agreed)>,
        timer: Option<crate::session_timer::Agreed>,
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
        let mut invite = Invite::new(request, server, answer, timer, reliable);
        self.runtime.spawn(async move {
            let run = async {
                if leg.waiting(&mut invite).await {
                    leg.confirmed().await;
                }
            };
            if AssertUnwindSafe(run).catch_unwind().await.is_err() {
                leg.core.metrics.panics.inc();
                error!(call = %leg.id.call, "a fault in the program ended a caller's leg");
                leg.gone(GoneCause::Failed);
                if leg.answered {
                    leg.bye(None).await;
                } else {
                    leg.final_response(&invite, 500, Vec::new());
                }
            }
        });
    }

    fn incompatible(&self, error: Incompatible) -> Refusal {
        let warning = format!("{} {} \"{error}\"", error.warning(), self.config.realm);
        Refusal::new(error.status(), "incompatible_media").with("Warning", warning)
    }

    /// The dialog that an INVITE will make (RFC 3261 §12.1.1).
    fn caller_dialog(
        &self,
        incoming: &Incoming,
        tag: u64,
        call_id: String,
        remote_tag: String,
        target: rsipstack::sip::Uri,
    ) -> Dialog {
        let headers = &incoming.request.headers;
        let from = message::header(headers, "From").unwrap_or_default();
        let flow = incoming.flow.clone();
        Dialog {
            call_id,
            local_tag: format!("{tag:016x}"),
            remote_tag,
            local: without_tag(message::header(headers, "To").unwrap_or_default()),
            remote: without_tag(from),
            local_seq: 0,
            remote_seq: message::cseq(headers),
            routes: message::list(headers, "Record-Route")
                .map(str::to_owned)
                .collect(),
            target,
            contact: self.contact(&flow),
            behind_nat: flow.transport == Transport::Udp && behind_nat(&incoming.request, flow.remote.ip()),
            flow,
        }
    }
}

/// A From or To value without its parameters.
pub(crate) fn without_tag(value: &str) -> String {
    match message::display_name(value) {
        "" => format!("<{}>", message::uri_text(value)),
        name => format!("\"{name}\" <{}>", message::uri_text(value)),
    }
}
