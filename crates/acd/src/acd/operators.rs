//! What operators and their phones do.
//!
//! Owns the operators' state machine. Ringing and wrap-up have a deadline; a conversation has not. What an operator
//! asks for during a conversation waits until after the wrap-up.

use super::Acd;
use crate::calls::Talk;
use crate::operators::Then;
use crate::timers::Timer;
use crate::{CallId, Event, FailCause, HangUpCause, OperatorId, OperatorState, Output, PauseReason, Refusal};
use crate::{QueueId, ReturnCause};
use std::time::Duration;

/// The longest wrap-up with all its extensions, since its begin.
const WRAP_UP_MAX: Duration = Duration::from_secs(30 * 60);

/// A phone that fails sooner than this was not heard by anybody, and would fail again as fast.
const RING_MIN: Duration = Duration::from_secs(1);

impl Acd {
    /// Carries out a command of an operator, or says why not.
    pub(super) fn command(
        &mut self,
        operator: OperatorId,
        carry_out: impl FnOnce(&mut Self, OperatorId) -> Result<(), Refusal>,
    ) {
        let done = match self.operators.get(operator) {
            Some(_) => carry_out(self, operator),
            None => Err(Refusal::UnknownOperator),
        };
        if let Err(refusal) = done {
            self.event(Event::Refused { operator, refusal });
        }
    }

