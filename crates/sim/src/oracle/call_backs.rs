//! Call-backs and other places, as seen from outside: who is dialled beyond the operators' phones, and why.

use super::calls::{Call, Place, Stands};
use super::{Broken, Oracle};
use acd::{CallId, CallerNumber, Destination, Event, Input, LegId, OperatorId, Outcome, Overflow};
use std::collections::BTreeMap;

impl Oracle {
    /// Whether a call-back may be promised to a call, as far as limits go.
    fn may_promise(&self, id: CallId) -> bool {
        let Some(call) = self.calls.get(&id) else {
            return false;
        };
        let Some(offer) = self.config.queues[call.queue.0 as usize].call_back else {
            return false;
        };
        let mine = |(other, of): (&CallId, &Call)| other.is_call_back() && of.queue == call.queue;
        let promised = self.calls.iter().filter(|each| mine(*each)).count();
        let dialable = self.config.dialable.get(call.trunk.0 as usize) == Some(&true);
        dialable && promised < offer.promises_max as usize && !call.caller.is_withheld()
    }

    /// Whether it must be promised if asked for. Of places that have lapsed some may still be counted here, so that the
    /// oracle is silent when they are nearly all taken.
    pub(super) fn must_promise(&self, id: CallId) -> bool {
        self.may_promise(id) && self.place_free()
    }

    /// Whether one more place can be kept for certain.
    pub(super) fn place_free(&self) -> bool {
        let kept = self.places.values().map(BTreeMap::len).sum::<usize>();
        let promises = self.config.queues.iter().filter_map(|queue| queue.call_back);
        let most = promises.fold(self.config.calls_max, |sum, offer| {
            sum.saturating_add(offer.promises_max)
        });
        kept < most as usize
    }

    pub(super) fn promised(&mut self, input: &Input, event: &Event) -> Result<(), Broken> {
        let Event::CallBackPromised {
            call: id,
            from,
            queue,
            trunk,
            caller,
            ticket,
            since,
            skills,
        } = *event
        else {
            return Ok(());
        };
        let may = self.may_promise(from);
        let fresh = !self.calls.contains_key(&id);
        let asked = self.live(from)?.clone();
        let key = self.config.queues[asked.queue.0 as usize]
            .call_back
            .map(|offer| offer.key);
        let pressed = matches!(*input, Input::Dtmf { call, digit } if call == from && Some(digit) == key);
        let callback = matches!(
            asked.stands,
            Stands::Leaving {
                outcome: Outcome::Callback,
                ..
            }
        );
        self.check(
            pressed && callback && may && fresh && id == from.call_back(),
            "call-backs",
            || format!("call-back {id} is promised to {from}, which did not ask for it or cannot have it"),
        )?;
        let same = (asked.ticket, asked.since, asked.skills) == (ticket, since, skills)
            && asked.owner() == (trunk, queue, caller);
        self.check(same, "call-backs", || {
            format!("call-back {id} has ticket {ticket} of {since:?}, not the place that {from} had")
        })?;
        let call = Call {
            arrived: self.now,
            resumed: false,
            line: false,
            answered: true,
            legs: 0,
            offered: false,
            stands: Stands::Queued,
            ..asked
        };
        let place = Place { since, lapses: None };
        self.places.entry(call.owner()).or_default().insert(ticket, place);
        self.calls.insert(id, call);
        self.waiting_line(queue).insert((ticket, id));
        Ok(())
    }

    /// The operator of a call-back picked up: the caller is to be dialled, for the first time.
    pub(super) fn caller_dialled(
        &mut self,
        input: &Input,
        id: CallId,
        operator: OperatorId,
    ) -> Result<(), Broken> {
        let now = self.now;
        let call = self.live(id)?;
        let rings = call
            .ringing
            .iter()
            .find(|(_, rings)| *rings == operator)
            .map(|(leg, _)| *leg);
        let picked_up = matches!(*input, Input::LegAnswered { leg } if Some(leg) == rings);
        let (Some(leg), true, true) = (rings, picked_up, id.is_call_back()) else {
            return Err((
                "call-backs",
                format!(
                    "the caller of {id} is dialled, and operator {} has not picked up",
                    operator.0
                ),
            ));
        };
        call.ringing.clear();
        call.stands = Stands::CallingBack {
            operator,
            leg,
            since: now,
            dialled: false,
        };
        self.give_up_promise(id);
        self.only_one_rings(leg)
    }

    /// The place that a call-back held is free.
    pub(super) fn give_up_promise(&mut self, id: CallId) {
        let Some(call) = self.calls.get(&id) else { return };
        let (owner, ticket) = (call.owner(), call.ticket);
        if let Some(kept) = self.places.get_mut(&owner) {
            if kept.get(&ticket).is_some_and(|place| place.lapses.is_none()) {
                kept.remove(&ticket);
            }
            if kept.is_empty() {
                self.places.remove(&owner);
            }
        }
    }

