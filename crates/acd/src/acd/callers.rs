//! What callers do, and how long they wait.
//!
//! Owns a call from its arrival to its one outcome. Every wait has a deadline: a waiting call has one for its longest
//! wait, or for what it is to be told next, if sooner.

use super::Acd;
use crate::calls::{Call, CallState, Talk};
use crate::operators::Wanted;
use crate::places::Owner;
use crate::timers::Timer;
use crate::{AnswerWhen, Audio, CallId, CallerNumber, Event, GoneCause, HangUpCause, OperatorId};
use crate::{Outcome, Output, QueueId, Skills, Timestamp, TrunkId};
use std::time::Duration;

/// When a refused caller is told to try again, in a Retry-After.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(60);

impl Acd {
    pub(super) fn call_arrived(
        &mut self,
        id: CallId,
        queue: QueueId,
        (trunk, caller): (TrunkId, CallerNumber),
        skills: Skills,
    ) {
        if self.calls.find(id).is_some() {
            return;
        }
        if self.queues.get(queue.0 as usize).is_none() || id.is_call_back() {
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
            skills,
        });
        let config = self.queue_config(queue);
        let announce_at = self.now + config.announce_every;
        let offer_at = config.call_back.map(|offer| self.now + offer.offer_after);
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
            skills,
            class: self.class(queue, skills, false),
            legs: 0,
            announce_at,
            offer_at,
            held_by_caller: false,
            told: None,
            place: None,
            served: None,
        };
        if self.draining {
            self.refuse(&call, Outcome::Rejected, Some(RETRY_AFTER));
        } else if !self.any_room() {
            self.refuse(&call, Outcome::Saturated, Some(RETRY_AFTER));
        } else {
            self.take_call(call, resumed);
        }
    }

    /// Whether one more caller can be here.
    fn any_room(&self) -> bool {
        let call_backs: u32 = self.queues.iter().map(|queue| queue.call_backs).sum();
        self.calls.len() < self.config.calls_max as usize + call_backs as usize
    }

    /// The class of calls of a queue that need the queue's own skills and these.
    pub(super) fn class(&mut self, queue: QueueId, skills: Skills, call_back: bool) -> u32 {
        let skills = self.queue_config(queue).skills.and(skills);
        let needs = self.operators.needs(queue, skills);
        self.queues[queue.0 as usize].class(needs, call_back)
    }

    fn draw_ticket(&mut self) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        ticket
    }

    /// The ticket kept for a caller who was dropped or will be called back, and when it was drawn.
    fn take_place(
        &mut self,
        trunk: TrunkId,
        queue: QueueId,
        caller: CallerNumber,
    ) -> Option<(u64, Timestamp)> {
        if self.draining || caller.is_withheld() || !self.any_room() {
            return None;
        }
        let (place, slot) = self.places.take(Owner { trunk, queue, caller })?;
        self.timers.clear(Timer::Place(slot));
        if let Some(call_back) = place.promise {
            self.withdraw(call_back);
        }
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
        let (id, queue) = (call.id, call.queue);
        let config = self.queue_config(queue);
        let (answer_when, greeting) = (config.answer, config.greeting);
        let turned_away = self.turned_away(&call, resumed);
        let slot = self.calls.insert(call);
        self.enter_queue(slot);
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

    /// A call begins to wait.
    pub(super) fn enter_queue(&mut self, slot: u32) {
        let call = &self.calls[slot];
        let queue = &mut self.queues[call.queue.0 as usize];
        queue.enter(call, slot);
        queue.call_backs += u32::from(call.id.is_call_back());
        self.count_in(slot);
    }

    /// A call waits from now on.
    pub(super) fn count_in(&mut self, slot: u32) {
        let call = &self.calls[slot];
        self.queues[call.queue.0 as usize].waiting += u32::from(!call.id.is_call_back());
    }

    /// A call waits no longer: it is off the lists, and not counted among those who wait.
    pub(super) fn count_out(&mut self, slot: u32) {
        let call = &self.calls[slot];
        self.queues[call.queue.0 as usize].waiting -= u32::from(!call.id.is_call_back());
    }

    /// Why a new call cannot wait in a queue, if it cannot. Who comes back to a place kept always can.
    fn turned_away(&self, call: &Call, resumed: bool) -> Option<Outcome> {
        let queue = call.queue;
        let config = self.queue_config(queue);
        let lists = &self.queues[queue.0 as usize];
        let full = lists.waiting >= config.waiting_max;
        let wanted = Wanted {
            queue,
            needs: Some(lists.needs(call.class)),
        };
        let at_once = || self.lines.free_for(queue) && self.operators.best_level(wanted).is_some();
        if self.lines.closed_until(queue, self.now + config.wait_max) {
            Some(Outcome::Closed)
        } else if full && !resumed && !at_once() {
            Some(Outcome::Saturated)
        } else {
            None
        }
    }

    /// The caller's leg is over.
    pub(super) fn caller_gone(&mut self, id: CallId, cause: GoneCause) {
        let Some(slot) = self.calls.find(id) else { return };
        let call = &self.calls[slot];
        let lost = match cause {
            GoneCause::Failed => Outcome::Failed,
            GoneCause::HungUp
                if self.now.since(call.arrived) < self.queue_config(call.queue).short_abandon =>
            {
                Outcome::ShortAbandoned
            }
            GoneCause::HungUp => Outcome::Abandoned,
        };
        let cause = HangUpCause::PeerGone;
        match call.state {
            _ if !call.has_caller() => {}
            CallState::Queued | CallState::Admitted => self.end(slot, lost, true),
            CallState::Ringing { .. } => {
                let ringing = self.stop_ringing(slot, None, cause);
                self.end(slot, lost, true);
                ringing
                    .into_iter()
                    .for_each(|operator| self.back_to_idle(operator));
            }
            CallState::CallingBack(talk) => self.not_reached(slot, talk, cause),
            CallState::RingingOutside(_) | CallState::TalkingOutside { .. } => {
                self.stop_outside(slot, cause);
                self.end(slot, Outcome::Answered, true);
            }
            CallState::Talking(talk) => {
                let (leg, queue) = (call.leg(talk.leg), call.queue);
                self.out.push(Output::HangUp { leg, cause });
                self.end(slot, Outcome::Answered, false);
                self.wrap_up(talk, id, queue);
            }
            CallState::Leaving { outcome, way, .. } => {
                self.stop_forwarding(slot, way, cause);
                self.end(slot, outcome, false);
            }
        }
    }

    /// A call's deadline has come.
    pub(super) fn call_due(&mut self, slot: u32) {
        match self.calls[slot].state {
            CallState::Queued | CallState::Admitted => {
                if self.wait_until(slot) > self.now {
                    self.tell(slot);
                }
                self.wait_on(slot);
            }
            CallState::CallingBack(talk) => self.not_reached(slot, talk, HangUpCause::RingTimeout),
            CallState::RingingOutside(outside) => self.outside_due(slot, outside),
            CallState::Leaving { outcome, way, .. } => self.leaving_due(slot, outcome, way),
            CallState::Talking(talk) => self.third_due(slot, talk),
            CallState::Ringing { .. } | CallState::TalkingOutside { .. } => {}
        }
    }

    /// Sets a waiting call's next deadline, or lets it leave if its wait is over.
    pub(super) fn wait_on(&mut self, slot: u32) {
        let mut until = self.wait_until(slot);
        let call = &mut self.calls[slot];
        let config = &self.config.queues[call.queue.0 as usize];
        if until <= self.now {
            return match call.has_caller() {
                true => self.leave(slot, Outcome::TimedOut),
                false => self.end(slot, Outcome::TimedOut, false),
            };
        }
        if !config.announce_every.is_zero() && !call.id.is_call_back() {
            call.announce_at = next_beat(call.announce_at, config.announce_every, self.now);
            until = until.min(call.announce_at);
        }
        until = until.min(call.offer_at.unwrap_or(until));
        self.timers.set_for(Timer::Call(slot), call.ticket, until);
    }

    /// When a waiting call's wait ends at the latest.
    pub(super) fn wait_until(&self, slot: u32) -> Timestamp {
        let call = &self.calls[slot];
        let config = self.queue_config(call.queue);
        match config.call_back.filter(|_| !call.has_caller()) {
            Some(call_back) => call.arrived + call_back.within,
            None => call.waits_since() + config.wait_max,
        }
    }

    /// Those who cannot be admitted before their longest wait ends are told so now. Whoever holds a line keeps it.
    pub(super) fn close(&mut self) {
        for queue in (0..).map(QueueId).take(self.queues.len()) {
            if !self.lines.closed_until(queue, self.now) {
                continue;
            }
            let wait_max = self.queue_config(queue).wait_max;
            let waiting = self.queues[queue.0 as usize].queued().map(|(_, slot)| slot);
            let hopeless = |slot: &u32| {
                self.lines
                    .closed_until(queue, self.calls[*slot].arrived + wait_max)
            };
            for slot in waiting.filter(hopeless).collect::<Vec<u32>>() {
                self.leave(slot, Outcome::Closed);
            }
        }
    }

    /// The call is over: whatever it held is free again. The operator's side is the caller's business.
    pub(super) fn end(&mut self, slot: u32, outcome: Outcome, dropped: bool) {
        self.take_off_lists(slot);
        self.timers.clear(Timer::Call(slot));
        self.drop_announcements(slot);
        self.give_up_place(slot);
        let call = self.calls.remove(slot);
        self.queues[call.queue.0 as usize].call_backs -= u32::from(call.id.is_call_back());
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
        let waited = call
            .served
            .map_or(left.since(call.arrived), |served| served.waited);
        let (operator, talked, held) = self.talk_of(&call);
        // Whoever has talked with an operator was answered, whatever came of a transfer.
        let outcome = operator.map_or(outcome, |_| Outcome::Answered);
        if call.waits() && call.served.is_none() && !call.id.is_call_back() {
            self.queues[call.queue.0 as usize]
                .learned
                .gave_up(self.now.since(call.arrived));
        }
        let place_kept = dropped && call.waits() && self.keep_place(&call);
        self.event(Event::CallEnded {
            call: call.id,
            queue: call.queue,
            operator,
            outcome,
            waited,
            talked,
            held,
            place_kept,
        });
    }

    /// Who talked with a call's caller last, how long all operators did, and the part of that on hold.
    fn talk_of(&self, call: &Call) -> (Option<OperatorId>, Duration, Duration) {
        let (before, talked, held) = call
            .served
            .map_or((None, Duration::ZERO, Duration::ZERO), |served| {
                (Some(served.by), served.talked, served.held)
            });
        match call.state {
            CallState::Talking(talk) => {
                let (now_talked, now_held) = talk.lasted(self.now);
                (Some(talk.operator), talked + now_talked, held + now_held)
            }
            _ => (before, talked, held),
        }
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
        let Some(slot) = self.places.keep(owner, (call.ticket, call.since), None) else {
            return false;
        };
        self.timers
            .set_for(Timer::Place(slot), call.ticket, self.now + grace);
        true
    }

    /// Takes a call off the lists and the count of those who wait, if it does.
    pub(super) fn take_off_lists(&mut self, slot: u32) {
        let call = &self.calls[slot];
        self.queues[call.queue.0 as usize].leave(call);
        if call.waits() {
            self.count_out(slot);
        }
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
