//! What callers do, and what is said to them while they wait.
//!
//! Owns a call from its arrival to its one outcome. Every wait has a deadline: a waiting call has one for its longest
//! wait (or the next announcement, if sooner), a call that hears its last word has one in case that never ends.

use super::Acd;
use crate::calls::{Call, CallState, Talk};
use crate::places::Owner;
use crate::timers::Timer;
use crate::{AnswerWhen, Audio, CallId, CallerNumber, Event, GoneCause, HangUpCause, LegId, OperatorId};
use crate::{Outcome, Output, QueueId, Timestamp, TrunkId};
use std::time::Duration;

/// Longest last word; then the caller is hung up on without waiting for its end.
const FAREWELL_MAX: Duration = Duration::from_secs(30);

/// When a refused caller is told to try again, in a Retry-After.
const RETRY_AFTER: Duration = Duration::from_secs(60);

impl Acd {
    pub(super) fn call_arrived(&mut self, id: CallId, queue: QueueId, trunk: TrunkId, caller: CallerNumber) {
        if self.calls.find(id).is_some() {
            return;
        }
        if self.queues.get(queue.0 as usize).is_none() {
            self.out.push(Output::Refuse {
                call: id,
                outcome: Outcome::Rejected,
                retry_after: None,
            });
            return;
        }
        let place = self.take_place(trunk, queue, caller);
        let resumed = place.is_some();
        let (ticket, since) = place.unwrap_or_else(|| (self.draw_ticket(), self.now));
        self.event(Event::CallArrived {
            call: id,
            queue,
            trunk,
            caller,
            ticket,
            since,
            resumed,
        });
        let call = Call {
            id,
            queue,
            trunk,
            caller,
            ticket,
            since,
            arrived: self.now,
            state: CallState::Queued,
            admitted: None,
            answered: false,
            legs: 0,
            announce_at: self.now + self.queue_config(queue).announce_every,
            held_by_caller: false,
            told: None,
        };
        if self.draining {
            self.refuse(&call, Outcome::Rejected, Some(RETRY_AFTER));
        } else if self.calls.len() >= self.config.calls_max as usize {
            self.refuse(&call, Outcome::Saturated, Some(RETRY_AFTER));
        } else {
            self.take_call(call, resumed);
        }
    }