    pub(super) fn dial_out(
        &mut self,
        leg: LegId,
        to: Destination,
        number: CallerNumber,
    ) -> Result<(), Broken> {
        let now = self.now;
        let call = self.live(leg.call)?;
        call.spoken = now;
        let same = call.caller == number;
        match to {
            Destination::Caller => {
                let first = match &mut call.stands {
                    Stands::CallingBack { dialled, .. } => !std::mem::replace(dialled, true),
                    _ => false,
                };
                self.check(first && same && leg.is_caller(), "call-backs", || {
                    format!(
                        "the caller of {} is dialled again, out of turn, or on another number",
                        leg.call
                    )
                })?;
            }
            // Virtual operators give nothing away.
            Destination::Number(_) => {
                return Err(("transfers", format!("leg {leg} is dialled for nobody who asked")));
            }
            Destination::Forward(to) => {
                let waits = call.waits_for_line() || call.waits_for_operator();
                let next = leg.leg == call.legs + 1;
                call.legs = leg.leg;
                call.forward = Some((to, leg));
                self.check(waits && next && same, "overflow", || {
                    format!("leg {leg} to another place is dialled for a call that does not leave")
                })?;
            }
        }
        self.outside.insert(leg);
        Ok(())
    }

    pub(super) fn ringback(&mut self, leg: LegId) -> Result<(), Broken> {
        let call = self.live(leg.call)?;
        let rings =
            matches!(call.stands, Stands::CallingBack { leg: mine, dialled: true, .. } if mine == leg);
        self.check(rings, "call-backs", || {
            format!("leg {leg} hears a phone ring that was not dialled")
        })
    }

    pub(super) fn leaving(&mut self, input: &Input, id: CallId, outcome: Outcome) -> Result<(), Broken> {
        let now = self.now;
        let may_offer = self.may_promise(id);
        let must_offer = self.must_promise(id);
        let call = self.live(id)?;
        let (queue, ticket) = (call.queue, call.ticket);
        let (offered, forward) = (call.offered, call.forward.map(|(to, _)| to));
        let accepted = matches!(*input, Input::Dtmf { call, .. } if call == id);
        let (right, since) = match call.stands {
            Stands::Queued | Stands::Admitted => (!id.is_call_back(), now),
            // An offer is accepted: the wait had ended when it was made.
            Stands::Leaving { since, .. } => (outcome == Outcome::Callback && accepted, since),
            _ => (false, now),
        };
        call.stands = Stands::Leaving { outcome, since };
        let why = self.has_cause(id, outcome);
        self.off_lists(queue, ticket, id);
        self.check(right, "one place", || {
            format!("call {id} leaves a queue it is not in")
        })?;
        self.check(why, "outcome", || {
            format!("call {id} leaves as {outcome:?}, and there is no cause for it")
        })?;
        let config = &self.config.queues[queue.0 as usize];
        let action = match outcome {
            Outcome::Saturated => config.on_saturated,
            Outcome::Closed => config.on_closed,
            Outcome::TimedOut => config.on_timed_out,
            _ => return Ok(()),
        };
        let done = match action {
            Overflow::Farewell => !offered && forward.is_none(),
            Overflow::Forward(to) => !offered && forward == Some(to),
            Overflow::OfferCallBack => {
                forward.is_none() && (offered || !must_offer) && (!offered || may_offer)
            }
        };
        self.check(done, "overflow", || {
            format!(
                "call {id} is {outcome:?}; to be done is {action:?}, offered {offered}, forwarded {forward:?}"
            )
        })
    }

    /// Whether a waiting call has cause to leave like this now.
    fn has_cause(&mut self, id: CallId, outcome: Outcome) -> bool {
        let now = self.now;
        let Some(call) = self.calls.get(&id) else {
            return false;
        };
        let (queue, arrived, resumed) = (call.queue, call.arrived, call.resumed);
        let config = &self.config.queues[queue.0 as usize];
        match outcome {
            Outcome::TimedOut => now >= arrived + config.wait_max,
            Outcome::Saturated => {
                let waiting_max = config.waiting_max as usize;
                let callers = self.calls.iter().filter(|(other, _)| !other.is_call_back());
                let waiting = callers.filter(|(_, call)| call.queue == queue && call.waits());
                waiting.count() >= waiting_max && arrived == now && !resumed
            }
            Outcome::Closed => self.lines_in_force() == 0 || self.lines_of(queue.0 as usize) == 0,
            Outcome::Callback => true,
            _ => false,
        }
    }

    /// The other place has the call: it holds no line any more.
    pub(super) fn forwarded(&mut self, input: &Input, id: CallId, to: u32, leg: LegId) -> Result<(), Broken> {
        let picked_up = matches!(*input, Input::LegAnswered { leg: answered } if answered == leg);
        let call = self.live(id)?;
        let right = call.forward == Some((to, leg)) && picked_up;
        let first = match &mut call.stands {
            Stands::Forwarded { told, .. } => !std::mem::replace(told, true),
            _ => false,
        };
        let (queue, line) = (call.queue, std::mem::take(&mut call.line));
        if line {
            self.line_back(queue);
        }
        self.check(right && first, "overflow", || {
            format!("call {id} is said to be with place {to}, which did not pick up")
        })
    }
}
