//! Rings phones in the order in which the queue asked for it.
//!
//! Legs run in tasks of their own, and tasks run in any order. Here one task sends every INVITE, so that what the
//! queue decided first is seen first on the wire; and it lets a phone be told of the end of its last call before the
//! next one rings. Only a phone that takes time to reach (a name, or TCP) is left to its own task.

use crate::config::Transport;
use crate::core::{Core, LegHandle};
use crate::dialog::{self, Dialog};
use crate::inviting::Asking;
use crate::leg::Leg;
use crate::transport::Flow;
use crate::{Phone, PhoneOwner, SipEvent};
use acd::{CallerNumber, FailCause, LegId, OperatorId};
use futures_util::FutureExt;
use media::Codec;
use rsipstack::sip::uri::ParamsExt;
use rsipstack::sip::{Host, Transport as SipTransport, Uri};
use rsipstack::transaction::random_text;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

/// How long the next call of a phone waits for the end of the last one to be sent.
const TURN_PATIENCE: Duration = Duration::from_millis(100);

/// How long a supervisor's phone rings. An operator's rings for as long as the queue wants.
const SUPERVISOR_RING_MAX: Duration = Duration::from_secs(30);

/// One phone to ring.
pub(crate) struct Dial {
    leg: Leg,
    /// Whose calls come one after the other.
    operator: Option<OperatorId>,
    asking: Asking,
}

/// A way to a phone: its address, the socket to start from, and whether only that leads there.
pub(crate) struct Way {
    pub(crate) target: Uri,
    pub(crate) flow: Flow,
    pub(crate) behind_nat: bool,
}

impl Core {
    /// Has an operator's phone rung for a call.
    pub(crate) fn dial(self: &Arc<Self>, id: LegId, operator: OperatorId, caller: CallerNumber) {
        let owner = PhoneOwner::Operator(operator);
        let Some(phone) = self.config.phones.iter().find(|phone| phone.owner == owner) else {
            return self.cannot_ring(id);
        };
        let asking = Asking {
            from: Some(caller),
            inside: true,
            srtp: phone.srtp,
            ..Asking::default()
        };
        self.dial_phone(id, &phone.user, asking, Some(operator));
    }

    /// Has a supervisor's phone rung, which shows `from`.
    pub(crate) fn dial_supervisor(self: &Arc<Self>, id: LegId, user: &str, from: CallerNumber) {
        let is_it = |phone: &&Phone| phone.owner == PhoneOwner::Supervisor && phone.user == user;
        let Some(phone) = self.config.phones.iter().find(is_it) else {
            return self.cannot_ring(id);
        };
        let asking = Asking {
            from: Some(from),
            inside: true,
            srtp: phone.srtp,
            ring_max: Some(SUPERVISOR_RING_MAX),
            ..Asking::default()
        };
        self.dial_phone(id, user, asking, None);
    }

    fn dial_phone(self: &Arc<Self>, id: LegId, user: &str, asking: Asking, operator: Option<OperatorId>) {
        if self.legs.contains_key(&id) {
            // It rings already: it was dialled before a restart.
            return;
        }
        match self.way_to(id, user) {
            Some(way) => self.ring(id, way, asking, operator),
            None => self.cannot_ring(id),
        }
    }

    pub(crate) fn cannot_ring(&self, leg: LegId) {
        let cause = FailCause::Unreachable;
        self.emit(SipEvent::Failed { leg, cause });
    }