    fn draw_ticket(&mut self) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        ticket
    }

    /// The ticket kept for a caller who was dropped, and when it was drawn.
    fn take_place(
        &mut self,
        trunk: TrunkId,
        queue: QueueId,
        caller: CallerNumber,
    ) -> Option<(u64, Timestamp)> {
        if self.draining || caller.is_withheld() || self.calls.len() >= self.config.calls_max as usize {
            return None;
        }
        let (place, slot) = self.places.take(Owner { trunk, queue, caller })?;
        self.timers.clear(Timer::Place(slot));
        Some((place.ticket, place.since))
    }

    /// Refuses a call that never became live.
    fn refuse(&mut self, call: &Call, outcome: Outcome, retry_after: Option<Duration>) {
        self.out.push(Output::Refuse {
            call: call.id,
            outcome,
            retry_after,
        });
        self.event(Event::CallEnded {
            call: call.id,
            queue: call.queue,
            operator: None,
            outcome,
            waited: Duration::ZERO,
            talked: Duration::ZERO,
            held: Duration::ZERO,
            place_kept: false,
        });
    }

    /// A call becomes live: it waits, or hears why it cannot.
    fn take_call(&mut self, call: Call, resumed: bool) {
        let (id, queue, ticket) = (call.id, call.queue, call.ticket);
        let config = self.queue_config(queue);
        let (answer_when, greeting) = (config.answer, config.greeting);
        let turned_away = self.turned_away(queue, resumed);
        let slot = self.calls.insert(call);
        self.queues[queue.0 as usize].queued.insert(ticket, slot);
        self.queues[queue.0 as usize].waiting += 1;
        if answer_when == AnswerWhen::Arrival {
            self.answer(slot);
        } else {
            self.out.push(Output::EarlyMedia { call: id });
        }
        if let Some(outcome) = turned_away {
            self.leave(slot, outcome);
            return;
        }
        let audio = match (resumed, greeting) {
            (true, _) => Audio::Resumed,
            (false, true) => Audio::Greeting,
            (false, false) => Audio::HoldMusic,
        };
        self.out.push(Output::Play { call: id, audio });
        self.wait_on(slot);
    }

    /// Why a new call cannot wait in a queue, if it cannot. Who comes back to a place kept always can.
    fn turned_away(&self, queue: QueueId, resumed: bool) -> Option<Outcome> {
        let config = self.queue_config(queue);
        let lists = &self.queues[queue.0 as usize];
        let full = lists.waiting >= config.waiting_max;
        let at_once = self.lines.free_for(queue) && self.operators.best_level(queue, false).is_some();
        if self.lines.closed_until(queue, self.now + config.wait_max) {
            Some(Outcome::Closed)
        } else if full && !at_once && !resumed {
            Some(Outcome::Saturated)
        } else {
            None
        }
    }

    /// The caller's leg is over.
    pub(super) fn caller_gone(&mut self, id: CallId, cause: GoneCause) {
        let Some(slot) = self.calls.find(id) else { return };
        let call = &self.calls[slot];
        let (leg, queue) = (call.operator_leg(), call.queue);
        let lost = match cause {
            GoneCause::Failed => Outcome::Failed,
            GoneCause::HungUp
                if self.now.since(call.arrived) < self.queue_config(call.queue).short_abandon =>
            {
                Outcome::ShortAbandoned
            }
            GoneCause::HungUp => Outcome::Abandoned,
        };
        match call.state {
            CallState::Queued | CallState::Admitted => self.end(slot, lost, true),
            CallState::Ringing { operator, .. } => {
                self.out.push(Output::HangUp {
                    leg,
                    cause: HangUpCause::PeerGone,
                });
                self.end(slot, lost, true);
                self.back_to_idle(operator);
            }
            CallState::Talking(talk) => {
                self.out.push(Output::HangUp {
                    leg,
                    cause: HangUpCause::PeerGone,
                });
                self.end(slot, Outcome::Answered, false);
                self.wrap_up(talk, id, queue);
            }
            CallState::Leaving { outcome, .. } => self.end(slot, outcome, false),
        }
    }

    pub(super) fn prompt_done(&mut self, id: CallId) {
        if let Some(slot) = self.calls.find(id)
            && let CallState::Leaving { outcome, .. } = self.calls[slot].state
        {
            self.dismiss(slot, outcome, HangUpCause::Ended);
        }
    }

    /// A call's deadline has come.
    pub(super) fn call_due(&mut self, slot: u32) {
        match self.calls[slot].state {
            CallState::Queued | CallState::Admitted => {
                if self.calls[slot].announce_at <= self.now && !self.wait_over(slot) {
                    self.announce(slot);
                }
                self.wait_on(slot);
            }
            CallState::Leaving { outcome, .. } => self.dismiss(slot, outcome, HangUpCause::Ended),
            CallState::Ringing { .. } | CallState::Talking(_) => {}
        }
    }

    /// Sets a waiting call's next deadline, or lets it leave if its wait is over.
    pub(super) fn wait_on(&mut self, slot: u32) {
        let call = &self.calls[slot];
        let config = &self.config.queues[call.queue.0 as usize];
        let ticket = call.ticket;
        let mut until = call.arrived + config.wait_max;
        if until <= self.now {
            return self.leave(slot, Outcome::TimedOut);
        }
        if !config.announce_every.is_zero() {
            let announce_at = next_beat(call.announce_at, config.announce_every, self.now);
            self.calls[slot].announce_at = announce_at;
            until = until.min(announce_at);
        }
        self.timers.set_for(Timer::Call(slot), ticket, until);
    }

    fn wait_over(&self, slot: u32) -> bool {
        let call = &self.calls[slot];
        call.arrived + self.queue_config(call.queue).wait_max <= self.now
    }

    /// Those who cannot be admitted before their longest wait ends are told so now. Whoever holds a line keeps it.
    pub(super) fn close(&mut self) {
        for queue in (0..).map(QueueId).take(self.queues.len()) {
            if !self.lines.closed_until(queue, self.now) {
                continue;
            }
            let wait_max = self.queue_config(queue).wait_max;
            let waiting = self.queues[queue.0 as usize].queued.iter().map(|(_, slot)| slot);
            let hopeless = |slot: &u32| {
                self.lines
                    .closed_until(queue, self.calls[*slot].arrived + wait_max)
            };
            for slot in waiting.filter(hopeless).collect::<Vec<u32>>() {
                self.leave(slot, Outcome::Closed);
            }
        }
    }

    /// A waiting call leaves the queue unserved and hears why.
    fn leave(&mut self, slot: u32, outcome: Outcome) {
        self.take_off_lists(slot);
        let call = &mut self.calls[slot];
        call.state = CallState::Leaving {
            outcome,
            left: self.now,
        };
        let (id, queue, ticket) = (call.id, call.queue, call.ticket);
        self.out.push(Output::Play {
            call: id,
            audio: Audio::Farewell(outcome),
        });
        self.timers
            .set_for(Timer::Call(slot), ticket, self.now + FAREWELL_MAX);
        self.event(Event::CallLeaving {
            call: id,
            queue,
            outcome,
        });
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

    /// The call is over: whatever it held is free again. The operator's side is the caller's business.
    pub(super) fn end(&mut self, slot: u32, outcome: Outcome, dropped: bool) {
        self.take_off_lists(slot);
        self.timers.clear(Timer::Call(slot));
        self.drop_announcements(slot);
        let call = self.calls.remove(slot);
        if call.admitted.is_some() {
            self.lines.give_back(call.queue);
        }
        if let CallState::Talking(talk) = call.state
            && !self.queue_config(call.queue).sticky.is_zero()
            && !call.caller.is_withheld()
        {
            self.regulars.remember(call.caller, talk.operator, self.now);
        }
        let left = match call.state {
            CallState::Talking(Talk { connected, .. }) => connected,
            CallState::Leaving { left, .. } => left,
            _ => self.now,
        };
        let (operator, talked, held) = self.talk_of(&call);
        let waited_for_us = !matches!(call.state, CallState::Talking(_) | CallState::Leaving { .. });
        if waited_for_us {
            self.queues[call.queue.0 as usize]
                .learned
                .gave_up(self.now.since(call.arrived));
        }
        let place_kept = dropped && waited_for_us && self.keep_place(&call);
        self.event(Event::CallEnded {
            call: call.id,
            queue: call.queue,
            operator,
            outcome,
            waited: left.since(call.arrived),
            talked,
            held,
            place_kept,
        });
    }

    fn talk_of(&self, call: &Call) -> (Option<OperatorId>, Duration, Duration) {
        let CallState::Talking(talk) = call.state else {
            return (None, Duration::ZERO, Duration::ZERO);
        };
        let holding = talk
            .held_since
            .map_or(Duration::ZERO, |since| self.now.since(since));
        (
            Some(talk.operator),
            self.now.since(talk.connected),
            talk.held + holding,
        )
    }

    fn keep_place(&mut self, call: &Call) -> bool {
        let grace = self.queue_config(call.queue).place_grace;
        if grace.is_zero() || call.caller.is_withheld() {
            return false;
        }
        let owner = Owner {
            trunk: call.trunk,
            queue: call.queue,
            caller: call.caller,
        };
        let Some(slot) = self.places.keep(owner, call.ticket, call.since) else {
            return false;
        };
        self.timers
            .set_for(Timer::Place(slot), call.ticket, self.now + grace);
        true
    }

    /// Takes a call off the lists of those who wait, if it is on one.
    fn take_off_lists(&mut self, slot: u32) {
        let call = &self.calls[slot];
        let lists = &mut self.queues[call.queue.0 as usize];
        match call.state {
            CallState::Queued => lists.queued.remove(call.ticket),
            CallState::Admitted => lists.admitted.remove(call.ticket),
            CallState::Ringing { .. } => {}
            CallState::Talking(_) | CallState::Leaving { .. } => return,
        }
        lists.waiting -= 1;
    }
}

/// The first of `first`, `first + every`, … after `now`: callers keep their own beat, so that announcements to many do
/// not fall together after a moment in which none could be made.
fn next_beat(first: Timestamp, every: Duration, now: Timestamp) -> Timestamp {
    if first > now {
        return first;
    }
    let missed = now.since(first).as_micros() / every.as_micros();
    first + every * (missed as u32).saturating_add(1)
}
