//! Giving out lines and operators.
//!
//! Owns both steps: admission (queue → line) and assignment (call → operator). Each takes the oldest call that can be
//! served; each choice is checked against all older ones, independently of how it was made.

use super::Acd;
use crate::calls::{CallState, Talk};
use crate::timers::Timer;
use crate::{
    AnswerWhen, Event, LegId, OperatorId, OperatorState, Output, QueueId, ReturnCause, Timestamp, Why,
};

impl Acd {
    /// Gives out lines and operators until nothing more can be given.
    pub(super) fn settle(&mut self) {
        while self.lines.free()
            && let Some(slot) = self.oldest_queued()
        {
            self.admit(slot);
        }
        while self.operators.any_free()
            && let Some(slot) = self.oldest_served()
        {
            self.assign(slot);
        }
    }

    /// The oldest call that waits for a line.
    fn oldest_queued(&self) -> Option<u32> {
        self.queues
            .iter()
            .filter_map(|queue| queue.queued.first())
            .min()
            .map(|(_, slot)| slot)
    }

    /// The oldest call that waits for an operator and has a free one.
    fn oldest_served(&self) -> Option<u32> {
        let heads = (0..)
            .zip(&self.queues)
            .filter_map(|(id, queue)| Some((QueueId(id), queue.admitted.first()?)));
        let served = heads.filter(|(id, _)| self.operators.eligible(*id).next().is_some());
        served.map(|(_, head)| head).min().map(|(_, slot)| slot)
    }

    fn admit(&mut self, slot: u32) {
        let call = &mut self.calls[slot];
        let (id, queue, ticket, waited) = (call.id, call.queue, call.ticket, self.now.since(call.arrived));
        call.state = CallState::Admitted;
        call.admitted = Some(self.now);
        let lists = &mut self.queues[queue.0 as usize];
        lists.queued.remove(ticket);
        lists.admitted.insert(ticket, slot);
        self.lines.in_use += 1;
        self.event(Event::CallAdmitted {
            call: id,
            queue,
            waited,
        });
        let older = self
            .queues
            .iter()
            .filter_map(|queue| queue.queued.first())
            .find(|head| head.0 < ticket);
        self.report_overtaken(older, slot);
        if self.queue_config(queue).answer == AnswerWhen::Admission {
            self.answer(slot);
        }
    }

    fn assign(&mut self, slot: u32) {
        let queue = self.calls[slot].queue;
        let config = self.queue_config(queue);
        let (ring_timeout, strategy) = (config.ring_timeout, config.strategy);
        let Some(operator) = self.operators.choose(queue, strategy) else {
            return;
        };
        let eligible = self.operators.eligible(queue).count() as u32;
        let waiting = self.queues[queue.0 as usize].admitted.len();
        self.queues[queue.0 as usize]
            .admitted
            .remove(self.calls[slot].ticket);

        let call = &mut self.calls[slot];
        call.legs += 1;
        call.state = CallState::Ringing {
            operator,
            dialled: self.now,
        };
        let (id, caller, leg, ticket) = (call.id, call.caller, call.operator_leg(), call.ticket);
        let age = self.now.since(call.since);
        let why = Why {
            ticket,
            age,
            idle: self.now.since(self.operators[operator].idle_since),
            waiting,
            eligible,
            attempt: call.legs,
        };
        self.timers.clear(Timer::Call(slot));
        self.operators.chosen(queue, operator);
        self.report_overtaken(self.older_for(operator, ticket), slot);
        self.event(Event::CallAssigned {
            call: id,
            queue,
            operator,
            leg,
            why,
        });
        let until = self.now + ring_timeout;
        self.set_operator(operator, OperatorState::Reserved { leg, until });
        self.timers.set(Timer::Operator(operator.0), until);
        self.out.push(Output::Dial {
            leg,
            operator,
            caller,
            waited: age,
        });
    }

    /// The call stands again where it stood; nothing is said about the operator.
    pub(super) fn return_call(&mut self, slot: u32, cause: ReturnCause) {
        let CallState::Ringing { operator, dialled } = self.calls[slot].state else {
            return;
        };
        let call = &mut self.calls[slot];
        call.state = CallState::Admitted;
        let (id, queue, ticket) = (call.id, call.queue, call.ticket);
        self.queues[queue.0 as usize].admitted.insert(ticket, slot);
        let rang = self.now.since(dialled);
        self.event(Event::CallReturned {
            call: id,
            queue,
            operator,
            cause,
            rang,
        });
        self.wait_on(slot);
    }

    /// The operator picked up: both hear each other from now on.
    pub(super) fn connect(&mut self, slot: u32, operator: OperatorId, leg: LegId, dialled: Timestamp) {
        let now = self.now;
        let call = &mut self.calls[slot];
        let held_since = call.held_by_caller.then_some(now);
        let talk = Talk {
            operator,
            connected: now,
            held_by_operator: false,
            held_since,
            held: Default::default(),
        };
        call.state = CallState::Talking(talk);
        let (id, queue, waited) = (call.id, call.queue, now.since(call.arrived));
        self.queues[queue.0 as usize].waiting -= 1;
        self.timers.clear(Timer::Operator(operator.0));
        self.answer(slot);
        self.out.push(Output::Bridge { operator_leg: leg });
        self.operators[operator].answered += 1;
        self.operators[operator].no_answer = 0;
        self.event(Event::CallConnected {
            call: id,
            queue,
            operator,
            waited,
            rang: now.since(dialled),
        });
        self.set_operator(operator, OperatorState::Talking { leg });
        if held_since.is_some() {
            self.event(Event::CallHeld { call: id, held: true });
        }
    }

    /// Answers the caller's INVITE unless that was done.
    pub(super) fn answer(&mut self, slot: u32) {
        let call = &mut self.calls[slot];
        if !std::mem::replace(&mut call.answered, true) {
            let call = call.id;
            self.out.push(Output::Answer { call });
        }
    }

    /// The oldest call older than `ticket` that waits for an operator and that `operator` could have taken.
    fn older_for(&self, operator: OperatorId, ticket: u64) -> Option<(u64, u32)> {
        let queues = (0..)
            .zip(&self.queues)
            .filter(|(id, _)| self.operators.serves(operator, QueueId(*id)));
        queues
            .filter_map(|(_, queue)| queue.admitted.first())
            .filter(|head| head.0 < ticket)
            .min()
    }

    fn report_overtaken(&mut self, older: Option<(u64, u32)>, slot: u32) {
        if let Some((_, overtaken)) = older {
            let (call, by) = (self.calls[overtaken].id, self.calls[slot].id);
            self.event(Event::FifoOvertaken { call, by });
        }
    }
}
