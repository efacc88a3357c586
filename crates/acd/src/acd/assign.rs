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
use std::time::Duration;

/// A call's place in the order of all that wait: less is sooner.
pub(super) type Standing = (Timestamp, u64);

impl Acd {
    /// Gives out lines and operators until nothing more can be given.
    pub(super) fn settle(&mut self) {
        while self.lines.any_free()
            && let Some(slot) = self.next_to_admit()
        {
            self.admit(slot);
        }
        while self.operators.any_free()
            && let Some(slot) = self.next_to_serve()
        {
            self.assign(slot);
        }
        for n in 0..self.relaxing.len() {
            self.await_relaxation(self.relaxing[n]);
        }
    }

    /// Where a call stands in the order of all: by arrival less its queue's head start, then by ticket.
    pub(super) fn standing(&self, slot: u32) -> Standing {
        let call = &self.calls[slot];
        (call.since - self.queue_config(call.queue).head_start, call.ticket)
    }

    /// The oldest call that waits for a line and may have a free one.
    fn next_to_admit(&self) -> Option<u32> {
        let heads = (0..)
            .zip(&self.queues)
            .filter_map(|(id, queue)| Some((QueueId(id), queue.queued.first()?)));
        let admissible = heads.filter(|(id, _)| self.lines.free_for(*id));
        admissible
            .map(|(_, (_, slot))| (self.standing(slot), slot))
            .min()
            .map(|(_, slot)| slot)
    }

    /// The call that waits for an operator and is next to have one: of those most preferred, the oldest.
    fn next_to_serve(&self) -> Option<u32> {
        let heads = (0..)
            .zip(&self.queues)
            .filter_map(|(id, queue)| Some((QueueId(id), queue.admitted.first()?)));
        let served = heads.filter_map(|(id, (_, slot))| {
            let level = self.operators.best_level(id, self.relaxed(slot))?;
            Some((level, self.standing(slot), slot))
        });
        served.min().map(|(_, _, slot)| slot)
    }

    /// Whether a call has waited long enough for operators without its skills.
    pub(super) fn relaxed(&self, slot: u32) -> bool {
        self.relaxes_at(slot).is_some_and(|at| at <= self.now)
    }

    pub(super) fn relaxes_at(&self, slot: u32) -> Option<Timestamp> {
        let call = &self.calls[slot];
        let config = self.queue_config(call.queue);
        (!config.relax_after.is_zero()).then(|| call.since + config.relax_after)
    }

    /// Sets the moment at which a queue's oldest call may go to operators without its skills, if that is to come.
    fn await_relaxation(&mut self, queue: QueueId) {
        let oldest = self.queues[queue.0 as usize].admitted.first();
        match oldest
            .and_then(|(_, slot)| self.relaxes_at(slot))
            .filter(|at| *at > self.now)
        {
            Some(at) => self.timers.set(Timer::Queue(queue.0), at),
            None => self.timers.clear(Timer::Queue(queue.0)),
        }
    }

    fn admit(&mut self, slot: u32) {
        // Asked while the line is still free.
        let older = self.older_than(slot, |acd, id| {
            acd.lines
                .free_for(id)
                .then(|| acd.queues[id.0 as usize].queued.first())
                .flatten()
        });
        let call = &mut self.calls[slot];
        let (id, queue, ticket, waited) = (call.id, call.queue, call.ticket, self.now.since(call.arrived));
        call.state = CallState::Admitted;
        call.admitted = Some(self.now);
        let lists = &mut self.queues[queue.0 as usize];
        lists.queued.remove(ticket);
        lists.admitted.insert(ticket, slot);
        self.lines.take(queue);
        self.event(Event::CallAdmitted {
            call: id,
            queue,
            waited,
        });
        self.report_overtaken(older, slot);
        if self.queue_config(queue).answer == AnswerWhen::Admission {
            self.answer(slot);
        }
    }

    fn assign(&mut self, slot: u32) {
        let (queue, relaxed) = (self.calls[slot].queue, self.relaxed(slot));
        let (now, favourite) = (self.now, self.favourite(slot));
        let config = self.queue_config(queue);
        let (ring_timeout, strategy) = (config.ring_timeout, config.strategy);
        let Some(operator) = self.operators.choose((queue, relaxed), strategy, favourite, now) else {
            return;
        };
        let eligible = self.operators.eligible(queue, relaxed).count() as u32;
        let waiting = self.queues[queue.0 as usize].admitted.len();
        self.queues[queue.0 as usize]
            .admitted
            .remove(self.calls[slot].ticket);

        let for_line = self.calls[slot]
            .admitted
            .map_or(Duration::ZERO, |at| at.since(self.calls[slot].arrived));
        let others = self
            .operators
            .eligible(queue, relaxed)
            .filter(|id| *id != operator)
            .take(Why::OTHERS_MAX)
            .collect();
        let passed_over = self.passed_over(operator, slot);
        let call = &mut self.calls[slot];
        call.legs += 1;
        call.state = CallState::Ringing {
            operator,
            dialled: now,
        };
        let (id, caller, leg, age) = (call.id, call.caller, call.operator_leg(), now.since(call.since));
        let why = Why {
            ticket: call.ticket,
            age,
            idle: now.since(self.operators[operator].idle_since),
            waiting,
            eligible,
            attempt: call.legs,
            level: self.operators.level(operator, queue, true).unwrap_or(0),
            relaxed,
            favourite: favourite == Some(operator),
            for_line,
            others,
            passed_over,
        };
        self.timers.clear(Timer::Call(slot));
        self.operators.chosen(queue, operator);
        self.report_overtaken(self.older_for(operator, slot, why.level), slot);
        self.event(Event::CallAssigned {
            call: id,
            queue,
            operator,
            leg,
            why,
        });
        let until = now + ring_timeout;
        self.set_operator(operator, OperatorState::Reserved { leg, until });
        self.timers.set(Timer::Operator(operator.0), until);
        self.out.push(Output::Dial {
            leg,
            operator,
            caller,
            waited: age,
        });
    }

