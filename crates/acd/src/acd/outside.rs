//! Calls that operators give to numbers outside.
//!
//! Owns such a call from when the operator leaves it: the caller waits while a phone outside rings, for a time at most. If
//! it is picked up, the two talk for as long as they like and the line is free, as for a call that was forwarded; if
//! not, the call stands where it stood, and its age makes it the next.

use super::Acd;
use crate::calls::{CallState, Outside};
use crate::timers::Timer;
use crate::{Audio, CallerNumber, Destination, Event, HangUpCause, OperatorId, Output, Refusal, ReturnCause};

impl Acd {
    /// The operator gives the call to a number outside, unasked.
    pub(super) fn transfer_outside(&mut self, id: OperatorId, number: CallerNumber) -> Result<(), Refusal> {
        let (slot, talk) = self.led_by(id)?;
        if talk.third.is_some() {
            return Err(Refusal::AskedAlready);
        }
        let rule = self.config.transfer.as_ref();
        let rule = rule.filter(|rule| rule.allows(number.reveal()));
        let (trunk, ring_timeout) = rule
            .map(|rule| (rule.trunk, rule.ring_timeout))
            .ok_or(Refusal::NumberNotAllowed)?;
        self.hang_up_leg(self.calls[slot].leg(talk.leg), HangUpCause::Ended);
        let outside = Outside {
            number,
            trunk,
            dialled: self.now,
            until: self.now + ring_timeout,
        };
        self.give_away(slot, talk, CallState::RingingOutside(outside));
        self.calls[slot].legs += 1;
        let call = &self.calls[slot];
        let (id, queue, leg, ticket) = (call.id, call.queue, call.last_leg(), call.ticket);
        self.out.extend(call.ringing_outside(outside));
        self.timers.set_for(Timer::Call(slot), ticket, outside.until);
        self.event(Event::CallSentOutside {
            call: id,
            queue,
            operator: talk.operator,
            number,
            leg,
        });
        self.wrap_up(talk, id, queue);
        Ok(())
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

impl crate::calls::Call {
    /// The caller hears music, and the phone outside is rung.
    pub(super) fn ringing_outside(&self, outside: Outside) -> [Output; 2] {
        let music = Output::Play {
            call: self.id,
            audio: Audio::HoldMusic,
        };
        let dial = Output::DialOut {
            leg: self.last_leg(),
            to: Destination::Number(outside.number),
            caller: self.caller,
            trunk: outside.trunk,
        };
        [music, dial]
    }
}
