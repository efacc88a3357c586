//! What operators do with a call besides talking: hang up, put it on hold, ask a second operator about it, give it away.
//!
//! Owns who was asked in a conversation, be it an operator or a number outside. To give a call away is to ask somebody and to leave, so that a transfer
//! unasked is a consultation whose end is not awaited; and whoever leaves while a second operator is there leaves the
//! call to that one, by whatever way. A call that was given away rings as any other does: if it is not answered, it
//! stands where it stood.

use super::Acd;
use crate::calls::{CallState, Served, Talk, Third, Who};
use crate::timers::Timer;
use crate::{CallId, Event, FailCause, HangUpCause, LegId, OperatorId, OperatorState, Output, Refusal};
use std::time::Duration;

impl Acd {
    pub(super) fn hang_up(&mut self, id: OperatorId) -> Result<(), Refusal> {
        let (OperatorState::Reserved { leg, .. } | OperatorState::Talking { leg }) = self.operators[id].state
        else {
            return Err(Refusal::NotTalking);
        };
        self.hang_up_leg(leg, HangUpCause::Ended);
        self.leg_gone(leg);
        Ok(())
    }

    pub(super) fn hold(&mut self, id: OperatorId, on: bool) -> Result<(), Refusal> {
        let (slot, mut talk) = self.led_by(id)?;
        // Taking the call back is meant whatever put it on hold.
        (talk.held_at_console, talk.held_by_operator) = (on, on && talk.held_by_operator);
        self.hold_by(slot, talk);
        Ok(())
    }

    pub(super) fn transfer(&mut self, id: OperatorId, to: OperatorId) -> Result<(), Refusal> {
        self.consult(id, to)?;
        self.complete_transfer(id)
    }

    pub(super) fn consult(&mut self, id: OperatorId, to: OperatorId) -> Result<(), Refusal> {
        let slot = self.may_ask(id)?;
        let state = self.operators.get(to).map(|operator| operator.state);
        if state.ok_or(Refusal::UnknownOperator)? != OperatorState::Available {
            return Err(Refusal::NotAvailable);
        }
        self.ask(slot, Who::Operator(to));
        self.reserve(slot, to);
        Ok(())
    }

    /// The call in which an operator may ask somebody: nobody was asked yet.
    pub(super) fn may_ask(&self, id: OperatorId) -> Result<u32, Refusal> {
        match self.led_by(id)? {
            (slot, Talk { third: None, .. }) => Ok(slot),
            _ => Err(Refusal::AskedAlready),
        }
    }

    /// Somebody is asked about a call, on a leg that is to be dialled now.
    pub(super) fn ask(&mut self, slot: u32, who: Who) {
        let call = &mut self.calls[slot];
        call.legs += 1;
        let third = Third {
            who,
            leg: call.legs,
            dialled: self.now,
            rang: None,
            joined: false,
        };
        self.set_third(slot, Some(third));
    }

    pub(super) fn conference(&mut self, id: OperatorId) -> Result<(), Refusal> {
        let (slot, third) = self.asked_by(id)?;
        if third.rang.is_none() {
            return Err(Refusal::NotAnswered);
        }
        if !third.joined {
            self.set_third(
                slot,
                Some(Third {
                    joined: true,
                    ..third
                }),
            );
        }
        Ok(())
    }

    pub(super) fn complete_transfer(&mut self, id: OperatorId) -> Result<(), Refusal> {
        self.asked_by(id)?;
        self.hang_up(id)
    }

    pub(super) fn cancel_consult(&mut self, id: OperatorId) -> Result<(), Refusal> {
        let (slot, third) = self.asked_by(id)?;
        self.set_third(slot, None);
        self.release(self.calls[slot].id, third);
        Ok(())
    }

    /// The call whose conversation is an operator's to lead: not that of one who was asked about it.
    pub(super) fn led_by(&self, id: OperatorId) -> Result<(u32, Talk), Refusal> {
        let OperatorState::Talking { leg } = self.operators[id].state else {
            return Err(Refusal::NotTalking);
        };
        let slot = self.calls.find(leg.call).ok_or(Refusal::NotTalking)?;
        match self.calls[slot].state {
            CallState::Talking(talk) if talk.operator == id => Ok((slot, talk)),
            _ => Err(Refusal::NotTalking),
        }
    }

    /// Whom an operator has asked for, and in which call.
    fn asked_by(&self, id: OperatorId) -> Result<(u32, Third), Refusal> {
        let (slot, talk) = self.led_by(id)?;
        Ok((slot, talk.third.ok_or(Refusal::NobodyAsked)?))
    }