    /// The operator this caller talked with of late, if the queue cares.
    fn favourite(&self, slot: u32) -> Option<OperatorId> {
        let call = &self.calls[slot];
        let sticky = self.queue_config(call.queue).sticky;
        if sticky.is_zero() || call.caller.is_withheld() {
            return None;
        }
        self.regulars.favourite(call.caller, self.now - sticky)
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
        let rang = now.since(dialled);
        let (held_by_operator, held) = (false, Duration::ZERO);
        let talk = Talk {
            operator,
            connected: now,
            rang,
            held_by_operator,
            held_since,
            held,
        };
        call.state = CallState::Talking(talk);
        let (id, queue, waited) = (call.id, call.queue, now.since(call.arrived));
        self.queues[queue.0 as usize].waiting -= 1;
        self.learn_connected(queue, waited);
        self.judge_announcements(slot);
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
            rang,
        });
        self.set_operator(operator, OperatorState::Talking { leg });
        if held_since.is_some() {
            self.event(Event::CallHeld { call: id, held: true });
        }
    }

    fn learn_connected(&mut self, queue: QueueId, waited: Duration) {
        for (id, each) in (0..).zip(&mut self.queues) {
            each.learned.share(id == queue.0);
        }
        self.queues[queue.0 as usize].learned.connected(waited);
    }

    /// Answers the caller's INVITE unless that was done.
    pub(super) fn answer(&mut self, slot: u32) {
        let call = &mut self.calls[slot];
        if !std::mem::replace(&mut call.answered, true) {
            let call = call.id;
            self.out.push(Output::Answer { call });
        }
    }

    /// The oldest call that waits for an operator, should have been served before the one in `slot`, and could have
    /// been served by `operator`.
    fn older_for(&self, operator: OperatorId, slot: u32, level: u8) -> Option<u32> {
        self.older_than(slot, |acd, id| {
            let head = acd.queues[id.0 as usize].admitted.first()?;
            let preferred = acd.operators.level(operator, id, acd.relaxed(head.1))?;
            (preferred <= level).then_some(head)
        })
    }

    /// The oldest of the queues' heads that stands before the call in `slot`.
    pub(super) fn older_than(
        &self,
        slot: u32,
        head: impl Fn(&Self, QueueId) -> Option<(u64, u32)>,
    ) -> Option<u32> {
        let queues = (0..self.queues.len() as u32).map(QueueId);
        let heads = queues
            .filter_map(|id| head(self, id))
            .map(|(_, slot)| (self.standing(slot), slot));
        heads
            .filter(|(standing, _)| *standing < self.standing(slot))
            .min()
            .map(|(_, slot)| slot)
    }

    fn report_overtaken(&mut self, older: Option<u32>, slot: u32) {
        if let Some(overtaken) = older {
            let (call, by) = (self.calls[overtaken].id, self.calls[slot].id);
            self.event(Event::FifoOvertaken { call, by });
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::schedule::Schedule;
    use crate::{Acd, AcdConfig, CallId, CallerNumber, Event, Input, OperatorConfig, OperatorId, Output};
    use crate::{QueueConfig, QueueId, Timestamp, TrunkId};

    /// A core with callers 1, 2 and 3, of whom nobody has been given anything yet.
    fn unsettled(lines: u32) -> Acd {
        let (windows, holidays, workdays, pause_reasons) = Default::default();
        let time_zone = "UTC".into();
        let mut acd = Acd::new(AcdConfig {
            schedule: Schedule {
                time_zone,
                lines_otherwise: lines,
                windows,
                holidays,
                workdays,
            },
            queues: vec![QueueConfig::default()],
            operators: vec![OperatorConfig {
                auto_ready: true,
                ..OperatorConfig::default()
            }],
            pause_reasons,
            calls_max: 10,
        })
        .expect("a good configuration");
        acd.handle(Timestamp::from_secs(1_795_363_200), Input::Tick, &mut Vec::new());
        for n in 1..=3 {
            let (call, queue, trunk, caller) = (CallId(n), QueueId(0), TrunkId(0), CallerNumber::withheld());
            acd.take(Input::CallArrived {
                call,
                queue,
                trunk,
                caller,
            });
        }
        acd
    }

    fn overtaken(acd: &Acd) -> Vec<(u64, u64)> {
        let told = acd.out.iter().filter_map(|output| match output {
            Output::Event(Event::FifoOvertaken { call, by }) => Some((call.0, by.0)),
            _ => None,
        });
        told.collect()
    }

    fn slot(acd: &Acd, call: u64) -> u32 {
        acd.calls.find(CallId(call)).expect("a live call")
    }

    #[test]
    fn an_admission_out_of_turn_is_reported() {
        let mut acd = unsettled(2);
        acd.admit(slot(&acd, 1));
        assert_eq!(overtaken(&acd), []);
        acd.admit(slot(&acd, 3));
        assert_eq!(overtaken(&acd), [(2, 3)]);
    }

    #[test]
    fn an_assignment_out_of_turn_is_reported() {
        let mut acd = unsettled(3);
        (1..=3).for_each(|call| acd.admit(slot(&acd, call)));
        acd.take(Input::PhoneRegistered {
            operator: OperatorId(0),
        });
        acd.assign(slot(&acd, 2));
        assert_eq!(overtaken(&acd), [(1, 2)]);
    }
}
