//! What happens on legs that are up, and the end of everything.
//!
//! Owns the answers to the phones: an input about a leg counts only while the call rings or talks on that very leg.
//! Whatever else answers is hung up, so that no phone is left ringing or open.

use super::Acd;
use crate::calls::{CallState, Talk, Way};
use crate::operators::Chosen;
use crate::{CallId, Event, FailCause, GoneCause, HangUpCause, LegId, OperatorId, OperatorState, Outcome};
use crate::{Output, ReturnCause};

impl Acd {
    /// A phone was picked up: the conversation begins, or it came too late.
    pub(super) fn leg_answered(&mut self, leg: LegId) {
        if leg.is_caller() && !leg.call.is_call_back() {
            return;
        }
        match self.find_leg(leg).map(|slot| (slot, self.calls[slot].state)) {
            Some((slot, CallState::Ringing { first, dialled })) => {
                if let Some(operator) = self.ringing_on(first, leg) {
                    self.picked_up(slot, operator, leg, dialled);
                }
            }
            Some((slot, CallState::CallingBack(talk))) if leg.is_caller() => self.caller_answered(slot, talk),
            Some((slot, CallState::RingingOutside(outside))) if !leg.is_caller() => {
                self.outside_answered(slot, outside);
            }
            Some((slot, CallState::Leaving { outcome, left, way })) => {
                if let Way::Forwarding { to } = way {
                    self.forwarded(slot, outcome, left, to);
                }
            }
            Some((slot, CallState::Talking(talk))) => match talk.third_on(leg) {
                Some(third) if third.rang.is_none() => self.third_answered(slot, third),
                _ => {}
            },
            Some((_, CallState::CallingBack(_) | CallState::TalkingOutside { .. })) => {}
            _ => self.out.push(Output::HangUp {
                leg,
                cause: HangUpCause::Elsewhere,
            }),
        }
    }

    /// A phone did not take the call. Said of the caller's own leg, it means that the caller is gone.
    pub(super) fn leg_failed(&mut self, leg: LegId, cause: FailCause) {
        let found = self.find_leg(leg).map(|slot| (slot, self.calls[slot].state));
        match found {
            Some((slot, CallState::Ringing { first, dialled })) if !leg.is_caller() => {
                if let Some(operator) = self.ringing_on(first, leg) {
                    self.return_call(slot, operator, ReturnCause::Failed(cause));
                    self.phone_failed(operator, cause, self.now.since(dialled));
                }
            }
            Some((slot, CallState::Talking(talk))) if let Some(third) = talk.third_on(leg) => {
                self.third_gone(slot, third, cause);
            }
            Some((slot, CallState::RingingOutside(outside))) if !leg.is_caller() => {
                self.outside_failed(slot, outside, ReturnCause::Failed(cause));
            }
            _ => self.leg_gone(leg),
        }
    }

    /// A leg that we dialled is over: the other side's ends with it, unless there is somebody to go on with.
    pub(super) fn leg_gone(&mut self, leg: LegId) {
        if leg.is_caller() {
            return self.caller_gone(leg.call, GoneCause::Failed);
        }
        match self.find_leg(leg).map(|slot| (slot, self.calls[slot].state)) {
            Some((slot, CallState::Talking(talk))) => match talk.third {
                Some(third) if third.leg == leg.leg => self.third_gone(slot, third, FailCause::Declined),
                Some(third) => self.hand_over(slot, talk, third),
                None => {
                    let queue = self.calls[slot].queue;
                    self.dismiss(slot, Outcome::Answered, HangUpCause::PeerGone);
                    self.wrap_up(talk, leg.call, queue);
                }
            },
            Some((slot, CallState::CallingBack(talk))) => {
                self.not_reached(slot, talk, HangUpCause::Elsewhere);
            }
            // Picked up and put down again before we were told of it.
            Some((_, CallState::Ringing { .. } | CallState::RingingOutside(_))) => {
                self.leg_failed(leg, FailCause::Declined)
            }
            Some((slot, CallState::TalkingOutside { .. })) => {
                self.dismiss(slot, Outcome::Answered, HangUpCause::PeerGone);
            }
            Some((slot, CallState::Leaving { outcome, way, .. })) => self.forward_over(slot, outcome, way),
            _ => {}
        }
    }

    /// Either side put the other on hold, or took it back. A caller on hold hears music.
    pub(super) fn leg_held(&mut self, leg: LegId, held: bool) {
        let Some(slot) = self.find_leg(leg) else { return };
        let call = &mut self.calls[slot];
        if leg.is_caller() {
            call.held_by_caller = held;
        }
        let CallState::Talking(mut talk) = call.state else {
            return;
        };
        if leg.leg == talk.leg {
            talk.held_by_operator = held;
        }
        self.hold_by(slot, talk);
    }

    /// The conversation is on hold, or not, as `talk` has it.
    pub(super) fn hold_by(&mut self, slot: u32, talk: Talk) {
        let call = &mut self.calls[slot];
        let before = std::mem::replace(&mut call.state, CallState::Talking(talk));
        let changes = matches!(before, CallState::Talking(before) if before.parked() != talk.parked());
        if changes {
            self.out.extend(call.hearing(&talk));
        }
        self.count_hold(slot);
    }

