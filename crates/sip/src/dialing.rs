//! Rings operators' phones in the order in which the queue asked for it.
//!
//! Legs run in tasks of their own, and tasks run in any order. Here one task sends every INVITE, so that what the
//! queue decided first is seen first on the wire; and it lets a phone be told of the end of its last call before the
//! next one rings. Only a phone that takes time to reach (a name, or TCP) is left to its own task.

use crate::config::Transport;
use crate::core::{Core, LegHandle};
use crate::dialog::{self, Dialog};
use crate::leg::Leg;
use crate::registrar::Reach;
use crate::transport::Flow;
use crate::{SipEvent, SrtpPolicy};
use acd::{CallerNumber, FailCause, LegId, OperatorId};
use futures_util::FutureExt;
use media::Codec;
use rsipstack::sip::uri::ParamsExt;
use rsipstack::sip::{Host, Transport as SipTransport};
use rsipstack::transaction::random_text;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

/// How long the next call of a phone waits for the end of the last one to be sent.
const TURN_PATIENCE: Duration = Duration::from_millis(100);

/// One phone to ring.
pub(crate) struct Dial {
    leg: Leg,
    operator: OperatorId,
    caller: CallerNumber,
}

impl Core {
    /// Has an operator's phone rung for a call. The leg exists from here on.
    pub(crate) fn dial(self: &Arc<Self>, id: LegId, operator: OperatorId, caller: CallerNumber) {
        let Some((reach, flow, behind_nat)) = self.way_to(id, operator) else {
            self.emit(SipEvent::Failed {
                leg: id,
                cause: FailCause::Unreachable,
            });
            return;
        };
        let call_id = random_text(22);
        let tag = self.local_tag(&call_id, "");
        let dialog = Dialog {
            local: String::new(),
            remote: format!("<{}>", reach.uri),
            call_id,
            local_tag: format!("{tag:016x}"),
            remote_tag: String::new(),
            local_seq: 0,
            remote_seq: None,
            routes: Vec::new(),
            target: reach.uri,
            contact: String::new(),
            flow,
            behind_nat,
        };
        let mut leg = Leg::new(self, id, tag, dialog, None);
        let phone = self.config.phones.iter().find(|p| p.operator == operator);
        leg.srtp = phone.map_or(SrtpPolicy::Off, |phone| phone.srtp);
        let callers = self
            .legs
            .get(&LegId::caller(id.call))
            .map(|handle| LegHandle::codec(&handle));
        leg.handle.set_codec(callers.unwrap_or(Codec::Pcma));
        if let Err(unsent) = self.dials.send(Dial {
            leg,
            operator,
            caller,
        }) {
            let mut dial = unsent.0;
            dial.leg.failed(FailCause::Unreachable);
        }
    }

    /// Where an operator's phone is, the socket to start from, and whether only that leads there.
    fn way_to(&self, id: LegId, operator: OperatorId) -> Option<(Reach, Flow, bool)> {
        let Some(mut reach) = self.registrar.reach(operator, Instant::now()) else {
            info!(call = %id.call, leg = id.leg, operator = operator.0, "the operator's phone is not registered");
            return None;
        };
        if let Some((flow, behind_nat)) = reach.flow.take() {
            return Some((reach, flow, behind_nat));
        }
        let Some(flow) = self.udp.first().cloned() else {
            warn!(call = %id.call, leg = id.leg, "a fixed contact needs a UDP socket to start from");
            return None;
        };
        Some((reach, flow, false))
    }

    /// Sends the INVITEs, one after the other, for as long as the edge lives.
    pub(crate) async fn run_dials(self: Arc<Self>, mut dials: mpsc::UnboundedReceiver<Dial>) {
        let mut turns: HashMap<OperatorId, oneshot::Receiver<()>> = HashMap::new();
        while let Some(Dial {
            mut leg,
            operator,
            caller,
        }) = dials.recv().await
        {
            if let Some(turn) = turns.insert(operator, leg.begin_turn()) {
                // An error is the end of the turn too: the leg is gone.
                let _ = tokio::time::timeout(TURN_PATIENCE, turn).await;
            }
            if leg.dialog.takes_time() {
                self.runtime.spawn(async move {
                    let calling = leg.start_calling(caller).await;
                    leg.run_operator(calling).await;
                });
                continue;
            }
            match AssertUnwindSafe(leg.start_calling(caller)).catch_unwind().await {
                Ok(calling) => drop(self.runtime.spawn(leg.run_operator(calling))),
                Err(_) => leg.fault().await,
            }
        }
    }
}

impl Dialog {
    /// Whether finding or using the way to a phone may have to wait.
    fn takes_time(&self) -> bool {
        let at_once = self.behind_nat || matches!(self.target.host(), Host::IpAddr(_));
        let tcp =
            self.flow.transport == Transport::Tcp || self.target.transport() == Some(&SipTransport::Tcp);
        tcp || !at_once
    }

    /// Where the first INVITE to a phone goes. `None` if there is no way.
    pub(crate) async fn hop_to_phone(&self, core: &Arc<Core>) -> Option<Flow> {
        let tcp = self.flow.transport == Transport::Tcp;
        if (tcp && core.streams.contains_key(&self.flow.remote)) || (self.behind_nat && !tcp) {
            return Some(self.flow.clone());
        }
        dialog::flow_to(core, &self.target, &self.flow).await
    }
}
