//! The ways out of the queue for callers who are not served.
//!
//! Owns what happens after a wait has come to nothing: a last word, the offer of a call-back, or another place's phone,
//! as the queue has it for each outcome. Each way has a deadline, apart from a conversation with the other place.

use super::Acd;
use super::callers::RETRY_AFTER;
use crate::calls::{CallState, Way};
use crate::timers::Timer;
use crate::{Audio, CallId, Destination, Event, HangUpCause, LegId, Outcome, Output, Overflow, Timestamp};
use std::time::Duration;

/// Longest last word; then the caller is hung up on without waiting for its end.
const FAREWELL_MAX: Duration = Duration::from_secs(30);

/// How long after an offer a key may be pressed.
const OFFER_MAX: Duration = Duration::from_secs(10);

impl Acd {
    /// A waiting call leaves the queue unserved.
    pub(super) fn leave(&mut self, slot: u32, outcome: Outcome) {
        self.take_off_lists(slot);
        let queue = self.calls[slot].queue;
        let way = match self.queue_config(queue).overflow(outcome) {
            Overflow::Forward(to) => Way::Forwarding { to },
            Overflow::OfferCallBack if self.may_promise(slot) => Way::Offer,
            Overflow::OfferCallBack | Overflow::Farewell => Way::Farewell,
        };
        self.leave_by(slot, outcome, way, self.now);
        self.event(Event::CallLeaving {
            call: self.calls[slot].id,
            queue,
            outcome,
        });
    }

    pub(super) fn leave_by(&mut self, slot: u32, outcome: Outcome, way: Way, left: Timestamp) {
        let call = &mut self.calls[slot];
        call.state = CallState::Leaving { outcome, left, way };
        let (id, config) = (call.id, &self.config.queues[call.queue.0 as usize]);
        let (audio, longest) = match way {
            Way::Farewell => (Audio::Farewell(outcome), FAREWELL_MAX),
            Way::Offer => (
                Audio::LastOffer(config.call_back.unwrap_or_default().key),
                FAREWELL_MAX,
            ),
            Way::Forwarding { .. } | Way::Forwarded { .. } => (Audio::HoldMusic, config.forward_timeout),
        };
        self.out.push(Output::Play { call: id, audio });
        if let Way::Forwarding { to } = way {
            self.dial_forward(slot, to);
        }
        let call = &self.calls[slot];
        self.timers
            .set_for(Timer::Call(slot), call.ticket, self.now + longest);
    }

    fn dial_forward(&mut self, slot: u32, to: u32) {
        let call = &mut self.calls[slot];
        call.legs += 1;
        self.out.push(Output::DialOut {
            leg: call.last_leg(),
            to: Destination::Forward(to),
            caller: call.caller,
            trunk: call.trunk,
        });
    }

    /// A prompt was heard to its end: a last word, or an offer.
    pub(super) fn prompt_done(&mut self, id: CallId) {
        let Some(slot) = self.calls.find(id) else { return };
        let ticket = self.calls[slot].ticket;
        match self.calls[slot].state {
            CallState::Leaving {
                outcome,
                way: Way::Farewell,
                ..
            } => self.dismiss(slot, outcome, HangUpCause::Ended),
            CallState::Leaving { way: Way::Offer, .. } => {
                let audio = Audio::HoldMusic;
                self.out.push(Output::Play { call: id, audio });
                self.timers
                    .set_for(Timer::Call(slot), ticket, self.now + OFFER_MAX);
            }
            _ => {}
        }
    }

    /// The deadline of a call that leaves has come.
    pub(super) fn leaving_due(&mut self, slot: u32, outcome: Outcome, way: Way) {
        match way {
            Way::Farewell => self.dismiss(slot, outcome, HangUpCause::Ended),
            Way::Offer => self.last_word(slot),
            Way::Forwarding { .. } => {
                self.stop_forwarding(slot, way, HangUpCause::RingTimeout);
                self.last_word(slot);
            }
            Way::Forwarded { .. } => {}
        }
    }

    /// What was tried for a call that leaves has come to nothing.
    fn last_word(&mut self, slot: u32) {
        if let CallState::Leaving { outcome, left, .. } = self.calls[slot].state {
            self.leave_by(slot, outcome, Way::Farewell, left);
        }
    }

    /// The other place picked up: it has the call from now on, and the line is free.
    pub(super) fn forwarded(&mut self, slot: u32, outcome: Outcome, left: Timestamp, to: u32) {
        self.timers.clear(Timer::Call(slot));
        self.answer(slot);
        let call = &mut self.calls[slot];
        call.state = CallState::Leaving {
            outcome,
            left,
            way: Way::Forwarded { to },
        };
        let (id, queue, leg) = (call.id, call.queue, call.last_leg());
        if call.admitted.take().is_some() {
            self.lines.give_back(queue);
        }
        self.out.push(Output::Bridge { operator_leg: leg });
        self.event(Event::CallForwarded {
            call: id,
            queue,
            to,
            leg,
        });
    }

    /// The other place's phone did not take the call, or it hung up.
    pub(super) fn forward_over(&mut self, slot: u32, outcome: Outcome, way: Way) {
        match way {
            Way::Forwarding { .. } => self.last_word(slot),
            Way::Forwarded { .. } => self.dismiss(slot, outcome, HangUpCause::PeerGone),
            Way::Farewell | Way::Offer => {}
        }
    }

    /// Hangs up the other place's phone, if it rings or talks.
    pub(super) fn stop_forwarding(&mut self, slot: u32, way: Way, cause: HangUpCause) {
        if matches!(way, Way::Forwarding { .. } | Way::Forwarded { .. }) {
            let leg = self.calls[slot].last_leg();
            self.out.push(Output::HangUp { leg, cause });
        }
    }

    /// We end the caller's leg, and with it the call.
    pub(super) fn dismiss(&mut self, slot: u32, outcome: Outcome, cause: HangUpCause) {
        let call = &self.calls[slot];
        let (id, leg) = (call.id, LegId::caller(call.id));
        if call.answered {
            self.out.push(Output::HangUp { leg, cause });
        } else {
            let retry_after = (outcome != Outcome::Closed).then_some(RETRY_AFTER);
            self.out.push(Output::Refuse {
                call: id,
                outcome,
                retry_after,
            });
        }
        self.end(slot, outcome, cause == HangUpCause::Shutdown);
    }
}
