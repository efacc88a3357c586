//! Giving out lines and operators.
//!
//! Owns both steps: admission (queue → line) and assignment (call → operator). Each takes the oldest call that can be
//! served; each choice is checked against all older ones, independently of how it was made.

use super::Acd;
use crate::calls::{CallState, Talk};
use crate::operators::{Chosen, Wanted};
use crate::timers::Timer;
use crate::{AnswerWhen, Event, HangUpCause, LegId, OperatorId, OperatorState, Output, QueueId, ReturnCause};
use crate::{Timestamp, Why};
use arrayvec::ArrayVec;
use std::time::Duration;

/// A call's place in the order of all that wait: less is sooner.
pub(super) type Standing = (Timestamp, u64);

/// Of the calls seen so far, the one with the least key: that which is next.
struct Oldest<Key>(Option<(Key, u32)>);

impl<Key> Default for Oldest<Key> {
    fn default() -> Self {
        Self(None)
    }
}

impl<Key: Ord> Oldest<Key> {
    fn see(&mut self, key: Key, slot: u32) {
        if self.0.as_ref().is_none_or(|(least, _)| key < *least) {
            self.0 = Some((key, slot));
        }
    }

    fn slot(self) -> Option<u32> {
        self.0.map(|(_, slot)| slot)
    }
}

