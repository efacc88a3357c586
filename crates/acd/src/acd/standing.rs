//! What must be so outside for this state to be true: for a restart, when the state is known and nothing outside is.

use super::Acd;
use crate::calls::{Call, CallState, Talk, Third, Way, Who};
use crate::{Audio, CallId, Destination, LegId, OperatorId, OperatorState, Output};

impl Acd {
    /// What brings a world that knows nothing of it to where the state says that it is, the oldest call first. All of it
    /// may be done to a world that is there already, or half of the way: to answer who is answered, to bridge who is
    /// bridged and to dial a leg that rings changes nothing.
    pub fn standing_orders(&self) -> Vec<Output> {
        let mut calls: Vec<&Call> = self.calls.iter().map(|(_, call)| call).collect();
        calls.sort_unstable_by_key(|call| (call.ticket, call.id));
        let mut orders = Vec::with_capacity(2 * calls.len());
        for call in calls {
            self.stand(call, &mut orders);
        }
        orders
    }

    fn stand(&self, call: &Call, orders: &mut Vec<Output>) {
        let id = call.id;
        let has_caller = call.has_caller();
        // The caller's leg of a call-back is one that we dialled.
        if !id.is_call_back() {
            orders.push(if call.answered {
                Output::Answer { call: id }
            } else {
                Output::EarlyMedia { call: id }
            });
        }
        match call.state {
            // A prompt that was cut short is not said again: its moment has passed.
            CallState::Queued | CallState::Admitted if has_caller => orders.push(play(id, Audio::HoldMusic)),
            CallState::Queued | CallState::Admitted => {}
            CallState::Ringing { first, .. } => {
                if has_caller {
                    orders.push(play(id, Audio::HoldMusic));
                }
                orders.extend(
                    self.operators
                        .ringing(first)
                        .filter_map(|id| self.rings(call, id)),
                );
            }
            CallState::CallingBack(Talk { leg, .. }) => orders.extend([
                dial_out(call, LegId::caller(id), Destination::Caller),
                Output::Ringback { leg: call.leg(leg) },
            ]),
            CallState::Talking(talk) => {
                orders.extend(call.hearing(&talk));
                orders.extend(talk.third.and_then(|third| self.third_rings(call, third)));
            }
            CallState::RingingOutside(outside) => {
                orders.extend([play(id, Audio::HoldMusic), call.dial_outside(outside)]);
            }
            CallState::TalkingOutside { .. } => orders.push(bridge(call.last_leg())),
            CallState::Leaving { outcome, way, .. } => match way {
                Way::Farewell => orders.push(play(id, Audio::Farewell(outcome))),
                Way::Offer => {
                    let offer = self.queue_config(call.queue).call_back.unwrap_or_default();
                    orders.push(play(id, Audio::LastOffer(offer.key)));
                }
                Way::Forwarding { to } => orders.extend([
                    play(id, Audio::HoldMusic),
                    dial_out(call, call.last_leg(), Destination::Forward(to)),
                ]),
                Way::Forwarded { .. } => orders.push(bridge(call.last_leg())),
            },
        }
    }

    /// The phone of who was asked about `call` rings.
    fn third_rings(&self, call: &Call, third: Third) -> Option<Output> {
        match third.who {
            Who::Operator(operator) => self.rings(call, operator),
            Who::Outside => third
                .rings_outside()
                .then(|| call.dial_outside(self.calls.asked[&call.id])),
        }
    }

    /// The phone of `operator` rings for `call`.
    fn rings(&self, call: &Call, operator: OperatorId) -> Option<Output> {
        let OperatorState::Reserved { leg, .. } = self.operators[operator].state else {
            return None;
        };
        Some(Output::Dial {
            leg,
            operator,
            caller: call.caller,
            waited: self.now.since(call.since),
        })
    }
}

fn play(call: CallId, audio: Audio) -> Output {
    Output::Play { call, audio }
}

fn bridge(operator_leg: LegId) -> Output {
    Output::Bridge { operator_leg }
}

fn dial_out(call: &Call, leg: LegId, to: Destination) -> Output {
    Output::DialOut {
        leg,
        to,
        caller: call.caller,
        trunk: call.trunk,
    }
}
