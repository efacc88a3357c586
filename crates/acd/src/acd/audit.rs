//! The auditor: everything that always holds between inputs, checked the slow and plain way.
//!
//! Owns no rule, only the proof that the rules' bookkeeping agrees. Called by tests and the simulator after every
//! input; costs time in proportion to all that is there.

use super::Acd;
use crate::calls::CallState;
use crate::timers::Timer;
use crate::{CallId, LegId, OperatorId, OperatorState, QueueId};
use std::collections::BTreeMap;

impl Acd {
    /// Checks what always holds between inputs.
    ///
    /// # Panics
    /// If anything does not hold: with what it was.
    pub fn audit(&self) {
        self.audit_lists();
        self.audit_operators();
        self.audit_deadlines();
        self.audit_nothing_idle();
    }

    /// Each call is on the list its state says, and on no other; lines in use are those that calls hold.
    fn audit_lists(&self) {
        let mut listed = BTreeMap::new();
        for (id, queue) in (0..).zip(&self.queues) {
            let queued = queue
                .queued
                .iter()
                .map(|(ticket, slot)| (slot, ticket, CallState::Queued));
            let admitted = queue
                .admitted
                .iter()
                .map(|(ticket, slot)| (slot, ticket, CallState::Admitted));
            for (slot, ticket, state) in queued.chain(admitted) {
                let call = &self.calls[slot];
                assert_eq!(
                    (call.queue, call.ticket, call.state),
                    (QueueId(id), ticket, state),
                    "call {}",
                    call.id
                );
                assert!(
                    listed.insert(slot, state).is_none(),
                    "call {} is listed twice",
                    call.id
                );
            }
            let waits = |state| !matches!(state, CallState::Talking(_) | CallState::Leaving { .. });
            let waiting = self
                .calls
                .iter()
                .filter(|(_, call)| call.queue.0 == id && waits(call.state))
                .count();
            assert_eq!(queue.waiting as usize, waiting, "waiting in queue {id}");
        }
        for (slot, call) in self.calls.iter() {
            let waits = matches!(call.state, CallState::Queued | CallState::Admitted);
            assert_eq!(
                waits,
                listed.contains_key(&slot),
                "call {} as {:?}",
                call.id,
                call.state
            );
            let line = match call.state {
                CallState::Queued => call.admitted.is_none(),
                CallState::Leaving { .. } => true,
                _ => call.admitted.is_some(),
            };
            assert!(
                line,
                "call {} as {:?} since {:?}",
                call.id, call.state, call.admitted
            );
        }
        let untold = self.calls.iter().all(|(_, call)| call.told.is_none());
        assert!(
            !untold || self.announcements.len() == 0,
            "announcements outlive their callers"
        );
        let held = self
            .calls
            .iter()
            .filter(|(_, call)| call.admitted.is_some())
            .count();
        assert_eq!(self.lines.in_use as usize, held, "lines in use");
    }

    /// Operators and calls agree on who is with whom, so nobody is in two calls.
    fn audit_operators(&self) {
        let mut by_call = BTreeMap::new();
        let mut by_operator = BTreeMap::new();
        for (_, call) in self.calls.iter() {
            let (operator, talks) = match call.state {
                CallState::Ringing { operator, .. } => (operator, false),
                CallState::Talking(talk) => (talk.operator, true),
                _ => continue,
            };
            let other = by_call.insert(operator, (call.operator_leg(), talks));
            assert_eq!(other, None, "operator {} is in two calls", operator.0);
        }
        for view in self.operators.views() {
            let with: (LegId, bool) = match view.state {
                OperatorState::Reserved { leg, .. } => (leg, false),
                OperatorState::Talking { leg } => (leg, true),
                _ => continue,
            };
            by_operator.insert(view.operator, with);
        }
        assert_eq!(by_call, by_operator, "calls and operators disagree");
    }

    /// Every wait has a deadline, and every deadline belongs to a wait: none leaks.
    fn audit_deadlines(&self) {
        let mut expected = vec![];
        for (slot, call) in self.calls.iter() {
            if matches!(
                call.state,
                CallState::Queued | CallState::Admitted | CallState::Leaving { .. }
            ) {
                expected.push(Timer::Call(slot));
            }
        }
        for view in self.operators.views() {
            if matches!(
                view.state,
                OperatorState::Reserved { .. } | OperatorState::WrapUp { .. }
            ) {
                expected.push(Timer::Operator(view.operator.0));
            }
        }
        expected.extend(self.places.slots().map(Timer::Place));
        expected.sort_unstable();
        let optional = |timer: &Timer| match *timer {
            Timer::Queue(_) => true,
            Timer::Operator(n) => matches!(self.operators[OperatorId(n)].state, OperatorState::Paused { .. }),
            _ => false,
        };
        let mut pending: Vec<Timer> = self.timers.iter().filter(|timer| !optional(timer)).collect();
        pending.sort_unstable();
        assert_eq!(pending, expected, "deadlines");
    }

    /// No line is free while somebody may have it, and no operator while a call that he may take waits.
    fn audit_nothing_idle(&self) {
        for (id, queue) in (0..).map(QueueId).zip(&self.queues) {
            let missed = queue.queued.len() > 0 && self.lines.free_for(id);
            assert!(
                !missed,
                "{} wait in queue {} while a line is free",
                queue.queued.len(),
                id.0
            );
        }
        for view in self
            .operators
            .views()
            .filter(|view| view.state == OperatorState::Available)
        {
            assert!(
                view.phone,
                "operator {} is available without a phone",
                view.operator.0
            );
            let missed = self.oldest_for(view.operator);
            assert_eq!(
                missed, None,
                "operator {} is free and could take a call",
                view.operator.0
            );
        }
    }

    fn oldest_for(&self, operator: OperatorId) -> Option<CallId> {
        let heads = (0..)
            .zip(&self.queues)
            .filter_map(|(id, queue)| Some((QueueId(id), queue.admitted.first()?.1)));
        let mine =
            heads.filter(|(id, slot)| self.operators.level(operator, *id, self.relaxed(*slot)).is_some());
        let oldest = mine.map(|(_, slot)| (self.standing(slot), slot)).min()?;
        Some(self.calls[oldest.1].id)
    }
}
