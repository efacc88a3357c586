//! What happens on legs that are up, and the end of everything.
//!
//! Owns the answers to the phones: an input about a leg counts only while the call rings or talks on that very leg.
//! Whatever else answers is hung up, so that no phone is left ringing or open.

use super::Acd;
use crate::calls::CallState;
use crate::{Audio, Event, FailCause, GoneCause, HangUpCause, LegId, Outcome, Output, ReturnCause};

impl Acd {
    /// A phone was picked up: the conversation begins, or it came too late.
    pub(super) fn leg_answered(&mut self, leg: LegId) {
        if leg.is_caller() {
            return;
        }
        match self.find_leg(leg).map(|slot| (slot, self.calls[slot].state)) {
            Some((slot, CallState::Ringing { operator, dialled })) => {
                self.connect(slot, operator, leg, dialled)
            }
            Some((_, CallState::Talking(_))) => {}
            _ => self.out.push(Output::HangUp {
                leg,
                cause: HangUpCause::Elsewhere,
            }),
        }
    }

    /// A phone did not take the call. Said of the caller's own leg, it means that the caller is gone.
    pub(super) fn leg_failed(&mut self, leg: LegId, cause: FailCause) {
        if leg.is_caller() {
            return self.caller_gone(leg.call, GoneCause::Failed);
        }
        match self.find_leg(leg).map(|slot| (slot, self.calls[slot].state)) {
            Some((slot, CallState::Ringing { operator, dialled })) => {
                self.return_call(slot, ReturnCause::Failed(cause));
                self.phone_failed(operator, cause, self.now.since(dialled));
            }
            Some((_, CallState::Talking(_))) => self.leg_gone(leg),
            _ => {}
        }
    }

    /// An operator's leg is over: the caller's ends with it.
    pub(super) fn leg_gone(&mut self, leg: LegId) {
        if leg.is_caller() {
            return self.caller_gone(leg.call, GoneCause::Failed);
        }
        match self.find_leg(leg).map(|slot| (slot, self.calls[slot].state)) {
            Some((slot, CallState::Talking(talk))) => {
                let queue = self.calls[slot].queue;
                self.dismiss(slot, Outcome::Answered, HangUpCause::PeerGone);
                self.wrap_up(talk, leg.call, queue);
            }
            // Picked up and put down again before we were told of it.
            Some((_, CallState::Ringing { .. })) => self.leg_failed(leg, FailCause::Declined),
            _ => {}
        }
    }

    /// Either side put the other on hold, or took it back. A caller on hold hears music.
    pub(super) fn leg_held(&mut self, leg: LegId, held: bool) {
        let Some(slot) = self.find_leg(leg) else { return };
        let now = self.now;
        let call = &mut self.calls[slot];
        let operator_leg = call.operator_leg();
        if leg.is_caller() {
            call.held_by_caller = held;
        }
        let CallState::Talking(talk) = &mut call.state else {
            return;
        };
        if !leg.is_caller() && std::mem::replace(&mut talk.held_by_operator, held) != held {
            self.out.push(if held {
                Output::Play {
                    call: leg.call,
                    audio: Audio::HoldMusic,
                }
            } else {
                Output::Bridge { operator_leg }
            });
        }
        let holds = call.held_by_caller || talk.held_by_operator;
        match talk.held_since {
            None if holds => talk.held_since = Some(now),
            Some(since) if !holds => {
                talk.held_since = None;
                talk.held += now.since(since);
            }
            _ => return,
        }
        self.event(Event::CallHeld {
            call: leg.call,
            held: holds,
        });
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

    /// Ends every call. Whoever still waited keeps the place, for when we are back.
    pub(super) fn hang_up_all(&mut self) {
        self.drain();
        let mut slots: Vec<(u64, u32)> = self
            .calls
            .iter()
            .map(|(slot, call)| (call.ticket, slot))
            .collect();
        slots.sort_unstable();
        for (_, slot) in slots {
            let call = &self.calls[slot];
            let (id, queue, leg) = (call.id, call.queue, call.operator_leg());
            let cause = HangUpCause::Shutdown;
            match call.state {
                CallState::Queued | CallState::Admitted => self.dismiss(slot, Outcome::Rejected, cause),
                CallState::Leaving { outcome, .. } => self.dismiss(slot, outcome, cause),
                CallState::Ringing { operator, .. } => {
                    self.out.push(Output::HangUp { leg, cause });
                    self.dismiss(slot, Outcome::Rejected, cause);
                    self.back_to_idle(operator);
                }
                CallState::Talking(talk) => {
                    self.out.push(Output::HangUp { leg, cause });
                    self.dismiss(slot, Outcome::Answered, cause);
                    self.wrap_up(talk, id, queue);
                }
            }
        }
    }

    /// The call of a leg, if the leg is the caller's or the one that rings or talks.
    fn find_leg(&self, leg: LegId) -> Option<u32> {
        let slot = self.calls.find(leg.call)?;
        let call = &self.calls[slot];
        let with_operator = matches!(call.state, CallState::Ringing { .. } | CallState::Talking(_));
        (leg.is_caller() || (with_operator && leg == call.operator_leg())).then_some(slot)
    }
}
