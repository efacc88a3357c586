//! Calls about which operators ask numbers outside, or which they give to them.
//!
//! Owns the phone outside, which rings for a time at most. While the operator is in the call, the number is asked as a
//! second operator would be. Once the operator has left, the caller waits for that phone: if it is picked up, the two talk
//! for as long as they like and the line is free, as for a call that was forwarded; if not, the call stands where it
//! stood, and its age makes it the next.

use super::Acd;
use crate::calls::{Call, CallState, Outside, Talk, Third, Who};
use crate::timers::Timer;
use crate::{CallerNumber, Destination, Event, FailCause, HangUpCause, OperatorId, Output, Refusal};
use crate::{ReturnCause, TransferRule};

impl Acd {
    /// The operator gives the call to a number outside, unasked.
    pub(super) fn transfer_outside(&mut self, id: OperatorId, number: CallerNumber) -> Result<(), Refusal> {
        self.consult_outside(id, number)?;
        self.complete_transfer(id)
    }

    /// The operator asks a number outside about the call.
    pub(super) fn consult_outside(&mut self, id: OperatorId, number: CallerNumber) -> Result<(), Refusal> {
        let slot = self.may_ask(id)?;
        let allowed = |rule: &&TransferRule| rule.allows(number.reveal());
        let rule = self.config.transfer.as_ref().filter(allowed);
        let rule = rule.ok_or(Refusal::NumberNotAllowed)?;
        let outside = Outside {
            number,
            trunk: rule.trunk,
            dialled: self.now,
            until: self.now + rule.ring_timeout,
        };
        let (call, ticket) = (self.calls[slot].id, self.calls[slot].ticket);
        self.calls.asked.insert(call, outside);
        self.ask(slot, Who::Outside);
        self.timers.set_for(Timer::Call(slot), ticket, outside.until);
        self.out.push(self.calls[slot].dial_outside(outside));
        Ok(())
    }

    /// The deadline of a conversation has come, of which there is one only while a phone outside rings for it.
    pub(super) fn third_due(&mut self, slot: u32, talk: Talk) {
        if let Some(third) = talk.third {
            self.hang_up_leg(self.calls[slot].leg(third.leg), HangUpCause::RingTimeout);
            self.third_gone(slot, third, FailCause::NoAnswer);
        }
    }

    /// The operator is out of the call, which is that of the number asked from now on.
    pub(super) fn hand_outside(&mut self, slot: u32, talk: Talk, third: Third) {
        let (id, queue) = (self.calls[slot].id, self.calls[slot].queue);
        let asked = self.calls.asked.remove(&id);
        let outside = asked.expect("a number that was asked stands beside the calls");
        self.give_away(slot, talk, CallState::RingingOutside(outside));
        self.event(Event::CallSentOutside {
            call: id,
            queue,
            operator: talk.operator,
            number: outside.number,
            leg: self.calls[slot].last_leg(),
        });
        if third.rang.is_some() {
            self.outside_answered(slot, outside);
        }
    }

    /// The phone outside was picked up: it has the call from now on, and the line is free.
    pub(super) fn outside_answered(&mut self, slot: u32, Outside { number, .. }: Outside) {
        self.timers.clear(Timer::Call(slot));
        self.count_out(slot);
        let call = &mut self.calls[slot];
        call.state = CallState::TalkingOutside { number };
        let (id, queue, leg) = (call.id, call.queue, call.last_leg());
        if call.admitted.take().is_some() {
            self.lines.give_back(queue);
        }
        self.out.push(Output::Bridge { operator_leg: leg });
        self.event(Event::OutsideAnswered {
            call: id,
            queue,
            number,
            leg,
        });
    }

    /// The phone outside did not take the call, which stands again where it stood.
    pub(super) fn outside_failed(&mut self, slot: u32, outside: Outside, cause: ReturnCause) {
        let call = &mut self.calls[slot];
        call.state = CallState::Admitted;
        let (id, queue) = (call.id, call.queue);
        self.queues[queue.0 as usize].enter(call, slot);
        self.event(Event::OutsideFailed {
            call: id,
            queue,
            cause,
            rang: self.now.since(outside.dialled),
        });
        self.wait_on(slot);
    }

    /// The phone outside has rung for as long as it may.
    pub(super) fn outside_due(&mut self, slot: u32, outside: Outside) {
        self.stop_outside(slot, HangUpCause::RingTimeout);
        self.outside_failed(slot, outside, ReturnCause::NoAnswer);
    }

    /// Hangs up the phone outside.
    pub(super) fn stop_outside(&mut self, slot: u32, cause: HangUpCause) {
        self.hang_up_leg(self.calls[slot].last_leg(), cause);
    }
}

impl Call {
    /// Has the phone outside rung, on the last leg.
    pub(super) fn dial_outside(&self, outside: Outside) -> Output {
        Output::DialOut {
            leg: self.last_leg(),
            to: Destination::Number(outside.number),
            caller: self.caller,
            trunk: outside.trunk,
        }
    }
}