    /// Has a phone rung. The leg exists from here on.
    pub(crate) fn ring(self: &Arc<Self>, id: LegId, way: Way, asking: Asking, operator: Option<OperatorId>) {
        let call_id = random_text(22);
        let tag = self.local_tag(&call_id, "");
        let dialog = Dialog {
            local: String::new(),
            remote: format!("<{}>", address_of_record(&way.target)),
            call_id,
            local_tag: format!("{tag:016x}"),
            remote_tag: String::new(),
            local_seq: 0,
            remote_seq: None,
            routes: Vec::new(),
            target: way.target,
            contact: String::new(),
            flow: way.flow,
            behind_nat: way.behind_nat,
        };
        let mut leg = Leg::new(self, id, tag, dialog, None);
        leg.srtp = asking.srtp;
        let callers = self
            .legs
            .get(&LegId::caller(id.call))
            .map(|handle| LegHandle::codec(&handle));
        leg.handle.set_codec(callers.unwrap_or(Codec::Pcma));
        if let Err(unsent) = self.dials.send(Dial {
            leg,
            operator,
            asking,
        }) {
            let mut dial = unsent.0;
            dial.leg.failed(FailCause::Unreachable);
        }
    }

    fn way_to(&self, id: LegId, user: &str) -> Option<Way> {
        let Some(reach) = self.registrar.reach(user, Instant::now()) else {
            info!(call = %id.call, leg = id.leg, user, "the phone is not registered");
            return None;
        };
        match reach.flow {
            Some((flow, behind_nat)) => Some(Way {
                target: reach.uri,
                flow,
                behind_nat,
            }),
            None => self.way_by_address(id, reach.uri),
        }
    }

    /// The way to an address that did not come to us by itself.
    pub(crate) fn way_by_address(&self, id: LegId, target: Uri) -> Option<Way> {
        let Some(flow) = self.udp.first().cloned() else {
            warn!(call = %id.call, leg = id.leg, "dialling a fixed address needs a UDP socket to start from; add one to `sip.listen`");
            return None;
        };
        Some(Way {
            target,
            flow,
            behind_nat: false,
        })
    }

    /// Sends the INVITEs, one after the other, for as long as the edge lives.
    pub(crate) async fn run_dials(self: Arc<Self>, mut dials: mpsc::UnboundedReceiver<Dial>) {
        let mut turns: HashMap<OperatorId, oneshot::Receiver<()>> = HashMap::new();
        while let Some(Dial {
            mut leg,
            operator,
            asking,
        }) = dials.recv().await
        {
            if let Some(turn) = operator.and_then(|operator| turns.insert(operator, leg.begin_turn())) {
                // An error is the end of the turn too: the leg is gone.
                let _ = tokio::time::timeout(TURN_PATIENCE, turn).await;
            }
            if leg.dialog.takes_time() {
                self.runtime.spawn(async move {
                    let calling = leg.start_calling(asking).await;
                    leg.run_outgoing(calling).await;
                });
                continue;
            }
            match AssertUnwindSafe(leg.start_calling(asking)).catch_unwind().await {
                Ok(calling) => drop(self.runtime.spawn(leg.run_outgoing(calling))),
                Err(_) => leg.fault().await,
            }
        }
    }
}

/// An address as it stands in To: what belongs to the way there is left out (RFC 3261 §19.1.1).
fn address_of_record(target: &Uri) -> Uri {
    Uri {
        params: Vec::new(),
        headers: Vec::new(),
        ..target.clone()
    }
}

impl Dialog {
    /// Whether finding or using the way to a phone may have to wait.
    fn takes_time(&self) -> bool {
        let at_once = self.behind_nat || matches!(self.target.host(), Host::IpAddr(_));
        let stream =
            self.flow.transport != Transport::Udp || self.target.transport() == Some(&SipTransport::Tcp);
        stream || !at_once
    }

    /// Where the first INVITE to a phone goes. `None` if there is no way.
    pub(crate) async fn hop_to_phone(&self, core: &Arc<Core>) -> Option<Flow> {
        if self.flow.transport == Transport::Ws {
            return core.way_to_browser(&self.target, &self.flow).await;
        }
        let tcp = self.flow.transport == Transport::Tcp;
        if (tcp && core.streams.contains_key(&self.flow.remote)) || (self.behind_nat && !tcp) {
            return Some(self.flow.clone());
        }
        dialog::flow_to(core, &self.target, &self.flow).await
    }
}