    pub(super) fn sign_on(&mut self, id: OperatorId) -> Result<(), Refusal> {
        match self.operators[id].state {
            OperatorState::SignedOff => {
                self.set_operator(
                    id,
                    OperatorState::Paused {
                        reason: PauseReason::NotReady,
                    },
                );
            }
            OperatorState::Talking { .. } if self.operators[id].then == Some(Then::SignOff) => {
                self.operators[id].then = None;
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn sign_off(&mut self, id: OperatorId) -> Result<(), Refusal> {
        match self.operators[id].state {
            OperatorState::SignedOff => {}
            OperatorState::Talking { .. } => self.operators[id].then = Some(Then::SignOff),
            _ => self.leave_work(id, ReturnCause::OperatorLeft, OperatorState::SignedOff),
        }
        Ok(())
    }

    pub(super) fn ready(&mut self, id: OperatorId) -> Result<(), Refusal> {
        match self.operators[id].state {
            OperatorState::SignedOff => return Err(Refusal::SignedOff),
            OperatorState::Available | OperatorState::Reserved { .. } => {}
            OperatorState::Talking { .. } => self.operators[id].then = None,
            OperatorState::Paused { .. } | OperatorState::WrapUp { .. } => {
                if !self.operators[id].phone {
                    return Err(Refusal::PhoneGone);
                }
                self.start_idle(id);
            }
        }
        Ok(())
    }

    pub(super) fn pause(&mut self, id: OperatorId, reason: PauseReason) -> Result<(), Refusal> {
        if !matches!(reason, PauseReason::Chosen(n) if usize::from(n) < self.config.pause_reasons.len()) {
            return Err(Refusal::UnknownPauseReason);
        }
        let paused = OperatorState::Paused { reason };
        match self.operators[id].state {
            OperatorState::SignedOff => return Err(Refusal::SignedOff),
            OperatorState::Talking { .. } => self.operators[id].then = Some(Then::Pause(reason)),
            state if state == paused => {}
            _ => self.leave_work(id, ReturnCause::OperatorLeft, paused),
        }
        Ok(())
    }

    pub(super) fn extend_wrap_up(&mut self, id: OperatorId) -> Result<(), Refusal> {
        let OperatorState::WrapUp { call, until } = self.operators[id].state else {
            return Err(Refusal::NotInWrapUp);
        };
        let operator = &self.operators[id];
        let until_max = operator.wrap_up_began + WRAP_UP_MAX;
        let later = (until + operator.wrap_up_extension).min(until_max);
        if later <= until {
            return Err(Refusal::WrapUpMax);
        }
        self.set_operator(id, OperatorState::WrapUp { call, until: later });
        self.timers.set(Timer::Operator(id.0), later);
        Ok(())
    }

    pub(super) fn phone_registered(&mut self, id: OperatorId) {
        let Some(operator) = self.operators.get(id) else {
            return;
        };
        let (auto_ready, came, state) = (operator.auto_ready, !operator.phone, operator.state);
        self.operators[id].phone = true;
        if came {
            self.event(Event::PhoneChanged {
                operator: id,
                registered: true,
            });
        }
        match state {
            OperatorState::Paused {
                reason: PauseReason::PhoneGone,
            } => self.start_idle(id),
            OperatorState::Paused {
                reason: PauseReason::Chosen(_),
            } => {}
            OperatorState::SignedOff | OperatorState::Paused { .. } if auto_ready => self.start_idle(id),
            _ => {}
        }
    }

    pub(super) fn phone_unregistered(&mut self, id: OperatorId) {
        let Some(operator) = self.operators.get(id) else {
            return;
        };
        let (state, gone) = (operator.state, operator.phone);
        self.operators[id].phone = false;
        if gone {
            self.event(Event::PhoneChanged {
                operator: id,
                registered: false,
            });
        }
        match state {
            // The conversation may well go on: its dialog does not depend on the registration.
            OperatorState::SignedOff | OperatorState::Talking { .. } | OperatorState::WrapUp { .. } => {}
            OperatorState::Paused { .. } if !self.operators[id].auto_ready => {}
            _ => {
                let state = self.without_phone(id);
                self.leave_work(id, ReturnCause::PhoneGone, state);
            }
        }
    }

    /// The state of an operator whose phone is not there.
    fn without_phone(&self, id: OperatorId) -> OperatorState {
        match self.operators[id].auto_ready {
            true => OperatorState::SignedOff,
            false => OperatorState::Paused {
                reason: PauseReason::PhoneGone,
            },
        }
    }

    /// An operator's deadline has come: the phone has rung long enough, or the wrap-up is over.
    pub(super) fn operator_due(&mut self, id: OperatorId) {
        match self.operators[id].state {
            OperatorState::Reserved { leg, .. } => {
                self.out.push(Output::HangUp {
                    leg,
                    cause: HangUpCause::RingTimeout,
                });
                if let Some(slot) = self.calls.find(leg.call) {
                    self.return_call(slot, id, ReturnCause::NoAnswer);
                }
                self.not_answered(id);
            }
            OperatorState::WrapUp { .. } => self.after_wrap_up(id),
            OperatorState::Paused { .. } if self.operators[id].phone => self.rested(id),
            OperatorState::Paused { .. } => {
                let state = self.without_phone(id);
                self.set_operator(id, state);
            }
            _ => {}
        }
    }

    /// The call was given back; what becomes of the operator whose phone did not take it.
    pub(super) fn phone_failed(&mut self, id: OperatorId, cause: FailCause, rang: Duration) {
        let reason = match cause {
            FailCause::NoAnswer if rang >= RING_MIN => return self.not_answered(id),
            FailCause::NoAnswer | FailCause::Declined => PauseReason::Declined,
            FailCause::Busy => PauseReason::PhoneBusy,
            FailCause::Unreachable | FailCause::Other(_) => PauseReason::PhoneGone,
        };
        self.rest(id, reason);
    }

    /// A pause that the phone brought about; it may end by the clock, unless calls went unanswered again after that.
    fn rest(&mut self, id: OperatorId, reason: PauseReason) {
        self.set_operator(id, OperatorState::Paused { reason });
        let operator = &self.operators[id];
        let again = reason == PauseReason::NoAnswer && operator.no_answer > operator.no_answer_max;
        if !operator.rest.is_zero() && !again {
            self.timers.set(Timer::Operator(id.0), self.now + operator.rest);
        }
    }

    /// A rest is over: nothing is forgiven yet that the operator did not answer.
    fn rested(&mut self, id: OperatorId) {
        let no_answer = self.operators[id].no_answer;
        self.start_idle(id);
        self.operators[id].no_answer = no_answer;
    }

    /// A call was not answered: last in line for the next one, or paused if it was one too many. One more after the rest
    /// is enough for a pause that only the operator ends.
    fn not_answered(&mut self, id: OperatorId) {
        let operator = &mut self.operators[id];
        operator.no_answer += 1;
        if operator.no_answer_max > 0 && operator.no_answer >= operator.no_answer_max {
            self.rest(id, PauseReason::NoAnswer);
        } else {
            operator.idle_since = self.now;
            self.set_operator(id, OperatorState::Available);
        }
    }

    /// The caller left while the phone rang: as if it had not rung.
    pub(super) fn back_to_idle(&mut self, id: OperatorId) {
        self.set_operator(id, OperatorState::Available);
    }

    /// A conversation is over: it is to be recorded, and a second operator in it is free again.
    pub(super) fn wrap_up(&mut self, talk: Talk, call: CallId, queue: QueueId) {
        let hold = talk.rang + self.now.since(talk.connected);
        let busy = hold + self.queue_config(queue).wrap_up;
        self.queues[queue.0 as usize].learned.served(hold, busy);
        self.begin_wrap_up(talk.operator, call, queue);
        if let Some(third) = talk.third {
            self.release(call, third);
        }
    }

    pub(super) fn begin_wrap_up(&mut self, id: OperatorId, call: CallId, queue: QueueId) {
        let config = self.queue_config(queue);
        let (wrap_up, extension) = (config.wrap_up, config.wrap_up_extension);
        self.operators[id].wrap_up_began = self.now;
        self.operators[id].wrap_up_extension = extension;
        if wrap_up.is_zero() {
            return self.after_wrap_up(id);
        }
        let until = self.now + wrap_up;
        self.set_operator(id, OperatorState::WrapUp { call, until });
        self.timers.set(Timer::Operator(id.0), until);
    }

    pub(super) fn after_wrap_up(&mut self, id: OperatorId) {
        match self.operators[id].then {
            Some(Then::SignOff) => self.set_operator(id, OperatorState::SignedOff),
            Some(Then::Pause(reason)) => self.set_operator(id, OperatorState::Paused { reason }),
            None if !self.operators[id].phone => self.set_operator(id, self.without_phone(id)),
            None => self.start_idle(id),
        }
    }

    fn start_idle(&mut self, id: OperatorId) {
        self.operators[id].idle_since = self.now;
        self.operators[id].no_answer = 0;
        self.set_operator(id, OperatorState::Available);
    }

    /// The operator takes no more calls; one that rings goes back to where it stood.
    fn leave_work(&mut self, id: OperatorId, cause: ReturnCause, state: OperatorState) {
        if let OperatorState::Reserved { leg, .. } = self.operators[id].state {
            self.out.push(Output::HangUp {
                leg,
                cause: HangUpCause::Elsewhere,
            });
            if let Some(slot) = self.calls.find(leg.call) {
                self.return_call(slot, id, cause);
            }
        }
        self.set_operator(id, state);
    }

    /// Changes an operator's state and tells it; whatever deadline the state before had is void.
    pub(super) fn set_operator(&mut self, id: OperatorId, state: OperatorState) {
        self.timers.clear(Timer::Operator(id.0));
        if !matches!(
            state,
            OperatorState::Talking { .. } | OperatorState::WrapUp { .. }
        ) {
            self.operators[id].then = None;
        }
        let after = self.now.since(self.operators[id].since);
        self.operators.set_state(id, state, self.now);
        self.event(Event::OperatorChanged {
            operator: id,
            state,
            after,
        });
    }
}
