//! What operators do with a call besides talking: hang up, put it on hold, ask a second operator about it, give it away.
//!
//! Owns the second operator in a conversation. To give a call away is to ask somebody and to leave, so that a transfer
//! unasked is a consultation whose end is not awaited; and whoever leaves while a second operator is there leaves the
//! call to that one, by whatever way. A call that was given away rings as any other does: if it is not answered, it
//! stands where it stood.

use super::Acd;
use crate::calls::{CallState, Served, Talk, Third};
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
        let (slot, talk) = self.led_by(id)?;
        if talk.third.is_some() {
            return Err(Refusal::AskedAlready);
        }
        let state = self.operators.get(to).map(|operator| operator.state);
        if state.ok_or(Refusal::UnknownOperator)? != OperatorState::Available {
            return Err(Refusal::NotAvailable);
        }
        let call = &mut self.calls[slot];
        call.legs += 1;
        let third = Third {
            operator: to,
            leg: call.legs,
            dialled: self.now,
            rang: None,
            joined: false,
        };
        self.set_third(slot, Some(third));
        self.reserve(slot, to);
        Ok(())
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

    /// The second operator comes, picks up, joins in or is gone: who hears whom follows from it.
    pub(super) fn set_third(&mut self, slot: u32, third: Option<Third>) {
        let call = &mut self.calls[slot];
        let CallState::Talking(talk) = &mut call.state else {
            return;
        };
        talk.third = third;
        let (id, talk) = (call.id, *talk);
        self.out.extend(call.hearing(&talk));
        self.event(Event::ThirdChanged {
            call: id,
            third: third.map(Third::view),
        });
        self.count_hold(slot);
    }

    /// The second operator picked up: the two hear each other, while the caller hears music.
    pub(super) fn third_answered(&mut self, slot: u32, third: Third) {
        let rang = Some(self.now.since(third.dialled));
        self.set_third(slot, Some(Third { rang, ..third }));
        let leg = self.calls[slot].leg(third.leg);
        self.operators[third.operator].no_answer = 0;
        self.set_operator(third.operator, OperatorState::Talking { leg });
    }

    /// The second operator's phone did not take the call, or was hung up.
    pub(super) fn third_gone(&mut self, slot: u32, third: Third, cause: FailCause) {
        self.set_third(slot, None);
        match third.rang {
            None => self.phone_failed(third.operator, cause, self.now.since(third.dialled)),
            Some(_) => self.after_wrap_up(third.operator),
        }
    }

    /// The second operator is not needed any more: there is nothing to record, and nothing that anybody missed.
    pub(super) fn release(&mut self, call: CallId, third: Third) {
        let leg = LegId { call, leg: third.leg };
        self.hang_up_leg(leg, HangUpCause::Elsewhere);
        match third.rang {
            None => self.back_to_idle(third.operator),
            Some(_) => self.after_wrap_up(third.operator),
        }
    }

    /// The operator is out of the call, which is the second one's from now on: at once, or when that one picks up.
    pub(super) fn hand_over(&mut self, slot: u32, talk: Talk, third: Third) {
        let ringing = CallState::Ringing {
            first: third.operator,
            dialled: third.dialled,
        };
        self.give_away(slot, talk, ringing);
        let (call, queue) = (self.calls[slot].id, self.calls[slot].queue);
        self.event(Event::CallTransferred {
            call,
            queue,
            operator: talk.operator,
            to: third.operator,
        });
        if let Some(rang) = third.rang {
            self.connect(slot, Talk::new(third.operator, third.leg, self.now, rang));
        }
        self.wrap_up(Talk { third: None, ..talk }, call, queue);
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