    /// Who was asked comes, picks up, joins in or is gone: who hears whom follows from it.
    pub(super) fn set_third(&mut self, slot: u32, third: Option<Third>) {
        let call = &mut self.calls[slot];
        let CallState::Talking(talk) = &mut call.state else {
            return;
        };
        talk.third = third;
        let (id, talk) = (call.id, *talk);
        self.out.extend(call.hearing(&talk));
        let third = third.map(|third| self.calls.third(&self.calls[slot], third));
        self.event(Event::ThirdChanged { call: id, third });
        self.count_hold(slot);
        if !talk.third.is_some_and(Third::rings_outside) {
            self.timers.clear(Timer::Call(slot));
        }
        if third.is_none() {
            self.calls.asked.remove(&id);
        }
    }

    /// Who was asked picked up: the two hear each other, while the caller hears music.
    pub(super) fn third_answered(&mut self, slot: u32, third: Third) {
        let rang = Some(self.now.since(third.dialled));
        self.set_third(slot, Some(Third { rang, ..third }));
        if let Who::Operator(id) = third.who {
            let leg = self.calls[slot].leg(third.leg);
            self.operators[id].no_answer = 0;
            self.set_operator(id, OperatorState::Talking { leg });
        }
    }

    /// The phone of who was asked did not take the call, or was hung up.
    pub(super) fn third_gone(&mut self, slot: u32, third: Third, cause: FailCause) {
        self.set_third(slot, None);
        match (third.who, third.rang) {
            (Who::Operator(id), None) => self.phone_failed(id, cause, self.now.since(third.dialled)),
            (Who::Operator(id), Some(_)) => self.after_wrap_up(id),
            (Who::Outside, _) => {}
        }
    }

    /// Who was asked is not needed any more: there is nothing to record, and nothing that anybody missed.
    pub(super) fn release(&mut self, call: CallId, third: Third) {
        let leg = LegId { call, leg: third.leg };
        self.hang_up_leg(leg, HangUpCause::Elsewhere);
        match (third.who, third.rang) {
            (Who::Operator(id), None) => self.back_to_idle(id),
            (Who::Operator(id), Some(_)) => self.after_wrap_up(id),
            (Who::Outside, _) => {}
        }
    }

    /// The operator is out of the call, which is from now on that of who was asked: at once, or when that one picks up.
    pub(super) fn hand_over(&mut self, slot: u32, talk: Talk, third: Third) {
        match third.who {
            Who::Operator(to) => self.hand_to(slot, talk, third, to),
            Who::Outside => self.hand_outside(slot, talk, third),
        }
        let (call, queue) = (self.calls[slot].id, self.calls[slot].queue);
        self.wrap_up(Talk { third: None, ..talk }, call, queue);
    }

    fn hand_to(&mut self, slot: u32, talk: Talk, third: Third, to: OperatorId) {
        let ringing = CallState::Ringing {
            first: to,
            dialled: third.dialled,
        };
        self.give_away(slot, talk, ringing);
        let (call, queue) = (self.calls[slot].id, self.calls[slot].queue);
        self.event(Event::CallTransferred {
            call,
            queue,
            operator: talk.operator,
            to,
        });
        if let Some(rang) = third.rang {
            self.connect(slot, Talk::new(to, third.leg, self.now, rang));
        }
    }

    /// The caller waits again, for whoever `state` says; what the operator had of the call is kept for its record.
    pub(super) fn give_away(&mut self, slot: u32, talk: Talk, state: CallState) {
        let (talked, held) = talk.lasted(self.now);
        let (queue, skills) = (self.calls[slot].queue, self.calls[slot].skills);
        // Of a call-back it is so from here on that a caller waits on the line.
        let class = self.class(queue, skills, false);
        let call = &mut self.calls[slot];
        let before = call.served.unwrap_or(Served {
            by: talk.operator,
            since: self.now,
            waited: talk.connected.since(call.arrived),
            talked: Duration::ZERO,
            held: Duration::ZERO,
        });
        call.served = Some(Served {
            by: talk.operator,
            since: self.now,
            waited: before.waited,
            talked: before.talked + talked,
            held: before.held + held,
        });
        call.class = class;
        call.state = state;
        self.count_in(slot);
    }

    pub(super) fn hang_up_leg(&mut self, leg: LegId, cause: HangUpCause) {
        self.out.push(Output::HangUp { leg, cause });
    }
}