/// What is the same for all phones that ring for a call at a time.
struct Round {
    wanted: Wanted,
    favourite: Option<OperatorId>,
    /// Calls of the queue that wait for an operator.
    waiting: u32,
    /// Operators who are free and eligible, and the first of them.
    eligible: u32,
    free: ArrayVec<OperatorId, { Why::OTHERS_MAX + 1 }>,
}

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

    /// The oldest of those who wait for a line and may have a free one.
    fn next_to_admit(&self) -> Option<u32> {
        let mut oldest = Oldest::default();
        for (id, queue) in (0..).map(QueueId).zip(&self.queues) {
            if queue.any_queued() && self.lines.free_for(id) {
                for (_, slot) in queue.queued_heads(!self.draining) {
                    oldest.see(self.standing(slot), slot);
                }
            }
        }
        oldest.slot()
    }

    /// The call that waits for an operator and is next to have one: of those most preferred, the oldest.
    fn next_to_serve(&self) -> Option<u32> {
        let mut oldest = Oldest::default();
        for queue in &self.queues {
            for (_, slot) in queue.admitted_heads(!self.draining) {
                if let Some(level) = self.operators.best_level(self.wanted(slot)) {
                    oldest.see((level, self.standing(slot)), slot);
                }
            }
        }
        oldest.slot()
    }

    /// Which operators may take a call.
    pub(super) fn wanted(&self, slot: u32) -> Wanted {
        let call = &self.calls[slot];
        let needs = self.queues[call.queue.0 as usize].needs(call.class);
        Wanted {
            queue: call.queue,
            needs: (!self.relaxed(slot)).then_some(needs),
        }
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

    /// Sets the moment at which one of a queue's oldest calls may go to operators without its skills, if that is to
    /// come. Of calls with the same needs the others are not before the oldest.
    fn await_relaxation(&mut self, queue: QueueId) {
        let oldest = self.queues[queue.0 as usize].admitted_heads(true);
        let relaxes = oldest.filter_map(|(_, slot)| self.relaxes_at(slot));
        match relaxes.filter(|at| *at > self.now).min() {
            Some(at) => self.timers.set(Timer::Queue(queue.0), at),
            None => self.timers.clear(Timer::Queue(queue.0)),
        }
    }

    fn admit(&mut self, slot: u32) {
        // Asked while the line is still free.
        let mine = self.standing(slot);
        let older = self.next_to_admit().filter(|head| self.standing(*head) < mine);
        let call = &mut self.calls[slot];
        let lists = &mut self.queues[call.queue.0 as usize];
        let (id, queue, waited) = (call.id, call.queue, self.now.since(call.arrived));
        lists.leave(call);
        call.state = CallState::Admitted;
        call.admitted = Some(self.now);
        lists.enter(call, slot);
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

    /// Has the phones of the operators rung whose turn it is.
    fn assign(&mut self, slot: u32) {
        let (wanted, favourite) = (self.wanted(slot), self.favourite(slot));
        let strategy = self.queue_config(wanted.queue).strategy;
        let chosen = self.operators.choose(wanted, strategy, favourite, self.now);
        let Some(&first) = chosen.first() else { return };
        let lists = &mut self.queues[wanted.queue.0 as usize];
        let round = Round {
            wanted,
            favourite,
            waiting: lists.admitted(),
            eligible: self.operators.eligible(wanted).count() as u32,
            free: self
                .operators
                .eligible(wanted)
                .take(Why::OTHERS_MAX + 1)
                .collect(),
        };
        lists.leave(&self.calls[slot]);
        self.calls[slot].state = CallState::Ringing {
            first,
            dialled: self.now,
        };
        self.timers.clear(Timer::Call(slot));
        for (n, id) in chosen.iter().enumerate() {
            self.operators[*id].rings_with = chosen.get(n + 1).copied();
        }
        for operator in chosen {
            self.ring(slot, operator, &round);
        }
    }

    fn ring(&mut self, slot: u32, operator: OperatorId, round: &Round) {
        self.calls[slot].legs += 1;
        let why = self.why(slot, operator, round);
        let call = &self.calls[slot];
        let (id, queue, leg) = (call.id, call.queue, call.last_leg());
        self.operators.chosen(queue, operator);
        self.report_overtaken(self.older_for(operator, slot, why.level), slot);
        self.event(Event::CallAssigned {
            call: id,
            queue,
            operator,
            leg,
            why,
        });
        self.reserve(slot, operator);
    }

    /// Has an operator's phone rung on the call's last leg.
    pub(super) fn reserve(&mut self, slot: u32, operator: OperatorId) {
        let call = &self.calls[slot];
        let (caller, leg, waited) = (call.caller, call.last_leg(), self.now.since(call.since));
        let until = self.now + self.queue_config(call.queue).ring_timeout;
        self.set_operator(operator, OperatorState::Reserved { leg, until });
        self.timers.set(Timer::Operator(operator.0), until);
        self.out.push(Output::Dial {
            leg,
            operator,
            caller,
            waited,
        });
    }

    fn why(&self, slot: u32, operator: OperatorId, round: &Round) -> Why {
        let call = &self.calls[slot];
        let others = round.free.iter().copied().filter(|id| *id != operator);
        Why {
            ticket: call.ticket,
            age: self.now.since(call.since),
            idle: self.now.since(self.operators[operator].idle_since),
            waiting: round.waiting,
            eligible: round.eligible,
            attempt: call.legs,
            level: self.operators.level(operator, round.wanted).unwrap_or(0),
            relaxed: round.wanted.needs.is_none(),
            favourite: round.favourite == Some(operator),
            for_line: call.admitted.map_or(Duration::ZERO, |at| at.since(call.arrived)),
            others: others.take(Why::OTHERS_MAX).collect(),
            passed_over: self.passed_over(operator, slot),
        }
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

    /// An operator's phone did not take a call: unless others ring for it still, it stands again where it stood.
    /// Asked as a second operator, the first goes on without. Nothing is said about the operator.
    pub(super) fn return_call(&mut self, slot: u32, operator: OperatorId, cause: ReturnCause) {
        let CallState::Ringing { first, dialled } = self.calls[slot].state else {
            return self.set_third(slot, None);
        };
        let still = self.operators.stop_ringing(first, operator);
        let call = &mut self.calls[slot];
        call.state = match still {
            Some(first) => CallState::Ringing { first, dialled },
            None => CallState::Admitted,
        };
        let (id, queue) = (call.id, call.queue);
        self.queues[queue.0 as usize].enter(call, slot);
        let rang = self.now.since(dialled);
        self.event(Event::CallReturned {
            call: id,
            queue,
            operator,
            cause,
            rang,
        });
        if still.is_none() {
            self.wait_on(slot);
        }
    }

    /// Hangs up the phones that ring for a call, but for that of `answered`; gives whose they were.
    pub(super) fn stop_ringing(
        &mut self,
        slot: u32,
        answered: Option<OperatorId>,
        cause: HangUpCause,
    ) -> Chosen {
        let CallState::Ringing { first, .. } = self.calls[slot].state else {
            return Chosen::new();
        };
        let mut ringing: Chosen = self.operators.ringing(first).collect();
        for id in &ringing {
            self.operators[*id].rings_with = None;
        }
        ringing.retain(|id| Some(*id) != answered);
        for id in &ringing {
            if let OperatorState::Reserved { leg, .. } = self.operators[*id].state {
                self.out.push(Output::HangUp { leg, cause });
            }
        }
        ringing
    }

    /// An operator picked up: they hear each other, or the caller of a call-back is dialled. All other phones that ring
    /// for the call are left as if they had not rung.
    pub(super) fn picked_up(&mut self, slot: u32, operator: OperatorId, leg: LegId, dialled: Timestamp) {
        let others = self.stop_ringing(slot, Some(operator), HangUpCause::Elsewhere);
        let talk = Talk::new(operator, leg.leg, self.now, self.now.since(dialled));
        if self.calls[slot].has_caller() {
            self.connect(slot, talk);
        } else {
            self.dial_caller(slot, talk);
        }
        for other in others {
            self.back_to_idle(other);
        }
    }

    /// Both hear each other from now on.
    pub(super) fn connect(&mut self, slot: u32, talk: Talk) {
        let now = self.now;
        let call = &mut self.calls[slot];
        let held_since = call.held_by_caller.then_some(now);
        let (operator, rang, leg) = (talk.operator, talk.rang, call.leg(talk.leg));
        call.state = CallState::Talking(Talk {
            connected: now,
            held_since,
            ..talk
        });
        let (id, queue) = (call.id, call.queue);
        let waited = call
            .served
            .map_or(now.since(call.arrived), |served| served.waited);
        let first = call.served.is_none();
        self.count_out(slot);
        if first && !id.is_call_back() {
            self.learn_connected(queue, waited);
        }
        self.judge_announcements(slot);
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
        let talking = OperatorState::Talking { leg };
        if self.operators[operator].state != talking {
            self.set_operator(operator, talking);
        }
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
        self.oldest_before(slot, |head| {
            self.operators
                .level(operator, self.wanted(head))
                .is_some_and(|preferred| preferred <= level)
        })
    }

    /// The oldest call that waits for an operator and stands before the one in `slot`, but that `operator` may not take.
    fn passed_over(&self, operator: OperatorId, slot: u32) -> Option<crate::CallId> {
        let passed = self.oldest_before(slot, |head| {
            self.operators.level(operator, self.wanted(head)).is_none()
        });
        passed.map(|slot| self.calls[slot].id)
    }

    /// The oldest of the calls that wait for an operator, stand before the one in `slot`, and are `meant`.
    fn oldest_before(&self, slot: u32, meant: impl Fn(u32) -> bool) -> Option<u32> {
        let mine = self.standing(slot);
        let mut oldest = Oldest::default();
        for queue in &self.queues {
            for (_, head) in queue.admitted_heads(!self.draining) {
                let standing = self.standing(head);
                if standing < mine && meant(head) {
                    oldest.see(standing, head);
                }
            }
        }
        oldest.slot()
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
    use crate::{QueueConfig, QueueId, Skills, Timestamp, TrunkId};

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
            dialable: vec![],
            forwards: vec![],
            transfer: None,
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
                skills: Skills::default(),
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