    /// Has the time on hold run from now on, or no longer, by who hears whom.
    pub(super) fn count_hold(&mut self, slot: u32) {
        let now = self.now;
        let call = &mut self.calls[slot];
        let CallState::Talking(talk) = &mut call.state else {
            return;
        };
        let held = call.held_by_caller || talk.parked();
        match talk.held_since {
            None if held => talk.held_since = Some(now),
            Some(since) if !held => {
                talk.held_since = None;
                talk.held += now.since(since);
            }
            _ => return,
        }
        let call = call.id;
        self.event(Event::CallHeld { call, held });
    }

    /// Reported, not acted on: a leg on hold may well be silent, and signalling finds out who is dead.
    pub(super) fn media_silent(&mut self, leg: LegId) {
        if self.find_leg(leg).is_some() {
            self.event(Event::MediaSilent { leg });
        }
    }

    pub(super) fn drain(&mut self) {
        if !std::mem::replace(&mut self.draining, true) {
            self.event(Event::Draining);
        }
    }

    /// The engine is up again after it was told to stop.
    pub(super) fn started(&mut self) {
        if std::mem::replace(&mut self.draining, false) {
            self.event(Event::Started);
        }
    }

    /// Ends every call. Whoever still waited keeps the place, for when we are back; so do call-backs.
    pub(super) fn hang_up_all(&mut self) {
        self.drain();
        let mut slots: Vec<(u64, CallId, u32)> = self
            .calls
            .iter()
            .map(|(slot, call)| (call.ticket, call.id, slot))
            .collect();
        slots.sort_unstable();
        for (.., slot) in slots {
            match self.calls[slot].has_caller() {
                true => self.shut_down(slot),
                false => self.suspend_call_back(slot),
            }
        }
    }

    fn shut_down(&mut self, slot: u32) {
        let call = &self.calls[slot];
        let (id, queue) = (call.id, call.queue);
        let cause = HangUpCause::Shutdown;
        match call.state {
            CallState::Queued | CallState::Admitted => self.dismiss(slot, Outcome::Rejected, cause),
            CallState::Leaving { outcome, way, .. } => {
                self.stop_forwarding(slot, way, cause);
                self.dismiss(slot, outcome, cause);
            }
            CallState::Ringing { .. } => {
                let ringing = self.stop_ringing(slot, None, cause);
                self.dismiss(slot, Outcome::Rejected, cause);
                ringing
                    .into_iter()
                    .for_each(|operator| self.back_to_idle(operator));
            }
            CallState::CallingBack(talk) => self.not_reached(slot, talk, cause),
            CallState::RingingOutside(_) | CallState::TalkingOutside { .. } => {
                self.stop_outside(slot, cause);
                self.dismiss(slot, Outcome::Answered, cause);
            }
            CallState::Talking(talk) => {
                let leg = call.leg(talk.leg);
                self.out.push(Output::HangUp { leg, cause });
                self.dismiss(slot, Outcome::Answered, cause);
                self.wrap_up(talk, id, queue);
            }
        }
    }

    /// A call-back that has not come to its caller yet waits for us to be back.
    fn suspend_call_back(&mut self, slot: u32) {
        match self.calls[slot].state {
            CallState::Queued | CallState::Admitted => {}
            CallState::Ringing { first, .. } => {
                let ringing: Chosen = self.operators.ringing(first).collect();
                for operator in ringing {
                    self.take_back(slot, operator);
                    self.back_to_idle(operator);
                }
            }
            _ => self.shut_down(slot),
        }
    }

    /// Hangs up an operator's phone that rings, and has the call stand again where it stood.
    fn take_back(&mut self, slot: u32, operator: OperatorId) {
        if let OperatorState::Reserved { leg, .. } = self.operators[operator].state {
            let cause = HangUpCause::Shutdown;
            self.out.push(Output::HangUp { leg, cause });
        }
        self.return_call(slot, operator, ReturnCause::OperatorLeft);
    }

    /// The operator whose phone rings on a leg, among those who ring with `first`.
    fn ringing_on(&self, first: OperatorId, leg: LegId) -> Option<OperatorId> {
        let rings = |id: &OperatorId| matches!(self.operators[*id].state, OperatorState::Reserved { leg: at, .. } if at == leg);
        self.operators.ringing(first).find(rings)
    }

    /// The call of a leg, if the leg is the caller's or one that rings or talks.
    fn find_leg(&self, leg: LegId) -> Option<u32> {
        let slot = self.calls.find(leg.call)?;
        let call = &self.calls[slot];
        let stands = match call.state {
            CallState::CallingBack(talk) | CallState::Talking(talk) => {
                leg.is_caller() || talk.leg == leg.leg || talk.third_on(leg).is_some()
            }
            _ if leg.is_caller() => call.has_caller(),
            CallState::Ringing { first, .. } => self.ringing_on(first, leg).is_some(),
            CallState::RingingOutside(_)
            | CallState::TalkingOutside { .. }
            | CallState::Leaving {
                way: Way::Forwarding { .. } | Way::Forwarded { .. },
                ..
            } => call.legs == leg.leg,
            CallState::Queued | CallState::Admitted | CallState::Leaving { .. } => false,
        };
        stands.then_some(slot)
    }
}
