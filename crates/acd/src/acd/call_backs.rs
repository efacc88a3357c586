//! Keys that waiting callers press, and calls that we make to them.
//!
//! Owns the promise of a call-back. It is a call of its own, without a leg, with the ticket and the age of the one that
//! asked: so it waits, is given a line and an operator like any other, and nobody passes it. When an operator has
//! picked up, the caller's phone is dialled, once. A caller who calls again before that takes the place up, and is not
//! called back; one who was not reached finds the place kept as a dropped caller does.

use super::Acd;
use crate::calls::{Call, CallState, Talk, Way};
use crate::places::Owner;
use crate::timers::Timer;
use crate::{CallId, Destination, Event, HangUpCause, LegId, OperatorState, Outcome, Output, Skills};

impl Acd {
    /// A caller pressed a key. In a conversation media and SIP pass it on, and it means nothing here.
    pub(super) fn key_pressed(&mut self, id: CallId, key: char) {
        let Some(slot) = self.calls.find(id).filter(|_| !id.is_call_back()) else {
            return;
        };
        let call = &self.calls[slot];
        let offered = matches!(call.state, CallState::Leaving { way: Way::Offer, .. });
        if !call.is_listed() && !offered {
            return;
        }
        let config = self.queue_config(call.queue);
        if config.call_back.is_some_and(|offer| offer.key == key) {
            self.promise(slot);
        } else if let Some(choice) = config.choices.iter().find(|choice| choice.key == key)
            && !offered
        {
            self.choose(slot, choice.skills);
        }
    }

    /// The caller said what the operator must know: the place stays, but other operators may take the call.
    fn choose(&mut self, slot: u32, skills: Skills) {
        let queue = self.calls[slot].queue;
        let class = self.class(queue, skills, false);
        let call = &mut self.calls[slot];
        if std::mem::replace(&mut call.skills, skills) == skills {
            return;
        }
        let lists = &mut self.queues[queue.0 as usize];
        lists.leave(call);
        call.class = class;
        lists.enter(call, slot);
        let call = call.id;
        self.event(Event::CallChose { call, skills });
    }

    /// Whether a caller could be promised a call-back: the number is known and can be dialled, and there is room.
    pub(super) fn may_promise(&self, slot: u32) -> bool {
        let call = &self.calls[slot];
        let dialable = self.config.dialable.get(call.trunk.0 as usize) == Some(&true);
        let room = self
            .queue_config(call.queue)
            .call_back
            .is_some_and(|offer| self.queues[call.queue.0 as usize].call_backs < offer.promises_max);
        dialable && room && !call.id.is_call_back() && !call.caller.is_withheld() && self.places.any_vacant()
    }

    /// The caller will be called back: hears so, while the place goes on waiting.
    fn promise(&mut self, slot: u32) {
        if !self.may_promise(slot) {
            return;
        }
        let from = &self.calls[slot];
        let (queue, skills) = (from.queue, from.skills);
        let class = self.class(queue, skills, true);
        let from = &self.calls[slot];
        let id = from.id.call_back();
        let owner = Owner {
            trunk: from.trunk,
            queue,
            caller: from.caller,
        };
        let place = self.places.keep(owner, (from.ticket, from.since), Some(id));
        let call = Call {
            id,
            arrived: self.now,
            state: CallState::Queued,
            admitted: None,
            // Whether its leg is to be cancelled or ended is the business of signalling.
            answered: true,
            class,
            legs: 0,
            told: None,
            offer_at: None,
            held_by_caller: false,
            place,
            served: None,
            ..*from
        };
        self.leave_promised(slot);
        self.event(Event::CallBackPromised {
            call: id,
            from: self.calls[slot].id,
            queue,
            trunk: call.trunk,
            caller: call.caller,
            ticket: call.ticket,
            since: call.since,
            skills,
        });
        let slot = self.calls.insert(call);
        self.enter_queue(slot);
        self.wait_on(slot);
    }

    /// The call that asked for a call-back leaves with a last word.
    fn leave_promised(&mut self, slot: u32) {
        let left = match self.calls[slot].state {
            CallState::Leaving { left, .. } => left,
            _ => self.now,
        };
        self.take_off_lists(slot);
        self.leave_by(slot, Outcome::Callback, Way::Farewell, left);
        let call = &self.calls[slot];
        self.event(Event::CallLeaving {
            call: call.id,
            queue: call.queue,
            outcome: Outcome::Callback,
        });
    }

    /// The caller called again and has taken the place up: there is nobody to call back.
    pub(super) fn withdraw(&mut self, id: CallId) {
        let Some(slot) = self.calls.find(id) else { return };
        self.calls[slot].place = None;
        let ringing = self.stop_ringing(slot, None, HangUpCause::Elsewhere);
        self.end(slot, Outcome::Abandoned, false);
        ringing
            .into_iter()
            .for_each(|operator| self.back_to_idle(operator));
    }

    /// The operator of a call-back picked up: the caller's phone is dialled.
    pub(super) fn dial_caller(&mut self, slot: u32, talk: Talk) {
        self.give_up_place(slot);
        let call = &mut self.calls[slot];
        call.state = CallState::CallingBack(talk);
        let (id, queue, leg) = (call.id, call.queue, call.leg(talk.leg));
        let (caller, trunk, ticket) = (call.caller, call.trunk, call.ticket);
        self.event(Event::CallerDialled {
            call: id,
            queue,
            operator: talk.operator,
        });
        self.out.push(Output::DialOut {
            leg: LegId::caller(id),
            to: Destination::Caller,
            caller,
            trunk,
        });
        self.out.push(Output::Ringback { leg });
        self.set_operator(talk.operator, OperatorState::Talking { leg });
        self.operators[talk.operator].no_answer = 0;
        let ring_timeout = self
            .queue_config(queue)
            .call_back
            .unwrap_or_default()
            .ring_timeout;
        self.timers
            .set_for(Timer::Call(slot), ticket, self.now + ring_timeout);
    }

    /// The caller picked up.
    pub(super) fn caller_answered(&mut self, slot: u32, talk: Talk) {
        self.timers.clear(Timer::Call(slot));
        self.connect(slot, talk);
    }

    /// A call-back comes to nothing: the caller's phone or the operator's was not there, or not for long enough. Both are
    /// hung up; the operator has the time to record it, and the caller finds the place kept.
    pub(super) fn not_reached(&mut self, slot: u32, talk: Talk, cause: HangUpCause) {
        let call = &self.calls[slot];
        let (id, queue, leg) = (call.id, call.queue, call.leg(talk.leg));
        self.out.push(Output::HangUp {
            leg: LegId::caller(id),
            cause,
        });
        self.out.push(Output::HangUp {
            leg,
            cause: HangUpCause::PeerGone,
        });
        self.end(slot, Outcome::Failed, true);
        self.begin_wrap_up(talk.operator, id, queue);
    }

    /// A call-back needs its place no longer: it is over, or its caller is being dialled.
    pub(super) fn give_up_place(&mut self, slot: u32) {
        if let Some(place) = self.calls[slot].place.take() {
            self.places.give_up(place);
        }
    }
}
